"""Addresses of artifacts, and reading what they name: ``runs:/ID/path``, ``mlflow-artifacts:/…``, ``file:`` and plain paths."""

import dataclasses
import json
import os
import posixpath
import re
import shutil
import tempfile
from typing import Any, Dict, List, Optional, Tuple

from mlctl.errors import ArgumentError, InvalidValueError, StoreError
from mlctl.files import model_places, places
from mlctl.files.local import LocalArtifacts, local_folder
from mlctl.files.places import SCHEME
from mlctl.tracking import current, registry
from mlctl.tracking.entities import FileInfo
from mlctl.tracking.store import ArtifactStore, TrackingStore

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # of one letter it is a drive
_PROXIED = re.compile(r"(?:mlflow-artifacts://[^/]*)?/?(?:[^/]+/)*?([A-Za-z0-9][A-Za-z0-9_-]*)/artifacts(?:/|$)(.*)", re.DOTALL)
_PROXIED_MODEL = re.compile(r"(?:mlflow-artifacts://[^/]*)?/?(?:[^/]+/)*?models/(m-[0-9a-f]{32})/artifacts(?:/|$)(.*)", re.DOTALL)
_HINT = "It can be runs:/RUN_ID/path, mlflow-artifacts:/…, s3://…, file:///… or a path."


def address(artifact_uri: str, artifact_path: Optional[str] = None) -> str:
    """The address of a file or folder below a run's ``artifact_uri``; a query at its end stays at the end."""
    if not artifact_path:
        return artifact_uri
    head, mark, query = artifact_uri.partition("?") if "://" in artifact_uri else (artifact_uri, "", "")
    return f"{head.rstrip('/')}/{artifact_path.lstrip('/')}{mark}{query}"


def list_artifacts(
    artifact_uri: Optional[str] = None,
    run_id: Optional[str] = None,
    artifact_path: Optional[str] = None,
    tracking_uri: Optional[str] = None,
) -> List[FileInfo]:
    """What the folder at an address, or at ``artifact_path`` of a run, holds; nothing for a file or what is not there.

    Paths start at the run's root; where an address was given, at the folder that holds the one it names.

    Raises:
        ArgumentError: neither or both of address and run were given.
        NotFoundError: there is no such run.
        StoreError: the address is somewhere that mlctl cannot reach.
    """
    files, path = _asked(artifact_uri, run_id, artifact_path, tracking_uri)
    above = "" if run_id is not None else posixpath.dirname(posixpath.normpath(path))
    return [dataclasses.replace(item, path=posixpath.relpath(item.path, above)) if above else item for item in files.list(path)]


def download_artifacts(
    artifact_uri: Optional[str] = None,
    run_id: Optional[str] = None,
    artifact_path: Optional[str] = None,
    dst_path: Optional[str] = None,
    tracking_uri: Optional[str] = None,
    registry_uri: Optional[str] = None,
) -> str:
    """Copy a file or folder into the folder ``dst_path`` (made if need be), under its own name; returns where it then is.

    Without ``dst_path``, what is on this machine stays where it is, and anything else goes to a new temporary folder.

    Raises:
        ArgumentError: neither or both of address and run were given.
        NotFoundError: there is no such run, file or folder.
        StoreError: it cannot be read, or the copy cannot be written.
    """
    files, path = _asked(artifact_uri, run_id, artifact_path, tracking_uri)
    return here(files, path, dst_path)


def here(files: ArtifactStore, path: str, folder: Optional[str]) -> str:
    """Where a file or folder is on this machine, brought into a folder if one is given; see `download_artifacts`."""
    if folder is None:
        return files.local_path(path) if isinstance(files, LocalArtifacts) else files.download(path, tempfile.mkdtemp(prefix="mlctl-"))
    return fetch(files, path, os.fspath(folder))


def fetch(files: ArtifactStore, path: str, folder: str) -> str:
    """Copy a file or folder (empty: everything) into a local folder, under its own name; returns where it then is."""
    name = posixpath.basename(posixpath.normpath(path)) if path else ""
    if name in ("", ".") or posixpath.normpath(path) == name:
        return files.download(path, folder)
    target = os.path.join(folder, name)  # noqa: PTH118
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        with tempfile.TemporaryDirectory(prefix=".mlctl-", dir=folder) as scratch:
            found = files.download(path, scratch)
            if os.path.isdir(found):  # noqa: PTH112
                shutil.copytree(found, target, dirs_exist_ok=True, copy_function=os.replace)
            else:
                os.replace(found, target)  # noqa: PTH105
    except OSError as error:
        raise StoreError(f"The artifact {path!r} cannot be copied to {folder}: {error.strerror or error}.") from error
    return target


