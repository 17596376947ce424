"""From a command's Result to what the user sees. The only module that prints results.

A terminal gets a rich table, a pipe plain aligned text; ``--output`` asks for ``json`` (one versioned envelope for every command,
errors included), ``csv`` or any of tabulate's formats; ``--quiet`` gives ids only.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from mlctl.errors import MlctlError, UsageError
from mlctl.results import Best as Best
from mlctl.results import Column as Column
from mlctl.results import Result as Result
from mlctl.results import Table as Table

ENVELOPE_VERSION = 1

TABULATE_FORMATS = (
    "asciidoc", "fancy_grid", "github", "grid", "html", "jira", "latex", "latex_booktabs", "latex_longtable", "markdown", "mediawiki",
    "moinmoin", "orgtbl", "outline", "pipe", "presto", "pretty", "psql", "rounded_grid", "rounded_outline", "rst", "simple", "simple_grid",
    "textile", "tsv", "unsafehtml", "youtrack",
)  # fmt: skip
FORMATS = ("table", "plain", "json", "csv", *TABULATE_FORMATS)

Cell = str | int | float | None


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


def workflow_command(line: str) -> None:
    """A line that a CI service reads as a command, on standard error: a line of its own, as it stands."""
    with contextlib.suppress(OSError):
        print(_safe(line), file=sys.stderr, flush=True)  # noqa: T201


def show_result(command: str, result: Result, view: View) -> None:
    """Print a result on standard output, its notes on standard error."""
    if view.output == "json" and not view.quiet:
        _print(_envelope(command, ok=result.exit_code == 0, data=result.data, notes=result.notes))
        return
    for note in result.notes:
        tell(note)
    if view.quiet:
        _print("\n".join(result.ids))
    elif view.output == "markdown" and result.markdown:
        _print(_safe(result.markdown, keep_lines=True))
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
        text = _safe(result.text, keep_lines=True)
        _print(_diff_colours(text) if result.diff and colours(sys.stdout) else text)
    if result.table is None:
        return
    if not result.table.rows:
        tell(result.table.empty)
    elif output == "table" or (not output and sys.stdout.isatty()):
        _in_terminal(result.table)
    else:
        _print(_plain(result.table))


# ── formats ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _formatted(table: Table, output: str) -> str:
    if output == "csv":
        return _csv(table)
    import tabulate

    name = "pipe" if output == "markdown" else output
    mark = "**{}**" if output in ("markdown", "github", "pipe") else "*{}"
    rows = [[_text(column, value, mark) for column, value in zip(table.columns, row, strict=True)] for row in table.rows]
    headers = [column.head or column.name for column in table.columns]
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
    writer.writerows([["" if value is None else value for value in map(_unmarked, row)] for row in table.rows])
    return out.getvalue().rstrip("\n")


def _plain(table: Table) -> str:
    rows = [[column.head or column.name.upper() for column in table.columns]]
    rows += [[_text(column, value) or "-" for column, value in zip(table.columns, row, strict=True)] for row in table.rows]
    widths = [max(map(width, cells)) for cells in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        gaps = [" " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True)]
        cells = [gap + cell if column.right else cell + gap for column, cell, gap in zip(table.columns, row, gaps, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _in_terminal(table: Table) -> None:
    from mlctl import terminal_tables

    texts = [[_text(column, value) for column, value in zip(table.columns, row, strict=True)] for row in table.rows]
    marks = [[isinstance(value, Best) for value in row] for row in table.rows]
    hidden = terminal_tables.show(table, texts, marks)
    if hidden:
        what = "1 column does not fit and is" if len(hidden) == 1 else f"{len(hidden)} columns do not fit and are"
        tell(f"{what} left out ({', '.join(hidden[:6])}{', …' if len(hidden) > 6 else ''}).")


def _text(column: Column, value: Any, mark: str = "*{}") -> str:
    if value is None:
        return ""
    if isinstance(value, Best):
        return mark.format(_text(column, value.value))
    return _safe(column.show(value) if column.show else str(value))


def _unmarked(value: Any) -> Any:
    return value.value if isinstance(value, Best) else value


def width(text: str) -> int:
    """Columns that a text takes in a terminal: East Asian characters and most emoji take two, accents of their own none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def terminal_width() -> int:
    """Columns of the terminal that shows results; 80 where none does."""
    if not sys.stdout.isatty():
        return 80
    import shutil

    return shutil.get_terminal_size().columns


_DIFF_COLOURS = {"-": "31", "+": "32", "@": "36"}


def _diff_colours(text: str) -> str:
    """What was taken away in red, what was added in green, places in cyan, titles (lines of small letters only) in bold."""
    lines = []
    for line in text.split("\n"):
        code = _DIFF_COLOURS.get(line[:1], "1" if line.isalpha() and line.islower() else "")
        lines.append(f"\x1b[{code}m{line}\x1b[0m" if code else line)
    return "\n".join(lines)


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
