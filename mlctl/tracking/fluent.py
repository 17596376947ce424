"""The life of a script's runs: ``start_run``, ``end_run``, ``active_run``, … with MLflow's names, arguments and meaning.

Inside ``mlctl run`` the first run that a script starts is the project's own; later ones are new. A call that returns has been
committed to the store. What is logged to runs is in `fluent_logging`, experiments in `fluent_experiments`, finding in `fluent_finding`.
"""

import atexit
import os
import sys
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Union

from mlctl import settings
from mlctl.errors import InvalidValueError, MlctlError
from mlctl.tracking import batches, codes, fluent_active, fluent_experiments, fluent_source, owners, validation
from mlctl.tracking.current import current_store
from mlctl.tracking.entities import DELETED, NOTE_TAG, PARENT_TAG, RUN_NAME_TAG, TERMINAL, Run, RunInfo
from mlctl.tracking.store import TrackingStore

if TYPE_CHECKING:
    from mlctl.system_metrics.sampling import Sampling


class ActiveRun(Run):
    """A run that is being logged to; as a context manager it ends when the block does, as FAILED or KILLED if by an exception."""

    def __enter__(self) -> "ActiveRun":
        return self

    def __exit__(self, exc_type: Optional[type], error: Optional[BaseException], trace: object) -> None:
        if any(run.info.run_id == self.info.run_id for run in fluent_active.stack()):
            end_run(_status_after(exc_type, error))


