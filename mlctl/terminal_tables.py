"""Tables as a terminal shows them, fitted to its width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlctl.results import Column, Table

_GAP = 2  # between columns
_NARROW, _USUAL = 9, 11  # a value's width: what every column keeps if all shall stand side by side, and what it has in blocks
_STATUS_STYLES = {"FINISHED": "green", "FAILED": "red", "KILLED": "yellow", "RUNNING": "cyan", "SCHEDULED": "blue", "LOST": "magenta"}
_BEST, _FAINT, _TITLE = "bold green", "dim", "bold"


def show(table: Table, texts: Sequence[Sequence[str]], marks: Sequence[Sequence[bool]]) -> list[str]:
    """Print a table whose cells read ``texts``, marked where ``marks`` says; returns the names of columns that did not fit."""
    console = Console()
    if table.pinned:
        for number, block in enumerate(_blocks(table, texts, console.width)):
            if number:
                console.print()
            _print(console, table, texts, marks, block)
        return []
    keep = _fitting(table.columns, texts, console.width)
    _print(console, table, texts, marks, [_Place(index, None) for index in keep])
    return [column.name for index, column in enumerate(table.columns) if index not in keep]


class _Place(NamedTuple):
    """A column of the table in what is printed, at most so wide (None: as wide as it likes)."""

    column: int
    width: int | None


def _print(console: Console, table: Table, texts: Any, marks: Any, places: Sequence[_Place]) -> None:
    section = next((index for index, column in enumerate(table.columns) if column.section), None)
    places = [place for place in places if place.column != section]
    padding = (0, 1, 0, 0) if table.pinned else (0, 1)
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=padding)
    for place in places:
        _add_column(grid, table.columns[place.column], place.width)
    for number, row in enumerate(texts):
        if section is not None and (number == 0 or texts[number - 1][section] != row[section]):
            if number:
                grid.add_section()
            grid.add_row(Text(row[section], style=_TITLE))
        cells = [_cell(table.columns[place.column], row[place.column], best=marks[number][place.column]) for place in places]
        grid.add_row(*cells, style=_FAINT if number in table.faint else None)
    console.print(grid)


def _add_column(grid: Grid, column: Column, width: int | None) -> None:
    folded = width is not None
    grid.add_column(
        column.head or column.name,
        justify="right" if column.right else "left",
        no_wrap=column.rank == 0 and not folded,
        overflow="fold" if folded else "ellipsis",
        max_width=width,
    )


def _cell(column: Column, text: str, *, best: bool) -> Text:
    if best:
        return Text(text, style=_BEST)
    return Text(text, style=_STATUS_STYLES.get(text, "") if column.style == "status" else column.style)


def _fitting(columns: Sequence[Column], texts: Sequence[Sequence[str]], width: int) -> list[int]:
    """Indices of the columns that fit into a terminal: the highest ranks go first, and among equals the emptiest."""
    widths = [max(len(column.name), *(min(len(row[index]), 40) for row in texts)) + 3 for index, column in enumerate(columns)]
    filled = [sum(bool(row[index]) for row in texts) for index in range(len(columns))]
    keep = list(range(len(columns)))
    for index in sorted(keep, key=lambda index: (columns[index].rank, -filled[index], index), reverse=True):
        if sum(widths[kept] for kept in keep) - 3 <= width or columns[index].rank == 0:
            break
        keep.remove(index)
    return keep


def _blocks(table: Table, texts: Sequence[Sequence[str]], width: int) -> Iterator[list[_Place]]:
    """The columns in as few blocks as are readable, each beginning with the pinned ones."""
    shown = [index for index, column in enumerate(table.columns) if not column.section]
    natural = {
        index: max(map(len, (table.columns[index].head or table.columns[index].name, *(row[index] for row in texts)))) for index in shown
    }
    pinned, rest = [index for index in shown if index < table.pinned], [index for index in shown if index >= table.pinned]
    fixed = [_Place(index, min(natural[index], max(16, width // 3))) for index in pinned]
    left = width - sum((place.width or 0) + _GAP for place in fixed)
    if sum(natural[index] + _GAP for index in rest) <= left:
        yield [*fixed, *(_Place(index, natural[index]) for index in rest)]
        return
    per_block = len(rest) if left >= len(rest) * (_NARROW + _GAP) else max(1, left // (_USUAL + _GAP))
    blocks = -(-len(rest) // per_block)
    per_block = -(-len(rest) // blocks)  # as even as can be
    for start in range(0, len(rest), per_block):
        part = rest[start : start + per_block]
        yield [*fixed, *(_Place(index, min(natural[index], left // len(part) - _GAP)) for index in part)]
