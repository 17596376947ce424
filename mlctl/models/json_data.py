"""Data as JSON holds it, made into what models take: the request formats of MLflow's scoring servers, which input examples have too.

``dataframe_split``, ``dataframe_records``, ``inputs`` (columns) and ``instances`` (rows). Words of errors are MLflow's.
"""

import base64
import datetime as dt
from typing import Any, Callable, Dict, List, Optional

from mlctl.errors import SchemaError
from mlctl.models.schema import ColSpec, Schema, TensorSpec
from mlctl.models.types import AnyType, DataType, is_array, is_instance, is_scalar
from mlctl.models.values import fitted_value


class InputError(SchemaError):
    """JSON that is no data in the format that it is said to have."""

    def __init__(self, message: str) -> None:
        super().__init__(f"Invalid input. {message}")


def from_request(request: Any, schema: Optional[Schema] = None) -> Any:
    """The data of a request: what is below one of the four keys. A list is one of records.

    Raises:
        SchemaError: there is none or several of the keys, or what is below it is no such data.
    """
    if not isinstance(request, dict):
        raise InputError(
            f"A request is a dictionary with one of the keys {', '.join(FORMATS)}, not a value of type {type(request).__name__}."
        )
    keys = [key for key in FORMATS if key in request]
    if len(keys) != 1:
        raise InputError(f"A request has one of the keys {', '.join(FORMATS)}; this one has {', '.join(map(str, request)) or 'none'}.")
    return FORMATS[keys[0]](request[keys[0]], schema)


def frame_from_split(found: Any, schema: Optional[Schema] = None) -> Any:
    """The DataFrame of pandas' orient "split": data, perhaps columns and index.

    Raises:
        SchemaError: it is in another form, or does not fit the schema.
    """
    if not isinstance(found, dict):
        kind = "list" if isinstance(found, list) else f"type {type(found)}"
        raise InputError(f"Dataframe split format must be a dictionary. Got {kind}.")
    if "data" not in found or set(found) - {"columns", "data", "index"}:
        raise InputError(f"Dataframe split format must have 'data' field and optionally 'columns' and 'index' fields. Got {set(found)}.'")
    return _frame("split", schema, data=found["data"], columns=found.get("columns"), index=found.get("index"))


def frame_from_records(found: Any, schema: Optional[Schema] = None) -> Any:
    """The DataFrame of a list of rows, each a dictionary.

    Raises:
        SchemaError: it is in another form, or does not fit the schema.
    """
    if not isinstance(found, list):
        kind = "dictionary" if isinstance(found, dict) else f"type {type(found)}"
        raise InputError(f"Dataframe records format must be a list of records. Got {kind}.")
    return _frame("records", schema, data=found)


def _frame(orient: str, schema: Optional[Schema], **parts: Any) -> Any:
    import pandas as pd

    try:
        frame = pd.DataFrame(**parts)
    except Exception as error:  # whatever pandas says of odd values
        raise InputError(
            f"Provided dataframe_{orient} field is not a valid dataframe representation in '{orient}' format. Error: '{error}'"
        ) from error
    return frame if schema is None else cast_frame(frame, schema)


def cast_frame(frame: Any, schema: Schema) -> Any:
    """A DataFrame read from text, with its columns in the types of a schema: dates from ISO 8601, bytes from base64.

    Raises:
        SchemaError: a column has values that are not of its type.
    """
    for name, spec in _columns(frame, schema):
        try:
            frame[name] = _cast_column(frame[name], spec)
        except Exception as error:  # whatever pandas says of odd values
            kind = spec.type.to_pandas() if isinstance(spec.type, DataType) else spec.type
            raise InputError(
                f"Data is not compatible with model signature. Failed to convert column {name} to type '{kind}'. Error: '{error!r}'"
            ) from error
    return frame


def _columns(frame: Any, schema: Schema) -> "List[Any]":
    if schema.has_input_names():
        return [(name, spec) for name, spec in schema.input_dict().items() if name in frame.columns]
    specs = schema.inputs * len(frame.columns) if schema.is_tensor_spec() else schema.inputs
    return list(zip(frame.columns, specs))  # noqa: B905 -- columns without a type stay as they are


def _cast_column(series: Any, spec: Any) -> Any:
    if isinstance(spec, TensorSpec):
        return _cast_tensor_column(series, spec)
    if isinstance(spec.type, AnyType):
        return series
    if not isinstance(spec.type, DataType):
        return series.map(lambda value: fitted_value(value, spec.type, required=spec.required))
    if spec.type is DataType.binary:
        return series.map(lambda value: base64.decodebytes(bytes(value, "utf8")))
    if spec.type is DataType.datetime:
        return _dates(series)
    return series if spec.type is DataType.string and _is_text(series) else series.astype(spec.type.to_pandas())


def _cast_tensor_column(series: Any, spec: TensorSpec) -> Any:
    if spec.dtype_name == "bytes":
        return series.map(lambda value: bytes(value, "utf8"))
    if isinstance(series.iloc[0], list) or (spec.dtype_name == "str" and _is_text(series)):
        return series
    return series.astype(spec.type)


