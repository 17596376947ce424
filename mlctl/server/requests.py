"""Bodies and queries of requests as typed structs, and how they are read.

What real clients send fits the structs as it is and is decoded in one step. What does not is read once more, as leniently as MLflow
reads it: camelCase names, numbers in text, ``null``, enums by number, unknown fields, a body that is JSON in a JSON text, or no JSON at
all. Whatever does not fit then is the caller's mistake and says which field it is.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET, Struct, UnsetType

from mlctl.errors import InvalidValueError
from mlctl.tracking import validation
from mlctl.tracking.entities import ACTIVE_ONLY, ALL, DELETED_ONLY, STATUSES

_VIEWS = (ACTIVE_ONLY, DELETED_ONLY, ALL)
ENUMS: dict[str, tuple[str, ...]] = {"status": STATUSES, "view_type": _VIEWS, "run_view_type": _VIEWS}
"""Fields that take a name or its number, counted from 1."""


class Body(Struct, kw_only=True, forbid_unknown_fields=True):
    """Base of all requests. A field without a default is required; ``enums`` are those that take a name or its number."""

    enums: ClassVar[dict[str, tuple[str, ...]]] = ENUMS


class Nothing(Body, kw_only=True):
    """A request that says nothing."""


class Pair(Body, kw_only=True):
    """A param or a tag."""

    key: str
    value: str = ""


class Point(Body, kw_only=True):
    """A point of a metric: time in ms."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    run_id: str = ""
    run_uuid: str = ""
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class CreateExperiment(Body, kw_only=True):
    """experiments/create."""

    name: str
    artifact_location: str = ""
    tags: list[Pair] = []


class OfExperiment(Body, kw_only=True):
    """A request about one experiment."""

    experiment_id: str


class ExperimentByName(Body, kw_only=True):
    """experiments/get-by-name."""

    experiment_name: str


class SearchExperiments(Body, kw_only=True):
    """experiments/search."""

    max_results: int
    filter: str = ""
    order_by: list[str] = []
    view_type: str = ""
    page_token: str = ""


class UpdateExperiment(OfExperiment, kw_only=True):
    """experiments/update."""

    new_name: str


class SetExperimentTag(OfExperiment, kw_only=True):
    """experiments/set-experiment-tag."""

    key: str
    value: str = ""


class DeleteExperimentTag(OfExperiment, kw_only=True):
    """experiments/delete-experiment-tag."""

    key: str


class SearchDatasets(Body, kw_only=True):
    """experiments/search-datasets."""

    experiment_ids: list[str] = []


class CreateRun(Body, kw_only=True):
    """runs/create."""

    experiment_id: str
    user_id: str = ""
    run_name: str = ""
    start_time: int = 0
    tags: list[Pair] = []


class OfRun(Body, kw_only=True):
    """A request about one run, whose id has two names."""

    run_id: str = ""
    run_uuid: str = ""


class UpdateRun(OfRun, kw_only=True):
    """runs/update."""

    status: str = ""
    end_time: int | UnsetType = UNSET
    run_name: str = ""


class LogMetric(Point, kw_only=True):
    """runs/log-metric."""


class LogPair(OfRun, kw_only=True):
    """runs/log-parameter and runs/set-tag."""

    key: str
    value: str = ""


class DeleteTag(OfRun, kw_only=True):
    """runs/delete-tag."""

    key: str


class LogBatch(OfRun, kw_only=True):
    """runs/log-batch."""

    metrics: list[Point] = []
    params: list[Pair] = []
    tags: list[Pair] = []


class LogModel(OfRun, kw_only=True):
    """runs/log-model."""

    model_json: str


class SearchRuns(Body, kw_only=True):
    """runs/search."""

    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: str = ""
    max_results: int = 1000
    order_by: list[str] = []
    page_token: str = ""


class History(OfRun, kw_only=True):
    """metrics/get-history."""

    metric_key: str
    max_results: int | UnsetType = UNSET
    page_token: str = ""


class BulkHistory(Body, kw_only=True):
    """metrics/get-history-bulk."""

    metric_key: str
    run_id: list[str] = []
    max_results: int = validation.BULK_POINTS


class SampledHistories(Body, kw_only=True):
    """metrics/get-history-bulk-interval."""

    metric_key: str
    run_ids: list[str] = []
    start_step: int | UnsetType = UNSET
    end_step: int | UnsetType = UNSET
    max_results: int = validation.SAMPLED_POINTS


