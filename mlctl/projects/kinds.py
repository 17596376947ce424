"""Parameter types: which texts fit ``int``, ``float``, ``bool``, ``list[…]`` and the rest, and what to say of those that do not.

MLflow takes types as labels. Here they are checked; the text that reaches the command is still the one that was typed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl.projects.entities import Parameter

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")
_MAX_ITEMS = 10_000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def _boolean(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError(text)
    return text.lower() in _TRUE


def _uri(text: str) -> str:
    if not scheme(text):
        raise ValueError(text)
    return text


class Kind(NamedTuple):
    """A type: how a text becomes a value (ValueError: it does not fit), and what to tell who typed something else."""

    convert: Callable[[str], Any]
    accepts: str
    numeric: bool = False


STRING = Kind(str, "any text")
_INT = Kind(int, "a whole number such as 5 or -3", numeric=True)
_FLOAT = Kind(float, "a number such as 0.5, -3 or 1e-3", numeric=True)
_BOOL = Kind(_boolean, "true or false (also yes/no, on/off, 1/0)")
KINDS = {
    "int": _INT,
    "float": _FLOAT,
    "bool": _BOOL,
    "boolean": _BOOL,
    "str": STRING,
    "string": STRING,
    "path": Kind(str, "a file or folder"),
    "uri": Kind(_uri, "a URI with a scheme, such as s3://bucket/key or file:///data/x"),
}
_EXAMPLES = {
    "int": "1, 2",
    "float": "0.1, 2",
    "bool": "true, false",
    "boolean": "true, false",
    "str": "a, b",
    "string": "a, b",
    "path": "a.csv, b.csv",
    "uri": "'s3://b/x', 's3://b/y'",
}
_LIST = re.compile(r"list\[(int|float|bool|boolean|str|string|path|uri)\]")
NAMES = (*KINDS, "list[int]", "list[float]", "list[bool]", "list[str]", "list[path]")


def scheme(text: str) -> str:
    """The scheme of a URI in lower case; "" for a text without one."""
    found = _SCHEME.match(text.lstrip())
    return found.group()[:-1].lower() if found else ""


def known(type_name: str) -> bool:
    """Whether a type is one of ours; any other behaves as string."""
    return type_name in KINDS or _LIST.fullmatch(type_name) is not None


def kind_of(type_name: str) -> Kind:
    """The kind that a parameter's type stands for; string for a name that is not known."""
    listed = _LIST.fullmatch(type_name)
    if listed is None:
        return KINDS.get(type_name, STRING)
    item = KINDS[listed.group(1)]
    return Kind(lambda text: _items(text, item), f"a list of {listed.group(1)} such as [{_EXAMPLES[listed.group(1)]}]", item.numeric)


def _items(text: str, item: Kind) -> list[Any]:
    from mlctl.projects.document import sequence

    found = sequence(text)
    if found is None or any(isinstance(value, (list, dict, set)) for value in found):
        raise ValueError(text)
    return [item.convert(str(value)) for value in found]


def text_of(value: Any) -> str:
    """A YAML value as it goes into a command: ``str`` of it, as MLflow renders it.

    Raises:
        ProjectError: the value is so large, or so deep, that no command could hold it.
    """
    if isinstance(value, str):
        return value
    try:
        if _size(value) > _MAX_ITEMS:
            raise ProjectError(f"A default value has more than {_MAX_ITEMS} items.", hint="Keep it in a file and pass the file's path.")
        return str(value)
    except (ValueError, RecursionError):
        raise ProjectError("A default value is too large or too deeply nested to be put into a command.") from None


def _size(value: Any) -> int:
    queue, count = [value], 0
    while queue and count <= _MAX_ITEMS:
        count += 1
        found = queue.pop()
        if isinstance(found, dict):
            queue.extend((*found.keys(), *found.values()))
        elif isinstance(found, (list, tuple, set)):
            queue.extend(found)
    return count


def misfit(parameter: Parameter, text: str) -> str:
    """What keeps a text from being a value of a parameter ("" if nothing does), as the end of a sentence: "is not …"."""
    kind = kind_of(parameter.type)
    try:
        value = kind.convert(text)
    except (ValueError, ProjectError):
        return f"is not {kind.accepts} (type {parameter.type})"
    for single in value if isinstance(value, list) else [value]:
        reason = _choice(parameter, single) or (_bounds(parameter, single) if kind.numeric else "")
        if reason:
            return reason
    return ""


def _choice(parameter: Parameter, value: Any) -> str:
    if not parameter.choices or any(value == choice or str(value) == str(choice) for choice in parameter.choices):
        return ""
    return f"is not one of {', '.join(map(str, parameter.choices))}"


def _bounds(parameter: Parameter, value: float) -> str:
    if parameter.minimum is not None and not value >= parameter.minimum:
        return f"is below the minimum {parameter.minimum:.15g}"
    if parameter.maximum is not None and not value <= parameter.maximum:
        return f"is above the maximum {parameter.maximum:.15g}"
    return ""
