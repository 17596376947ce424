"""The model registry as scripts use it, with MLflow's names and arguments."""

import contextlib
from typing import TYPE_CHECKING, Any, List, Mapping, Optional

from mlctl.errors import ExistsError
from mlctl.files import model_places
from mlctl.tracking.client import MlflowClient
from mlctl.tracking.registry import ModelSource, ModelVersion, RegisteredModel, model_address

if TYPE_CHECKING:
    from mlctl.tracking.store import TrackingStore

_PAGE = 1000


def register_model(
    model_uri: str,
    name: str,
    await_registration_for: Optional[int] = 300,
    *,
    tags: Optional[Mapping[str, Any]] = None,
    env_pack: Optional[Any] = None,
) -> ModelVersion:
    """Make a version of a registered model, which is made if need be, from a model's address; nothing has to be waited for.

    ``runs:/RUN/PATH``, ``models:/m-ID``, ``models:/NAME/VERSION``, or the address of any folder with a model.

    Raises:
        InvalidValueError: the address cannot be read, or the name or a tag is not acceptable.
        NotFoundError: what the address names is not there.
    """
    client = MlflowClient()
    source = source_of(client.store, str(model_uri))
    with contextlib.suppress(ExistsError):
        client.create_registered_model(name)
    return client.create_model_version(name, source.source, source.run_id, tags=tags, model_id=source.model_id)


def source_of(store: "TrackingStore", uri: str) -> ModelSource:
    """Where a version comes from that is registered from an address: a logged model, where the address of a run's model is one's.

    Raises:
        InvalidValueError: the address cannot be read.
        NotFoundError: what it names is not there.
    """
    scheme = uri.partition(":")[0].lower()
    if scheme == "models":
        address = model_address(uri)
        if address.model_id:
            return ModelSource(uri, store.get_logged_model(address.model_id).source_run_id or "", address.model_id)
        return ModelSource(uri)
    if scheme != "runs":
        return ModelSource(uri)
    run_id, _, path = uri.partition(":")[2].lstrip("/").partition("/")
    info = store.get_run(run_id).info
    model_id = model_places.logged_by(store, run_id, path)
    if model_id:
        return ModelSource(f"models:/{model_id}", run_id, model_id)
    return ModelSource("/".join(filter(None, (info.artifact_uri, path))), run_id)


def search_registered_models(
    max_results: Optional[int] = None, filter_string: Optional[str] = None, order_by: Optional[List[str]] = None
) -> List[RegisteredModel]:
    """All registered models that a filter finds, by name unless another order is asked for."""
    client, token = MlflowClient(), None
    found: List[RegisteredModel] = []
    while max_results is None or len(found) < max_results:
        size = _PAGE if max_results is None else min(_PAGE, max_results - len(found))
        page = client.search_registered_models(filter_string, size, order_by, token)
        found += page
        token = page.token
        if not token:
            break
    return found


def search_model_versions(
    max_results: Optional[int] = None, filter_string: Optional[str] = None, order_by: Optional[List[str]] = None
) -> List[ModelVersion]:
    """All versions that a filter finds, the last changed ones first unless another order is asked for."""
    client, token = MlflowClient(), None
    found: List[ModelVersion] = []
    while max_results is None or len(found) < max_results:
        size = 10 * _PAGE if max_results is None else min(10 * _PAGE, max_results - len(found))
        page = client.search_model_versions(filter_string, size, order_by, token)
        found += page
        token = page.token
        if not token:
            break
    return found


def set_model_version_tag(name: str, version: Any = None, key: Optional[str] = None, value: Any = None) -> None:
    """Set a tag of a version; its text is kept."""
    MlflowClient().set_model_version_tag(name, version, key, value)
