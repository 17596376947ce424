"""The model registry of a server. Compare-and-set of stages and the history are asked for at routes of mlctl's own."""

from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple

from mlctl.errors import InvalidValueError
from mlctl.remote.errors import NoRouteError
from mlctl.remote.transport import Json, Transport
from mlctl.tracking import wire
from mlctl.tracking.entities import Page

if TYPE_CHECKING:
    from mlctl.tracking.registry import ModelSource, ModelVersion, RegisteredModel, RegistryEvent

_API = "/api/2.0/mlflow/"
_OWN = "/api/2.0/mlctl/"


class RegistryOfServer:
    """The part of the store's protocol that is about the registry."""

    transport: Transport
    uri: str

    def _read(self, name: str, *query: Tuple[str, Any]) -> Json:
        return self.transport.get(_API + name, query)

    def _write(self, name: str, fields: Json, *, method: str = "POST", repeatable: bool = True) -> Json:
        return self.transport.send(method, _API + name, fields, repeatable=repeatable)

    def create_registered_model(
        self, name: str, *, tags: Sequence[Tuple[str, str]] = (), description: Optional[str] = None
    ) -> "RegisteredModel":
        """Make a registered model."""
        fields: Json = {"name": _named(name), "tags": _tags(tags), **_described(description), **_user()}
        return wire.registered_model_from(self._write("registered-models/create", fields, repeatable=False)["registered_model"])

    def get_registered_model(self, name: str) -> "RegisteredModel":
        """A registered model; NotFoundError if there is none."""
        return wire.registered_model_from(self._read("registered-models/get", ("name", _named(name)))["registered_model"])

    def update_registered_model(self, name: str, description: Optional[str]) -> "RegisteredModel":
        """Give a registered model another description."""
        fields = {"name": _named(name), **_described(description), **_user()}
        return wire.registered_model_from(self._write("registered-models/update", fields, method="PATCH")["registered_model"])

    def rename_registered_model(self, name: str, new_name: str) -> "RegisteredModel":
        """Give a registered model another name."""
        fields = {"name": _named(name), "new_name": _named(new_name), **_user()}
        return wire.registered_model_from(self._write("registered-models/rename", fields, repeatable=False)["registered_model"])

    def delete_registered_model(self, name: str) -> None:
        """Remove a registered model with its versions, for good."""
        self._write("registered-models/delete", {"name": _named(name)}, method="DELETE", repeatable=False)

    def search_registered_models(
        self, *, filter_string: str = "", order_by: Sequence[str] = (), max_results: int = 100, page_token: Optional[str] = None
    ) -> "Page[RegisteredModel]":
        """Registered models that a filter finds, by name unless another order is asked for."""
        from mlctl.tracking import registry

        size = registry.page_size(max_results, most=registry.MODELS_A_PAGE)
        found = self._read("registered-models/search", *_search(filter_string, order_by, size, page_token))
        return Page([wire.registered_model_from(item) for item in found.get("registered_models", [])], found.get("next_page_token") or None)

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        """Set a tag of a registered model."""
        self._write("registered-models/set-tag", {"name": _named(name), **_tags([(key, value)])[0]})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Remove a tag of a registered model; it may be absent."""
        self._write("registered-models/delete-tag", {"name": _named(name), "key": key}, method="DELETE")

    def set_registered_model_alias(self, name: str, alias: str, version: str, *, only_over: Optional[str] = None) -> None:
        """Point an alias to a version; only a server of mlctl's can make sure that it points to ``only_over``.

        Raises:
            ConflictError: it points elsewhere.
            NoRouteError: the server cannot make sure of that.
        """
        from mlctl.tracking import registry

        fields: Json = {"name": _named(name), "alias": registry.alias(alias), "version": _numbered(version), **_user()}
        if only_over is None:
            self._write("registered-models/alias", fields)
        else:
            self._exchange("registered-models/alias", {**fields, "only_over": only_over})

    def _exchange(self, name: str, fields: Json) -> Json:
        """Change something only if it is what it was."""
        try:
            return self.transport.send("POST", _OWN + name, fields, repeatable=False)
        except NoRouteError:
            raise NoRouteError(f"{self.uri} is not mlctl's server and cannot promote a version in one step.") from None

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Remove an alias; it may be absent."""
        self._write("registered-models/alias", {"name": _named(name), "alias": alias, **_user()}, method="DELETE")

    def get_model_version_by_alias(self, name: str, alias: str) -> "ModelVersion":
        """The version to which an alias points; ``latest`` is the highest."""
        return wire.model_version_from(self._read("registered-models/alias", ("name", _named(name)), ("alias", alias))["model_version"])

    def registry_history(self, name: str) -> "List[RegistryEvent]":
        """What has happened to a registered model and its versions, in that order.

        Raises:
            InvalidValueError: the server keeps no history.
        """
        try:
            found = self.transport.get(_OWN + "registered-models/history", [("name", _named(name))])
        except NoRouteError:
            raise InvalidValueError(f"{self.uri} is not mlctl's server and keeps no history of models.") from None
        return [wire.registry_event_from(item) for item in found.get("events", [])]

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
        fields: Json = {"name": _named(name), "source": source.source, "tags": _tags(tags), **_described(description), **_user()}
        fields.update(
            {key: value for key, value in (("run_id", source.run_id), ("model_id", source.model_id), ("run_link", run_link)) if value}
        )
        return wire.model_version_from(self._write("model-versions/create", fields, repeatable=False)["model_version"])

    def get_model_version(self, name: str, version: str) -> "ModelVersion":
        """A version; NotFoundError if there is none."""
        found = self._read("model-versions/get", ("name", _named(name)), ("version", _numbered(version)))
        return wire.model_version_from(found["model_version"])

    def update_model_version(self, name: str, version: str, description: Optional[str]) -> "ModelVersion":
        """Give a version another description."""
        fields = {**_version(name, version), **_described(description), **_user()}
        return wire.model_version_from(self._write("model-versions/update", fields, method="PATCH")["model_version"])

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
        """Move a version to a stage; only a server of mlctl's can make sure of where it is, and which one it replaces.

        Raises:
            ConflictError: it is elsewhere, or another one is there.
            NoRouteError: the server cannot make sure of that.
        """
        from mlctl.tracking import registry

        fields: Json = {**_version(name, version), "stage": registry.stage(stage), "archive_existing_versions": archive_existing, **_user()}
        if only_from is None and only_over is None:
            return wire.model_version_from(self._write("model-versions/transition-stage", fields)["model_version"])
        if only_from is not None:
            fields["only_from"] = registry.stage(only_from)
        if only_over is not None:
            fields["only_over"] = only_over
        return wire.model_version_from(self._exchange("model-versions/transition-stage", fields)["model_version"])

    def delete_model_version(self, name: str, version: str) -> None:
        """Delete a version; its number is never given again."""
        self._write("model-versions/delete", {**_version(name, version), **_user()}, method="DELETE", repeatable=False)

    def search_model_versions(
        self, *, filter_string: str = "", order_by: Sequence[str] = (), max_results: int = 10_000, page_token: Optional[str] = None
    ) -> "Page[ModelVersion]":
        """Versions that a filter finds, the last changed ones first unless another order is asked for."""
        from mlctl.tracking import registry

        size = registry.page_size(max_results, most=registry.VERSIONS_A_PAGE)
        found = self._read("model-versions/search", *_search(filter_string, order_by, size, page_token))
        return Page([wire.model_version_from(item) for item in found.get("model_versions", [])], found.get("next_page_token") or None)

    def latest_model_versions(self, name: str, stages: Sequence[str] = ()) -> "List[ModelVersion]":
        """The highest version of each stage asked for (of all, if none is named)."""
        from mlctl.tracking import registry

        fields = {"name": _named(name), "stages": [registry.stage(stage) for stage in stages]}
        found = self._write("registered-models/get-latest-versions", fields)
        return [wire.model_version_from(item) for item in found.get("model_versions", [])]

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        """Set a tag of a version."""
        self._write("model-versions/set-tag", {**_version(name, version), **_tags([(key, value)])[0]})

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Remove a tag of a version; it may be absent."""
        self._write("model-versions/delete-tag", {**_version(name, version), "key": key}, method="DELETE")

    def model_version_location(self, name: str, version: str) -> str:
        """Where the files of a version are."""
        found = self._read("model-versions/get-download-uri", ("name", _named(name)), ("version", _numbered(version)))
        return str(found.get("artifact_uri", ""))


def _named(name: str) -> str:
    from mlctl.tracking import registry

    return registry.model_name(name)


def _numbered(version: Any) -> str:
    from mlctl.tracking import registry

    return str(registry.version_number(version))


def _version(name: str, version: Any) -> Json:
    return {"name": _named(name), "version": _numbered(version)}


def _tags(given: Sequence[Tuple[str, str]]) -> "list[Json]":
    from mlctl.tracking import registry

    return wire.pairs(dict([registry.tag(key, value) for key, value in given]))


def _described(description: Optional[str]) -> Json:
    return {} if description is None else {"description": description}


def _user() -> Json:
    """Who asks, for the history; a server of MLflow's passes over it."""
    from mlctl.tracking import users

    return {"user": users.current()}


def _search(filter_string: str, order_by: Sequence[str], size: int, page_token: Optional[str]) -> "list[Tuple[str, Any]]":
    query: list[Tuple[str, Any]] = [("filter", filter_string)] if filter_string else []
    query += [("max_results", size), *(("order_by", item) for item in order_by)]
    return query + ([("page_token", page_token)] if page_token else [])
