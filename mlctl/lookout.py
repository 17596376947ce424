"""Looking at a store that is far away, from a thread of its own: a job's worker must never wait for a network."""

import contextlib
import threading
import time
from typing import Callable

from mlctl.errors import StoreError
from mlctl.tracking import stopping
from mlctl.tracking.store import TrackingStore

LOOK_S = 2.0
HEARTBEAT_S = 10.0


class Lookout:
    """Says that a run's owner lives, and learns whether the run is to be ended; ``wake`` is then called, in the thread.

    ``also`` is called there too, each time with the time (monotonic, seconds), for what else has to do with the store. While the store
    cannot be reached it goes on trying; the job does not notice.
    """

    def __init__(self, store: TrackingStore, run_id: str, *, wake: Callable[[], None], also: Callable[[float], None]) -> None:
        self.stop_requested = False
        self._store = store
        self._run_id = run_id
        self._wake = wake
        self._also = also
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="lookout", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for an answer that is still to come."""
        self._over.set()

    def _look(self) -> None:
        next_beat = 0.0
        while not self._over.wait(LOOK_S):
            self._also(time.monotonic())
            with contextlib.suppress(StoreError):
                if time.monotonic() >= next_beat:
                    next_beat = time.monotonic() + HEARTBEAT_S
                    stop = self._store.heartbeat(self._run_id, int(time.time() * 1000))
                else:
                    stop = stopping.is_requested(self._store, self._run_id)
                if stop and not self.stop_requested:
                    self.stop_requested = True
                    self._wake()
