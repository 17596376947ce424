"""What tests of flavors share."""

import os
import textwrap

import pytest
from flavor_runs import process


@pytest.fixture
def script(place):
    """A function that runs a script in the Python that has the light frameworks; returns the process that ended."""

    def run(code, *, check=0, engine="MLCTL_FLAVORS", **further):
        path = place / "script.py"
        path.write_text(textwrap.dedent(code))
        return process(os.environ[engine], path, folder=place, check=check, **further)

    return run
