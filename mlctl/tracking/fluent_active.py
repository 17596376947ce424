"""Which runs are active: each thread has a stack of its own, as in MLflow; a worker process has what it inherits.

A worker is a process that was forked from this one, or started by ``multiprocessing`` in whatever way (joblib and data
loaders use it too). Without a run of its own it logs to the run of the process that started it, as long as that run goes on, and never
ends it. Which run that is is asked anew with each call, since pools outlive runs.
"""

import dataclasses
import os
import sys
import threading
from typing import Callable, Dict, List, Optional

from mlctl import settings
from mlctl.errors import NotFoundError
from mlctl.tracking import owners
from mlctl.tracking.current import current_store
from mlctl.tracking.entities import STATUSES, Owner, Run
from mlctl.tracking.store import TrackingStore


class _Thread(threading.local):
    """What each thread has of its own: its stack of runs, and the run that it ended last."""

    def __init__(self) -> None:
        self.runs: List[Run] = []
        self.last: Optional[str] = None


class _Process:
    """What a process has: its threads' stacks, all its open runs with their stores in the order of their start, and its origin by fork."""

    def __init__(self, *, parent: int = 0, left: Optional[str] = None) -> None:
        self.pid = os.getpid()
        self.parent = parent
        self.left = left
        self.thread = _Thread()
        self.open: Dict[str, TrackingStore] = {}
        self.owner: Optional[Owner] = None
        self.ends = False


_process = _Process()


def _here() -> _Process:
    global _process  # noqa: PLW0603 -- a fork makes another process of this one
    if _process.pid != os.getpid():
        before = _process
        runs = before.thread.runs
        parent = before.pid if before.open or not before.parent else before.parent
        _process = _Process(parent=parent, left=runs[-1].info.run_id if runs else before.left)
    return _process


def stack() -> List[Run]:
    """The active runs of this thread, the innermost last."""
    return _here().thread.runs


def push(run: Run, store: TrackingStore, *, at_end: Callable[[], None]) -> None:
    """Make a run the innermost active one. ``at_end`` is called when this process ends, if that is a worker."""
    here = _here()
    if not here.ends:
        here.ends = True
        _call_at_end_of_worker(at_end)
    here.thread.runs.append(run)
    here.open[run.info.run_id] = store


def pop() -> str:
    """Take the innermost active run off the stack; returns its id."""
    here = _here()
    run_id = here.thread.runs.pop().info.run_id
    here.thread.last = run_id
    return run_id


def last_ended() -> Optional[str]:
    """The run that this thread ended last."""
    return _here().thread.last


def open_ids() -> List[str]:
    """Runs that this process has started, in any thread, and not ended, the innermost first."""
    return list(reversed(list(_here().open)))


def forget(run_id: str) -> Optional[TrackingStore]:
    """Note that a run is not open any more; returns its store."""
    return _here().open.pop(run_id, None)


def store_of(run_id: str) -> TrackingStore:
    """The store of a run: for an open one where it was started, even if this process has another address since."""
    return _here().open.get(run_id) or current_store()


def owner() -> Owner:
    """This process, as the owner of its runs. It sends no heartbeats: whether it lives can be seen on its own machine only."""
    here = _here()
    if here.owner is None:
        here.owner = dataclasses.replace(owners.current(), heartbeat_ms=0)
    return here.owner


def inherited() -> Optional[str]:
    """The run that a worker without one of its own logs to; None in any other process, or where there is none.

    Raises:
        StoreError: the store cannot be read.
    """
    here = _here()
    parent = here.parent or _started_by()
    if not parent:
        return None
    held = dict(current_store().owners())
    if here.left is not None and (here.left in held or (not held and _goes_on(here.left))):
        return here.left
    theirs = [run_id for run_id, one in held.items() if one.pid == parent and owners.is_here(one) and not owners.is_gone(one)]
    joined = settings.value("run_id")
    return theirs[-1] if theirs else joined if joined in held else None


def _goes_on(run_id: str) -> bool:
    """Whether a run is RUNNING; asked where no run has an owner, as on servers that keep none."""
    try:
        return current_store().get_run(run_id).info.status == STATUSES[0]
    except NotFoundError:
        return False


def _started_by() -> int:
    """The process that started this one through ``multiprocessing``; 0 if none did."""
    module = sys.modules.get("multiprocessing.process")
    parent = module.parent_process() if module is not None else None
    return parent.pid if parent is not None else 0


def _call_at_end_of_worker(function: Callable[[], None]) -> None:
    """Have a function called when a worker ends: what ``multiprocessing`` starts may leave without a word to `atexit`."""
    module = sys.modules.get("multiprocessing.util")
    if module is not None and _started_by():
        module.Finalize(None, function, exitpriority=0)
