"""SQL of experiments and their tags."""

import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from mlctl.errors import ExistsError, InvalidValueError, NotFoundError
from mlctl.sql import search as sql_search
from mlctl.sql.db import Db
from mlctl.tracking import validation
from mlctl.tracking.entities import ACTIVE, DELETED, Experiment, ExperimentTag, Page

_COLUMNS = "SELECT id, name, artifact_location, deleted_ms, created_ms, updated_ms FROM experiments "
_SET_TAG = (
    "INSERT INTO experiment_tags (experiment_id, key, value) VALUES (?, ?, ?) "
    "ON CONFLICT (experiment_id, key) DO UPDATE SET value = excluded.value"
)


def now_ms() -> int:
    """The time in ms since the epoch."""
    return time.time_ns() // 1_000_000


def location(db: Db, number: int, stored: str) -> str:
    """Where an experiment's artifacts are; an empty stored location is the default one, so that the store's folder can be moved."""
    return stored.rstrip("/") or f"{db.folder}/artifacts/{number}"


def create(db: Db, name: str, *, artifact_location: str = "", tags: Sequence[ExperimentTag] = ()) -> str:
    """Make an experiment; returns its id.

    Raises:
        ExistsError: the name is taken, maybe by a deleted experiment.
        InvalidValueError: the name, a tag or the location is not acceptable.
    """
    validation.experiment_name(name)
    where = validation.artifact_location(artifact_location)
    pairs = [validation.experiment_tag(tag.key, tag.value) for tag in tags]
    _name_is_free(db, name)
    now = now_ms()
    db.execute("INSERT INTO experiments (name, artifact_location, created_ms, updated_ms) VALUES (?, ?, ?, ?)", (name, where, now, now))
    number = _row(db, "WHERE name = ?", name)[0]
    db.executemany(_SET_TAG, [(number, key, value) for key, value in pairs])
    return str(number)


def _name_is_free(db: Db, name: str) -> None:
    taken = db.one("SELECT id, deleted_ms FROM experiments WHERE name = ?", (name,))
    if taken is None:
        return
    if taken[1]:
        hint = f"Restore it (mlctl experiments restore {taken[0]}) or choose another name."
        raise ExistsError(f"The experiment {name!r} exists already; it is deleted.", hint=hint)
    raise ExistsError(f"The experiment {name!r} exists already (id {taken[0]}).")


def _row(db: Db, where: str, value: Any) -> Tuple[Any, ...]:
    row = db.one(_COLUMNS + where, (value,))
    if row is None:
        raise NotFoundError(f"There is no experiment with the id {value}.", hint="See: mlctl experiments list")
    return row


def _active(db: Db, experiment_id: str, verb: str) -> Tuple[Any, ...]:
    row = _row(db, "WHERE id = ?", validation.experiment_id(experiment_id))
    if row[3]:
        hint = f"mlctl experiments restore {row[0]}"
        raise InvalidValueError(f"The experiment {row[1]!r} (id {row[0]}) is deleted; it cannot be {verb}.", hint=hint)
    return row


def active_number(db: Db, experiment_id: str) -> Tuple[int, str]:
    """Number and artifact location of an experiment that takes new runs.

    Raises:
        InvalidValueError: it is deleted, or the id is not an integer.
        NotFoundError: there is none.
    """
    row = _active(db, experiment_id, "logged to")
    return row[0], location(db, row[0], row[2])


def get(db: Db, experiment_id: str) -> Experiment:
    """An experiment, active or deleted.

    Raises:
        InvalidValueError: the id is not an integer.
        NotFoundError: there is none.
    """
    return _entities(db, [_row(db, "WHERE id = ?", validation.experiment_id(experiment_id))])[0]


def by_name(db: Db, name: str) -> Optional[Experiment]:
    """The experiment of a name, active or deleted."""
    found = _entities(db, db.execute(_COLUMNS + "WHERE name = ?", (name,)).fetchall())
    return found[0] if found else None


