"""What is logged, as the store takes it: numbers out of whatever a script calls one, texts of all other values."""

import math
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from mlctl.errors import InvalidValueError
from mlctl.tracking.entities import NOTE_TAG, Metric, Param, RunTag

_SHOWN = 200  # characters of a value that an error quotes


class ModelPoint(NamedTuple):
    """What a point says beyond its run: which model it is of, and on which dataset it was measured."""

    model_id: Optional[str] = None
    dataset_name: Optional[str] = None
    dataset_digest: Optional[str] = None


def about(model_id: Optional[str], dataset_name: Optional[str], dataset_digest: Optional[str]) -> Optional[ModelPoint]:
    """What a point says beyond its run; None for nothing.

    Raises:
        InvalidValueError: only one of a dataset's name and digest is given.
    """
    if (dataset_name is None) != (dataset_digest is None):
        raise InvalidValueError("Only one of dataset_name and dataset_digest was given.", hint="Give both, or none.")
    return ModelPoint(model_id, dataset_name, dataset_digest) if model_id or dataset_name else None


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
        reason = "" if isinstance(value, (str, type(None))) else f": {error}"
        raise InvalidValueError(f"The metric {key!r} cannot be {_short(value)}{reason}.", hint="A metric's value is a number.") from None


def metric(key: str, value: Any, *, step: Any = None, timestamp: Any = None, about: "Optional[ModelPoint]" = None) -> Metric:
    """A point of a metric: ``step`` is 0 by default, ``timestamp`` (ms) is now. Both may be whole numbers of any type."""
    if type(step) is not int:
        step = 0 if step is None else _whole(step)
    if timestamp is None:
        timestamp = _moment(key, step)
    elif isinstance(timestamp, float) and math.isfinite(timestamp):
        timestamp = int(timestamp)  # as time.time() * 1000 is
    return Metric(key, number(key, value), timestamp, step, *(about or ()))


_latest: Dict[str, int] = {}


def _moment(key: str, step: Any) -> int:
    """Now; without a step a millisecond more than the key's last point at least: only their times keep the points of a series in order."""
    now = now_ms()
    if step:
        return now
    found = _latest[key] = max(now, _latest.get(key, 0) + 1)
    return found


def params(values: Mapping[str, Any]) -> List[Param]:
    """Params with the texts of their values."""
    return [Param(key, str(value)) for key, value in values.items()]


def tags(values: Mapping[str, Any]) -> List[RunTag]:
    """Tags with the texts of their values."""
    return [RunTag(key, str(value)) for key, value in with_note(values).items()]


def with_note(tags: Mapping[str, Any]) -> Mapping[str, Any]:
    """The tags, and the note under the key where notes are looked for, if it has capitals that do not belong there."""
    astray = [key for key in tags if key != NOTE_TAG and isinstance(key, str) and key.lower() == NOTE_TAG]
    return {**tags, NOTE_TAG: tags[astray[-1]]} if astray and NOTE_TAG not in tags else tags


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
