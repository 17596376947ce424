"""Models as Python functions, MLflow's flavor ``python_function``: any model that predicts is loaded by one call.

`save_model` keeps classes (`PythonModel`), functions, scripts (models from code), or data together with the module that loads it.
"""

import inspect
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from mlctl.errors import InvalidValueError
from mlctl.files import addresses
from mlctl.flavors import framework, loaders, pyfunc_model
from mlctl.models import code_models, environment_files, loading, requirements, saving, uris
from mlctl.models.model import PYFUNC, Model, ModelInfo

FLAVOR_NAME = PYFUNC
MAIN = "loader_module"
CODE = "code"
DATA = "data"
ENV = "env"
PY_VERSION = "python_version"
MODEL_CONFIG = "config"
_MODEL_FILE = "python_model.pkl"
_ARTIFACTS = "artifacts"


class PyFuncModel:
    """A loaded model: `predict` takes data in the form of its signature and gives predictions."""

    def __init__(self, model_meta: Model, model_impl: Any, *, model_id: Optional[str] = None) -> None:
        self._model_meta = model_meta
        self._model_impl = model_impl
        self._model_id = model_id or model_meta.model_id

    @property
    def metadata(self) -> Model:
        """What the MLmodel file says."""
        return self._model_meta

    @property
    def model_id(self) -> Optional[str]:
        """The logged model's id, if it is one."""
        return self._model_id

    @property
    def loader_module(self) -> str:
        """The module that has loaded it, by MLflow's name."""
        return str(self._model_meta.flavors[PYFUNC].get(MAIN))

    @property
    def model_config(self) -> Dict[str, Any]:
        """The configuration that it was saved with."""
        return dict(self._model_meta.flavors[PYFUNC].get(MODEL_CONFIG) or {})

    def predict(self, data: Any, params: Optional[Dict[str, Any]] = None) -> Any:
        """Predictions for data, which must fit the model's signature if it has one.

        Raises:
            InvalidValueError: the data or the params do not fit.
        """
        data, params = self._fitted(data, params)
        return self._call("predict", data, params)

    def _fitted(self, data: Any, params: Any) -> Any:
        """Data and params as the signature has them; a model with type hints checks the data itself."""
        from mlctl.models.enforcement import enforce_params, prediction_input

        signature = self._model_meta.signature
        if signature is not None and signature._is_signature_from_type_hint:
            return data, enforce_params(params, signature.params)
        return prediction_input(data, params, signature)

    def predict_stream(self, data: Any, params: Optional[Dict[str, Any]] = None) -> Iterator[Any]:
        """Predictions one by one, of models that have ``predict_stream``."""
        data, params = self._fitted(data, params)
        if not hasattr(self._model_impl, "predict_stream"):
            raise InvalidValueError("This model does not predict one by one.", hint="predict() gives all predictions at once.")
        found: Iterator[Any] = self._call("predict_stream", data, params)
        return found

    def _call(self, name: str, data: Any, params: Any) -> Any:
        method = getattr(self._model_impl, name)
        return method(data, params=params) if "params" in inspect.signature(method).parameters else method(data)

    def unwrap_python_model(self) -> Any:
        """The instance of `PythonModel`.

        Raises:
            InvalidValueError: the model is of another flavor.
        """
        if not isinstance(self._model_impl, pyfunc_model.Wrapper):
            raise InvalidValueError("This model is not a PythonModel.", hint="get_raw_model() gives the model of its own flavor.")
        return self._model_impl.python_model

    def get_raw_model(self) -> Any:
        """The model as its own flavor loads it."""
        if hasattr(self._model_impl, "get_raw_model"):
            return self._model_impl.get_raw_model()
        return self.unwrap_python_model() if isinstance(self._model_impl, pyfunc_model.Wrapper) else self._model_impl

    @property
    def input_example(self) -> Any:
        """The input example, if the model has one."""
        return self._model_meta.load_input_example()

    def __repr__(self) -> str:
        return f"mlflow.pyfunc.loaded_model:\n  artifact_path: {self.metadata.artifact_path}\n  flavor: {self.loader_module}\n"


