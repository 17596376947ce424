"""How models look to people: the list, the page of one, its signature as a table."""

from __future__ import annotations

import json
import posixpath
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl import render
from mlctl.commands import run_columns
from mlctl.errors import SchemaError
from mlctl.models.params import ParamSpec
from mlctl.models.schema import TensorSpec
from mlctl.models.signature import ModelSignature
from mlctl.tracking.logged_models import MODEL_VERSIONS_TAG, LoggedModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlctl.commands.model_places import Place
    from mlctl.tracking.registry import ModelVersion

_MOST_METRICS = 8
_REQUIREMENTS = "requirements.txt"


class Page(NamedTuple):
    """All that is shown of a model."""

    data: dict[str, Any]
    text: str
    signature: render.Table | None


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def table(models: Sequence[LoggedModel], *, experiments: Mapping[str, str]) -> render.Table:
    """Logged models as a table, with the newest value of each metric."""
    now = time.time() * 1000
    several = len({item.experiment_id for item in models}) > 1
    measured = [metrics(item) for item in models]
    keys = list(dict.fromkeys(key for values in measured for key in values))[:_MOST_METRICS]
    columns = [
        render.Column("model_id", show=lambda text: text[:10], style="bold"),
        render.Column("name"),
        *([render.Column("experiment", rank=2)] if several else []),
        render.Column("status", style="status"),
        render.Column("created", show=lambda ms: render.age(now - ms), rank=1, right=True),
        render.Column("run", show=lambda text: text[:8], rank=1),
        render.Column("type", rank=3),
        render.Column("versions", rank=1),
        *(render.Column(key, show=render.amount, rank=2, right=True, style="cyan") for key in keys),
    ]
    rows = [
        [
            item.model_id,
            item.name,
            *([experiments.get(item.experiment_id, item.experiment_id)] if several else []),
            str(item.status),
            item.creation_timestamp,
            item.source_run_id,
            item.model_type,
            ", ".join(versions(item)) or None,
            *(values.get(key) for key in keys),
        ]
        for item, values in zip(models, measured, strict=True)
    ]
    return render.Table(columns, rows, empty="There are no logged models here.")


def data(model: LoggedModel) -> dict[str, Any]:
    """A logged model in JSON."""
    found = model.to_dictionary()
    return {**found, "status": str(model.status), "metrics": metrics(model), "versions": versions(model)}


def metrics(model: LoggedModel) -> dict[str, float]:
    """The newest value of each metric."""
    points = sorted(model.metrics or (), key=lambda point: (point.timestamp, point.step))
    return {point.key: point.value for point in points}


def versions(model: LoggedModel) -> list[str]:
    """The registered versions that a logged model has become, as NAME/3."""
    try:
        found = json.loads(model.tags.get(MODEL_VERSIONS_TAG, "[]"))
        return list(dict.fromkeys(f"{item['name']}/{item['version']}" for item in found))  # MLflow's clients note them, too
    except (KeyError, TypeError, ValueError):
        return []


# ── a single one ─────────────────────────────────────────────────────────────────────────────────────────────────────


def page(place: Place, mlmodel: dict[str, Any]) -> Page:
    """All that MLmodel, the files beside it and the store say of a model."""
    files = {posixpath.relpath(item.path, place.path or "."): item.file_size or 0 for item in place.listed()}
    requirements = [line.strip() for line in place.text(_REQUIREMENTS).splitlines() if line.strip() and not line.startswith("#")]
    signature, problem = _signature(mlmodel)
    shown = table_of(signature) if signature is not None else None
    found = {
        "uri": place.uri,
        "logged_model": None if place.logged is None else data(place.logged),
        "run": None if place.run is None else {"run_id": place.run.info.run_id, "run_name": place.run.info.run_name},
        "datasets": [item.dataset.to_dictionary() for item in place.run.inputs.dataset_inputs] if place.run else [],
        "version": None if place.version is None else place.version.to_dictionary(),
        "mlmodel": mlmodel,
        "signature": None if signature is None else {key: json.loads(text) if text else None for key, text in signature.to_dict().items()},
        "requirements": requirements,
        "size_bytes": sum(files.values()),
        "files": files,
    }
    return Page(found, _text(place, found, problem), shown)


def _signature(mlmodel: Mapping[str, Any]) -> tuple[ModelSignature | None, str]:
    given = mlmodel.get("signature")
    try:
        return (ModelSignature.from_dict(given), "") if isinstance(given, dict) else (None, "none: what the model takes is not checked")
    except SchemaError as error:
        return None, f"cannot be read: {error.message}"


