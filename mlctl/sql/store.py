"""The store's protocol over SQL: each method is one transaction around the SQL functions. How to connect is a subclass's business."""

from typing import ContextManager, List, Optional, Sequence, Tuple

from mlctl.sql import experiments as sql_experiments
from mlctl.sql import owners as sql_owners
from mlctl.sql import runs as sql_runs
from mlctl.sql.db import Db
from mlctl.sql.experiments import now_ms
from mlctl.sql.logged_model_store import LoggedModelsInSql
from mlctl.sql.registry_store import RegistryInSql
from mlctl.tracking import validation
from mlctl.tracking.entities import (
    ACTIVE_ONLY,
    DatasetInput,
    DatasetSummary,
    Experiment,
    ExperimentTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Owner,
    Page,
    Param,
    Run,
    RunInfo,
    RunTag,
)
from mlctl.tracking.store import ArtifactStore


class SqlStore(LoggedModelsInSql, RegistryInSql):
    """A tracking store in a database. A subclass says what a transaction is, and in which ``folder`` it keeps artifacts."""

    uri: str
    read_only: bool = False
    shared: bool = False

    def transaction(self) -> ContextManager[Db]:
        """One transaction for many calls of this store in this thread: all of them are committed at its end, or none.

        A call that refuses what it was given (`InvalidValueError` and the like) has written nothing, so the others may go on.

        Raises:
            StoreError: the store cannot be written; what was done in the transaction is undone.
        """
        raise NotImplementedError

    def reading(self) -> ContextManager[Db]:
        """One view of the database for many questions.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._reading()

    def close(self) -> None:
        """Let go of the database."""
        raise NotImplementedError

    def artifact_root(self, run: RunInfo) -> str:
        """Local folder of a run's artifacts (not created by this call).

        Raises:
            StoreError: the experiment's artifacts are not on this machine.
        """
        from mlctl.files.local import local_folder

        return local_folder(run.artifact_uri)

    def artifacts(self, run: RunInfo) -> ArtifactStore:
        """The files of a run.

        Raises:
            StoreError: they are somewhere that mlctl cannot reach.
        """
        from mlctl.files import places

        return places.at(run.artifact_uri)

    def create_experiment(self, name: str, *, artifact_location: str = "", tags: Sequence[ExperimentTag] = ()) -> str:
        """Make an experiment; see `mlctl.sql.experiments.create`."""
        with self._writing() as db:
            return sql_experiments.create(db, name, artifact_location=artifact_location, tags=tags)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """An experiment, active or deleted; NotFoundError if there is none."""
        with self._reading() as db:
            return sql_experiments.get(db, experiment_id)

    def get_experiment_by_name(self, name: str) -> Optional[Experiment]:
        """The experiment of a name, active or deleted."""
        with self._reading() as db:
            return sql_experiments.by_name(db, name)

    def search_experiments(
        self,
        *,
        filter_string: str = "",
        order_by: Sequence[str] = (),
        view: str = ACTIVE_ONLY,
        max_results: int = 1000,
        page_token: Optional[str] = None,
    ) -> Page[Experiment]:
        """Experiments that a filter finds, newest first unless another order is asked for."""
        with self._reading() as db:
            return sql_experiments.search(
                db, filter_string=filter_string, order_by=order_by, view=view, max_results=max_results, page_token=page_token
            )

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an active experiment another name."""
        with self._writing() as db:
            sql_experiments.rename(db, experiment_id, new_name)

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment and all its runs as deleted."""
        with self._writing() as db:
            sql_experiments.delete(db, experiment_id)

    def restore_experiment(self, experiment_id: str) -> None:
        """Undo `delete_experiment`."""
        with self._writing() as db:
            sql_experiments.restore(db, experiment_id)

    def set_experiment_tag(self, experiment_id: str, tag: ExperimentTag) -> None:
        """Set a tag of an experiment."""
        with self._writing() as db:
            sql_experiments.set_tag(db, experiment_id, tag)

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Remove a tag of an experiment."""
        with self._writing() as db:
            sql_experiments.delete_tag(db, experiment_id, key)

    def create_run(
        self,
        experiment_id: str,
        *,
        run_name: str = "",
        user_id: str = "",
        start_time: Optional[int] = None,
        status: str = "RUNNING",
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        owner: Optional[Owner] = None,
    ) -> Run:
        """Make a run; without a start time it starts now, without a name it gets a random one."""
        from mlctl.tracking.run_names import random_run_id

        logged = sql_runs.batch(params=params, tags=tags)
        start_ms = now_ms() if start_time is None else start_time
        with self._writing() as db:
            run = sql_runs.create(
                db,
                experiment_id,
                run_id=random_run_id(),
                run_name=run_name,
                user_id=user_id,
                start_ms=start_ms,
                status=status,
                logged=logged,
            )
            if owner is not None:
                sql_owners.set_owner(db, run.info.run_id, owner)
            return run

    def get_run(self, run_id: str) -> Run:
        """A run, active or deleted; NotFoundError if there is none."""
        with self._reading() as db:
            return self._load(db, [sql_runs.number_of(db, run_id)])[0]

    def _load(self, db: Db, numbers: Sequence[int]) -> List[Run]:
        runs = sql_runs.load(db, numbers)
        if not sql_runs.any_links(db):
            return runs
        from mlctl.sql import datasets as sql_datasets

        return sql_datasets.completed(db, numbers, runs)

    def run_ids_with_prefix(self, prefix: str, *, limit: int = 10) -> List[str]:
        """Ids that start with a text, active or deleted."""
        with self._reading() as db:
            return sql_runs.with_prefix(db, prefix, limit)

    def update_run(
        self, run_id: str, *, status: Optional[str] = None, end_time: Optional[int] = None, run_name: Optional[str] = None
    ) -> RunInfo:
        """Change what is given of an active run."""
        with self._writing() as db:
            return sql_runs.update(db, run_id, status=status, end_ms=end_time, run_name=run_name)

    def delete_run(self, run_id: str) -> None:
        """Mark a run as deleted."""
        with self._writing() as db:
            sql_runs.set_deleted(db, run_id, deleted=True)

    def restore_run(self, run_id: str) -> None:
        """Undo `delete_run`."""
        with self._writing() as db:
            sql_runs.set_deleted(db, run_id, deleted=False)

    def log_batch(self, run_id: str, *, metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[RunTag] = ()) -> None:
        """Log to an active run: all of it, or nothing and an error."""
        logged = sql_runs.batch(metrics=metrics, params=params, tags=tags)
        with self._writing() as db:
            sql_runs.log(db, run_id, logged)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag of an active run."""
        with self._writing() as db:
            sql_runs.delete_tag(db, run_id, key)

    def log_inputs(self, run_id: str, *, datasets: Sequence[DatasetInput] = (), models: Sequence[LoggedModelInput] = ()) -> None:
        """Link datasets and models to an active run as its inputs; see `mlctl.sql.datasets.log_inputs`."""
        from mlctl.sql import datasets as sql_datasets

        with self._writing() as db:
            sql_datasets.log_inputs(db, run_id, datasets=datasets, models=models)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Link models to an active run as its outputs."""
        from mlctl.sql import datasets as sql_datasets

        with self._writing() as db:
            sql_datasets.log_outputs(db, run_id, models)

    def search_datasets(self, experiment_ids: Sequence[str]) -> List[DatasetSummary]:
        """Datasets of some experiments, and the contexts in which runs used them."""
        from mlctl.sql import datasets as sql_datasets

        with self._reading() as db:
            return sql_datasets.search_datasets(db, experiment_ids)

    def metric_history(self, run_id: str, key: str, *, max_results: Optional[int] = None, page_token: Optional[str] = None) -> Page[Metric]:
        """Points of a metric by timestamp, step and value; nothing for a run or key that is not known."""
        from mlctl.sql import history as sql_history

        with self._reading() as db:
            return sql_history.history(db, run_id, key, max_results=max_results, page_token=page_token)

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        *,
        filter_string: str = "",
        order_by: Sequence[str] = (),
        view: str = ACTIVE_ONLY,
        max_results: int = 1000,
        page_token: Optional[str] = None,
    ) -> Page[Run]:
        """Runs of some experiments that a filter finds, newest first unless another order is asked for."""
        from mlctl.sql.search import RunSearch

        size, offset = validation.page_size(max_results), validation.page_offset(page_token)
        numbers = [validation.experiment_id(text) for text in experiment_ids]
        stage = validation.view(view)
        with self._reading() as db:
            search = RunSearch(db, experiment_ids=numbers, filter_string=filter_string, order_by=order_by, view=stage)
            found = search.page(limit=size + 1, offset=offset)
            token = validation.page_token(offset + size) if len(found) > size else None
            return Page(self._load(db, found[:size]), token)

    def count_runs(self, experiment_ids: Sequence[str], *, filter_string: str = "", view: str = ACTIVE_ONLY) -> int:
        """How many runs of some experiments a filter finds."""
        from mlctl.sql.search import RunSearch

        numbers = [validation.experiment_id(text) for text in experiment_ids]
        stage = validation.view(view)
        with self._reading() as db:
            return RunSearch(db, experiment_ids=numbers, filter_string=filter_string, order_by=(), view=stage).count()

    def set_owner(self, run_id: str, owner: Owner) -> None:
        """Make a process the owner of a run."""
        with self._writing() as db:
            sql_owners.set_owner(db, run_id, owner)

    def heartbeat(self, run_id: str, now_ms: int) -> bool:
        """Say that the owner lives; returns whether somebody asked it to stop."""
        with self._writing() as db:
            return sql_owners.heartbeat(db, run_id, now_ms)

    def request_stop(self, run_id: str) -> Optional[Owner]:
        """Ask a run's owner to end it; returns the owner."""
        with self._writing() as db:
            return sql_owners.request_stop(db, run_id)

    def owners(self, run_ids: Optional[Sequence[str]] = None) -> List[Tuple[str, Owner]]:
        """Owners of unfinished runs."""
        with self._reading() as db:
            return sql_owners.owners(db, run_ids)

    def finish_run(
        self, run_id: str, *, status: str, end_time: int, tags: Sequence[RunTag] = (), only_owner: Optional[Owner] = None
    ) -> bool:
        """End an owned run in one transaction; see the protocol."""
        logged = sql_runs.batch(tags=tags)
        with self._writing() as db:
            return sql_owners.finish(db, run_id, status=status, end_ms=end_time, tags=logged.tags, only_owner=only_owner)
