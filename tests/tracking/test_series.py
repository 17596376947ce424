"""Points without steps, logged faster than a clock of milliseconds ticks: their order and the latest value stay what they were."""

import mlctl
from mlctl.tracking.client import MlflowClient

VALUES = [0.9, 0.9, 0.5, 0.7, 0.1, 0.1, 0.3, 0.0001]


def histories(run_id, *keys):
    client = MlflowClient()
    return [[point.value for point in client.get_metric_history(run_id, key)] for key in keys]


def test_one_by_one(place, monkeypatch):
    monkeypatch.setenv("MLCTL_TRACKING_URI", str(place / "mlruns"))
    with mlctl.start_run() as run:
        for value in VALUES:
            mlctl.log_metric("loss", value)
            MlflowClient().log_metric(run.info.run_id, "by client", value)
    assert histories(run.info.run_id, "loss", "by client") == [VALUES, VALUES]
    assert mlctl.get_run(run.info.run_id).data.metrics == {"loss": 0.0001, "by client": 0.0001}


def test_several_at_once(place, monkeypatch):
    monkeypatch.setenv("MLCTL_TRACKING_URI", str(place / "mlruns"))
    with mlctl.start_run() as run:
        for value in VALUES:
            mlctl.log_metrics({"a": value, "b": -value})
    assert histories(run.info.run_id, "a", "b") == [VALUES, [-value for value in VALUES]]


def test_times_that_are_given_stay(place, monkeypatch):
    monkeypatch.setenv("MLCTL_TRACKING_URI", str(place / "mlruns"))
    with mlctl.start_run() as run:
        for value in (2.0, 1.0):
            mlctl.log_metric("m", value, timestamp=5)
            mlctl.log_metric("with steps", value, step=3)
    assert [point.timestamp for point in MlflowClient().get_metric_history(run.info.run_id, "m")] == [5, 5]
