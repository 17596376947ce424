"""What the store holds: experiments, runs, metrics, params, tags, inputs and outputs, with MLflow's attribute names.

Times are milliseconds since the epoch (UTC). ``dict(entity)`` gives an entity's attributes, as it does in MLflow.
"""

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Dict, Generic, Iterator, List, Mapping, Optional, Sequence, Tuple, TypeVar

ACTIVE = "active"
DELETED = "deleted"

ACTIVE_ONLY = "ACTIVE_ONLY"
DELETED_ONLY = "DELETED_ONLY"
ALL = "ALL"

STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
TERMINAL = ("FINISHED", "FAILED", "KILLED")

RUN_NAME_TAG = "mlflow.runName"
NOTE_TAG = "mlflow.note.content"
PARENT_TAG = "mlflow.parentRunId"
CLIENT_TAG = "mlctl.mlflow"  # which mlflow the script of a run logs through
CONTEXT_TAG = "mlflow.data.context"
SYSTEM_PREFIX = "system/"
"""Begins the keys of system metrics."""

T = TypeVar("T")


class Entity:
    """Base of the entities: iterating gives (attribute, value) pairs; printed, they look as MLflow's do."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(f'{name}={value!r}' for name, value in sorted(self))}>"

    def __iter__(self) -> Iterator[Tuple[str, Any]]:
        for item in fields(self):  # type: ignore[arg-type]
            yield item.name, getattr(self, item.name)

    def to_dictionary(self) -> Dict[str, Any]:
        """Attributes by name, entities inside turned into dictionaries too."""
        return {name: _plain(value) for name, value in self}

    @classmethod
    def from_dictionary(cls, the_dict: Mapping[str, Any]) -> "Any":
        """The entity with these attributes; others are passed over."""
        return cls(**{item.name: the_dict[item.name] for item in fields(cls) if item.name in the_dict})  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.to_dictionary() if isinstance(value, Entity) else value


def _by_key(items: Any) -> Dict[str, Any]:
    """Values by key, also of a list of metrics, params or tags, from which scripts for MLflow make entities."""
    return items if isinstance(items, dict) else {item.key: item.value for item in items or ()}


@dataclass(frozen=True, repr=False, init=False)
class Metric(Entity):
    """One point of a metric: ``timestamp`` in ms, ``step`` any 64-bit integer, ``value`` may be NaN or infinite.

    With a ``model_id`` it is a point of that model, too, measured on a dataset perhaps; ``run_id`` says which run logged a model's point.
    """

    key: str
    value: float
    timestamp: int
    step: int = 0
    model_id: Optional[str] = None
    dataset_name: Optional[str] = None
    dataset_digest: Optional[str] = None
    run_id: Optional[str] = None

    def __init__(
        self,
        key: str,
        value: float,
        timestamp: int,
        step: int = 0,
        model_id: Optional[str] = None,
        dataset_name: Optional[str] = None,
        dataset_digest: Optional[str] = None,
        run_id: Optional[str] = None,
    ) -> None:
        own = self.__dict__  # half the time of what a frozen dataclass does
        own["key"], own["value"], own["timestamp"], own["step"] = key, value, timestamp, step
        if model_id is not None or dataset_name is not None or dataset_digest is not None or run_id is not None:
            own["model_id"], own["dataset_name"], own["dataset_digest"], own["run_id"] = model_id, dataset_name, dataset_digest, run_id


@dataclass(frozen=True, repr=False)
class Param(Entity):
    """A parameter of a run; written once."""

    key: str
    value: str


@dataclass(frozen=True, repr=False)
class RunTag(Entity):
    """A tag of a run."""

    key: str
    value: str


@dataclass(frozen=True, repr=False)
class ExperimentTag(Entity):
    """A tag of an experiment."""

    key: str
    value: str


@dataclass(frozen=True, repr=False)
class Experiment(Entity):
    """A named group of runs. ``experiment_id`` is an integer written as text."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str = ACTIVE
    tags: Dict[str, str] = field(default_factory=dict)
    creation_time: Optional[int] = None
    last_update_time: Optional[int] = None

    DEFAULT_EXPERIMENT_NAME: ClassVar[str] = "Default"

    def __post_init__(self) -> None:
        if type(self.tags) is not dict:
            object.__setattr__(self, "tags", _by_key(self.tags))


