"""The protocol that every tracking store follows, and the one function that opens one.

Methods raise `mlctl.errors.NotFoundError`, `ExistsError` and `InvalidValueError` for the caller's mistakes and `StoreError` when the
store itself cannot do its work. Every call that returns has been committed: it survives the end of this process.
"""

from typing import TYPE_CHECKING, Iterator, List, Optional, Protocol, Sequence, Tuple

from mlctl.tracking.entities import (
    ACTIVE_ONLY,
    DatasetInput,
    DatasetSummary,
    Experiment,
    ExperimentTag,
    FileInfo,
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

if TYPE_CHECKING:
    from mlctl.tracking.logged_models import (
        DatasetChoice,
        LoggedModel,
        LoggedModelParameter,
        LoggedModelStatus,
        LoggedModelTag,
        ModelOrder,
    )
    from mlctl.tracking.registry import ModelSource, ModelVersion, RegisteredModel, RegistryEvent


class ExperimentStore(Protocol):
    """Experiments."""

    def create_experiment(self, name: str, *, artifact_location: str = "", tags: Sequence[ExperimentTag] = ()) -> str: ...
    def get_experiment(self, experiment_id: str) -> Experiment: ...
    def get_experiment_by_name(self, name: str) -> Optional[Experiment]: ...
    def search_experiments(
        self,
        *,
        filter_string: str = "",
        order_by: Sequence[str] = (),
        view: str = ACTIVE_ONLY,
        max_results: int = 1000,
        page_token: Optional[str] = None,
    ) -> Page[Experiment]: ...
    def rename_experiment(self, experiment_id: str, new_name: str) -> None: ...
    def delete_experiment(self, experiment_id: str) -> None: ...
    def restore_experiment(self, experiment_id: str) -> None: ...
    def set_experiment_tag(self, experiment_id: str, tag: ExperimentTag) -> None: ...
    def delete_experiment_tag(self, experiment_id: str, key: str) -> None: ...


class RunStore(Protocol):
    """Runs and what is logged to them."""

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
    ) -> Run: ...
    def get_run(self, run_id: str) -> Run: ...
    def run_ids_with_prefix(self, prefix: str, *, limit: int = 10) -> List[str]: ...
    def update_run(
        self, run_id: str, *, status: Optional[str] = None, end_time: Optional[int] = None, run_name: Optional[str] = None
    ) -> RunInfo: ...
    def delete_run(self, run_id: str) -> None: ...
    def restore_run(self, run_id: str) -> None: ...
    def log_batch(
        self, run_id: str, *, metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[RunTag] = ()
    ) -> None: ...
    def delete_tag(self, run_id: str, key: str) -> None: ...
    def log_inputs(self, run_id: str, *, datasets: Sequence[DatasetInput] = (), models: Sequence[LoggedModelInput] = ()) -> None: ...
    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None: ...
    def search_datasets(self, experiment_ids: Sequence[str]) -> List[DatasetSummary]:
        """Datasets of 1 to 20 experiments with the contexts in which runs used them, at most 1000 rows."""
        ...

    def metric_history(
        self, run_id: str, key: str, *, max_results: Optional[int] = None, page_token: Optional[str] = None
    ) -> Page[Metric]: ...
    def search_runs(
        self,
        experiment_ids: Sequence[str],
        *,
        filter_string: str = "",
        order_by: Sequence[str] = (),
        view: str = ACTIVE_ONLY,
        max_results: int = 1000,
        page_token: Optional[str] = None,
    ) -> Page[Run]: ...


class OwnerStore(Protocol):
    """Who answers for an unfinished run. A run without an owner belongs to a client and is never settled by others."""

    def set_owner(self, run_id: str, owner: Owner) -> None: ...
    def heartbeat(self, run_id: str, now_ms: int) -> bool:
        """Say that the owner lives; returns whether somebody asked it to stop."""
        ...

    def request_stop(self, run_id: str) -> Optional[Owner]:
        """Ask a run's owner to end it; returns the owner (None: the run has none)."""
        ...

    def owners(self, run_ids: Optional[Sequence[str]] = None) -> List[Tuple[str, Owner]]:
        """Owners of unfinished runs, of these runs or of all."""
        ...

    def finish_run(
        self, run_id: str, *, status: str, end_time: int, tags: Sequence[RunTag] = (), only_owner: Optional[Owner] = None
    ) -> bool:
        """End an owned run in one transaction: status, end time, tags, no owner any more.

        With ``only_owner`` nothing happens (and False is returned) unless that process still owns the run: two lookers cannot
        settle a run twice, nor one that has been taken over.
        """
        ...


