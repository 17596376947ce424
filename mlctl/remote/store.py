"""The tracking store of a server, over MLflow's REST API: that of `mlctl server`, or of `mlflow server`.

What MLflow's API does not have (who answers for a run) is asked for at routes of mlctl's own. A server without them has runs without
owners: such a run is never settled and cannot be stopped through it.
"""

import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from mlctl.errors import ExistsError, InvalidValueError, NotFoundError
from mlctl.remote import requests as checked
from mlctl.remote.errors import NoRouteError
from mlctl.remote.logged_models import LoggedModelsOfServer
from mlctl.remote.registry import RegistryOfServer
from mlctl.remote.transport import Json, Transport
from mlctl.tracking import validation, wire
from mlctl.tracking.entities import (
    ACTIVE_ONLY,
    ALL,
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

API = "/api/2.0/mlflow/"
UI_API = "/ajax-api/2.0/mlflow/"
OWN_API = "/api/2.0/mlctl/"

_RUN_ID_LENGTH = 32
_HISTORY_PAGE = 25000


class HttpStore(LoggedModelsOfServer, RegistryOfServer):
    """The store behind an address; see `mlctl.tracking.store.TrackingStore`. The server is not asked before the first call.

    Threads may share it, and it survives a fork.
    """

    read_only = False
    shared = True

    def __init__(self, address: str) -> None:
        self.transport = Transport(address)
        self.uri = self.transport.server.uri
        self._has_own_routes = True  # until it says that it does not

    def close(self) -> None:
        """Close the connections that are kept."""
        self.transport.close()

    def _get(self, name: str, *query: Tuple[str, Any]) -> Json:
        return self.transport.get(API + name, query)

    def _post(self, name: str, fields: Dict[str, Any], *, repeatable: bool = True) -> Json:
        return self.transport.post(API + name, fields, repeatable=repeatable)

    # ── experiments ──────────────────────────────────────────────────────────────────────────────────────────────────

    def create_experiment(self, name: str, *, artifact_location: str = "", tags: Sequence[ExperimentTag] = ()) -> str:
        """Make an experiment; returns its id."""
        fields = {"name": validation.experiment_name(name), "tags": checked.experiment_tags(tags)}
        if artifact_location:
            fields["artifact_location"] = artifact_location
        return str(self._post("experiments/create", fields, repeatable=False)["experiment_id"])

    def get_experiment(self, experiment_id: str) -> Experiment:
        """An experiment, active or deleted."""
        validation.experiment_id(experiment_id)
        return wire.experiment_from(self._get("experiments/get", ("experiment_id", experiment_id))["experiment"])

    def get_experiment_by_name(self, name: str) -> Optional[Experiment]:
        """The experiment of a name, active or deleted."""
        if not name:
            return None
        try:
            return wire.experiment_from(self._get("experiments/get-by-name", ("experiment_name", name))["experiment"])
        except NotFoundError:
            return None

    def search_experiments(
        self,
        *,
        filter_string: str = "",
        order_by: Sequence[str] = (),
        view: str = ACTIVE_ONLY,
        max_results: int = 1000,
        page_token: Optional[str] = None,
    ) -> Page[Experiment]:
        """Experiments that a filter finds."""
        fields = checked.search(filter_string, order_by=order_by, max_results=max_results, page_token=page_token)
        found = self._post("experiments/search", {**fields, "view_type": validation.view(view)})
        return Page([wire.experiment_from(item) for item in found.get("experiments", [])], found.get("next_page_token") or None)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an active experiment another name."""
        validation.experiment_id(experiment_id)
        try:
            self._post("experiments/update", {"experiment_id": experiment_id, "new_name": validation.experiment_name(new_name)})
        except InvalidValueError as error:  # MLflow's servers do not say that a name is taken
            other = self.get_experiment_by_name(new_name)
            if other is None or other.experiment_id == experiment_id:
                raise
            raise ExistsError(error.message, hint=error.hint) from None

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment and all its runs as deleted."""
        self._of_experiment("experiments/delete", experiment_id)

    def restore_experiment(self, experiment_id: str) -> None:
        """Undo `delete_experiment`."""
        self._of_experiment("experiments/restore", experiment_id)

    def set_experiment_tag(self, experiment_id: str, tag: ExperimentTag) -> None:
        """Set a tag of an experiment."""
        key, value = validation.experiment_tag(tag.key, tag.value)
        self._of_experiment("experiments/set-experiment-tag", experiment_id, repeatable=True, key=key, value=value)

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Remove a tag of an experiment."""
        self._of_experiment("experiments/delete-experiment-tag", experiment_id, key=key)

    def _of_experiment(self, name: str, experiment_id: str, *, repeatable: bool = False, **fields: Any) -> None:
        validation.experiment_id(experiment_id)
        self._post(name, {"experiment_id": experiment_id, **fields}, repeatable=repeatable)

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

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
        validation.experiment_id(experiment_id)
        validation.status(status)
        start_ms = int(time.time() * 1000) if start_time is None else validation.milliseconds(start_time, what="start time")
        fields: Json = {"experiment_id": experiment_id, "run_name": run_name, "user_id": user_id, "start_time": start_ms}
        fields["tags"] = checked.tags(tags)
        pairs = checked.params(params)
        own = {**fields, "run_id": _random_run_id(), "status": status, "params": pairs}
        if owner is not None:
            own["owner"] = checked.owner(owner)
        found = self._own("runs/create", own)
        return wire.run_from(found["run"]) if found is not None else self._create_plainly(fields, status=status, params=pairs)

    def _create_plainly(self, fields: Json, *, status: str, params: List[Json]) -> Run:
        """Make a run as MLflow's clients do, in as many requests as it takes."""
        run_id = str(self._post("runs/create", fields, repeatable=False)["run"]["info"]["run_id"])
        if params:
            self._log(run_id, [], params, [])
        if status != "RUNNING":
            self._post("runs/update", {"run_id": run_id, "status": status})
        return self.get_run(run_id)

    def get_run(self, run_id: str) -> Run:
        """A run, active or deleted."""
        if not run_id:
            raise NotFoundError("There is no run without an id.")
        return wire.run_from(self._get("runs/get", ("run_id", run_id))["run"])

    def run_ids_with_prefix(self, prefix: str, *, limit: int = 10) -> List[str]:
        """Ids that start with a text, active or deleted, in order."""
        if len(prefix) >= _RUN_ID_LENGTH:
            try:
                return [self.get_run(prefix).info.run_id]
            except (NotFoundError, InvalidValueError):
                return []
        if not all(character.isalnum() or character in "_-" for character in prefix):
            return []
        experiments = [item.experiment_id for item in self.search_experiments(view=ALL, max_results=validation.PAGE_SIZE)]
        condition = f"attributes.run_id LIKE '{prefix}%'"
        found = self.search_runs(experiments, filter_string=condition, order_by=["attributes.run_id"], view=ALL, max_results=limit)
        return [run.info.run_id for run in found if run.info.run_id.startswith(prefix)]

    def update_run(
        self, run_id: str, *, status: Optional[str] = None, end_time: Optional[int] = None, run_name: Optional[str] = None
    ) -> RunInfo:
        """Change what is given of an active run."""
        fields: Json = {"run_id": run_id}
        if status is not None:
            validation.status(status)
            fields["status"] = status
        if end_time is not None:
            fields["end_time"] = validation.milliseconds(end_time, what="end time")
        if run_name:
            fields["run_name"] = run_name
        return wire.run_info_from(self._post("runs/update", fields)["run_info"])

    def delete_run(self, run_id: str) -> None:
        """Mark a run as deleted."""
        self._post("runs/delete", {"run_id": run_id})

    def restore_run(self, run_id: str) -> None:
        """Undo `delete_run`."""
        self._post("runs/restore", {"run_id": run_id})

    def log_batch(self, run_id: str, *, metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[RunTag] = ()) -> None:
        """Log to an active run.

        What MLflow's limits on a batch allow (1000 items, of them 100 params and 100 tags) is logged in one request: all of it or
        nothing. More is sent in several, params first.
        """
        self._log(run_id, checked.metrics(metrics), checked.params(params), checked.tags(tags))

    def _log(self, run_id: str, metrics: List[Json], params: List[Json], tags: List[Json]) -> None:
        for portion in checked.portions(metrics, params, tags):
            self._post("runs/log-batch", {"run_id": run_id, **portion})

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag of an active run."""
        if not key:
            raise NotFoundError(f"The run {run_id} has no tag without a name.")
        self._post("runs/delete-tag", {"run_id": run_id, "key": key}, repeatable=False)

    def log_inputs(self, run_id: str, *, datasets: Sequence[DatasetInput] = (), models: Sequence[LoggedModelInput] = ()) -> None:
        """Link datasets and models to an active run as its inputs."""
        fields = {"run_id": run_id, "datasets": checked.datasets(datasets), "models": checked.model_inputs(models)}
        self._post("runs/log-inputs", fields)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Link models to an active run as its outputs."""
        self._post("runs/outputs", {"run_id": run_id, "models": checked.model_outputs(models)}, repeatable=False)

    def search_datasets(self, experiment_ids: Sequence[str]) -> List[DatasetSummary]:
        """Datasets of some experiments, and the contexts in which runs used them."""
        for experiment_id in experiment_ids:
            validation.experiment_id(experiment_id)
        fields = {"experiment_ids": list(experiment_ids)}
        found = self.transport.post(UI_API + "experiments/search-datasets", fields, repeatable=True)
        return [wire.dataset_summary_from(item) for item in found.get("dataset_summaries", [])]

    def metric_history(self, run_id: str, key: str, *, max_results: Optional[int] = None, page_token: Optional[str] = None) -> Page[Metric]:
        """Points of a metric by timestamp, step and value; nothing for a run or key that is not known."""
        if max_results is not None:
            return self._history_page(run_id, key, max_results, page_token)
        points: List[Metric] = []
        token = page_token
        while True:
            page = self._history_page(run_id, key, _HISTORY_PAGE, token)
            points += page
            token = page.token
            if token is None:
                return Page(points)

    def _history_page(self, run_id: str, key: str, size: int, token: Optional[str]) -> Page[Metric]:
        if type(size) is not int or size < 1:
            raise InvalidValueError(f"max_results is {size!r}; it must be an integer of at least 1.")
        query: List[Tuple[str, Any]] = [("run_id", run_id), ("metric_key", key), ("max_results", size)]
        found = self._get("metrics/get-history", *query, *([("page_token", token)] if token else []))
        return Page([wire.metric_from(item) for item in found.get("metrics", [])], found.get("next_page_token") or None)

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
        """Runs of some experiments that a filter finds."""
        for experiment_id in experiment_ids:
            validation.experiment_id(experiment_id)
        fields = checked.search(filter_string, order_by=order_by, max_results=max_results, page_token=page_token)
        found = self._post("runs/search", {**fields, "experiment_ids": list(experiment_ids), "run_view_type": validation.view(view)})
        return Page([wire.run_from(item) for item in found.get("runs", [])], found.get("next_page_token") or None)

    # ── owners ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _own(self, name: str, fields: Json, *, repeatable: bool = True) -> Optional[Json]:
        """The answer of a route of mlctl's own; None where the server has none."""
        if self._has_own_routes:
            try:
                return self.transport.post(OWN_API + name, fields, repeatable=repeatable)
            except NoRouteError:
                self._has_own_routes = False
        return None

    def set_owner(self, run_id: str, owner: Owner) -> None:
        """Make a process the owner of a run; without effect where the server keeps no owners."""
        self._own("runs/set-owner", {"run_id": run_id, "owner": checked.owner(owner)})

    def heartbeat(self, run_id: str, now_ms: int) -> bool:
        """Say that the owner lives; returns whether somebody asked it to stop."""
        found = self._own("runs/heartbeat", {"run_id": run_id, "now_ms": now_ms})
        return bool(found and found.get("stop_requested"))

    def request_stop(self, run_id: str) -> Optional[Owner]:
        """Ask a run's owner to end it; returns the owner.

        Raises:
            InvalidValueError: the server keeps no owners.
        """
        found = self._own("runs/request-stop", {"run_id": run_id})
        if found is None:
            raise InvalidValueError(
                f"Run {run_id[:8]} cannot be stopped through {self.uri}, which is not mlctl's server and keeps no owners of runs.",
                hint="Press Ctrl-C where it was started.",
            )
        return wire.owner_from(found["owner"]) if "owner" in found else None

    def owners(self, run_ids: Optional[Sequence[str]] = None) -> List[Tuple[str, Owner]]:
        """Owners of unfinished runs."""
        found = self._own("runs/owners", {} if run_ids is None else {"run_ids": list(run_ids)})
        return [(item["run_id"], wire.owner_from(item["owner"])) for item in (found or {}).get("owners", [])]

    def finish_run(
        self, run_id: str, *, status: str, end_time: int, tags: Sequence[RunTag] = (), only_owner: Optional[Owner] = None
    ) -> bool:
        """End an owned run; see the protocol. Where the server keeps no owners it is everybody's to end."""
        validation.status(status)
        fields: Json = {"run_id": run_id, "status": status, "end_time": validation.milliseconds(end_time, what="end time")}
        own = {**fields, "tags": checked.tags(tags)}
        if only_owner is not None:
            own["only_owner"] = checked.owner(only_owner)
        found = self._own("runs/finish", own, repeatable=only_owner is None)
        if found is not None:
            return bool(found.get("finished"))
        if own["tags"]:
            self._log(run_id, [], [], own["tags"])
        self._post("runs/update", fields)
        return True

    # ── artifacts ────────────────────────────────────────────────────────────────────────────────────────────────────

    def artifact_root(self, run: RunInfo) -> str:
        """Local folder of a run's artifacts, where its experiment keeps them in one.

        Raises:
            StoreError: they are with the server, or elsewhere.
        """
        from mlctl.files.local import local_folder

        return local_folder(run.artifact_uri)

    def artifacts(self, run: RunInfo) -> ArtifactStore:
        """The files of a run: with the server, or in a local folder.

        Raises:
            StoreError: they are elsewhere.
        """
        from mlctl.remote import artifacts

        return artifacts.at(self.transport, run.artifact_uri)


def _random_run_id() -> str:
    from mlctl.tracking.run_names import random_run_id

    return random_run_id()
