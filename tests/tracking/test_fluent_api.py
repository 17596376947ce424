"""The fluent functions beyond the life of a run: experiments, finding, tags, values, the store's address. Each script is a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlctl.tracking.client import MlflowClient

ROOT = Path(__file__).parents[2]

HEAD = """
import contextlib, decimal, math, os, pathlib, sys
import mlctl as mlflow
from mlctl.exceptions import MlflowException

@contextlib.contextmanager
def refused(code, *words):
    try:
        yield
    except MlflowException as error:
        assert error.error_code == code, (error.error_code, error)
        assert all(word in str(error) for word in words), error
    else:
        raise AssertionError("not refused")

"""


def script(text, *, python=sys.executable, **variables):
    done = subprocess.run(
        [python, "-W", "error", "-c", HEAD + text],
        capture_output=True, text=True, check=False, timeout=100, env={**os.environ, **variables},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_experiments(place):
    script("""
made = mlflow.set_experiment("first")
assert (made.name, made.lifecycle_stage, mlflow.set_experiment("first").experiment_id) == ("first", "active", made.experiment_id)
with mlflow.start_run() as run:
    assert run.info.experiment_id == made.experiment_id
    mlflow.set_experiment_tag("team", 7)
    mlflow.set_experiment_tags({"a": "b", "c": "d"})
    mlflow.delete_experiment_tag("c")
assert dict(mlflow.get_experiment_by_name("first"))["tags"] == {"team": "7", "a": "b"}
other = mlflow.create_experiment("other", tags={"x": 1})
assert mlflow.set_experiment(experiment_id=other).name == "other"
with mlflow.start_run() as run:
    assert run.info.experiment_id == other
with mlflow.start_run(experiment_id=int(made.experiment_id)) as run:
    assert run.info.experiment_id == made.experiment_id
assert mlflow.get_experiment(other).tags == {"x": "1"}
assert mlflow.get_experiment_by_name("none") is None
assert [item.name for item in mlflow.search_experiments(order_by=["name"])] == ["Default", "first", "other"]
assert [item.name for item in mlflow.search_experiments(max_results=1, filter_string="name LIKE 'o%'")] == ["other"]
mlflow.delete_experiment(other)
assert [item.name for item in mlflow.search_experiments(view_type=mlflow.entities.ViewType.DELETED_ONLY)] == ["other"]
with refused("INVALID_PARAMETER_VALUE", "other", "restore"):
    mlflow.set_experiment("other")
with refused("RESOURCE_DOES_NOT_EXIST"):
    mlflow.set_experiment(experiment_id="99")
for wrong in ({}, {"experiment_name": "a", "experiment_id": "1"}):
    with refused("INVALID_PARAMETER_VALUE"):
        mlflow.set_experiment(**wrong)
mlflow.restore_experiment(other)
mlflow.set_experiment("other")
""")


def test_the_experiment_of_the_environment(place):
    body = "with mlflow.start_run() as run: print(mlflow.get_experiment(run.info.experiment_id).name)"
    assert script(body, MLFLOW_EXPERIMENT_NAME="named") == "named\n"
    assert script(body, MLFLOW_EXPERIMENT_ID="1") == "named\n"
    script("with refused('INVALID_PARAMETER_VALUE', 'MLFLOW_EXPERIMENT_NAME'): mlflow.start_run()",
           MLFLOW_EXPERIMENT_NAME="named", MLFLOW_EXPERIMENT_ID="0")  # fmt: skip
    script("with refused('RESOURCE_DOES_NOT_EXIST'): mlflow.start_run()", MLFLOW_EXPERIMENT_ID="99")


def test_processes_that_set_the_same_experiment(place):
    text = "import mlctl\nfor number in range(20): mlctl.set_experiment(f'e{number}')\nwith mlctl.start_run(): pass"
    processes = [subprocess.Popen([sys.executable, "-c", text]) for _ in range(6)]
    assert [process.wait(60) for process in processes] == [0] * 6
    assert len(MlflowClient(str(place / "mlruns")).search_experiments()) == 21


def test_what_a_script_starts_follows_its_store_and_experiment(place):
    script("""
