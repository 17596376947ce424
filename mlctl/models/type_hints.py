"""Type hints of ``predict``: the schema that they stand for, and data checked against them. The words of refusals are MLflow's.

A model whose input is annotated as ``list[…]`` gets the data as it is, not as a DataFrame; dictionaries become the objects of pydantic's
classes where the hint names one.
"""

import datetime as dt
import inspect
import math
import typing
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from mlctl.errors import SchemaError
from mlctl.models.schema import ColSpec, Schema
from mlctl.models.types import AnyType, Array, DataType, Map, Object, Property, Type, is_array, is_instance

_SCALARS: Dict[Any, DataType] = {
    int: DataType.long,
    str: DataType.string,
    bool: DataType.boolean,
    float: DataType.double,
    bytes: DataType.binary,
    dt.datetime: DataType.datetime,
}
_SHOWN = 5


class Hints(NamedTuple):
    """The hints of a method's data and of what it gives; None where there are none that a schema can be made of."""

    input: Any = None
    output: Any = None


def of(method: Callable[..., Any]) -> Hints:
    """The hints of ``predict(context, model_input, params)``, of which context and params may be missing.

    Only an input of ``list[…]`` counts: a model predicts for several rows.
    """
    names = [name for name in inspect.signature(method).parameters if name != "params"]
    data = (names[1:] if "context" in names or len(names) > 1 else names)[:1]
    try:
        hints = typing.get_type_hints(method)
    except (AttributeError, NameError, TypeError):  # names that are not there any more, or are not yet
        return Hints()
    hint = hints.get(data[0]) if data else None
    return Hints(hint, hints.get("return")) if _is_list(hint) else Hints()


def _is_list(hint: Any) -> bool:
    return getattr(hint, "__origin__", None) in (list, List) and len(_arguments(hint)) == 1


def schemas(hints: Hints) -> Tuple[Schema, Schema]:
    """The schemas of inputs and outputs; outputs without a hint that says anything are of the type "any".

    Raises:
        SchemaError: the hint of the input is of a kind that there is no type for.
    """
    return _schema(hints.input), _output_schema(hints.output)


def _schema(hint: Any) -> Schema:
    """A hint of ``list[…]`` is a column of what is in it."""
    kind, required = _type(_arguments(hint)[0] if _is_list(hint) else hint)
    if not required:
        raise SchemaError("The elements of a model's input cannot be Optional.", hint="Optional fields of pydantic's classes can.")
    return Schema([ColSpec(kind)])


def _output_schema(hint: Any) -> Schema:
    try:
        return _schema(hint)
    except SchemaError:
        return Schema([ColSpec(AnyType())])


def _type(hint: Any) -> Tuple[Type, bool]:
    """The type of a hint, and whether a value has to be there."""
    if hint is Any:
        return AnyType(), True
    if hint in _SCALARS:
        return _SCALARS[hint], True
    if _is_pydantic(hint):
        return Object([Property(name, *_type(field.annotation)) for name, field in hint.model_fields.items()]), True
    if _is_list(hint):
        return Array(_type(_arguments(hint)[0])[0]), True
    if getattr(hint, "__origin__", None) is dict and _arguments(hint)[:1] == (str,):
        return Map(_type(_arguments(hint)[1])[0]), True
    if _is_union(hint):
        return _type_of_union(hint)
    raise SchemaError(
        f"There is no type for the hint {hint!r}.",
        hint="list[…] of int, str, bool, float, bytes, datetime, Any, classes of pydantic, and lists and dictionaries of them.",
    )


def _type_of_union(hint: Any) -> Tuple[Type, bool]:
    others = [one for one in _arguments(hint) if one is not type(None)]
    return _type(others[0])[0] if len(others) == 1 else AnyType(), len(others) == len(_arguments(hint))


def _arguments(hint: Any) -> Tuple[Any, ...]:
    found: Tuple[Any, ...] = getattr(hint, "__args__", None) or ()
    return tuple(one for one in found if not isinstance(one, typing.TypeVar))  # of a bare List