def load_model(model_uri: str, suppress_warnings: bool = False, dst_path: Optional[str] = None, model_config: Any = None) -> PyFuncModel:
    """The model at an address, as a Python function.

    Raises:
        InvalidValueError: it cannot predict, or cannot be read.
        NotFoundError: there is no such model.
        PickleRefusedError: it cannot be loaded without running code that it brings, and that is not allowed.
    """
    found = loading.find(model_uri, PYFUNC, dst_path)
    module = loaders.loader(str(found.config.get(MAIN)))
    if not hasattr(module, "_load_pyfunc"):
        raise InvalidValueError(f"The model's loader {found.config.get(MAIN)!r} has no function _load_pyfunc.")
    data = loading.file_of(found, DATA, what="data") if found.config.get(DATA) else found.folder
    config = _config(model_config)
    takes_config = "model_config" in inspect.signature(module._load_pyfunc).parameters
    model = module._load_pyfunc(data, model_config=config) if takes_config and config else module._load_pyfunc(data)
    return PyFuncModel(found.model, model)


def _config(given: Any) -> Optional[Dict[str, Any]]:
    if given is None or isinstance(given, Mapping):
        return dict(given) if given else None
    from mlctl.models import yaml_files

    return yaml_files.read(os.fspath(given))


def get_default_pip_requirements() -> List[str]:
    """What every Python model needs."""
    return requirements.pinned((), distributions=["cloudpickle"])


def save_model(
    path: Any,
    loader_module: Optional[str] = None,
    data_path: Optional[str] = None,
    code_paths: Optional[Sequence[str]] = None,
    infer_code_paths: bool = False,
    conda_env: Any = None,
    mlflow_model: Optional[Model] = None,
    python_model: Any = None,
    artifacts: Optional[Mapping[str, str]] = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Optional[Dict[str, Any]] = None,
    model_config: Any = None,
    streamable: Optional[bool] = None,
    **kwargs: Any,
) -> None:
    """Save a Python model to a new folder.

    ``python_model`` is an instance of `PythonModel`, a function, or the path of a script that calls `set_model`. Else ``loader_module``
    names a module (of ``code_paths``) whose ``_load_pyfunc`` loads what is at ``data_path``.

    Raises:
        ExistsError: there is something at the path already.
        InvalidValueError: the arguments do not go together, or the model cannot be pickled.
    """
    given = locals()
    if (python_model is None) == (loader_module is None):
        raise InvalidValueError("Give either python_model or loader_module.")
    if infer_code_paths:
        raise InvalidValueError("mlctl does not find out which files of yours a model needs.", hint="Name them in code_paths=[…].")
    draft = framework.begin({**given, "code_paths": [*(code_paths or ()), *kwargs.get("code_path", ())]})
    if loader_module is not None:
        found = _save_data(draft, loader_module, data_path)
    else:
        found = _save_python_model(draft, python_model, artifacts, _config(model_config), streamable=streamable)
    draft.finish(found, conda_env=conda_env, pip_requirements=pip_requirements, extra_pip_requirements=extra_pip_requirements)


def _save_data(draft: saving.Draft, loader_module: str, data_path: Optional[str]) -> List[str]:
    config: Dict[str, Any] = {}
    if data_path is not None:
        target = draft.folder / DATA / Path(data_path).resolve().name
        target.parent.mkdir()
        (shutil.copytree if Path(data_path).is_dir() else shutil.copyfile)(data_path, target)
        config[DATA] = str(target.relative_to(draft.folder))
    draft.add_pyfunc(loader_module, streamable=False, **config)
    draft.describe(None)
    return requirements.pinned([loader_module.partition(".")[0]])


def _save_python_model(
    draft: saving.Draft, model: Any, artifacts: Optional[Mapping[str, str]], config: Optional[Dict[str, Any]], *, streamable: Optional[bool]
) -> List[str]:
    version = requirements.version_of("cloudpickle")
    own: Dict[str, Any] = {CODE: draft.code, **({"cloudpickle_version": version} if version else {})}
    own.update({**({MODEL_CONFIG: config} if config else {}), "artifacts": _copy_artifacts(draft.folder, artifacts or {})})
    if not own["artifacts"]:
        del own["artifacts"]
    if isinstance(model, (str, os.PathLike)):
        script = Path(model)
        if not script.is_file():
            raise InvalidValueError(f"python_model is {str(model)!r}, which is no script.")
        shutil.copyfile(script, draft.folder / script.name)
        draft.add_pyfunc("mlflow.pyfunc.loaders.code_model", model_code_path=script.name, streamable=bool(streamable), **own)
        with pyfunc_model.read_as_mlflow():
            loaded = code_models.load(draft.folder / script.name, config)
    else:
        loaded = model if hasattr(model, "predict") else pyfunc_model.FunctionModel(model)
        pyfunc_model.dump(loaded, draft.folder / _MODEL_FILE)
        streams = type(loaded).__dict__.get("predict_stream") is not None if streamable is None else streamable
        draft.add_pyfunc("mlflow.pyfunc.model", streamable=streams, python_model=_MODEL_FILE, **own)
    before = set(_modules())
    _describe(draft, loaded, config)
    modules = requirements.names_in_code(getattr(loaded, "func", loaded)) | (set(_modules()) - before)
    if (draft.folder / _MODEL_FILE).is_file():
        modules |= requirements.names_in_pickle(draft.folder / _MODEL_FILE)
    return requirements.pinned(modules, distributions=["cloudpickle"])


