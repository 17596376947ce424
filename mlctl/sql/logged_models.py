"""SQL of logged models: what they are, their params, tags and points. `logged_model_search` finds them."""

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.sql import experiments as sql_experiments
from mlctl.sql.db import Db
from mlctl.sql.experiments import now_ms
from mlctl.tracking import validation
from mlctl.tracking.entities import Metric
from mlctl.tracking.logged_models import CODES, LoggedModel, LoggedModelStatus

_COLUMNS = (
    "SELECT m.id, m.model_id, m.experiment_id, m.name, m.model_type, m.source_run_id, m.status, m.status_message, "
    "m.created_ms, m.updated_ms, e.artifact_location FROM logged_models AS m JOIN experiments AS e ON e.id = m.experiment_id "
)
_SET_TAG = (
    "INSERT INTO logged_model_tags (model, key, value) VALUES (?, ?, ?) ON CONFLICT (model, key) DO UPDATE SET value = excluded.value"
)
_ADD_PARAM = "INSERT INTO logged_model_params (model, key, value) VALUES (?, ?, ?)"
_ADD_POINT = (
    "INSERT INTO logged_model_metrics (model, key, timestamp_ms, step, run, dataset_name, dataset_digest, value, nan) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_POINTS = (
    "SELECT p.model, p.key, p.value, p.nan, p.timestamp_ms, p.step, p.dataset_name, p.dataset_digest, r.run_id "
    "FROM logged_model_metrics AS p JOIN runs AS r ON r.id = p.run WHERE p.model IN ({}) ORDER BY p.model, p.key, p.timestamp_ms, p.step, "
    "p.value, p.nan"
)
_KEY_LENGTH, _VALUE_LENGTH = 5000, 1 << 24
_STATUSES = list(LoggedModelStatus)


class ModelPoint(NamedTuple):
    """A checked point of a metric, and whose it is beside the run's."""

    model_id: str
    dataset_name: str
    dataset_digest: str
    point: validation.Point


def create(
    db: Db,
    experiment_id: str,
    *,
    model_id: str,
    name: str,
    model_type: str = "",
    source_run_id: str = "",
    params: Sequence[Tuple[str, str]] = (),
    tags: Sequence[Tuple[str, str]] = (),
) -> LoggedModel:
    """Make a model, which is PENDING. Whether there is such a run is not asked, as in MLflow.

    Raises:
        InvalidValueError: the experiment is deleted, or a value is not acceptable.
        NotFoundError: there is no such experiment.
    """
    pairs, labels = checked_params(params), checked_tags(tags)
    experiment, _ = sql_experiments.active_number(db, experiment_id)
    now = now_ms()
    db.execute(
        "INSERT INTO logged_models (model_id, experiment_id, name, model_type, source_run_id, status, created_ms, updated_ms) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (model_id, experiment, name, model_type, source_run_id, CODES[LoggedModelStatus.PENDING], now, now),
    )
    model = number_of(db, model_id)
    db.executemany(_ADD_PARAM, [(model, db.key_id(key), value) for key, value in pairs.items()])
    db.executemany(_SET_TAG, [(model, db.key_id(key), value) for key, value in labels.items()])
    return load(db, [model])[0]


def checked_params(given: Sequence[Tuple[str, str]]) -> Dict[str, str]:
    """Params of a model.

    Raises:
        InvalidValueError: a key or value is not acceptable, or a key is given twice.
    """
    if len(given) > 1:
        validation.unique_params([key for key, _ in given])
    return dict([_pair(key, value, "param") for key, value in given])


def checked_tags(given: Sequence[Tuple[str, str]]) -> Dict[str, str]:
    """Tags of a model; of those given twice the last counts.

    Raises:
        InvalidValueError: a key or value is not acceptable.
    """
    return dict([_pair(key, value, "tag") for key, value in given])


def _pair(key: str, value: str, what: str) -> Tuple[str, str]:
    """Key and value as they are: MLflow bounds neither for logged models, and cuts nothing."""
    if not key:
        raise InvalidValueError(f"A {what} of the logged model has no key.")
    return validation.short_text(key, f"{what} key", _KEY_LENGTH), validation.short_text(value, f"value of {what} {key!r}", _VALUE_LENGTH)


def number_of(db: Db, model_id: str, *, deleted: bool = True) -> int:
    """The number by which tables name a model; ``deleted`` ones are found, too, unless they are not wanted.

    Raises:
        NotFoundError: there is no such model.
    """
    row = db.one("SELECT id, deleted_ms FROM logged_models WHERE model_id = ?", (model_id,))
    if row is None or (row[1] and not deleted):
        raise NotFoundError(f"There is no logged model with the id {model_id!r}.", hint="See: mlctl models list")
    return int(row[0])


def get(db: Db, model_id: str, *, allow_deleted: bool = False) -> LoggedModel:
    """A model.

    Raises:
        NotFoundError: there is no such model.
    """
    return load(db, [number_of(db, model_id, deleted=allow_deleted)])[0]


def finalize(db: Db, model_id: str, status: LoggedModelStatus) -> LoggedModel:
    """Give a model another status.

    Raises:
        NotFoundError: there is no such model.
    """
    model = number_of(db, model_id, deleted=False)
    db.execute("UPDATE logged_models SET status = ?, updated_ms = ? WHERE id = ?", (CODES[status], now_ms(), model))
    return load(db, [model])[0]