class ArtifactStore(Protocol):
    """The files of one run. Paths start at the run's root, have slashes, and never leave it.

    Methods raise `InvalidValueError` for a path that would leave the root, `NotFoundError` for what is not there and `StoreError` when
    reading or writing fails.
    """

    uri: str

    def put_file(self, local_path: str, artifact_path: Optional[str] = None) -> None:
        """Copy a local file into the folder ``artifact_path``, in place of one of that name: whole or not at all."""
        ...

    def put_folder(self, local_dir: str, artifact_path: Optional[str] = None) -> int:
        """Copy what is in a local folder into the folder ``artifact_path``; returns how many files."""
        ...

    def list(self, path: str = "") -> List[FileInfo]:
        """What a folder holds, by path, without what its sub-folders hold; nothing for a file or what is not there."""
        ...

    def read(self, path: str) -> Iterator[bytes]:
        """A file's content, in pieces."""
        ...

    def download(self, path: str, folder: str) -> str:
        """Copy a file or folder (empty: everything) to the same path below a local folder; returns where it then is."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file or folder."""
        ...


class LoggedModelStore(Protocol):
    """Logged models (MLflow 3): what runs have made, as entities of their own."""

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
        ...

    def get_logged_model(self, model_id: str, *, allow_deleted: bool = False) -> "LoggedModel": ...
    def finalize_logged_model(self, model_id: str, status: "LoggedModelStatus") -> "LoggedModel": ...
    def delete_logged_model(self, model_id: str) -> None: ...
    def set_logged_model_tags(self, model_id: str, tags: "Sequence[LoggedModelTag]") -> None: ...
    def delete_logged_model_tag(self, model_id: str, key: str) -> None: ...
    def log_logged_model_params(self, model_id: str, params: "Sequence[LoggedModelParameter]") -> None: ...
    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        *,
        filter_string: str = "",
        datasets: "Sequence[DatasetChoice]" = (),
        order_by: "Sequence[ModelOrder]" = (),
        max_results: int = 100,
        page_token: Optional[str] = None,
    ) -> "Page[LoggedModel]": ...
    def model_artifacts(self, model: "LoggedModel") -> "ArtifactStore":
        """The files of a logged model."""
        ...


class RegistryStore(Protocol):
    """The model registry: registered models, their versions, stages, aliases, and what has happened to them."""

    def create_registered_model(
        self, name: str, *, tags: Sequence[Tuple[str, str]] = (), description: Optional[str] = None
    ) -> "RegisteredModel": ...
    def get_registered_model(self, name: str) -> "RegisteredModel": ...
    def update_registered_model(self, name: str, description: Optional[str]) -> "RegisteredModel": ...
    def rename_registered_model(self, name: str, new_name: str) -> "RegisteredModel": ...
    def delete_registered_model(self, name: str) -> None: ...
    def search_registered_models(
        self, *, filter_string: str = "", order_by: Sequence[str] = (), max_results: int = 100, page_token: Optional[str] = None
    ) -> "Page[RegisteredModel]": ...
    def set_registered_model_tag(self, name: str, key: str, value: str) -> None: ...
    def delete_registered_model_tag(self, name: str, key: str) -> None: ...
    def set_registered_model_alias(self, name: str, alias: str, version: str, *, only_over: Optional[str] = None) -> None:
        """Point an alias to a version; ConflictError unless it points to ``only_over`` (empty: to none), if that is given."""
        ...

    def delete_registered_model_alias(self, name: str, alias: str) -> None: ...
    def get_model_version_by_alias(self, name: str, alias: str) -> "ModelVersion": ...
    def registry_history(self, name: str) -> "List[RegistryEvent]": ...
    def create_model_version(
        self,
        name: str,
        source: "ModelSource",
        *,
        tags: Sequence[Tuple[str, str]] = (),
        run_link: str = "",
        description: Optional[str] = None,
    ) -> "ModelVersion": ...
    def get_model_version(self, name: str, version: str) -> "ModelVersion": ...
    def update_model_version(self, name: str, version: str, description: Optional[str]) -> "ModelVersion": ...
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
        """Move a version to a stage, and archive the others there if asked to.

        ConflictError unless it is in the stage ``only_from``, and the highest other version in ``stage`` is ``only_over`` (empty: there
        is none), where these are given.
        """
        ...

    def delete_model_version(self, name: str, version: str) -> None: ...
    def search_model_versions(
        self, *, filter_string: str = "", order_by: Sequence[str] = (), max_results: int = 10_000, page_token: Optional[str] = None
    ) -> "Page[ModelVersion]": ...
    def latest_model_versions(self, name: str, stages: Sequence[str] = ()) -> "List[ModelVersion]": ...
    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None: ...
    def delete_model_version_tag(self, name: str, version: str, key: str) -> None: ...
    def model_version_location(self, name: str, version: str) -> str:
        """Where the files of a version are."""
        ...


class TrackingStore(ExperimentStore, RunStore, OwnerStore, LoggedModelStore, RegistryStore, Protocol):
    """All of it."""

    uri: str
    read_only: bool
    shared: bool
    """Whether processes of other machines may use it."""

    def artifact_root(self, run: RunInfo) -> str:
        """Local folder of a run's artifacts (not created by this call); StoreError where they are not on this machine."""
        ...

    def artifacts(self, run: RunInfo) -> ArtifactStore:
        """The files of a run."""
        ...

    def close(self) -> None: ...
