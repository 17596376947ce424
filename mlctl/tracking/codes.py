"""MLflow's names and numbers of statuses, views, stages and sources, for scripts that use them."""

from typing import Any, ClassVar, Dict, List, Union

from mlctl.errors import InvalidValueError
from mlctl.tracking import entities


class Code:
    """Base of the classes whose numbers have names."""

    _NAMES: ClassVar[Dict[int, str]] = {}

    @classmethod
    def to_string(cls, number: int) -> str:
        """The name of a number.

        Raises:
            InvalidValueError: there is no such number.
        """
        if number not in cls._NAMES:
            raise InvalidValueError(f"There is no {cls.__name__} {number!r}.", hint=f"One of: {', '.join(map(str, cls._NAMES))}.")
        return cls._NAMES[number]

    @classmethod
    def from_string(cls, name: str) -> int:
        """The number of a name.

        Raises:
            InvalidValueError: there is no such name.
        """
        for number, own in cls._NAMES.items():
            if own == name:
                return number
        raise InvalidValueError(f"There is no {cls.__name__} {name!r}.", hint=f"One of: {', '.join(cls._NAMES.values())}.")

    @classmethod
    def name_of(cls, value: Any) -> str:
        """The name of a number or of a name.

        Raises:
            InvalidValueError: there is no such number or name.
        """
        return cls.to_string(cls.from_string(value) if isinstance(value, str) else value)


class RunStatus(Code):
    """How a run stands."""

    RUNNING = 1
    SCHEDULED = 2
    FINISHED = 3
    FAILED = 4
    KILLED = 5

    _NAMES: ClassVar[Dict[int, str]] = dict(enumerate(entities.STATUSES, 1))

    @classmethod
    def all_status(cls) -> List[int]:
        """Every status."""
        return list(cls._NAMES)

    @classmethod
    def is_terminated(cls, status: Union[int, str]) -> bool:
        """Whether a run with this status has ended."""
        return cls.name_of(status) in entities.TERMINAL


class ViewType(Code):
    """Which of the active and the deleted runs or experiments are meant."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3

    _NAMES: ClassVar[Dict[int, str]] = {1: "active_only", 2: "deleted_only", 3: "all"}


def view(value: Union[int, str]) -> str:
    """What the store calls a view, of its number or name.

    Raises:
        InvalidValueError: there is no such view.
    """
    return ViewType.name_of(value.lower() if isinstance(value, str) else value).upper()


class SourceType(Code):
    """What started a run."""

    NOTEBOOK = 1
    JOB = 2
    PROJECT = 3
    LOCAL = 4
    UNKNOWN = 5

    _NAMES: ClassVar[Dict[int, str]] = {1: "NOTEBOOK", 2: "JOB", 3: "PROJECT", 4: "LOCAL", 5: "UNKNOWN"}


class LifecycleStage:
    """Whether a run or an experiment has been deleted."""

    ACTIVE = entities.ACTIVE
    DELETED = entities.DELETED

    @classmethod
    def is_valid(cls, lifecycle_stage: str) -> bool:
        """Whether there is such a stage."""
        return lifecycle_stage in (cls.ACTIVE, cls.DELETED)
