"""What each tracking route does: a checked request becomes a piece of work for a transaction, whose answer is JSON."""

from __future__ import annotations

import functools
import itertools
import json
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from mlctl.errors import ExistsError, InvalidValueError, MlctlError, NotFoundError
from mlctl.server.documents import Documents, encode, encoded_points, page_of
from mlctl.server.requests import run_id
from mlctl.sql import datasets as sql_datasets
from mlctl.sql import experiments as sql_experiments
from mlctl.sql import history as sql_history
from mlctl.sql import runs as sql_runs
from mlctl.sql.search import RunSearch, reads_much
from mlctl.tracking import validation, wire
from mlctl.tracking.entities import (
    Dataset,
    DatasetInput,
    ExperimentTag,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
)
from mlctl.tracking.run_names import random_run_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl.server import requests
    from mlctl.server.commits import Work
    from mlctl.server.turns import Turns
    from mlctl.sql.db import Db

DONE = b"{}"
HEAVY_POINTS = 5000
HEAVY_RUNS = 100
SMALL_STORE_RUNS = 500
_PIECE = 500  # points between two chances for others
MODELS_TAG = "mlflow.log-model.history"

_ABILITIES = (
    "workspaces_enabled",
    "trace_archival_enabled",
    "multipart_uploads_enabled",
    "multipart_downloads_enabled",
    "presigned_upload_run_id_supported",
    "presigned_upload_model_id_supported",
)
_ABLE = {**dict.fromkeys(_ABILITIES, False), "multipart_uploads_enabled": True}
SERVER_INFO = encode({"store_type": "SqlStore", **_ABLE, "features_enabled": {"gateway": False}})

_MORE_POINTS = (
    "SELECT 1 FROM metrics WHERE run = (SELECT id FROM runs WHERE run_id = ?) AND key = (SELECT id FROM keys WHERE name = ?) "
    f"LIMIT 1 OFFSET {HEAVY_POINTS}"
)
_MODEL_FIELDS = ("artifact_path", "flavors", "utc_time_created", "run_id")


class BadRequestError(MlctlError):
    """What MLflow answers with BAD_REQUEST instead of a more telling code."""

    code, http_status = "BAD_REQUEST", 400