import subprocess
mlflow.set_tracking_uri("elsewhere")
mlflow.set_experiment("mine")
os.makedirs("sub")
subprocess.run([sys.executable, "-c", "import mlctl; mlctl.log_metric('m', 1)"], check=True, cwd="sub")
(run,) = mlflow.search_runs(output_format="list")
assert run.data.metrics == {"m": 1.0}
""")


def test_the_address(place):
    script("""
assert not mlflow.is_tracking_uri_set()
assert mlflow.get_tracking_uri() == f"sqlite:///{os.getcwd()}/mlruns/mlctl.db" and not os.path.exists("mlruns")
mlflow.set_experiment("one")
with mlflow.start_run() as outer:
    mlflow.set_tracking_uri("other.db")
    assert mlflow.get_tracking_uri() == "other.db" and mlflow.is_tracking_uri_set()
    mlflow.log_metric("m", 1)  # the run stays where it was started
    mlflow.log_text("x", "a.txt")
with mlflow.start_run() as inner:  # the experiment is chosen by its name, also in the new place
    assert mlflow.get_experiment(inner.info.experiment_id).name == "one"
os.makedirs("sub")
os.chdir("sub")
assert [run.info.run_id for run in mlflow.search_runs(output_format="list")] == [inner.info.run_id]
mlflow.set_tracking_uri(pathlib.Path("..") / "mlruns")
(run,) = mlflow.search_runs(output_format="list")
assert (run.info.run_id, run.data.metrics, run.info.status) == (outer.info.run_id, {"m": 1.0}, "FINISHED")
mlflow.set_tracking_uri("")
assert not mlflow.is_tracking_uri_set()
mlflow.set_tracking_uri("databricks")
with refused("TEMPORARILY_UNAVAILABLE", "databricks"):
    mlflow.start_run()
""")


def test_looking_at_runs(place):
    script("""
assert mlflow.last_active_run() is None and mlflow.active_run() is None
with mlflow.start_run(run_name="a", tags={"t": 1}, description="words") as a:
    mlflow.log_params({"p": 1, "q": None})
    assert mlflow.last_active_run().info.run_id == a.info.run_id
    with mlflow.start_run(nested=True) as b:
        with mlflow.start_run(nested=True) as c:
            mlflow.set_tags({"x": False, "y": 2})
            mlflow.delete_tag("y")
found = mlflow.get_run(a.info.run_id)
assert found.data.params == {"p": "1", "q": "None"} and found.data.tags["mlflow.note.content"] == "words" and found.data.tags["t"] == "1"
assert mlflow.last_active_run().info.run_id == a.info.run_id and mlflow.last_active_run().info.status == "FINISHED"
assert mlflow.get_parent_run(c.info.run_id).info.run_id == b.info.run_id and mlflow.get_parent_run(a.info.run_id) is None
assert mlflow.get_run(c.info.run_id).data.tags["x"] == "False" and "y" not in mlflow.get_run(c.info.run_id).data.tags
found = mlflow.search_runs(filter_string="tags.t = '1'", output_format="list")
assert [run.info.run_name for run in found] == ["a"]
mlflow.delete_run(a.info.run_id)
assert len(mlflow.search_runs(output_format="list")) == 2
assert [r.info.run_id for r in mlflow.search_runs(run_view_type=2, output_format="list")] == [a.info.run_id]
with refused("INVALID_PARAMETER_VALUE", "deleted"):
    mlflow.start_run(run_id=a.info.run_id)
with refused("INVALID_PARAMETER_VALUE", "deleted"):
    mlflow.start_run(parent_run_id=a.info.run_id)
assert mlflow.active_run() is None
mlflow.restore_run(a.info.run_id)
with mlflow.start_run(parent_run_id=a.info.run_id) as d:
    with refused("INVALID_PARAMETER_VALUE", d.info.run_id):
        mlflow.start_run(parent_run_id=a.info.run_id, nested=True)
    mlflow.log_metric("m", 1, run_id=a.info.run_id)
