"""The table of routes. Routing, the guard's test and the OpenAPI document all read it."""

from __future__ import annotations

import re
from collections.abc import Callable  # noqa: TC003 -- a NamedTuple's annotation
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl.server import logged_models as models
from mlctl.server import owners, registry, tables, tracking
from mlctl.server import requests as r
from mlctl.server.tracking import Tracking

if TYPE_CHECKING:
    from mlctl.server.commits import Work
    from mlctl.sql.db import Db

ROOTS = ("/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/")
UI_ROOT = ROOTS[1:]
V3_ROOTS = ("/api/3.0/mlflow/", "/ajax-api/3.0/mlflow/")

ARTIFACTS = re.compile(
    r"/(ajax-)?api/2\.0/(mlflow-artifacts/|mlflow/(artifacts/|get-artifact\Z|upload-artifact\Z|logged-models/[^/]+/artifacts/))|/get-artifact\Z",
)
"""Routes whose bodies are files; `mlctl.server.artifacts` answers them."""


class Route(NamedTuple):
    """One row: where, what is sent, and what is done. A name in braces stands for a part of the address, which is a field of the request.

    ``writes`` puts the work into a transaction that commits; ``heavy`` says whether this request's work is for the thread of heavy reads.
    """

    method: str
    name: str
    request: type[r.Body]
    handler: Callable[[Tracking, Any], Work]
    writes: bool = False
    heavy: Callable[[Db, Any], bool] | None = None
    roots: tuple[str, ...] = ROOTS
    documented: bool = True

    def paths(self) -> list[str]:
        """Every path of the route."""
        return [root + self.name for root in self.roots]


def _read(name: str, request: type[r.Body], handler: Callable[[Tracking, Any], Work], **more: Any) -> Route:
    return Route("GET", name, request, handler, **more)


def _write(name: str, request: type[r.Body], handler: Callable[[Tracking, Any], Work], *, method: str = "POST", **more: Any) -> Route:
    return Route(method, name, request, handler, writes=True, **more)


def _search(name: str, request: type[r.Body], handler: Callable[[Tracking, Any], Work], **more: Any) -> Route:
    return Route("POST", name, request, handler, **more)


