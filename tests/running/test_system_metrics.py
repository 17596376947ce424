"""System metrics of real runs: sampled by the worker of `mlctl run`, and by a thread of a script that asks for them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlctl.tracking.opening import open_store

pytestmark = pytest.mark.engine("linux")

ROOT = Path(__file__).parents[2]
CPU = "system/cpu_utilization_percentage"
OWN_CPU = "system/process_cpu_utilization_percentage"
OWN_MEMORY = "system/process_memory_usage_megabytes"
BUSY = "import time\nhold = bytearray(200_000_000)\nend = time.time() + {}\nwhile time.time() < end: pass\n"


@pytest.fixture
def often(monkeypatch):
    """A short interval, so that a test need not wait."""
    monkeypatch.setenv("MLCTL_SYSTEM_METRICS_INTERVAL_S", "0.2")


def points(run_id, key):
    store = open_store(create=False)
    try:
        return store.metric_history(run_id, key)
    finally:
        store.close()


def steps(run_id, key=CPU):
    return [point.step for point in points(run_id, key)]


def newest(mlctl):
    return mlctl.json("runs", "show", "@last")["data"]


def test_a_project_run_shows_what_it_does(mlctl, script, often):
    mlctl("run", script(BUSY.format(2.5)), check=0)
    run = newest(mlctl)
    assert CPU in run["data"]["metrics"]
    assert max(point.value for point in points(run["info"]["run_id"], OWN_CPU)) > 5
    assert 200 < max(point.value for point in points(run["info"]["run_id"], OWN_MEMORY)) < 400
    assert steps(run["info"]["run_id"]) == list(range(len(steps(run["info"]["run_id"]))))
    assert all(point.timestamp >= run["info"]["start_time"] for point in points(run["info"]["run_id"], CPU))


def test_a_short_run_has_none(mlctl, script):
    mlctl("run", script("print('short')"), check=0)
    assert newest(mlctl)["data"]["metrics"] == {}


@pytest.mark.parametrize(
    "how", [{"flag": "--no-system-metrics"}, {"MLCTL_SYSTEM_METRICS": "0"}, {"MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false"}]
)
def test_they_can_be_turned_off(mlctl, script, often, monkeypatch, how):
    flags = [how.pop("flag")] if "flag" in how else []
    for name, value in how.items():
        monkeypatch.setenv(name, value)
    mlctl("run", script(BUSY.format(1.6)), *flags, check=0)
    assert newest(mlctl)["data"]["metrics"] == {}


def test_the_flag_goes_before_the_setting(mlctl, script, often, monkeypatch):
    monkeypatch.setenv("MLCTL_SYSTEM_METRICS", "no")
    mlctl("run", script(BUSY.format(1.8)), "--system-metrics", check=0)
    assert CPU in newest(mlctl)["data"]["metrics"]


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("MLCTL_SYSTEM_METRICS", "perhaps", 2),
        ("MLCTL_SYSTEM_METRICS_INTERVAL_S", "0", 2),
        ("MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", "many", 2),
        ("MLFLOW_SYSTEM_METRICS_NODE_ID", "a*b", 124),
    ],
)
def test_settings_that_cannot_be_are_refused_before_there_is_a_run(mlctl, script, monkeypatch, variable, value, code):
    monkeypatch.setenv(variable, value)
    done = mlctl("run", script("pass"), check=code)
    assert value in done.stderr
    monkeypatch.delenv(variable)
    assert mlctl.runs() == []


def test_a_node_has_its_own_metrics_and_samples_are_averaged(mlctl, script, often, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_NODE_ID", "node-7")
    monkeypatch.setenv("MLCTL_SYSTEM_METRICS_SAMPLES", "3")
    mlctl("run", script(BUSY.format(2.5)), check=0)
    run = newest(mlctl)
    assert {key.rpartition("/")[0] for key in run["data"]["metrics"]} == {"system/node-7"}
    assert 1 <= len(steps(run["info"]["run_id"], "system/node-7/cpu_utilization_percentage")) <= 3


def test_a_run_that_goes_on_numbers_its_points_on(mlctl, script, often):
    folder = script(BUSY.format(1.8))
    mlctl("run", folder, check=0)
    run_id = newest(mlctl)["info"]["run_id"]
    before = len(steps(run_id))
    mlctl("run", folder, "--run-id", run_id, check=0)
    assert len(steps(run_id)) > before
    assert steps(run_id) == list(range(len(steps(run_id))))


def test_a_script_does_not_sample_its_projects_run_again(mlctl, script, often):
    text = "import mlctl\nwith mlctl.start_run(log_system_metrics=True):\n    import time\n    time.sleep(2)\n"
    text += "with mlctl.start_run(log_system_metrics=True):\n    time.sleep(1)\n"
    mlctl("run", script(text), check=0)
    own, other = (run["info"]["run_id"] for run in sorted(mlctl.runs(), key=lambda run: run["info"]["start_time"]))
    assert steps(own) == sorted(set(steps(own)))
    assert steps(other)


def test_a_client_of_mlflow_in_a_job_does_not_sample_the_run_again(mlctl, script, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    text = "import os\nprint(os.environ['MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING'], os.environ['MLCTL_SYSTEM_METRICS'])"
    assert mlctl("run", script(text), check=0).stdout == "false true\n"


def test_lists_leave_them_out_unless_asked(mlctl, script, often):
    mlctl("run", script("import mlctl, time\nmlctl.log_metric('loss', 1)\ntime.sleep(1.8)"), check=0)
    header = mlctl("runs", "list", check=0).stdout.splitlines()[0]
    assert "LOSS" in header
    assert "SYSTEM/" not in header
    assert "SYSTEM/CPU" in mlctl("runs", "list", "--columns", "run_id,system/cpu_utilization_percentage", check=0).stdout
    text = mlctl("runs", "show", "@last", check=0).stdout
    assert text.index("\nmetrics\n") < text.index("\nsystem metrics\n")


# ── scripts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def run_script(text, code=0, **options):
    done = subprocess.run(
        [sys.executable, "-c", "import mlctl, time\n" + text], capture_output=True, text=True, check=False, timeout=60, **options
    )
    assert done.returncode == code, done.stderr
    return done


def test_a_script_asks_for_them(mlctl, place, often):
    run_script("with mlctl.start_run(log_system_metrics=True):\n    time.sleep(1)\nwith mlctl.start_run():\n    time.sleep(0.5)")
    plain, measured = (run["data"]["metrics"] for run in mlctl.runs())
    assert plain == {}
    assert {CPU, OWN_CPU, OWN_MEMORY} <= set(measured)


def test_a_script_asks_for_all_its_runs(mlctl, place):
    text = "mlctl.enable_system_metrics_logging()\nmlctl.set_system_metrics_sampling_interval(0.1)\nmlctl.set_system_metrics_node_id('a')\n"
    text += "mlctl.set_system_metrics_samples_before_logging(2)\n"
    text += "with mlctl.start_run():\n    time.sleep(0.8)\n"
    text += "with mlctl.start_run(log_system_metrics=False):\n    time.sleep(0.5)\n"
    text += "mlctl.disable_system_metrics_logging()\nmlctl.start_run()\ntime.sleep(0.5)\n"
    run_script(text)
    disabled, refused, measured = mlctl.runs()
    assert disabled["data"]["metrics"] == refused["data"]["metrics"] == {}
    assert "system/a/cpu_utilization_percentage" in measured["data"]["metrics"]
    assert len(steps(measured["info"]["run_id"], "system/a/disk_usage_percentage")) <= 4


def test_the_thread_ends_with_the_run_and_stays_behind_in_a_fork(mlctl, place, often):
    text = """
