"""What is logged, as the store takes it: numbers out of whatever a script calls one, texts of all other values."""

import time
from typing import Any, List, Mapping, Optional

from mlctl.errors import InvalidValueError
from mlctl.tracking.entities import Metric, Param, RunTag


class Logged:
    """What logging with ``synchronous=False`` returns. Everything is in the store already."""

    def wait(self) -> None:
        """Return at once."""


def outcome(synchronous: Optional[bool]) -> Optional[Logged]:  # noqa: FBT001 -- an argument of MLflow's, handed on
    """What a logging call returns."""
    return Logged() if synchronous is False else None


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return int(time.time() * 1000)


def number(key: str, value: Any) -> float:
    """A metric's value as a number: of numbers, NumPy scalars, and arrays and tensors with one element.

    Raises:
        InvalidValueError: the value is not a number.
    """
    if type(value) is float:
        return value
    try:
        if hasattr(value, "detach"):  # a PyTorch tensor, perhaps on another device
            value = value.detach().cpu()
        return float(value.item() if hasattr(value, "item") else value)
    except Exception as error:  # noqa: BLE001 -- what a foreign type raises is not known
        reason = "" if isinstance(value, (str, type(None))) else f" ({error})"
        raise InvalidValueError(f"The metric {key!r} cannot be {value!r}{reason}.", hint="A metric's value is a number.") from None


def metric(key: str, value: Any, *, step: Optional[int] = None, timestamp: Optional[int] = None) -> Metric:
    """A point of a metric: ``step`` is 0 by default, ``timestamp`` (ms) is now."""
    return Metric(key, number(key, value), timestamp or now_ms(), step or 0)


def params(values: Mapping[str, Any]) -> List[Param]:
    """Params with the texts of their values."""
    return [Param(key, str(value)) for key, value in values.items()]


def tags(values: Mapping[str, Any]) -> List[RunTag]:
    """Tags with the texts of their values."""
    return [RunTag(key, str(value)) for key, value in values.items()]
