"""A training under watch: which run it logs to, how that ends, and that only the outermost training logs.

A grid search fits its estimators hundreds of times, some of them in threads; none of those inner trainings is a training of its own.
"""

import contextlib
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Protocol, Sequence, Tuple

from mlctl.autologging.notices import guard, say
from mlctl.autologging.options import Options
from mlctl.errors import InvalidValueError
from mlctl.tracking import fluent
from mlctl.tracking.entities import Metric, Param, RunTag
from mlctl.tracking.fluent_active import store_of

AUTOLOGGING_TAG = "mlflow.autologging"

_PARAM_CHARACTERS = 6000
_TAG_CHARACTERS = 8000
_KEY_CHARACTERS = 250
_AT_ONCE = 100


def tags_to_add(extra_tags: Optional[Mapping[str, Any]], *, silent: bool) -> Dict[str, str]:
    """The tags that a caller wants on the runs that autologging starts.

    Raises:
        InvalidValueError: they are no dictionary.
    """
    if extra_tags is not None and not isinstance(extra_tags, dict):
        raise InvalidValueError(f"extra_tags is {extra_tags!r}.", hint="Give a dictionary of tags.")
    found = {str(key): str(value) for key, value in (extra_tags or {}).items()}
    if found.pop(AUTOLOGGING_TAG, None) is not None:
        say(f"The tag {AUTOLOGGING_TAG} says which library was logged; the one in extra_tags is left out.", silent=silent)
    return found


# ── only the outermost ───────────────────────────────────────────────────────────────────────────────────────────────

_depth: Dict[threading.Thread, int] = {}


def is_inner() -> bool:
    """Whether this thread is inside a training that is watched (or must not be): its own, or that of the thread whose pool it serves.

    joblib's threads are those of a `multiprocessing.pool.ThreadPool`, which know who made them; other threads are on their own.
    """
    thread: Optional[Any] = threading.current_thread()
    while thread is not None:
        if thread in _depth:
            return True
        thread = getattr(thread, "_parent", None)
    return False


@contextlib.contextmanager
def unwatched() -> Iterator[None]:
    """What is called in this block is not logged."""
    thread = threading.current_thread()
    _depth[thread] = _depth.get(thread, 0) + 1
    try:
        yield
    finally:
        _depth[thread] -= 1
        if not _depth[thread]:
            del _depth[thread]


# ── one training ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Recorder(Protocol):
    """What a library's file knows about one training."""

    def before(self, run_id: str) -> None:
        """Log what is known beforehand."""
        ...

    def after(self, run_id: str, result: Any, duration_s: float) -> None:
        """Log what the training gave; ``duration_s`` is how long it took."""
        ...


def watch(options: Options, make: Callable[[], Recorder], train: Callable[[], Any]) -> Any:
    """Train, and log it to the active run, else to one of its own, which ends with the training.

    Whatever goes wrong in logging is told once; the training's own result or exception is handed on untouched.
    """
    if is_inner() or (options.exclusive and fluent.active_run() is not None):
        with unwatched():
            return train()
    with unwatched():
        return _Training(options, make)(train)


class WatchedCall:
    """A call that its recorder makes itself, to put something into it: made as it is if no recorder could be made.

    Args:
        make: makes the recorder, which has a method ``train``.
        plain: makes the call as it is.
    """

    def __init__(self, make: Callable[[], Any], plain: Callable[[], Any]) -> None:
        self._make = make
        self._plain = plain
        self.recorder: Any = None

    def make(self) -> Any:
        """The recorder."""
        self.recorder = self._make()
        return self.recorder

    def train(self) -> Any:
        """Make the call."""
        return self._plain() if self.recorder is None else self.recorder.train()


_REST_FACTOR = 20


class _Rest:
    """Until when (monotonic seconds) no run is started: a store out of reach may take its time to say so, and not at every training."""

    until = 0.0


