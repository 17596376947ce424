"""Schemas of dataclasses, whose annotations are the types of columns."""

import datetime as dt
import typing
from dataclasses import fields, is_dataclass
from typing import Any, List, Tuple

from mlctl.errors import SchemaError
from mlctl.models.schema import ColSpec, Schema
from mlctl.models.types import Array, DataType, Object, Property, Type

_TYPES = {
    bool: DataType.boolean,
    int: DataType.long,
    float: DataType.float,
    str: DataType.string,
    bytes: DataType.binary,
    dt.date: DataType.datetime,
}


def schema_of(dataclass: Any) -> Schema:
    """The columns of a dataclass: single values, lists, dataclasses, each perhaps Optional.

    Raises:
        SchemaError: a field is of another type.
    """
    return Schema([ColSpec(kind, name, required=required) for name, kind, required in _members(dataclass)])


def _members(dataclass: Any) -> List[Tuple[str, Type, bool]]:
    owner = dataclass if isinstance(dataclass, type) else type(dataclass)
    hints = typing.get_type_hints(owner)
    return [(field.name, *_member(hints[field.name], f"{owner.__name__}.{field.name}")) for field in fields(owner)]


def _member(hint: Any, where: str) -> Tuple[Type, bool]:
    inner = _inside_optional(hint, where)
    return _type(hint if inner is None else inner, where), inner is None


def _inside_optional(hint: Any, where: str) -> Any:
    """What an Optional may be besides None; None of what is not Optional."""
    if getattr(hint, "__origin__", None) is not typing.Union and type(hint).__name__ != "UnionType":
        return None
    others = [one for one in hint.__args__ if one is not type(None)]
    if len(others) != 1 or len(hint.__args__) != 2:
        raise SchemaError(f"The field {where} may be of several types.", hint="Optional[...] is the only union that a schema has.")
    return others[0]


def _type(hint: Any, where: str) -> Type:
    if getattr(hint, "__origin__", None) is list:
        return Array(_type(hint.__args__[0], where))
    if is_dataclass(hint):
        return Object([Property(name, kind, required) for name, kind, required in _members(hint)])
    found = _TYPES.get(hint)
    if found is None:
        raise SchemaError(f"The field {where} is of a type that a schema has none for: {hint!r}.")
    return found