def _entities(db: Db, rows: Sequence[Tuple[Any, ...]]) -> List[Experiment]:
    tags: Dict[int, Dict[str, str]] = {row[0]: {} for row in rows}
    for number, key, value in db.select_in("SELECT experiment_id, key, value FROM experiment_tags WHERE experiment_id IN ({})", list(tags)):
        tags[number][key] = value
    return [
        Experiment(
            experiment_id=str(number),
            name=name,
            artifact_location=location(db, number, stored),
            lifecycle_stage=DELETED if deleted_ms else ACTIVE,
            tags=tags[number],
            creation_time=created_ms,
            last_update_time=updated_ms,
        )
        for number, name, stored, deleted_ms, created_ms, updated_ms in rows
    ]


def search(
    db: Db, *, filter_string: str, order_by: Sequence[str], view: str, max_results: int, page_token: Optional[str]
) -> Page[Experiment]:
    """Experiments that a filter finds.

    Raises:
        InvalidValueError: the filter, the order, the view, the page size or the token is wrong.
    """
    size, offset = validation.page_size(max_results), validation.page_offset(page_token)
    where, order, values = sql_search.experiments(filter_string, order_by, view=validation.view(view))
    sql = f"{_COLUMNS}AS e WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
    rows = db.execute(sql, (*values, size + 1, offset)).fetchall()
    return Page(_entities(db, rows[:size]), validation.page_token(offset + size) if len(rows) > size else None)


def rename(db: Db, experiment_id: str, new_name: str) -> None:
    """Give an active experiment another name.

    Raises:
        ExistsError: the name is taken, maybe by a deleted experiment.
        InvalidValueError: the experiment is deleted, or the name is not acceptable.
        NotFoundError: there is no such experiment.
    """
    validation.experiment_name(new_name)
    row = _active(db, experiment_id, "renamed")
    if row[1] != new_name:
        _name_is_free(db, new_name)
    db.execute("UPDATE experiments SET name = ?, updated_ms = ? WHERE id = ?", (new_name, now_ms(), row[0]))


def delete(db: Db, experiment_id: str) -> None:
    """Mark an active experiment and all its runs as deleted.

    Raises:
        NotFoundError: there is no such experiment, or it is deleted already.
    """
    _set_deleted(db, experiment_id, now_ms())


def restore(db: Db, experiment_id: str) -> None:
    """Undo `delete`: the experiment and all its runs are active, also runs that were deleted one by one before.

    Raises:
        NotFoundError: there is no such experiment, or it is active.
    """
    _set_deleted(db, experiment_id, 0)


def _set_deleted(db: Db, experiment_id: str, deleted_ms: int) -> None:
    row = _row(db, "WHERE id = ?", validation.experiment_id(experiment_id))
    if bool(row[3]) == bool(deleted_ms):
        raise NotFoundError(f"The experiment {row[1]!r} (id {row[0]}) is {'deleted already' if deleted_ms else 'not deleted'}.")
    db.execute("UPDATE experiments SET deleted_ms = ?, updated_ms = ? WHERE id = ?", (deleted_ms, now_ms(), row[0]))
    db.execute("UPDATE runs SET deleted_ms = ?, version = version + 1 WHERE experiment_id = ?", (deleted_ms, row[0]))


def set_tag(db: Db, experiment_id: str, tag: ExperimentTag) -> None:
    """Set a tag of an active experiment.

    Raises:
        InvalidValueError: the experiment is deleted, or the tag is not acceptable.
        NotFoundError: there is no such experiment.
    """
    key, value = validation.experiment_tag(tag.key, tag.value)
    number = _active(db, experiment_id, "tagged")[0]
    db.execute(_SET_TAG, (number, key, value))


def delete_tag(db: Db, experiment_id: str, key: str) -> None:
    """Remove a tag of an active experiment.

    Raises:
        InvalidValueError: the experiment is deleted.
        NotFoundError: there is no such experiment, or it has no such tag.
    """
    number = _active(db, experiment_id, "tagged")[0]
    if not db.execute("DELETE FROM experiment_tags WHERE experiment_id = ? AND key = ?", (number, key)).rowcount:
        raise NotFoundError(f"The experiment {experiment_id} has no tag {key!r}.")
