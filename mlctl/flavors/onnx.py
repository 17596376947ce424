"""ONNX models, as ONNX files; as a Python function they run in ONNX Runtime."""

import os
from typing import Any, Dict, List, Mapping, Optional, Sequence

from mlctl.flavors import framework, onnx_session
from mlctl.models import loading
from mlctl.models.model import Model, ModelInfo

FLAVOR_NAME = "onnx"
_FILE = "model.onnx"


def get_default_pip_requirements() -> List[str]:
    """What every model of this flavor needs."""
    return framework.pinned("onnx", "onnxruntime")


def get_default_conda_env() -> Dict[str, Any]:
    """The conda environment of `get_default_pip_requirements`."""
    return framework.conda_env(get_default_pip_requirements())


def save_model(
    onnx_model: Any,
    path: Any,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    mlflow_model: Optional[Model] = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    onnx_execution_providers: Optional[Sequence[Any]] = None,
    onnx_session_options: Optional[Mapping[str, Any]] = None,
    metadata: Optional[Dict[str, Any]] = None,
    save_as_external_data: bool = True,
    extra_files: Optional[Sequence[str]] = None,
    **kwargs: Any,
) -> None:
    """Save an ONNX model to a new folder. As in MLflow, a signature is not inferred from an input example.

    Raises:
        ExistsError: there is something at the path already.
        InvalidValueError: an argument is not acceptable.
    """
    given = locals()
    import onnx

    onnx_session.check_options(onnx_session_options)
    draft = framework.begin(given)
    draft.describe(None)
    onnx.save_model(onnx_model, str(draft.folder / _FILE), save_as_external_data=save_as_external_data, **kwargs)
    draft.add_pyfunc("mlflow.onnx", data=_FILE)
    draft.model.add_flavor(
        FLAVOR_NAME,
        onnx_version=onnx.__version__,
        data=_FILE,
        providers=list(onnx_execution_providers or onnx_session.PROVIDERS),
        onnx_session_options=onnx_session_options,
        code=draft.code,
        **framework.keep_extra_files(draft, extra_files),
    )
    framework.finish(draft, given, distributions=["onnx", "numpy"], modules=["onnxruntime"])


def log_model(
    onnx_model: Any,
    artifact_path: Optional[str] = None,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    registered_model_name: Optional[str] = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: Optional[int] = 300,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    onnx_execution_providers: Optional[Sequence[Any]] = None,
    onnx_session_options: Optional[Mapping[str, Any]] = None,
    metadata: Optional[Dict[str, Any]] = None,
    save_as_external_data: bool = True,
    extra_files: Optional[Sequence[str]] = None,
    name: Optional[str] = None,
    params: Optional[Mapping[str, Any]] = None,
    tags: Optional[Mapping[str, Any]] = None,
    model_type: Optional[str] = None,
    step: int = 0,
    model_id: Optional[str] = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log an ONNX model; see `save_model` and `mlctl.models.Model.log`."""
    return framework.log(save_model, locals())


def load_model(model_uri: str, dst_path: Optional[str] = None) -> Any:
    """The ONNX model at an address, which has been checked.

    Raises:
        InvalidValueError: it has no such flavor.
        NotFoundError: there is no such model.
    """
    import onnx

    file = loading.file_of(loading.find(model_uri, FLAVOR_NAME, dst_path), "data")
    onnx.checker.check_model(file)
    return onnx.load(file)


def _load_pyfunc(path: str, model_config: Optional[Dict[str, Any]] = None) -> onnx_session.Predictor:
    found = framework.opened(path, FLAVOR_NAME)
    return onnx_session.Predictor(os.fspath(loading.file_of(found, "data")), found.config)
