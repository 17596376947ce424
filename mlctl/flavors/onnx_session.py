"""ONNX models as pyfunc: a session of ONNX Runtime, which is told where and how to compute by MLmodel."""

import logging
from typing import Any, Dict, Mapping, Optional, Sequence

from mlctl.errors import InvalidValueError

PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
_CPU = "CPUExecutionProvider"
_MODES = ("sequential", "parallel")
_LEVELS = (0, 1, 2, 99)


def check_options(options: Any) -> None:
    """See whether these are options that a session takes.

    Raises:
        InvalidValueError: they are not.
    """
    if options is None:
        return
    if not isinstance(options, dict):
        raise InvalidValueError(f"onnx_session_options is {options!r}.", hint="Give a dictionary, {'intra_op_num_threads': 1} for example.")
    import onnxruntime

    for name, value in options.items():
        if name == "extra_session_config":
            fits = isinstance(value, dict)
        elif name == "execution_mode":
            fits = str(value).lower() in _MODES
        elif name == "graph_optimization_level":
            fits = value in _LEVELS
        else:
            fits = hasattr(onnxruntime.SessionOptions, name)
        if not fits:
            raise InvalidValueError(
                f"onnx_session_options has {name}={value!r}.", hint="ONNX Runtime's SessionOptions takes no such thing."
            )


class Predictor:
    """An ONNX model as pyfunc.

    Args:
        path: the model's file.
        conf: what MLmodel says of the flavor.
    """

    def __init__(self, path: str, conf: Mapping[str, Any]) -> None:
        self._session = _session(path, conf)
        self._inputs = {item.name: item.type for item in self._session.get_inputs()}
        self._outputs = [item.name for item in self._session.get_outputs()]

    def get_raw_model(self) -> Any:
        """The session."""
        return self._session

    def predict(self, data: Any, params: Optional[Mapping[str, Any]] = None) -> Any:
        """What the model says of a frame (as a frame), an array or a dictionary of arrays (as such a dictionary).

        Raises:
            InvalidValueError: data are of another kind, or one array for a model that takes several.
        """
        found = self._session.run(self._outputs, self._fitted(self._feed(data)))
        if not _is_frame(data):
            return dict(zip(self._outputs, found))
        import numpy as np
        import pandas as pd

        return pd.DataFrame({name: np.asarray(column).reshape(-1) for name, column in zip(self._outputs, found)})

    def _feed(self, data: Any) -> Dict[str, Any]:
        if isinstance(data, dict):
            return dict(data)
        only = next(iter(self._inputs))
        if _is_frame(data):
            return {only: data.to_numpy()} if len(self._inputs) == 1 else {name: data[name].to_numpy() for name in self._inputs}
        if not hasattr(data, "dtype"):
            raise InvalidValueError(
                f"An ONNX model takes no {type(data).__name__}.", hint="Give a frame, an array or a dictionary of arrays."
            )
        if len(self._inputs) != 1:
            raise InvalidValueError(
                f"This model takes {len(self._inputs)} arrays.", hint=f"Give a dictionary with: {', '.join(self._inputs)}."
            )
        return {only: data}

    def _fitted(self, feed: Dict[str, Any]) -> Dict[str, Any]:
        """Doubles as floats where the model takes floats: on their way through JSON they have become doubles."""
        return {name: value.astype("float32") if self._takes_floats(name, value) else value for name, value in feed.items()}

    def _takes_floats(self, name: str, value: Any) -> bool:
        return self._inputs.get(name) == "tensor(float)" and str(getattr(value, "dtype", "")) == "float64"


def _is_frame(data: Any) -> bool:
    return hasattr(data, "iloc") and hasattr(data, "columns")


def _session(path: str, conf: Mapping[str, Any]) -> Any:
    import onnxruntime

    wanted = [tuple(item) if isinstance(item, list) else item for item in _listed(conf.get("providers"))]
    available = onnxruntime.get_available_providers()
    usable = [item for item in wanted if (item[0] if isinstance(item, tuple) else item) in available] or [_CPU]
    options = _options(conf.get("onnx_session_options") or {})
    try:
        return onnxruntime.InferenceSession(path, providers=usable, sess_options=options)
    except Exception as error:
        if usable == [_CPU]:
            raise
        logging.getLogger(__name__).warning("ONNX Runtime could not begin with %s: %s. The model runs on the processor.", usable, error)
        return onnxruntime.InferenceSession(path, providers=[_CPU], sess_options=options)


def _listed(providers: Any) -> Sequence[Any]:
    return [providers] if isinstance(providers, str) else providers or PROVIDERS


def _options(given: Mapping[str, Any]) -> Any:
    import onnxruntime

    found = onnxruntime.SessionOptions()
    for name in ("inter_op_num_threads", "intra_op_num_threads"):
        if given.get(name):
            setattr(found, name, given[name])
    modes = {"sequential": onnxruntime.ExecutionMode.ORT_SEQUENTIAL, "parallel": onnxruntime.ExecutionMode.ORT_PARALLEL}
    if given.get("execution_mode"):
        found.execution_mode = modes[str(given["execution_mode"]).lower()]
    if given.get("graph_optimization_level"):
        found.graph_optimization_level = onnxruntime.GraphOptimizationLevel(given["graph_optimization_level"])
    for name, value in (given.get("extra_session_config") or {}).items():
        found.add_session_config_entry(name, value)
    return found
