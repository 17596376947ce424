"""Models as the commands name them: what an id, a name or an address means, and the files there."""

from __future__ import annotations

import contextlib
import posixpath
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl.commands import lookup
from mlctl.errors import ExistsError, InvalidValueError, NotFoundError
from mlctl.files import addresses
from mlctl.files import model_places as places
from mlctl.files.local import LocalArtifacts
from mlctl.tracking import registry
from mlctl.tracking.logged_models import LoggedModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlctl.tracking.entities import FileInfo, Run
    from mlctl.tracking.registry import ModelVersion
    from mlctl.tracking.store import ArtifactStore, TrackingStore

HELP = "runs:/RUN/NAME (@last is a run, too), models:/NAME/3, NAME@ALIAS, NAME, m-… (or its beginning), a folder, or an address."
FILE = "MLmodel"
_MOST_BYTES = 10_000_000
_PAGE = 1000


@dataclass(frozen=True)
class Place:
    """Where a model's files are, and what the store knows of it."""

    uri: str
    files: ArtifactStore
    path: str
    logged: LoggedModel | None = None
    version: ModelVersion | None = None
    run: Run | None = None

    def within(self, name: str) -> str:
        """The path of one of the model's files."""
        return posixpath.join(self.path, name) if self.path else name

    def listed(self) -> list[FileInfo]:
        """All of the model's files."""
        return lookup.all_files(self.files, self.path)

    def read(self, name: str) -> bytes:
        """One of the model's files, which is small.

        Raises:
            NotFoundError: there is none of this name.
            InvalidValueError: it is larger than such a file can be.
        """
        content = b""
        for piece in self.files.read(self.within(name)):
            content += piece
            if len(content) > _MOST_BYTES:
                raise InvalidValueError(f"The file {name!r} of the model {self.uri!r} is too large to be one.")
        return content

    def text(self, name: str) -> str:
        """One of the model's files as text; empty if there is none of this name."""
        try:
            return self.read(name).decode("utf-8", "replace")
        except NotFoundError:
            return ""


@contextlib.contextmanager
def looking(*texts: str) -> Iterator[list[Place]]:
    """The models that these words name. The store is opened where one of them needs it.

    Raises:
        NotFoundError: there is no such model.
        InvalidValueError: a word could mean several.
    """
    if all(map(_is_folder, texts)):
        yield [_folder(text) for text in texts]
        return
    with lookup.looking() as store:
        yield [_folder(text) if _is_folder(text) else _with_run(store, _find(store, text)) for text in texts]


