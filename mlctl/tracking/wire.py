"""Entities as MLflow's REST API writes them, and back: each entity's JSON once, for server and client.

A field that is unset, and a list that is empty, is left out; what is set stays, also a zero or an empty text. Numbers of 64 bits are JSON
numbers. What is not finite is a text, as in JSON that protocol buffers write: ``"NaN"``, ``"Infinity"``, ``"-Infinity"``.
"""

import math
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Union

from mlctl.tracking.entities import (
    Dataset,
    DatasetInput,
    DatasetSummary,
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

if TYPE_CHECKING:
    from mlctl.tracking.logged_models import LoggedModel
    from mlctl.tracking.registry import ModelVersion, RegisteredModel, RegistryEvent

Json = Dict[str, Any]

PROXY = "mlflow-artifacts:/"
"""Where a client of a server finds artifacts that the store keeps in its own folder."""


def number(value: float) -> Union[float, str]:
    """A metric's value as JSON can hold it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def location(uri: str, folder: str) -> str:
    """An artifact address as a client is told it: below the store's ``folder`` it goes through the server, elsewhere it is unchanged."""
    own = f"{folder}/artifacts/"
    return PROXY + uri[len(own) :] if uri.startswith(own) else uri


def folder_of(uri: str, folder: str) -> str:
    """The reverse of `location`: what a client was told about the store's own folder; elsewhere it is unchanged."""
    own = uri[len(PROXY) :] if uri.startswith(PROXY) and not uri.startswith(PROXY + "/") else ""
    return f"{folder}/artifacts/{own}" if own and ".." not in own.split("/") else uri


def pairs(found: Mapping[str, str]) -> List[Json]:
    """Params or tags as a list of keys and values."""
    return [{"key": key, "value": value} for key, value in found.items()]


def _filled(**fields: Any) -> Json:
    """The fields that are set: neither None nor an empty list."""
    return {name: value for name, value in fields.items() if value is not None and value != []}


def experiment(found: Experiment, *, folder: str) -> Json:
    """An experiment."""
    return _filled(
        experiment_id=found.experiment_id,
        name=found.name,
        artifact_location=location(found.artifact_location, folder),
        lifecycle_stage=found.lifecycle_stage,
        last_update_time=found.last_update_time,
        creation_time=found.creation_time,
        tags=pairs(found.tags),
        workspace="default",
    )


def metric(found: Metric) -> Json:
    """One point of a metric."""
    return {"key": found.key, "value": number(found.value), "timestamp": found.timestamp, "step": found.step}


def run_info(found: RunInfo, *, folder: str) -> Json:
    """A run without its data."""
    return _filled(
        run_id=found.run_id,
        run_uuid=found.run_id,
        run_name=found.run_name,
        experiment_id=found.experiment_id,
        user_id=found.user_id,
        status=found.status,
        start_time=found.start_time,
        end_time=found.end_time,
        artifact_uri=location(found.artifact_uri, folder),
        lifecycle_stage=found.lifecycle_stage,
    )


def run_data(metrics: Sequence[Metric], *, params: Mapping[str, str], tags: Mapping[str, str]) -> Json:
    """A run's data; ``metrics`` has the latest point of each key."""
    return _filled(metrics=[metric(point) for point in metrics], params=pairs(params), tags=pairs(tags))


def run_inputs(found: RunInputs) -> Json:
    """What a run used."""
    return _filled(
        dataset_inputs=[dataset_input(item) for item in found.dataset_inputs],
        model_inputs=[{"model_id": item.model_id} for item in found.model_inputs],
    )


def dataset_input(found: DatasetInput) -> Json:
    """A dataset as an input of a run."""
    return _filled(tags=[{"key": tag.key, "value": tag.value} for tag in found.tags], dataset=_filled(**dict(found.dataset)))


def run_outputs(found: RunOutputs) -> Json:
    """What a run made."""
    return _filled(model_outputs=[{"model_id": item.model_id, "step": item.step} for item in found.model_outputs])


def dataset_summary(found: DatasetSummary) -> Json:
    """A dataset of an experiment."""
    return _filled(**dict(found))


def logged_model(found: "LoggedModel", *, folder: str) -> Json:
    """A logged model with its params, tags (by key) and points."""
    from mlctl.tracking.logged_models import WIRE_NAMES

    info = _filled(
        model_id=found.model_id,
        experiment_id=found.experiment_id,
        name=found.name,
        creation_timestamp_ms=found.creation_timestamp,
        last_updated_timestamp_ms=found.last_updated_timestamp,
        artifact_uri=location(found.artifact_location, folder),
        status=WIRE_NAMES[found.status],
        model_type=found.model_type or "",
        source_run_id=found.source_run_id or "",
        status_message=found.status_message,
        tags=pairs(dict(sorted(found.tags.items()))),
    )
    return {"info": info, "data": _filled(params=pairs(found.params), metrics=[point_of_model(point) for point in found.metrics or ()])}


def point_of_model(found: Metric) -> Json:
    """A point of a logged model, and where it comes from."""
    more = {"dataset_name": found.dataset_name, "dataset_digest": found.dataset_digest, "model_id": found.model_id, "run_id": found.run_id}
    return {**metric(found), **_filled(**more)}


def model_version(found: "ModelVersion", *, folder: str) -> Json:
    """A version of a registered model. Its logged model is a field of ours: MLflow's servers tell none."""
    return _filled(
        name=found.name,
        version=found.version,
        creation_timestamp=found.creation_timestamp,
        last_updated_timestamp=found.last_updated_timestamp,
        user_id=found.user_id,
        current_stage=found.current_stage,
        description=found.description,
        source=location(found.source or "", folder),
        run_id=found.run_id,
        status=found.status,
        status_message=found.status_message,
        tags=pairs(found.tags),
        run_link=found.run_link,
        aliases=found.aliases,
        model_id=found.model_id,
    )


def registered_model(found: "RegisteredModel", *, folder: str) -> Json:
    """A registered model with its latest versions."""
    return _filled(
        name=found.name,
        creation_timestamp=found.creation_timestamp,
        last_updated_timestamp=found.last_updated_timestamp,
        description=found.description,
        latest_versions=[model_version(version, folder=folder) for version in found.latest_versions],
        tags=pairs(found.tags),
        aliases=[{"alias": alias, "version": version} for alias, version in found.aliases.items()],
    )


def registry_event(found: "RegistryEvent") -> Json:
    """A line of a registered model's history."""
    return _filled(**dict(found))


def owner(found: Owner) -> Json:
    """The process that answers for a run."""
    return dict(found)


# ── back ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _by_key(found: Json, name: str) -> Dict[str, str]:
    return {item["key"]: item.get("value", "") for item in found.get(name, [])}


def _optional_int(value: Any) -> Optional[int]:
    return None if value is None else int(value)


def experiment_from(found: Json) -> Experiment:
    """The experiment that `experiment` wrote."""
    return Experiment(
        experiment_id=found["experiment_id"],
        name=found["name"],
        artifact_location=found.get("artifact_location", ""),
        lifecycle_stage=found.get("lifecycle_stage", "active"),
        tags=_by_key(found, "tags"),
        creation_time=_optional_int(found.get("creation_time")),
        last_update_time=_optional_int(found.get("last_update_time")),
    )


def metric_from(found: Json) -> Metric:
    """The point that `metric` wrote."""
    return Metric(found["key"], float(found["value"]), int(found["timestamp"]), int(found.get("step", 0)))


def run_info_from(found: Json) -> RunInfo:
    """The run that `run_info` wrote."""
    return RunInfo(
        run_id=found["run_id"],
        run_name=found.get("run_name", ""),
        experiment_id=found["experiment_id"],
        user_id=found.get("user_id", ""),
        status=found["status"],
        start_time=int(found.get("start_time", 0)),
        end_time=_optional_int(found.get("end_time")),
        artifact_uri=found.get("artifact_uri", ""),
        lifecycle_stage=found.get("lifecycle_stage", "active"),
    )


def run_inputs_from(found: Json) -> RunInputs:
    """What `run_inputs` wrote."""
    models = tuple([LoggedModelInput(item["model_id"]) for item in found.get("model_inputs", [])])
    return RunInputs(tuple([dataset_input_from(item) for item in found.get("dataset_inputs", [])]), models)


def dataset_input_from(found: Json) -> DatasetInput:
    """A dataset as an input of a run."""
    dataset = found.get("dataset", {})
    names = ("name", "digest", "source_type", "source")
    tags = tuple([InputTag(key, value) for key, value in _by_key(found, "tags").items()])
    texts = {name: dataset.get(name, "") for name in names}
    return DatasetInput(Dataset(**texts, schema=dataset.get("schema"), profile=dataset.get("profile")), tags)


def run_outputs_from(found: Json) -> RunOutputs:
    """What `run_outputs` wrote."""
    return RunOutputs(tuple([LoggedModelOutput(item["model_id"], int(item.get("step", 0))) for item in found.get("model_outputs", [])]))


def run_from(found: Json) -> Run:
    """A run with its data, inputs and outputs."""
    data = found.get("data", {})
    metrics = {point.key: point.value for point in map(metric_from, data.get("metrics", []))}
    logged = RunData(metrics, _by_key(data, "params"), _by_key(data, "tags"))
    inputs, outputs = run_inputs_from(found.get("inputs", {})), run_outputs_from(found.get("outputs", {}))
    return Run(run_info_from(found["info"]), logged, inputs, outputs)


def dataset_summary_from(found: Json) -> DatasetSummary:
    """The dataset that `dataset_summary` wrote."""
    return DatasetSummary(found["experiment_id"], found["name"], found["digest"], found.get("context"))


def logged_model_from(found: Json) -> "LoggedModel":
    """The model that `logged_model` wrote."""
    from mlctl.tracking import logged_models

    info, data = found.get("info", {}), found.get("data", {})
    return logged_models.LoggedModel(
        experiment_id=info["experiment_id"],
        model_id=info["model_id"],
        name=info.get("name", ""),
        artifact_location=info.get("artifact_uri", ""),
        creation_timestamp=int(info.get("creation_timestamp_ms", 0)),
        last_updated_timestamp=int(info.get("last_updated_timestamp_ms", 0)),
        model_type=info.get("model_type") or None,
        source_run_id=info.get("source_run_id") or None,
        status=logged_models.status(info.get("status", 0)),
        status_message=info.get("status_message") or None,
        tags=_by_key(info, "tags"),
        params=_by_key(data, "params"),
        metrics=[_point_of_model_from(item) for item in data.get("metrics", [])],
    )


def _point_of_model_from(found: Json) -> Metric:
    names = ("model_id", "dataset_name", "dataset_digest", "run_id")
    plain = metric_from(found)
    return Metric(plain.key, plain.value, plain.timestamp, plain.step, *(found.get(name) for name in names))


def model_version_from(found: Json) -> "ModelVersion":
    """The version that `model_version` wrote."""
    from mlctl.tracking.registry import READY, ModelVersion

    return ModelVersion(
        name=found["name"],
        version=str(found["version"]),
        creation_timestamp=int(found.get("creation_timestamp", 0)),
        last_updated_timestamp=_optional_int(found.get("last_updated_timestamp")),
        description=found.get("description"),
        user_id=found.get("user_id") or None,
        current_stage=found.get("current_stage"),
        source=found.get("source", ""),
        run_id=found.get("run_id", ""),
        status=found.get("status", READY),
        status_message=found.get("status_message"),
        tags=_by_key(found, "tags"),
        run_link=found.get("run_link", ""),
        aliases=list(found.get("aliases", [])),
        model_id=found.get("model_id") or None,
    )


def registered_model_from(found: Json) -> "RegisteredModel":
    """The model that `registered_model` wrote."""
    from mlctl.tracking.registry import RegisteredModel

    return RegisteredModel(
        name=found["name"],
        creation_timestamp=_optional_int(found.get("creation_timestamp")),
        last_updated_timestamp=_optional_int(found.get("last_updated_timestamp")),
        description=found.get("description"),
        latest_versions=[model_version_from(item) for item in found.get("latest_versions", [])],
        tags=_by_key(found, "tags"),
        aliases={item["alias"]: str(item["version"]) for item in found.get("aliases", [])},
    )


def registry_event_from(found: Json) -> "RegistryEvent":
    """The line that `registry_event` wrote."""
    from mlctl.tracking.registry import RegistryEvent

    texts = (found["user_id"], found["action"], found.get("before", ""), found.get("after", ""))
    return RegistryEvent(found["name"], found.get("version"), int(found["timestamp"]), *texts)


def owner_from(found: Json) -> Owner:
    """The process that `owner` wrote."""
    return Owner(
        host=found["host"],
        boot_id=found["boot_id"],
        pid=int(found["pid"]),
        pid_started=int(found["pid_started"]),
        heartbeat_ms=int(found.get("heartbeat_ms", 0)),
        stop_requested=bool(found.get("stop_requested", False)),
    )
