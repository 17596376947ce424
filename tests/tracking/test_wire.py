"""Entities as JSON and back: nothing is lost, and what is unset is left out."""

import json
import math

from mlctl.tracking import wire
from mlctl.tracking.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Owner,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
)

FOLDER = "/store/it's a 'fold er'"
INFO = RunInfo("r" * 32, "3", "", "RUNNING", 0, None, "deleted", "s3://bucket/x", "é\n")


def through_json(found):
    return json.loads(json.dumps(found, allow_nan=False))


def test_an_experiment_comes_back():
    found = Experiment("3", "é", "s3://bucket/x", "deleted", {"a": "", "b": "1"}, 5, 6)
    assert wire.experiment_from(through_json(wire.experiment(found, folder=FOLDER))) == found


def test_a_run_comes_back():
    dataset = DatasetInput(Dataset("d", "1", "code", "{}", None, "{}"), (InputTag("mlflow.data.context", "train"),))
    inputs, outputs = RunInputs((dataset,), (LoggedModelInput("m-1"),)), RunOutputs((LoggedModelOutput("m-2", 7),))
    found = Run(INFO, RunData({"m": 0.1}, {"p": ""}, {"t": "1"}), inputs, outputs)
    written = {
        "info": wire.run_info(INFO, folder=FOLDER),
        "data": wire.run_data([Metric("m", 0.1, 5, -2)], params=found.data.params, tags=found.data.tags),
        "inputs": wire.run_inputs(inputs),
        "outputs": wire.run_outputs(outputs),
    }
    assert wire.run_from(through_json(written)) == found


def test_what_is_unset_is_left_out():
    info = wire.run_info(INFO, folder=FOLDER)
    assert "end_time" not in info
    assert info["user_id"] == ""
    assert info["start_time"] == 0
    assert info["run_uuid"] == info["run_id"]
    assert wire.run_data([], params={}, tags={}) == {} == wire.run_inputs(RunInputs()) == wire.run_outputs(RunOutputs())


def test_numbers():
    points = [Metric("k", value, 1) for value in (math.nan, math.inf, -math.inf, 0.1)]
    back = [wire.metric_from(through_json(wire.metric(point))).value for point in points]
    assert math.isnan(back[0])
    assert back[1:] == [math.inf, -math.inf, 0.1]
    assert wire.metric_from({"key": "k", "value": "-Infinity", "timestamp": "7"}) == Metric("k", -math.inf, 7, 0)


def test_own_artifacts_go_through_the_server():
    assert wire.location(f"{FOLDER}/artifacts/3/x", FOLDER) == "mlflow-artifacts:/3/x"
    for other in ("s3://bucket/x", f"{FOLDER}/other/3", f"{FOLDER}/artifactsx/3", "/elsewhere"):
        assert wire.location(other, FOLDER) == other


def test_an_owner_comes_back():
    found = Owner("it's a host", "b/n/m", 41, 7, 100, stop_requested=True)
    assert wire.owner_from(through_json(wire.owner(found))) == found
