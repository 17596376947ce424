"""Values against types: what is converted without loss, what is refused, and with which words. They are MLflow's.

pandas is imported when it is needed: its dtypes say what a conversion would lose.
"""

import decimal
from typing import Any, Callable, Dict, Tuple

from mlctl.errors import SchemaError
from mlctl.models.types import AnyType, Array, DataType, Map, Object, is_array, is_missing, is_scalar

_MISSING_INTEGERS = (
    " Hint: the type mismatch is likely caused by missing values. "
    "Integer columns in python can not represent missing values and are therefore "
    "encoded as floats. The best way to avoid this problem is to infer the model "
    "schema based on a realistic data sample (training dataset) that includes missing "
    "values. Alternatively, you can declare integer columns as doubles (float64) "
    "whenever these columns may have missing values. See `Handling Integers With "
    "Missing Values <https://www.mlflow.org/docs/latest/models.html#"
    "handling-integers-with-missing-values>`_ for more details."
)
_EXACT_INTEGER_BYTES = 6
"""Integers up to so many bytes are exact as doubles."""


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def fitted_series(name: Any, series: Any, wanted: DataType) -> Any:
    """A pandas.Series as one of this type.

    Raises:
        SchemaError: a conversion would lose something.
    """
    if series.dtype == object and wanted not in (DataType.binary, DataType.string):
        series = series.infer_objects()
    if _fits(series, wanted):
        return series
    special = _CONVERSIONS.get(wanted)
    if special is not None:
        converted, found = special(name, series)
        if converted:
            return found
    return _cast(name, series, wanted)


def _fits(series: Any, wanted: DataType) -> bool:
    import pandas as pd

    if wanted in (DataType.string, DataType.binary) and isinstance(series.dtype, pd.StringDtype):
        return True
    if wanted is DataType.binary and series.dtype.kind == "S":
        return True  # whatever the length of the longest
    if wanted is DataType.boolean and series.dtype == object:
        return True  # None would become False
    return bool(wanted.to_pandas() == series.dtype or wanted.to_numpy() == series.dtype)


def _to_datetime(name: Any, series: Any) -> Tuple[bool, Any]:
    import datetime as dt

    nanoseconds = DataType.datetime.to_numpy()
    if series.dtype.kind == "M":
        try:
            return True, series.astype(nanoseconds)
        except TypeError as error:
            raise SchemaError(
                f"Please ensure that the input data of datetime column only contains timezone-naive datetime objects. Error: {error}"
            ) from error
    if series.dtype not in (object, dt.date):
        return False, None
    try:
        return True, series.astype(nanoseconds, errors="raise")
    except ValueError as error:
        raise SchemaError(f"Failed to convert column {name} from type {series.dtype} to {DataType.datetime}.") from error


def _to_double(name: Any, series: Any) -> Tuple[bool, Any]:
    """Decimals, as which Spark hands over its decimal columns."""
    import pandas as pd

    if series.dtype != decimal.Decimal:
        return False, None
    try:
        return True, pd.to_numeric(series, errors="raise")
    except ValueError:
        raise SchemaError(f"Failed to convert column {name} from type {series.dtype} to {DataType.double}.") from None


_CONVERSIONS: Dict[DataType, Callable[[Any, Any], Tuple[bool, Any]]] = {DataType.datetime: _to_datetime, DataType.double: _to_double}
"""What some types are converted from, besides smaller numbers."""


def _cast(name: Any, series: Any, wanted: DataType) -> Any:
    numpy_type = wanted.to_numpy()
    if _is_upcast(series.dtype, numpy_type) or _are_flags(series, wanted):
        return series.astype(numpy_type, errors="raise")
    hint = _MISSING_INTEGERS if numpy_type.kind == "i" and _are_integers_with_gaps(series) else ""
    raise SchemaError(f"Incompatible input types for column {name}. Can not safely convert {series.dtype} to {numpy_type}.{hint}")


def _is_upcast(found: Any, wanted: Any) -> bool:
    if found.kind == wanted.kind:
        return bool(found.itemsize <= wanted.itemsize)
    if found.kind == "u" and wanted.kind == "i":
        return bool(found.itemsize < wanted.itemsize)
    return bool(found.kind in "iu" and wanted == DataType.double.to_numpy() and found.itemsize <= _EXACT_INTEGER_BYTES)


