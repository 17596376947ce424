"""SQL of curves: a metric of a run in as many buckets as a chart has room for, each with its least, mean and greatest value.

The history is clustered by time, so a bucket is a stretch of time that is read without sorting. Where steps do not follow time, or many
points share a time, buckets are stretches of steps.
"""

from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from mlctl.sql.db import Db

_OF = "FROM metrics WHERE run = ? AND key = ?"
_EXTENT = f"SELECT count(*), min(timestamp_ms), max(timestamp_ms), min(step), max(step) {_OF} AND step BETWEEN ? AND ? AND nan = 0"
_POINTS = f"SELECT step, timestamp_ms, value {_OF} AND step BETWEEN ? AND ? AND nan = 0 ORDER BY step, timestamp_ms, value"
_BUCKET = (
    f"SELECT count(*), min(step), max(step), min(timestamp_ms), min(value), avg(value), max(value) {_OF} "
    "AND timestamp_ms >= ? AND timestamp_ms < ? AND step BETWEEN ? AND ? AND nan = 0"
)
_BY_STEP = (
    f"SELECT min(step), min(timestamp_ms), min(value), avg(value), max(value) {_OF} AND step BETWEEN ? AND ? AND nan = 0 "
    "GROUP BY (step - ?) / ? ORDER BY 1"
)
_LAST = 9_223_372_036_854_775_807


class Series(NamedTuple):
    """A curve: ``columns`` are steps, times (ms) and values, and, where it is not exact, the least and the greatest of each bucket."""

    run_id: str
    key: str
    total: int
    exact: bool
    columns: List[List[Any]]


def series(db: Db, run_id: str, key: str, *, buckets: int, first: Optional[int] = None, last: Optional[int] = None) -> Optional[Series]:
    """A metric of a run between two steps; None if it has no points there. NaN is left out."""
    ids = db.one("SELECT (SELECT id FROM runs WHERE run_id = ?), (SELECT id FROM keys WHERE name = ?)", (run_id, key))
    if ids is None or None in ids:
        return None
    low, high = -_LAST if first is None else first, _LAST if last is None else last
    extent = db.one(_EXTENT, (*ids, low, high))
    if extent is None or not extent[0]:
        return None
    total = extent[0]
    if total <= 2 * buckets:
        return Series(run_id, key, total, exact=True, columns=_turned(db.execute(_POINTS, (*ids, low, high)).fetchall(), 3))
    found = _by_time(db, ids, extent, (low, high), buckets)
    if found is None:
        width = max(1, -(-(extent[4] - extent[3] + 1) // buckets))
        found = db.execute(_BY_STEP, (*ids, low, high, extent[3], width)).fetchall()
    steps, times, least, mean, greatest = _turned(found, 5)
    return Series(run_id, key, total, exact=False, columns=[steps, times, mean, least, greatest])


def _by_time(db: Db, ids: Sequence[Any], extent: Sequence[Any], steps: Tuple[int, int], buckets: int) -> Optional[List[Tuple[Any, ...]]]:
    """Buckets by time, if their steps follow one another and most of them hold something; else None."""
    begin, end = extent[1], extent[2]
    if end - begin < buckets:
        return None
    edges = [begin + (end - begin + 1) * number // buckets for number in range(buckets + 1)]
    found = []
    before: Optional[int] = None
    for start, stop in zip(edges, edges[1:]):  # noqa: B905, RUF007 -- Python 3.8
        row = db.one(_BUCKET, (*ids, start, stop, *steps))
        if row is None or not row[0]:
            continue
        if before is not None and row[1] < before:
            return None
        before = row[2]
        found.append((row[1], *row[3:]))
    return found if len(found) > buckets // 2 else None


def _turned(rows: Sequence[Sequence[Any]], width: int) -> List[List[Any]]:
    return [list(column) for column in zip(*rows)] if rows else [[] for _ in range(width)]  # noqa: B905 -- Python 3.8
