"""Values of runs as people read them beside each other: on one line, cut so that what differs is seen."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Any

from mlctl import render

if TYPE_CHECKING:
    from collections.abc import Sequence

_BEFORE = 10  # characters before a difference that stay in view


def shown(value: Any) -> str:
    """A param, metric or tag on one line."""
    if isinstance(value, float):
        return render.amount(value)
    return str(value).replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def legible(values: Sequence[Any], *, longest: int) -> list[Any]:
    """The values with long texts cut; what they have in common at the beginning is left out where the difference comes late."""
    texts = [value for value in values if isinstance(value, str)]
    if max(map(len, texts), default=0) <= longest:
        return list(values)
    alike = len(os.path.commonprefix(texts)) if len(set(texts)) > 1 else 0  # noqa: RUF071 -- characters are meant
    start = alike - _BEFORE if alike > longest - 2 * _BEFORE else 0
    return [_cut(value, start, longest) if isinstance(value, str) else value for value in values]


def _cut(text: str, start: int, longest: int) -> str:
    return f"{'…' if start else ''}{text[start : start + longest]}{'…' if start + longest < len(text) else ''}"
