"""Models of PyTorch: as exported programs, which run no code of others when they are loaded, or as pickles."""

import logging
import os
import tempfile
from typing import Any, Dict, List, Mapping, Optional, Sequence

from mlctl.errors import InvalidValueError
from mlctl.flavors import framework, pytorch_files
from mlctl.models import loading, pickles, uris
from mlctl.models.model import Model, ModelInfo

FLAVOR_NAME = "pytorch"
SERIALIZATION_FORMAT_PICKLE = "pickle"
SERIALIZATION_FORMAT_PT2 = "pt2"
_FORMATS = (SERIALIZATION_FORMAT_PICKLE, SERIALIZATION_FORMAT_PT2)
_DATA = "data"
_CPU = "cpu"


def get_default_pip_requirements() -> List[str]:
    """What every model of this flavor needs."""
    return framework.pinned("torch", "cloudpickle")


def get_default_conda_env() -> Dict[str, Any]:
    """The conda environment of `get_default_pip_requirements`."""
    return framework.conda_env(get_default_pip_requirements())


def save_model(
    pytorch_model: Any,
    path: Any,
    conda_env: Any = None,
    mlflow_model: Optional[Model] = None,
    code_paths: Optional[Sequence[str]] = None,
    pickle_module: Any = None,
    signature: Any = None,
    input_example: Any = None,
    extra_files: Optional[Sequence[str]] = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Optional[Dict[str, Any]] = None,
    export_model: bool = False,
    serialization_format: Optional[str] = None,
    **kwargs: Any,
) -> None:
    """Save a module or a script to a new folder; further arguments go to `torch.save`.

    ``serialization_format`` is ``"pt2"``, an exported program, which needs an input example of arrays or tensors; or ``"pickle"``.

    Raises:
        ExistsError: there is something at the path already.
        InvalidValueError: an argument is not acceptable.
    """
    given = locals()
    import torch

    kind = _format(pytorch_model, serialization_format, export=export_model)
    tensors = pytorch_files.example_tensors(input_example) if kind == SERIALIZATION_FORMAT_PT2 else []
    draft = framework.begin({**given, "input_example": _kept_example(input_example)})
    draft.describe(_Predictor(pytorch_model, _CPU).predict)
    folder = draft.folder / _DATA
    folder.mkdir()
    if kind == SERIALIZATION_FORMAT_PT2:
        pytorch_files.write_exported(pytorch_model, str(folder), tensors, draft.model.signature)
    else:
        pytorch_files.write_pickle(pytorch_model, str(folder), pickle_module, kwargs)
    draft.model.add_flavor(
        FLAVOR_NAME,
        model_data=_DATA,
        pytorch_version=str(torch.__version__),
        code=draft.code,
        **framework.keep_extra_files(draft, extra_files),
    )
    if kind == SERIALIZATION_FORMAT_PICKLE or len(tensors) == 1:  # as a function it takes one array
        pickler = getattr(pickle_module, "__name__", pytorch_files.PICKLER_NAME)
        draft.add_pyfunc("mlflow.pytorch", data=_DATA, pickle_module_name=pickler, config={"device": None})
    pickled = pytorch_files.modules(str(folder))
    framework.finish(draft, given, modules=pickled, distributions=["torch", "numpy", "cloudpickle"])


def _format(model: Any, wanted: Optional[str], *, export: bool) -> str:
    import torch

    if not isinstance(model, torch.nn.Module):
        raise InvalidValueError(f"A {type(model).__name__} is no torch.nn.Module.")
    if wanted is not None and wanted not in _FORMATS:
        raise InvalidValueError(f"{wanted!r} is not a serialization format.", hint=f"One of: {', '.join(_FORMATS)}")
    kind = wanted or SERIALIZATION_FORMAT_PT2
    if kind == SERIALIZATION_FORMAT_PICKLE and export:
        raise InvalidValueError("Both export_model=True and serialization_format='pickle' were given.", hint="Give one of them.")
    if kind == SERIALIZATION_FORMAT_PT2 and isinstance(model, torch.jit.ScriptModule):
        raise InvalidValueError("A script of TorchScript cannot be exported.", hint="Give serialization_format='pickle'.")
    return kind


def _kept_example(example: Any) -> Any:
    """An example in a form that can be written; a tensor as an array. Several tensors, which an exported program may take, cannot."""
    if hasattr(example, "detach"):
        return example.detach().cpu().numpy()
    with_params = isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], dict)
    return example if hasattr(example, "flat") or framework.is_frame(example) or with_params else None


