"""The model registry over HTTP: the requests, and what each route does.

Histories name the user that a client of ours tells; MLflow's clients tell none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from mlctl.server.documents import encode, page_of
from mlctl.server.model_sources import checked_source
from mlctl.server.requests import Body, Pair
from mlctl.sql import model_versions as sql_versions
from mlctl.sql import registry as sql_registry
from mlctl.sql import registry_search
from mlctl.tracking import wire
from mlctl.tracking.registry import ModelSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mlctl.server.commits import Work
    from mlctl.server.tracking import Tracking
    from mlctl.sql.db import Db
    from mlctl.tracking.registry import ModelVersion, RegisteredModel

ROOTS = ("/api/2.0/mlctl/",)
_DONE = b"{}"


class OfModel(Body, kw_only=True):
    """A request about one registered model; ``user`` is who asks, if the client says so."""

    name: str
    user: str = ""


class CreateModel(OfModel, kw_only=True):
    """registered-models/create."""

    tags: list[Pair] = []  # noqa: RUF012 -- msgspec copies it
    description: str | UnsetType = UNSET
    deployment_job_id: str = ""


class UpdateModel(OfModel, kw_only=True):
    """registered-models/update."""

    description: str | UnsetType = UNSET
    deployment_job_id: str = ""


class RenameModel(OfModel, kw_only=True):
    """registered-models/rename."""

    new_name: str


class SearchModels(Body, kw_only=True):
    """registered-models/search."""

    filter: str = ""
    max_results: int = 100
    order_by: list[str] = []  # noqa: RUF012 -- msgspec copies it
    page_token: str = ""


class LatestVersions(Body, kw_only=True):
    """registered-models/get-latest-versions."""

    name: str
    stages: list[str] = []  # noqa: RUF012 -- msgspec copies it


class SetModelTag(Body, kw_only=True):
    """registered-models/set-tag."""

    name: str
    key: str
    value: str = ""


class DeleteModelTag(Body, kw_only=True):
    """registered-models/delete-tag."""

    name: str
    key: str


class OfAlias(OfModel, kw_only=True):
    """A request about an alias."""

    alias: str


class SetAlias(OfAlias, kw_only=True):
    """POST registered-models/alias; ``only_over``, the version to which it must still point ("": to none), is ours."""

    version: str
    only_over: str | UnsetType = UNSET


class CreateVersion(OfModel, kw_only=True):
    """model-versions/create."""

    source: str
    run_id: str | UnsetType = UNSET
    tags: list[Pair] = []  # noqa: RUF012 -- msgspec copies it
    run_link: str = ""
    description: str | UnsetType = UNSET
    model_id: str | UnsetType = UNSET


class OfVersion(OfModel, kw_only=True):
    """A request about one version."""

    version: str


class UpdateVersion(OfVersion, kw_only=True):
    """model-versions/update."""

    description: str | UnsetType = UNSET


class TransitionVersion(OfVersion, kw_only=True):
    """model-versions/transition-stage. Ours: the stage where it must still be, and the highest other version in the new one ("": none)."""

    stage: str
    archive_existing_versions: bool = False
    only_from: str | UnsetType = UNSET
    only_over: str | UnsetType = UNSET


class SearchVersions(Body, kw_only=True):
    """model-versions/search."""

    filter: str = ""
    max_results: int = 200_000
    order_by: list[str] = []  # noqa: RUF012 -- msgspec copies it
    page_token: str = ""


class SetVersionTag(OfVersion, kw_only=True):
    """model-versions/set-tag."""

    key: str
    value: str = ""


class DeleteVersionTag(OfVersion, kw_only=True):
    """model-versions/delete-tag."""

    key: str


# ── registered models ────────────────────────────────────────────────────────────────────────────────────────────────


def create_model(_: Tracking, request: CreateModel) -> Work:
    """registered-models/create."""
    tags = _pairs(request.tags)
    return _model(lambda db: sql_registry.create(db, request.name, tags=tags, description=_text(request.description), user=request.user))


def get_model(_: Tracking, request: OfModel) -> Work:
    """registered-models/get."""
    return _model(lambda db: sql_registry.get(db, request.name))


def update_model(_: Tracking, request: UpdateModel) -> Work:
    """registered-models/update."""
    return _model(lambda db: sql_registry.update(db, request.name, _text(request.description), user=request.user))


def rename_model(_: Tracking, request: RenameModel) -> Work:
    """registered-models/rename."""
    return _model(lambda db: sql_registry.rename(db, request.name, request.new_name, user=request.user))


def delete_model(_: Tracking, request: OfModel) -> Work:
    """registered-models/delete."""
    return _done(lambda db: sql_registry.delete(db, request.name))


def search_models(_: Tracking, request: SearchModels) -> Work:
    """registered-models/search."""

    def work(db: Db) -> bytes:
        page = registry_search.models(
            db, filter_string=request.filter, order_by=request.order_by, max_results=request.max_results, page_token=request.page_token
        )
        found = [encode(wire.registered_model(model, folder=db.folder)) for model in page]
        return page_of("registered_models", found, token=page.token)

    return work


def latest_versions(_: Tracking, request: LatestVersions) -> Work:
    """registered-models/get-latest-versions."""

    def work(db: Db) -> bytes:
        found = sql_versions.latest_versions(db, request.name, request.stages)
        return page_of("model_versions", [encode(wire.model_version(version, folder=db.folder)) for version in found], token=None)

    return work


def set_model_tag(_: Tracking, request: SetModelTag) -> Work:
    """registered-models/set-tag."""
    return _done(lambda db: sql_registry.set_tag(db, request.name, request.key, request.value))


def delete_model_tag(_: Tracking, request: DeleteModelTag) -> Work:
    """registered-models/delete-tag."""
    return _done(lambda db: sql_registry.delete_tag(db, request.name, request.key))


def set_alias(_: Tracking, request: SetAlias) -> Work:
    """POST registered-models/alias."""
    over = _text(request.only_over)
    return _done(lambda db: sql_registry.set_alias(db, request.name, request.alias, request.version, only_over=over, user=request.user))


def delete_alias(_: Tracking, request: OfAlias) -> Work:
    """DELETE registered-models/alias."""
    return _done(lambda db: sql_registry.delete_alias(db, request.name, request.alias, user=request.user))


def get_by_alias(_: Tracking, request: OfAlias) -> Work:
    """GET registered-models/alias."""
    return _version(lambda db: sql_versions.get(db, request.name, sql_registry.alias_version(db, request.name, request.alias)))


def history(_: Tracking, request: OfModel) -> Work:
    """registered-models/history, a route of ours: what has happened to a model."""

    def work(db: Db) -> bytes:
        return page_of("events", [encode(wire.registry_event(event)) for event in sql_registry.history(db, request.name)], token=None)

    return work


# ── versions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def create_version(_: Tracking, request: CreateVersion) -> Work:
    """model-versions/create."""
    given = ModelSource(request.source, _text(request.run_id) or "", _text(request.model_id) or "")

    def make(db: Db) -> ModelVersion:
        source = checked_source(db, given, tags=dict(_pairs(request.tags)))
        return sql_versions.create(
            db,
            request.name,
            source,
            tags=_pairs(request.tags),
            run_link=request.run_link,
            description=_text(request.description) or "",
            user=request.user,
        )

    return _version(make)


def get_version(_: Tracking, request: OfVersion) -> Work:
    """model-versions/get."""
    return _version(lambda db: sql_versions.get(db, request.name, request.version))


def update_version(_: Tracking, request: UpdateVersion) -> Work:
    """model-versions/update."""
    return _version(lambda db: sql_versions.update(db, request.name, request.version, _text(request.description), user=request.user))


def transition_version(_: Tracking, request: TransitionVersion) -> Work:
    """model-versions/transition-stage."""
    return _version(
        lambda db: sql_versions.transition(
            db,
            request.name,
            request.version,
            request.stage,
            archive_existing=request.archive_existing_versions,
            only_from=_text(request.only_from),
            only_over=_text(request.only_over),
            user=request.user,
        )
    )


def delete_version(_: Tracking, request: OfVersion) -> Work:
    """model-versions/delete."""
    return _done(lambda db: sql_versions.delete(db, request.name, request.version, user=request.user))


def search_versions(_: Tracking, request: SearchVersions) -> Work:
    """model-versions/search."""

    def work(db: Db) -> bytes:
        page = registry_search.versions(
            db, filter_string=request.filter, order_by=request.order_by, max_results=request.max_results, page_token=request.page_token
        )
        return page_of("model_versions", [encode(wire.model_version(version, folder=db.folder)) for version in page], token=page.token)

    return work


def download_uri(_: Tracking, request: OfVersion) -> Work:
    """model-versions/get-download-uri."""

    def work(db: Db) -> bytes:
        return encode({"artifact_uri": wire.location(sql_versions.download_uri(db, request.name, request.version), db.folder)})

    return work


def set_version_tag(_: Tracking, request: SetVersionTag) -> Work:
    """model-versions/set-tag."""
    return _done(lambda db: sql_versions.set_tag(db, request.name, request.version, request.key, request.value))


def delete_version_tag(_: Tracking, request: DeleteVersionTag) -> Work:
    """model-versions/delete-tag."""
    return _done(lambda db: sql_versions.delete_tag(db, request.name, request.version, request.key))


def is_big_search(_: Db, request: SearchModels | SearchVersions) -> bool:
    """Whether a search may keep the event loop busy for too long."""
    return request.max_results > 100 and not request.filter.startswith("name")


def _model(make: Callable[[Db], RegisteredModel]) -> Work:
    return lambda db: encode({"registered_model": wire.registered_model(make(db), folder=db.folder)})


def _version(make: Callable[[Db], ModelVersion]) -> Work:
    return lambda db: encode({"model_version": wire.model_version(make(db), folder=db.folder)})


def _done(act: Callable[[Db], Any]) -> Work:
    def work(db: Db) -> bytes:
        act(db)
        return _DONE

    return work


def _pairs(given: list[Pair]) -> list[tuple[str, str]]:
    return [(item.key, item.value) for item in given]


def _text(given: str | UnsetType) -> str | None:
    return None if given is UNSET else given
