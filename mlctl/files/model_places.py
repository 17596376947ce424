"""Where the files of models are: those of a logged model, of a version of a registered model, of what a run has logged under a name."""

from typing import NamedTuple

from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.tracking import registry
from mlctl.tracking.registry import ModelAddress
from mlctl.tracking.store import ArtifactStore, TrackingStore


class Place(NamedTuple):
    """Some files, a folder or file among them, and which logged model they are of (empty: of none)."""

    files: ArtifactStore
    path: str
    model_id: str = ""


def version_of(store: TrackingStore, address: ModelAddress) -> str:
    """The version that an address names.

    Raises:
        InvalidValueError: there is no such alias.
        NotFoundError: there is no such model, or it has no version in the stage.
    """
    if address.version:
        return address.version
    if not address.stage:
        return str(store.get_model_version_by_alias(address.name, address.alias or "latest").version)
    found = store.latest_model_versions(address.name, [address.stage])
    if not found:
        raise NotFoundError(f"The registered model {address.name!r} has no version in the stage {address.stage}.")
    return str(found[0].version)


def of_logged_model(store: TrackingStore, model_id: str, path: str = "") -> Place:
    """The files of a logged model.

    Raises:
        NotFoundError: there is no such model.
    """
    return Place(store.model_artifacts(store.get_logged_model(model_id)), path, model_id)


def location_of(store: TrackingStore, address: ModelAddress) -> str:
    """The address of the files of a version: of what it was made from.

    Raises:
        InvalidValueError: it leads in a circle.
        NotFoundError: there is no such model or version.
    """
    version = version_of(store, address)
    source = store.get_model_version(address.name, version).source or ""
    if source.lower().startswith("models:/m-"):
        return source
    found = store.model_version_location(address.name, version)
    if found.lower().startswith("models:/") and not registry.model_address(found).model_id:
        raise InvalidValueError(f"The files of version {version} of {address.name!r} are at {found!r}, which leads in a circle.")
    return found


def logged_by(store: TrackingStore, run_id: str, path: str) -> str:
    """The id of the model that a run has logged under a name; empty, if its files lie with the run, or it has logged none of that name."""
    name = path.partition("/")[0]
    if not name or "'" in name:
        return ""
    run = store.get_run(run_id)
    if store.artifacts(run.info).list(name):
        return ""
    text = f"name = '{name}' AND source_run_id = '{run_id}'"
    found = store.search_logged_models([run.info.experiment_id], filter_string=text, max_results=1)
    return found[0].model_id if found else ""
