"""Where the files of runs are, for the commands that show them: a folder of this machine, a spool on its way to a server, or a server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl import joblog
from mlctl.errors import NotFoundError, StoreError
from mlctl.tracking import stopping
from mlctl.tracking.entities import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlctl.tracking.entities import Run, RunInfo
    from mlctl.tracking.store import ArtifactStore, TrackingStore

LOG_FILE = "mlctl/output.log"


def root(store: TrackingStore, run: RunInfo) -> str:
    """The folder of a run's artifacts, or their address where they are not on this machine."""
    try:
        return store.artifact_root(run)
    except StoreError:
        return run.artifact_uri


def files(store: TrackingStore, run: RunInfo) -> list[dict[str, Any]]:
    """Path and size of each of a run's files; none where they are in a place that cannot be looked at from here."""
    try:
        kept = store.artifacts(run)
    except StoreError:
        return []
    return sorted(_below(kept, ""), key=lambda file: str(file["path"]))


def _below(kept: ArtifactStore, folder: str) -> Iterator[dict[str, Any]]:
    for item in kept.list(folder):
        if item.is_dir:
            yield from _below(kept, item.path)
        else:
            yield {"path": item.path, "file_size": item.file_size}


def log(store: TrackingStore, run: Run, *, follow: bool) -> Iterator[bytes]:
    """What a run printed, with ``follow`` until it ends.

    Raises:
        NotFoundError: it has no log, or none yet, or one that is on another machine until the run ends.
    """
    run_id, seen = run.info.run_id, False
    path = _local_log(store, run.info)
    if path is not None:
        for chunk in joblog.follow(str(path), _seldom(store, run_id)) if follow else joblog.read(str(path)):
            seen = True
            yield chunk
        if seen or path.exists():
            return
    while follow and not stopping.is_over(store, run_id):
        time.sleep(stopping.pause_s(store))
    try:
        yield from store.artifacts(run.info).read(LOG_FILE)
    except NotFoundError:
        raise _no_log(store.get_run(run_id), elsewhere=path is None) from None


def _seldom(store: TrackingStore, run_id: str) -> Callable[[], bool]:
    """Whether a run has ended; however often that is asked, the store is not asked too often."""
    next_look = 0.0

    def is_over() -> bool:
        nonlocal next_look
        if time.monotonic() < next_look:
            return False
        over = stopping.is_over(store, run_id)
        next_look = 0.0 if over else time.monotonic() + stopping.pause_s(store)
        return over

    return is_over


def _no_log(run: Run, *, elsewhere: bool) -> NotFoundError:
    start, short = f"Run {run.info.run_id[:8]} has no log", run.info.run_id[:8]
    reason, host = run.data.tags.get("mlctl.status.reason"), run.data.tags.get("mlctl.host")
    if run.info.status not in TERMINAL and elsewhere and host:
        hint = f"`mlctl runs logs -f {short}` waits for that; on {host} it shows it as it grows."
        return NotFoundError(f"{start} here yet: it is on {host} until the run ends.", hint=hint)
    if run.info.status not in TERMINAL:
        return NotFoundError(f"{start} yet: its command has not started.", hint=f"`mlctl runs logs -f {short}` waits for it.")
    if reason:
        return NotFoundError(f"{start}. It is {run.info.status}: {reason}")
    return NotFoundError(f"{start}.", hint="Runs of `mlctl run` have one; those of other clients do not.")


def _local_log(store: TrackingStore, run: RunInfo) -> Path | None:
    found = root(store, run)
    if Path(found).is_absolute() and (found != run.artifact_uri or not store.shared):
        return Path(found) / LOG_FILE
    from mlctl.remote import spool

    waiting = spool.find(run.run_id)
    return Path(waiting.files) / LOG_FILE if waiting is not None else None
