"""SQL of runs and what is logged to them."""

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.sql import experiments as sql_experiments
from mlctl.sql.db import Db
from mlctl.sql.experiments import now_ms
from mlctl.tracking import validation
from mlctl.tracking.entities import ACTIVE, DELETED, RUN_NAME_TAG, STATUSES, Metric, Param, Run, RunData, RunInfo, RunTag

if TYPE_CHECKING:
    from mlctl.sql.logged_models import ModelPoint

_TOUCH = "UPDATE runs SET version = version + 1 WHERE id = ? AND run_id = ? AND deleted_ms = 0"
_ADD_POINT = "INSERT INTO metrics (run, key, timestamp_ms, step, value, nan) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_SET_LATEST = (
    "INSERT INTO latest (run, key, step, timestamp_ms, value, nan) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run, key) DO UPDATE "
    "SET step = excluded.step, timestamp_ms = excluded.timestamp_ms, value = excluded.value, nan = excluded.nan "
    "WHERE (excluded.step, excluded.timestamp_ms, excluded.value) > (latest.step, latest.timestamp_ms, latest.value)"
)
_PARAM = "SELECT value FROM params WHERE run = ? AND key = (SELECT id FROM keys WHERE name = ?)"
_ADD_PARAM = "INSERT INTO params (run, key, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_SET_TAG = "INSERT INTO tags (run, key, value) VALUES (?, ?, ?) ON CONFLICT (run, key) DO UPDATE SET value = excluded.value"
_INFO = (
    "SELECT r.id, r.run_id, r.name, r.experiment_id, r.user_id, r.status, r.start_ms, r.end_ms, r.deleted_ms, e.artifact_location, "
    "r.version FROM runs AS r JOIN experiments AS e ON e.id = r.experiment_id "
)
_VALUE = "CASE WHEN nan = 1 THEN NULL ELSE value END"
_LINKS = "SELECT 1 WHERE EXISTS (SELECT 1 FROM inputs) OR EXISTS (SELECT 1 FROM model_inputs) OR EXISTS (SELECT 1 FROM model_outputs)"
_NAN = float("nan")


class RunDetails(NamedTuple):
    """A run with all that a server tells of it; ``metrics`` are the latest points, ``version`` goes up with each change."""

    info: RunInfo
    metrics: List[Metric]
    params: Dict[str, str]
    tags: Dict[str, str]
    version: int


class Batch(NamedTuple):
    """What one call logs, checked and in the form in which it is stored.

    ``latest`` has the newest of the points of each key, ``models`` the points that belong to logged models as well.
    """

    points: List[validation.Point]
    latest: List[validation.Point]
    params: Dict[str, str]
    tags: Dict[str, str]
    models: "Sequence[ModelPoint]" = ()


def batch(*, metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[RunTag] = ()) -> Batch:
    """Check what is to be logged; needs no database.

    Raises:
        InvalidValueError: a key or value is not acceptable, or a param is given twice. Of tags given twice the last counts.
    """
    points = validation.points(metrics)
    if len(params) > 1:
        validation.unique_params([param.key for param in params])
    return Batch(
        points,
        points if len(points) < 2 else _newest(points),
        dict([validation.param(param.key, param.value) for param in params]) if params else {},
        dict([validation.tag(tag.key, tag.value) for tag in tags]) if tags else {},
        _of_models(metrics, points),
    )


def _of_models(metrics: Sequence[Metric], points: Sequence[validation.Point]) -> "Sequence[ModelPoint]":
    for metric in metrics:
        if metric.model_id:
            from mlctl.sql import logged_models

            return logged_models.points_of(metrics, points)
    return ()


def _newest(points: Iterable[validation.Point]) -> List[validation.Point]:
    """The point of each key that counts as its latest value: the greatest by step, timestamp, value; the first of equals."""
    best: Dict[str, validation.Point] = {}
    for point in points:
        key, timestamp, step, value, _ = point
        known = best.get(key)
        if known is None or (step, timestamp, value) > (known[2], known[1], known[3]):
            best[key] = point
    return list(best.values())


