"""The functions that a training script calls: ``start_run``, ``log_metric``, … with MLflow's names, arguments and meaning.

Inside ``mlctl run`` the first run that a script starts is the project's own; later ones are new. A call that returns has been
committed to the store.
"""

import atexit
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, List, Mapping, Optional

from mlctl import settings
from mlctl.errors import InvalidValueError, MlctlError
from mlctl.tracking.current import current_store
from mlctl.tracking.entities import NOTE_TAG, PARENT_TAG, TERMINAL, Metric, Param, Run, RunTag

if TYPE_CHECKING:
    from mlctl.tracking.system import Sampling


class ActiveRun(Run):
    """A run that is being logged to; as a context manager it ends when the block does, as FAILED or KILLED if by an exception."""

    def __enter__(self) -> "ActiveRun":
        return self

    def __exit__(self, exc_type: Optional[type], *_: object) -> None:
        if self.info.run_id in [run.info.run_id for run in _active()]:
            end_run(_status_after(exc_type))


class _State(threading.local):
    """Each thread has its own stack of active runs, as in MLflow."""

    def __init__(self) -> None:
        self.runs: List[ActiveRun] = []


_state = _State()
_joined: List[str] = []  # runs that the environment named and that this process has taken up


def start_run(
    run_id: Optional[str] = None,
    experiment_id: Optional[str] = None,
    run_name: Optional[str] = None,
    nested: bool = False,
    parent_run_id: Optional[str] = None,
    tags: Optional[Mapping[str, Any]] = None,
    description: Optional[str] = None,
    log_system_metrics: Optional[bool] = None,
) -> ActiveRun:
    """Start a run, or resume the one that ``run_id`` (or, the first time, ``mlctl run``) names.

    ``log_system_metrics`` says whether a thread samples the machine while the run is active; None: as the settings say, else not.

    Raises:
        InvalidValueError: a run is active already and ``nested`` was not asked for.
        StoreError: the store cannot be used, or the run cannot be resumed.
    """
    if _active() and not nested:
        raise InvalidValueError(
            f"The run {_active()[-1].info.run_id} is already active.", hint="End it with end_run(), or start a child run with nested=True."
        )
    sampling = _sampling(asked=log_system_metrics)
    wanted = str(run_id) if run_id else _run_to_join()
    extra = {str(key): str(value) for key, value in (tags or {}).items()}
    if description:
        extra[NOTE_TAG] = description
    if wanted:
        found = _resume(wanted, run_name=run_name, tags=extra)
    else:
        parent = parent_run_id or (_active()[-1].info.run_id if _active() else None)
        found = _create(experiment_id, run_name=run_name, parent=parent, tags=extra)
    active = ActiveRun(found.info, found.data)
    _active().append(active)
    if sampling is not None:
        from mlctl.tracking import system_monitor

        system_monitor.begin(current_store(), active.info.run_id, sampling)
    return active


def active_run() -> Optional[ActiveRun]:
    """The innermost active run of this thread, or None."""
    return _active()[-1] if _active() else None


def end_run(status: str = "FINISHED") -> None:
    """End the innermost active run; nothing happens without one.

    Raises:
        InvalidValueError: the status is not FINISHED, FAILED or KILLED.
    """
    if status not in TERMINAL:
        raise InvalidValueError(f"A run cannot end as {status!r}.", hint=f"One of: {', '.join(TERMINAL)}.")
    if _active():
        run = _active().pop()
        if "mlctl.tracking.system_monitor" in sys.modules:
            sys.modules["mlctl.tracking.system_monitor"].finish(run.info.run_id)
        current_store().update_run(run.info.run_id, status=status, end_time=_now_ms())


def log_param(key: str, value: Any) -> Any:
    """Log a parameter (its text is kept) to the active run, starting one if there is none; returns the value.

    Raises:
        InvalidValueError: the key is not acceptable, or the parameter has another value already.
    """
    current_store().log_batch(run_id_or_start(), params=[Param(key, str(value))])
    return value


def log_params(params: Mapping[str, Any]) -> None:
    """Log several parameters at once: all of them or none."""
    current_store().log_batch(run_id_or_start(), params=[Param(key, str(value)) for key, value in params.items()])


