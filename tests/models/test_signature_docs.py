"""The Python of docs/signatures.md runs."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.engine("mlflow")
def test_python_in_the_docs_runs(place):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "signatures.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    script = place / "docs.py"
    script.write_text("\n".join(blocks))
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [os.environ["MLCTL_MLFLOW"], script],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "'city': string (optional)" in done.stdout
    assert "Model is missing inputs ['city'].\nIncompatible input types for column rooms." in done.stdout