def create(db: Db, experiment_id: str, *, run_id: str, run_name: str, user_id: str, start_ms: int, status: str, logged: Batch) -> Run:
    """Make a run with its first params and tags (``logged`` has no metrics).

    Raises:
        InvalidValueError: the experiment is deleted, or a value is not acceptable.
        NotFoundError: there is no such experiment.
    """
    code = validation.status(status)
    validation.milliseconds(start_ms, what="start time")
    experiment, location = sql_experiments.active_number(db, experiment_id)
    name = _agreed_name(validation.tag(RUN_NAME_TAG, run_name)[1], logged.tags.get(RUN_NAME_TAG, ""))
    tags = {**logged.tags, RUN_NAME_TAG: name}
    db.execute(
        "INSERT INTO runs (run_id, experiment_id, name, user_id, status, start_ms) VALUES (?, ?, ?, ?, ?, ?)",
        (run_id, experiment, name, user_id, code, start_ms),
    )
    row = db.one("SELECT id FROM runs WHERE run_id = ?", (run_id,))
    assert row is not None
    db.remember_run(run_id, row[0])
    _write_pairs(db, row[0], params=logged.params, tags=tags)
    uri = f"{location}/{run_id}/artifacts"
    info = RunInfo(run_id, str(experiment), user_id, status, start_ms, None, ACTIVE, uri, name)
    return Run(info, RunData({}, dict(logged.params), tags))


def _agreed_name(run_name: str, tagged: str) -> str:
    if run_name and tagged and run_name != tagged:
        hint = "The name and the tag are one thing: give one of them, or both the same."
        raise InvalidValueError(f"The run name is {run_name!r}, but the tag {RUN_NAME_TAG} says {tagged!r}.", hint=hint)
    from mlctl.tracking import run_names

    return run_name or tagged or run_names.random_name()


def log(db: Db, run_id: str, logged: Batch) -> None:
    """Write a batch to an active run.

    Raises:
        InvalidValueError: the run is deleted, or a param has another value already.
        NotFoundError: there is no such run, or no such logged model.
    """
    params = _new_params(db, run_id, logged.params) if logged.params else {}
    if logged.models:
        _write_points_of_models(db, active_number(db, run_id), logged.models)
    run = touch(db, run_id)
    if logged.points:
        _write_points(db, run, logged)
    if params or logged.tags:
        _write_pairs(db, run, params=params, tags=_with_name(db, run, logged.tags))


def touch(db: Db, run_id: str) -> int:
    """The number of an active run, whose version is one more now.

    Raises:
        InvalidValueError: the run is deleted.
        NotFoundError: there is no such run.
    """
    number = db.runs.get(run_id)
    if number is None or not db.execute(_TOUCH, (number, run_id)).rowcount:
        number = active_number(db, run_id)
        db.execute(_TOUCH, (number, run_id))
        db.remember_run(run_id, number)
    return number


def active_number(db: Db, run_id: str) -> int:
    """The number of an active run.

    Raises:
        InvalidValueError: the run is deleted.
        NotFoundError: there is no such run.
    """
    number, deleted_ms = _row(db, run_id)
    if deleted_ms:
        raise InvalidValueError(f"The run {run_id} is deleted; it cannot be changed.", hint=f"mlctl runs restore {run_id}")
    return number


def _row(db: Db, run_id: str) -> Tuple[int, int]:
    row = db.one("SELECT id, deleted_ms FROM runs WHERE run_id = ?", (run_id,))
    if row is None:
        raise NotFoundError(f"There is no run with the id {run_id!r}.", hint="See: mlctl runs list")
    return row[0], row[1]


def number_of(db: Db, run_id: str) -> int:
    """The number by which tables name a run, active or deleted.

    Raises:
        NotFoundError: there is no such run.
    """
    return _row(db, run_id)[0]


def _write_points(db: Db, run: int, logged: Batch) -> None:
    key_id = db.key_id
    if len(logged.points) == 1:
        key, timestamp, step, value, nan = logged.points[0]
        number = key_id(key)
        db.execute(_ADD_POINT, (run, number, timestamp, step, value, nan))
        db.execute(_SET_LATEST, (run, number, step, timestamp, value, nan))
        return
    db.executemany(_ADD_POINT, [(run, key_id(key), timestamp, step, value, nan) for key, timestamp, step, value, nan in logged.points])
    db.executemany(_SET_LATEST, [(run, key_id(key), step, timestamp, value, nan) for key, timestamp, step, value, nan in logged.latest])


