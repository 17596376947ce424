"""What the client does with logged models, with MLflow's names and arguments; the entities are imported when they are needed."""

import os
from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Union

from mlctl.errors import InvalidValueError
from mlctl.tracking.entities import FileInfo, Page
from mlctl.tracking.store import TrackingStore

if TYPE_CHECKING:
    from mlctl.tracking.logged_models import LoggedModel, LoggedModelStatus

_PAGE = 100
Path = Union[str, "os.PathLike[str]"]


class LoggedModelsOfClient:
    """The part of the client that is about logged models.

    Its methods raise `NotFoundError` for a model that is not there, and `InvalidValueError` for what is not acceptable.
    """

    store: TrackingStore

    def create_logged_model(
        self,
        experiment_id: str,
        name: Optional[str] = None,
        source_run_id: Optional[str] = None,
        tags: Optional[Mapping[str, Any]] = None,
        params: Optional[Mapping[str, Any]] = None,
        model_type: Optional[str] = None,
    ) -> "LoggedModel":
        """Make a logged model, which is PENDING; without a name it gets a random one."""
        from mlctl.tracking import logged_models

        return self.store.create_logged_model(
            str(experiment_id),
            name=logged_models.checked_name(name) if name is not None else "",
            source_run_id=source_run_id or "",
            model_type=model_type or "",
            params=[logged_models.LoggedModelParameter(key, str(value)) for key, value in (params or {}).items()],
            tags=[logged_models.LoggedModelTag(key, str(value)) for key, value in (tags or {}).items()],
        )

    def log_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        """Add params to a logged model; each is written once."""
        from mlctl.tracking.logged_models import LoggedModelParameter

        pairs = [LoggedModelParameter(key, str(value)) for key, value in params.items()]
        self.store.log_logged_model_params(_given(model_id), pairs)

    def finalize_logged_model(self, model_id: str, status: "Union[str, LoggedModelStatus]") -> "LoggedModel":
        """Say that a model is READY or FAILED."""
        from mlctl.tracking import logged_models

        return self.store.finalize_logged_model(_given(model_id), logged_models.status(status))

    def get_logged_model(self, model_id: str) -> "LoggedModel":
        """A logged model that is not deleted."""
        return self.store.get_logged_model(_given(model_id))

    def delete_logged_model(self, model_id: str) -> None:
        """Mark a logged model as deleted."""
        self.store.delete_logged_model(_given(model_id))

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of a logged model; their texts are kept."""
        from mlctl.tracking.logged_models import LoggedModelTag

        self.store.set_logged_model_tags(_given(model_id), [LoggedModelTag(key, str(value)) for key, value in tags.items()])

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Remove a tag of a logged model."""
        self.store.delete_logged_model_tag(_given(model_id), key)

    def search_logged_models(
        self,
        experiment_ids: List[str],
        filter_string: Optional[str] = None,
        datasets: Optional[List[Mapping[str, str]]] = None,
        max_results: Optional[int] = None,
        order_by: Optional[List[Mapping[str, Any]]] = None,
        page_token: Optional[str] = None,
    ) -> "Page[LoggedModel]":
        """Logged models that a filter finds, newest first unless another order is asked for; ``.token`` leads to the next page.

        ``datasets`` are ``{"dataset_name": …, "dataset_digest": …}`` whose points metrics are compared by, ``order_by`` items are
        ``{"field_name": "metrics.KEY", "ascending": …, "dataset_name": …}``.
        """
        from mlctl.tracking import logged_models

        return self.store.search_logged_models(
            [str(item) for item in experiment_ids],
            filter_string=filter_string or "",
            datasets=logged_models.dataset_choices(datasets),
            order_by=logged_models.orders(order_by),
            max_results=max_results or _PAGE,
            page_token=page_token,
        )

    def log_model_artifact(self, model_id: str, local_path: Path, artifact_path: Optional[str] = None) -> None:
        """Keep a file with a logged model, in the folder ``artifact_path`` of its files."""
        self.store.model_artifacts(self.get_logged_model(model_id)).put_file(os.fspath(local_path), artifact_path)

    def log_model_artifacts(self, model_id: str, local_dir: Path, artifact_path: Optional[str] = None) -> None:
        """Keep what is in a folder with a logged model, in the folder ``artifact_path`` of its files."""
        self.store.model_artifacts(self.get_logged_model(model_id)).put_folder(os.fspath(local_dir), artifact_path)

    def list_logged_model_artifacts(self, model_id: str, path: Optional[str] = None) -> List[FileInfo]:
        """What a folder of a logged model's files holds."""
        return self.store.model_artifacts(self.get_logged_model(model_id)).list(path or "")


def _given(model_id: Any) -> str:
    if not model_id or not isinstance(model_id, str):
        raise InvalidValueError(f"The model id is {model_id!r}.", hint="A model id is a text such as m-0123456789abcdef0123456789abcdef.")
    return model_id