def log_metric(
    key: str, value: float, step: Optional[int] = None, *, timestamp: Optional[int] = None, run_id: Optional[str] = None
) -> None:
    """Log a point of a metric: ``step`` is 0 by default, ``timestamp`` (ms) is now."""
    moment = _now_ms() if timestamp is None else timestamp
    current_store().log_batch(run_id_or_start(run_id), metrics=[Metric(key, _number(key, value), moment, step or 0)])


def log_metrics(
    metrics: Mapping[str, float], step: Optional[int] = None, *, timestamp: Optional[int] = None, run_id: Optional[str] = None
) -> None:
    """Log a point of several metrics at once: all of them or none."""
    moment = _now_ms() if timestamp is None else timestamp
    points = [Metric(key, _number(key, value), moment, step or 0) for key, value in metrics.items()]
    current_store().log_batch(run_id_or_start(run_id), metrics=points)


def set_tag(key: str, value: Any) -> None:
    """Set a tag of the active run; its text is kept."""
    current_store().log_batch(run_id_or_start(), tags=[RunTag(key, str(value))])


def set_tags(tags: Mapping[str, Any]) -> None:
    """Set several tags at once."""
    current_store().log_batch(run_id_or_start(), tags=[RunTag(key, str(value)) for key, value in tags.items()])


# ── underneath ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _active() -> List[ActiveRun]:
    return _state.runs


def run_id_or_start(run_id: Optional[str] = None) -> str:
    """The run that is named, else the active one, else one that is started now."""
    return run_id or (_active()[-1] if _active() else start_run()).info.run_id


def _run_to_join() -> Optional[str]:
    named = settings.value("run_id")
    if not named or named in _joined:
        return None
    _joined.append(named)
    return named


def _resume(run_id: str, *, run_name: Optional[str], tags: Mapping[str, str]) -> Run:
    store = current_store()
    store.update_run(run_id, status="RUNNING", run_name=run_name)
    if tags:
        store.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
    return store.get_run(run_id)


def _create(experiment_id: Optional[str], *, run_name: Optional[str], parent: Optional[str], tags: Mapping[str, str]) -> Run:
    user = _user()
    merged = {"mlflow.user": user, "mlflow.source.name": sys.argv[0] if sys.argv else "", "mlflow.source.type": "LOCAL"}
    if parent:
        merged[PARENT_TAG] = parent
    merged.update(tags)
    return current_store().create_run(
        experiment_id or current_experiment_id(),
        run_name=run_name or "",
        user_id=user,
        start_time=_now_ms(),
        tags=[RunTag(key, value) for key, value in merged.items()],
    )


def current_experiment_id() -> str:
    """The experiment of new runs, as the settings name it."""
    name = settings.value("experiment_name")
    if not name:
        return settings.value("experiment_id") or "0"
    found = current_store().get_experiment_by_name(name)
    return found.experiment_id if found is not None else current_store().create_experiment(name)


def _sampling(*, asked: Optional[bool]) -> Optional["Sampling"]:
    if not (settings.switch("system_metrics") if asked is None else asked):
        return None
    from mlctl.tracking import system

    return system.sampling()


def _number(key: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidValueError(f"The metric {key!r} cannot be {value!r}.", hint="A metric's value is a number.") from None


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return "unknown"


def _now_ms() -> int:
    return int(time.time() * 1000)


def _status_after(exc_type: Optional[type]) -> str:
    if exc_type is None or (issubclass(exc_type, SystemExit) and not getattr(sys.exc_info()[1], "code", None)):
        return "FINISHED"
    return "KILLED" if issubclass(exc_type, KeyboardInterrupt) else "FAILED"


@atexit.register
def _end_all() -> None:
    """Runs still active when the script ends, end with it."""
    status = _status_after(getattr(sys, "last_type", None))
    while _active():
        try:
            end_run(status)
        except MlctlError as error:  # the script is over: there is nobody left to catch it
            sys.stderr.write(f"mlctl: the run's end could not be recorded: {error.message}\n")
