"""The types of columns and tensors, found out as MLflow does and written as its JSON: see `mlflow.types.Schema`.

A type is a dictionary: ``{"type": "long"}``, ``{"type": "array", "items": TYPE}``, ``{"type": "any"}`` or ``{"type": "object",
"properties": {name: TYPE with "required"}}``.
"""

import datetime as dt
import json
from typing import Any, Dict, Iterator, List, Optional, Sequence

Type = Dict[str, Any]

_ANY: Type = {"type": "any"}
_SCALARS = {
    "bool": "boolean",
    "bool_": "boolean",
    "int": "long",
    "int64": "long",
    "int32": "integer",
    "float": "double",
    "float64": "double",
    "float32": "float",
    "str": "string",
    "str_": "string",
    "object": "string",
    "bytes": "binary",
    "bytes_": "binary",
    "bytearray": "binary",
    "datetime64": "datetime",
}
_DATES = (dt.date, dt.datetime)


class UnfitError(ValueError):
    """Values that have no type in MLflow's language; whoever asked does without a schema."""


class Schema:
    """The columns or tensors of a dataset, each as the dictionary that MLflow writes."""

    def __init__(self, inputs: List[Dict[str, Any]]) -> None:
        if not inputs:
            raise UnfitError("A schema has at least one column.")
        named = [item.get("name") is not None for item in inputs]
        if any(named) and not all(named):
            raise UnfitError("Some columns have names, others have none.")
        if not any(named) and not all(item.get("required", True) for item in inputs):
            raise UnfitError("A column without a name has values that are missing.")
        self.inputs = inputs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.inputs == other.inputs

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __len__(self) -> int:
        return len(self.inputs)

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        return iter(self.inputs)

    def __repr__(self) -> str:
        return f"Schema({self.inputs!r})"

    def input_names(self) -> List[Any]:
        """Names of the columns, or their indices where they have none."""
        return [item.get("name") or index for index, item in enumerate(self.inputs)]

    def to_dict(self) -> List[Dict[str, Any]]:
        """The columns."""
        return self.inputs

    def to_json(self) -> str:
        """The columns, as JSON."""
        return json.dumps(self.inputs)


class TensorDatasetSchema:
    """The tensors of a dataset's features, and of its targets where it has any."""

    def __init__(self, features: Schema, targets: Optional[Schema] = None) -> None:
        self.features = features
        self.targets = targets

    def to_dict(self) -> Dict[str, Any]:
        """The two as MLflow nests them: JSON in JSON."""
        targets = None if self.targets is None else self.targets.to_json()
        return {"mlflow_tensorspec": {"features": self.features.to_json(), "targets": targets}}


def of_frame(frame: Any) -> Schema:
    """The columns of a pandas.DataFrame.

    Raises:
        UnfitError: a column has values without a type.
    """
    return Schema([_column(frame[name], name) for name in frame.columns])


def of_arrays(data: Any) -> Schema:
    """The tensors of a numpy array, or of a dictionary of them. The first dimension may have any length.

    Raises:
        UnfitError: an array has no dimensions, or is none.
    """
    if isinstance(data, dict):
        return Schema([{"name": name, **_tensor(array)} for name, array in data.items()])
    return Schema([_tensor(data)])


def _column(series: Any, name: Any) -> Dict[str, Any]:
    if len(getattr(series, "shape", ())) != 1:
        raise UnfitError(f"There are several columns {name!r}.")
    found = dict(_type_of_series(series))
    if name is not None:
        found["name"] = name
    found["required"] = not (any(map(_is_missing, series)) if series.dtype.kind == "O" else bool(series.isna().any()))
    return found


def _type_of_series(series: Any) -> Type:
    if series.dtype.kind == "O":
        series = series.infer_objects()
    if series.dtype.kind != "O":
        return _type_of_dtype(series.dtype)
    values = series.to_list()
    try:
        found = _type_of_items(values) if values else None
    except UnfitError:
        found = None
    if found is not None:
        return found
    from pandas.api.types import is_string_dtype

    if is_string_dtype(series):
        return {"type": "string"}
    raise UnfitError(f"The column {series.name!r} has values without a type.")


