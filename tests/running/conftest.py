"""Real projects and the processes they leave."""

import os
import signal
import time
from pathlib import Path

import pytest

PYTHON_MAIN = "entry_points:\n  main:\n    command: python main.py\n"


def _alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _wait_for(condition, timeout_s: float = 20.0, what: str = "condition"):
    """Poll until the condition gives something true, and return it."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout_s} s: {what}")


@pytest.fixture
def script(project):
    """A function that makes a project whose main.py is the given text."""
    return lambda text, **files: project(PYTHON_MAIN, main__py=text, **files)


@pytest.fixture
def pids(place):
    """Waits for process ids that scripts wrote to files, and ends whatever is left of them afterwards."""
    seen: list[int] = []

    def read(name: str) -> int:
        def written():
            try:
                return int((place / name).read_text())
            except (OSError, ValueError):
                return 0

        seen.append(_wait_for(written, what=f"the file {name}"))
        return seen[-1]

    yield read
    for pid in seen:
        if _alive(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def alive():
    """Whether a process exists and is not a zombie."""
    return _alive


@pytest.fixture
def wait_for():
    """Polls until a condition gives something true."""
    return _wait_for
