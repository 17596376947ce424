"""Commands of entry points: ``{name}`` fields, filled in so that the shell sees each value as one word.

Of Python's format strings, which MLflow uses, only plain fields and doubled braces are taken. Values are quoted as MLflow quotes them.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl.errors import ParameterError, ProjectError
from mlctl.projects.kinds import text_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mlctl.projects.entities import BoundParams, EntryPoint

_HAZARDS = {
    '"': frozenset("$`\"\\'"),
    "'": frozenset("$`\"'\\;&|<>()#\n"),
    "<<": frozenset("$`\\"),
}
_SPECIAL = re.compile(r"[\"'`\\$#<()\n]")
IN_WORDS = {'"': "double quotes", "'": "single quotes", "<<": "a here-document"}


class Slip(NamedTuple):
    """What is wrong with one place of a command: the text that is wrong, a sentence and what to write instead."""

    snippet: str
    message: str
    hint: str = ""


class Piece(NamedTuple):
    """Literal text, or the field of a parameter; ``start`` is where it stands in the command."""

    text: str
    field: bool
    start: int


class Template(NamedTuple):
    """A command taken apart."""

    pieces: tuple[Piece, ...]
    slips: tuple[Slip, ...]

    @property
    def fields(self) -> tuple[Piece, ...]:
        """The fields, in order; one that occurs twice is there twice."""
        return tuple(piece for piece in self.pieces if piece.field)


def parse(command: str, declared: Collection[str]) -> Template:
    """Take a command apart; names that are not declared and anything but plain fields become slips."""
    pieces: list[Piece] = []
    slips: list[Slip] = []
    for piece in _pieces(command):
        slip = _slip(piece, declared)
        if slip:
            slips.append(slip)
        elif piece.field:
            pieces.append(piece._replace(text=piece.text[1:-1]))
        else:
            pieces.append(piece._replace(text=piece.text.replace("{{", "{").replace("}}", "}")))
    return Template(tuple(pieces), tuple(slips))


def _pieces(command: str) -> Iterator[Piece]:
    """Literals (braces still doubled) and fields (with their braces); a brace without its partner is a field of one character."""
    at = 0
    for start, end in _fields(command):
        if start > at:
            yield Piece(command[at:start], field=False, start=at)
        yield Piece(command[start:end], field=True, start=start)
        at = end
    if at < len(command):
        yield Piece(command[at:], field=False, start=at)


def _fields(command: str) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(command):
        char = command[at]
        if char not in "{}":
            at += 1
        elif command[at : at + 2] == char * 2:
            at += 2
        else:
            end = _field_end(command, at) if char == "{" else at + 1
            yield at, end
            at = end


def _field_end(command: str, start: int) -> int:
    """Where the field that opens at ``start`` ends; right behind its brace if nothing closes it."""
    ends = [found for found in (command.find(brace, start + 1) for brace in "{}") if found >= 0]
    return min(ends) + 1 if ends and command[min(ends)] == "}" else start + 1


def _slip(piece: Piece, declared: Collection[str]) -> Slip | None:
    text = piece.text
    if not piece.field or (text[1:-1] in declared and len(text) > 1):
        return None
    if len(text) == 1:
        partner = "}" if text == "{" else "{"
        return Slip(text, f"A {text} stands without its {partner}.", f"Write {text * 2} for a literal {text}.")
    name = text[1:-1]
    if not name.strip() or any(mark in name for mark in ".[]!:"):
        return _unsupported(text, declared)
    return Slip(text, f"{text} names no parameter of this entry point; {_list(declared)}", _hint(name, declared))


def _unsupported(text: str, declared: Collection[str]) -> Slip:
    if not text[1:-1].strip():
        return Slip(text, f"{text} has no name: values are put in by name only; {_list(declared)}", "Write {{}} for literal braces.")
    message = f"{text} is more than a name: attributes, indexes, conversions and formats are not supported; {_list(declared)}"
    return Slip(text, message, f"Write {{name}}, or {{{text}}} for literal braces.")


def _list(declared: Collection[str]) -> str:
    return f"declared: {', '.join(declared)}." if declared else "it declares none."


def _hint(name: str, declared: Collection[str]) -> str:
    from mlctl.projects.spelling import nearest

    near = nearest(name, declared) or nearest(name.strip(), declared)
    if near:
        return f"Did you mean {{{near}}}?"
    return f"Declare it under parameters, or write {{{{{name}}}}} if the braces are meant for the shell."


def render(entry: EntryPoint, bound: BoundParams) -> str:
    """The command line of an entry point for the parameters of one run.

    Raises:
        ProjectError: the entry point has no command, or its braces are wrong.
    """
    return substitute(entry, {**bound.declared, **bound.resolved}, extra=bound.extra)


def substitute(entry: EntryPoint, values: Mapping[str, Any], *, extra: Mapping[str, Any] | None = None) -> str:
    """An entry point's command with values put in, each quoted for the shell; extra parameters follow as ``--name value``.

    Raises:
        ProjectError: the entry point has no command, or its braces are wrong.
        ParameterError: a field has no value.
    """
    if entry.command is None:
        raise ProjectError(
            f"Entry point '{entry.name}' has no command.",
            hint="Give it one in the MLproject file, as text: command: python train.py",
        )
    template = parse(entry.command, entry.parameters)
    if template.slips:
        _refuse(entry, template.slips)
    missing = [piece.text for piece in template.fields if piece.text not in values]
    if missing:
        raise ParameterError(f"No value for {', '.join(dict.fromkeys(missing))} of entry point '{entry.name}'.")
    text = "".join(_quoted(values[piece.text]) if piece.field else piece.text for piece in template.pieces)
    return _with_extra(text, extra or {})


def _refuse(entry: EntryPoint, slips: tuple[Slip, ...]) -> None:
    where = f"The command of entry point '{entry.name}'" + (f" (line {entry.line})" if entry.line else "")
    if len(slips) == 1:
        raise ProjectError(f"{where}: {slips[0].message}", hint=slips[0].hint)
    lines = [f"  {slip.message} {slip.hint}".rstrip() for slip in slips]
    raise ProjectError("\n".join((f"{where} has {len(slips)} slips:", *lines)))


def _quoted(value: Any) -> str:
    return shlex.quote(text_of(value))


def _with_extra(text: str, extra: Mapping[str, Any]) -> str:
    """Append parameters. A line end at the end of the command would make a command of its own of them, so it goes."""
    if not extra:
        return text
    stripped = text.rstrip("\n")
    words = [f"--{_quoted(name)} {_quoted(value)}" for name, value in extra.items()]
    return " ".join((text if stripped.endswith("\\") else stripped, *words))


# ── fields inside quotes ────────────────────────────────────────────────────────────────────────────────────────────────


def contexts(command: str) -> list[str]:
    """What encloses each character of a command for the shell: ``'``, ``"``, ``<<`` (a here-document), or "" for nothing."""
    return _Quoting(command).contexts


