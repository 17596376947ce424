"""MLflow's own client and server as the yardstick: the same calls to both servers give the same answers, field by field."""

import contextlib
import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

CALLS = Path(__file__).with_name("mlflow_calls.py")
INFINITE = "MLflow cuts infinite values to the largest finite one; here they stay what they are, and its client reads them so"
DIFFERENT: dict[str, str] = {
    "get_run endless": INFINITE,
    "history inf": INFINITE,
    "search params.depth = 2": "a number without quotes compares a param as a number; MLflow refuses it",
    "search (metrics.acc > 1)": "parentheses group comparisons; MLflow refuses them",
}
"""Labels of calls whose answers differ on purpose, with the reason."""


def python_with_mlflow():
    return os.environ["MLCTL_MLFLOW"]


def environment(folder):
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}


def calls(address, folder):
    """What each call gave."""
    target = folder / "answers.json"
    done = subprocess.run(
        [python_with_mlflow(), CALLS, address, target],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(target.read_text()))


@contextlib.contextmanager
def mlflow_server(folder, port):
    options = [
        "--port",
        str(port),
        "--workers",
        "1",
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        folder,
    ]
    process = subprocess.Popen(
        [python_with_mlflow(), "-m", "mlflow", "server", *options],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def wait_for(address, process):
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.1)
    pytest.fail("the server does not answer")


@pytest.mark.engine("mlflow")
def test_the_same_answers(serve_app, tmp_path, free_port):
    ours = calls(serve_app().address, tmp_path)
    (tmp_path / "real").mkdir()
    with mlflow_server(tmp_path / "real", free_port) as address:
        theirs = calls(address, tmp_path)
    assert len(ours) > 100
    assert ours.keys() == theirs.keys()
    differing = {label for label in ours if ours[label] != theirs[label]}
    assert differing == set(DIFFERENT), {label: (ours[label], theirs[label]) for label in differing - set(DIFFERENT)}
