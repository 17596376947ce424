"""Ending a run from outside: a request in the store, which its owner carries out; on this machine the owner is woken by a signal."""

import signal
import time

from mlctl import process, settings
from mlctl.errors import InvalidValueError
from mlctl.tracking import owners
from mlctl.tracking.entities import TERMINAL
from mlctl.tracking.store import TrackingStore

_POLL_S = 0.05
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
    if owners.is_here(owner) and not owners.is_gone(owner):
        process.send(signal.SIGTERM, pids=[owner.pid])


def wait(store: TrackingStore, run_id: str) -> str:
    """Wait until a run has ended, at most as long as ending it may take; returns its status."""
    deadline = time.monotonic() + settings.number("interrupt_grace_s") + settings.number("terminate_grace_s") + _MARGIN_S
    while True:
        owners.settle(store, now_ms=int(time.time() * 1000))
        status = store.get_run(run_id).info.status
        if status in TERMINAL or time.monotonic() > deadline:
            return status
        time.sleep(_POLL_S)