import os, threading
with mlctl.start_run(log_system_metrics=True) as run:
    time.sleep(0.5)
    child = os.fork()
    if child == 0:
        os._exit(threading.active_count())
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), threading.active_count())
print(threading.active_count())
with mlctl.start_run(run_id=run.info.run_id, log_system_metrics=True):
    time.sleep(0.7)
"""
    assert run_script(text).stdout.split() == ["1", "2", "1"]
    run_id = mlctl.runs()[0]["info"]["run_id"]
    assert steps(run_id) == list(range(len(steps(run_id))))
    assert len(steps(run_id)) >= 2


def test_a_script_that_ends_without_ending_its_run(mlctl, place, often):
    run_script("mlctl.start_run(log_system_metrics=True)\ntime.sleep(0.6)\nraise ValueError", code=1)
    assert newest(mlctl)["info"]["status"] == "FAILED"


def test_a_store_that_goes_away_does_not_disturb_the_script(place, often):
    text = "import os, shutil\nmlctl.start_run(log_system_metrics=True)\ntime.sleep(0.5)\nshutil.rmtree('mlruns')\n"
    text += "time.sleep(0.7)\nprint('done')\nos._exit(0)"
    done = run_script(text)
    assert done.stdout == "done\n"
    assert done.stderr == ""


def test_sampling_ends_when_another_client_ends_the_run(place, often):
    text = """
import json, threading
from mlctl.tracking.fluent import current_store
run = mlctl.start_run(log_system_metrics=True)
time.sleep(0.5)
current_store().update_run(run.info.run_id, status="FINISHED")
deadline = time.time() + 10
while threading.active_count() > 1 and time.time() < deadline:
    time.sleep(0.05)
print(json.dumps(threading.active_count()))
"""
    assert json.loads(run_script(text).stdout) == 1


def test_settings_that_cannot_be_are_said_before_a_run_is_started(mlctl, place, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "often")
    assert "often" in run_script("mlctl.start_run(log_system_metrics=True)", code=1).stderr
    assert mlctl.runs() == []


@pytest.mark.engine("python3.8")
def test_a_script_on_an_old_python(mlctl, place, often, old_python):
    text = "import mlctl, time\nwith mlctl.start_run(log_system_metrics=True):\n    time.sleep(1)\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([old_python, "-c", text], capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert done.stderr == ""
    assert {CPU, OWN_CPU, OWN_MEMORY} <= set(newest(mlctl)["data"]["metrics"])
