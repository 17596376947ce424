"""From a command's Result to what the user sees. The only module that prints results.

A terminal gets a rich table, a pipe plain aligned text; ``--output`` asks for ``json`` (one versioned envelope for every command,
errors included), ``csv`` or any of tabulate's formats; ``--quiet`` gives ids only.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from mlctl.errors import MlctlError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

ENVELOPE_VERSION = 1

TABULATE_FORMATS = (
    "asciidoc", "fancy_grid", "github", "grid", "html", "jira", "latex", "latex_booktabs", "latex_longtable", "markdown", "mediawiki",
    "moinmoin", "orgtbl", "outline", "pipe", "presto", "pretty", "psql", "rounded_grid", "rounded_outline", "rst", "simple", "simple_grid",
    "textile", "tsv", "unsafehtml", "youtrack",
)  # fmt: skip
FORMATS = ("table", "plain", "json", "csv", *TABULATE_FORMATS)

Cell = str | int | float | None


@dataclass(frozen=True)
class Column:
    """A table's column. ``show`` turns a value into text for people; ``rank`` says what goes first when a terminal is narrow (0 stays)."""

    name: str
    show: Callable[[Any], str] | None = None
    rank: int = 0
    right: bool = False
    style: str = ""


@dataclass(frozen=True)
class Table:
    """Rows under columns; cells hold values, not their text."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    empty: str = "Nothing to show."


@dataclass(frozen=True)
class Result:
    """What a command found: ``data`` for JSON, and for people a table, a text, or both (text first)."""

    data: Any = None
    table: Table | None = None
    text: str = ""
    ids: Sequence[str] = ()
    notes: Sequence[str] = ()
    exit_code: int = 0


@dataclass
class View:
    """How the user wants to see results, as the options say."""

    output: str = ""
    quiet: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def machine(self) -> bool:
        """Whether standard output belongs to a program that reads it."""
        return self.quiet or self.output not in ("", "table", "plain")


def check_format(name: str) -> str:
    """The name itself if it is an output format.

    Raises:
        UsageError: it is not; the message lists the formats.
    """
    if name not in FORMATS:
        raise UsageError(f"There is no output format {name!r}.", hint=f"Formats: {', '.join(FORMATS)}.")
    return name


def tell(message: str) -> None:
    """A line for the person at the terminal, on standard error; a run does not end because nobody reads it any more."""
    with contextlib.suppress(OSError):
        print(f"mlctl: {_safe(message, keep_lines=True)}", file=sys.stderr, flush=True)  # noqa: T201


def show_result(command: str, result: Result, view: View) -> None:
    """Print a result on standard output, its notes on standard error."""
    if view.output == "json" and not view.quiet:
        _print(_envelope(command, ok=result.exit_code == 0, data=result.data, notes=result.notes))
        return
    for note in result.notes:
        tell(note)
    if view.quiet:
        _print("\n".join(result.ids))
    elif view.output not in ("", "table", "plain"):
        _print(_formatted(result.table or _table_of(result.data), view.output))
    else:
        _show_to_people(result, view.output)


def show_error(command: str, error: MlctlError, view: View) -> None:
    """Print an error: in the envelope on standard output where JSON was asked for, else as text on standard error."""
    if view.output == "json":
        _print(_envelope(command, ok=False, error=error.to_dict()))
        return
    lines = [f"mlctl: {_bold('error', '31')}: {_safe(error.message, keep_lines=True)}"]
    lines += [f"  {line}" for line in _safe(error.hint, keep_lines=True).splitlines()]
    with contextlib.suppress(OSError):
        print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201


def _print(text: str) -> None:
    if text:
        print(text, flush=True)  # noqa: T201


def _envelope(command: str, *, ok: bool, data: Any = None, error: Mapping[str, Any] | None = None, notes: Sequence[str] = ()) -> str:
    import json

    body = {"mlctl": ENVELOPE_VERSION, "command": command, "ok": ok, "data": data, "error": error, "notes": list(notes)}
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    return json.dumps(_finite(body), ensure_ascii=plain, indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    """The value with non-finite numbers as the strings NaN, Infinity and -Infinity: JSON has no others (as in MLflow's REST API)."""
    if isinstance(value, float) and not -1.8e308 < value < 1.8e308:
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _show_to_people(result: Result, output: str) -> None:
    if result.text:
        _print(_safe(result.text, keep_lines=True))
    if result.table is None:
        return
    if not result.table.rows:
        tell(result.table.empty)
    elif output == "table" or (not output and sys.stdout.isatty()):
        _rich_table(result.table)
    else:
        _print(_plain(result.table))


# ── formats ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _formatted(table: Table, output: str) -> str:
    if output == "csv":
        return _csv(table)
    import tabulate

    name = "pipe" if output == "markdown" else output
    rows = [[_text(column, value) for column, value in zip(table.columns, row, strict=True)] for row in table.rows]
    headers = [column.name for column in table.columns]
    align = ["right" if column.right else "left" for column in table.columns]
    return tabulate.tabulate(rows, headers=headers, tablefmt=name, disable_numparse=True, colalign=align if rows else None)


def _table_of(data: Any) -> Table:
    """What a command without a table of its own found: a row for each item of a list, or for each field."""
    if isinstance(data, list):
        names = list(dict.fromkeys(name for item in data for name in item))
        return Table([Column(name) for name in names], [[item.get(name) for name in names] for item in data])
    return Table([Column("field"), Column("value")], list(_fields(data)))


def _fields(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value inside nested data under its path, such as ``info.status``."""
    if isinstance(data, Mapping | list) and data:
        for key, value in data.items() if isinstance(data, Mapping) else enumerate(data):
            yield from _fields(value, f"{path}.{key}" if path else str(key))
    elif path:
        yield path, None if isinstance(data, Mapping | list) else data


def _csv(table: Table) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    writer.writerows([["" if value is None else value for value in row] for row in table.rows])
    return out.getvalue().rstrip("\n")


def _plain(table: Table) -> str:
    rows = [[column.name.upper() for column in table.columns]]
    rows += [[_text(column, value) or "-" for column, value in zip(table.columns, row, strict=True)] for row in table.rows]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column.right else cell.ljust(width) for column, cell, width in zip(table.columns, row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _rich_table(table: Table) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console()
    texts = [[_text(column, value) for column, value in zip(table.columns, row, strict=True)] for row in table.rows]
    keep = _fitting(table.columns, texts, console.width)
    grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index in keep:
        column = table.columns[index]
        grid.add_column(column.name, justify="right" if column.right else "left", no_wrap=column.rank == 0, overflow="ellipsis")
    for texts_of_row in texts:
        grid.add_row(*(Text(texts_of_row[index], style=_style(table.columns[index], texts_of_row[index])) for index in keep))
    console.print(grid)
    if len(keep) < len(table.columns):
        hidden = [column.name for index, column in enumerate(table.columns) if index not in keep]
        tell(f"{len(hidden)} columns do not fit and are left out ({', '.join(hidden[:6])}{', …' if len(hidden) > 6 else ''}).")


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


_STATUS_STYLES = {"FINISHED": "green", "FAILED": "red", "KILLED": "yellow", "RUNNING": "cyan", "SCHEDULED": "blue", "LOST": "magenta"}


def _style(column: Column, text: str) -> str:
    return _STATUS_STYLES.get(text, "") if column.style == "status" else column.style


def _text(column: Column, value: Any) -> str:
    if value is None:
        return ""
    return _safe(column.show(value) if column.show else str(value))


def _safe(text: str, *, keep_lines: bool = False) -> str:
    """The text with control characters made visible: what a run logged must not drive the user's terminal."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or (keep_lines and char in "\n\t") else char.encode("unicode_escape").decode() for char in text
    )


def _bold(text: str, colour: str) -> str:
    return f"\x1b[1;{colour}m{text}\x1b[0m" if colours(sys.stderr) else text


def colours(stream: TextIO) -> bool:
    """Whether a stream shows colours: a terminal, and NO_COLOR not set (see no-color.org)."""
    import os

    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


# ── how values look to people ────────────────────────────────────────────────────────────────────────────────────────


def duration(ms: float) -> str:
    """A length of time given in milliseconds: ``0.4s``, ``12s``, ``3m 20s``, ``2h 05m``, ``4d 3h``."""
    seconds = max(0.0, ms / 1000)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def age(ms: float) -> str:
    """How long ago, roughly, for a length of time in milliseconds: ``12s ago``, ``5m ago``, ``3h ago``, ``2d ago``."""
    seconds = max(0, int(ms / 1000))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"


def amount(value: float) -> str:
    """A metric's value in at most six significant digits."""
    return f"{value:.6g}"


def size(count: float) -> str:
    """A number of bytes with a binary unit: ``312 B``, ``4.0 KiB``, ``1.2 GiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def instant(ms: int) -> str:
    """A time in milliseconds since the epoch, as local time to the second."""
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ms / 1000))
