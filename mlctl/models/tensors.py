"""Arrays against the tensors of a schema: shapes and dtypes, and pandas columns that hold flattened arrays. The words are MLflow's."""

from typing import Any

from mlctl.errors import SchemaError
from mlctl.models.schema import Schema, TensorSpec
from mlctl.models.types import is_array, is_instance, is_scalar, is_sparse


def clean_dtype(dtype: Any) -> Any:
    """A dtype without the size that those of texts and bytes have."""
    import numpy as np

    return {"U": np.dtype("str"), "S": np.dtype("bytes")}.get(dtype.char, dtype)


def fitted_tensors(data: Any, schema: Schema) -> Any:
    """Arrays, or the columns of a DataFrame, as the tensors of a schema: one array, or a dictionary of them where they have names.

    Raises:
        SchemaError: a shape or dtype is another, or they are no arrays.
    """
    return _named(data, schema) if schema.has_input_names() else _unnamed(data, schema.inputs[0])


def _named(data: Any, schema: Schema) -> Any:
    if is_instance(data, "pandas", "DataFrame"):
        return {name: _from_column(name, data[name], spec) for name, spec in schema.input_dict().items()}
    if not isinstance(data, dict):
        raise SchemaError(
            "This model contains a tensor-based model signature with input names, which suggests a dictionary input mapping input name to "
            "tensor, or a pandas DataFrame input containing columns mapping input name to flattened list value from tensor, but an input "
            f"of type {type(data)} was found."
        )
    found = {}
    for name, spec in schema.input_dict().items():
        if not is_array(data[name]):
            raise SchemaError(
                "This model contains a tensor-based model signature with input names, which suggests a dictionary input mapping input "
                f"name to a numpy array, but a dict with value type {type(data[name])} was found."
            )
        found[name] = _fitted(data[name], spec)
    return found


def _unnamed(data: Any, spec: Any) -> Any:
    if is_instance(data, "pandas", "DataFrame"):
        return _from_frame(data, spec)
    if is_array(data) or is_sparse(data):
        return _fitted(data, spec)
    raise SchemaError(
        "This model contains a tensor-based model signature with no input names, which suggests a numpy array input or a pandas "
        f"dataframe input with proper column values, but an input of type {type(data)} was found."
    )


def _fitted(values: Any, spec: Any) -> Any:
    shape, dtype = values.shape, values.dtype if is_array(values) else values.data.dtype
    if _is_ragged(shape, dtype, spec):
        return values
    if len(shape) != len(spec.shape) or any(wanted not in (-1, length) for wanted, length in zip(spec.shape, shape)):  # noqa: B905
        raise SchemaError(f"Shape of input {shape} does not match expected shape {spec.shape}.")
    if clean_dtype(dtype) != spec.type:
        raise SchemaError(f"dtype of input {dtype} does not match expected dtype {spec.type}")
    return values


def _is_ragged(shape: Any, dtype: Any, spec: TensorSpec) -> bool:
    """Arrays of arrays of several lengths, declared as objects or found where other dimensions than the first are open."""
    if spec.shape == (-1,) and spec.dtype_name == "object":
        return True
    return -1 in spec.shape[1:] and len(shape) == 1 and dtype.char == "O"


def _from_frame(frame: Any, spec: TensorSpec) -> Any:
    columns = len(frame.columns)
    if frame.empty:
        raise SchemaError("Input DataFrame is empty.")
    if columns == 1:
        return _from_column(None, frame[frame.columns[0]], spec)
    if spec.shape != (-1, columns):
        raise SchemaError(
            "This model contains a model signature with an unnamed input. Since the input data is a pandas DataFrame containing multiple "
            "columns, the input shape must be of the structure (-1, number_of_dataframe_columns). "
            f"Instead, the input DataFrame passed had {columns} columns and an input shape of {spec.shape} with all values within the "
            "DataFrame of scalar type. Please adjust the passed in DataFrame to match the expected structure"
        )
    return _fitted(frame.to_numpy(), spec)


def _from_column(name: Any, series: Any, spec: Any) -> Any:
    if spec.shape[0] != -1 or -1 in spec.shape[1:]:
        raise SchemaError(
            "For pandas dataframe input, the first dimension of shape must be a variable dimension and other dimensions must be fixed, "
            f"but in model signature the shape of {'input ' + name if name else 'the unnamed input'} is {spec.shape}."
        )
    first = series.iloc[0]
    if is_scalar(first):
        return _from_scalars(name, series, spec)
    if isinstance(first, list) and is_scalar(first[0]):
        coercible = f"elements are of uniform length and that the data can be coerced to the tensor type '{spec.type}'"
        return _fitted_rows(name, series, spec, dtype=spec.type, ensured=f"list {coercible}")
    if is_array(first):
        return _fitted_rows(
            name,
            series,
            spec,
            dtype=None,
            ensured="numpy array elements are of uniform length and can be reshaped to above expected shape.",
        )
    raise SchemaError(
        "Because the model signature requires tensor spec input, the input pandas dataframe values should be either scalar value, python "
        "list containing scalar values or numpy array containing scalar values, other types are not supported."
    )


def _from_scalars(name: Any, series: Any, spec: Any) -> Any:
    import numpy as np

    if spec.shape in ((-1,), (-1, 1)):
        return _fitted(np.array(series, dtype=spec.type).reshape(spec.shape), spec)
    raise SchemaError(
        f"The input pandas dataframe column '{name}' contains scalar values, which requires the shape to be (-1,) or (-1, 1), but got "
        f"tensor spec shape of {spec.shape}."
    )


def _fitted_rows(name: Any, series: Any, spec: Any, *, dtype: Any, ensured: str) -> Any:
    """The rows of a column, each a flattened array, as one array. Lists have no dtype and are cast; arrays have one, which is kept."""
    import numpy as np

    unfit = (
        f"The value in the Input DataFrame column '{name}' could not be converted to the expected shape of: '{spec.shape}'. "
        f"Ensure that each of the input {ensured}"
    )
    try:
        found = np.vstack(series.tolist()).reshape(spec.shape)
        found = found if dtype is None else found.astype(dtype)
    except ValueError:
        raise SchemaError(unfit) from None
    if len(found) != len(series):
        raise SchemaError(unfit)
    return found