def mlmodel(place: Place) -> dict[str, Any]:
    """What a model's MLmodel file says.

    Raises:
        NotFoundError: there is no such file: it is no model.
        InvalidValueError: it is not YAML, or says nothing of a model.
    """
    import yaml

    try:
        found = yaml.safe_load(place.read(FILE))
    except NotFoundError:
        raise NotFoundError(f"There is no model at {place.uri!r}: no {FILE} file is there.", hint=_beside(place)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidValueError(f"The {FILE} file of {place.uri!r} is not YAML: {error}.") from None
    if not isinstance(found, dict) or not isinstance(found.get("flavors"), dict):
        raise InvalidValueError(f"The {FILE} file of {place.uri!r} names no flavors.")
    return found


def _beside(place: Place) -> str:
    """The models that are where one was looked for."""
    near = [item.path for item in place.files.list(posixpath.dirname(place.path)) if item.is_dir]
    return f"Folders there: {', '.join(near[:5])}." if near else "`mlctl models list` shows the models."


def _is_folder(text: str) -> bool:
    return Path(text).is_dir() and not text.startswith(("runs:", "models:"))


def _folder(text: str) -> Place:
    files, path = addresses.resolved(text)
    return Place(text, files, path)


def _with_run(store: TrackingStore, place: Place) -> Place:
    """A place with the run that has made the model, if it is known and there."""
    run_id = (place.logged and place.logged.source_run_id) or (place.version and place.version.run_id)
    if place.uri.startswith("runs:/"):
        run_id = place.uri.removeprefix("runs:/").partition("/")[0]
    with contextlib.suppress(NotFoundError):
        return replace(place, run=store.get_run(run_id)) if run_id else place
    return place


def _find(store: TrackingStore, text: str) -> Place:
    if text.startswith("runs:"):
        return _of_run(store, text)
    if text.startswith("models:"):
        return _of_models(store, text)
    if text.startswith("m-"):
        return _logged(store, _model_id(store, text))
    if ":" in text:
        return _elsewhere(text)
    return _registered(store, text)


def _of_run(store: TrackingStore, text: str) -> Place:
    run, _, path = text[len("runs:") :].lstrip("/").partition("/")
    run_id = lookup.run_id(store, run)
    uri = f"runs:/{run_id}/{path}"
    model_id = places.logged_by(store, run_id, path)
    if model_id:
        return _logged(store, model_id, uri=uri, path=path.partition("/")[2])
    return Place(uri, store.artifacts(store.get_run(run_id).info), path.strip("/"))


def _logged(store: TrackingStore, model_id: str, *, uri: str = "", path: str = "") -> Place:
    found = store.get_logged_model(model_id)
    return Place(uri or found.model_uri, store.model_artifacts(found), path, found)


def _model_id(store: TrackingStore, text: str) -> str:
    """The logged model that an id or the beginning of one names."""
    ids = lookup.experiment_ids(store, ())
    found = store.search_logged_models(ids, filter_string=f"model_id LIKE '{_plain(text)}%'", max_results=6)
    if not found:
        raise NotFoundError(f"There is no logged model {text!r}.", hint="`mlctl models list` shows them.")
    if len(found) > 1:
        raise InvalidValueError(
            f"{text!r} fits more than one model: {', '.join(item.model_id[: len(text) + 4] for item in found)}.",
            hint="Give more of the id.",
        )
    return found[0].model_id


def _plain(text: str) -> str:
    if not text.replace("-", "").isalnum():
        raise NotFoundError(f"There is no logged model {text!r}.", hint="`mlctl models list` shows them.")
    return text


def _of_models(store: TrackingStore, uri: str) -> Place:
    address = registry.model_address(uri)
    if address.model_id:
        return _logged(store, address.model_id, path=address.path)
    version = store.get_model_version(address.name, places.version_of(store, address))
    location = places.location_of(store, address._replace(version=version.version))
    logged = _logged_of(store, version)
    if logged is not None and location.rstrip("/") == logged.artifact_location.rstrip("/"):
        return Place(uri, store.model_artifacts(logged), "", logged, version)
    inner = _of_models(store, location) if location.startswith("models:") else _elsewhere(location)
    return Place(uri, inner.files, inner.path, inner.logged or logged, version)


def _logged_of(store: TrackingStore, version: ModelVersion) -> LoggedModel | None:
    if not version.model_id:
        return None
    with contextlib.suppress(NotFoundError):
        return store.get_logged_model(version.model_id)
    return None


def _elsewhere(uri: str) -> Place:
    files, path = addresses.resolved(uri)
    return Place(uri, files, path)


def _registered(store: TrackingStore, text: str) -> Place:
    """A registered model by name alone: its latest version, or the one that is named with it."""
    uri = f"models:/{text}" if "/" in text or "@" in text else f"models:/{text}/latest"
    try:
        return _of_models(store, uri)
    except (NotFoundError, InvalidValueError) as error:
        raise NotFoundError(
            f"There is no model {text!r}: no folder, no registered model. {error.message}", hint=f"A model is {HELP}"
        ) from None


# ── copying ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def folder_name(place: Place) -> str:
    """A name for a folder of this model's files."""
    if place.version is not None:
        return f"{place.version.name}-{place.version.version}"
    if place.logged is not None:
        return place.logged.name
    return posixpath.basename(posixpath.normpath(place.path)) if place.path else "model"


def copied(place: Place, folder: str) -> Path:
    """Copy a model's files into a folder, which is made.

    Raises:
        ExistsError: there is something in it.
        StoreError: they cannot be read, or the copy cannot be written.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ExistsError(f"{folder!r} is there already.", hint="--to names another folder.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".mlctl-", dir=target.parent) as scratch:
        found = Path(place.files.download(place.path, scratch))
        if target.exists():
            target.rmdir()
        found.rename(target)
    return target


@contextlib.contextmanager
def at_hand(place: Place) -> Iterator[Path]:
    """A model's folder on this machine: its own if that is where it is, else a copy that is removed afterwards."""
    if isinstance(place.files, LocalArtifacts):
        yield Path(place.files.local_path(place.path))
        return
    with tempfile.TemporaryDirectory(prefix="mlctl-model-") as scratch:
        yield Path(place.files.download(place.path, scratch))
