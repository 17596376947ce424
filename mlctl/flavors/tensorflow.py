"""Models of TensorFlow: those of its Keras, and modules (`tf.Module`) as TensorFlow saves them."""

import os
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from mlctl.errors import InvalidValueError
from mlctl.flavors import framework, keras
from mlctl.models import loading, pickles
from mlctl.models.model import Model, ModelInfo

FLAVOR_NAME = "tensorflow"
_DATA = "data"
_SAVED = "tf2model"
_FILE = "model"
_KERAS = "keras"
_MODULE = "tf2-module"
_KERAS_MODULES = ("tensorflow.keras", "keras", "tf_keras")
_OBJECTS = ("global_custom_objects.cloudpickle", "custom_objects.cloudpickle")


def get_default_pip_requirements(include_cloudpickle: bool = False) -> List[str]:
    """What every model of this flavor needs."""
    return framework.pinned("tensorflow", *(["cloudpickle"] if include_cloudpickle else []))


def get_default_conda_env() -> Dict[str, Any]:
    """The conda environment of `get_default_pip_requirements`."""
    return framework.conda_env(get_default_pip_requirements())


def save_model(
    model: Any,
    path: Any,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    mlflow_model: Optional[Model] = None,
    custom_objects: Optional[Mapping[str, Any]] = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    saved_model_kwargs: Optional[Mapping[str, Any]] = None,
    keras_model_kwargs: Optional[Mapping[str, Any]] = None,
    metadata: Optional[Dict[str, Any]] = None,
    extra_files: Optional[Sequence[str]] = None,
) -> None:
    """Save a model to a new folder; ``custom_objects`` that a model of Keras needs are pickled beside it.

    Raises:
        ExistsError: there is something at the path already.
        InvalidValueError: an argument is not acceptable, or it is no such model.
    """
    given = locals()
    import tensorflow as tf

    is_keras = isinstance(model, tf.keras.Model)
    if not is_keras and not isinstance(model, tf.Module):
        raise InvalidValueError(f"A {type(model).__name__} is neither a tf.keras.Model nor a tf.Module.")
    keras.check_signature(signature)
    draft = framework.begin(given)
    draft.describe(_predictor(model, is_keras=is_keras).predict)
    keras.check_signature(draft.model.signature)
    objects: Dict[str, Any] = {}
    if is_keras:
        objects = _objects(tf, custom_objects)
        own = _write_keras(model, draft.folder / _DATA, objects, dict(keras_model_kwargs or {}))
    else:
        tf.saved_model.save(model, str(draft.folder / _SAVED), **(saved_model_kwargs or {}))
        own = {"saved_model_dir": _SAVED, "model_type": _MODULE}
    draft.model.add_flavor(FLAVOR_NAME, code=draft.code, **own, **framework.keep_extra_files(draft, extra_files))
    draft.add_pyfunc("mlflow.tensorflow", **({"data": _DATA} if is_keras else {}))
    framework.finish(draft, given, distributions=["tensorflow", "numpy", *(["cloudpickle"] if objects else [])])


