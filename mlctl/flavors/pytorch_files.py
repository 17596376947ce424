"""Files of PyTorch models: exported programs (no pickle) and pickles, which go through the gate."""

import io
import json
import re
import types
import zipfile
from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence

from mlctl.errors import InvalidValueError
from mlctl.models import pickles

EXPORTED = "model.pt2"
PICKLED = "model.pth"
PICKLER = "pickle_module_info.txt"
PICKLER_NAME = "mlflow.pytorch.pickle_module"
STATE = "state_dict.pth"
_TENSORS = ("weight_", "tensor_")
_CONFIG = re.compile(r"(?:^|/)data/(?:weights|constants)/[^/]+_config\.json$")


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_pickle(model: Any, folder: str, pickle_module: Optional[Any], arguments: Mapping[str, Any]) -> None:
    """Write a module as a pickle, or a script of TorchScript as itself; with the name of what pickled it, as MLflow does."""
    import torch

    pickler = pickle_module or cloudpickler()
    Path(folder, PICKLER).write_text(pickler.__name__, encoding="utf-8")
    path = str(Path(folder, PICKLED))
    if isinstance(model, torch.jit.ScriptModule):
        torch.jit.ScriptModule.save(model, path)
    else:
        torch.save(model, path, pickle_module=pickler, **arguments)


def write_exported(model: Any, folder: str, example: Any, signature: Any) -> None:
    """Trace a module with an example and write the program.

    Raises:
        InvalidValueError: there is no example of tensors, or no signature of tensors.
    """
    import torch

    tensors = example_tensors(example)
    specs = signature.inputs.inputs if signature is not None and signature.inputs is not None else []
    if len(specs) != len(tensors) or not signature.inputs.is_tensor_spec():
        raise InvalidValueError("An exported program needs a signature of tensors.", hint="Give one, or serialization_format='pickle'.")
    shapes = tuple(_dynamic(spec.shape) for spec in specs)
    program = torch.export.export(model, tuple(tensors), dynamic_shapes=shapes)
    torch.export.save(program, str(Path(folder, EXPORTED)))


def example_tensors(example: Any) -> List[Any]:
    """An example as the tensors that a model takes.

    Raises:
        InvalidValueError: it is none: no array or tensor, and no sequence of them.
    """
    import torch

    given = [example] if hasattr(example, "dtype") else list(example) if isinstance(example, (list, tuple)) else []
    if not given or not all(hasattr(item, "dtype") and hasattr(item, "shape") for item in given):
        raise InvalidValueError(
            "A model of PyTorch is saved as an exported program, which is traced with an example of its input.",
            hint="Give input_example= (an array or a tensor, or a list of them), or serialization_format='pickle'.",
        )
    return [item if isinstance(item, torch.Tensor) else torch.from_numpy(item) for item in given]


def _dynamic(shape: Sequence[int]) -> Any:
    from torch.export import Dim

    return {index: Dim.AUTO for index, size in enumerate(shape) if size == -1} or None


def cloudpickler() -> Any:
    """What pickles a model: cloudpickle, in the form that `torch.save` takes, under the name that MLflow has for it."""
    import pickle

    import cloudpickle

    found = types.ModuleType(PICKLER_NAME)
    vars(found).update({name: value for name, value in vars(cloudpickle).items() if not name.startswith("_")})
    vars(found).update(Pickler=cloudpickle.CloudPickler, Unpickler=pickle.Unpickler)
    return found


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def read(path: str, *, device: Optional[str], arguments: Mapping[str, Any]) -> Any:
    """A model from the folder of its files, or from a single file as old releases of MLflow wrote it.

    Raises:
        InvalidValueError: there is no such file, or it holds pickles and the gate is closed.
    """
    folder = Path(path)
    if (folder / EXPORTED).is_file():
        return _read_exported(str(folder / EXPORTED), device)
    return _read_pickle(str(folder / PICKLED) if folder.is_dir() else path, device, arguments)


def _read_exported(path: str, device: Optional[str]) -> Any:
    import torch

    if not pickles.allowed():
        check_no_pickles(path)
    model = torch.export.load(path).module()
    found = {tensor.device.type for tensor in [*model.parameters(), *model.buffers()]}
    if device and found - {torch.device(device).type}:
        raise InvalidValueError(
            f"This program was exported for {', '.join(sorted(found))} and cannot run on {device}.",
            hint=f"Save it anew from model.to({device!r}), or as a pickle.",
        )
    return model


def _read_pickle(file: str, device: Optional[str], arguments: Mapping[str, Any]) -> Any:
    import torch

    pickles.check(file)
    given = {"weights_only": False, **arguments}
    given.setdefault("pickle_module", cloudpickler())
    model = torch.load(file, **given)
    model.eval()
    return model.to(device) if device else model


def check_no_pickles(path: str) -> None:
    """See whether an exported program can be read without unpickling anything but tensors.

    Its weights and constants say how they are written. The example that it was traced with is read as tensors only, but if that fails
    PyTorch unpickles whatever it is: so it must not fail.

    Raises:
        InvalidValueError: it cannot, or it is of a release of PyTorch that does not tell.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        items = [item for name in names if _CONFIG.search(name) for item in json.loads(archive.read(name))["config"].values()]
        tensors = [archive.read(name) for name in names if name.endswith(".pt")]
    plain = all(not item["use_pickle"] and item["path_name"].startswith(_TENSORS) for item in items)
    told = any(name.endswith("/archive_format") for name in names) and not any("serialized_" in name for name in names)
    if not (plain and told and all(_is_of_tensors(content) for content in tensors)):
        raise InvalidValueError(
            f"{Path(path).name} holds pickles, and they are not allowed.",
            hint="Set MLCTL_ALLOW_PICKLE=true for models that you trust.",
        )


def _is_of_tensors(content: bytes) -> bool:
    import torch

    try:
        torch.load(io.BytesIO(content), weights_only=True)
    except Exception:  # noqa: BLE001 -- whatever is wrong with it, it is not only tensors
        return False
    return True


def modules(folder: str) -> List[str]:
    """Top-level modules that a pickled model refers to; none of an exported program."""
    import tempfile

    from mlctl.models import requirements

    file = Path(folder, PICKLED)
    if not zipfile.is_zipfile(file):
        return []
    with zipfile.ZipFile(file) as archive, tempfile.TemporaryDirectory(prefix="mlctl-") as scratch:
        member = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
        return sorted(requirements.names_in_pickle(archive.extract(member, scratch))) if member else []
