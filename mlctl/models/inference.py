"""Schemas found out from data, as MLflow does it: pandas, numpy, scipy's sparse matrices, and whatever JSON can hold."""

from typing import Any, Dict, Iterable, List, Optional, Tuple

from mlctl.errors import SchemaError
from mlctl.models.params import ParamSchema, ParamSpec
from mlctl.models.schema import ColSpec, Schema, TensorSpec
from mlctl.models.types import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    Property,
    Type,
    is_array,
    is_instance,
    is_missing,
    is_scalar,
    is_sparse,
)

_SCALARS = {
    "bool": DataType.boolean,
    "bool_": DataType.boolean,
    "int": DataType.long,
    "int64": DataType.long,
    "int32": DataType.integer,
    "float": DataType.double,
    "float64": DataType.double,
    "float32": DataType.float,
    "str": DataType.string,
    "str_": DataType.string,
    "object": DataType.string,
    "bytes": DataType.binary,
    "bytes_": DataType.binary,
    "bytearray": DataType.binary,
}
"""Names of the types of Python and numpy → the type of their values."""

_PARAM_DIMENSIONS = 1


class PydanticError(SchemaError):
    """Data of pydantic's classes: their types stand in the hints of `predict`, not in an example."""


def infer_schema(data: Any) -> Schema:
    """The columns of frames, dictionaries, lists and single values; the tensors of arrays, whose first dimension may have any length.

    Raises:
        SchemaError: values of several types in one place, or of a type that there is none for.
    """
    if is_array(data) or is_sparse(data):
        return Schema([_tensor(data)])
    if is_instance(data, "pandas", "DataFrame"):
        return Schema([_column(data[name], name) for name in data.columns])
    if is_instance(data, "pandas", "Series"):
        return Schema([_column(data, data.name)])
    if isinstance(data, dict):
        return _of_dictionary(data)
    if isinstance(data, list):
        return _of_list(data)
    return Schema([ColSpec(_certain(data))])


def _of_dictionary(data: Dict[Any, Any]) -> Schema:
    if all(map(is_array, data.values())):
        return Schema([_tensor(array, name) for name, array in data.items()])
    if not all(isinstance(name, str) for name in data):
        raise SchemaError("The names of a dictionary's values are texts.")
    return Schema([ColSpec(_certain(value), name, required=_is_whole(value)) for name, value in data.items()])


def _of_list(data: List[Any]) -> Schema:
    """A list of dictionaries is a table of rows, any other one column without a name."""
    if not data:
        return Schema([ColSpec(DataType.string)])  # as MLflow before there was a type for "unknown"
    if not all(isinstance(item, dict) for item in data):
        return Schema([ColSpec(_items(data))])
    columns: Dict[str, List[Any]] = {}
    for row in data:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return Schema(
        [ColSpec(_items(values), name, required=all(row.get(name) is not None for row in data)) for name, values in columns.items()]
    )


def _is_whole(value: Any) -> bool:
    return not any(map(is_missing, value)) if isinstance(value, list) or is_instance(value, "pandas", "Series") else not is_missing(value)


def _tensor(array: Any, name: Optional[str] = None) -> TensorSpec:
    from mlctl.models.tensors import clean_dtype

    if not array.shape:
        raise SchemaError("A tensor is an array with dimensions.")
    dtype = array.dtype if is_array(array) else array.data.dtype
    return TensorSpec(clean_dtype(dtype), (-1, *array.shape[1:]), name)


# ── pandas ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _column(series: Any, name: Any) -> ColSpec:
    if len(getattr(series, "shape", ())) != 1:
        raise SchemaError(f"There are several columns {name!r}.")
    whole = not any(map(is_missing, series)) if series.dtype.kind == "O" else not bool(series.isna().any())
    return ColSpec(_type_of_series(series), name, required=whole)


def _type_of_series(series: Any) -> Type:
    series = series.infer_objects() if series.dtype.kind == "O" else series
    if series.dtype.kind != "O":
        return type_of_dtype(series.dtype)
    try:
        return _items(series.to_list())
    except SchemaError as error:
        from pandas.api.types import is_string_dtype

        if is_string_dtype(series):
            return DataType.string
        raise SchemaError(f"The column {series.name!r} has no type: {error.message}") from error


def type_of_dtype(dtype: Any) -> DataType:
    """The type of a numpy or pandas dtype.

    Raises:
        SchemaError: there is none.
    """
    kind, size = dtype.kind, dtype.itemsize
    if kind in "iu" and (kind == "i" or size < 8):
        return DataType.integer if size < 4 or (kind, size) == ("i", 4) else DataType.long
    if kind == "f" and size <= 8:
        return DataType.float if size <= 4 else DataType.double
    names = {"b": DataType.boolean, "U": DataType.string, "S": DataType.binary, "M": DataType.datetime}
    if kind not in names:
        raise SchemaError(f"There is no type for values of {dtype}.")
    return names[kind]


# ── single values ────────────────────────────────────────────────────────────────────────────────────────────────────


def _certain(value: Any) -> Type:
    found = _type_of(value)
    if found is None:
        raise SchemaError("An empty array has no type.")
    return found