def delete(db: Db, model_id: str) -> None:
    """Mark a model as deleted; it may be so already.

    Raises:
        NotFoundError: there is no such model.
    """
    now = now_ms()
    db.execute("UPDATE logged_models SET deleted_ms = ?, updated_ms = ? WHERE id = ?", (now, now, number_of(db, model_id)))


def set_tags(db: Db, model_id: str, tags: Dict[str, str]) -> None:
    """Set checked tags of a model.

    Raises:
        NotFoundError: there is no such model.
    """
    model = number_of(db, model_id, deleted=False)
    db.executemany(_SET_TAG, [(model, db.key_id(key), value) for key, value in tags.items()])


def delete_tag(db: Db, model_id: str, key: str) -> None:
    """Remove a tag of a model.

    Raises:
        NotFoundError: there is no such model, or it has no such tag.
    """
    model = number_of(db, model_id, deleted=False)
    sql = "DELETE FROM logged_model_tags WHERE model = ? AND key = (SELECT id FROM keys WHERE name = ?)"
    if not db.execute(sql, (model, key)).rowcount:
        raise NotFoundError(f"The logged model {model_id} has no tag {key!r}.")


def log_params(db: Db, model_id: str, params: Dict[str, str]) -> None:
    """Add checked params to a model.

    Raises:
        InvalidValueError: it has one of them already.
        NotFoundError: there is no such model.
    """
    model = number_of(db, model_id, deleted=False)
    known = _pairs(db, "params", [model])[model]
    twice = next((key for key in params if key in known), None)
    if twice is not None:
        raise InvalidValueError(f"The logged model {model_id} has the param {twice!r} already.", hint="A param is written once.")
    db.executemany(_ADD_PARAM, [(model, db.key_id(key), value) for key, value in params.items()])


def points_of(metrics: Sequence[Metric], points: Sequence[validation.Point]) -> List[ModelPoint]:
    """Those of the metrics that are of a model; ``points`` are the same metrics, checked."""
    return [
        ModelPoint(metric.model_id, metric.dataset_name or "", metric.dataset_digest or "", point)
        for metric, point in zip(metrics, points)  # noqa: B905 -- Python 3.8
        if metric.model_id
    ]


def numbers_of(db: Db, points: Sequence[ModelPoint]) -> Dict[str, int]:
    """The numbers of the models of some points.

    Raises:
        NotFoundError: there is no such model.
    """
    return {model_id: number_of(db, model_id, deleted=False) for model_id in dict.fromkeys(point.model_id for point in points)}


def log_points(db: Db, run: int, points: Sequence[ModelPoint], models: Dict[str, int]) -> None:
    """Log points of models, which a run has measured; one that is there already is passed over."""
    rows = []
    for model_id, dataset_name, dataset_digest, (key, timestamp, step, value, nan) in points:
        rows.append((models[model_id], db.key_id(key), timestamp, step, run, dataset_name, dataset_digest, value, nan))
    db.executemany(_ADD_POINT, rows)


def load(db: Db, models: Sequence[int]) -> List[LoggedModel]:
    """Models with all that belongs to them, in the order of their numbers, in a few statements."""
    rows = {row[0]: row for row in db.select_in(_COLUMNS + "WHERE m.id IN ({})", models)}
    params, tags = _pairs(db, "params", models), _pairs(db, "tags", models)
    metrics = _metrics(db, {number: row[1] for number, row in rows.items()})
    return [_model(db, rows[model], params=params[model], tags=tags[model], metrics=metrics[model]) for model in models]


def _model(db: Db, row: Tuple[Any, ...], *, params: Dict[str, str], tags: Dict[str, str], metrics: List[Metric]) -> LoggedModel:
    _, model_id, experiment, name, model_type, source_run_id, code, message, created_ms, updated_ms, stored = row
    return LoggedModel(
        experiment_id=str(experiment),
        model_id=model_id,
        name=name,
        artifact_location=f"{sql_experiments.location(db, experiment, stored)}/models/{model_id}/artifacts",
        creation_timestamp=created_ms,
        last_updated_timestamp=updated_ms,
        model_type=model_type or None,
        source_run_id=source_run_id or None,
        status=_STATUSES[code],
        status_message=message or None,
        tags=tags,
        params=params,
        metrics=metrics,
    )


def _pairs(db: Db, kind: str, models: Sequence[int]) -> Dict[int, Dict[str, str]]:
    rows = db.select_in(f"SELECT model, key, value FROM logged_model_{kind} WHERE model IN ({{}})", models)
    names = db.names({key for _, key, _ in rows})
    found: Dict[int, Dict[str, str]] = {model: {} for model in models}
    for model, key, value in sorted(rows, key=lambda row: names[row[1]]):
        found[model][names[key]] = value
    return found


def _metrics(db: Db, model_ids: Dict[int, str]) -> Dict[int, List[Metric]]:
    rows = db.select_in(_POINTS, list(model_ids))
    names = db.names({row[1] for row in rows})
    found: Dict[int, List[Metric]] = {model: [] for model in model_ids}
    for model, key, value, nan, timestamp, step, dataset_name, dataset_digest, run_id in rows:
        about = (model_ids[model], dataset_name or None, dataset_digest or None, run_id)
        found[model].append(Metric(names[key], float("nan") if nan else value, timestamp, step, *about))
    return found
