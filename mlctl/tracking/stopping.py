"""Ending a run from outside: a request in the store, which its owner carries out; on this machine the owner is woken by a signal."""

import signal
import time

from mlctl import process, settings
from mlctl.errors import InvalidValueError
from mlctl.tracking import owners
from mlctl.tracking.entities import STATUSES, TERMINAL
from mlctl.tracking.store import TrackingStore

STOPPED = owners.STOPPED

_POLL_S = 0.05
_SHARED_POLL_S = 0.5  # a look at a server's store is three requests
_MARGIN_S = 5.0


def request(store: TrackingStore, run_id: str) -> None:
    """Ask for a run to be ended.

    Raises:
        InvalidValueError: it has ended already, or belongs to a client that mlctl did not start.
    """
    owner = store.request_stop(run_id)
    if owner is None:
        status = store.get_run(run_id).info.status
        if status in TERMINAL:
            raise InvalidValueError(f"Run {run_id[:8]} has ended already: {status}.")
        raise InvalidValueError(f"Run {run_id[:8]} was not started by `mlctl run`.", hint="End the script that logs to it.")
    if owners.is_here(owner) and not owners.is_gone(owner) and (not store.shared or owners.is_surely(owner)):
        process.send(signal.SIGTERM, pids=[owner.pid])


def is_requested(store: TrackingStore, run_id: str) -> bool:
    """Whether somebody asked for a run to be ended."""
    return any(owner.stop_requested for _, owner in store.owners([run_id]))


def is_over(store: TrackingStore, run_id: str) -> bool:
    """Whether a run has ended: its status says so, and nobody answers for it any more (a script may end its run and go on working)."""
    owners.settle(store, now_ms=int(time.time() * 1000))
    return not store.owners([run_id]) and store.get_run(run_id).info.status in TERMINAL


def pause_s(store: TrackingStore) -> float:
    """How long to wait before looking at a store again."""
    return _SHARED_POLL_S if store.shared else _POLL_S


def wait(store: TrackingStore, run_id: str) -> str:
    """Wait until a run has ended, at most as long as ending it may take; returns its status, RUNNING where it has not."""
    deadline = time.monotonic() + settings.number("interrupt_grace_s") + settings.number("terminate_grace_s") + _MARGIN_S
    while not is_over(store, run_id):
        if time.monotonic() > deadline:
            return STATUSES[0]
        time.sleep(pause_s(store))
    return store.get_run(run_id).info.status