def _write_points_of_models(db: Db, run: int, points: "Sequence[ModelPoint]") -> None:
    from mlctl.sql import logged_models

    logged_models.log_points(db, run, points, logged_models.numbers_of(db, points))


def _write_pairs(db: Db, run: int, *, params: Dict[str, str], tags: Dict[str, str]) -> None:
    if params:
        db.executemany(_ADD_PARAM, [(run, db.key_id(key), value) for key, value in params.items()])
    if tags:
        db.executemany(_SET_TAG, [(run, db.key_id(key), value) for key, value in tags.items()])


def _new_params(db: Db, run_id: str, params: Dict[str, str]) -> Dict[str, str]:
    """Params that the run does not have yet."""
    run = active_number(db, run_id)
    known = {key: row[0] for key in params for row in db.execute(_PARAM, (run, key))}
    for key, value in params.items():
        if known.get(key, value) != value:
            hint = "A param is written once. Log the new value to a run of its own, or under another key."
            raise InvalidValueError(f"Run {run_id}: param {key!r} is {known[key]!r} and cannot become {value!r}.", hint=hint)
    return {key: value for key, value in params.items() if key not in known}


def _with_name(db: Db, run: int, tags: Dict[str, str]) -> Dict[str, str]:
    """The tags; one that names the run also renames it, an empty one does nothing."""
    name = tags.get(RUN_NAME_TAG)
    if name:
        db.execute("UPDATE runs SET name = ? WHERE id = ?", (name, run))
    return tags if name != "" else {key: value for key, value in tags.items() if key != RUN_NAME_TAG}


def update(db: Db, run_id: str, *, status: Optional[str], end_ms: Optional[int], run_name: Optional[str]) -> RunInfo:
    """Change what is given (an empty name is not); returns the run as it then stands.

    Raises:
        InvalidValueError: the run is deleted, or a value is not acceptable.
        NotFoundError: there is no such run.
    """
    code = None if status is None else validation.status(status)
    if end_ms is not None:
        validation.milliseconds(end_ms, what="end time")
    tags = {RUN_NAME_TAG: validation.tag(RUN_NAME_TAG, run_name)[1]} if run_name else {}
    run = touch(db, run_id)
    set_end(db, run, code=code, end_ms=end_ms)
    _write_pairs(db, run, params={}, tags=_with_name(db, run, tags))
    return infos(db, [run])[0]


def set_end(db: Db, run: int, *, code: Optional[int], end_ms: Optional[int]) -> None:
    """Set status and end time of a run, where they are given."""
    if code is not None or end_ms is not None:
        sql = "UPDATE runs SET status = COALESCE(?, status), end_ms = COALESCE(?, end_ms) WHERE id = ?"
        db.execute(sql, (code, end_ms, run))


def finish(db: Db, run: int, *, status: str, end_ms: int, tags: Dict[str, str]) -> None:
    """End a run, also one that was deleted meanwhile.

    Raises:
        InvalidValueError: there is no such status.
    """
    code = validation.status(status)
    validation.milliseconds(end_ms, what="end time")
    db.execute("UPDATE runs SET version = version + 1 WHERE id = ?", (run,))
    set_end(db, run, code=code, end_ms=end_ms)
    _write_pairs(db, run, params={}, tags=_with_name(db, run, tags))


def set_deleted(db: Db, run_id: str, *, deleted: bool) -> None:
    """Mark a run as deleted or active; it may be so already.

    Raises:
        NotFoundError: there is no such run.
    """
    run, before = _row(db, run_id)
    if bool(before) != deleted:
        db.execute("UPDATE runs SET deleted_ms = ?, version = version + 1 WHERE id = ?", (now_ms() if deleted else 0, run))


def delete_tag(db: Db, run_id: str, key: str) -> None:
    """Remove a tag of an active run.

    Raises:
        InvalidValueError: the run is deleted.
        NotFoundError: there is no such run, or it has no such tag.
    """
    run = active_number(db, run_id)
    row = db.one("SELECT t.key FROM tags AS t JOIN keys AS k ON k.id = t.key WHERE t.run = ? AND k.name = ?", (run, key))
    if row is None:
        raise NotFoundError(f"The run {run_id} has no tag {key!r}.")
    touch(db, run_id)
    db.execute("DELETE FROM tags WHERE run = ? AND key = ?", (run, row[0]))