def _is_text(series: Any) -> bool:
    import pandas as pd

    return isinstance(series.dtype, pd.StringDtype)


def _dates(series: Any) -> Any:
    import pandas as pd

    found = pd.to_datetime(series)
    if getattr(getattr(found, "dt", None), "unit", "ns") != "ns":
        found = found.dt.as_unit("ns")
    return found


# ── inputs and instances ─────────────────────────────────────────────────────────────────────────────────────────────


def from_inputs(found: Any, schema: Optional[Schema] = None) -> Any:
    """Columns: a dictionary of lists, or the one column; as numpy arrays of the schema's types.

    Raises:
        SchemaError: it does not fit the schema.
    """
    specs = schema.input_dict() if schema is not None and schema.has_input_names() else {}
    found = _named(found, schema, specs)
    if isinstance(found, dict):
        return {name: converted(value, specs.get(name)) for name, value in found.items()}
    if isinstance(found, list) and all(isinstance(row, dict) for row in found):
        return [{name: converted(value, specs.get(name)) for name, value in row.items()} for row in found]
    return converted(found, schema.inputs[0] if schema is not None else None)


def _named(found: Any, schema: Optional[Schema], specs: Dict[Any, Any]) -> Any:
    if schema is None:
        return found
    if len(specs) == 1 and isinstance(found, list) and not any(isinstance(row, dict) for row in found):
        return {next(iter(specs)): found}
    if not schema.has_input_names() and not (isinstance(found, list) or is_scalar(found)):
        raise InputError(
            "Failed to parse input data. This model contains an un-named  model signature which expects a single n-dimensional array or "
            f"a single value as input, however, an input of type {type(found)} was found."
        )
    return found


def from_instances(found: Any, schema: Optional[Schema] = None) -> Any:
    """Rows: a list of dictionaries becomes arrays by name, which are equally long; anything else is as `from_inputs` has it.

    Raises:
        SchemaError: it does not fit the schema.
    """
    rows = isinstance(found, list) and found and isinstance(found[0], dict)
    data = _turned(found, schema) if rows else from_inputs(found, schema)
    if isinstance(data, dict) and len({len(data[name]) for name in _of_rows(data, schema)}) > 1:
        raise InputError("The length of values for each input/column name are not the same")
    return data


def _turned(rows: List[Any], schema: Optional[Schema]) -> Dict[Any, Any]:
    import numpy as np

    specs = schema.input_dict() if schema is not None and schema.has_input_names() else {}
    columns: Dict[Any, List[Any]] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, []).append(converted(value, specs.get(name)))
    return {name: np.array(values) for name, values in columns.items()}


def _of_rows(data: Dict[Any, Any], schema: Optional[Schema]) -> List[Any]:
    """The names whose values have one item a row."""
    from mlctl.models.types import Array

    listed = [name for name, value in data.items() if isinstance(value, list) or (is_array(value) and value.ndim)]
    if schema is None or not schema.has_input_names():
        return listed
    specs = schema.input_dict()
    return [name for name in listed if name in specs and specs[name].required and not isinstance(specs[name].type, Array)]


def converted(data: Any, spec: Any) -> Any:
    """Values as numpy arrays of a column's or tensor's type; a single value as numpy's scalar.

    Raises:
        SchemaError: they are of another type.
    """
    import numpy as np

    try:
        if spec is None:
            return np.array(data)
        if isinstance(spec, TensorSpec):
            return np.array(data, dtype=spec.type)
        return _converted_column(data, spec)
    except SchemaError as error:
        raise InputError(error.message) from error
    except Exception as error:  # whatever numpy says of odd values
        raise InputError(str(error)) from error


def _converted_column(data: Any, spec: ColSpec) -> Any:
    import numpy as np

    from mlctl.models.types import Array

    if isinstance(spec.type, DataType):
        listed = isinstance(data, list) or is_array(data)
        return np.array(data, spec.type.to_numpy()) if listed else np.array([data], spec.type.to_numpy())[0]
    found = fitted_value(data, spec.type, required=spec.required)
    return np.array(found) if isinstance(spec.type, Array) else found


FORMATS: Dict[str, Callable[[Any, Optional[Schema]], Any]] = {
    "dataframe_split": frame_from_split,
    "dataframe_records": frame_from_records,
    "inputs": from_inputs,
    "instances": from_instances,
}


# ── the other way ────────────────────────────────────────────────────────────────────────────────────────────────────


def jsonable(value: Any) -> Any:
    """What JSON holds in place of a value that it has no form for: a ``default`` of json.dumps. Bytes are base64, dates ISO 8601.

    Raises:
        TypeError: there is nothing for it.
    """
    if is_array(value):
        return value.tolist()
    if is_instance(value, "numpy", "generic"):
        return value.item()
    if isinstance(value, (bytes, bytearray)):
        return base64.encodebytes(value).decode("ascii")
    if isinstance(value, (dt.date, dt.datetime, dt.time)):
        return value.isoformat()
    if is_instance(value, "pydantic", "BaseModel"):
        return value.model_dump()
    raise TypeError(f"a value of type {type(value).__name__} is in it")