def start_run(
    run_id: Optional[str] = None,
    experiment_id: Optional[Union[str, int]] = None,
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
        InvalidValueError: a run is active already and ``nested`` was not asked for; or the run to resume, or the parent, is deleted or
            does not fit what else was asked for.
        StoreError: the store cannot be used, or there is no such run.
    """
    runs = fluent_active.stack()
    if runs and not nested:
        raise InvalidValueError(
            f"The run {runs[-1].info.run_id} is already active.", hint="End it with end_run(), or start a child run with nested=True."
        )
    sampling = _sampling(asked=log_system_metrics)
    store = current_store()
    extra = _tags(tags, description)
    wanted = run_id or _named_by_environment()
    if wanted:
        found = _resume(store, validation.run_id(wanted), run_name=run_name, tags=extra)
    else:
        parent = _parent(store, parent_run_id, nested=nested)
        found = _create(store, experiment_id, run_name=run_name, parent=parent, tags=extra)
    active = ActiveRun(found.info, found.data, found.inputs, found.outputs)
    fluent_active.push(active, store, at_end=end_all)
    if sampling is not None:
        from mlctl.system_metrics import monitor as system_monitor

        system_monitor.begin(store, active.info.run_id, sampling)
    return active


def end_run(status: Union[str, int] = "FINISHED") -> None:
    """End the innermost active run of this thread; nothing happens without one.

    Raises:
        InvalidValueError: the status is not FINISHED, FAILED or KILLED.
    """
    name = codes.RunStatus.name_of(status)
    if name not in TERMINAL:
        raise InvalidValueError(f"A run cannot end as {name}.", hint=f"One of: {', '.join(TERMINAL)}.")
    if fluent_active.stack():
        _finish(fluent_active.pop(), name)


def active_run() -> Optional[ActiveRun]:
    """The innermost active run of this thread, in a worker process the one that it inherits, or None."""
    runs = fluent_active.stack()
    if runs:
        return runs[-1]  # type: ignore[return-value]  # the stack holds what start_run pushed
    inherited = fluent_active.inherited()
    return None if inherited is None else _as_active(current_store().get_run(inherited))


def last_active_run() -> Optional[Run]:
    """The active run of this thread, else the one that it ended last, as it is now; None if it had none."""
    found = active_run()
    ended = fluent_active.last_ended()
    return found if found is not None or ended is None else current_store().get_run(ended)


def run_id_or_start(run_id: Optional[str] = None) -> str:
    """The run that is named, else the active or inherited one, else one that is started now."""
    if run_id:
        return run_id
    runs = fluent_active.stack()
    return runs[-1].info.run_id if runs else fluent_active.inherited() or start_run().info.run_id


@atexit.register
def end_all() -> None:
    """Runs still open when the script ends, end with it, those of its other threads too."""
    kind = None if hasattr(sys, "ps1") else getattr(sys, "last_type", None)  # an interactive session survives its errors
    for run_id in fluent_active.open_ids():
        try:
            _finish(run_id, _status_after(kind, getattr(sys, "last_value", None)))
        except MlctlError as error:  # the script is over: there is nobody left to catch it
            sys.stderr.write(f"mlctl: the run's end could not be recorded: {error.message}\n")


# ── underneath ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _as_active(run: Run) -> ActiveRun:
    return ActiveRun(run.info, run.data, run.inputs, run.outputs)


def _sampling(*, asked: Optional[bool]) -> Optional["Sampling"]:
    if not (settings.switch("system_metrics") if asked is None else asked):
        return None
    from mlctl.system_metrics import sampling as system

    return system.sampling()


def _tags(tags: Optional[Mapping[str, Any]], description: Optional[str]) -> Dict[str, Any]:
    found = dict(tags or {})
    if description:
        if NOTE_TAG in found:
            raise InvalidValueError(
                f"Both the description and the tag {NOTE_TAG} were given.", hint="They are one thing: give one of them."
            )
        found[NOTE_TAG] = description
    return found


def _named_by_environment() -> str:
    """The run that the environment names, once: what this process starts finds that it has been joined, and does not join it too."""
    found = settings.value("run_id")
    if not found or found == settings.value("joined_run_id"):
        return ""
    os.environ[settings.SETTINGS["joined_run_id"].variables[0]] = found
    return found


def _resume(store: TrackingStore, run_id: str, *, run_name: Optional[str], tags: Mapping[str, Any]) -> Run:
    info = _active_info(store, run_id, "resumed")
    experiment = fluent_experiments.chosen_id()
    if experiment is not None and experiment != info.experiment_id:
        raise InvalidValueError(
            f"The run {run_id} belongs to experiment {info.experiment_id}, but set_experiment() has chosen {experiment}.",
            hint="Choose the run's own experiment; `mlctl run` takes --experiment-name.",
        )
    store.update_run(run_id, status="RUNNING", run_name=run_name)
    if tags:
        store.log_batch(run_id, tags=batches.tags(tags))
    if all(owners.is_gone(owner) for _, owner in store.owners([run_id])):
        store.set_owner(run_id, fluent_active.owner())
    return store.get_run(run_id)


def _active_info(store: TrackingStore, run_id: str, what: str) -> RunInfo:
    info = store.get_run(run_id).info
    if info.lifecycle_stage == DELETED:
        raise InvalidValueError(f"The run {run_id} is deleted; it cannot be {what}.", hint=f"mlctl runs restore {run_id[:8]}")
    return info


def _parent(store: TrackingStore, named: Optional[str], *, nested: bool) -> Optional[str]:
    """The parent of a new run: the named run, which must be the active one if there is one; else the active or inherited one."""
    runs = fluent_active.stack()
    active = runs[-1].info.run_id if runs else None
    if not named:
        return active or (fluent_active.inherited() if nested else None)
    if active is not None and active != named:
        raise InvalidValueError(
            f"The run {active} is active; a run under {validation.run_id(named)} cannot be started in it.",
            hint="First end it with end_run().",
        )
    return _active_info(store, validation.run_id(named), "a parent").run_id


def _create(
    store: TrackingStore,
    experiment_id: Optional[Union[str, int]],
    *,
    run_name: Optional[str],
    parent: Optional[str],
    tags: Mapping[str, Any],
) -> Run:
    merged: Dict[str, Any] = {**fluent_source.tags(), **tags}
    if parent:
        merged[PARENT_TAG] = parent
    if run_name:
        merged[RUN_NAME_TAG] = run_name  # also where the tags name it otherwise
    return store.create_run(
        fluent_experiments.current_id() if experiment_id is None else _experiment(experiment_id),
        run_name=run_name or "",
        user_id=str(merged["mlflow.user"]),
        start_time=batches.now_ms(),
        tags=batches.tags(merged),
        owner=fluent_active.owner(),
    )


def _experiment(experiment_id: Any) -> str:
    if not isinstance(experiment_id, (str, int)):
        raise InvalidValueError(f"The experiment id {experiment_id!r} is neither text nor an integer.")
    return str(experiment_id)


def _finish(run_id: str, status: str) -> None:
    monitor = sys.modules.get("mlctl.system_metrics.monitor")
    if monitor is not None:
        monitor.finish(run_id)
    store, now = fluent_active.forget(run_id) or current_store(), batches.now_ms()
    if not store.finish_run(run_id, status=status, end_time=now, only_owner=fluent_active.owner()):
        store.update_run(run_id, status=status, end_time=now)


def _status_after(exc_type: Optional[type], error: Optional[BaseException]) -> str:
    if exc_type is None or (issubclass(exc_type, SystemExit) and not getattr(error, "code", None)):
        return "FINISHED"
    return "KILLED" if issubclass(exc_type, KeyboardInterrupt) else "FAILED"
