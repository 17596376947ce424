"""What a script does with an estimator after its training was logged: ``score``, and metrics of its predictions.

They are logged to the training's run as ``<metric>[-<n>]_<name of the data's variable>``, and ``metric_info.json`` keeps each call.
Nothing here keeps data, predictions or estimators alive: they are known by weak references.
"""

import json
import weakref
from collections import defaultdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Callable, DefaultDict, Dict, List, Mapping, NamedTuple, Optional, Set, Tuple

from mlctl.autologging import sklearn_data
from mlctl.autologging.trainings import log
from mlctl.files import writing as artifact_writing
from mlctl.tracking.fluent_active import store_of

if TYPE_CHECKING:
    from mlctl.autologging.options import SklearnOptions

_MOST_METRICS = 200
"""Evaluations of one run that are logged: a loop over thresholds is no place to write a file each time."""

_MOST_DATASETS = 10
"""Data that a run's estimator was asked about, as inputs of the run: a loop over single rows is no reason for thousands."""

_UNKNOWN = "unknown_dataset"
_HERE = str(Path(__file__).parent)


class Model:
    """A trained estimator's run, and what has been measured of it."""

    def __init__(self, run_id: str, options: "SklearnOptions") -> None:
        self.run_id = run_id
        self.options = options
        self._calls: Dict[str, str] = {}
        self._described: Set[int] = set()
        self._counts: DefaultDict[str, int] = defaultdict(int)
        self._data: DefaultDict[str, Dict[int, int]] = defaultdict(dict)

    def predicted(self, result: Any, data: Any) -> None:
        """Remember that a result came from this estimator and these data, and describe the first few kinds of data."""
        _predictions.add(result, (self, self._name_of(data)))
        if self.options.log_datasets and id(data) not in self._described and len(self._described) < _MOST_DATASETS:
            self._described.add(id(data))
            sklearn_data.link(self.run_id, sklearn_data.describe(data), "eval")

    def scored(self, estimator: Any, method: Callable[..., Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any], *, value: Any) -> None:
        """Log what ``estimator.score(…)`` gave."""
        kind = type(estimator).__name__
        data = args[0] if args else next(iter(kwargs.values()), None)
        call = _call(f"{kind}.{method.__name__}", method, (estimator, *args), kwargs, skip=1)
        self.measured(f"{kind}_score", self._name_of(data), call, value=value)

    def measured(self, metric: str, data: str, call: str, *, value: Any) -> None:
        """Log a metric under the next free name, and what was called for it."""
        if not _is_number(value) or len(self._calls) >= _MOST_METRICS:
            return
        self._counts[metric] += 1
        key = f"{_numbered(metric, self._counts[metric])}_{data}"
        self._calls[key] = call
        log(self.run_id, metrics={key: value}, silent=self.options.silent)
        store = store_of(self.run_id)
        text = json.dumps(self._calls, indent=2, sort_keys=True)
        artifact_writing.put_text(store.artifacts(store.get_run(self.run_id).info), text, "metric_info.json")

    def _name_of(self, data: Any) -> str:
        """The name of the variable that holds the data; other data of the same name get a number."""
        name = _variable(data, otherwise=_UNKNOWN)
        known = self._data[name]
        if id(data) not in known and len(known) < _MOST_METRICS:
            known[id(data)] = len(known) + 1
        return _numbered(name, known.get(id(data), len(known)))


class _ByIdentity:
    """Facts about objects for as long as they live."""

    def __init__(self) -> None:
        self._facts: Dict[int, Tuple[weakref.ref[Any], Any]] = {}

    def add(self, item: Any, fact: Any) -> None:
        number = id(item)
        facts = self._facts
        try:
            facts[number] = (weakref.ref(item, lambda _: facts.pop(number, None)), fact)
        except TypeError:  # lists, numbers: nobody can say when they are gone and their identity means another object
            return

    def get(self, item: Any) -> Any:
        found = self._facts.get(id(item))
        return found[1] if found is not None and found[0]() is item else None


_models = _ByIdentity()
_predictions = _ByIdentity()


def register(estimator: Any, run_id: str, options: "SklearnOptions") -> None:
    """Remember which run an estimator was trained in."""
    _models.add(estimator, Model(run_id, options))


def model_of(estimator: Any) -> Optional[Model]:
    """What is known of an estimator, if its training was logged by this process."""
    found: Optional[Model] = _models.get(estimator)
    return found


def measured(metric: Callable[..., Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any], *, value: Any) -> None:
    """Log what a metric gave, if one of its arguments is a prediction of an estimator that is known."""
    for item in (*args, *kwargs.values()):
        found = _predictions.get(item)
        if found is not None:
            model, data = found
            model.measured(metric.__name__, data, _call(metric.__name__, metric, args, kwargs), value=value)
            return


def _numbered(name: str, number: int) -> str:
    return name if number <= 1 else f"{name}-{number}"


def _is_number(value: Any) -> bool:
    from numbers import Real

    return isinstance(value, Real) and not isinstance(value, bool)


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Argument(NamedTuple):
    name: str
    value: Any


def _call(name: str, function: Callable[..., Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any], *, skip: int = 0) -> str:
    """A call as it might stand in the script, with the names of its variables."""
    import inspect

    named: List[_Argument] = [_Argument(*pair) for pair in zip(inspect.signature(function).parameters, args)][skip:]
    named += [_Argument(*pair) for pair in kwargs.items()]
    return f"{name}({', '.join(f'{item.name}={_text(item.value)}' for item in named)})"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 32 else value[:32] + "...")
    if value is None or isinstance(value, (bool, int, float, complex, bytes)):
        return repr(value)
    return _variable(value, otherwise=f"<{type(value).__name__}>")


def _variable(value: Any, *, otherwise: str) -> str:
    """The variable that holds a value in the outermost function that it was handed down from."""
    import sys

    frame: Optional[FrameType] = sys._getframe(1)  # noqa: SLF001 -- variables have names nowhere else
    while frame is not None and (frame.f_code.co_filename.startswith(_HERE) or _is_argument(frame, value)):
        frame = frame.f_back
    if value is None or frame is None:
        return otherwise
    return next((name for name, item in list(frame.f_locals.items()) if item is value), otherwise)


def _is_argument(frame: FrameType, value: Any) -> bool:
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    for name in code.co_varnames[:count]:
        item = frame.f_locals.get(name)
        inside = item if isinstance(item, tuple) else item.values() if isinstance(item, dict) else ()
        if item is value or any(part is value for part in inside):
            return True
    return False