assert mlflow.get_run(a.info.run_id).data.metrics == {"m": 1.0}
assert len(mlflow.search_runs(search_all_experiments=True, max_results=3, output_format="list")) == 3
found = mlflow.search_runs(experiment_names=["Default", "none"], output_format="list", order_by=["start_time ASC"])
assert found[0].info.run_id == a.info.run_id
with refused("INVALID_PARAMETER_VALUE"):
    mlflow.search_runs(["0"], experiment_names=["Default"])
with refused("INVALID_PARAMETER_VALUE", "csv"):
    mlflow.search_runs(output_format="csv")
""")


def test_resuming(place):
    script("""
with mlflow.start_run() as run:
    mlflow.log_metric("m", 1)
ended = mlflow.get_run(run.info.run_id).info.end_time
with mlflow.start_run(run_id=run.info.run_id, run_name="new name", tags={"t": 1}, description="words"):
    found = mlflow.get_run(run.info.run_id)
    assert (found.info.status, found.info.end_time, found.info.run_name) == ("RUNNING", ended, "new name")
    assert found.data.tags["mlflow.note.content"] == "words"
assert mlflow.get_run(run.info.run_id).info.status == "FINISHED"
with refused("RESOURCE_DOES_NOT_EXIST"):
    mlflow.start_run(run_id="0" * 32)
with refused("INVALID_PARAMETER_VALUE"):
    mlflow.start_run(run_id="no such id!")
with refused("INVALID_PARAMETER_VALUE"):
    mlflow.start_run(description="a", tags={"mlflow.note.content": "b"})
mlflow.set_experiment("another")
with refused("INVALID_PARAMETER_VALUE", "set_experiment"):
    mlflow.start_run(run_id=run.info.run_id)
""")


def test_the_run_that_the_environment_names_is_joined_once(place):
    run_id = MlflowClient(str(place / "mlruns")).create_run("0").info.run_id
    script(f"""
with mlflow.start_run() as first: pass
with mlflow.start_run() as second: pass
assert first.info.run_id == {run_id!r} != second.info.run_id
""", MLFLOW_RUN_ID=run_id)  # fmt: skip
    script("mlflow.set_experiment('x')\nwith refused('INVALID_PARAMETER_VALUE', '--experiment-name'): mlflow.start_run()",
           MLFLOW_RUN_ID=run_id)  # fmt: skip


def test_notes(place):
    script("""
from mlctl.tracking import MLflowClient
with mlflow.start_run() as run: pass
MLflowClient().set_tag(run.info.run_id, "MLflow.note.content", "my run note")
tags = mlflow.get_run(run.info.run_id).data.tags
assert tags["MLflow.note.content"] == tags["mlflow.note.content"] == "my run note"
MLflowClient().set_experiment_tag("0", "MLflow.note.content", "my experiment note")
assert mlflow.get_experiment("0").tags == {"MLflow.note.content": "my experiment note", "mlflow.note.content": "my experiment note"}
""")


def test_values(place):
    script("""
class Tensor:  # as a tensor on another device
    def detach(self): return self
    def cpu(self): return self
    def item(self): return 2.5
class Scalar:
    def item(self): return 7
