"""Recording how a job ended: its run's status, end time and reason, and its files where they are with a server."""

import contextlib
import time
from typing import Callable, Dict

from mlctl.errors import StoreError, UnreachableError
from mlctl.jobs import FAILED, FINISHED, KILLED, JobSpec, JobState
from mlctl.tracking import stopping
from mlctl.tracking.entities import RunTag
from mlctl.tracking.store import TrackingStore

EXIT_CODE_TAG = "mlctl.exit_code"
REASON_TAG = "mlctl.status.reason"


def record(spec: JobSpec, state: JobState, *, opened: Callable[[], TrackingStore]) -> JobState:
    """Record the end of a job's run; returns it as it then stands. Never raises: what cannot be recorded is told.

    The status is what the script itself said where that is worse than what its exit code says. Where a server cannot be told, the end is
    kept in the run's spool.
    """
    end_time = int(time.time() * 1000)
    try:
        store = opened()
        state = _seen(store, spec, state)
        left = _hand_over(store, spec)
        tags = [RunTag(key, value) for key, value in _tags(state).items()]
        store.finish_run(spec.run_id, status=state.status, end_time=end_time, tags=tags)
    except StoreError as error:
        reason = f"The run ended ({state.status}, exit code {state.exit_code}), but that could not be recorded: {error.message}"
        reason += _kept(spec, state, end_time) if spec.spool else ""
        return JobState(state.status, state.exit_code or StoreError.exit_code, "mlctl", reason)
    return JobState(state.status, state.exit_code, state.origin, "; ".join(filter(None, (state.reason, left))))


def _seen(store: TrackingStore, spec: JobSpec, state: JobState) -> JobState:
    """The end, with what the store knows of it: the status that the script gave its run, and whether somebody asked for the end."""
    if state.status == FINISHED:
        said = store.get_run(spec.run_id).info.status
        return JobState(said if said in (FAILED, KILLED) else FINISHED, state.exit_code, state.origin, state.reason)
    if state.status == KILLED and store.shared and stopping.is_requested(store, spec.run_id):
        return JobState(KILLED, state.exit_code, state.origin, stopping.STOPPED)
    return state


def _tags(state: JobState) -> Dict[str, str]:
    return {EXIT_CODE_TAG: str(state.exit_code), **({REASON_TAG: state.reason} if state.reason else {})}


def _hand_over(store: TrackingStore, spec: JobSpec) -> str:
    """Send the run's files to its server; returns what to say where that failed, and nothing where there is nothing to say."""
    if not spec.spool:
        return ""
    from mlctl.remote.spool import Spool

    try:
        Spool(spec.spool).hand_over(store)
    except UnreachableError:
        raise
    except StoreError as error:
        return f"its log is kept in {spec.spool}: {error.message}"
    return ""


def _kept(spec: JobSpec, state: JobState, end_time: int) -> str:
    """Keep the end of a run for a later command; returns what to say."""
    from mlctl.remote.spool import Ending, Spool

    with contextlib.suppress(OSError):
        Spool(spec.spool).keep(Ending(state.status, end_time, _tags(state)))
        return f" It is kept in {spec.spool}, with the log; the next mlctl command here that reaches the server records it."
    return ""
