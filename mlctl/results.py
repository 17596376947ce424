"""What commands return: values and tables of values. `mlctl.render` makes of them what the user sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Column:
    """A table's column. ``show`` turns a value into text for people; ``rank`` says what goes first when a terminal is narrow (0 stays).

    ``head`` is what people see instead of the name. In a terminal, equal values of a ``section`` column become titles above their rows.
    """

    name: str
    show: Callable[[Any], str] | None = None
    rank: int = 0
    right: bool = False
    style: str = ""
    head: str = ""
    section: bool = False


@dataclass(frozen=True)
class Best:
    """A cell's value that is marked as the best of its row."""

    value: Any


@dataclass(frozen=True)
class Table:
    """Rows under columns; cells hold values, not their text.

    With ``pinned`` no column is left out where a terminal is narrow: the table goes on below, beginning again with so many first columns.
    ``faint`` are numbers of rows that matter less.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    empty: str = "Nothing to show."
    pinned: int = 0
    faint: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Result:
    """What a command found: ``data`` for JSON, and for people a table, a text, or both (text first).

    The lines of a text that is a ``diff`` have a diff's colours. ``markdown`` is shown instead of the table where that is asked for.
    """

    data: Any = None
    table: Table | None = None
    text: str = ""
    ids: Sequence[str] = ()
    notes: Sequence[str] = ()
    exit_code: int = 0
    diff: bool = False
    markdown: str = ""
