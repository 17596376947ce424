"""What was found about one thing, and what to do about it."""

from __future__ import annotations

from typing import NamedTuple

OK, NOTE, WRONG = "ok", "note", "wrong"


class Finding(NamedTuple):
    """One thing that was looked at.

    ``status``: ``ok``; ``note`` for what some projects would miss; ``wrong`` for what keeps mlctl from working. ``hint`` is the fix.
    """

    topic: str
    name: str
    status: str
    found: str
    hint: str = ""


def size(count: float) -> str:
    """A number of bytes, rounded."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
