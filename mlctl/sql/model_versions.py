"""SQL of the versions of registered models: made from runs, logged models or other versions; stages; where their files are."""

from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from mlctl.errors import ConflictError, InvalidValueError, NotFoundError
from mlctl.sql import logged_models as sql_logged_models
from mlctl.sql import registry as sql_registry
from mlctl.sql import runs as sql_runs
from mlctl.sql.db import Db
from mlctl.sql.experiments import now_ms
from mlctl.sql.model_version_rows import latest_of, load
from mlctl.tracking import registry
from mlctl.tracking.logged_models import MODEL_VERSIONS_TAG
from mlctl.tracking.registry import SERVING, STAGES, ModelSource, ModelVersion

_ADD = (
    "INSERT INTO model_versions (model, version, stage, description, user_id, source, location, run_id, run_link, model_id, created_ms, "
    "updated_ms) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SET_TAG = (
    "INSERT INTO model_version_tags (version, key, value) VALUES (?, ?, ?) ON CONFLICT (version, key) DO UPDATE SET value = excluded.value"
)
_GONE = "REDACTED"


class Origin(NamedTuple):
    """A source as it is kept, and where its files really are."""

    kept: ModelSource
    location: str


def origin(db: Db, given: ModelSource) -> Origin:
    """What a source means: an address of another version takes over that version's lineage, one of a logged model its run.

    Raises:
        InvalidValueError: the address cannot be read.
        NotFoundError: what it names is not there.
    """
    source, run_id, model_id = given
    if source[:7].lower() != "models:":
        if model_id and not run_id:
            run_id = sql_logged_models.get(db, model_id).source_run_id or ""
        return Origin(ModelSource(source, run_id, model_id), source)
    address = registry.model_address(source)
    if address.model_id:
        model = sql_logged_models.get(db, address.model_id)
        kept = ModelSource(source, run_id or model.source_run_id or "", model_id or address.model_id)
        return Origin(kept, "/".join(filter(None, (model.artifact_location, address.path))))
    number = resolve(db, address)
    row = _row(db, address.name, number)
    kept = ModelSource(f"models:/{address.name}/{number}", run_id or row.run_id, model_id or row.model_id)
    return Origin(kept, row.location)


def resolve(db: Db, address: registry.ModelAddress) -> int:
    """The version that an address names.

    Raises:
        InvalidValueError: there is no such alias.
        NotFoundError: there is no such model or version, or none in the stage.
    """
    if address.version:
        return registry.version_number(address.version)
    if address.alias or not address.stage:
        return sql_registry.alias_version(db, address.name, address.alias or "latest")
    found = latest_versions(db, address.name, [address.stage])
    if not found:
        raise NotFoundError(f"The registered model {address.name!r} has no version in the stage {address.stage}.")
    return int(found[0].version)


def create(
    db: Db,
    name: str,
    given: ModelSource,
    *,
    tags: Sequence[Tuple[str, str]] = (),
    run_link: str = "",
    description: Optional[str] = None,
    user: str = "",
) -> ModelVersion:
    """Make the next version of a registered model.

    Raises:
        InvalidValueError: a value is not acceptable.
        NotFoundError: there is no such model, or what the source names is not there.
    """
    model, checked = sql_registry.number_of(db, name), [registry.tag(key, value) for key, value in tags]
    found, now = origin(db, given), now_ms()
    row = db.one("SELECT COALESCE(max(version), 0) + 1 FROM model_versions WHERE model = ?", (model,))
    number = int(row[0]) if row else 1
    kept = found.kept
    db.execute(_ADD, (model, number, description, user, kept.source, found.location, kept.run_id, run_link, kept.model_id, now, now))
    version = _row(db, name, number).id
    db.executemany(_SET_TAG, [(version, db.key_id(key), value) for key, value in checked])
    sql_registry.touch(db, model, now)
    sql_registry.note(db, model, "version created", user=user, version=number, after=kept.source)
    if kept.model_id:
        _tell_logged_model(db, kept.model_id, name, number)
    return load(db, [version])[0]


def _tell_logged_model(db: Db, model_id: str, name: str, number: int) -> None:
    """Add a version to those that a logged model has become."""
    import json

    tag = sql_logged_models.get(db, model_id).tags.get(MODEL_VERSIONS_TAG, "[]")
    try:
        known = json.loads(tag)
    except ValueError:
        known = []
    text = json.dumps([*(known if isinstance(known, list) else []), {"name": name, "version": number}])
    sql_logged_models.set_tags(db, model_id, {MODEL_VERSIONS_TAG: text})


class _Row(NamedTuple):
    id: int
    model: int
    stage: int
    run_id: str
    model_id: str
    location: str


def _row(db: Db, name: str, version: Any) -> _Row:
    model, number = sql_registry.number_of(db, name), registry.version_number(version)
    sql = "SELECT id, model, stage, run_id, model_id, location FROM model_versions WHERE model = ? AND version = ? AND deleted_ms = 0"
    row = db.one(sql, (model, number))
    if row is None:
        raise sql_registry.no_version(name, version)
    return _Row(*row)


def get(db: Db, name: str, version: Any) -> ModelVersion:
    """A version.

    Raises:
        InvalidValueError: the version is not an integer.
        NotFoundError: there is no such model or version.
    """
    return load(db, [_row(db, name, version).id])[0]