ROUTES: tuple[Route, ...] = (
    _write("experiments/create", r.CreateExperiment, Tracking.create_experiment),
    _read("experiments/get", r.OfExperiment, Tracking.get_experiment),
    _read("experiments/get-by-name", r.ExperimentByName, Tracking.get_experiment_by_name),
    _search("experiments/search", r.SearchExperiments, Tracking.search_experiments),
    _read("experiments/search", r.SearchExperiments, Tracking.search_experiments),
    _write("experiments/update", r.UpdateExperiment, Tracking.update_experiment),
    _write("experiments/delete", r.OfExperiment, Tracking.delete_experiment),
    _write("experiments/restore", r.OfExperiment, Tracking.restore_experiment),
    _write("experiments/set-experiment-tag", r.SetExperimentTag, Tracking.set_experiment_tag),
    _write("experiments/delete-experiment-tag", r.DeleteExperimentTag, Tracking.delete_experiment_tag),
    _write("runs/create", r.CreateRun, Tracking.create_run),
    _read("runs/get", r.OfRun, Tracking.get_run),
    _write("runs/update", r.UpdateRun, Tracking.update_run),
    _write("runs/delete", r.OfRun, Tracking.delete_run),
    _write("runs/restore", r.OfRun, Tracking.restore_run),
    _search("runs/search", r.SearchRuns, Tracking.search_runs, heavy=tracking.is_big_search),
    _write("runs/log-metric", r.LogMetric, Tracking.log_metric),
    _write("runs/log-parameter", r.LogPair, Tracking.log_param),
    _write("runs/set-tag", r.LogPair, Tracking.set_tag),
    _write("runs/delete-tag", r.DeleteTag, Tracking.delete_tag),
    _write("runs/log-batch", r.LogBatch, Tracking.log_batch),
    _write("runs/log-model", r.LogModel, Tracking.log_model),
    _read("metrics/get-history", r.History, Tracking.history, heavy=tracking.is_long_history),
    _write("runs/log-inputs", r.LogInputs, Tracking.log_inputs),
    _write("runs/outputs", r.LogOutputs, Tracking.log_outputs),
    _read("metrics/get-history-bulk", r.BulkHistory, Tracking.bulk_history, heavy=tracking.always, roots=UI_ROOT),
    _read("metrics/get-history-bulk-interval", r.SampledHistories, Tracking.sampled_histories, heavy=tracking.always),
    _search("experiments/search-datasets", r.SearchDatasets, Tracking.search_datasets, roots=UI_ROOT),
    _read("server-info", r.Nothing, Tracking.server_info, roots=V3_ROOTS),
    _write("logged-models", models.CreateLoggedModel, models.create),
    _search("logged-models/search", models.SearchLoggedModels, models.search),
    _read("logged-models/{model_id}", models.OfLoggedModel, models.get),
    _write("logged-models/{model_id}", models.FinalizeLoggedModel, models.finalize, method="PATCH"),
    _write("logged-models/{model_id}", models.OfLoggedModel, models.delete, method="DELETE"),
    _write("logged-models/{model_id}/tags", models.SetLoggedModelTags, models.set_tags, method="PATCH"),
    _write("logged-models/{model_id}/tags/{tag_key}", models.DeleteLoggedModelTag, models.delete_tag, method="DELETE"),
    _write("logged-models/{model_id}/params", models.LogLoggedModelParams, models.log_params),
    _write("registered-models/create", registry.CreateModel, registry.create_model),
    _read("registered-models/get", registry.OfModel, registry.get_model),
    _write("registered-models/update", registry.UpdateModel, registry.update_model, method="PATCH"),
    _write("registered-models/rename", registry.RenameModel, registry.rename_model),
    _write("registered-models/delete", registry.OfModel, registry.delete_model, method="DELETE"),
    _read("registered-models/search", registry.SearchModels, registry.search_models, heavy=registry.is_big_search),
    _search("registered-models/get-latest-versions", registry.LatestVersions, registry.latest_versions),
    _read("registered-models/get-latest-versions", registry.LatestVersions, registry.latest_versions),
    _write("registered-models/alias", registry.SetAlias, registry.set_alias),
    _write("registered-models/alias", registry.OfAlias, registry.delete_alias, method="DELETE"),
    _read("registered-models/alias", registry.OfAlias, registry.get_by_alias),
    _write("registered-models/set-tag", registry.SetModelTag, registry.set_model_tag),
    _write("registered-models/delete-tag", registry.DeleteModelTag, registry.delete_model_tag, method="DELETE"),
    _write("model-versions/create", registry.CreateVersion, registry.create_version),
    _read("model-versions/get", registry.OfVersion, registry.get_version),
    _write("model-versions/update", registry.UpdateVersion, registry.update_version, method="PATCH"),
    _write("model-versions/transition-stage", registry.TransitionVersion, registry.transition_version),
    _write("model-versions/delete", registry.OfVersion, registry.delete_version, method="DELETE"),
    _read("model-versions/search", registry.SearchVersions, registry.search_versions, heavy=registry.is_big_search),
    _read("model-versions/get-download-uri", registry.OfVersion, registry.download_uri),
    _write("model-versions/set-tag", registry.SetVersionTag, registry.set_version_tag),
    _write("model-versions/delete-tag", registry.DeleteVersionTag, registry.delete_version_tag, method="DELETE"),
    # What promotion in one step and histories need beyond MLflow's API.
    _write("model-versions/transition-stage", registry.TransitionVersion, registry.transition_version, roots=registry.ROOTS),
    _write("registered-models/alias", registry.SetAlias, registry.set_alias, roots=registry.ROOTS),
    _read("registered-models/history", registry.OfModel, registry.history, roots=registry.ROOTS),
    # What `mlctl run` needs beyond MLflow's API: who answers for a run.
    _write("runs/create", owners.CreateOwned, owners.create, roots=owners.ROOTS),
    _write("runs/set-owner", owners.SetOwner, owners.set_owner, roots=owners.ROOTS),
    _write("runs/heartbeat", owners.Heartbeat, owners.heartbeat, roots=owners.ROOTS),
    _write("runs/request-stop", r.OfRun, owners.request_stop, roots=owners.ROOTS),
    _write("runs/finish", owners.Finish, owners.finish, roots=owners.ROOTS),
    _search("runs/owners", owners.Owners, owners.owners, roots=owners.ROOTS),
    # What the web pages ask for: many runs or points in one answer.
    _read("changes", r.Nothing, tables.changes, roots=owners.ROOTS),
    _read("experiments/overview", r.Nothing, tables.overview, roots=owners.ROOTS),
    _search("runs/table", tables.RunTable, tables.table, roots=owners.ROOTS, heavy=tracking.always),
    _search("runs/groups", tables.RunGroups, tables.groups, roots=owners.ROOTS, heavy=tracking.always),
    _search("runs/keys", tables.RunKeys, tables.keys, roots=owners.ROOTS, heavy=tracking.always),
    _search("metrics/series", tables.SeriesAsked, tables.series, roots=owners.ROOTS, heavy=tracking.always),
)
