"""A training under watch, of no library in particular."""

import socket
import threading

import pytest

from mlctl.autologging import trainings
from mlctl.autologging.trainings import Options, watch
from mlctl.tracking import fluent
from mlctl.tracking.opening import open_store

OPTIONS = Options(library="made up")


class Recorder:
    def before(self, run_id):
        trainings.log(run_id, params={"p": 1}, silent=False)

    def after(self, run_id, result, duration_s):
        trainings.log(run_id, metrics={"m": result, "duration": duration_s}, silent=False)


@pytest.fixture(autouse=True)
def _rested(place, monkeypatch):
    monkeypatch.setenv("MLCTL_TRACKING_URI", str(place / "store.db"))
    monkeypatch.setattr(trainings._Rest, "until", 0.0)
    monkeypatch.setattr("mlctl.autologging.notices._said", set())


def runs():
    return sorted(open_store().search_runs(["0"]), key=lambda run: run.info.start_time)


def test_a_run_of_its_own():
    assert watch(OPTIONS, Recorder, lambda: 5) == 5
    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert run.data.params == {"p": "1"}
    assert run.data.metrics["m"] == 5.0
    assert run.data.tags["mlflow.autologging"] == "made up"
    assert fluent.active_run() is None


def test_only_the_outermost_training_logs():
    def outer():
        return watch(OPTIONS, Recorder, lambda: watch(OPTIONS, Recorder, lambda: 3)) + 1

    assert watch(OPTIONS, Recorder, outer) == 4
    assert [run.data.metrics["m"] for run in runs()] == [4.0]


def test_the_active_run_is_joined_and_goes_on():
    with fluent.start_run() as run:
        watch(OPTIONS, Recorder, lambda: 1)
        watch(OPTIONS, Recorder, lambda: 2)
        assert open_store().get_run(run.info.run_id).info.status == "RUNNING"
    assert len(runs()) == 1
    assert len(open_store().metric_history(run.info.run_id, "m")) == 2


def test_exclusive():
    with fluent.start_run() as run:
        watch(Options(library="made up", exclusive=True), Recorder, lambda: watch(OPTIONS, Recorder, lambda: 1))
    assert not open_store().get_run(run.info.run_id).data.metrics
    watch(Options(library="made up", exclusive=True), Recorder, lambda: 1)
    assert len(runs()) == 2


def test_a_training_that_ends_the_run_itself():
    def train():
        fluent.end_run("KILLED")
        fluent.start_run(run_name="other")
        return 1

    watch(OPTIONS, Recorder, train)
    assert fluent.active_run().info.run_name == "other"
    fluent.end_run()
    assert {run.info.status for run in runs()} == {"KILLED", "FINISHED"}


def test_a_recorder_that_fails(caplog):
    class Failing(Recorder):
        def before(self, run_id):
            raise OSError("no")

        def after(self, run_id, result, duration_s):
            raise MemoryError

    assert watch(OPTIONS, Failing, lambda: 1) == 1
    assert watch(OPTIONS, Failing, lambda: 2) == 2
    assert len(caplog.messages) == 2
    assert [run.info.status for run in runs()] == ["FINISHED", "FINISHED"]


def test_what_a_run_does_not_take(caplog):
    with fluent.start_run() as run:
        trainings.log(run.info.run_id, params={"a": 1}, silent=False)
        long = {"k" * 300: "v" * 9000}
        values = {"a": 2, "b": 3, "odd?": 1, **long, **{f"p{number}": number for number in range(150)}}
        trainings.log(run.info.run_id, params=values, tags={"t": 1}, metrics={"m": 1}, silent=False)
    data = open_store().get_run(run.info.run_id).data
    assert (data.params["a"], data.params["b"], data.params["p149"], data.metrics["m"], data.tags["t"]) == ("1", "3", "149", 1.0, "1")
    assert [len(value) for key, value in data.params.items() if key.startswith("kkk")] == [6000]
    assert len(caplog.messages) == 1


def test_a_store_out_of_reach_is_not_asked_at_every_training(monkeypatch, caplog):
    calls = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                calls.append(1)
                connection.close()

        threading.Thread(target=refuse, daemon=True).start()
        monkeypatch.setenv("MLCTL_TRACKING_URI", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert watch(OPTIONS, Recorder, lambda: 1) == 1
        asked = len(calls)
        assert watch(OPTIONS, Recorder, lambda: 2) == 2
        assert asked == len(calls) > 0
        server.shutdown(socket.SHUT_RDWR)
    assert len(caplog.messages) == 1
