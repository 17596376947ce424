"""The run's own address: MLflow clients inside a job log into the store, and nobody else does."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[2] / "sample-projects" / "mlflow-client"

CALLER = """
import base64, json, os, urllib.error, urllib.request

uri, token = os.environ["MLFLOW_TRACKING_URI"], os.environ["MLFLOW_TRACKING_TOKEN"]
run_id = os.environ["MLFLOW_RUN_ID"]

def call(path, body=None, token=token, basic=False):
    secret = "Basic " + base64.b64encode(f"mlctl:{token}".encode()).decode() if basic else f"Bearer {token}"
    headers = {"Authorization": secret, "Content-Type": "application/json"} if token else {"Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(uri + path, data=data, headers=headers), timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, {}

"""

LOGGING = (
    CALLER
    + """
status, found = call(f"/api/2.0/mlflow/runs/get?run_id={run_id}")
assert status == 200 and found["run"]["info"]["run_id"] == run_id, found
assert call("/api/2.0/mlflow/runs/log-metric", {"run_id": run_id, "key": "m", "value": 2.5, "timestamp": 1, "step": 3})[0] == 200
assert call("/api/2.0/mlflow/runs/log-parameter", {"run_id": run_id, "key": "p", "value": "x"}, basic=True)[0] == 200
parent = [{"key": "mlflow.parentRunId", "value": run_id}]
child = call("/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1, "tags": parent})
assert child[0] == 200
print([call("/api/2.0/mlflow/experiments/get?experiment_id=0", token=wrong)[0] for wrong in ("", "x" * len(token))])
"""
)


def test_a_client_logs_to_the_run(mlctl, script):
    done = mlctl("run", script(LOGGING), check=0)
    assert done.stdout in ("[401, 401]\n", "[403, 403]\n")
    run = next(run for run in mlctl.runs() if "mlctl.command" in run["data"]["tags"])
    assert run["data"]["metrics"] == {"m": 2.5}
    assert run["data"]["params"] == {"p": "x"}
    (child,) = [other for other in mlctl.runs() if other is not run and other["info"]["run_id"] != run["info"]["run_id"]]
    assert child["data"]["tags"]["mlflow.parentRunId"] == run["info"]["run_id"]


def test_the_address_ends_with_the_run(mlctl, script, place):
    text = CALLER + "assert call('/api/2.0/mlflow/experiments/get?experiment_id=0')[0] == 200\nopen('../address', 'w').write(uri)\n"
    mlctl("run", script(text), check=0)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen((place / "address").read_text() + "/health", timeout=5)


@pytest.mark.engine("linux")
def test_nobody_calls_and_nothing_is_started(mlctl, script):
    text = "import os\nparent = os.getppid()\n"
    text += "print(open(f'/proc/{parent}/task/{parent}/children').read().split() == [str(os.getpid())])"
    assert mlctl("run", script(text), check=0).stdout == "True\n"


def test_the_last_requests_of_a_stopped_job_are_kept(mlctl, script, pids):
    text = CALLER + "import time\nopen('../pid', 'w').write(str(os.getpid()))\n"
    text += "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n"
    text += "    print(call('/api/2.0/mlflow/runs/set-tag', {'run_id': run_id, 'key': 'farewell', 'value': 'yes'}))\n"
    process = mlctl.start("run", script(text))
    pids("pid")
    process.terminate()
    process.communicate(timeout=30)
    (run,) = mlctl.runs()
    assert run["info"]["status"] == "KILLED"
    assert run["data"]["tags"]["farewell"] == "yes"


@pytest.mark.engine("mlflow")
@pytest.mark.timeout(600)
def test_the_sample_that_lists_mlflow(mlctl, place):
    done = mlctl("run", SAMPLE, timeout=590, check=0)
    assert "best fold" in done.stdout
    folds = [run for run in mlctl.runs() if run["info"]["run_name"].startswith("fold-")]
    (parent,) = [run for run in mlctl.runs() if "mlctl.command" in run["data"]["tags"]]
    assert len(folds) == 3
    assert {run["data"]["tags"]["mlflow.parentRunId"] for run in folds} == {parent["info"]["run_id"]}
    assert parent["info"]["status"] == "FINISHED"
    assert parent["data"]["metrics"]["mean_error"] > 0
    root = Path(parent["info"]["artifact_uri"])
    assert json.loads((root / "data.json").read_text())["folds"] == 3
    assert (root / "report" / "errors.txt").exists()
    assert all((Path(run["info"]["artifact_uri"]) / "held_out.txt").exists() for run in folds)


@pytest.mark.engine("mlflow")
def test_an_unchanged_mlflow_script(mlctl, script):
    text = "import mlflow, os\nwith mlflow.start_run() as run:\n    assert run.info.run_id == os.environ['MLCTL_RUN_ID']\n"
    text += "    mlflow.log_param('a', 1)\n    mlflow.log_metrics({'x': 1.0, 'y': 2.0}, step=4)\n"
    text += "    mlflow.log_text('hello', 'a b/\N{SNOWMAN}.txt')\n"
    home = Path(os.environ["MLCTL_MLFLOW"]).parent
    mlctl("run", script(text), env={**os.environ, "PATH": f"{home}{os.pathsep}{os.environ['PATH']}"}, check=0, timeout=120)
    (run,) = mlctl.runs()
    assert run["data"]["metrics"] == {"x": 1.0, "y": 2.0}
    assert (Path(run["info"]["artifact_uri"]) / "a b" / "\N{SNOWMAN}.txt").read_text() == "hello"