class _Training:
    def __init__(self, options: Options, make: Callable[[], Recorder]) -> None:
        self._options = options
        self._recorder: Optional[Recorder] = None
        self._run_id = ""
        self._is_ours = False
        started = time.monotonic()
        if started < _Rest.until:
            return
        with self._guard("start logging a training"):
            self._recorder = make()
            self._join()
        if not self._run_id:
            _Rest.until = time.monotonic() + _REST_FACTOR * (time.monotonic() - started)

    def __call__(self, train: Callable[[], Any]) -> Any:
        try:
            self._say_before()
            started = time.monotonic()
            result = train()
            self._say_after(result, time.monotonic() - started)
        except BaseException as error:
            self._end(_status_after(error))
            raise
        self._end("FINISHED")
        return result

    def _guard(self, what: str) -> "contextlib.AbstractContextManager[None]":
        return guard(what, silent=self._options.silent)

    def _join(self) -> None:
        active = fluent.active_run()
        self._is_ours = active is None
        if active is None:
            active = fluent.start_run(tags={AUTOLOGGING_TAG: self._options.library, **self._options.extra_tags})
        self._run_id = active.info.run_id

    def _say_before(self) -> None:
        if self._recorder is not None and self._run_id:
            with self._guard("log what a training starts from"):
                self._recorder.before(self._run_id)

    def _say_after(self, result: Any, duration_s: float) -> None:
        if self._recorder is not None and self._run_id:
            with self._guard("log what a training gave"):
                self._recorder.after(self._run_id, result, duration_s)

    def _end(self, status: str) -> None:
        if not (self._is_ours and self._run_id):
            return
        with self._guard("end the run of a training"):
            active = fluent.active_run()
            if active is not None and active.info.run_id == self._run_id:
                fluent.end_run(status)


def _status_after(error: BaseException) -> str:
    if isinstance(error, SystemExit) and not error.code:
        return "FINISHED"
    return "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"


# ── logging to a run by its id ───────────────────────────────────────────────────────────────────────────────────────


def log(
    run_id: str,
    *,
    params: Optional[Mapping[str, Any]] = None,
    tags: Optional[Mapping[str, Any]] = None,
    metrics: Optional[Mapping[str, Any]] = None,
    silent: bool,
) -> None:
    """Log to a run, shortened to what a store takes. What it refuses (a param that has another value) is left out and told once."""
    now = int(time.time() * 1000)
    rows: List[Tuple[str, Any]] = [
        ("params", Param(_short(k, _KEY_CHARACTERS), _short(v, _PARAM_CHARACTERS))) for k, v in (params or {}).items()
    ]
    rows += [("tags", RunTag(_short(k, _KEY_CHARACTERS), _short(v, _TAG_CHARACTERS))) for k, v in (tags or {}).items()]
    rows += [("metrics", Metric(_short(k, _KEY_CHARACTERS), float(v), now, 0)) for k, v in (metrics or {}).items()]
    _log_all(run_id, rows, silent=silent)


def log_points(run_id: str, points: Sequence[Metric], *, silent: bool) -> None:
    """Log points of metrics to a run; what its store refuses is left out and told once."""
    _log_all(run_id, [("metrics", point) for point in points], silent=silent)


def _log_all(run_id: str, rows: Sequence[Tuple[str, Any]], *, silent: bool) -> None:
    refused = [name for start in range(0, len(rows), _AT_ONCE) for name in _log_rows(run_id, rows[start : start + _AT_ONCE])]
    if refused:
        say(f"Autologging left out what the run {run_id} does not take: {' '.join(refused[:3])}", silent=silent, once=f"refused {run_id}")


def _log_rows(run_id: str, rows: Sequence[Tuple[str, Any]]) -> List[str]:
    """Log all at once, or, if the store refuses that, one by one; returns what it refused even so."""
    store = store_of(run_id)
    try:
        store.log_batch(run_id, **{kind: [row for other, row in rows if other == kind] for kind in ("params", "tags", "metrics")})
    except InvalidValueError as error:
        if len(rows) == 1:
            return [error.message]
        return [text for row in rows for text in _log_rows(run_id, [row])]
    return []


def _short(value: Any, characters: int) -> str:
    text = str(value)
    return text if len(text) <= characters else text[: characters - 3] + "..."
