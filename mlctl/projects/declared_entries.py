"""The ``entry_points`` part of an MLproject file, and the slips that people make in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlctl.projects import command as commands
from mlctl.projects import declared_params, unknown_keys
from mlctl.projects.entities import EntryPoint, Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl.projects.document import Place
    from mlctl.projects.report import Report

_KEYS = ("parameters", "command")
_ALIASES = {
    "cmd": "command",
    "run": "command",
    "script": "command",
    "params": "parameters",
    "args": "parameters",
    "arguments": "parameters",
}
_TOP_LEVEL = ("python_env", "conda_env", "docker_env")
_ESCAPED_SPACE = re.compile(r"(?<!\S)\\[ \t]")
_FINAL_BACKSLASH = re.compile(r"(?<!\S)\\\s*\Z")
_BACKSLASH_PATH = re.compile(r"[\w.]\\(?=[\w.])")


def read(place: Place | None, lines: tuple[str, ...], report: Report) -> dict[str, EntryPoint]:
    """The entry points of a file, by name."""
    if place is None:
        return {}
    if not isinstance(place.value, dict):
        _reject_entries(place, report)
        return {}
    fields = place.fields()
    found = {name: _entry(name, field, lines, report, beside=fields) for name, field in fields.items()}
    return {name: entry for name, entry in found.items() if entry}


def _reject_entries(place: Place, report: Report) -> None:
    if place.value is None:
        report.reject(place, "entry_points is left empty.", hint="Indent the entry points below it, or remove the line.")
    elif isinstance(place.value, list):
        report.reject(place, "entry_points is a list.", hint="Remove the dashes: each entry point is a key, such as main:")
    else:
        report.reject(
            place, "entry_points is not a mapping of names to commands.", hint='Write entry_points: {main: {command: "python train.py"}}'
        )


def _entry(name: str, place: Place, lines: tuple[str, ...], report: Report, *, beside: Mapping[str, Place]) -> EntryPoint | None:
    if not isinstance(place.value, dict):
        report.reject(place, *_no_entry(place.value), hint=_meant_entry(name, place.value, beside))
        return None
    fields = place.fields()
    unknown_keys.warn(fields, _KEYS, report, aliases=_ALIASES)
    for key in _TOP_LEVEL:
        if key in fields:
            report.warn(fields[key], f"{key} means nothing inside an entry point.", hint="Move it to the top level of the file.")
    declared = _parameters(fields.get("parameters"), report)
    line = _command(fields, place, declared, lines, report)
    return EntryPoint(name, line, declared, line=place.line)


def _no_entry(value: Any) -> tuple[str]:
    if value is None:
        return ("The entry point is left empty.",)
    return ("An entry point is a mapping with a command.",)


def _meant_entry(name: str, value: Any, beside: Mapping[str, Place]) -> str:
    if name in _KEYS:
        return f"The name of the entry point, such as main:, is missing above {name}."
    if value is None and any(key in beside for key in _KEYS):
        return f"Indent command and parameters below {name}."
    given = value if isinstance(value, str) else "python train.py"
    return f'Write {name}: {{command: "{given}"}}'


def _parameters(place: Place | None, report: Report) -> dict[str, Parameter]:
    if place is None:
        return {}
    if not isinstance(place.value, dict):
        message, hint = _NO_PARAMETERS.get(type(place.value), _NO_PARAMETERS[str])
        report.reject(place, message, hint=hint)
        return {}
    found = {name: declared_params.read(name, field, report) for name, field in place.fields().items()}
    return {name: parameter for name, parameter in found.items() if parameter}


_NO_PARAMETERS: Mapping[type, tuple[str, str]] = {
    type(None): ("parameters is left empty.", "Remove the line, or indent the parameters below it."),
    list: ("parameters is a list.", "Remove the dashes: each parameter is a key, such as alpha: float"),
    str: ("parameters is not a mapping of names to types.", "Write parameters: {alpha: {type: float, default: 0.5}}"),
}


# ── commands ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _command(
    fields: Mapping[str, Place], entry: Place, declared: Mapping[str, Parameter], lines: tuple[str, ...], report: Report
) -> str | None:
    place = fields.get("command")
    if place is None:
        report.error(entry, "The entry point has no command.", hint="Add command: python train.py")
        return None
    if not isinstance(place.value, str):
        report.error(place, "The command is not text.", hint=_meant_command(place))
        return None
    if not place.value.strip():
        report.warn(place, "The command is empty: it does nothing.")
    _check_fields(place, declared, lines, report)
    _check_backslashes(place, lines, report)
    return place.value


def _meant_command(place: Place) -> str:
    if isinstance(place.value, list):
        return f'Write it on one line: command: "{" ".join(map(str, place.value))}"'
    return f'Write it as text: command: "{place.source or "python train.py"}"'


def _check_fields(place: Place, declared: Mapping[str, Parameter], lines: tuple[str, ...], report: Report) -> None:
    template = commands.parse(place.value, declared)
    for slip in dict.fromkeys(template.slips):
        report.error(place, slip.message, hint=slip.hint, line=place.line_of(slip.snippet, lines))
    for name, context in dict.fromkeys(commands.quoted_fields(place.value, declared)):
        report.warn(
            place,
            f"{{{name}}} stands inside {commands.IN_WORDS[context]}; its value is quoted once more.",
            hint=f"Remove the quotes around {{{name}}}." if context != "<<" else "",
            line=place.line_of(f"{{{name}}}", lines),
        )
    used = {piece.text for piece in template.fields}
    for name in declared if not template.slips else ():
        if name not in used:
            report.warn(place, f"The command does not use {{{name}}}: the script never gets it.", hint=f"Add --{name} {{{name}}}.")


def _check_backslashes(place: Place, lines: tuple[str, ...], report: Report) -> None:
    text = place.value
    if _ESCAPED_SPACE.search(text):
        message = "A backslash before a space joins that space to the next word; it does not continue the line."
        hint = "Remove spaces behind the backslash; below command: > no backslashes are needed."
        report.warn(place, message, hint=hint, line=place.line_of("\\", lines))
    if _FINAL_BACKSLASH.search(text):
        report.warn(place, "The command ends in a backslash.", hint="Remove it.")
    contexts = commands.contexts(text)
    if any(not contexts[found.start()] for found in _BACKSLASH_PATH.finditer(text)):
        report.warn(place, "The shell drops a backslash inside a word.", hint="Write paths with /.")