with mlflow.start_run() as run:
    values = {"a": True, "b": decimal.Decimal("0.5"), "c": "1e3", "d": math.inf, "e": Tensor(), "f": Scalar(), "g": 2**70}
    mlflow.log_metrics(values)
    mlflow.log_metric("step", 1.0, step=3.0, timestamp=1234.9)
    mlflow.log_metric("nan", float("nan"))
    for wrong in (None, "high", [1, 2], object(), 1j):
        with refused("INVALID_PARAMETER_VALUE", "wrong"):
            mlflow.log_metric("wrong", wrong)
        with refused("INVALID_PARAMETER_VALUE", "wrong"):
            mlflow.log_metrics({"fine": 1, "wrong": wrong})
    with refused("INVALID_PARAMETER_VALUE"):
        mlflow.log_metric("wrong", 1, step=1.5)
    for wrong in ({"key": "a" * 251}, {"key": "../x"}, {"key": ""}):
        with refused("INVALID_PARAMETER_VALUE"):
            mlflow.log_param(value=1, **wrong)
    assert mlflow.log_param("p", [1]) == [1]
    with refused("INVALID_PARAMETER_VALUE", "p", "[1]", "[2]", run.info.run_id):
        mlflow.log_param("p", [2])
    with refused("INVALID_PARAMETER_VALUE"):
        mlflow.log_params({"q": 1, "p": 2})
    mlflow.log_params({f"p{number}": number for number in range(300)})
found = mlflow.get_run(run.info.run_id).data
assert math.isnan(found.metrics.pop("nan"))
assert found.metrics == {"a": 1.0, "b": 0.5, "c": 1000.0, "d": math.inf, "e": 2.5, "f": 7.0, "g": 2.0**70, "step": 1.0}
assert len(found.params) == 301 and found.params["p"] == "[1]" and "q" not in found.params
(point,) = mlflow.MlflowClient().get_metric_history(run.info.run_id, "step")
assert (point.step, point.timestamp) == (3, 1234)
""")


def test_not_waiting(place):
    script("""
with mlflow.start_run() as run:
    later = {"synchronous": False}
    for found in (mlflow.log_metric("m", 1, **later), mlflow.log_metrics({"n": 1}, **later), mlflow.set_tag("t", 1, False),
                  mlflow.set_tags({"u": 1}, **later), mlflow.log_param("p", 1, **later), mlflow.log_params({"q": 1}, False)):
        assert found.wait() is None
    assert mlflow.log_metric("m", 2) is None
    mlflow.flush_async_logging()
    assert set(mlflow.get_run(run.info.run_id).data.params) == {"p", "q"}
""")


def test_a_metric_of_a_dataset(place):
    script("""
from mlctl.entities import Dataset
with mlflow.start_run() as run:
    mlflow.log_metric("m", 1, dataset=Dataset("data", "abc", "local", "{}"))
    model = mlflow.initialize_logged_model("model")
    mlflow.log_metrics({"n": 1}, dataset=Dataset("data", "abc", "local", "{}"), model_id=model.model_id)
(found,) = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
assert (found.dataset.name, found.dataset.digest) == ("data", "abc")
(point,) = mlflow.get_logged_model(model.model_id).metrics
assert (point.key, point.value, point.run_id, point.dataset_name) == ("n", 1.0, run.info.run_id, "data")
""")


TABLE = """
import json
with mlflow.start_run(run_name="a"):
    mlflow.log_param("p", 1)
    mlflow.log_metric("m", 0.5)
with mlflow.start_run(run_name="b"):
    mlflow.log_metric("n", float("nan"))
def seen(frame):
    names = sorted(frame.columns[6:])
    return [list(frame.columns[:6]), names, [str(frame[name].dtype) for name in [*frame.columns[:6], *names]], str(frame.index),
            frame[[name for name in names if "source" not in name]].astype(str).values.tolist()]
tables = [seen(mlflow.search_runs(order_by=["attributes.run_name"]))]
mlflow.start_run()
tables.append(seen(mlflow.search_runs(filter_string="status = 'RUNNING'"))[:4])
tables.append(seen(mlflow.search_runs(filter_string="status = 'FAILED'")))
tables.append(seen(mlflow.search_runs(order_by=["attributes.start_time DESC"], max_results=2))[:4])
print(json.dumps(tables))
"""


@pytest.mark.engine("mlflow")
def test_runs_as_a_table_are_mlflows(place, monkeypatch):
    python = os.environ["MLCTL_MLFLOW"]
    ours = script(TABLE, python=python, PYTHONPATH=str(ROOT))
    text = f"import mlflow\nmlflow.set_tracking_uri('sqlite:///{place.parent}/mlflow.db')\n{TABLE}"
    theirs = subprocess.run([python, "-c", text], capture_output=True, text=True, check=False, timeout=100)
    assert theirs.returncode == 0, theirs.stderr
    assert ours == theirs.stdout.splitlines()[-1] + "\n"


def test_runs_without_pandas_are_a_list(place):
    script(
        """