def _is_union(hint: Any) -> bool:
    return getattr(hint, "__origin__", None) is typing.Union or type(hint).__name__ == "UnionType"


def _is_pydantic(hint: Any) -> bool:
    return isinstance(hint, type) and hasattr(hint, "model_fields") and hasattr(hint, "model_validate")


# ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def fitted(data: Any, hint: Any) -> Any:
    """Data as a method with this hint takes it; a DataFrame of one column, or of dictionaries' columns, is a list.

    Raises:
        SchemaError: it does not fit.
    """
    if is_instance(data, "pandas", "DataFrame"):
        data = _rows(data, _arguments(hint)[0])
    return _fitted(data, hint)


def _rows(frame: Any, element: Any) -> List[Any]:
    is_table = element is dict or _is_pydantic(element) or getattr(element, "__origin__", None) is dict
    rows = frame.to_dict(orient="records") if is_table and list(frame.columns) != [0] else frame.iloc[:, 0].tolist()
    return [_plain(row) for row in rows]


def _plain(value: Any) -> Any:
    """A value of a DataFrame as a hint can name it: lists for arrays, None for NaN."""
    value = value.tolist() if is_array(value) else value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _fitted(data: Any, hint: Any) -> Any:
    if hint is Any or (_is_union(hint) and (data is None or len(_others(hint)) > 1)):
        return data
    if _is_union(hint):
        return _fitted(data, _others(hint)[0])
    if _is_pydantic(hint):
        return _object(data, hint)
    if _is_list(hint):
        return _list(data, _arguments(hint)[0])
    if getattr(hint, "__origin__", None) is dict:
        return _dictionary(data, _arguments(hint)[1])
    if not isinstance(data, hint):
        raise SchemaError(f"Expected type {hint.__name__}, but got {type(data).__name__}")
    return data


def _others(hint: Any) -> List[Any]:
    return [one for one in _arguments(hint) if one is not type(None)]


def _object(data: Any, kind: Any) -> Any:
    if not isinstance(data, (dict, kind)):
        raise SchemaError(f"Expecting example to be a dictionary or pydantic model instance for Pydantic type hint, got {type(data)}")
    values = data if isinstance(data, dict) else data.model_dump()
    try:
        kind.model_validate(values, strict=True)
    except ValueError as error:  # pydantic's is one
        raise SchemaError(f"Data doesn't match type hint, error: {error}. Passed data: {values}.") from error
    return kind(**values) if isinstance(data, dict) else data


def _list(data: Any, element: Any) -> List[Any]:
    if not isinstance(data, list):
        raise SchemaError(f"Expected list, but got {type(data).__name__}")
    found, wrong = [], []
    for item in data:
        try:
            found.append(_fitted(item, element))
        except SchemaError as error:
            wrong.append((str(item), error.message))
    if wrong:
        listed = f"{wrong[:_SHOWN]} ... (truncated)" if len(wrong) > _SHOWN else wrong
        raise SchemaError(f"Failed to validate data against type hint `list[{_name(element)}]`, invalid elements: {listed}")
    return found


def _dictionary(data: Any, element: Any) -> Dict[str, Any]:
    if not isinstance(data, dict):
        raise SchemaError(f"Expected dict, but got {type(data).__name__}")
    found, wrong = {}, {}
    for key, value in data.items():
        try:
            found[_text(key)] = _fitted(value, element)
        except SchemaError as error:
            wrong[str(key)] = error.message
    if wrong:
        raise SchemaError(f"Failed to validate data against type hint `dict[str, {_name(element)}]`, invalid elements: {wrong}")
    return found


def _text(key: Any) -> str:
    if not isinstance(key, str):
        raise SchemaError(f"Key must be a string, got {type(key).__name__}")
    return key


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not _arguments(hint) else str(hint).replace("typing.", "")
