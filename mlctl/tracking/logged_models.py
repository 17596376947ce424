"""Logged models: what a run has made of its data, as an entity of its own beside runs (MLflow 3), with MLflow's attribute names."""

from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from mlctl.errors import InvalidValueError
from mlctl.tracking import validation
from mlctl.tracking.entities import Entity, Metric

MODEL_VERSIONS_TAG = "mlflow.modelVersions"
"""A list, in JSON, of the registered versions that a logged model has become."""

NAME_LENGTH = 500
PARAMS_A_REQUEST = 100
"""What MLflow's clients send with a new model; more of them follow."""

_FORBIDDEN = "/:.%\"'"


class LoggedModelStatus(str, Enum):
    """How far a model has come; a text, too."""

    UNSPECIFIED = "UNSPECIFIED"
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"

    def __str__(self) -> str:
        return self.value

    def to_int(self) -> int:
        """The status's number in MLflow's API."""
        return CODES[self]

    @staticmethod
    def is_finalized(status: "LoggedModelStatus") -> bool:
        """Whether nothing more is to come."""
        return status in (LoggedModelStatus.READY, LoggedModelStatus.FAILED)


CODES: Dict[LoggedModelStatus, int] = {status: number for number, status in enumerate(LoggedModelStatus)}
WIRE_NAMES: Dict[LoggedModelStatus, str] = {
    LoggedModelStatus.UNSPECIFIED: "LOGGED_MODEL_STATUS_UNSPECIFIED",
    LoggedModelStatus.PENDING: "LOGGED_MODEL_PENDING",
    LoggedModelStatus.READY: "LOGGED_MODEL_READY",
    LoggedModelStatus.FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
}
"""How MLflow's API writes them."""


@dataclass(frozen=True, repr=False)
class LoggedModelParameter(Entity):
    """A param of a logged model; written once."""

    key: str
    value: str


@dataclass(frozen=True, repr=False)
class LoggedModelTag(Entity):
    """A tag of a logged model."""

    key: str
    value: str


@dataclass(frozen=True, repr=False)
class LoggedModel(Entity):
    """A model that was logged. Times are in ms; ``metrics`` are all of its points."""

    experiment_id: str
    model_id: str
    name: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: Optional[str] = None
    source_run_id: Optional[str] = None
    status: LoggedModelStatus = LoggedModelStatus.READY
    status_message: Optional[str] = None
    tags: Dict[str, str] = field(default_factory=dict)
    params: Dict[str, str] = field(default_factory=dict)
    metrics: Optional[List[Metric]] = None

    @property
    def model_uri(self) -> str:
        """The model's address."""
        return f"models:/{self.model_id}"

    def __repr__(self) -> str:
        shown = sorted((name, value) for name, value in self if name not in ("tags", "params", "metrics"))
        return f"LoggedModel({', '.join(f'{name}={value!r}' for name, value in shown)})"

    def __iter__(self) -> Iterator[Tuple[str, Any]]:
        for item in fields(self):
            yield item.name, getattr(self, item.name)
        yield "model_uri", self.model_uri


class DatasetChoice(NamedTuple):
    """A dataset whose points a search looks at; without a digest, all of its name."""

    name: str
    digest: str = ""


class ModelOrder(NamedTuple):
    """What a search of logged models sorts by: an attribute or ``metrics.KEY``, whose points may be those of one dataset."""

    field: str
    ascending: bool = True
    dataset: Optional[DatasetChoice] = None


def dataset_choices(given: Optional[List[Mapping[str, str]]]) -> List[DatasetChoice]:
    """Datasets as MLflow's API writes them.

    Raises:
        InvalidValueError: one has no name.
    """
    found = [DatasetChoice(str(item.get("dataset_name") or ""), str(item.get("dataset_digest") or "")) for item in given or ()]
    if not all(item.name for item in found):
        raise InvalidValueError("A dataset of the search has no name.", hint='Give it as {"dataset_name": …}.')
    return found


def orders(given: Optional[List[Mapping[str, Any]]]) -> List[ModelOrder]:
    """What to sort by, as MLflow's API writes it.

    Raises:
        InvalidValueError: an item names no field, or a digest without a name.
    """
    found = []
    for item in given or ():
        field_name, name, digest = (str(item.get(key) or "") for key in ("field_name", "dataset_name", "dataset_digest"))
        if not field_name:
            raise InvalidValueError(
                "An item of order_by names no field.", hint='Give it as {"field_name": "metrics.loss", "ascending": True}.'
            )
        if digest and not name:
            raise InvalidValueError(f"The order {field_name!r} has a dataset's digest, but not its name.")
        found.append(ModelOrder(field_name, bool(item.get("ascending", True)), DatasetChoice(name, digest) if name else None))
    return found


def checked_name(name: Any) -> str:
    """The name of a logged model, as MLflow takes it.

    Raises:
        InvalidValueError: it is empty, too long, not text, or has a character that addresses need.
    """
    if not isinstance(name, str) or not name:
        raise InvalidValueError(f"The model name {name!r} is not a text of at least one character.")
    bad = next((character for character in name if character in _FORBIDDEN), None)
    if bad:
        raise InvalidValueError(
            f"The model name {name!r} contains {bad!r}.", hint=f"These characters are not allowed: {' '.join(_FORBIDDEN)}"
        )
    return validation.short_text(name, "model name", NAME_LENGTH)


def status(given: Union[str, int, LoggedModelStatus]) -> LoggedModelStatus:
    """A status by its name, its name in MLflow's API, or its number.

    Raises:
        InvalidValueError: there is none.
    """
    for known in LoggedModelStatus:
        if given in (known.value, WIRE_NAMES[known], known.to_int()):
            return known
    raise InvalidValueError(f"{given!r} is not a status of a logged model.", hint="Statuses: PENDING, READY, FAILED")


def random_model_id() -> str:
    """An id that no other model has."""
    from mlctl.tracking.run_names import random_run_id

    return f"m-{random_run_id()}"
