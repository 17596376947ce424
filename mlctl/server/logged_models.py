"""Logged models over HTTP: the requests, and what each route does."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlctl.errors import InvalidValueError
from mlctl.server.documents import encode, page_of
from mlctl.server.requests import Body, Pair
from mlctl.sql import logged_model_search
from mlctl.sql import logged_models as sql_logged_models
from mlctl.tracking import logged_models, wire
from mlctl.tracking.logged_models import WIRE_NAMES, LoggedModelStatus
from mlctl.tracking.run_names import random_name

if TYPE_CHECKING:
    from mlctl.server.commits import Work
    from mlctl.server.tracking import Tracking
    from mlctl.sql.db import Db

_DONE = b"{}"
_PAGE = 50  # what MLflow's message says; clients send a number of their own
STATUSES = tuple(WIRE_NAMES[status] for status in (LoggedModelStatus.PENDING, LoggedModelStatus.READY, LoggedModelStatus.FAILED))
"""The statuses that a request may name, as MLflow numbers them from 1."""


class CreateLoggedModel(Body, kw_only=True):
    """POST logged-models."""

    experiment_id: str
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[Pair] = []  # noqa: RUF012 -- msgspec copies it
    tags: list[Pair] = []  # noqa: RUF012 -- msgspec copies it


class OfLoggedModel(Body, kw_only=True):
    """A request about one logged model."""

    model_id: str
    allow_deleted: bool = False


class FinalizeLoggedModel(Body, kw_only=True):
    """PATCH logged-models/ID."""

    enums: ClassVar[dict[str, tuple[str, ...]]] = {"status": STATUSES}

    model_id: str
    status: str


class SetLoggedModelTags(Body, kw_only=True):
    """PATCH logged-models/ID/tags."""

    model_id: str
    tags: list[Pair] = []  # noqa: RUF012 -- msgspec copies it


class DeleteLoggedModelTag(Body, kw_only=True):
    """DELETE logged-models/ID/tags/KEY."""

    model_id: str
    tag_key: str


class LogLoggedModelParams(Body, kw_only=True):
    """POST logged-models/ID/params."""

    model_id: str
    params: list[Pair] = []  # noqa: RUF012 -- msgspec copies it


class DatasetOfSearch(Body, kw_only=True):
    """A dataset whose points a search looks at."""

    dataset_name: str = ""
    dataset_digest: str = ""


class OrderOfSearch(Body, kw_only=True):
    """What a search sorts by."""

    field_name: str = ""
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class SearchLoggedModels(Body, kw_only=True):
    """POST logged-models/search."""

    experiment_ids: list[str] = []  # noqa: RUF012 -- msgspec copies it
    filter: str = ""
    datasets: list[DatasetOfSearch] = []  # noqa: RUF012 -- msgspec copies it
    max_results: int = _PAGE
    order_by: list[OrderOfSearch] = []  # noqa: RUF012 -- msgspec copies it
    page_token: str = ""


def create(_: Tracking, request: CreateLoggedModel) -> Work:
    """POST logged-models."""
    name = logged_models.checked_name(request.name) if request.name else random_name()
    made_id = logged_models.random_model_id()

    def work(db: Db) -> bytes:
        made = sql_logged_models.create(
            db,
            request.experiment_id,
            model_id=made_id,
            name=name,
            model_type=request.model_type,
            source_run_id=request.source_run_id,
            params=_pairs(request.params),
            tags=_pairs(request.tags),
        )
        return _answer(db, made)

    return work


def get(_: Tracking, request: OfLoggedModel) -> Work:
    """GET logged-models/ID."""
    return lambda db: _answer(db, sql_logged_models.get(db, request.model_id, allow_deleted=request.allow_deleted))


def finalize(_: Tracking, request: FinalizeLoggedModel) -> Work:
    """PATCH logged-models/ID."""
    status = logged_models.status(request.status)
    return lambda db: _answer(db, sql_logged_models.finalize(db, request.model_id, status))


def delete(_: Tracking, request: OfLoggedModel) -> Work:
    """DELETE logged-models/ID."""

    def work(db: Db) -> bytes:
        sql_logged_models.delete(db, request.model_id)
        return _DONE

    return work


def set_tags(_: Tracking, request: SetLoggedModelTags) -> Work:
    """PATCH logged-models/ID/tags."""
    tags = sql_logged_models.checked_tags(_pairs(request.tags))

    def work(db: Db) -> bytes:
        sql_logged_models.set_tags(db, request.model_id, tags)
        return _DONE

    return work


def delete_tag(_: Tracking, request: DeleteLoggedModelTag) -> Work:
    """DELETE logged-models/ID/tags/KEY."""

    def work(db: Db) -> bytes:
        sql_logged_models.delete_tag(db, request.model_id, request.tag_key)
        return _DONE

    return work


def log_params(_: Tracking, request: LogLoggedModelParams) -> Work:
    """POST logged-models/ID/params."""
    params = sql_logged_models.checked_params(_pairs(request.params))

    def work(db: Db) -> bytes:
        sql_logged_models.log_params(db, request.model_id, params)
        return _DONE

    return work


def search(_: Tracking, request: SearchLoggedModels) -> Work:
    """POST logged-models/search."""
    if not request.experiment_ids:
        raise InvalidValueError("Missing value for required parameter 'experiment_ids'.")
    datasets = logged_models.dataset_choices([_dataset(item) for item in request.datasets])
    orders = logged_models.orders(
        [{**_dataset(item), "field_name": item.field_name, "ascending": item.ascending} for item in request.order_by]
    )

    def work(db: Db) -> bytes:
        page = logged_model_search.search(
            db,
            request.experiment_ids,
            filter_string=request.filter,
            datasets=datasets,
            order_by=orders,
            max_results=request.max_results,
            page_token=request.page_token,
        )
        return page_of("models", [encode(wire.logged_model(model, folder=db.folder)) for model in page], token=page.token)

    return work


def _answer(db: Db, model: logged_models.LoggedModel) -> bytes:
    return encode({"model": wire.logged_model(model, folder=db.folder)})


def _pairs(given: list[Pair]) -> list[tuple[str, str]]:
    return [(item.key, item.value) for item in given]


def _dataset(item: DatasetOfSearch | OrderOfSearch) -> dict[str, str]:
    return {"dataset_name": item.dataset_name, "dataset_digest": item.dataset_digest}