sys.modules["pandas"] = None
with mlflow.start_run(): pass
assert len(mlflow.search_runs()) == 1 and type(mlflow.search_runs()) is list
"""
    )


@pytest.mark.engine("mlflow")
def test_values_of_numpy(place):
    script("""
import numpy as np
with mlflow.start_run() as run:
    values = {"a": np.float32(0.5), "b": np.int64(3), "c": np.array([1.5]), "d": np.array(2), "e": np.bool_(True)}
    mlflow.log_metrics(values, step=np.int64(4))
    with refused("INVALID_PARAMETER_VALUE", "wrong"):
        mlflow.log_metric("wrong", np.array([1.0, 2.0]))
assert mlflow.get_run(run.info.run_id).data.metrics == {"a": 0.5, "b": 3.0, "c": 1.5, "d": 2.0, "e": 1.0}
""", python=os.environ["MLCTL_MLFLOW"], PYTHONPATH=str(ROOT))  # fmt: skip


@pytest.fixture
def repository(place):
    """A work tree with a commit; returns a function that calls git there."""

    def git(*arguments, cwd=place):
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, cwd=cwd).stdout.strip()

    git("init", "--initial-branch", "main")
    (place / "train.py").write_text("import mlctl\nwith mlctl.start_run() as run: print(run.info.run_id)\n")
    git("add", "train.py")
    git("commit", "--message", "first")
    return git


def source(place, script="train.py"):
    """What a script's run says about git."""
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, cwd=place)
    assert done.returncode == 0, done.stderr
    tags = MlflowClient(str(place / "mlruns")).get_run(done.stdout.strip()).data.tags
    return {key[len("mlflow.source.git.") :]: value for key, value in tags.items() if key.startswith("mlflow.source.git.")}


def test_runs_know_their_commit(place, repository):
    git = repository
    commit = git("rev-parse", "HEAD")
    assert source(place) == {"commit": commit, "branch": "main"}
    git("remote", "add", "origin", "https://user:secret@example.org/some/where.git")
    git("pack-refs", "--all")
    assert source(place) == {"commit": commit, "branch": "main", "repoURL": "https://example.org/some/where.git"}
    git("checkout", "--detach")
    assert source(place) == {"commit": commit, "repoURL": "https://example.org/some/where.git"}
    git("worktree", "add", "-b", "side/branch", "tree")
    assert source(place, "tree/train.py") == {"commit": commit, "branch": "side/branch", "repoURL": "https://example.org/some/where.git"}
    (place / "tree" / "sub").mkdir()
    git("commit", "--allow-empty", "--message", "second", cwd=place / "tree")
    (place / "tree" / "sub" / "train.py").write_text((place / "train.py").read_text())
    assert source(place, "tree/sub/train.py")["commit"] == git("rev-parse", "side/branch") != commit


def test_a_script_outside_of_git_and_one_before_the_first_commit(place):
    (place / "train.py").write_text("import mlctl\nwith mlctl.start_run() as run: print(run.info.run_id)\n")
    assert source(place) == {}
    subprocess.run(["git", "init", "--quiet"], check=True, cwd=place)
    assert source(place) == {}


def test_tags_from_the_environment(place):
    body = "with mlflow.start_run(tags={'b': 3}) as run: print(mlflow.get_run(run.info.run_id).data.tags['a'], run.data.tags['b'])"
    assert script(body, MLFLOW_RUN_CONTEXT='{"a": 1, "b": 2}') == "1 3\n"
    script("with refused('INVALID_PARAMETER_VALUE', 'MLFLOW_RUN_CONTEXT'): mlflow.start_run()", MLFLOW_RUN_CONTEXT="[1]")
