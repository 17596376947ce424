"""Data and params against a signature, as MLflow enforces it before a model predicts: conversions, refusals and words are MLflow's."""

import logging
from typing import Any, Dict, List, Optional, Tuple

from mlctl.errors import SchemaError
from mlctl.models.params import ParamSchema, ParamSpec
from mlctl.models.schema import Schema
from mlctl.models.tensors import fitted_tensors
from mlctl.models.types import Array, DataType, Object, is_array, is_instance, is_scalar
from mlctl.models.values import fitted_series, fitted_value

_logger = logging.getLogger(__name__)


def enforce_schema(data: Any, schema: Schema) -> Any:
    """The data as the model gets it: a pandas.DataFrame of the schema's columns in their order, or its tensors.

    Columns that the schema does not have are left out, values are converted where nothing is lost.

    Raises:
        SchemaError: columns are missing, or types or shapes are others.
    """
    try:
        return _enforced(data, schema)
    except SchemaError:
        raise
    except (TypeError, ValueError) as error:  # what numpy and pandas say of values that they cannot convert
        raise SchemaError(str(error)) from error


def _enforced(data: Any, schema: Schema) -> Any:
    if is_instance(data, "pandas", "Series"):
        data = data.to_frame()
    if not schema.is_tensor_spec():
        data = _frame(data, schema)
    elif schema.has_input_names() and len(schema) == 1 and is_array(data):
        data = {schema.input_names()[0]: data}
    if schema.has_input_names():
        _check_names(data, schema)
    elif not schema.is_tensor_spec() and len(data.columns) < len(schema):
        raise SchemaError(
            f"Model inference is missing inputs. The model signature declares {len(schema)} inputs  but the provided value only has "
            f"{len(data.columns)} inputs. Note: the inputs were not named in the signature so we can only verify their count."
        )
    return fitted_tensors(data, schema) if schema.is_tensor_spec() else _fitted_columns(data, schema)


def prediction_input(data: Any, params: Any, signature: Any) -> Tuple[Any, Any]:
    """Data and params of a call of `predict`, as a model with this signature (a ModelSignature, or None) gets them.

    Raises:
        SchemaError: they do not fit; the message shows data and schema, as MLflow's does.
    """
    inputs = None if signature is None else signature.inputs
    if inputs is not None:
        try:
            data = enforce_schema(data, inputs)
        except SchemaError as error:
            hidden = "Failed to enforce model input schema. Please check your input data."
            shown = f"Failed to enforce schema of data '{data}' with schema '{inputs}'. Error: {error}"
            raise SchemaError(hidden if _hides_details() else shown) from error
    return data, enforce_params(params, None if signature is None else signature.params)


def validate_schema(data: Any, expected_schema: Schema) -> None:
    """Check that a model with this schema would accept the data.

    Raises:
        SchemaError: it would not.
    """
    enforce_schema(data, expected_schema)


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _frame(data: Any, schema: Schema) -> Any:
    """The data as a DataFrame, if it is of a kind that can be one."""
    import pandas as pd

    if is_scalar(data):
        return pd.DataFrame([data])
    if isinstance(data, dict):
        return _frame_of_dictionary(data, schema)
    if isinstance(data, list) or is_array(data):
        return pd.DataFrame(data)
    if not isinstance(data, pd.DataFrame):
        raise SchemaError(f"Expected input to be DataFrame. Found: {type(data).__name__}")
    return data


def _frame_of_dictionary(data: Dict[Any, Any], schema: Schema) -> Any:
    """A dictionary is one row, or one list per column."""
    import pandas as pd

    values = list(data.values())
    if any(isinstance(item.type, (Array, Object)) for item in schema) or all(map(_is_cell, values)):
        return pd.DataFrame([data])
    try:
        if all(is_array(value) and value.dtype.char == "U" and value.shape == () for value in values):
            return pd.DataFrame([data])
        return pd.DataFrame({key: value.tolist() if is_array(value) and value.ndim > 1 else value for key, value in data.items()})
    except Exception as error:  # whatever pandas says of odd values
        raise SchemaError(
            "This model contains a column-based signature, which suggests a DataFrame input. There was an error casting the input data "
            f"to a DataFrame: {error}"
        ) from error


