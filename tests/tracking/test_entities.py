"""Entities as scripts for MLflow make, read and print them."""

import pytest

from mlctl.entities import (
    Experiment,
    ExperimentTag,
    FileInfo,
    LifecycleStage,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunStatus,
    RunTag,
    SourceType,
    ViewType,
)
from mlctl.exceptions import MlflowException

INFO = RunInfo("id", "3", "user", "RUNNING", 1, None, "active", "uri", "name")


def test_positions_are_mlflows():
    assert dict(INFO) == {
        "run_id": "id", "experiment_id": "3", "user_id": "user", "status": "RUNNING", "start_time": 1, "end_time": None,
        "lifecycle_stage": "active", "artifact_uri": "uri", "run_name": "name",
    }  # fmt: skip
    assert INFO.run_uuid == "id"
    data = RunData([Metric("m", 1.0, 2, 3)], [Param("p", "1")], [RunTag("t", "x")])
    assert Run(INFO, data).to_dictionary() == {
        "info": dict(INFO),
        "data": {"metrics": {"m": 1.0}, "params": {"p": "1"}, "tags": {"t": "x"}},
        "inputs": {"dataset_inputs": [], "model_inputs": []},
        "outputs": {"model_outputs": []},
    }
    assert RunData() == RunData({}, {}, {})
    assert Experiment("0", "Default", "uri", "active", [ExperimentTag("a", "b")]).tags == {"a": "b"}
    assert FileInfo("a", False, 3).file_size == 3


def test_they_print_as_mlflows():
    assert repr(Param("a", "b")) == "<Param: key='a', value='b'>"
    assert str(RunData({"m": 1.0})) == "<RunData: metrics={'m': 1.0}, params={}, tags={}>"
    assert repr(Run(INFO, RunData())).startswith("<Run: data=<RunData: ")


def test_entities_do_not_change_and_compare_by_value():
    assert Metric("m", 1.0, 2, 3) == Metric.from_dictionary({"key": "m", "value": 1.0, "timestamp": 2, "step": 3, "model_id": None})
    assert Metric("m", 1.0, 2).run_id is None
    with pytest.raises(AttributeError):
        INFO.status = "FINISHED"


def test_codes():
    assert RunStatus.to_string(RunStatus.FINISHED) == "FINISHED"
    assert RunStatus.from_string("KILLED") == RunStatus.KILLED == 5
    assert RunStatus.is_terminated(RunStatus.FAILED)
    assert not RunStatus.is_terminated("SCHEDULED")
    assert RunStatus.all_status() == [1, 2, 3, 4, 5]
    assert (ViewType.ACTIVE_ONLY, ViewType.from_string("deleted_only"), ViewType.to_string(3)) == (1, 2, "all")
    assert SourceType.to_string(SourceType.PROJECT) == "PROJECT"
    assert LifecycleStage.is_valid(LifecycleStage.DELETED)
    with pytest.raises(MlflowException) as caught:
        RunStatus.from_string("DONE")
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert caught.value.get_http_status_code() == 400


def test_scripts_may_raise_mlflows_exception():
    error = MlflowException("a message", "RESOURCE_DOES_NOT_EXIST")
    assert (error.message, str(error), error.error_code) == ("a message", "a message", "RESOURCE_DOES_NOT_EXIST")
    assert error.serialize_as_json() == '{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "a message"}'
    assert MlflowException("another").error_code == "INTERNAL_ERROR"
