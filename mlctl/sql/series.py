"""SQL of curves: a metric of a run in as many buckets as a chart has room for, each with its least, mean and greatest value.

The history is clustered by time, so a bucket is a stretch of time that is read without sorting. Where steps do not follow time, or many
points share a time, buckets are stretches of steps.
"""

from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from mlctl.sql.db import Db

_OF = "FROM metrics WHERE run = ? AND key = ?"
_POINTS_UP_TO = f"SELECT step, timestamp_ms, value {_OF} AND step BETWEEN ? AND ? AND nan = 0 LIMIT ?"
_STEPS = f"SELECT min(step), max(step) {_OF} AND step BETWEEN ? AND ? AND nan = 0"
_BUCKET = (
    f"SELECT count(*), min(step), max(step), min(timestamp_ms), min(value), avg(value), max(value) {_OF} "
    "AND timestamp_ms >= ? AND timestamp_ms < ? AND step BETWEEN ? AND ? AND nan = 0"
)
_BY_STEP = (
    f"SELECT count(*), min(step), min(timestamp_ms), min(value), avg(value), max(value) {_OF} AND step BETWEEN ? AND ? AND nan = 0 "
    "GROUP BY (step - ?) / ? ORDER BY 2"
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
    few = db.execute(_POINTS_UP_TO, (*ids, low, high, 2 * buckets + 1)).fetchall()
    if not few:
        return None
    if len(few) <= 2 * buckets:
        return Series(run_id, key, len(few), exact=True, columns=_turned(sorted(few), 3))
    found = _by_time(db, ids, _times(db, ids, (low, high), is_bounded=first is not None or last is not None), (low, high), buckets)
    if not found:
        least, most = db.one(_STEPS, (*ids, low, high)) or (0, 0)
        found = db.execute(_BY_STEP, (*ids, low, high, least, max(1, -(-(most - least + 1) // buckets)))).fetchall()
    counts, *columns = _turned(found, 6)
    steps, times, least_values, means, greatest = columns
    return Series(run_id, key, sum(counts), exact=False, columns=[steps, times, means, least_values, greatest])


def _times(db: Db, ids: Sequence[Any], steps: Tuple[int, int], *, is_bounded: bool) -> Tuple[int, int]:
    """First and last time of a stretch: the ends of the index, where it is the whole metric."""
    if is_bounded:
        row = db.one(f"SELECT min(timestamp_ms), max(timestamp_ms) {_OF} AND step BETWEEN ? AND ? AND nan = 0", (*ids, *steps))
    else:
        row = db.one(f"SELECT (SELECT min(timestamp_ms) {_OF}), (SELECT max(timestamp_ms) {_OF})", (*ids, *ids))
    assert row is not None
    return row[0], row[1]


def _by_time(db: Db, ids: Sequence[Any], times: Tuple[int, int], steps: Tuple[int, int], buckets: int) -> List[Tuple[Any, ...]]:
    """Buckets by time, if their steps follow one another and most of them hold something; else nothing."""
    begin, end = times
    if end - begin < buckets:
        return []
    edges = [begin + (end - begin + 1) * number // buckets for number in range(buckets + 1)]
    found = []
    before: Optional[int] = None
    for start, stop in zip(edges, edges[1:]):  # noqa: B905, RUF007 -- Python 3.8
        row = db.one(_BUCKET, (*ids, start, stop, *steps))
        if row is None or not row[0]:
            continue
        if before is not None and row[1] < before:
            return []
        before = row[2]
        found.append((row[0], row[1], *row[3:]))
    return found if len(found) > buckets // 2 else []


def _turned(rows: Sequence[Sequence[Any]], width: int) -> List[List[Any]]:
    return [list(column) for column in zip(*rows)] if rows else [[] for _ in range(width)]  # noqa: B905 -- Python 3.8
