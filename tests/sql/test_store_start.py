"""Opening the store and listing runs import little, and run on the oldest Python that the bundle supports."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlctl.sql.sqlite import SqliteStore

ROOT = Path(__file__).parents[2]

LISTING = """
import sys, json, dataclasses, typing
import mlctl.settings, mlctl.tracking.store
before = set(sys.modules)
from mlctl.tracking.opening import open_store
store = open_store(sys.argv[1], create=False)
assert len(store.search_runs(["0"], max_results=2)) == 2
store.close()
print(json.dumps(sorted(set(sys.modules) - before)))
"""

EXPECTED = {
    "_sqlite3",
    "binascii",
    "datetime",
    "math",
    "_datetime",
    "sqlite3",
    "sqlite3.dbapi2",
    "threading",
    *(f"mlctl.tracking.{name}" for name in ("opening", "validation")),
    "mlctl.sql",
    *(
        f"mlctl.sql.{name}"
        for name in (
            "db",
            "experiments",
            "logged_model_store",
            "owners",
            "registry_store",
            "runs",
            "schema",
            "search",
            "sqlite",
            "sqlite_file",
            "store",
        )
    ),
}

EVERYTHING = """
import os, sys
sys.path.insert(0, sys.argv[2])
from mlctl.tracking import owners
from mlctl.sql import history as sql_history
from mlctl.sql import runs as sql_runs
from mlctl.tracking.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, LoggedModelOutput, Metric, Param, RunTag
from mlctl.tracking.opening import open_store

store = open_store(sys.argv[1])
number = store.create_experiment("old")
run = store.create_run(number, params=[Param("p", "1")], tags=[RunTag("t", "x")], owner=owners.current())
store.log_batch(run.info.run_id, metrics=[Metric("m", float(step), step, step) for step in range(9)])
pid = os.fork()
if pid == 0:
    store.log_batch(run.info.run_id, metrics=[Metric("m", 9.0, 9, 9)])
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
found = store.search_runs([number], filter_string="metrics.m > 8 AND params.p = '1'", order_by=["metrics.m DESC"])
assert [run.data.metrics for run in found] == [{"m": 9.0}]
assert [item.name for item in store.search_experiments(filter_string="name LIKE 'o%'")] == ["old"]
assert len(store.metric_history(run.info.run_id, "m", max_results=5)) == 5
dataset = DatasetInput(Dataset("iris", "d", "local", "{}"), (InputTag("mlflow.data.context", "train"),))
store.log_inputs(run.info.run_id, datasets=[dataset], models=[LoggedModelInput("m-1")])
store.log_outputs(run.info.run_id, [LoggedModelOutput("m-2", 3)])
(found,) = store.search_runs([number], filter_string="datasets.name = 'iris' AND datasets.context LIKE 'tr%'")
assert found == store.get_run(run.info.run_id) and found.inputs.dataset_inputs == (dataset,)
assert [item.context for item in store.search_datasets([number])] == ["train"]
with store.reading() as db:
    assert len(sql_history.sampled_history(db, run.info.run_id, "m", max_results=4)) == 4
    assert len(sql_history.histories(db, [run.info.run_id], "m")[0][1]) == 10
    numbers = [sql_runs.number_of(db, run.info.run_id)]
    assert sql_runs.details(db, numbers)[0].version == sql_runs.versions(db, [run.info.run_id])[run.info.run_id]
assert owners.settle(store, now_ms=1) == []
assert store.finish_run(run.info.run_id, status="FINISHED", end_time=1, only_owner=owners.current())
store.close()
print("%d.%d" % sys.version_info[:2])
"""


@pytest.fixture
def filled(place):
    with contextlib.closing(SqliteStore(str(place / "mlruns" / "mlctl.db"))) as store:
        for _ in range(3):
            store.create_run("0")
        return store.path


def test_what_a_listing_imports(filled):
    done = subprocess.run([sys.executable, "-c", LISTING, filled], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) - {"_weakrefset"} <= EXPECTED


@pytest.mark.engine("python3.8")
def test_on_python_38(place, old_python):
    done = subprocess.run([old_python, "-W", "error", "-c", EVERYTHING, "mlruns", ROOT], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("3.8\n", "")
