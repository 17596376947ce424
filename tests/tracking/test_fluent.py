"""The functions a script calls, each script a process of its own."""

import subprocess
import sys

import pytest

import mlctl as facade


def script(text, code=0):
    done = subprocess.run([sys.executable, "-c", "import mlctl\n" + text], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ("pass", 0, "FINISHED"),
        ("raise ValueError('no')", 1, "FAILED"),
        ("raise KeyboardInterrupt", -2, "KILLED"),
        ("raise SystemExit(0)", 0, "FINISHED"),
        ("raise SystemExit(3)", 3, "FAILED"),
    ],
)
def test_how_a_block_ends_is_how_the_run_ends(mlctl, place, body, code, status):
    script(f"with mlctl.start_run():\n    {body}", code=code)
    assert mlctl.runs()[0]["info"]["status"] == status


@pytest.mark.parametrize(("body", "code", "status"), [("pass", 0, "FINISHED"), ("raise ValueError('no')", 1, "FAILED")])
def test_a_run_that_is_never_ended_ends_with_the_script(mlctl, place, body, code, status):
    script(f"mlctl.log_metric('m', 1)\n{body}", code=code)
    (run,) = mlctl.runs()
    assert run["info"]["status"] == status
    assert run["data"]["metrics"] == {"m": 1.0}
    assert run["info"]["end_time"]


def test_nested_runs(mlctl, place):
    script("with mlctl.start_run() as a:\n  with mlctl.start_run(nested=True) as b:\n    with mlctl.start_run(nested=True): pass")
    third, second, first = mlctl.runs("--order-by", "start_time DESC")
    chain = {run["info"]["run_id"]: run["data"]["tags"].get("mlflow.parentRunId") for run in (first, second, third)}
    assert sorted(map(bool, chain.values())) == [False, True, True]
    assert {parent for parent in chain.values() if parent} < set(chain)


def test_a_second_run_must_be_asked_for(place):
    done = script("mlctl.start_run()\nmlctl.start_run()", code=1)
    assert "nested=True" in done.stderr


def test_resuming_a_finished_run(mlctl, place):
    script("with mlctl.start_run() as r: mlctl.log_metric('a', 1)\nwith mlctl.start_run(run_id=r.info.run_id): mlctl.log_metric('b', 2)")
    (run,) = mlctl.runs()
    assert run["data"]["metrics"] == {"a": 1.0, "b": 2.0}
    assert run["info"]["status"] == "FINISHED"


def test_params_are_written_once(place):
    done = script("mlctl.log_param('p', 1)\nmlctl.log_param('p', 1)\nmlctl.log_param('p', 2)", code=1)
    assert "'1'" in done.stderr
    assert "'2'" in done.stderr


def test_errors_name_the_mistake(place):
    assert "number" in script("mlctl.log_metric('m', 'high')", code=1).stderr
    assert "nowhere.txt" in script("mlctl.log_artifact('nowhere.txt')", code=1).stderr


def test_unknown_names_of_the_facade():
    with pytest.raises(AttributeError):
        _ = facade.no_such_function