class Tracking:
    """The routes of experiments, runs and metrics. Each method checks a request and returns its work, which needs a database."""

    def __init__(self, documents: Documents, turns: Turns) -> None:
        self._documents = documents
        self._turns = turns

    # ── experiments ──────────────────────────────────────────────────────────────────────────────────────────────────

    def create_experiment(self, request: requests.CreateExperiment) -> Work:
        """experiments/create."""
        tags = [ExperimentTag(tag.key, tag.value) for tag in request.tags]

        def work(db: Db) -> bytes:
            made = sql_experiments.create(db, request.name, artifact_location=request.artifact_location, tags=tags)
            return encode({"experiment_id": made})

        return work

    def get_experiment(self, request: requests.OfExperiment) -> Work:
        """experiments/get."""
        return lambda db: encode({"experiment": wire.experiment(sql_experiments.get(db, request.experiment_id), folder=db.folder)})

    def get_experiment_by_name(self, request: requests.ExperimentByName) -> Work:
        """experiments/get-by-name."""

        def work(db: Db) -> bytes:
            found = sql_experiments.by_name(db, request.experiment_name)
            if found is None:
                raise NotFoundError(f"There is no experiment with the name {request.experiment_name!r}.")
            return encode({"experiment": wire.experiment(found, folder=db.folder)})

        return work

    def search_experiments(self, request: requests.SearchExperiments) -> Work:
        """experiments/search."""

        def work(db: Db) -> bytes:
            page = sql_experiments.search(
                db,
                filter_string=request.filter,
                order_by=request.order_by,
                view=request.view_type,
                max_results=request.max_results,
                page_token=request.page_token,
            )
            return page_of("experiments", [encode(wire.experiment(found, folder=db.folder)) for found in page], token=page.token)

        return work

    def update_experiment(self, request: requests.UpdateExperiment) -> Work:
        """experiments/update."""

        def work(db: Db) -> bytes:
            try:
                sql_experiments.rename(db, request.experiment_id, request.new_name)
            except ExistsError as error:
                raise BadRequestError(str(error)) from None
            return DONE

        return work

    def delete_experiment(self, request: requests.OfExperiment) -> Work:
        """experiments/delete."""
        return _done(functools.partial(sql_experiments.delete, experiment_id=request.experiment_id))

    def restore_experiment(self, request: requests.OfExperiment) -> Work:
        """experiments/restore."""
        return _done(functools.partial(sql_experiments.restore, experiment_id=request.experiment_id))

    def set_experiment_tag(self, request: requests.SetExperimentTag) -> Work:
        """experiments/set-experiment-tag."""
        tag = ExperimentTag(request.key, request.value)
        return _done(functools.partial(sql_experiments.set_tag, experiment_id=request.experiment_id, tag=tag))

    def delete_experiment_tag(self, request: requests.DeleteExperimentTag) -> Work:
        """experiments/delete-experiment-tag."""
        return _done(functools.partial(sql_experiments.delete_tag, experiment_id=request.experiment_id, key=request.key))

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def create_run(self, request: requests.CreateRun) -> Work:
        """runs/create."""
        logged = sql_runs.batch(tags=_tags(request.tags))
        made_id = random_run_id()

        def work(db: Db) -> bytes:
            run = sql_runs.create(
                db,
                request.experiment_id,
                run_id=made_id,
                run_name=request.run_name,
                user_id=request.user_id,
                start_ms=request.start_time,
                status="RUNNING",
                logged=logged,
            )
            data = wire.run_data([], params={}, tags=run.data.tags)
            return encode({"run": {"info": wire.run_info(run.info, folder=db.folder), "data": data, "inputs": {}}})

        return work

    def get_run(self, request: requests.OfRun) -> Work:
        """runs/get."""
        run = run_id(request)
        return lambda db: b'{"run":' + self._documents.one(db, run) + b"}"

    def update_run(self, request: requests.UpdateRun) -> Work:
        """runs/update."""
        run, status = run_id(request), request.status or None
        end_ms = None if request.end_time is UNSET else request.end_time

        def work(db: Db) -> bytes:
            info = sql_runs.update(db, run, status=status, end_ms=end_ms, run_name=request.run_name)
            return encode({"run_info": wire.run_info(info, folder=db.folder)})

        return work

    def delete_run(self, request: requests.OfRun) -> Work:
        """runs/delete."""
        return _done(functools.partial(sql_runs.set_deleted, run_id=run_id(request), deleted=True))

    def restore_run(self, request: requests.OfRun) -> Work:
        """runs/restore."""
        return _done(functools.partial(sql_runs.set_deleted, run_id=run_id(request), deleted=False))

    def search_runs(self, request: requests.SearchRuns) -> Work:
        """runs/search."""
        size, offset = validation.page_size(request.max_results), validation.page_offset(request.page_token)
        numbers = [validation.experiment_id(text) for text in request.experiment_ids]
        view = validation.view(request.run_view_type)

        def work(db: Db) -> bytes:
            search = RunSearch(
                db,
                experiment_ids=numbers,
                filter_string=request.filter,
                order_by=request.order_by,
                view=view,
                own_artifacts=wire.PROXY,
            )
            found = search.page(limit=size + 1, offset=offset)
            token = validation.page_token(offset + size) if len(found) > size else None
            return page_of("runs", self._documents.many(db, found[:size]), token=token)

        return work

    # ── what is logged to runs ───────────────────────────────────────────────────────────────────────────────────────

    def log_metric(self, request: requests.LogMetric) -> Work:
        """runs/log-metric."""
        return _log(run_id(request), sql_runs.batch(metrics=_metrics([request])))

    def log_param(self, request: requests.LogPair) -> Work:
        """runs/log-parameter."""
        return _log(run_id(request), sql_runs.batch(params=[Param(request.key, request.value)]))

    def set_tag(self, request: requests.LogPair) -> Work:
        """runs/set-tag."""
        return _log(run_id(request), sql_runs.batch(tags=[RunTag(request.key, request.value)]))

    def delete_tag(self, request: requests.DeleteTag) -> Work:
        """runs/delete-tag."""
        return _done(functools.partial(sql_runs.delete_tag, run_id=run_id(request), key=request.key))

    def log_batch(self, request: requests.LogBatch) -> Work:
        """runs/log-batch."""
        validation.batch_size(metrics=len(request.metrics), params=len(request.params), tags=len(request.tags))
        params = [Param(item.key, item.value) for item in request.params]
        logged = sql_runs.batch(metrics=_metrics(request.metrics), params=params, tags=_tags(request.tags))
        return _log(validation.run_id(run_id(request)), logged)

    def log_model(self, request: requests.LogModel) -> Work:
        """runs/log-model: what clients before 3.0 note about a model, kept in a tag."""
        run, model = run_id(request), _model(request.model_json)

        def work(db: Db) -> bytes:
            noted = _json_of(sql_runs.get(db, run).data.tags.get(MODELS_TAG, "[]"), list, what=f"The tag {MODELS_TAG}")
            history = json.dumps([*noted, model])
            sql_runs.log(db, run, sql_runs.Batch([], [], {}, {MODELS_TAG: history}))
            return DONE

        return work

    # ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def history(self, request: requests.History) -> Work:
        """metrics/get-history."""
        run, most = run_id(request), None if request.max_results is UNSET else request.max_results
        offset = validation.page_offset(request.page_token)

        def work(db: Db) -> bytes:
            rows = sql_history.rows(db, run, request.metric_key, max_results=most, offset=offset)
            page = itertools.islice(rows, most)
            parts: list[bytes] = []
            while True:
                start = self._turns.start()
                piece = list(itertools.islice(page, _PIECE))
                if not piece:
                    break
                parts.append(encoded_points(request.metric_key, piece))
                self._turns.rest(start)
            more = most is not None and next(rows, None) is not None
            return page_of("metrics", parts, token=validation.page_token(offset + (most or 0)) if more else None)

        return work

    def bulk_history(self, request: requests.BulkHistory) -> Work:
        """metrics/get-history-bulk."""

        def work(db: Db) -> bytes:
            found = sql_history.histories(db, request.run_id, request.metric_key, max_results=request.max_results)
            return page_of("metrics", [encode(_of_run(run, point)) for run, points in found for point in points], token=None)

        return work

    def sampled_histories(self, request: requests.SampledHistories) -> Work:
        """metrics/get-history-bulk-interval."""
        most = validation.BULK_RUNS
        if not 1 <= len(request.run_ids) <= most:
            raise InvalidValueError(f"Histories of {len(request.run_ids)} runs are asked for; 1 to {most} are allowed.")
        first, last = [None if step is UNSET else step for step in (request.start_step, request.end_step)]

        def work(db: Db) -> bytes:
            key, points = request.metric_key, request.max_results
            found = [
                encode(_of_run(run, point))
                for run in request.run_ids
                for point in sql_history.sampled_history(db, run, key, start_step=first, end_step=last, max_results=points)
            ]
            return page_of("metrics", found, token=None)

        return work

    # ── what runs used and made ──────────────────────────────────────────────────────────────────────────────────────

    def log_inputs(self, request: requests.LogInputs) -> Work:
        """runs/log-inputs."""
        run = validation.run_id(run_id(request))
        datasets = [_dataset(item) for item in request.datasets]
        models = [LoggedModelInput(item.model_id) for item in request.models]
        return _done(functools.partial(sql_datasets.log_inputs, run_id=run, datasets=datasets, models=models))

    def log_outputs(self, request: requests.LogOutputs) -> Work:
        """runs/outputs."""
        models = [LoggedModelOutput(item.model_id, item.step) for item in request.models]
        return _done(functools.partial(sql_datasets.log_outputs, run_id=run_id(request), models=models))

    def search_datasets(self, request: requests.SearchDatasets) -> Work:
        """experiments/search-datasets."""

        def work(db: Db) -> bytes:
            found = sql_datasets.search_datasets(db, request.experiment_ids)
            return page_of("dataset_summaries", [encode(wire.dataset_summary(item)) for item in found], token=None)

        return work

    # ── the server ───────────────────────────────────────────────────────────────────────────────────────────────────

    def server_info(self, _: requests.Nothing) -> Work:
        """server-info."""
        return lambda _db: SERVER_INFO


