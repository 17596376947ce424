"""SQL of the histories of metrics: one after the other, many at once, and long ones in few points, as charts ask for them."""

import gc
from contextlib import contextmanager
from itertools import islice
from typing import Any, Iterable, Iterator, List, Optional, Sequence, Tuple

from mlctl.errors import InvalidValueError
from mlctl.sql.db import Db
from mlctl.tracking import validation
from mlctl.tracking.entities import Entity, Metric, Page

_HISTORY = (
    "SELECT CASE WHEN nan = 1 THEN NULL ELSE value END, timestamp_ms, step FROM metrics WHERE run = (SELECT id FROM runs WHERE run_id = ?) "
    "AND key = (SELECT id FROM keys WHERE name = ?) ORDER BY timestamp_ms, step, value LIMIT ? OFFSET ?"
)
_NAN = float("nan")
_STRETCH = (
    "FROM metrics WHERE run = (SELECT id FROM runs WHERE run_id = ?) AND key = (SELECT id FROM keys WHERE name = ?) "
    "AND step BETWEEN ? AND ?"
)
_COUNT = f"SELECT count(*) {_STRETCH}"
_POINTS = f"SELECT value, nan, timestamp_ms, step {_STRETCH} ORDER BY step, timestamp_ms, value, nan"


def rows(db: Db, run_id: str, key: str, *, max_results: Optional[int], offset: int) -> Iterator[Tuple[Optional[float], int, int]]:
    """As `history`, one by one: value (None for NaN), timestamp, step. One row more than asked for shows that there is more.

    Raises:
        InvalidValueError: ``max_results`` is below 1.
    """
    limit = validation.INT64 if max_results is None else min(_count(max_results, most=validation.INT64) + 1, validation.INT64)
    return iter(db.execute(_HISTORY, (run_id, key, limit, offset)))


def history(db: Db, run_id: str, key: str, *, max_results: Optional[int], page_token: Optional[str]) -> Page[Metric]:
    """Points of a metric by timestamp, step and value; nothing for a run or key that is not known.

    Raises:
        InvalidValueError: the page size is below 1, or no store made the token.
    """
    offset = validation.page_offset(page_token)
    found = rows(db, run_id, key, max_results=max_results, offset=offset)
    with _no_collections():
        points = _points(key, found)
    token = None
    if max_results is not None and len(points) > max_results:
        points.pop()
        token = validation.page_token(offset + max_results)
    return Page(points, token)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Without the cyclic garbage collector, which would look through a long list of new objects again and again (a quarter of the time)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Point(Entity):
    """What becomes a `Metric`: attributes are set on it at a third of what a frozen dataclass's constructor takes."""

    key: str
    value: float
    timestamp: int
    step: int


def _points(key: str, rows: Iterable[Tuple[Optional[float], int, int]]) -> List[Metric]:
    found: List[Metric] = []
    for value, timestamp, step in rows:
        point: Any = _Point()
        point.key = key
        point.value = _NAN if value is None else value
        point.timestamp = timestamp
        point.step = step
        point.__class__ = Metric
        found.append(point)
    return found


def histories(db: Db, run_ids: Sequence[str], key: str, *, max_results: int = validation.BULK_POINTS) -> List[Tuple[str, List[Metric]]]:
    """Points of one metric of 1 to 100 runs, at most ``max_results`` in all: runs by id, their points as in `history`.

    Runs that have no such points are left out. More than 25,000 points are never returned.

    Raises:
        InvalidValueError: there are no or too many runs, or ``max_results`` is below 1.
    """
    if not 1 <= len(run_ids) <= validation.BULK_RUNS:
        raise InvalidValueError(f"Histories of {len(run_ids)} runs are asked for; 1 to {validation.BULK_RUNS} are allowed.")
    left = min(_count(max_results, most=validation.INT64), validation.BULK_POINTS)
    found: List[Tuple[str, List[Metric]]] = []
    for run_id in sorted(set(run_ids)):
        points = history(db, run_id, key, max_results=left, page_token=None)
        if points:
            found.append((run_id, points))
            left -= len(points)
        if not left:
            break
    return found


def sampled_history(
    db: Db,
    run_id: str,
    key: str,
    *,
    start_step: Optional[int] = None,
    end_step: Optional[int] = None,
    max_results: int = validation.SAMPLED_POINTS,
) -> List[Metric]:
    """At most ``max_results`` points of a metric by step, timestamp and value, spread evenly; the last one is always there.

    The points are dealt into ``max_results`` buckets as SQL's NTILE does, and the first of each is taken, as in MLflow. Nothing for a
    run or key that is not known. The steps bound the points, both included.

    Raises:
        InvalidValueError: ``max_results`` is not from 1 to 2500, only one step is given, or they are in the wrong order.
    """
    most = _count(max_results, most=validation.SAMPLED_POINTS)
    values = (run_id, key, *_interval(start_step, end_step))
    row = db.one(_COUNT, values)
    picks = _picks(int(row[0]) if row else 0, most)
    rows = iter(db.execute(_POINTS, values))
    found: List[Metric] = []
    behind = 0
    for pick in picks:
        found += [_metric(key, item) for item in islice(rows, pick - behind, pick - behind + 1)]
        behind = pick + 1
    return found


def _count(number: Any, *, most: int) -> int:
    if type(number) is not int or not 1 <= number <= most:
        raise InvalidValueError(f"max_results is {number!r}; it must be an integer from 1 to {most}.")
    return number


def _interval(start_step: Optional[int], end_step: Optional[int]) -> Tuple[int, int]:
    if start_step is None and end_step is None:
        return -validation.INT64 - 1, validation.INT64
    if start_step is None or end_step is None:
        raise InvalidValueError("Only one of start_step and end_step is given.", hint="Give both of them, or none.")
    first, last = validation.step(start_step, what="start_step"), validation.step(end_step, what="end_step")
    if first > last:
        raise InvalidValueError(f"start_step is {first}, which is after end_step, {last}.")
    return first, last


def _picks(total: int, buckets: int) -> List[int]:
    """Which of ``total`` points to take: the first of each bucket, of which the first ``total % buckets`` hold one more; and the last."""
    if total <= buckets:
        return list(range(total))
    size, larger = divmod(total, buckets)
    return [*(bucket * size + min(bucket, larger) for bucket in range(buckets - 1)), total - 1]


def _metric(key: str, row: Tuple[float, int, int, int]) -> Metric:
    value, nan, timestamp, step = row
    return Metric(key, float("nan") if nan else value, timestamp, step)
