"""Input examples of models: saved beside MLmodel and read again, as MLflow does both."""

import json
from pathlib import Path
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple, Union

from mlctl.errors import SchemaError
from mlctl.models import json_data
from mlctl.models.inference import infer_param_schema
from mlctl.models.schema import Schema
from mlctl.models.types import is_array, is_instance, is_scalar, is_sparse

ModelInputExample = Any
"""A DataFrame, an array or a dictionary of arrays, a sparse matrix, or whatever JSON can hold; with params as a pair of both."""

FILE = "input_example.json"
SERVING_FILE = "serving_input_example.json"
_CHAT_KEYS = ("messages", "prompt", "input")
"""Keys of requests that servers take as they are."""


class Example(NamedTuple):
    """An example, taken apart: what the model gets, and what is written of it."""

    data: Any
    params: Optional[Dict[str, Any]]
    info: Dict[str, str]
    """``saved_input_example_info`` of MLmodel."""
    content: str
    serving_content: str


def save_example(folder: Union[str, Path], example: ModelInputExample) -> Dict[str, str]:
    """Write an example into the folder of a model; returns MLmodel's ``saved_input_example_info``.

    Raises:
        SchemaError: it is of a kind that cannot be written.
    """
    found = example_of(example)
    Path(folder, FILE).write_text(found.content, encoding="utf-8")
    Path(folder, SERVING_FILE).write_text(found.serving_content, encoding="utf-8")
    return found.info


def load_example(folder: Union[str, Path], info: Optional[Mapping[str, str]], schema: Optional[Schema] = None) -> Any:
    """The example of a model, without its params; None if it has none. ``schema``, that of the model's inputs, gives the types.

    Raises:
        SchemaError: it is no such example.
        OSError: its file cannot be read.
    """
    if info is None:
        return None
    found = _content(folder, info)
    found = found["inputs"] if info.get("params") else found
    kind = info.get("type")
    if kind == "json_object":
        return found
    if kind == "ndarray":
        return json_data.from_inputs(found, schema)
    if kind == "dataframe":
        return json_data.frame_from_split(found if isinstance(found, dict) else {"data": found}, schema)
    if kind in ("sparse_matrix_csc", "sparse_matrix_csr"):
        return _sparse(found, kind)
    raise SchemaError(f"An input example of the type {kind!r} cannot be read.")


def load_example_params(folder: Union[str, Path], info: Optional[Mapping[str, str]]) -> Any:
    """The params of a model's example; None if it has none.

    Raises:
        OSError: its file cannot be read.
    """
    return _content(folder, info)["params"] if info and info.get("params") else None


def load_serving_example(folder: Union[str, Path]) -> str:
    """The JSON that a server takes as a request for the example.

    Raises:
        OSError: there is none, or it cannot be read.
    """
    return Path(folder, SERVING_FILE).read_text(encoding="utf-8")


def _content(folder: Union[str, Path], info: Mapping[str, str]) -> Any:
    name = info.get("artifact_path", FILE)
    if Path(name).name != name:
        raise SchemaError(f"The input example of a model is a file beside MLmodel, not {name!r}.")
    try:
        return json.loads(Path(folder, name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise SchemaError(f"The input example {name!r} is not JSON: {error}.") from None


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def example_of(example: ModelInputExample) -> Example:
    """An example, taken apart.

    Raises:
        SchemaError: it is of a kind that cannot be written.
    """
    from copy import deepcopy

    data, params = split_params(deepcopy(example))
    facts, content, request = _written(deepcopy(data))
    info = {"artifact_path": FILE, **({"params": "true"} if params else {}), **facts, "serving_input_path": SERVING_FILE}
    if params is not None:
        content = {"inputs": content, "params": params}
        request = {**request, **(params if _is_chat(data) else {"params": params})}
    return Example(data, params, info, _json(content), _json(request, indent=2))


def split_params(example: ModelInputExample) -> Tuple[Any, Optional[Dict[str, Any]]]:
    """The data and the params of an example: a pair whose second half is a dictionary.

    Raises:
        SchemaError: the params are of kinds that a signature has none for.
    """
    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], dict):
        infer_param_schema(example[1])
        return example[0], example[1]
    return example, None


def _written(data: Any) -> Tuple[Dict[str, str], Any, Dict[str, Any]]:
    """What MLmodel says of the data, what its file holds, and the request that a server takes for it."""
    if is_instance(data, "pydantic", "BaseModel"):
        data = data.model_dump()
    if is_instance(data, "pandas", "DataFrame"):
        split = _split(data)
        return {"type": "dataframe", "pandas_orient": "split" if "columns" in split else "values"}, split, {"dataframe_split": split}
    if is_sparse(data):
        parts = {"data": _plain(data.data), "indices": data.indices.tolist(), "indptr": data.indptr.tolist(), "shape": list(data.shape)}
        return {"type": f"sparse_matrix_{data.format}"}, parts, {"inputs": data.toarray()}
    if is_array(data) or (isinstance(data, dict) and any(map(is_array, data.values()))):
        plain = {name: _plain(array) for name, array in data.items()} if isinstance(data, dict) else _plain(data)
        return {"type": "ndarray"}, plain, {"inputs": plain}
    return {"type": "json_object"}, _checked(data), data if _is_chat(data) else {"inputs": data}


def _is_chat(data: Any) -> bool:
    return isinstance(data, dict) and any(key in data for key in _CHAT_KEYS) and not any(map(is_array, data.values()))


def _checked(data: Any) -> Any:
    import datetime as dt

    if isinstance(data, list) and _has_arrays(data):
        raise SchemaError(
            "Multidimensional arrays (aka tensors) are not supported. Numpy arrays in list are not supported as input examples."
        )
    if not (isinstance(data, (list, dict, dt.datetime)) or is_scalar(data)):
        raise SchemaError(
            f"An input example cannot be a value of type {type(data).__module__}.{type(data).__name__}.",
            hint="It is a pandas.DataFrame, a numpy array or a dictionary of them, a sparse matrix, or a dictionary, list or single value.",
        )
    return data


def _has_arrays(data: Any) -> bool:
    items = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return is_array(data) or any(map(_has_arrays, items))


def _plain(array: Any) -> Any:
    """An array as lists, with None for NaN."""
    import numpy as np

    if not is_array(array):
        raise SchemaError("Mixed types in dictionary are not supported as input examples. Found numpy arrays and other types.")
    return (np.where(np.isnan(array), None, array) if np.issubdtype(array.dtype, np.number) else array).tolist()


def _split(frame: Any) -> Dict[str, Any]:
    """A DataFrame in pandas' orient "split", without its index, and without columns that are mere numbers."""
    found: Dict[str, Any] = frame.where(frame.notnull(), None).to_dict(orient="split")
    del found["index"]
    if list(frame.columns) == list(range(len(frame.columns))):
        del found["columns"]
    return found


def _json(content: Any, indent: Optional[int] = None) -> str:
    try:
        return json.dumps(content, default=json_data.jsonable, indent=indent)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"The input example cannot be written as JSON: {error}.") from error


def _sparse(parts: Any, kind: str) -> Any:
    from scipy import sparse

    made = sparse.csc_matrix if kind.endswith("csc") else sparse.csr_matrix
    try:
        return made((parts["data"], parts["indices"], parts["indptr"]), shape=tuple(parts["shape"]))
    except (KeyError, TypeError, ValueError) as error:
        raise SchemaError(f"The input example is no sparse matrix: {error}.") from error