def is_long_history(db: Db, request: requests.History) -> bool:
    """Whether a history would keep the event loop busy for too long."""
    if request.max_results is not UNSET and request.max_results <= HEAVY_POINTS:
        return False
    return db.one(_MORE_POINTS, (run_id(request), request.metric_key)) is not None


def is_big_search(db: Db, request: requests.SearchRuns) -> bool:
    """Whether a search may keep the event loop busy for too long: it looks at many runs, returns many, or reads whole histories."""
    if request.max_results <= HEAVY_RUNS and not request.filter and not request.order_by:
        return False
    if reads_much(request.filter, request.order_by):
        return True
    row = db.one("SELECT max(id) FROM runs", ())
    return row is not None and (row[0] or 0) > SMALL_STORE_RUNS


def always(_: Db, _request: requests.Body) -> bool:
    """For routes that are for charts: their reads are never small."""
    return True


def _of_run(run: str, point: Metric) -> wire.Json:
    return {**wire.metric(point), "run_id": run}


def _dataset(item: requests.DatasetOfRun) -> DatasetInput:
    found = item.dataset
    schema, profile = [None if text is UNSET else text for text in (found.schema, found.profile)]
    dataset = Dataset(found.name, found.digest, found.source_type, found.source, schema, profile)
    return DatasetInput(dataset, tuple([InputTag(tag.key, tag.value) for tag in item.tags]))