def _objects(tf: Any, custom: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """What is to be pickled beside a model of Keras, by the name of its file."""
    known = {_OBJECTS[0]: dict(tf.keras.utils.get_custom_objects()), _OBJECTS[1]: custom}
    return {name: found for name, found in known.items() if found}


def _write_keras(model: Any, folder: Path, objects: Mapping[str, Any], arguments: Dict[str, Any]) -> Dict[str, Any]:
    import tensorflow as tf

    folder.mkdir()
    for name, found in objects.items():
        pickles.dump(found, folder / name, cloud=True)
    kind = arguments.get("save_format", "tf")
    (folder / "keras_module.txt").write_text(_module_name(), encoding="utf-8")
    (folder / "save_format.txt").write_text(kind, encoding="utf-8")
    ending = ".h5" if kind == "h5" else ".keras" if _has_keras_3() else ""
    model.save(str(folder / f"{_FILE}{ending}"), **arguments)
    return {"data": _DATA, "model_type": _KERAS, "keras_version": tf.__version__, "save_format": kind}


def _module_name() -> str:
    """The name by which TensorFlow's Keras is known: that of the package that it is."""
    import tensorflow.keras as found

    return str(found.__name__)


def _has_keras_3() -> bool:
    import tensorflow as tf

    return tuple(int(part) for part in tf.__version__.split(".")[:2]) >= (2, 16)


def log_model(
    model: Any,
    artifact_path: Optional[str] = None,
    custom_objects: Optional[Mapping[str, Any]] = None,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    signature: Any = None,
    input_example: Any = None,
    registered_model_name: Optional[str] = None,
    await_registration_for: Optional[int] = 300,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    saved_model_kwargs: Optional[Mapping[str, Any]] = None,
    keras_model_kwargs: Optional[Mapping[str, Any]] = None,
    metadata: Optional[Dict[str, Any]] = None,
    extra_files: Optional[Sequence[str]] = None,
    name: Optional[str] = None,
    params: Optional[Mapping[str, Any]] = None,
    tags: Optional[Mapping[str, Any]] = None,
    model_type: Optional[str] = None,
    step: int = 0,
    model_id: Optional[str] = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log a model of TensorFlow; see `save_model` and `mlctl.models.Model.log`."""
    return framework.log(save_model, locals())


def load_model(
    model_uri: str,
    dst_path: Optional[str] = None,
    saved_model_kwargs: Optional[Mapping[str, Any]] = None,
    keras_model_kwargs: Optional[Mapping[str, Any]] = None,
) -> Any:
    """The model at an address.

    Raises:
        InvalidValueError: it has no such flavor, or cannot be read.
        NotFoundError: there is no such model.
        PickleRefusedError: it has custom objects, and unpickling is not allowed.
    """
    found = loading.find(model_uri, FLAVOR_NAME, dst_path)
    return _read_keras(found, keras_model_kwargs or {}) if _is_keras(found) else _read_module(found, saved_model_kwargs or {})


def _is_keras(found: loading.Found) -> bool:
    kind = found.config.get("model_type", _KERAS)
    if kind not in (_KERAS, _MODULE):
        raise InvalidValueError(f"The MLmodel file says {kind!r}, which is no kind of model that TensorFlow 2 has.")
    return bool(kind == _KERAS)


def _read_module(found: loading.Found, arguments: Mapping[str, Any]) -> Any:
    import tensorflow as tf

    return tf.saved_model.load(loading.file_of(found, "saved_model_dir"), **arguments)


def _read_keras(found: loading.Found, arguments: Mapping[str, Any]) -> Any:
    from importlib import import_module

    folder = loading.file_of(found, "data")
    named = Path(folder, "keras_module.txt")
    module = named.read_text(encoding="utf-8").strip() if named.is_file() else _KERAS_MODULES[0]
    if module not in _KERAS_MODULES:
        raise InvalidValueError(f"The model is to be loaded by {module!r}, which is no Keras.", hint=f"One of: {', '.join(_KERAS_MODULES)}")
    objects: Dict[str, Any] = {}
    for name in _OBJECTS:
        if Path(folder, name).is_file():
            objects.update(pickles.load(Path(folder, name), cloud=True))
    path = next(filter(os.path.exists, (os.path.join(folder, f"{_FILE}{end}") for end in (".h5", ".keras", ""))), folder)  # noqa: PTH118
    given = dict(arguments)
    objects.update(given.pop("custom_objects", None) or {})
    return import_module(module).models.load_model(path, custom_objects=objects, **given)


def _load_pyfunc(path: str, model_config: Optional[Dict[str, Any]] = None) -> framework.Predictor:
    found = framework.opened(path, FLAVOR_NAME)
    if _is_keras(found):
        return _predictor(_read_keras(found, {"compile": found.config.get("save_format") == "tf"}), is_keras=True)
    return _predictor(_read_module(found, {}), is_keras=False)


def _predictor(model: Any, *, is_keras: bool) -> framework.Predictor:
    return keras.Predictor(model, model.predict) if is_keras else _ModulePredictor(model)


class _ModulePredictor(framework.Predictor):
    """A module as a Python function."""

    def predict(self, data: Any, params: Optional[Dict[str, Any]] = None) -> Any:
        """What the module says of an array.

        Raises:
            InvalidValueError: the data are of another kind.
        """
        import tensorflow as tf

        if not (hasattr(data, "flat") or isinstance(data, list)):
            raise InvalidValueError(f"A tf.Module takes no {type(data).__name__}.", hint="Give an array.")
        found = self.model(tf.convert_to_tensor(data))
        return found.numpy() if isinstance(found, tf.Tensor) else found
