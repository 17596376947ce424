"""What the client does with the model registry, with MLflow's names and arguments; the entities are imported when they are needed."""

import contextlib
from typing import TYPE_CHECKING, Any, List, Mapping, Optional

from mlctl.errors import ExistsError, InvalidValueError
from mlctl.tracking.store import TrackingStore

if TYPE_CHECKING:
    from mlctl.tracking.entities import Page
    from mlctl.tracking.registry import ModelAddress, ModelVersion, RegisteredModel, RegistryEvent

_AWAITED_S = 300


class RegistryOfClient:
    """The part of the client that is about registered models and their versions.

    Its methods raise `NotFoundError` for what is not there, `ExistsError` for a name that is taken and `InvalidValueError` for what is
    not acceptable. What waits for a version in MLflow has nothing to wait for: a version is ready when it is made.
    """

    store: TrackingStore

    # ── registered models ────────────────────────────────────────────────────────────────────────────────────────────

    def create_registered_model(
        self,
        name: str,
        tags: Optional[Mapping[str, Any]] = None,
        description: Optional[str] = None,
        deployment_job_id: Optional[str] = None,
    ) -> "RegisteredModel":
        """Make a registered model."""
        return self.store.create_registered_model(name, tags=_pairs(tags), description=description)

    def get_registered_model(self, name: str) -> "RegisteredModel":
        """A registered model with its latest versions."""
        return self.store.get_registered_model(name)

    def rename_registered_model(self, name: str, new_name: str) -> "RegisteredModel":
        """Give a registered model another name."""
        return self.store.rename_registered_model(name, new_name)

    def update_registered_model(
        self, name: str, description: Optional[str] = None, deployment_job_id: Optional[str] = None
    ) -> "RegisteredModel":
        """Give a registered model another description."""
        return self.store.update_registered_model(name, description)

    def delete_registered_model(self, name: str) -> None:
        """Remove a registered model with its versions, for good; the files stay with the runs that made them."""
        self.store.delete_registered_model(name)

    def search_registered_models(
        self,
        filter_string: Optional[str] = None,
        max_results: int = 100,
        order_by: Optional[List[str]] = None,
        page_token: Optional[str] = None,
    ) -> "Page[RegisteredModel]":
        """Registered models that a filter finds, by name unless another order is asked for; ``.token`` leads to the next page."""
        return self.store.search_registered_models(
            filter_string=filter_string or "", order_by=order_by or (), max_results=max_results, page_token=page_token
        )

    def list_registered_models(self, max_results: int = 100, page_token: Optional[str] = None) -> "Page[RegisteredModel]":
        """As `search_registered_models` without a filter; MLflow had it before its version 2."""
        return self.search_registered_models(max_results=max_results, page_token=page_token)

    def get_latest_versions(self, name: str, stages: Optional[List[str]] = None) -> "List[ModelVersion]":
        """The highest version of each stage asked for; of all stages, if none is named."""
        return self.store.latest_model_versions(name, stages or ())

    def set_registered_model_tag(self, name: str, key: str, value: Any) -> None:
        """Set a tag of a registered model; its text is kept."""
        self.store.set_registered_model_tag(name, key, str(value))

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Remove a tag of a registered model; it may be absent."""
        self.store.delete_registered_model_tag(name, key)

    def set_registered_model_alias(self, name: str, alias: str, version: Any) -> None:
        """Point an alias to a version, from wherever it points."""
        self.store.set_registered_model_alias(name, alias, str(version))

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Remove an alias; it may be absent."""
        self.store.delete_registered_model_alias(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> "ModelVersion":
        """The version to which an alias points; ``latest`` is the highest."""
        return self.store.get_model_version_by_alias(name, alias)

    def get_registry_history(self, name: str) -> "List[RegistryEvent]":
        """What has happened to a registered model and its versions: an addition of mlctl's."""
        return self.store.registry_history(name)

    # ── versions ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: Optional[str] = None,
        tags: Optional[Mapping[str, Any]] = None,
        run_link: Optional[str] = None,
        description: Optional[str] = None,
        await_creation_for: Optional[int] = _AWAITED_S,
        local_model_path: Optional[str] = None,
        model_id: Optional[str] = None,
    ) -> "ModelVersion":
        """Make the next version of a registered model from the files at ``source``."""
        from mlctl.tracking.registry import ModelSource

        given = ModelSource(str(source), run_id or "", model_id or "")
        return self.store.create_model_version(name, given, tags=_pairs(tags), run_link=run_link or "", description=description)

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> "ModelVersion":
        """Make a version of another registered model, which is made if need be, from a version (``models:/NAME/VERSION``)."""
        from mlctl.tracking import registry

        address = registry.model_address(src_model_uri)
        if address.model_id:
            raise InvalidValueError(f"{src_model_uri!r} is a logged model, not a version.", hint="Register it: mlctl registry register")
        found = self.store.get_model_version(address.name, self.version_of(address))
        with contextlib.suppress(ExistsError):
            self.store.create_registered_model(dst_name)
        source = registry.ModelSource(f"models:/{found.name}/{found.version}", found.run_id or "", found.model_id or "")
        return self.store.create_model_version(dst_name, source, tags=list(found.tags.items()), description=found.description)

    def version_of(self, address: "ModelAddress") -> str:
        """The version that an address names."""
        from mlctl.files import model_places

        return model_places.version_of(self.store, address)

    def update_model_version(self, name: str, version: Any, description: Optional[str] = None) -> "ModelVersion":
        """Give a version another description."""
        return self.store.update_model_version(name, str(version), description)

    def transition_model_version_stage(
        self, name: str, version: Any, stage: str, archive_existing_versions: bool = False
    ) -> "ModelVersion":
        """Move a version to a stage (None, Staging, Production, Archived), and archive the others there if asked to."""
        return self.store.transition_model_version(name, str(version), stage, archive_existing=archive_existing_versions)

    def delete_model_version(self, name: str, version: Any) -> None:
        """Delete a version; its number is never given again."""
        self.store.delete_model_version(name, str(version))

    def get_model_version(self, name: str, version: Any) -> "ModelVersion":
        """A version."""
        return self.store.get_model_version(name, str(version))

    def get_model_version_download_uri(self, name: str, version: Any) -> str:
        """Where the files of a version are."""
        return self.store.model_version_location(name, str(version))

    def get_model_version_stages(self, name: str, version: Any) -> List[str]:
        """The stages that there are."""
        from mlctl.tracking.registry import STAGES

        return list(STAGES)

    def search_model_versions(
        self,
        filter_string: Optional[str] = None,
        max_results: int = 10_000,
        order_by: Optional[List[str]] = None,
        page_token: Optional[str] = None,
    ) -> "Page[ModelVersion]":
        """Versions that a filter finds, the last changed ones first unless another order is asked for; ``.token`` leads on."""
        return self.store.search_model_versions(
            filter_string=filter_string or "", order_by=order_by or (), max_results=max_results, page_token=page_token
        )

    def set_model_version_tag(
        self, name: str, version: Any = None, key: Optional[str] = None, value: Any = None, stage: Optional[str] = None
    ) -> None:
        """Set a tag of a version, or of the latest one in a stage."""
        self.store.set_model_version_tag(name, self._one_version(name, version, stage), _key(key), str(value))

    def delete_model_version_tag(self, name: str, version: Any = None, key: Optional[str] = None, stage: Optional[str] = None) -> None:
        """Remove a tag of a version, or of the latest one in a stage."""
        self.store.delete_model_version_tag(name, self._one_version(name, version, stage), _key(key))

    def _one_version(self, name: str, version: Any, stage: Optional[str]) -> str:
        if (version is None) == (stage is None):
            raise InvalidValueError("Give either version or stage.")
        if version is not None:
            return str(version)
        from mlctl.tracking import registry

        return self.version_of(registry.ModelAddress(name=name, stage=str(stage)))


def _pairs(tags: Optional[Mapping[str, Any]]) -> "List[Any]":
    return [(key, str(value)) for key, value in (tags or {}).items()]


def _key(key: Optional[str]) -> str:
    if not key:
        raise InvalidValueError("The tag has no key.", hint="Give it as key=…")
    return key