class DatasetFields(Body, kw_only=True):
    """A dataset; source, schema and profile are JSON in text."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | UnsetType = UNSET
    profile: str | UnsetType = UNSET


class DatasetOfRun(Body, kw_only=True):
    """A dataset as an input of a run."""

    dataset: DatasetFields
    tags: list[Pair] = []


class ModelOfRun(Body, kw_only=True):
    """A model as an input or output of a run."""

    model_id: str
    step: int = 0


class LogInputs(OfRun, kw_only=True):
    """runs/log-inputs."""

    datasets: list[DatasetOfRun] = []
    models: list[ModelOfRun] = []


class LogOutputs(OfRun, kw_only=True):
    """runs/outputs."""

    models: list[ModelOfRun]


B = TypeVar("B", bound=Body)


def run_id(request: OfRun | Point) -> str:
    """The run that a request is about.

    Raises:
        InvalidValueError: it names none.
    """
    return request.run_id or request.run_uuid or _missing("run_id")


def from_body(kind: type[B], body: bytes, named: dict[str, str] | None = None) -> B:
    """A request from its JSON body, and from what its address names.

    Raises:
        InvalidValueError: a field is missing or has the wrong type.
    """
    if named:
        return _lenient(kind, {**_object(body), **named})
    try:
        found: B = _decoder(kind).decode(body)
        return found
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _lenient(kind, _object(body))


def from_query(kind: type[B], query: bytes, named: dict[str, str] | None = None) -> B:
    """A request from a query string, where repeated names make a list, and from what its address names.

    Raises:
        InvalidValueError: a field is missing or has the wrong type.
    """
    lists = _lists(kind)
    found: dict[str, Any] = {}
    for name, value in _query_pairs(query):
        if _snake(name) in lists:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return _lenient(kind, {**found, **(named or {})})


def _query_pairs(query: bytes) -> list[tuple[str, str]]:
    text = query.decode("latin-1")
    if "%" in text or "+" in text:
        return parse_qsl(text, keep_blank_values=True)
    return [(name, value) for name, _, value in (part.partition("=") for part in text.split("&"))]


@functools.cache
def _decoder(kind: type[B]) -> msgspec.json.Decoder[B]:
    return msgspec.json.Decoder(kind)


@functools.cache
def _lists(kind: type[Body]) -> frozenset[str]:
    return frozenset(item.name for item in msgspec.structs.fields(kind) if getattr(item.type, "__origin__", None) is list)


@functools.cache
def _nested(kind: type[Body]) -> dict[str, type[Body] | None]:
    """Fields by name, and the struct of those that are one or are lists of one."""
    found: dict[str, type[Body] | None] = {}
    for item in msgspec.structs.fields(kind):
        inner = next(iter(getattr(item.type, "__args__", ())), item.type)
        found[item.name] = inner if isinstance(inner, type) and issubclass(inner, Body) else None
    return found


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; {} for a body without one."""
    try:
        found = json.loads(body)
        if isinstance(found, str):  # ancient clients encode twice
            found = json.loads(found)
    except (ValueError, RecursionError):
        return {}
    if b"\\u" in body:
        _check_text(found)
    return found if isinstance(found, dict) else {}


def _check_text(found: Any) -> None:
    """Refuse half a surrogate pair, which JSON can write and UTF-8 cannot."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        raise InvalidValueError("The request has a text that is no Unicode.") from None


def _lenient(kind: type[B], found: dict[str, Any]) -> B:
    tidy = _tidy(kind, found)
    try:
        return msgspec.convert(tidy, kind, strict=False)
    except (msgspec.ValidationError, UnicodeError, RecursionError, OverflowError) as error:
        raise _explained(str(error)) from None


def _tidy(kind: type[Body], found: dict[str, Any]) -> dict[str, Any]:
    """The known fields of an object that are set, under their own names."""
    fields = _nested(kind)
    tidy: dict[str, Any] = {}
    for given, value in found.items():
        name = _snake(given)
        if name not in fields:
            continue
        if given != name and name in found:
            raise InvalidValueError(f"The field {name!r} is given twice: as {name!r} and as {given!r}.")
        if value is not None:
            tidy[name] = _tidy_value(value, fields[name], kind.enums.get(name, ()))
    return tidy


def _tidy_value(value: Any, inner: type[Body] | None, enum: tuple[str, ...]) -> Any:
    if inner is not None and isinstance(value, list):
        return [_tidy(inner, item) if isinstance(item, dict) else item for item in value]
    if inner is not None and isinstance(value, dict):
        return _tidy(inner, value)
    if type(value) is int and 1 <= value <= len(enum):
        return enum[value - 1]
    return value


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower() if not name.islower() else name


def _explained(message: str) -> InvalidValueError:
    """The error for one of msgspec's: which field, and what is wrong with it."""
    what, _, where = message.partition(" - at ")
    path = where.strip("`").removeprefix("$").removeprefix(".")
    missing = re.match(r"Object missing required field `(\w+)`", what)
    if missing:
        return _absent(f"{path}.{missing[1]}" if path else missing[1])
    return InvalidValueError(f"Invalid value for parameter {path or 'request'!r}: {what.replace('`', '')}.")


def _absent(name: str) -> InvalidValueError:
    return InvalidValueError(f"Missing value for required parameter {name!r}.")


def _missing(name: str) -> str:
    raise _absent(name)
