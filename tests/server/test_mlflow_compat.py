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
LANGUAGE = "the search language has more"
BREAKS = "MLflow's server breaks down, with an internal error; here it is a wrong value"
DIFFERENT: dict[str, str] = {
    "get_run endless": INFINITE,
    "history inf": INFINITE,
    "search params.depth = 2": "a number without quotes compares a param as a number; MLflow refuses it",
    "search (metrics.acc > 1)": "parentheses group comparisons; MLflow refuses them",
    "source http": "MLflow would fetch from there and refuses it; here nothing is fetched from an address",
    "stage archiving Archived": BREAKS,
    "search models name IS NULL": BREAKS,
    "search models by ['name', 'name']": BREAKS,
    "search models -1": "MLflow gives an empty page",
    "search models attributes.name = 'renamed'": LANGUAGE,
    "search models name = 'a' OR name = 'b'": LANGUAGE,
    "search models by ['creation_timestamp']": LANGUAGE,
    "search versions name = \"forest é 'x'\" AND version_number IN (1, 3)": LANGUAGE,
    "search versions current_stage = 'Production'": LANGUAGE,
    "search versions version = 1": LANGUAGE,
    "search versions name = 'a' OR name = 'b'": LANGUAGE,
}
ONLY_3 = {
    "logged search metric.rmse > 1": LANGUAGE,
    "logged register unknown": BREAKS,
}
"""The same of calls that MLflow 2 does not have."""
"""Labels of calls whose answers differ on purpose, with the reason."""


TAGS = "tags of experiments cannot be deleted"
DATASETS = "points do not name a dataset"
LINKS = "models are not inputs and outputs of runs"
ABSENT = {
    "delete_experiment_tag": TAGS,
    "delete_experiment_tag absent": TAGS,
    "log_metric dataset": DATASETS,
    "log_metrics dataset": DATASETS,
    "log_outputs": LINKS,
    "log_inputs models": LINKS,
}
"""Labels of calls that MLflow 2 does not have, with what it lacks."""


def environment(folder):
    quick = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}  # MLflow's server breaks down where ours refuses; its client would try for minutes
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet", **quick}


def calls(address, folder, python):
    """What each call gave."""
    target = folder / "answers.json"
    done = subprocess.run(
        [python, CALLS, address, target],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=290,
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
        [os.environ["MLCTL_MLFLOW"], "-m", "mlflow", "server", *options],
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
    for _ in range(1500):
        assert process.poll() is None, "the server ended"
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.1)
    pytest.fail("the server does not answer")


def answers(serve_app, tmp_path, free_port, python):
    """What each call gave with our server, and with MLflow's."""
    ours = calls(serve_app().address, tmp_path, python)
    (tmp_path / "real").mkdir()
    with mlflow_server(tmp_path / "real", free_port) as address:
        theirs = calls(address, tmp_path, python)
    assert len(ours) > 170
    assert ours.keys() == theirs.keys()
    return ours, theirs


def differing(ours, theirs):
    return {label: (ours[label], theirs[label]) for label in ours if ours[label] != theirs[label]}


@pytest.mark.engine("mlflow")
@pytest.mark.timeout(640)
def test_the_same_answers(serve_app, tmp_path, free_port):
    ours, theirs = answers(serve_app, tmp_path, free_port, os.environ["MLCTL_MLFLOW"])
    found, known = differing(ours, theirs), {**DIFFERENT, **ONLY_3}
    assert found.keys() == known.keys(), ({label: pair for label, pair in found.items() if label not in known}, known.keys() - found.keys())
    assert not [label for label, answer in ours.items() if isinstance(answer, dict) and "absent" in answer]


@pytest.mark.engine("mlflow")
@pytest.mark.engine("mlflow2")
@pytest.mark.timeout(640)
def test_the_same_answers_to_mlflow_2(serve_app, tmp_path, free_port):
    ours, theirs = answers(serve_app, tmp_path, free_port, os.environ["MLCTL_MLFLOW2"])
    found = differing(ours, theirs)
    assert found.keys() == DIFFERENT.keys(), {label: pair for label, pair in found.items() if label not in DIFFERENT}
    absent = {label: answer["absent"] for label, answer in ours.items() if isinstance(answer, dict) and "absent" in answer}
    assert absent.keys() == ABSENT.keys(), absent
