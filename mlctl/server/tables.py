"""What the web pages ask for, over HTTP: many runs or points in one short answer. These are mlctl's own routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl.server.documents import encode

if TYPE_CHECKING:
    from mlctl.server.commits import Work
    from mlctl.server.requests import Nothing
    from mlctl.server.tracking import Tracking
    from mlctl.sql.db import Db

_OVERVIEW = (
    "SELECT experiment_id, count(*), sum(CASE WHEN status = 1 THEN 1 ELSE 0 END), max(start_ms) FROM runs WHERE deleted_ms = 0 "
    "GROUP BY experiment_id"
)


def changes(_: Tracking, __: Nothing) -> Work:
    """A text that is another one after each change of the store: what an open page asks for again and again."""

    def work(db: Db) -> bytes:
        return encode({"state": ".".join(map(str, db.one(db.change_mark, ()) or ()))})

    return work


def overview(_: Tracking, __: Nothing) -> Work:
    """How many active runs each experiment has, how many of them go on, and when the newest began; those without runs are left out."""

    def work(db: Db) -> bytes:
        rows = db.execute(_OVERVIEW, ()).fetchall()
        names = ("experiment_id", "runs", "running", "last_start")
        return encode({"experiments": [dict(zip(names, (str(row[0]), *row[1:]), strict=True)) for row in rows]})

    return work
