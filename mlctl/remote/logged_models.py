"""Logged models of a server; what is sent is checked here, as an embedded store checks it."""

from typing import TYPE_CHECKING, Any, Optional, Sequence

from mlctl.remote.transport import Json, Transport
from mlctl.tracking import validation, wire
from mlctl.tracking.entities import Page
from mlctl.tracking.store import ArtifactStore

if TYPE_CHECKING:
    from mlctl.tracking.logged_models import (
        DatasetChoice,
        LoggedModel,
        LoggedModelParameter,
        LoggedModelStatus,
        LoggedModelTag,
        ModelOrder,
    )

_ROOT = "/api/2.0/mlflow/logged-models"


class LoggedModelsOfServer:
    """The part of the store's protocol that is about logged models."""

    transport: Transport

    def create_logged_model(
        self,
        experiment_id: str,
        *,
        name: str = "",
        source_run_id: str = "",
        model_type: str = "",
        params: "Sequence[LoggedModelParameter]" = (),
        tags: "Sequence[LoggedModelTag]" = (),
    ) -> "LoggedModel":
        """Make a model, which is PENDING; without a name it gets a random one. What params a request does not take follow it."""
        from mlctl.tracking import logged_models

        validation.experiment_id(experiment_id)
        pairs, most = _params(params), logged_models.PARAMS_A_REQUEST
        fields: Json = {"experiment_id": experiment_id, "params": pairs[:most], "tags": _tags(tags)}
        for key, value in (("name", name), ("source_run_id", source_run_id), ("model_type", model_type)):
            if value:
                fields[key] = value
        made = wire.logged_model_from(self.transport.post(_ROOT, fields, repeatable=False)["model"])
        if len(pairs) <= most:
            return made
        self._add_params(made.model_id, pairs[most:])
        return self.get_logged_model(made.model_id)

    def get_logged_model(self, model_id: str, *, allow_deleted: bool = False) -> "LoggedModel":
        """A logged model; NotFoundError if there is none."""
        query = [("allow_deleted", "true")] if allow_deleted else []
        return wire.logged_model_from(self.transport.get(_path(model_id), query)["model"])

    def finalize_logged_model(self, model_id: str, status: "LoggedModelStatus") -> "LoggedModel":
        """Give a logged model another status."""
        from mlctl.tracking.logged_models import WIRE_NAMES

        fields = {"model_id": model_id, "status": WIRE_NAMES[status]}
        return wire.logged_model_from(self.transport.send("PATCH", _path(model_id), fields)["model"])

    def delete_logged_model(self, model_id: str) -> None:
        """Mark a logged model as deleted."""
        self.transport.send("DELETE", _path(model_id), {"model_id": model_id})

    def set_logged_model_tags(self, model_id: str, tags: "Sequence[LoggedModelTag]") -> None:
        """Set tags of a logged model."""
        self.transport.send("PATCH", _path(model_id, "tags"), {"model_id": model_id, "tags": _tags(tags)})

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Remove a tag of a logged model."""
        fields = {"model_id": model_id, "tag_key": key}
        self.transport.send("DELETE", _path(model_id, "tags", key), fields, repeatable=False)

    def log_logged_model_params(self, model_id: str, params: "Sequence[LoggedModelParameter]") -> None:
        """Add params to a logged model."""
        self._add_params(model_id, _params(params))

    def _add_params(self, model_id: str, pairs: Sequence[Json]) -> None:
        from mlctl.tracking.logged_models import PARAMS_A_REQUEST

        for start in range(0, len(pairs), PARAMS_A_REQUEST):
            fields = {"model_id": model_id, "params": list(pairs[start : start + PARAMS_A_REQUEST])}
            self.transport.post(_path(model_id, "params"), fields, repeatable=False)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        *,
        filter_string: str = "",
        datasets: "Sequence[DatasetChoice]" = (),
        order_by: "Sequence[ModelOrder]" = (),
        max_results: int = 100,
        page_token: Optional[str] = None,
    ) -> "Page[LoggedModel]":
        """Logged models of some experiments that a filter finds."""
        for experiment_id in experiment_ids:
            validation.experiment_id(experiment_id)
        if not experiment_ids:
            return Page()
        fields: Json = {
            "experiment_ids": list(experiment_ids),
            "filter": filter_string,
            "datasets": [_dataset(item) for item in datasets],
            "order_by": [
                {"field_name": item.field, "ascending": item.ascending, **(_dataset(item.dataset) if item.dataset else {})}
                for item in order_by
            ],
            "max_results": validation.page_size(max_results),
        }
        if page_token:
            fields["page_token"] = page_token
        found = self.transport.post(f"{_ROOT}/search", fields, repeatable=True)
        return Page([wire.logged_model_from(item) for item in found.get("models", [])], found.get("next_page_token") or None)

    def model_artifacts(self, model: "LoggedModel") -> ArtifactStore:
        """The files of a logged model: with the server, or in a local folder.

        Raises:
            StoreError: they are elsewhere.
        """
        from mlctl.remote import artifacts

        return artifacts.at(self.transport, model.artifact_location)


def _path(model_id: str, *more: str) -> str:
    from urllib.parse import quote

    return "/".join((_ROOT, *(quote(part, safe="") for part in (model_id, *more))))


def _params(given: "Sequence[LoggedModelParameter]") -> "list[Json]":
    if len(given) > 1:
        validation.unique_params([item.key for item in given])
    return wire.pairs({item.key: item.value for item in given})


def _tags(given: "Sequence[LoggedModelTag]") -> "list[Json]":
    return wire.pairs({item.key: item.value for item in given})


def _dataset(item: "DatasetChoice") -> "dict[str, Any]":
    return {"dataset_name": item.name, **({"dataset_digest": item.digest} if item.digest else {})}
