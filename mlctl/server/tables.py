"""What the web pages ask for, over HTTP: many runs or points in one short answer. These are mlctl's own routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from mlctl.errors import InvalidValueError
from mlctl.server.documents import encode
from mlctl.server.requests import Body
from mlctl.sql import series as sql_series
from mlctl.sql import tables as sql_tables
from mlctl.sql.search import RunSearch

if TYPE_CHECKING:
    from mlctl.server.commits import Work
    from mlctl.server.requests import Nothing
    from mlctl.server.tracking import Tracking
    from mlctl.sql.db import Db

MOST_ROWS = 1000
MOST_GROUPED = 200_000
MOST_SERIES = 1000
MOST_BUCKETS = 4000

_OVERVIEW = (
    "SELECT experiment_id, count(*), sum(CASE WHEN status = 1 THEN 1 ELSE 0 END), max(start_ms) FROM runs WHERE deleted_ms = 0 "
    "GROUP BY experiment_id"
)


class RunsAsked(Body, kw_only=True):
    """Which runs: those of some experiments that pass a filter."""

    experiment_ids: list[str]
    filter: str = ""
    view_type: str = "ACTIVE_ONLY"


class RunTable(RunsAsked, kw_only=True):
    """runs/table: some rows of the runs, in an order; ``columns`` are names such as ``metrics.loss``."""

    order_by: list[str] = []  # noqa: RUF012 -- msgspec copies it
    columns: list[str] = []  # noqa: RUF012 -- msgspec copies it
    offset: int = 0
    limit: int = 100


class RunGroups(RunsAsked, kw_only=True):
    """runs/groups: the runs by the value of one column."""

    by: str
    columns: list[str] = []  # noqa: RUF012 -- msgspec copies it


class RunKeys(Body, kw_only=True):
    """runs/keys."""

    experiment_ids: list[str]


class SeriesAsked(Body, kw_only=True):
    """metrics/series: curves in at most ``buckets`` buckets, or twice as many points; the steps bound them, both included."""

    run_ids: list[str]
    keys: list[str]
    buckets: int = 400
    first: int | UnsetType = UNSET
    last: int | UnsetType = UNSET


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


def table(_: Tracking, request: RunTable) -> Work:
    """How many runs there are, and some of them as rows of values."""
    if not 0 <= request.limit <= MOST_ROWS or request.offset < 0 or len(request.columns) > sql_tables.MOST_COLUMNS:
        raise InvalidValueError(f"At most {MOST_ROWS} rows of {sql_tables.MOST_COLUMNS} columns are answered at a time.")
    columns = [sql_tables.column(text) for text in request.columns]

    def work(db: Db) -> bytes:
        search = _search(db, request, request.order_by)
        numbers = search.page(limit=request.limit, offset=request.offset) if request.limit else []
        return encode({"total": search.count(), "rows": sql_tables.rows(db, numbers, columns)})

    return work


def groups(_: Tracking, request: RunGroups) -> Work:
    """The runs by the value of a column, the largest groups first."""
    by = sql_tables.column(request.by)
    columns = [sql_tables.column(text) for text in request.columns]

    def work(db: Db) -> bytes:
        numbers = _search(db, request, ()).page(limit=MOST_GROUPED, offset=0)
        return encode({"total": len(numbers), "groups": sql_tables.groups(db, numbers, by, columns)})

    return work


def keys(_: Tracking, request: RunKeys) -> Work:
    """Names of the params, metrics and tags of some experiments' runs."""
    return lambda db: encode(sql_tables.keys(db, _numbers(request.experiment_ids)))


def series(_: Tracking, request: SeriesAsked) -> Work:
    """Curves of metrics of runs; those that have no points are left out."""
    asked = [(run, key) for key in dict.fromkeys(request.keys) for run in dict.fromkeys(request.run_ids)]
    if len(asked) > MOST_SERIES or not 1 <= request.buckets <= MOST_BUCKETS:
        raise InvalidValueError(f"At most {MOST_SERIES} curves of 1 to {MOST_BUCKETS} buckets are answered at a time.")
    first, last = (None if step is UNSET else step for step in (request.first, request.last))

    def work(db: Db) -> bytes:
        found = (sql_series.series(db, run, key, buckets=request.buckets, first=first, last=last) for run, key in asked)
        return encode({"series": [item._asdict() for item in found if item is not None]})

    return work


def _search(db: Db, request: RunsAsked, order_by: list[str] | tuple[str, ...]) -> RunSearch:
    return RunSearch(
        db,
        experiment_ids=_numbers(request.experiment_ids),
        filter_string=request.filter,
        order_by=order_by,
        view=request.view_type,
    )


def _numbers(experiment_ids: list[str]) -> list[int]:
    wrong = next((text for text in experiment_ids if not text.isascii() or not text.isdigit()), None)
    if wrong is not None:
        raise InvalidValueError(f"{wrong!r} is no id of an experiment.")
    return [int(text) for text in experiment_ids]
