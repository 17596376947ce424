"""How long reads, on a thread of their own, let the event loop's requests pass.

Both need the interpreter's lock. A read therefore works in pieces, and rests after one for as long as it took if requests came meanwhile.
"""

from __future__ import annotations

import sys
import time
from typing import NamedTuple

_SWITCH_S = 0.0005


class Start(NamedTuple):
    """When a piece began, and how many requests had come by then."""

    at: float
    arrived: int


class Turns:
    """Shared by the event loop, which counts, and the thread of long reads, which rests."""

    def __init__(self) -> None:
        self.arrived = 0

    @staticmethod
    def prepare_thread() -> None:
        """Make the interpreter switch threads more often than its usual 5 ms, in which a loop could have answered fifty requests."""
        sys.setswitchinterval(_SWITCH_S)

    def start(self) -> Start:
        """A piece begins."""
        return Start(time.perf_counter(), self.arrived)

    def rest(self, start: Start) -> None:
        """Between two pieces; returns at once if nobody else wants anything."""
        if self.arrived - start.arrived > 1:
            time.sleep(time.perf_counter() - start.at)