def _modules() -> List[str]:
    return [name.partition(".")[0] for name in list(sys.modules)]


def _describe(draft: saving.Draft, model: Any, config: Optional[Dict[str, Any]]) -> None:
    wrappers: List[pyfunc_model.Wrapper] = []

    def predict(data: Any, params: Optional[Dict[str, Any]]) -> Any:
        if not wrappers:
            own = pyfunc_model.artifacts_of(str(draft.folder), draft.model.flavors[PYFUNC])
            wrappers.append(pyfunc_model.wrapped(model, artifacts=own, model_config=config))
        return wrappers[0].predict(data, params)

    draft.take_hints(getattr(model, "func", None) or getattr(model, "predict", model), predict)
    draft.describe(predict)


def _copy_artifacts(folder: Path, artifacts: Mapping[str, str]) -> Dict[str, Dict[str, str]]:
    found: Dict[str, Dict[str, str]] = {}
    for name, uri in artifacts.items():
        target = folder / _ARTIFACTS
        target.mkdir(exist_ok=True)
        source = Path(addresses.download_artifacts(str(uri)))
        place = target / source.name
        if place.exists():
            place = target / f"{len(found)}-{source.name}"
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, place)
        found[name] = {"path": str(place.relative_to(folder)), "uri": str(uri)}
    return found


def log_model(
    artifact_path: Optional[str] = None,
    loader_module: Optional[str] = None,
    data_path: Optional[str] = None,
    code_paths: Optional[Sequence[str]] = None,
    infer_code_paths: bool = False,
    conda_env: Any = None,
    python_model: Any = None,
    artifacts: Optional[Mapping[str, str]] = None,
    registered_model_name: Optional[str] = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: Optional[int] = 300,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Optional[Dict[str, Any]] = None,
    model_config: Any = None,
    streamable: Optional[bool] = None,
    resources: Any = None,
    auth_policy: Any = None,
    prompts: Optional[List[str]] = None,
    name: Optional[str] = None,
    params: Optional[Mapping[str, Any]] = None,
    tags: Optional[Mapping[str, Any]] = None,
    model_type: Optional[str] = None,
    step: int = 0,
    model_id: Optional[str] = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log a Python model; see `save_model` and `mlctl.models.Model.log`."""
    return framework.log(save_model, locals())


def add_to_model(
    model: Model,
    loader_module: str,
    data: Optional[str] = None,
    code: Optional[str] = None,
    conda_env: Optional[str] = None,
    python_env: Optional[str] = None,
    model_config: Any = None,
    **kwargs: Any,
) -> Model:
    """Say in a model's MLmodel file how it is loaded as a Python function."""
    import platform

    own = {MAIN: loader_module, PY_VERSION: platform.python_version(), CODE: code, DATA: data, MODEL_CONFIG: model_config, **kwargs}
    env = {key: value for key, value in (("conda", conda_env), ("virtualenv", python_env)) if value}
    return model.add_flavor(PYFUNC, **{key: value for key, value in own.items() if value}, **({ENV: env} if env else {}))


def get_model_dependencies(model_uri: str, format: str = "pip") -> str:
    """The file that says what a model needs, on this machine: ``pip`` is its requirements.txt, ``conda`` its conda.yaml.

    Raises:
        InvalidValueError: there is no such format.
    """
    names = {"pip": "requirements.txt", "conda": environment_files.ENV["conda"]}
    if format not in names:
        raise InvalidValueError(f"There is no format {format!r} of dependencies.", hint=f"One of: {', '.join(names)}")
    return os.path.join(uris.local_folder(model_uri), names[format])  # noqa: PTH118