def _text(place: Place, found: Mapping[str, Any], problem: str) -> str:
    mlmodel, logged, version = found["mlmodel"], place.logged, place.version
    created = logged.creation_timestamp if logged else None
    facts = {
        "model": f"{found['uri']}  {logged.name if logged else ''}".rstrip(),
        "id": logged.model_id if logged else mlmodel.get("model_id"),
        "status": str(logged.status) if logged else None,
        "version": _version(version) if version else None,
        "registered": ", ".join(versions(logged)) if logged and not version else None,
        "type": logged.model_type if logged else None,
        "created": render.instant(created) if created else mlmodel.get("utc_time_created"),
        "run": f"{place.run.info.run_id}  {place.run.info.run_name}" if place.run else mlmodel.get("run_id"),
        "data": ", ".join(f"{item['name']} ({item['digest']})" for item in found["datasets"]),
        "flavors": "; ".join(_flavor(name, flavor) for name, flavor in mlmodel["flavors"].items()),
        "python": _python(mlmodel),
        "logged with": f"mlflow {mlmodel['mlflow_version']}" if mlmodel.get("mlflow_version") else None,
        "size": f"{render.size(found['size_bytes'])} in {len(found['files'])} file{'' if len(found['files']) == 1 else 's'}",
        "example": (mlmodel.get("saved_input_example_info") or {}).get("artifact_path"),
        "files": logged.artifact_location if logged else None,
    }
    lines = [f"{name:<12} {value}" for name, value in facts.items() if value]
    if logged is not None:
        lines += run_columns.section("params", logged.params)
        lines += run_columns.section("metrics", {key: render.amount(value) for key, value in metrics(logged).items()})
        lines += run_columns.section("tags", {key: value for key, value in logged.tags.items() if not key.startswith("mlflow.")})
    lines += ["", "requirements", *(f"  {line}" for line in found["requirements"])] if found["requirements"] else []
    return "\n".join([*lines, "", f"signature{f': {problem}' if problem else ''}"])


def about(place: Place, found: Mapping[str, Any]) -> dict[str, Any]:
    """What a model is, for comparing it with another one."""
    mlmodel, logged = found["mlmodel"], place.logged
    facts = {
        "name": logged.name if logged else None,
        "type": logged.model_type if logged else None,
        "run": place.run.info.run_name if place.run else None,
        "created": render.instant(logged.creation_timestamp) if logged else str(mlmodel.get("utc_time_created", ""))[:19],
        "flavors": "; ".join(_flavor(name, flavor) for name, flavor in mlmodel["flavors"].items()),
        "python": _python(mlmodel),
        "size": render.size(found["size_bytes"]),
        "stage": place.version.current_stage if place.version else None,
    }
    return {key: value for key, value in facts.items() if value}


def _version(version: ModelVersion) -> str:
    aliases = "".join(f" @{alias}" for alias in version.aliases)
    return f"{version.name}/{version.version}{aliases}  {version.current_stage or 'None'}"


def _flavor(name: str, flavor: Any) -> str:
    known = flavor if isinstance(flavor, dict) else {}
    told = {
        "loader": known.get("loader_module"),
        "version": next((value for key, value in known.items() if key.endswith("_version") and key != "python_version"), None),
        "format": known.get("serialization_format"),
    }
    said = ", ".join(str(value) for value in told.values() if value)
    return f"{name} ({said})" if said else name


def _python(mlmodel: Mapping[str, Any]) -> str | None:
    found = mlmodel["flavors"].get("python_function")
    return found.get("python_version") if isinstance(found, dict) else None


def table_of(signature: ModelSignature) -> render.Table:
    """A signature as a table: a row for each input, output and param."""
    columns = [
        render.Column("part", section=True),
        render.Column("name"),
        render.Column("type"),
        render.Column("required"),
        render.Column("default"),
    ]
    rows: list[list[Any]] = []
    for part, schema in (("inputs", signature.inputs), ("outputs", signature.outputs), ("params", signature.params)):
        rows += [[part, *_cells(spec)] for spec in schema or ()]
    return render.Table(columns, rows)


def _cells(spec: Any) -> list[Any]:
    if isinstance(spec, ParamSpec):
        kind = repr(spec.dtype) if spec.shape is None else f"{spec.dtype!r}, a list"
        return [spec.name, kind, "no", json.dumps(spec.to_dict()["default"])]
    kind = f"{spec.dtype_name} {spec.shape}" if isinstance(spec, TensorSpec) else repr(spec.type)
    return [None if spec.name is None else str(spec.name), kind, "yes" if spec.required else "no", None]
