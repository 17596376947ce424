"""What the store holds: experiments, runs, metrics, params and tags, with MLflow's attribute names.

Times are milliseconds since the epoch (UTC). ``dict(entity)`` gives an entity's attributes, as it does in MLflow.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Dict, Generic, Iterator, List, Optional, Sequence, Tuple, TypeVar

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

T = TypeVar("T")


class Entity:
    """Base of the entities: iterating gives (attribute, value) pairs."""

    def __iter__(self) -> Iterator[Tuple[str, Any]]:
        for item in fields(self):  # type: ignore[arg-type]
            yield item.name, getattr(self, item.name)

    def to_dictionary(self) -> Dict[str, Any]:
        """Attributes by name, entities inside turned into dictionaries too."""
        return {name: value.to_dictionary() if isinstance(value, Entity) else value for name, value in self}


@dataclass(frozen=True)
class Metric(Entity):
    """One point of a metric: ``timestamp`` in ms, ``step`` any 64-bit integer, ``value`` may be NaN or infinite."""

    key: str
    value: float
    timestamp: int
    step: int = 0


@dataclass(frozen=True)
class Param(Entity):
    """A parameter of a run; written once."""

    key: str
    value: str


@dataclass(frozen=True)
class RunTag(Entity):
    """A tag of a run."""

    key: str
    value: str


@dataclass(frozen=True)
class ExperimentTag(Entity):
    """A tag of an experiment."""

    key: str
    value: str


@dataclass(frozen=True)
class Experiment(Entity):
    """A named group of runs. ``experiment_id`` is an integer written as text."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str = ACTIVE
    tags: Dict[str, str] = field(default_factory=dict)
    creation_time: Optional[int] = None
    last_update_time: Optional[int] = None


@dataclass(frozen=True)
class RunInfo(Entity):
    """A run without its data. ``end_time`` is None while it has none."""

    run_id: str
    run_name: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    end_time: Optional[int]
    artifact_uri: str
    lifecycle_stage: str = ACTIVE


@dataclass(frozen=True)
class RunData(Entity):
    """Latest value of each metric, params and tags of a run, by key."""

    metrics: Dict[str, float] = field(default_factory=dict)
    params: Dict[str, str] = field(default_factory=dict)
    tags: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run(Entity):
    """A run: ``info`` and ``data``."""

    info: RunInfo
    data: RunData


@dataclass(frozen=True)
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
