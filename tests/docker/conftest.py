"""Docker projects on a real engine."""

import json
import os
import subprocess
import time

import pytest

IMAGE = os.environ.get("MLCTL_DOCKER_IMAGE", "")


def _docker(*arguments, check=True):
    found = subprocess.run(["docker", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120)
    assert not check or found.returncode == 0, found.stderr
    return found.stdout.strip()


@pytest.fixture
def docker():
    """The docker command: ``docker("ps")`` returns what it prints."""
    return _docker


@pytest.fixture
def image():
    """An image with a ``python``."""
    return IMAGE


@pytest.fixture
def containers():
    """A function that says which containers of a run there are."""
    return lambda run_id: _docker("ps", "-aq", "--filter", f"label=mlctl.run={run_id}").split()


@pytest.fixture
def docker_project(project):
    """A function that makes a docker project: ``docker_project(command, script, **docker_env)``."""

    def make(command="python main.py", script="", name="project", files=None, entry="", **settings):
        text = f"name: Docker Test\ndocker_env: {json.dumps({'image': IMAGE, **settings})}\n"
        text += f"entry_points:\n  main:\n    command: {json.dumps(command)}\n{entry}"
        folder = project(text, name=name)
        (folder / "main.py").write_text(script)
        for path, content in (files or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
        return folder

    return make


@pytest.fixture
def wait_for():
    """Poll until a condition gives something true, and return it."""

    def wait(condition, timeout_s=20.0, what="condition"):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {timeout_s} s: {what}")

    return wait