def quoted_fields(command: str, declared: Collection[str]) -> Iterator[tuple[str, str]]:
    """Names of parameters whose field stands inside quotes, with what encloses it (see `contexts`)."""
    enclosing = contexts(command)
    for piece in parse(command, declared).fields:
        if enclosing[piece.start]:
            yield piece.text, enclosing[piece.start]


def unsafe(command: str, declared: Collection[str], values: Mapping[str, str]) -> dict[str, str]:
    """Why values would be taken apart by the shell, by name: the command puts quotes of its own around their fields.

    Values are quoted where they are put in, so quotes around a field open what they should close.
    """
    found = {}
    for name, context in quoted_fields(command, declared):
        hazards = sorted(_HAZARDS[context] & set(values.get(name, "")))
        if hazards:
            marks = " ".join(mark.replace("\n", "a line end") for mark in hazards)
            found[name] = (
                f"the command has {{{name}}} inside {IN_WORDS[context]}, where the shell would act on {marks} in the value; "
                f"remove the quotes around {{{name}}} in the MLproject file"
            )
    return found


class _Quoting:
    """A walk along a command as the shell reads it; ``contexts`` has what encloses each character ("" for nothing)."""

    def __init__(self, command: str) -> None:
        self._text = command
        self._stack: list[str] = []
        self._here = False  # a here-document starts at the next line
        self.contexts: list[str] = []
        while len(self.contexts) < len(command):
            found = _SPECIAL.search(command, len(self.contexts))
            at = found.start() if found else len(command)
            self.contexts += [self._context] * (at - len(self.contexts))
            if found:
                step = self._step(at)
                self.contexts += [self._context] * step

    @property
    def _top(self) -> str:
        return self._stack[-1] if self._stack else ""

    @property
    def _context(self) -> str:
        return self._top if self._top in _HAZARDS else ""

    def _step(self, at: int) -> int:
        """Take note of the character at ``at``; the number of characters read."""
        char = self._text[at]
        if self._top == "<<":
            return 1
        if self._top == "'":
            if char == "'":
                self._stack.pop()
            return 1
        if char == "\\":
            return min(2, len(self._text) - at)
        if char in "\"'`":
            self._toggle(char)
            return 1
        return self._open(at, char)

    def _toggle(self, char: str) -> None:
        if self._top == char:
            self._stack.pop()
        elif not (char == "'" and self._top == '"'):
            self._stack.append(char)

    def _open(self, at: int, char: str) -> int:
        if self._text.startswith("$(", at):
            self._stack.append("(")
            return 2
        if self._top == "(" and char in "()":
            self._stack.append("(") if char == "(" else self._stack.pop()
        elif self._top != '"':
            return self._plain(at, char)
        return 1

    def _plain(self, at: int, char: str) -> int:
        """A character outside quotes: comments, and the start of here-documents."""
        if char == "#" and (at == 0 or self._text[at - 1].isspace()):
            end = self._text.find("\n", at)
            return (len(self._text) if end < 0 else end) - at
        if char == "<" and self._text.startswith("<<", at):
            self._here = self._here or not self._text.startswith("<<<", at)
            return 3 if self._text.startswith("<<<", at) else 2
        if char == "\n" and self._here:
            self._stack.append("<<")
        return 1