def load_text(artifact_uri: str) -> str:
    """A text file, which is UTF-8.

    Raises:
        NotFoundError: there is no such file.
        InvalidValueError: it is not UTF-8.
    """
    try:
        return _content(artifact_uri).decode("utf-8")
    except UnicodeDecodeError:
        hint = "mlctl.artifacts.download_artifacts() gives the file as it is."
        raise InvalidValueError(f"The artifact {artifact_uri!r} is not a text in UTF-8.", hint=hint) from None


def load_dict(artifact_uri: str) -> Dict[str, Any]:
    """What a JSON file says.

    Raises:
        NotFoundError: there is no such file.
        InvalidValueError: it is not JSON.
    """
    try:
        found: Dict[str, Any] = json.loads(load_text(artifact_uri))
    except json.JSONDecodeError as error:
        raise InvalidValueError(f"The artifact {artifact_uri!r} is not JSON: {error}.") from None
    return found


def load_image(artifact_uri: str) -> Any:
    """An image file as a PIL image.

    Raises:
        NotFoundError: there is no such file.
        InvalidValueError: it is not an image that Pillow reads.
        ArgumentError: Pillow is not installed.
    """
    import io

    try:
        import PIL.Image
    except ImportError:
        raise ArgumentError("Loading an image needs Pillow.", hint="`pip install pillow`.") from None
    try:
        image = PIL.Image.open(io.BytesIO(_content(artifact_uri)))
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidValueError(f"The artifact {artifact_uri!r} is not an image: {error}.") from None
    return image


def resolved(uri: str, *, tracking_uri: Optional[str] = None) -> Tuple[ArtifactStore, str]:
    """The files among which an address is, and its path there.

    Raises:
        NotFoundError: there is no such run.
        StoreError: it is somewhere that mlctl cannot reach.
    """
    if os.path.exists(uri) or not _SCHEME.match(uri) or uri.startswith("file:"):  # noqa: PTH110
        folder, name = os.path.split(os.path.abspath(local_folder(uri) if uri.startswith("file:") else uri))  # noqa: PTH100
        return LocalArtifacts(folder), name
    if uri.startswith(SCHEME):
        above, _, name = uri.rstrip("/").rpartition("/")
        return (places.at(above), name) if above != SCHEME[:-1] else (places.at(uri), "")
    store = current.store_at(current.absolute(tracking_uri)) if tracking_uri else current.current_store()
    if uri.startswith("models:"):
        return _of_model(store, uri)
    if uri.startswith("runs:"):
        run_id, _, path = re.sub(r"^runs:(//[^/]*)?/*", "", uri).partition("/")
        if not run_id:
            raise InvalidValueError(f"The address {uri!r} names no run.", hint="runs:/RUN_ID/path")
        model_id = model_places.logged_by(store, run_id, path)
        if model_id:
            return model_places.of_logged_model(store, model_id, path.partition("/")[2])[:2]
        return _of_run(store, run_id), path
    proxied_model = _PROXIED_MODEL.fullmatch(uri.partition(":")[2]) if uri.startswith("mlflow-artifacts:") else None
    if proxied_model:
        return model_places.of_logged_model(store, proxied_model[1], proxied_model[2])[:2]
    found = _PROXIED.fullmatch(uri.partition(":")[2]) if uri.startswith("mlflow-artifacts:") else None
    if found is None:
        raise StoreError(f"mlctl cannot reach the address {uri!r}.", hint=_HINT)
    return _of_run(store, found[1]), found[2]


def _of_model(store: TrackingStore, uri: str) -> Tuple[ArtifactStore, str]:
    address = registry.model_address(uri)
    if address.model_id:
        return model_places.of_logged_model(store, address.model_id, address.path)[:2]
    return resolved(model_places.location_of(store, address))


def _of_run(store: TrackingStore, run_id: str) -> ArtifactStore:
    return store.artifacts(store.get_run(run_id).info)


def _asked(
    artifact_uri: Optional[str], run_id: Optional[str], artifact_path: Optional[str], tracking_uri: Optional[str]
) -> Tuple[ArtifactStore, str]:
    if (artifact_uri is None) == (run_id is None):
        raise ArgumentError("Exactly one of `run_id` and `artifact_uri` must be given.")
    if run_id is not None:
        return resolved(f"runs:/{run_id}/{artifact_path or ''}", tracking_uri=tracking_uri)
    if artifact_path is not None:
        raise ArgumentError("`artifact_path` goes with `run_id`; an `artifact_uri` has its path in it.")
    return resolved(str(artifact_uri), tracking_uri=tracking_uri)


def _content(artifact_uri: str) -> bytes:
    files, path = resolved(os.fspath(artifact_uri))
    return b"".join(files.read(path))