def _type_of_dtype(dtype: Any) -> Type:
    kind, size = dtype.kind, dtype.itemsize
    if kind in "iu" and (kind == "i" or size < 8):
        return {"type": "integer" if size < 4 or (kind, size) == ("i", 4) else "long"}
    if kind == "f" and size <= 8:
        return {"type": "float" if size <= 4 else "double"}
    names = {"b": "boolean", "U": "string", "S": "binary", "M": "datetime"}
    if kind not in names:
        raise UnfitError(f"There is no type for {dtype}.")
    return {"type": names[kind]}


def _tensor(array: Any) -> Dict[str, Any]:
    dtype, shape = getattr(array, "dtype", None), list(getattr(array, "shape", ()))
    if dtype is None or not shape:
        raise UnfitError("A tensor is an array with dimensions.")
    name = {"U": "str", "S": "bytes"}.get(dtype.char, dtype.name)
    return {"type": "tensor", "tensor-spec": {"dtype": name, "shape": [-1, *shape[1:]]}}


# ── types of single values ───────────────────────────────────────────────────────────────────────────────────────────


def _is_missing(value: Any) -> bool:
    if isinstance(value, float):
        return value != value  # noqa: PLR0124 -- NaN
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _type_of(value: Any) -> Optional[Type]:
    """The type of a value; None for an array that says nothing."""
    if _is_missing(value) or (isinstance(value, (list, dict)) and not value):
        return _ANY
    if isinstance(value, dict):
        return _type_of_dict(value)
    if isinstance(value, list) or type(value).__name__ == "ndarray":
        items = _type_of_items(value)
        return None if items is None else {"type": "array", "items": items}
    name = _SCALARS.get(type(value).__name__) if type(value).__module__ in ("builtins", "numpy") else None
    if name is None and type(value) in _DATES:
        name = "datetime"
    if name is None:
        raise UnfitError(f"There is no type for {value!r}.")
    return {"type": name}


def _type_of_dict(value: Dict[Any, Any]) -> Type:
    found = {}
    for key, item in value.items():
        inner = _type_of(item)
        if inner is None or not isinstance(key, str):
            raise UnfitError(f"The entry {key!r} has no name or no type.")
        found[key] = {**inner, "required": inner != _ANY}
    return {"type": "object", "properties": {key: found[key] for key in sorted(found)}}


def _type_of_items(values: Sequence[Any]) -> Optional[Type]:
    """The type that all items of a list have; None if there are none that say anything."""
    found: Optional[Type] = None
    for value in values:
        one = _type_of(value)
        if one is not None:
            found = one if found is None else _merged(found, one)
    return found


def _merged(one: Type, other: Type) -> Type:
    """The type of values of two types."""
    if one["type"] == "any":
        return other if other["type"] != "object" else _merged(other, one)
    if one["type"] == "object":
        return _merged_objects(one, other)
    if other["type"] == "any" or one == other:
        return one
    if one["type"] == other["type"] == "array":
        return {"type": "array", "items": _merged(one["items"], other["items"])}
    raise UnfitError(f"There are values of two types: {one['type']} and {other['type']}.")


def _merged_objects(one: Type, other: Type) -> Type:
    if other["type"] not in ("any", "object"):
        raise UnfitError(f"There are values of two types: object and {other['type']}.")
    mine, theirs = one["properties"], other.get("properties", {})
    found = {}
    for key in sorted({*mine, *theirs}):
        if key in mine and key in theirs:
            required = mine[key]["required"] and theirs[key]["required"]
            found[key] = {**_merged(_bare(mine[key]), _bare(theirs[key])), "required": required}
        else:
            found[key] = {**(mine.get(key) or theirs[key]), "required": False}
    return {"type": "object", "properties": found}


def _bare(member: Type) -> Type:
    return {key: value for key, value in member.items() if key != "required"}