def update(db: Db, name: str, version: Any, description: Optional[str], *, user: str = "") -> ModelVersion:
    """Give a version another description.

    Raises:
        NotFoundError: there is no such model or version.
    """
    row = _row(db, name, version)
    db.execute("UPDATE model_versions SET description = ?, updated_ms = ? WHERE id = ?", (description, now_ms(), row.id))
    sql_registry.note(db, row.model, "described", user=user, version=registry.version_number(version))
    return load(db, [row.id])[0]


def transition(
    db: Db,
    name: str,
    version: Any,
    stage: str,
    *,
    archive_existing: bool = False,
    only_from: Optional[str] = None,
    only_over: Optional[str] = None,
    user: str = "",
) -> ModelVersion:
    """Move a version to a stage; with ``archive_existing`` the others that are there are archived in the same step.

    Raises:
        ConflictError: the version is not in the stage ``only_from``, or the highest other one in the new stage is not ``only_over``
            (empty: none is there), where these are given.
        InvalidValueError: there is no such stage, or none that is archived from.
        NotFoundError: there is no such model or version.
    """
    target = registry.stage(stage)
    if archive_existing and target not in SERVING:
        raise InvalidValueError(f"Existing versions are archived from {' and '.join(SERVING)} only, not from {target}.")
    row, now = _row(db, name, version), now_ms()
    if only_from is not None and STAGES[row.stage] != registry.stage(only_from):
        message = f"Version {version} of {name!r} is in the stage {STAGES[row.stage]}, not in {only_from}: somebody has moved it."
        raise ConflictError(message, hint=f"See: mlctl registry history {name}")
    if only_over is not None:
        _check_highest(db, row, target, name=name, expected=only_over)
    others: List[Tuple[int, int]] = []
    if archive_existing:
        sql = "SELECT id, version FROM model_versions WHERE model = ? AND deleted_ms = 0 AND stage = ? AND id <> ?"
        others = db.execute(sql, (row.model, STAGES.index(target), row.id)).fetchall()
    for other, number in others:
        _set_stage(db, other, "Archived", now)
        sql_registry.note(db, row.model, "stage", user=user, version=number, before=target, after="Archived")
    _set_stage(db, row.id, target, now)
    sql_registry.touch(db, row.model, now)
    before = STAGES[row.stage]
    sql_registry.note(db, row.model, "stage", user=user, version=registry.version_number(version), before=before, after=target)
    return load(db, [row.id])[0]


def _check_highest(db: Db, row: "_Row", stage: str, *, name: str, expected: str) -> None:
    """See that the highest version in a stage, apart from one, is still the expected one (empty: none)."""
    sql = "SELECT max(version) FROM model_versions WHERE model = ? AND deleted_ms = 0 AND stage = ? AND id <> ?"
    found = db.one(sql, (row.model, STAGES.index(stage), row.id))
    there = None if found is None else found[0]
    if there != (registry.version_number(expected) if expected else None):
        raise sql_registry.moved(name, f"The stage {stage} of {name!r} has", before=expected, now=there)


def _set_stage(db: Db, version: int, stage: str, now: int) -> None:
    db.execute("UPDATE model_versions SET stage = ?, updated_ms = ? WHERE id = ?", (STAGES.index(stage), now, version))


def delete(db: Db, name: str, version: Any, *, user: str = "") -> None:
    """Delete a version: its number is never given again, its aliases go, and what it came from is forgotten.

    Raises:
        NotFoundError: there is no such model or version.
    """
    row, number, now = _row(db, name, version), registry.version_number(version), now_ms()
    db.execute("DELETE FROM registered_model_aliases WHERE model = ? AND version = ?", (row.model, number))
    db.execute("DELETE FROM model_version_tags WHERE version = ?", (row.id,))
    db.execute(
        "UPDATE model_versions SET deleted_ms = ?, updated_ms = ?, description = NULL, source = ?, location = '', run_id = '', "
        "run_link = '', model_id = '' WHERE id = ?",
        (now, now, _GONE, row.id),
    )
    sql_registry.touch(db, row.model, now)
    sql_registry.note(db, row.model, "version deleted", user=user, version=number)


def set_tag(db: Db, name: str, version: Any, key: str, value: str) -> None:
    """Set a tag of a version.

    Raises:
        InvalidValueError: the tag is not acceptable.
        NotFoundError: there is no such model or version.
    """
    registry.tag(key, value)
    db.execute(_SET_TAG, (_row(db, name, version).id, db.key_id(key), value))


def delete_tag(db: Db, name: str, version: Any, key: str) -> None:
    """Remove a tag of a version; it may be absent.

    Raises:
        NotFoundError: there is no such model or version.
    """
    sql = "DELETE FROM model_version_tags WHERE version = ? AND key = (SELECT id FROM keys WHERE name = ?)"
    db.execute(sql, (_row(db, name, version).id, key))


def download_uri(db: Db, name: str, version: Any) -> str:
    """Where the files of a version are; an address inside a run is turned into where that run keeps them.

    Raises:
        NotFoundError: there is no such model, version or run.
    """
    location = _row(db, name, version).location
    if location[:6].lower() != "runs:/":
        return location
    run_id, _, path = location[6:].lstrip("/").partition("/")
    return "/".join(filter(None, (sql_runs.get(db, run_id).info.artifact_uri, path)))


def latest_versions(db: Db, name: str, stages: Sequence[str] = ()) -> List[ModelVersion]:
    """The highest version of each stage asked for (of all, if none is named).

    Raises:
        InvalidValueError: there is no such stage.
        NotFoundError: there is no such model.
    """
    model = sql_registry.number_of(db, name)
    wanted = [registry.stage(stage) for stage in stages] or STAGES
    return [version for version in latest_of(db, [model], with_aliases=True)[model] if version.current_stage in wanted]