def _are_flags(series: Any, wanted: DataType) -> bool:
    """Whether they are zeros and ones, which floats hold as well."""
    if wanted not in (DataType.float, DataType.double) or series.dtype != DataType.long.to_numpy():
        return False
    return bool(series.isin([0, 1]).all())


def _are_integers_with_gaps(series: Any) -> bool:
    if series.dtype != DataType.double.to_numpy() or not series.hasnans:
        return False
    return all(value.is_integer() for value in series.dropna())


# ── single values ────────────────────────────────────────────────────────────────────────────────────────────────────


def fitted_value(value: Any, wanted: Any, *, required: bool = True) -> Any:
    """A value as one of this type; values that are not required may be missing.

    Raises:
        SchemaError: it is of another type.
    """
    for kind, fit in _FITS:
        if isinstance(wanted, kind):
            return fit(value, wanted, required=required)
    raise SchemaError(f"Invalid data type: {wanted!r}")


def _fitted_scalar(value: Any, wanted: DataType, *, required: bool) -> Any:
    if not required and is_missing(value):
        return None
    if not is_scalar(value):
        raise SchemaError(f"Expected data to be scalar, got {type(value).__name__}")
    import pandas as pd

    try:
        return fitted_series("", pd.Series(value), wanted)[0]
    except SchemaError:
        raise SchemaError(f"Failed to enforce schema of data `{value}` with dtype `{wanted.name}`") from None


def _fitted_array(value: Any, wanted: Array, *, required: bool) -> Any:
    listed = isinstance(value, list) or is_array(value)
    if (not required or isinstance(wanted.dtype, AnyType)) and (value is None or (listed and len(value) == 0)):
        return value
    if not listed:
        raise SchemaError(f"Expected data to be list or numpy array, got {type(value).__name__}")
    found = _fitted_items(value, wanted.dtype, required=required)
    if isinstance(value, list):
        return found.tolist() if is_array(found) else found
    import numpy as np

    return np.array(found) if isinstance(found, list) else found


def _fitted_items(value: Any, wanted: Any, *, required: bool) -> Any:
    if not isinstance(wanted, DataType):
        return [fitted_value(item, wanted, required=required) for item in value]
    if len(value) == 0:
        return value
    import pandas as pd

    return fitted_series("", pd.Series(value), wanted).to_numpy(dtype=wanted.to_numpy())


def _fitted_map(value: Any, wanted: Map, *, required: bool) -> Any:
    if (not required or isinstance(wanted.value_type, AnyType)) and (value is None or value == {}):
        return value
    if not isinstance(value, dict):
        raise SchemaError(f"Expected data to be a dict, got {type(value).__name__}")
    if not all(isinstance(key, str) for key in value):
        raise SchemaError("Expected all keys in the map type data are string type.")
    return {key: fitted_value(item, wanted.value_type, required=required) for key, item in value.items()}


def fitted_object(value: Any, wanted: Object, *, required: bool = True) -> Any:
    """A dictionary whose members are of the types of an object's; it is changed in place.

    Raises:
        SchemaError: members are missing, are of another type, or are not the object's.
    """
    if not required and (value is None or value == {}):
        return value
    if not isinstance(value, dict):
        raise SchemaError(
            f"Failed to enforce schema of '{value}' with type '{wanted}'. Expected data to be dictionary, got {type(value).__name__}"
        )
    known = {item.name: item for item in wanted.properties}
    missing = {name for name, item in known.items() if item.required} - set(value)
    if missing:
        raise SchemaError(f"Missing required properties: {missing}")
    unknown = value.keys() - known.keys()
    if unknown:
        raise SchemaError(f"Invalid properties not defined in the schema found: {unknown}")
    for key, item in value.items():
        try:
            value[key] = fitted_value(item, known[key].dtype, required=known[key].required)
        except SchemaError as error:
            raise SchemaError(
                f"Failed to enforce schema for key `{key}`. "
                f"Expected type {known[key].to_dict()[key]['type']}, received type {type(item).__name__}"
            ) from error
    return value


def _as_it_is(value: Any, _wanted: AnyType, *, required: bool) -> Any:
    return value


_FITS: Tuple[Tuple[Any, Callable[..., Any]], ...] = (
    (DataType, _fitted_scalar),
    (Array, _fitted_array),
    (Object, fitted_object),
    (Map, _fitted_map),
    (AnyType, _as_it_is),
)
