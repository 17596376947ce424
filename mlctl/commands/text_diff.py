"""Unified diffs of texts that programs printed, short enough to be read."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\))")  # colours and the like (ECMA-48), titles of windows
_LONGEST_LINE = 300
_CONTEXT = 2
COMPARED_LINES = 5000


def lines(text: str) -> list[str]:
    """A text's lines as a terminal leaves them: without colours, of a progress bar its last state."""
    plain = _ESCAPES.sub("", text)
    return [line.rstrip("\r").rpartition("\r")[2] for line in plain.rstrip("\n").split("\n")] if plain else []


def unified(old: str, new: str) -> list[str]:
    """The lines of a unified diff without its head; nothing where the texts are the same.

    Of texts of more than `COMPARED_LINES` lines only so many, from where they begin to differ, are compared.
    """
    before, after = lines(old), lines(new)
    alike = next(
        (number for number, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), min(len(before), len(after))
    )
    start = max(0, alike - _CONTEXT) if max(len(before), len(after)) > COMPARED_LINES else 0
    before, after = before[start : start + COMPARED_LINES], after[start : start + COMPARED_LINES]
    return list(difflib.unified_diff(before, after, n=_CONTEXT, lineterm=""))[2:]


def shortened(found: Sequence[str], most: int | None) -> list[str]:
    """At most so many lines, each of a readable length (None: all of it), and a line that says how many are missing."""
    if most is None:
        return list(found)
    cut = [line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in found[:most]]
    return [*cut, f"  … {len(found) - most} more lines; --full shows them"] if len(found) > most else cut