def _done(act: Any) -> Work:
    """Work that answers nothing."""

    def work(db: Db) -> bytes:
        act(db)
        return DONE

    return work


def _log(run: str, logged: sql_runs.Batch) -> Work:
    def work(db: Db) -> bytes:
        sql_runs.log(db, run, logged)
        return DONE

    return work


def _tags(given: Sequence[requests.Pair]) -> list[RunTag]:
    return [RunTag(tag.key, tag.value) for tag in given]


def _metrics(given: Sequence[requests.Point | requests.LogMetric]) -> list[Metric]:
    found = []
    for point in given:
        if bool(point.dataset_name) != bool(point.dataset_digest):
            raise InvalidValueError(f"The metric {point.key!r} must name both dataset_name and dataset_digest, or neither.")
        about = (point.model_id, point.dataset_name or None, point.dataset_digest or None) if point.model_id else ()
        found.append(Metric(point.key, point.value, point.timestamp, point.step, *about))
    return found


def _model(text: str) -> dict[str, Any]:
    """The model that a request describes.

    Raises:
        InvalidValueError: it is not a JSON object, or lacks a field.
    """
    model: dict[str, Any] = _json_of(text, dict, what="model_json")
    absent = [name for name in _MODEL_FIELDS if name not in model]
    if absent:
        raise InvalidValueError(f"The model lacks {', '.join(absent)}.")
    return model


def _json_of(text: str, kind: type, *, what: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, kind):
        raise InvalidValueError(f"{what} is not a JSON {'list' if kind is list else 'object'}.")
    return found
