"""Who answers for a run, over HTTP: mlctl's own routes, beside those of MLflow. They are what `mlctl run` needs of a server.

An owner is a process on the client's machine. The server keeps what it is told, and proves nothing: only a process of that machine can
say whether the owner is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from mlctl.errors import InvalidValueError
from mlctl.server.documents import encode
from mlctl.server.requests import Body, OfRun, Pair, run_id
from mlctl.sql import owners as sql_owners
from mlctl.sql import runs as sql_runs
from mlctl.tracking import validation, wire
from mlctl.tracking.entities import Owner, Param, RunTag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl.server.commits import Work
    from mlctl.server.tracking import Tracking
    from mlctl.sql.db import Db

ROOTS = ("/api/2.0/mlctl/",)

_MOST_TEXT = 500  # a host's name has 64 characters at most, a boot id about a hundred
_DONE = b"{}"


class OwnerFields(Body, kw_only=True):
    """A process: where it runs, and enough to tell it from a later one with its number."""

    host: str
    boot_id: str
    pid: int
    pid_started: int
    heartbeat_ms: int = 0
    stop_requested: bool = False


class CreateOwned(OfRun, kw_only=True):
    """runs/create: a run whose id the client has made, so that the request may be repeated."""

    experiment_id: str
    user_id: str = ""
    run_name: str = ""
    start_time: int = 0
    status: str = "RUNNING"
    params: list[Pair] = []  # noqa: RUF012 -- msgspec copies it
    tags: list[Pair] = []  # noqa: RUF012 -- msgspec copies it
    owner: OwnerFields | UnsetType = UNSET


class SetOwner(OfRun, kw_only=True):
    """runs/set-owner."""

    owner: OwnerFields


class Heartbeat(OfRun, kw_only=True):
    """runs/heartbeat."""

    now_ms: int


class Owners(Body, kw_only=True):
    """runs/owners: of these runs, or of all."""

    run_ids: list[str] | UnsetType = UNSET


class Finish(OfRun, kw_only=True):
    """runs/finish."""

    status: str
    end_time: int
    tags: list[Pair] = []  # noqa: RUF012 -- msgspec copies it
    only_owner: OwnerFields | UnsetType = UNSET


def create(_: Tracking, request: CreateOwned) -> Work:
    """Make a run; one that is there already is the answer to a request that was repeated."""
    made_id = validation.run_id(run_id(request))
    params = [Param(item.key, item.value) for item in request.params]
    logged = sql_runs.batch(params=params, tags=_tags(request.tags))
    owner = _owner(request.owner)

    def work(db: Db) -> bytes:
        if db.one("SELECT 1 FROM runs WHERE run_id = ?", (made_id,)) is None:
            sql_runs.create(
                db,
                request.experiment_id,
                run_id=made_id,
                run_name=request.run_name,
                user_id=request.user_id,
                start_ms=request.start_time,
                status=request.status,
                logged=logged,
            )
            if owner is not None:
                sql_owners.set_owner(db, made_id, owner)
        run = sql_runs.get(db, made_id)
        data = wire.run_data([], params=run.data.params, tags=run.data.tags)
        return encode({"run": {"info": wire.run_info(run.info, folder=db.folder), "data": data}})

    return work


def set_owner(_: Tracking, request: SetOwner) -> Work:
    """Make a process the owner of a run."""
    run, owner = run_id(request), _owner(request.owner)
    assert owner is not None

    def work(db: Db) -> bytes:
        sql_owners.set_owner(db, run, owner)
        return _DONE

    return work


def heartbeat(_: Tracking, request: Heartbeat) -> Work:
    """Note that the owner lives, and tell it whether it shall end the run."""
    run, now_ms = run_id(request), validation.milliseconds(request.now_ms, what="time")
    return lambda db: encode({"stop_requested": sql_owners.heartbeat(db, run, now_ms)})


def request_stop(_: Tracking, request: OfRun) -> Work:
    """Ask the owner to end the run."""
    run = run_id(request)

    def work(db: Db) -> bytes:
        owner = sql_owners.request_stop(db, run)
        return encode({"owner": wire.owner(owner)} if owner is not None else {})

    return work


def owners(_: Tracking, request: Owners) -> Work:
    """Owners of unfinished runs."""
    wanted = None if request.run_ids is UNSET else request.run_ids
    return lambda db: encode({"owners": [{"run_id": run, "owner": wire.owner(owner)} for run, owner in sql_owners.owners(db, wanted)]})


def finish(_: Tracking, request: Finish) -> Work:
    """End a run and its ownership."""
    run, status = run_id(request), request.status
    validation.status(status)
    end_ms = validation.milliseconds(request.end_time, what="end time")
    tags, owner = sql_runs.batch(tags=_tags(request.tags)).tags, _owner(request.only_owner)
    return lambda db: encode(
        {"finished": sql_owners.finish(db, run, status=status, end_ms=end_ms, tags=tags, only_owner=owner)},
    )


def _owner(given: OwnerFields | UnsetType) -> Owner | None:
    """The process that a request names.

    Raises:
        InvalidValueError: a value is larger than any process has.
    """
    if given is UNSET:
        return None
    if max(len(given.host), len(given.boot_id)) > _MOST_TEXT:
        raise InvalidValueError(f"The host and boot id of an owner have {_MOST_TEXT} characters at most.")
    for name in ("pid", "pid_started", "heartbeat_ms"):
        validation.milliseconds(getattr(given, name), what=f"owner's {name}")
    if given.pid < 1:
        raise InvalidValueError(f"{given.pid} is no number of a process.")
    return Owner(given.host, given.boot_id, given.pid, given.pid_started, given.heartbeat_ms, given.stop_requested)


def _tags(given: Sequence[Pair]) -> list[RunTag]:
    return [RunTag(tag.key, tag.value) for tag in given]
