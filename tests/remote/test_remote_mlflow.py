"""The same store against MLflow's own server: what works without routes of mlctl's own."""

import contextlib
import math
import os
import socket
import subprocess
import time
import urllib.request

import pytest

from mlctl.errors import ExistsError, InvalidValueError, NotFoundError
from mlctl.remote.store import HttpStore
from mlctl.tracking import owners
from mlctl.tracking.entities import ALL, Dataset, DatasetInput, DatasetSummary, ExperimentTag, FileInfo, InputTag, Metric, Param, RunTag

pytestmark = pytest.mark.engine("mlflow")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    argv = [os.environ["MLCTL_MLFLOW"], "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    argv += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder)]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    process = subprocess.Popen(argv, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        found = f"http://127.0.0.1:{port}"
        _wait_for(f"{found}/health", process)
        yield found
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(address, process):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        with contextlib.suppress(OSError), opener.open(address, timeout=5):
            return
        time.sleep(0.1)
    pytest.fail("the server does not answer")


@pytest.fixture
def store(address):
    with contextlib.closing(HttpStore(address)) as found:
        yield found


@pytest.mark.timeout(300)
def test_experiments(store):
    number = store.create_experiment("it's é", tags=[ExperimentTag("team", "a")])
    assert store.get_experiment_by_name("it's é").tags == {"team": "a"}
    assert store.get_experiment_by_name("nobody") is None
    with pytest.raises(ExistsError):
        store.create_experiment("it's é")
    with pytest.raises(ExistsError):
        store.rename_experiment(number, "Default")
    store.rename_experiment(number, "new")
    store.set_experiment_tag(number, ExperimentTag("team", "b"))
    store.delete_experiment_tag(number, "team")
    store.delete_experiment(number)
    assert store.get_experiment(number).lifecycle_stage == "deleted"
    store.restore_experiment(number)
    assert [item.name for item in store.search_experiments(filter_string="name = 'new'", view=ALL)] == ["new"]
    with pytest.raises(NotFoundError):
        store.get_experiment("424242")


def test_a_run_from_beginning_to_end(store):
    params = [Param(f"p{number}", "x") for number in range(250)]
    run = store.create_run("0", run_name="first", status="SCHEDULED", params=params, tags=[RunTag("a", "1")], owner=owners.current())
    run_id = run.info.run_id
    assert (run.info.status, run.info.run_name, len(run.data.params)) == ("SCHEDULED", "first", 250)
    points = [Metric("m", value, 7, step) for step, value in enumerate((1.0, math.nan, 0.5))]
    store.log_batch(run_id, metrics=points + [Metric(f"m{number}", 1.0, 1) for number in range(1100)])
    assert str(list(store.metric_history(run_id, "m"))) == str(sorted(points, key=lambda point: point.step))
    with pytest.raises(InvalidValueError):
        store.log_batch(run_id, params=[Param("p0", "y")])
    store.delete_tag(run_id, "a")
    dataset = DatasetInput(Dataset("iris", "d1", "local", "{}"), (InputTag("mlflow.data.context", "train"),))
    store.log_inputs(run_id, datasets=[dataset])
    assert store.get_run(run_id).inputs.dataset_inputs == (dataset,)
    assert store.search_datasets(["0"]) == [DatasetSummary("0", "iris", "d1", "train")]
    assert store.heartbeat(run_id, 5) is False
    assert store.owners() == []
    with pytest.raises(InvalidValueError, match="cannot be stopped"):
        store.request_stop(run_id)
    assert store.finish_run(run_id, status="FAILED", end_time=99, tags=[RunTag("why", "x")], only_owner=owners.current())
    found = store.get_run(run_id)
    assert (found.info.status, found.info.end_time, found.data.tags["why"], len(found.data.metrics)) == ("FAILED", 99, "x", 1101)
    store.delete_run(run_id)
    assert store.run_ids_with_prefix(run_id[:9]) == store.run_ids_with_prefix(run_id) == [run_id]
    store.restore_run(run_id)
    page = store.search_runs(["0"], filter_string="attributes.run_name = 'first'", order_by=["metrics.m DESC"])
    assert [item.info.run_id for item in page] == [run_id]
    with pytest.raises(NotFoundError):
        store.get_run("f" * 32)


def test_files(store, tmp_path):
    files = store.artifacts(store.create_run("0").info)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a b é.txt").write_text("hello")
    (tmp_path / "empty").touch()
    assert files.put_folder(str(tmp_path), "in") == 2
    assert files.list("in") == [FileInfo("in/empty", is_dir=False, file_size=0), FileInfo("in/sub", is_dir=True)]
    assert b"".join(files.read("in/sub/a b é.txt")) == b"hello"
    assert b"".join(files.read("in/empty")) == b""
    for path in ("in/sub", "nothing", "in/sub/nothing"):
        with pytest.raises(NotFoundError):
            b"".join(files.read(path))
    files.download("", str(tmp_path / "out"))
    assert (tmp_path / "out" / "in" / "sub" / "a b é.txt").read_text() == "hello"
    files.delete("in/sub")
    assert [item.path for item in files.list("in")] == ["in/empty"]


def test_a_project(address, mlctl, project, monkeypatch):
    """Its log arrives, its status is true; nobody can stop it through that server."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    folder = project(
        "entry_points:\n  main:\n    command: python main.py\n", main__py="print('hello')\nimport mlctl\nmlctl.log_metric('m', 1)\n"
    )
    mlctl("run", folder, "--experiment-name", "models-experiment", check=0, timeout=120)
    (run,) = mlctl.runs("-x", "models-experiment")
    assert (run["info"]["status"], run["data"]["metrics"]) == ("FINISHED", {"m": 1.0})
    short = run["info"]["run_id"][:10]
    assert mlctl("runs", "logs", short, check=0).stdout == "hello\n"
    assert "keeps no owners of runs" in mlctl("runs", "stop", short, check=124).stderr


@pytest.mark.timeout(300)
def test_the_registry_on_the_command_line(store, mlctl, address, monkeypatch):
    """All but two things: such a server keeps no history, and cannot see to it that nobody else moves a version meanwhile."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    for rmse in (0.5, 0.25):
        run = store.create_run("0")
        store.log_batch(run.info.run_id, metrics=[Metric("rmse", rmse, 1, 0)])
        model = store.create_logged_model("0", name="tree", source_run_id=run.info.run_id)
        mlctl("registry", "register", f"models:/{model.model_id}", "forest", check=0)
    mlctl("registry", "promote", "forest/1", "--to", "Production", check=0)
    mlctl("registry", "promote", "forest/2", "--to", "Production", "--if", "metrics.rmse > baseline", check=1)
    done = mlctl("registry", "promote", "forest/2", "--to", "Production", "--if", "metrics.rmse < baseline", check=0)
    assert "is not mlctl's server" in done.stderr
    mlctl("registry", "promote", "forest/1", "--to", "@old", check=0)
    mlctl("registry", "tag", "forest/1", "a=b", check=0)
    shown = {item["version"]: item for item in mlctl.json("registry", "show", "forest")["data"]["versions"]}
    assert [(shown[number]["current_stage"], shown[number]["aliases"]) for number in "12"] == [("Archived", ["old"]), ("Production", [])]
    assert "keeps no history" in mlctl("registry", "history", "forest", check=124).stderr