def log_model(
    pytorch_model: Any,
    artifact_path: Optional[str] = None,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    pickle_module: Any = None,
    registered_model_name: Optional[str] = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: Optional[int] = 300,
    extra_files: Optional[Sequence[str]] = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Optional[Dict[str, Any]] = None,
    name: Optional[str] = None,
    params: Optional[Mapping[str, Any]] = None,
    tags: Optional[Mapping[str, Any]] = None,
    model_type: Optional[str] = None,
    step: int = 0,
    model_id: Optional[str] = None,
    export_model: bool = False,
    serialization_format: Optional[str] = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log a module or a script; see `save_model` and `mlctl.models.Model.log`."""
    return framework.log(save_model, locals())


def load_model(model_uri: str, dst_path: Optional[str] = None, **kwargs: Any) -> Any:
    """The model at an address, ready to predict; further arguments go to `torch.load`, ``device`` says where it is put.

    Raises:
        InvalidValueError: it has no such flavor, or cannot be read.
        NotFoundError: there is no such model.
        PickleRefusedError: it is a pickle, and unpickling is not allowed.
    """
    import torch

    found = loading.find(model_uri, FLAVOR_NAME, dst_path)
    saved = found.config.get("pytorch_version")
    if saved != str(torch.__version__):
        logging.getLogger(__name__).warning("The model was saved by PyTorch %s and is loaded by %s.", saved, torch.__version__)
    device = kwargs.pop("device", None)
    return pytorch_files.read(loading.file_of(found, "model_data"), device=device, arguments=kwargs)


def _load_pyfunc(path: str, model_config: Optional[Dict[str, Any]] = None) -> "_Predictor":
    import torch

    found = framework.opened(path, FLAVOR_NAME)
    default = os.environ.get("MLFLOW_DEFAULT_PREDICTION_DEVICE") or ("cuda" if torch.cuda.is_available() else _CPU)
    device = (model_config or {}).get("device") or default
    return _Predictor(pytorch_files.read(loading.file_of(found, "model_data", "data"), device=device, arguments={}), device)


class _Predictor(framework.Predictor):
    """A model as a Python function, on a device."""

    def __init__(self, model: Any, device: str) -> None:
        super().__init__(model)
        self._device = device

    def predict(self, data: Any, params: Optional[Dict[str, Any]] = None) -> Any:
        """What the model says of a frame (as a frame) or an array (as an array); ``params`` are arguments of its ``forward``.

        Raises:
            InvalidValueError: the data are of another kind, or ``params`` has a device, which is chosen when a model is loaded.
            InvalidValueError: the model gives something else than one tensor.
        """
        import torch

        if "device" in (params or {}):
            raise InvalidValueError("A device is no param of a prediction.", hint="load_model(…, model_config={'device': 'cuda'})")
        is_frame = framework.is_frame(data)
        if not is_frame and not hasattr(data, "flat"):
            raise InvalidValueError(f"A PyTorch model takes no {type(data).__name__}.", hint="Give a frame or an array.")
        with torch.no_grad():
            tensor = torch.from_numpy(data.to_numpy(dtype="float32") if is_frame else data).to(self._device)
            found = self.model(tensor, **(params or {}))
        if not isinstance(found, torch.Tensor):
            raise InvalidValueError(f"The model gave a {type(found).__name__}; one tensor is what can be handed on.")
        if not is_frame:
            return found.cpu().numpy()
        import pandas as pd

        return pd.DataFrame(found.cpu().numpy(), index=data.index)


# ── weights alone ────────────────────────────────────────────────────────────────────────────────────────────────────


def save_state_dict(state_dict: Dict[str, Any], path: Any, **kwargs: Any) -> None:
    """Save weights to a folder; further arguments go to `torch.save`.

    Raises:
        InvalidValueError: they are no dictionary.
    """
    import torch

    if not isinstance(state_dict, dict):
        raise InvalidValueError(f"The weights are a {type(state_dict).__name__}.", hint="Give model.state_dict().")
    os.makedirs(path, exist_ok=True)  # noqa: PTH103
    torch.save(state_dict, os.path.join(path, pytorch_files.STATE), **kwargs)  # noqa: PTH118


def log_state_dict(state_dict: Dict[str, Any], artifact_path: str, **kwargs: Any) -> None:
    """Save weights among the files of the active run."""
    from mlctl.tracking.run_files import log_artifacts

    with tempfile.TemporaryDirectory(prefix="mlctl-") as folder:
        save_state_dict(state_dict, folder, **kwargs)
        log_artifacts(folder, artifact_path)


def load_state_dict(state_dict_uri: str, **kwargs: Any) -> Any:
    """Weights from an address; further arguments go to `torch.load`, which reads nothing but tensors unless it is told to.

    Raises:
        NotFoundError: there are none.
        PickleRefusedError: something else than tensors is asked for, and unpickling is not allowed.
    """
    import torch

    file = os.path.join(uris.local_folder(state_dict_uri), pytorch_files.STATE)  # noqa: PTH118
    if kwargs.get("weights_only", True) is not True:
        pickles.check(file)
    return torch.load(file, **{"weights_only": True, **kwargs})
