"""Models of Keras 3: as ``.keras`` files, or exported for TensorFlow."""

import os
from typing import Any, Callable, Dict, List, Mapping, Optional

from mlctl.errors import InvalidValueError
from mlctl.flavors import framework
from mlctl.models import loading
from mlctl.models.model import Model, ModelInfo

FLAVOR_NAME = "keras"
_DATA = "data"
_FILE = "model"
_MODULE = "keras_module.txt"


def get_default_pip_requirements() -> List[str]:
    """What every model of this flavor needs."""
    return framework.pinned("keras")


def get_default_conda_env() -> Dict[str, Any]:
    """The conda environment of `get_default_pip_requirements`."""
    return framework.conda_env(get_default_pip_requirements())


def save_model(
    model: Any,
    path: Any,
    save_exported_model: bool = False,
    conda_env: Any = None,
    mlflow_model: Optional[Model] = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    save_model_kwargs: Optional[Mapping[str, Any]] = None,
    metadata: Optional[Dict[str, Any]] = None,
) -> None:
    """Save a model to a new folder. As in MLflow, a signature is not inferred from an input example.

    Raises:
        ExistsError: there is something at the path already.
        InvalidValueError: an argument is not acceptable.
    """
    given = locals()
    import keras

    check_signature(signature)
    draft = framework.begin(given)
    draft.describe(None)
    folder = draft.folder / _DATA
    folder.mkdir()
    (folder / _MODULE).write_text("keras", encoding="utf-8")
    if save_exported_model:
        _export(model, str(folder / _FILE), draft.model.signature)
    else:
        model.save(str(folder / f"{_FILE}.keras"), **(save_model_kwargs or {}))
    draft.model.add_flavor(
        FLAVOR_NAME,
        data=_DATA,
        keras_version=keras.__version__,
        keras_backend=keras.backend.backend(),
        save_exported_model=save_exported_model,
    )
    draft.add_pyfunc("mlflow.keras")
    framework.finish(draft, given, modules=[_backend_module(keras.backend.backend())], distributions=["keras", "numpy"])


def check_signature(signature: Any) -> None:
    """See whether a signature, if there is one, is of tensors whose first dimension may vary: that is the batch's.

    Raises:
        InvalidValueError: it is not.
    """
    if not signature:
        return
    from mlctl.models.schema import TensorSpec

    specs = list(signature.inputs.inputs) if signature.inputs is not None else []
    if not specs or not all(isinstance(spec, TensorSpec) and spec.shape[:1] == (-1,) for spec in specs):
        raise InvalidValueError(
            "A model of Keras takes tensors whose first dimension, the batch's, is -1; the signature has something else.",
            hint="mlctl.models.infer_signature() of arrays makes such a signature.",
        )


def _export(model: Any, path: str, signature: Any) -> None:
    if signature is None:
        raise InvalidValueError("A model that is exported needs a signature.", hint="Give signature=, or save_exported_model=False.")
    import keras
    import tensorflow as tf

    shapes = [([None if size == -1 else size for size in spec.shape], spec.type) for spec in signature.inputs.inputs]
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(name="serve", fn=model.call, input_signature=[tf.TensorSpec(shape=shape, dtype=kind) for shape, kind in shapes])
    archive.write_out(path, verbose=False)


def _backend_module(name: str) -> str:
    return {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}.get(name, "keras")


def log_model(
    model: Any,
    artifact_path: Optional[str] = None,
    save_exported_model: bool = False,
    conda_env: Any = None,
    signature: Any = None,
    input_example: Any = None,
    registered_model_name: Optional[str] = None,
    await_registration_for: Optional[int] = 300,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    save_model_kwargs: Optional[Mapping[str, Any]] = None,
    metadata: Optional[Dict[str, Any]] = None,
    name: Optional[str] = None,
    params: Optional[Mapping[str, Any]] = None,
    tags: Optional[Mapping[str, Any]] = None,
    model_type: Optional[str] = None,
    step: int = 0,
    model_id: Optional[str] = None,
) -> ModelInfo:
    """Log a model of Keras; see `save_model` and `mlctl.models.Model.log`."""
    return framework.log(save_model, locals())


def load_model(
    model_uri: str,
    dst_path: Optional[str] = None,
    custom_objects: Optional[Mapping[str, Any]] = None,
    load_model_kwargs: Optional[Mapping[str, Any]] = None,
) -> Any:
    """The model at an address; of an exported one, what TensorFlow loads of it.

    Raises:
        InvalidValueError: it has no such flavor.
        NotFoundError: there is no such model.
    """
    return _read(loading.find(model_uri, FLAVOR_NAME, dst_path), {"custom_objects": custom_objects, **(load_model_kwargs or {})})


def _read(found: loading.Found, arguments: Mapping[str, Any]) -> Any:
    path = os.path.join(loading.file_of(found, "data"), _FILE)  # noqa: PTH118
    if found.config.get("save_exported_model"):
        import tensorflow as tf

        return tf.saved_model.load(path)
    import keras

    return keras.saving.load_model(f"{path}.keras", **arguments)  # in its safe mode, which refuses lambdas


def _load_pyfunc(path: str, model_config: Optional[Dict[str, Any]] = None) -> "Predictor":
    found = framework.opened(path, FLAVOR_NAME)
    model = _read(found, {})
    return Predictor(model, model.serve if found.config.get("save_exported_model") else model.predict)


class Predictor(framework.Predictor):
    """A model as a Python function.

    Args:
        model: the model, or what TensorFlow loads of an exported one.
        call: what gives its predictions.
    """

    def __init__(self, model: Any, call: Callable[[Any], Any]) -> None:
        super().__init__(model)
        self._call = call

    def predict(self, data: Any, params: Optional[Dict[str, Any]] = None) -> Any:
        """What the model says of a frame (as a frame), an array, or several arrays in a list or a dictionary (as an array).

        Raises:
            InvalidValueError: the data are of another kind.
        """
        if framework.is_frame(data):
            import pandas as pd

            return pd.DataFrame(_as_array(self._call(data.to_numpy())), index=data.index)
        if not (hasattr(data, "flat") or isinstance(data, (list, tuple, dict))):
            raise InvalidValueError(f"A Keras model takes no {type(data).__name__}.", hint="Give a frame, an array, or several arrays.")
        return _as_array(self._call(data))


def _as_array(found: Any) -> Any:
    import numpy as np

    return found if isinstance(found, (dict, list)) else np.asarray(found)
