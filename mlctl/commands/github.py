"""What GitHub Actions is told where a command runs there: outputs of the step, its summary, and annotations.

The formats are those of GitHub's page "Workflow commands for GitHub Actions". Nothing that a run holds can end a value early or start a
command of its own: values stand between random delimiters, annotations are escaped, and Markdown's marks in tables are, too.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Annotated

import typer

from mlctl import render, settings
from mlctl.errors import MlctlError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CiOption = Annotated[bool, typer.Option("--ci/--no-ci", help="Under GitHub Actions: write outputs, summary and annotations.")]

_MOST_SUMMARY = 200_000  # characters; a step's summary may have a mebibyte
_LONGEST_CELL = 200


class Report:
    """What one command tells GitHub; nothing, where it does not run there."""

    def __init__(self, *, on: bool, title: str) -> None:
        self.on = on
        self._title = title

    def outputs(self, values: Mapping[str, str]) -> None:
        """Set outputs of the step. Names must have letters, digits, ``_`` and ``-`` only; values may be any text."""
        import secrets

        lines = []
        for name, value in values.items():
            mark = f"mlctl_{secrets.token_hex(16)}"
            lines.append(f"{name}<<{mark}\n{value}\n{mark}\n")
        self._append("GITHUB_OUTPUT", "".join(lines))

    def summary(self, markdown: str) -> None:
        """Add Markdown to the step's summary."""
        shown = markdown if len(markdown) <= _MOST_SUMMARY else markdown[: markdown.rfind("\n", 0, _MOST_SUMMARY)] + "\n\n… cut"
        self._append("GITHUB_STEP_SUMMARY", f"{shown}\n\n")

    def error(self, message: str) -> None:
        """An annotation that says what failed."""
        if self.on:
            render.workflow_command(f"::error title={_property(self._title)}::{_data(message)}")

    def _append(self, variable: str, text: str) -> None:
        path = os.environ.get(variable) if self.on else None
        if not path:
            return
        try:
            with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123
                file.write(text)
        except OSError as error:
            render.tell(f"{variable} cannot be written: {error.strerror}: {path}")


@contextlib.contextmanager
def reporting(asked: bool, title: str) -> Iterator[Report]:  # noqa: FBT001 -- the flag as it was given
    """The report of a command; an error that leaves the block becomes an annotation."""
    report = Report(on=asked and _is_here(), title=title)
    try:
        yield report
    except MlctlError as error:
        report.error(f"{error.message}\n{error.hint}".strip())
        if error.run_id:
            report.outputs({"run_id": error.run_id, "exit_code": str(error.exit_code)})
        raise


def _is_here() -> bool:
    """Whether this is a step of GitHub Actions, and not a project that the step's own run has started."""
    if os.environ.get("GITHUB_ACTIONS") != "true" or settings.value("command"):
        return False
    return settings.switch("ci") is not False


def output_names(keys: Sequence[str], *, prefix: str) -> dict[str, str]:
    """Names of outputs for keys of any kind; of keys that would share a name (capitals do not count) the first one has it."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for key in sorted(keys, key=lambda key: (not re.fullmatch(r"[\w-]+", key, re.ASCII), key)):
        name = prefix + re.sub(r"[^\w-]", "_", key, flags=re.ASCII)
        if name.lower() not in taken:
            taken.add(name.lower())
            found[key] = name
    return found


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# ── Markdown ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def text(value: str) -> str:
    """A text that stands in a table or a heading and means nothing to Markdown or HTML; long ones are cut."""
    line = " ".join(value.split())
    line = line if len(line) <= _LONGEST_CELL else line[: _LONGEST_CELL - 1] + "…"
    line = line.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]#|~@])", r"\\\1", line)


def code(value: str) -> str:
    """A text in code marks, for a table."""
    line = " ".join(value.split())
    line = line if len(line) <= _LONGEST_CELL else line[: _LONGEST_CELL - 1] + "…"
    fence = "`" * (1 + max(map(len, re.findall(r"`+", line)), default=0))
    gap = " " if "`" in line else ""
    return f"{fence}{gap}{line}{gap}{fence}".replace("|", "\\|")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: int | None = None) -> list[str]:
    """A table's lines; cells are Markdown already. Columns from ``right`` on are aligned to the right."""
    marks = ["---:" if right is not None and index >= right else "---" for index in range(len(heads))]
    return [f"| {' | '.join(cells)} |" for cells in (heads, marks, *rows)]
