"""MLflow's own semantics: the same calls through MLflow, on its SQLite store, and through mlctl; what can be read back is compared."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from mlctl_server import Server

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

DIFFERENT = {
    "errors of MLflow without a code (Exception, TypeError, ValueError, …) have the code of a wrong argument here": {
        "artifacts: images that make no sense",
        "datasets: no dataset",
        "client runs: terminate with an unknown status",
        "client runs: update to an unknown status",
        "entities: unknown status",
        "metrics: complex",
        "metrics: lists",
        "nested: parent_run_id without nested, while a run is active",
        "params: number as key",
        "search_runs: fluent, unknown format",
        "start_run: twice",
        "tables: wrong extension",
        "artifacts: text without a name",
    },
    "MLflow raises these without saying what kind of error they are (INTERNAL_ERROR); they are wrong arguments": {
        "artifacts: absolute path",
        "artifacts: climbing out",
        "artifacts: text, climbing out",
        "nested: a deleted parent",
        "nested: another parent than the active run",
        "resume: a deleted run",
        "resume: of another experiment than the one that is set",
    },
    "MLflow shows its database's or a generic error; here the code says what is wrong": {
        "artifacts: download, climbing out",
        "artifacts: module",
        "change an experiment: rename a deleted one",
        "change an experiment: rename to a taken name",
    },
    "there is no run of that id, whatever the id looks like": {"get_run: None", "get_run: odd id"},
    "a path is put into its plainest form": {"artifacts: path that is not plain"},
    "a file or folder that is not there is an error with a code": {"artifacts: absent file", "artifacts: absent folder"},
    "what is a text in the store is made one": {
        "batches: values that are no texts",
        "create_experiment: tags that are not texts",
        "start_run: tags and description",
    },
    "tags are checked when a run is created, as they are later": {"client runs: create with refused tag", "start_run: refused tag key"},
    "infinity stays infinity": {"metrics: infinite"},
    "a step is an integer": {"metrics: step that is a float"},
    "an interrupted run was killed; sys.exit(0) is no failure": {"endings: by KeyboardInterrupt", "endings: by SystemExit(0)"},
    "the search language has more": {
        "search_runs filter: metrics.acc IS NULL",
        "search_runs filter: params.lr = 0.1",
        "search_runs filter: status IN ('FINISHED')",
        "search_runs filter: tags.team IN ('a', 'b')",
    },
}
"""Why answers differ → labels of the cases."""


OVER_HTTP = {
    "params: odd run id": "a server checks the ids of batches, as MLflow's does",
}
"""Labels of cases that differ between mlctl's store and mlctl's server → why."""


def answers(module, folder, address=None):
    """What each case gives with a module, in a folder of its own and with a script that is in no git repository."""
    folder.mkdir()
    scripts = shutil.copytree(HERE, folder / "scripts", ignore=shutil.ignore_patterns("__pycache__", "test_*"))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    done = subprocess.run(
        [os.environ["MLCTL_MLFLOW"], scripts / "semantics.py", module, address or f"sqlite:///{folder}/store.db", "answers.json"],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)} if module == "mlctl" else environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "answers.json").read_text())


@pytest.mark.engine("mlflow")
@pytest.mark.timeout(600)
def test_the_same_semantics(tmp_path):
    ours = answers("mlctl", tmp_path / "ours")
    theirs = answers("mlflow", tmp_path / "theirs")
    assert len(theirs) > 500
    assert ours.keys() == theirs.keys()
    differing = {label for label in theirs if ours[label] != theirs[label]}
    known = set().union(*DIFFERENT.values())
    assert not differing - known, {label: {"mlflow": theirs[label], "mlctl": ours[label]} for label in sorted(differing - known)}
    assert not known - differing, "these agree by now"


@pytest.mark.engine("mlflow")
@pytest.mark.timeout(600)
def test_the_same_semantics_over_http(tmp_path):
    here = answers("mlctl", tmp_path / "here")
    server = Server(tmp_path / "served")
    server.start()
    try:
        there = answers("mlctl", tmp_path / "there", server.address)
    finally:
        server.stop()
    differing = {label: (here[label], there[label]) for label in here if here[label] != there[label]}
    assert differing.keys() == OVER_HTTP.keys(), differing
