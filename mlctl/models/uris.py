"""Addresses of models, and bringing them to this machine.

``runs:/RUN/PATH``, ``models:/NAME/VERSION``, ``models:/NAME/STAGE``, ``models:/NAME@ALIAS``, ``models:/NAME/latest``, ``models:/m-ID``, a
local path, ``file:``, ``mlflow-artifacts:`` and ``http(s)``.
"""

import os
import re
import tempfile
from typing import Optional

from mlctl.errors import NotFoundError
from mlctl.files import addresses
from mlctl.files.local import LocalArtifacts

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def is_address(text: str) -> bool:
    """Whether a text is more than a path of this machine."""
    return bool(_SCHEME.match(text)) and not os.path.exists(text)  # noqa: PTH110


def local_folder(uri: str, dst_path: Optional[str] = None, *, only: str = "") -> str:
    """A model's folder (or, ``only``, one file of it) on this machine: where it is, or a copy in ``dst_path`` or a new temporary folder.

    Raises:
        InvalidValueError: the address cannot be read.
        NotFoundError: there is no model at the address.
        StoreError: its files are somewhere that mlctl cannot reach.
    """
    files, path = addresses.resolved(os.fspath(uri))
    path = "/".join(filter(None, (path.rstrip("/"), only)))
    if dst_path is not None:
        os.makedirs(dst_path, exist_ok=True)  # noqa: PTH103
        return addresses.fetch(files, path, os.fspath(dst_path))
    if isinstance(files, LocalArtifacts):
        return str(files.local_path(path))
    if not only and not files.list(path):
        raise NotFoundError(f"There is no model at {uri}.")
    return files.download(path, tempfile.mkdtemp(prefix="mlctl-model-"))
