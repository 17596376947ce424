"""The part of the store's protocol that is about logged models; its SQL is imported when it is needed."""

from typing import TYPE_CHECKING, Optional, Sequence

from mlctl.sql.db import Database
from mlctl.tracking.store import ArtifactStore

if TYPE_CHECKING:
    from mlctl.tracking.entities import Page
    from mlctl.tracking.logged_models import (
        DatasetChoice,
        LoggedModel,
        LoggedModelParameter,
        LoggedModelStatus,
        LoggedModelTag,
        ModelOrder,
    )


class LoggedModelsInSql(Database):
    """Logged models of a store in a database."""

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
        """Make a model, which is PENDING; without a name it gets a random one."""
        from mlctl.sql import logged_models as sql_logged_models
        from mlctl.tracking import logged_models, run_names

        own_name = logged_models.checked_name(name) if name else run_names.random_name()
        with self._writing() as db:
            return sql_logged_models.create(
                db,
                experiment_id,
                model_id=logged_models.random_model_id(),
                name=own_name,
                model_type=model_type,
                source_run_id=source_run_id,
                params=[(item.key, item.value) for item in params],
                tags=[(item.key, item.value) for item in tags],
            )

    def get_logged_model(self, model_id: str, *, allow_deleted: bool = False) -> "LoggedModel":
        """A logged model; NotFoundError if there is none."""
        from mlctl.sql import logged_models as sql_logged_models

        with self._reading() as db:
            return sql_logged_models.get(db, model_id, allow_deleted=allow_deleted)

    def finalize_logged_model(self, model_id: str, status: "LoggedModelStatus") -> "LoggedModel":
        """Give a logged model another status."""
        from mlctl.sql import logged_models as sql_logged_models

        with self._writing() as db:
            return sql_logged_models.finalize(db, model_id, status)

    def delete_logged_model(self, model_id: str) -> None:
        """Mark a logged model as deleted."""
        from mlctl.sql import logged_models as sql_logged_models

        with self._writing() as db:
            sql_logged_models.delete(db, model_id)

    def set_logged_model_tags(self, model_id: str, tags: "Sequence[LoggedModelTag]") -> None:
        """Set tags of a logged model."""
        from mlctl.sql import logged_models as sql_logged_models

        labels = sql_logged_models.checked_tags([(item.key, item.value) for item in tags])
        with self._writing() as db:
            sql_logged_models.set_tags(db, model_id, labels)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Remove a tag of a logged model."""
        from mlctl.sql import logged_models as sql_logged_models

        with self._writing() as db:
            sql_logged_models.delete_tag(db, model_id, key)

    def log_logged_model_params(self, model_id: str, params: "Sequence[LoggedModelParameter]") -> None:
        """Add params to a logged model."""
        from mlctl.sql import logged_models as sql_logged_models

        pairs = sql_logged_models.checked_params([(item.key, item.value) for item in params])
        with self._writing() as db:
            sql_logged_models.log_params(db, model_id, pairs)

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
        """Logged models of some experiments that a filter finds; see `mlctl.sql.logged_model_search`."""
        from mlctl.sql import logged_model_search

        with self._reading() as db:
            return logged_model_search.search(
                db,
                experiment_ids,
                filter_string=filter_string,
                datasets=datasets,
                order_by=order_by,
                max_results=max_results,
                page_token=page_token,
            )

    def model_artifacts(self, model: "LoggedModel") -> ArtifactStore:
        """The files of a logged model.

        Raises:
            StoreError: they are somewhere that mlctl cannot reach.
        """
        from mlctl.files import places

        return places.at(model.artifact_location)