def _type_of(value: Any) -> Optional[Type]:
    """The type of a value; None for an array that says nothing."""
    if is_instance(value, "pydantic", "BaseModel"):
        raise PydanticError(
            f"A {type(value).__name__} is an object of pydantic, whose type is not found out from an example.",
            hint="Annotate `predict` with it: def predict(self, model_input: list[...]).",
        )
    if is_missing(value) or (isinstance(value, (list, dict)) and not value):
        return AnyType()
    if isinstance(value, dict):
        return _type_of_dictionary(value)
    if isinstance(value, list) or is_array(value):
        items = _items_or_none(value)
        return None if items is None else Array(items)
    return _type_of_scalar(value)


def _type_of_scalar(value: Any) -> DataType:
    found = _SCALARS.get(type(value).__name__) if type(value).__module__ in ("builtins", "numpy") else None
    if found is None and DataType.check_type(DataType.datetime, value):
        found = DataType.datetime
    if found is None:
        raise SchemaError(f"There is no type for a value of type {type(value).__module__}.{type(value).__name__}.")
    return found


def _type_of_dictionary(value: Dict[Any, Any]) -> Object:
    members = [(name, _certain(item)) for name, item in value.items()]
    return Object([Property(name, found, required=not isinstance(found, AnyType)) for name, found in members])


def _items(values: Iterable[Any]) -> Type:
    found = _items_or_none(values)
    if found is None:
        raise SchemaError("A list without a value that has a type has none itself.")
    return found


def _items_or_none(values: Iterable[Any]) -> Optional[Type]:
    """The type that all items of a list have; None if there are none that say anything."""
    found: Optional[Type] = None
    for value in values:
        one = _type_of(value)
        if one is not None:
            found = one if found is None else merged(found, one)
    return found


def merged(one: Type, other: Type) -> Type:
    """The type of values of two types: what is unknown in one is known from the other, and members that one lacks are optional.

    Raises:
        SchemaError: there is none.
    """
    if isinstance(one, AnyType):
        return merged(other, one) if isinstance(other, Object) else other
    if isinstance(one, Object) and isinstance(other, (Object, AnyType)):
        return _merged_objects(one, other)
    if isinstance(other, AnyType) or one == other:
        return one
    if type(one) is type(other) is Array:
        return Array(merged(one.dtype, other.dtype))
    if isinstance(one, Map) and isinstance(other, Map):
        return Map(merged(one.value_type, other.value_type))
    raise SchemaError(
        f"A list has values of two types: {one!r} and {other!r}.", hint="Give the signature by hand, with Array(AnyType()), to allow that."
    )


def _merged_objects(one: Object, other: Type) -> Object:
    mine = {item.name: item for item in one.properties}
    theirs = {item.name: item for item in other.properties} if isinstance(other, Object) else {}
    found = []
    for name in {**mine, **theirs}:
        if name in mine and name in theirs:
            kind = merged(mine[name].dtype, theirs[name].dtype)
            found.append(Property(name, kind, required=mine[name].required and theirs[name].required))
        else:
            found.append(Property(name, (mine.get(name) or theirs[name]).dtype, required=False))
    return Object(found)


# ── params ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def infer_param_schema(params: Any) -> ParamSchema:
    """The types of params, which are single values, lists of them, or dictionaries; the values are the defaults.

    Raises:
        SchemaError: one is of none of these kinds.
    """
    if not isinstance(params, dict):
        raise SchemaError(f"Expected parameters to be dict, got {type(params).__name__}")
    from copy import deepcopy

    found, wrong = [], []
    for name, value in params.items():
        try:
            kind, shape = _type_and_shape(value)
            found.append(ParamSpec(name, kind, deepcopy(value), shape))
        except SchemaError as error:
            wrong.append((name, value, error.message))
    if wrong:
        raise SchemaError(f"Failed to infer schema for parameters: {wrong}")
    return ParamSchema(found)


def _type_and_shape(value: Any) -> Tuple[Any, Optional[Tuple[int, ...]]]:
    if isinstance(value, list) or is_array(value):
        if _depth(value) != _PARAM_DIMENSIONS:
            raise SchemaError(f"Expected parameters to be 1D array or scalar, got {_depth(value)}D array")
        if all(DataType.check_type(DataType.datetime, item) for item in value):
            return DataType.datetime, (-1,)
        return type_of_dtype(_dtype(value)), (-1,)
    if DataType.check_type(DataType.datetime, value):
        return DataType.datetime, None
    if is_scalar(value):
        return _type_of_param(value), None
    if isinstance(value, dict):
        return _certain(value), None
    raise SchemaError(f"Expected parameters to be 1D array or scalar, got {type(value).__name__}")


def _type_of_param(value: Any) -> DataType:
    if type(value) in (bool, int, float, str) and not (type(value) is int and value.bit_length() > 63):
        return _type_of_scalar(value)
    return type_of_dtype(_dtype(value))


def _dtype(value: Any) -> Any:
    import numpy as np

    return np.array(value).dtype


def _depth(value: Any) -> int:
    if is_array(value):
        return int(value.ndim)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
