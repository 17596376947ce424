"""The part of the store's protocol that is about the model registry; its SQL is imported when it is needed."""

from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple

from mlctl.sql.db import Database

if TYPE_CHECKING:
    from mlctl.tracking.entities import Page
    from mlctl.tracking.registry import ModelSource, ModelVersion, RegisteredModel, RegistryEvent


class RegistryInSql(Database):
    """The registry of a store in a database. Its history says who: the user of this process."""

    def create_registered_model(
        self, name: str, *, tags: Sequence[Tuple[str, str]] = (), description: Optional[str] = None
    ) -> "RegisteredModel":
        """Make a registered model."""
        from mlctl.sql import registry

        with self._writing() as db:
            return registry.create(db, name, tags=tags, description=description, user=_user())

    def get_registered_model(self, name: str) -> "RegisteredModel":
        """A registered model; NotFoundError if there is none."""
        from mlctl.sql import registry

        with self._reading() as db:
            return registry.get(db, name)

    def update_registered_model(self, name: str, description: Optional[str]) -> "RegisteredModel":
        """Give a registered model another description."""
        from mlctl.sql import registry

        with self._writing() as db:
            return registry.update(db, name, description, user=_user())

    def rename_registered_model(self, name: str, new_name: str) -> "RegisteredModel":
        """Give a registered model another name."""
        from mlctl.sql import registry

        with self._writing() as db:
            return registry.rename(db, name, new_name, user=_user())

    def delete_registered_model(self, name: str) -> None:
        """Remove a registered model with its versions, for good."""
        from mlctl.sql import registry

        with self._writing() as db:
            registry.delete(db, name)

    def search_registered_models(
        self, *, filter_string: str = "", order_by: Sequence[str] = (), max_results: int = 100, page_token: Optional[str] = None
    ) -> "Page[RegisteredModel]":
        """Registered models that a filter finds, by name unless another order is asked for."""
        from mlctl.sql import registry_search

        with self._reading() as db:
            return registry_search.models(
                db, filter_string=filter_string, order_by=order_by, max_results=max_results, page_token=page_token
            )

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        """Set a tag of a registered model."""
        from mlctl.sql import registry

        with self._writing() as db:
            registry.set_tag(db, name, key, value)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Remove a tag of a registered model; it may be absent."""
        from mlctl.sql import registry

        with self._writing() as db:
            registry.delete_tag(db, name, key)

    def set_registered_model_alias(self, name: str, alias: str, version: str, *, only_over: Optional[str] = None) -> None:
        """Point an alias to a version; ConflictError unless it points to ``only_over``, if that is given."""
        from mlctl.sql import registry

        with self._writing() as db:
            registry.set_alias(db, name, alias, version, only_over=only_over, user=_user())

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Remove an alias; it may be absent."""
        from mlctl.sql import registry

        with self._writing() as db:
            registry.delete_alias(db, name, alias, user=_user())

    def get_model_version_by_alias(self, name: str, alias: str) -> "ModelVersion":
        """The version to which an alias points; ``latest`` is the highest."""
        from mlctl.sql import model_versions, registry

        with self._reading() as db:
            return model_versions.get(db, name, registry.alias_version(db, name, alias))

    def registry_history(self, name: str) -> "List[RegistryEvent]":
        """What has happened to a registered model and its versions, in that order."""
        from mlctl.sql import registry

        with self._reading() as db:
            return registry.history(db, name)

    def create_model_version(
        self,
        name: str,
        source: "ModelSource",
        *,
        tags: Sequence[Tuple[str, str]] = (),
        run_link: str = "",
        description: Optional[str] = None,
    ) -> "ModelVersion":
        """Make the next version of a registered model."""
        from mlctl.sql import model_versions

        with self._writing() as db:
            return model_versions.create(db, name, source, tags=tags, run_link=run_link, description=description, user=_user())

    def get_model_version(self, name: str, version: str) -> "ModelVersion":
        """A version; NotFoundError if there is none."""
        from mlctl.sql import model_versions

        with self._reading() as db:
            return model_versions.get(db, name, version)

    def update_model_version(self, name: str, version: str, description: Optional[str]) -> "ModelVersion":
        """Give a version another description."""
        from mlctl.sql import model_versions

        with self._writing() as db:
            return model_versions.update(db, name, version, description, user=_user())

    def transition_model_version(
        self,
        name: str,
        version: str,
        stage: str,
        *,
        archive_existing: bool = False,
        only_from: Optional[str] = None,
        only_over: Optional[str] = None,
    ) -> "ModelVersion":
        """Move a version to a stage, and archive the others there if asked to; ConflictError unless all is where it is said to be."""
        from mlctl.sql import model_versions

        with self._writing() as db:
            return model_versions.transition(
                db, name, version, stage, archive_existing=archive_existing, only_from=only_from, only_over=only_over, user=_user()
            )

    def delete_model_version(self, name: str, version: str) -> None:
        """Delete a version; its number is never given again."""
        from mlctl.sql import model_versions

        with self._writing() as db:
            model_versions.delete(db, name, version, user=_user())

    def search_model_versions(
        self, *, filter_string: str = "", order_by: Sequence[str] = (), max_results: int = 10_000, page_token: Optional[str] = None
    ) -> "Page[ModelVersion]":
        """Versions that a filter finds, the last changed ones first unless another order is asked for."""
        from mlctl.sql import registry_search

        with self._reading() as db:
            return registry_search.versions(
                db, filter_string=filter_string, order_by=order_by, max_results=max_results, page_token=page_token
            )

    def latest_model_versions(self, name: str, stages: Sequence[str] = ()) -> "List[ModelVersion]":
        """The highest version of each stage asked for (of all, if none is named)."""
        from mlctl.sql import model_versions

        with self._reading() as db:
            return model_versions.latest_versions(db, name, stages)

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        """Set a tag of a version."""
        from mlctl.sql import model_versions

        with self._writing() as db:
            model_versions.set_tag(db, name, version, key, value)

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Remove a tag of a version; it may be absent."""
        from mlctl.sql import model_versions

        with self._writing() as db:
            model_versions.delete_tag(db, name, version, key)

    def model_version_location(self, name: str, version: str) -> str:
        """Where the files of a version are."""
        from mlctl.sql import model_versions
        from mlctl.tracking import wire

        with self._reading() as db:
            return wire.folder_of(model_versions.download_uri(db, name, version), self.folder)


def _user() -> str:
    from mlctl.tracking import users

    return users.current()