def get(db: Db, run_id: str) -> Run:
    """A run, active or deleted, with its data; without inputs and outputs.

    Raises:
        NotFoundError: there is no such run.
    """
    return load(db, [number_of(db, run_id)])[0]


def with_prefix(db: Db, prefix: str, limit: int) -> List[str]:
    """Ids that start with a text, active or deleted, in order."""
    sql = "SELECT run_id FROM runs WHERE run_id >= ? AND run_id < ? ORDER BY run_id LIMIT ?"
    return [row[0] for row in db.execute(sql, (prefix, f"{prefix}\U0010ffff", limit))]


def infos(db: Db, runs: Sequence[int]) -> List[RunInfo]:
    """Runs without their data, in the order of their numbers."""
    return [_info(db, row) for row in _info_rows(db, runs)]


def _info_rows(db: Db, runs: Sequence[int]) -> List[Tuple[Any, ...]]:
    rows = {row[0]: row for row in db.select_in(_INFO + "WHERE r.id IN ({})", runs)}
    return [rows[run] for run in runs]


def _info(db: Db, row: Tuple[Any, ...]) -> RunInfo:
    _, run_id, name, experiment, user_id, code, start_ms, end_ms, deleted_ms, stored, _ = row
    return RunInfo(
        run_id,
        str(experiment),
        user_id,
        STATUSES[code - 1],
        start_ms,
        end_ms,
        DELETED if deleted_ms else ACTIVE,
        f"{sql_experiments.location(db, experiment, stored)}/{run_id}/artifacts",
        name,
    )


def load(db: Db, runs: Sequence[int]) -> List[Run]:
    """Runs with their data, in the order of their numbers, in a few statements for all of them; without inputs and outputs."""
    metrics = _by_run(db, f"SELECT run, key, {_VALUE} FROM latest WHERE run IN ({{}})", runs)
    params, tags = _pairs(db, runs)
    return [Run(info, RunData(metrics[run], params[run], tags[run])) for run, info in zip(runs, infos(db, runs))]  # noqa: B905 -- Python 3.8


def details(db: Db, runs: Sequence[int]) -> List[RunDetails]:
    """As `load`, with the whole of each latest point and with versions."""
    metrics = _latest(db, runs)
    params, tags = _pairs(db, runs)
    return [RunDetails(_info(db, row), metrics[row[0]], params[row[0]], tags[row[0]], row[-1]) for row in _info_rows(db, runs)]


def _pairs(db: Db, runs: Sequence[int]) -> Tuple[Dict[int, Dict[str, str]], Dict[int, Dict[str, str]]]:
    """Params and tags of runs."""
    params = _by_run(db, "SELECT run, key, value FROM params WHERE run IN ({})", runs)
    return params, _by_run(db, "SELECT run, key, value FROM tags WHERE run IN ({})", runs)


def _by_run(db: Db, sql: str, runs: Sequence[int]) -> Dict[int, Dict[str, Any]]:
    rows = db.select_in(sql, runs)
    names = db.names({key for _, key, _ in rows})
    found: Dict[int, Dict[str, Any]] = {run: {} for run in runs}
    for run, key, value in rows:
        found[run][names[key]] = _NAN if value is None else value
    return found


def _latest(db: Db, runs: Sequence[int]) -> Dict[int, List[Metric]]:
    rows = db.select_in(f"SELECT run, key, {_VALUE}, timestamp_ms, step FROM latest WHERE run IN ({{}})", runs)
    names = db.names({row[1] for row in rows})
    found: Dict[int, List[Metric]] = {run: [] for run in runs}
    for run, key, value, timestamp, step in rows:
        found[run].append(Metric(names[key], _NAN if value is None else value, timestamp, step))
    return found


def versions(db: Db, run_ids: Sequence[str]) -> Dict[str, int]:
    """Versions of runs by run id, active or deleted; without those that are not known."""
    return dict(db.select_in("SELECT run_id, version FROM runs WHERE run_id IN ({})", run_ids))


def versions_of(db: Db, runs: Sequence[int]) -> Dict[int, int]:
    """Versions of runs by their numbers, as a search finds them."""
    return dict(db.select_in("SELECT id, version FROM runs WHERE id IN ({})", runs))


def any_links(db: Db) -> bool:
    """Whether any run of the store has inputs or outputs: if none has, nobody needs `sql_datasets`."""
    return db.one(_LINKS, ()) is not None
