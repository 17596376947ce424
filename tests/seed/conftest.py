"""A real server, for the examples that name one."""

import re
import urllib.request

import pytest


@pytest.fixture
def address(mlctl, place):
    """A real server on the store of this place."""
    server = mlctl.start("server", "--port", 0, "--no-access-log")
    found = re.search(r"http://[\d.:]+", server.stderr.readline())[0]
    assert urllib.request.urlopen(f"{found}/health", timeout=20).status == 200
    yield found
    server.terminate()
    server.communicate(timeout=30)