@dataclass(frozen=True, repr=False)
class RunInfo(Entity):
    """A run without its data. ``end_time`` is None while it has none."""

    run_id: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    end_time: Optional[int]
    lifecycle_stage: str = ACTIVE
    artifact_uri: str = ""
    run_name: str = ""

    @property
    def run_uuid(self) -> str:
        """What MLflow called the id before its version 1.1."""
        return self.run_id


@dataclass(frozen=True, repr=False)
class RunData(Entity):
    """Latest value of each metric, params and tags of a run, by key."""

    metrics: Dict[str, float] = field(default_factory=dict)
    params: Dict[str, str] = field(default_factory=dict)
    tags: Dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.metrics) is not dict:
            object.__setattr__(self, "metrics", _by_key(self.metrics))
        if type(self.params) is not dict:
            object.__setattr__(self, "params", _by_key(self.params))
        if type(self.tags) is not dict:
            object.__setattr__(self, "tags", _by_key(self.tags))


@dataclass(frozen=True, repr=False)
class Dataset(Entity):
    """Data that runs used. Within an experiment, name and digest say which; source, schema and profile are JSON."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: Optional[str] = None
    profile: Optional[str] = None


@dataclass(frozen=True, repr=False)
class InputTag(Entity):
    """A tag of a dataset as the input of a run; the one with the key `CONTEXT_TAG` says what it was used for."""

    key: str
    value: str


@dataclass(frozen=True, repr=False)
class DatasetInput(Entity):
    """A dataset as the input of a run."""

    dataset: Dataset
    tags: Tuple[InputTag, ...] = ()


@dataclass(frozen=True, repr=False)
class LoggedModelInput(Entity):
    """A model that a run used."""

    model_id: str


@dataclass(frozen=True, repr=False)
class LoggedModelOutput(Entity):
    """A model that a run made, at a step."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, repr=False)
class RunInputs(Entity):
    """What a run used."""

    dataset_inputs: Tuple[DatasetInput, ...] = ()
    model_inputs: Tuple[LoggedModelInput, ...] = ()


@dataclass(frozen=True, repr=False)
class RunOutputs(Entity):
    """What a run made."""

    model_outputs: Tuple[LoggedModelOutput, ...] = ()


NO_INPUTS = RunInputs()
NO_OUTPUTS = RunOutputs()


@dataclass(frozen=True, repr=False)
class Run(Entity):
    """A run: ``info`` and ``data``, and which datasets and models it used and made."""

    info: RunInfo
    data: RunData
    inputs: RunInputs = NO_INPUTS
    outputs: RunOutputs = NO_OUTPUTS


@dataclass(frozen=True, repr=False)
class FileInfo(Entity):
    """A file or folder among a run's artifacts. ``path`` starts at the run's root; ``file_size`` is in bytes, None for a folder."""

    path: str
    is_dir: bool
    file_size: Optional[int] = None


@dataclass(frozen=True, repr=False)
class DatasetSummary(Entity):
    """A dataset of an experiment, in one of the contexts in which runs used it (None: in none that has a name)."""

    experiment_id: str
    name: str
    digest: str
    context: Optional[str] = None


@dataclass(frozen=True, repr=False)
class Owner(Entity):
    """The process that answers for a run: enough to prove later that it is gone.

    ``pid_started`` is the kernel's start time of the process in clock ticks since boot (0 where unknown), ``boot_id`` names the boot.
    """

    host: str
    boot_id: str
    pid: int
    pid_started: int
    heartbeat_ms: int = 0
    stop_requested: bool = False


class Page(List[T], Generic[T]):
    """A list of entities with the token of the next page (``None``: this was the last)."""

    def __init__(self, items: Sequence[T] = (), token: Optional[str] = None) -> None:
        super().__init__(items)
        self.token = token

    def to_list(self) -> List[T]:
        """The entities as a plain list."""
        return list(self)
