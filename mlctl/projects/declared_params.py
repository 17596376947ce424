"""A parameter's declaration in an MLproject file, and the slips that people make in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlctl.errors import ProjectError
from mlctl.projects import kinds, unknown_keys
from mlctl.projects.entities import Parameter
from mlctl.projects.spelling import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl.projects.document import Place
    from mlctl.projects.report import Report

_KEYS = ("type", "default", "description", "choices", "min", "max")
_ALIASES = {
    "help": "description",
    "doc": "description",
    "desc": "description",
    "enum": "choices",
    "options": "choices",
    "allowed": "choices",
    "values": "choices",
    "minimum": "min",
    "maximum": "max",
    "dtype": "type",
}
_TYPE_ALIASES = {
    "integer": "int",
    "long": "int",
    "double": "float",
    "number": "float",
    "text": "string",
    "file": "path",
    "folder": "path",
    "dir": "path",
    "directory": "path",
    "url": "uri",
    "list": "list[str]",
    "array": "list[str]",
}


def read(name: str, place: Place, report: Report) -> Parameter | None:
    """A parameter as it is declared; None where that is no declaration."""
    if isinstance(place.value, str):
        _type_slip(place.value, place, report)
        return Parameter(name, place.value, line=place.line)
    if not isinstance(place.value, dict):
        _reject(name, place, report)
        return None
    fields = place.fields()
    unknown_keys.warn(fields, _KEYS, report, aliases=_ALIASES)
    found = Parameter(
        name,
        type=_type(fields.get("type"), report),
        default=place.value.get("default"),
        description=_description(fields.get("description")),
        choices=_choices(fields.get("choices"), report),
        minimum=_bound(fields.get("min"), report),
        maximum=_bound(fields.get("max"), report),
        line=place.line,
    )
    _check_bounds(found, place, report)
    if "default" in fields:
        _check_default(found, fields, report)
    return found


def _reject(name: str, place: Place, report: Report) -> None:
    if place.value is None:
        hint = f"Write {name}: string, or {name}: {{type: float, default: 0.5}}"
        report.reject(place, "Nothing follows the parameter's name.", hint=hint)
    elif isinstance(place.value, list):
        report.reject(place, "A parameter is declared by its type or by a mapping, not by a list.", hint=f"Write {name}: {{default: …}}")
    else:
        hint = f"To give a default, write {name}: {{default: {place.source}}}"
        report.reject(place, f"A parameter is declared by its type; {place.source} is a value.", hint=hint)


def _type(place: Place | None, report: Report) -> str:
    if place is None:
        return "string"
    if place.value is None:
        report.warn(place, "The type is left empty and counts as string.", hint=f"Types: {', '.join(kinds.NAMES)}.")
        return "string"
    name = place.value if isinstance(place.value, str) else str(place.value)
    _type_slip(name, place, report)
    return name


def _type_slip(name: str, place: Place, report: Report) -> None:
    if not kinds.known(name):
        report.warn(place, f"The type {shown(name)} is not known and behaves as string.", hint=_meant_type(name))


def _meant_type(text: str) -> str:
    meant = unknown_keys.run_together(text, _KEYS)
    if meant:
        return f"Did you mean {{{meant}}}?"
    if text.lstrip().startswith("{"):
        return "Remove the quotes around {…}."
    if "default" in text:
        return "Write {type: float, default: 0.5}."
    near = nearest(text, kinds.NAMES, aliases=_TYPE_ALIASES)
    return f"Did you mean {near}?" if near else f"Types: {', '.join(kinds.NAMES)}."


def _description(place: Place | None) -> str:
    return "" if place is None or place.value is None else str(place.value)


def _choices(place: Place | None, report: Report) -> tuple[Any, ...]:
    if place is None or place.value is None:
        return ()
    if not isinstance(place.value, list):
        report.warn(place, "choices is not a list and is ignored.", hint="Write choices: [a, b].")
        return ()
    return tuple(place.value)


def _bound(place: Place | None, report: Report) -> float | None:
    if place is None or place.value is None:
        return None
    if isinstance(place.value, bool) or not isinstance(place.value, (int, float)):
        report.warn(place, f"{place.path.rpartition('.')[2]} is not a number and is ignored.", hint=_plain_number(place))
        return None
    return place.value


def _plain_number(place: Place) -> str:
    try:
        return f"YAML reads {place.source} as text. Write {float(place.source)}."
    except ValueError:
        return ""


def _check_bounds(parameter: Parameter, place: Place, report: Report) -> None:
    bounded = parameter.minimum is not None or parameter.maximum is not None
    if bounded and not kinds.kind_of(parameter.type).numeric:
        report.warn(place, f"min and max mean nothing for the type {parameter.type}.", hint="Declare the type as int or float.")
    if parameter.minimum is not None and parameter.maximum is not None and parameter.minimum > parameter.maximum:
        report.warn(place, "min is above max: no value fits.", hint="Exchange the two.")
    if kinds.kind_of(parameter.type) is kinds.STRING and any(isinstance(choice, bool) for choice in parameter.choices):
        report.warn(place, "YAML reads yes, no, on and off in choices as True and False.", hint="Quote them.")


def _check_default(parameter: Parameter, fields: Mapping[str, Place], report: Report) -> None:
    place = fields["default"]
    if parameter.default is None:
        report.warn(place, "The default is null, so a value must be given.", hint='For an empty text write default: "".')
        return
    try:
        text = kinds.text_of(parameter.default)
    except ProjectError as error:
        report.error(place, error.message, hint=error.hint)
        return
    reason = kinds.misfit(parameter, text)
    if reason:
        note = report.error if parameter.type == "uri" else report.warn
        note(place, f"The default {shown(text)} {reason}.", hint="Correct the default or the type.")
    elif _reads_otherwise(parameter, place, text, explicit="type" in fields):
        report.warn(place, f"{place.source} reaches the command as {text}.", hint=f'To keep the text write default: "{place.source}".')


def _reads_otherwise(parameter: Parameter, place: Place, text: str, *, explicit: bool) -> bool:
    """Whether YAML makes something else of a default than what is written there, as of ``yes``, ``010`` and ``1.10``."""
    if not place.plain or text == place.source:
        return False
    kind = kinds.kind_of(parameter.type)
    if isinstance(parameter.default, bool):
        return kind is kinds.STRING
    if kind is kinds.STRING and explicit:
        return True
    return not _same_number(place.source, parameter.default)


def _same_number(source: str, value: Any) -> bool:
    text = source.replace("_", "").lower()
    if not isinstance(value, (int, float)):
        return False
    if text.lstrip("+-").startswith(("0x", "0b", ".inf", ".nan")):
        return True
    try:
        return bool((int(text) if isinstance(value, int) else float(text)) == value)
    except ValueError:
        return False