def _is_cell(value: Any) -> bool:
    return is_scalar(value) or value is None or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _check_names(data: Any, schema: Schema) -> None:
    found = list(data.columns) if is_instance(data, "pandas", "DataFrame") else list(data) if isinstance(data, dict) else []
    missing = [name for name in schema.required_input_names() if name not in found]
    extra = [name for name in found if name not in schema.input_names()]
    if missing:
        raise SchemaError(_missing(missing, extra))
    if extra:
        _logger.warning(
            "Found extra inputs in the model input that are not defined in the model signature: `%s`. These inputs will be ignored.", extra
        )


def _missing(missing: List[Any], extra: List[Any]) -> str:
    if _hides_details():
        noted = " Note that there were extra inputs provided." if extra else ""
        return f"Input schema validation failed. Mismatched or missing input(s).{noted}"
    return f"Model is missing inputs {missing}." + (f" Note that there were extra inputs: {extra}." if extra else "")


def _hides_details() -> bool:
    from mlctl import settings

    return bool(settings.switch("hide_schema_details"))


def _fitted_columns(frame: Any, schema: Schema) -> Any:
    import pandas as pd

    names = schema.input_names() if schema.has_input_names() else list(frame.columns[: len(schema)])
    pairs = [(name, spec) for name, spec in zip(names, schema) if name in frame]  # noqa: B905 -- as many
    return pd.DataFrame({name: _fitted_column(name, frame[name], spec) for name, spec in pairs})


def _fitted_column(name: Any, series: Any, spec: Any) -> Any:
    if isinstance(spec.type, DataType):
        return fitted_series(name, series, spec.type)
    import pandas as pd

    return pd.Series([fitted_value(value, spec.type, required=spec.required) for value in series], index=series.index, name=name)


# ── params ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def enforce_params(params: Any, schema: Optional[ParamSchema]) -> Any:
    """The params as the model gets them: those of the schema, with its defaults where they are not given.

    Raises:
        SchemaError: they are no dictionary, or values do not fit.
    """
    if schema is None:
        return _without_schema(params)
    params = {} if params is None else params
    if not isinstance(params, dict):
        raise SchemaError(f"Parameters must be a dictionary. Got type '{type(params).__name__}'.")
    if not isinstance(schema, ParamSchema):
        raise SchemaError(f"Parameters schema must be an instance of ParamSchema. Got type '{type(schema).__name__}'.")
    return _fitted_params(_known(params, schema), schema)


def _without_schema(params: Any) -> Any:
    if params is None or params == {}:
        return params
    ignored = (
        f"Ignoring provided params: {list(params.keys())}" if isinstance(params, dict) else "Ignoring invalid params (not a dictionary)."
    )
    _logger.warning(
        "`params` can only be specified at inference time if the model signature defines a params schema. This model does not define a "
        "params schema. %s",
        ignored,
    )
    return {}


def _known(params: Dict[Any, Any], schema: ParamSchema) -> Dict[str, Any]:
    if not all(isinstance(key, str) for key in params):
        _logger.warning("Keys in parameters should be of type `str`, but received non-string keys.Converting all keys to string...")
    named = {str(key): value for key, value in params.items()}
    known = {item.name for item in schema}
    unknown = [key for key in named if key not in known]
    if unknown:
        _logger.warning(
            "Unrecognized params %s are ignored for inference. Supported params are: %s. "
            "To enable them, please add corresponding schema in ModelSignature.",
            unknown,
            known,
        )
    return {key: value for key, value in named.items() if key in known}


def _fitted_params(params: Dict[str, Any], schema: ParamSchema) -> Dict[str, Any]:
    wrong = set()
    for spec in schema:
        try:
            params[spec.name] = ParamSpec.validate_param_spec(params[spec.name], spec) if spec.name in params else spec.default
        except SchemaError as error:
            wrong.add((spec.name, error.message))
    if wrong:
        raise SchemaError(f"Invalid parameters found: {wrong!r}")
    return params
