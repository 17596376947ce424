"""The layer underneath the fluent functions: every call names its run or experiment, and nothing is active.

`MlflowClient` has MLflow's names, arguments and return types. It is also called `Client` and `MLflowClient`.
"""

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Union

from mlctl.tracking import batches, client_files, client_models, client_registry, codes, current
from mlctl.tracking.entities import (
    PARENT_TAG,
    DatasetInput,
    Experiment,
    ExperimentTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Page,
    Param,
    Run,
    RunTag,
)

if TYPE_CHECKING:
    from mlctl.tracking.store import TrackingStore

_USER_TAG = "mlflow.user"


class MlflowClient(client_files.FilesOfRuns, client_models.LoggedModelsOfClient, client_registry.RegistryOfClient):
    """Reads and writes experiments and runs of one store: the one that an address names, else the one that this process logs to.

    Raises:
        StoreError: the store cannot be used.
    """

    def __init__(self, tracking_uri: Optional[str] = None, registry_uri: Optional[str] = None) -> None:
        self._uri = str(tracking_uri) if tracking_uri else current.get_tracking_uri()
        self._registry_uri = registry_uri
        self.store: TrackingStore = current.store_at(current.absolute(str(tracking_uri))) if tracking_uri else current.current_store()

    @property
    def tracking_uri(self) -> str:
        """The address of the store."""
        return self._uri

    # ── experiments ──────────────────────────────────────────────────────────────────────────────────────────────────

    def create_experiment(self, name: str, artifact_location: Optional[str] = None, tags: Optional[Dict[str, Any]] = None) -> str:
        """Make an experiment; returns its id.

        Raises:
            ExistsError: the name is taken, perhaps by a deleted experiment.
            InvalidValueError: the name or a tag is not acceptable.
        """
        own = [ExperimentTag(key, str(value)) for key, value in batches.with_note(tags or {}).items()]
        return self.store.create_experiment(name, artifact_location=artifact_location or "", tags=own)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """An experiment, active or deleted.

        Raises:
            NotFoundError: there is no such experiment.
        """
        return self.store.get_experiment(str(experiment_id))

    def get_experiment_by_name(self, name: str) -> Optional[Experiment]:
        """The experiment with a name, active or deleted; None if there is none."""
        return self.store.get_experiment_by_name(name)

    def search_experiments(
        self,
        view_type: int = codes.ViewType.ACTIVE_ONLY,
        max_results: Optional[int] = 1000,
        filter_string: Optional[str] = None,
        order_by: Optional[List[str]] = None,
        page_token: Optional[str] = None,
    ) -> "Page[Experiment]":
        """Experiments that a filter finds, newest first unless another order is asked for; ``.token`` leads to the next page."""
        return self.store.search_experiments(
            filter_string=filter_string or "",
            order_by=order_by or (),
            view=codes.view(view_type),
            max_results=1000 if max_results is None else max_results,
            page_token=page_token,
        )

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an active experiment another name."""
        self.store.rename_experiment(str(experiment_id), new_name)

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment and its runs as deleted."""
        self.store.delete_experiment(str(experiment_id))

    def restore_experiment(self, experiment_id: str) -> None:
        """Undo `delete_experiment`."""
        self.store.restore_experiment(str(experiment_id))

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag of an experiment; its text is kept."""
        for name, text in batches.with_note({key: value}).items():
            self.store.set_experiment_tag(str(experiment_id), ExperimentTag(name, str(text)))

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Remove a tag of an experiment."""
        self.store.delete_experiment_tag(str(experiment_id), key)

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def create_run(
        self,
        experiment_id: str,
        start_time: Optional[int] = None,
        tags: Optional[Dict[str, Any]] = None,
        run_name: Optional[str] = None,
    ) -> Run:
        """Make a run that goes on until `set_terminated` ends it; ``start_time`` (ms) is now by default."""
        own = batches.tags(tags or {})
        user = str((tags or {}).get(_USER_TAG, "unknown"))
        return self.store.create_run(
            str(experiment_id), run_name=run_name or "", user_id=user, start_time=start_time or batches.now_ms(), tags=own
        )

    def get_run(self, run_id: str) -> Run:
        """A run, active or deleted.

        Raises:
            NotFoundError: there is no such run.
        """
        return self.store.get_run(run_id)

    def get_parent_run(self, run_id: str) -> Optional[Run]:
        """The run that a nested run belongs to; None if it is not nested."""
        parent = self.store.get_run(run_id).data.tags.get(PARENT_TAG)
        return self.store.get_run(parent) if parent else None

    def search_runs(
        self,
        experiment_ids: Union[str, int, Sequence[Union[str, int]]],
        filter_string: str = "",
        run_view_type: int = codes.ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Optional[List[str]] = None,
        page_token: Optional[str] = None,
    ) -> "Page[Run]":
        """Runs of some experiments that a filter finds, newest first unless another order is asked for; ``.token`` leads on."""
        ids = [experiment_ids] if isinstance(experiment_ids, (str, int)) else experiment_ids
        return self.store.search_runs(
            [str(item) for item in ids],
            filter_string=filter_string or "",
            order_by=order_by or (),
            view=codes.view(run_view_type),
            max_results=max_results,
            page_token=page_token,
        )

    def update_run(self, run_id: str, status: Optional[str] = None, name: Optional[str] = None) -> None:
        """Change the status or the name of a run; the time of its end stays as it is."""
        if status is not None or name is not None:
            self.store.update_run(run_id, status=None if status is None else codes.RunStatus.name_of(status), run_name=name)

    def set_terminated(self, run_id: str, status: Optional[str] = None, end_time: Optional[int] = None) -> None:
        """End a run, as FINISHED and now unless something else is given; ``end_time`` is in ms."""
        found = codes.RunStatus.name_of(status or "FINISHED")
        self.store.update_run(run_id, status=found, end_time=end_time or batches.now_ms())

    def delete_run(self, run_id: str) -> None:
        """Mark a run as deleted."""
        self.store.delete_run(run_id)

    def restore_run(self, run_id: str) -> None:
        """Undo `delete_run`."""
        self.store.restore_run(run_id)

    # ── what is logged ───────────────────────────────────────────────────────────────────────────────────────────────

    def log_param(self, run_id: str, key: str, value: Any, synchronous: Optional[bool] = None) -> Any:
        """Log a param; its text is kept. Returns the value.

        Raises:
            InvalidValueError: the key is not acceptable, or the param has another value already.
        """
        self.store.log_batch(run_id, params=[Param(key, str(value))])
        return batches.Logged() if synchronous is False else value

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: float,
        timestamp: Optional[int] = None,
        step: Optional[int] = None,
        synchronous: Optional[bool] = None,
        dataset_name: Optional[str] = None,
        dataset_digest: Optional[str] = None,
        model_id: Optional[str] = None,
    ) -> Optional[batches.Logged]:
        """Log a point of a metric: ``timestamp`` (ms) is now by default, ``step`` is 0.

        With a ``model_id`` the point is one of that model, too, together with the dataset it was measured on.
        """
        about = batches.about(model_id, dataset_name, dataset_digest)
        self.store.log_batch(run_id, metrics=[batches.metric(key, value, step=step, timestamp=timestamp, about=about)])
        return batches.outcome(synchronous)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: Optional[bool] = None,
    ) -> Optional[batches.Logged]:
        """Log metrics, params and tags: all of them, or none and an error."""
        points = [
            batches.metric(item.key, item.value, step=item.step, timestamp=item.timestamp, about=_about(item) if item.model_id else None)
            for item in metrics
        ]
        own = [RunTag(tag.key, str(tag.value)) for tag in tags]
        self.store.log_batch(run_id, metrics=points, params=[Param(param.key, str(param.value)) for param in params], tags=own)
        return batches.outcome(synchronous)

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: Optional[bool] = None) -> Optional[batches.Logged]:
        """Set a tag; its text is kept."""
        self.store.log_batch(run_id, tags=batches.tags({key: value}))
        return batches.outcome(synchronous)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag.

        Raises:
            NotFoundError: the run has no such tag.
        """
        self.store.delete_tag(run_id, key)

    def get_metric_history(self, run_id: str, key: str) -> "Page[Metric]":
        """Every point of a metric by timestamp, step and value; nothing for a run or metric that is not known."""
        return self.store.metric_history(run_id, key)

    def log_inputs(
        self, run_id: str, datasets: Optional[Sequence[DatasetInput]] = None, models: Optional[Sequence[LoggedModelInput]] = None
    ) -> None:
        """Link datasets and models to a run as what it used."""
        self.store.log_inputs(run_id, datasets=datasets or (), models=models or ())

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Link models to a run as what it made."""
        self.store.log_outputs(run_id, models)


def _about(point: Metric) -> batches.ModelPoint:
    return batches.ModelPoint(point.model_id, point.dataset_name, point.dataset_digest)


Client = MlflowClient
MLflowClient = MlflowClient
