"""What all flavors share when they load a model: its folder on this machine, what its MLmodel file says of a flavor, and its own code."""

import os
import sys
from typing import Any, Dict, NamedTuple, Optional

from mlctl.errors import InvalidValueError
from mlctl.models import folders, pickles, uris
from mlctl.models.model import Model


class Found(NamedTuple):
    """A model on this machine: its folder, its MLmodel file, and what that says of one flavor."""

    folder: str
    model: Model
    config: Dict[str, Any]


def find(model_uri: str, flavor: str, dst_path: Optional[str] = None) -> Found:
    """A model and its configuration of a flavor; its code is importable afterwards.

    Raises:
        InvalidValueError: it has no such flavor, or names files outside of its folder.
        NotFoundError: there is no such model.
    """
    folder = uris.local_folder(os.fspath(model_uri), dst_path)
    model = Model.load(folder)
    config = model.flavors.get(flavor)
    if config is None:
        known = ", ".join(sorted(model.flavors)) or "none"
        raise InvalidValueError(
            f"The model has no flavor {flavor!r}; it has: {known}.", hint="mlctl.pyfunc.load_model() loads any of them that predicts."
        )
    add_code(folder, config)
    return Found(folder, model, config)


def add_code(folder: str, config: Dict[str, Any]) -> None:
    """Put a model's own code on the path of imports.

    Raises:
        InvalidValueError: it is not in the model's folder.
        PickleRefusedError: the model brings code, and nothing that it brings may run.
    """
    code = config.get("code")
    if not code:
        return
    path = folders.inside(folder, code, what="code")
    pickles.check(path)
    if path not in sys.path:
        sys.path.insert(0, path)


def file_of(found: Found, *keys: str, what: str = "model file") -> str:
    """The file or folder that the first of some entries of a flavor's configuration names.

    Raises:
        InvalidValueError: none of them is there, or it is not in the model's folder.
    """
    entry = next((found.config[key] for key in keys if found.config.get(key) is not None), None)
    return folders.inside(found.folder, entry, what=what)
