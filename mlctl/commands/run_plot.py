"""Curves drawn with characters: braille dots, or asterisks where those cannot be shown."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Point = tuple[float, float]

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille character (Unicode 10.0, chapter 21.1), by row and column
_BRAILLE = 0x2800
_MARGIN = 2
_LEAST = 16


class _Range(NamedTuple):
    """What an axis spans."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> _Range:
        low, high = min(values), max(values)
        if low == high:  # a level line, in the middle
            pad = abs(low) * 0.1 or 1.0
            return cls(low - pad, high + pad)
        return cls(low, high)

    def place(self, value: float, steps: int) -> int:
        """Which of ``steps`` dots a value falls on."""
        scale = 0.5 if math.isinf(self.high - self.low) else 1.0
        share = (value * scale - self.low * scale) / (self.high * scale - self.low * scale)
        return min(steps - 1, max(0, round(share * (steps - 1))))


class _Canvas:
    """Dots on a grid of characters."""

    def __init__(self, columns: int, rows: int, *, braille: bool) -> None:
        self._braille = braille
        self._cells = [[0] * columns for _ in range(rows)]
        self.width, self.height = (columns * 2, rows * 4) if braille else (columns, rows)

    def dot(self, x: int, y: int) -> None:
        """Set a dot; y counts from the bottom."""
        y = self.height - 1 - y
        if self._braille:
            self._cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
        else:
            self._cells[y][x] = 1

    def line(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Set the dots from one place to another."""
        (x, y), (to_x, to_y) = start, end
        steps = max(abs(to_x - x), abs(to_y - y), 1)
        for step in range(steps + 1):
            self.dot(round(x + (to_x - x) * step / steps), round(y + (to_y - y) * step / steps))

    def lines(self) -> Iterator[str]:
        """The rows of characters, from the top."""
        for row in self._cells:
            yield "".join(chr(_BRAILLE + cell) if cell and self._braille else "*" if cell else " " for cell in row)


def plot(title: str, points: Sequence[Point], *, width: int, height: int = 10, what: str = "step", log: bool = False) -> list[str]:
    """A curve through points in the order of their x, as lines of text at most so wide; values that are not finite leave gaps.

    ``what`` says what x is. ``height`` is that of the curve in lines. With ``log`` y has a logarithmic scale; what is not above 0 is a gap.
    """
    heading = _heading(title, points)
    scaled = [(x, _log(y)) for x, y in points] if log else points
    finite = [y for _, y in scaled if math.isfinite(y)]
    if not finite:
        return [heading]
    horizontal, vertical = _Range.of([x for x, _ in points]), _Range.of(finite)
    labels = [_number(_power(y) if log else y) for y in (vertical.high, vertical.high / 2 + vertical.low / 2, vertical.low)]
    margin = max(map(len, labels))
    columns = max(_LEAST, width - margin - _MARGIN)
    canvas = _Canvas(columns, height, braille=_can_show_braille())
    _draw(canvas, scaled, horizontal, vertical)
    named = dict(zip((0, (height - 1) // 2, height - 1), labels, strict=True))
    rows = [
        f"{named.get(number, ''):>{margin}} {'┤' if number in named else '│'}{line}".rstrip() for number, line in enumerate(canvas.lines())
    ]
    rows.append(f"{'':>{margin}} └{'─' * columns}")
    rows.append(f"{'':>{margin}}  {_x_axis(points, columns, what)}")
    return [heading, *map(_plain, rows)]


def _log(value: float) -> float:
    return math.log10(value) if 0 < value < math.inf else math.nan


def _power(value: float) -> float:
    return 10.0**value if value < 308 else math.inf


def _heading(title: str, points: Sequence[Point]) -> str:
    finite = [point for point in points if math.isfinite(point[1])]
    facts = [f"{len(points)} points" if len(points) != 1 else "1 point"]
    if finite:
        facts += [
            f"last {_number(points[-1][1])}",
            f"min {_number(min(y for _, y in finite))}",
            f"max {_number(max(y for _, y in finite))}",
        ]
    if len(finite) < len(points):
        facts.append(f"{len(points) - len(finite)} not finite")
    return f"{title}  {', '.join(facts)}"


def _draw(canvas: _Canvas, points: Sequence[Point], horizontal: _Range, vertical: _Range) -> None:
    before: tuple[int, int] | None = None
    for x, y in points:
        here = (horizontal.place(x, canvas.width), vertical.place(y, canvas.height)) if math.isfinite(y) else None
        if here is not None:
            canvas.line(before or here, here)
        before = here


def _x_axis(points: Sequence[Point], columns: int, what: str) -> str:
    first, last = f"{points[0][0]:g}", f"{points[-1][0]:g}"
    if first == last:
        return f"{what} {first}".center(columns).rstrip()
    return f"{first}{what.center(columns - len(first) - len(last))}{last}"


def _number(value: float) -> str:
    return f"{value:.4g}"


def _can_show_braille() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _plain(line: str) -> str:
    return line if _can_show_braille() else line.translate({ord("┤"): "|", ord("│"): "|", ord("└"): "+", ord("─"): "-"})
