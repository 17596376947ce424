"""SQL of registered models: names, tags, aliases, and the history of what happened to them. Their versions are in `model_versions`."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

from mlctl.errors import ConflictError, ExistsError, InvalidValueError, NotFoundError
from mlctl.sql.db import Db
from mlctl.sql.experiments import now_ms
from mlctl.sql.model_version_rows import aliases_of, latest_of
from mlctl.tracking import registry
from mlctl.tracking.registry import RegisteredModel, RegistryEvent

_SET_TAG = (
    "INSERT INTO registered_model_tags (model, key, value) VALUES (?, ?, ?) ON CONFLICT (model, key) DO UPDATE SET value = excluded.value"
)
_SET_ALIAS = (
    "INSERT INTO registered_model_aliases (model, alias, version) VALUES (?, ?, ?) "
    "ON CONFLICT (model, alias) DO UPDATE SET version = excluded.version"
)
_ADD_EVENT = "INSERT INTO registry_events (model, version, at_ms, user_id, action, old, new) VALUES (?, ?, ?, ?, ?, ?, ?)"
_OF_MODEL = ("registered_model_tags", "registered_model_aliases", "registry_events")


def create(
    db: Db, name: str, *, tags: Sequence[Tuple[str, str]] = (), description: Optional[str] = None, user: str = ""
) -> RegisteredModel:
    """Make a registered model.

    Raises:
        ExistsError: the name is taken.
        InvalidValueError: the name or a tag is not acceptable.
    """
    checked = [registry.tag(key, value) for key, value in tags]
    _name_is_free(db, registry.model_name(name))
    now = now_ms()
    db.execute(
        "INSERT INTO registered_models (name, description, created_ms, updated_ms) VALUES (?, ?, ?, ?)", (name, description, now, now)
    )
    model = number_of(db, name)
    db.executemany(_SET_TAG, [(model, db.key_id(key), value) for key, value in checked])
    note(db, model, "created", user=user)
    return load(db, [model])[0]


def _name_is_free(db: Db, name: str) -> None:
    if db.one("SELECT 1 FROM registered_models WHERE name = ?", (name,)) is not None:
        raise ExistsError(f"The registered model {name!r} exists already.", hint="Register another version of it, or choose another name.")


def number_of(db: Db, name: str) -> int:
    """The number by which tables name a registered model.

    Raises:
        InvalidValueError: the name is not acceptable.
        NotFoundError: there is none.
    """
    row = db.one("SELECT id FROM registered_models WHERE name = ?", (registry.model_name(name),))
    if row is None:
        raise NotFoundError(f"There is no registered model {name!r}.", hint="See: mlctl registry list")
    return int(row[0])


def get(db: Db, name: str) -> RegisteredModel:
    """A registered model with its latest versions.

    Raises:
        NotFoundError: there is none.
    """
    return load(db, [number_of(db, name)])[0]


def update(db: Db, name: str, description: Optional[str], *, user: str = "") -> RegisteredModel:
    """Give a registered model another description.

    Raises:
        NotFoundError: there is none.
    """
    model = number_of(db, name)
    db.execute("UPDATE registered_models SET description = ?, updated_ms = ? WHERE id = ?", (description, now_ms(), model))
    note(db, model, "described", user=user)
    return load(db, [model])[0]


def rename(db: Db, name: str, new_name: str, *, user: str = "") -> RegisteredModel:
    """Give a registered model another name.

    Raises:
        ExistsError: the new name is taken.
        InvalidValueError: the new name is not acceptable.
        NotFoundError: there is no such model.
    """
    model = number_of(db, name)
    if registry.model_name(new_name) != name:
        _name_is_free(db, new_name)
    now = now_ms()
    db.execute("UPDATE registered_models SET name = ?, updated_ms = ? WHERE id = ?", (new_name, now, model))
    db.execute("UPDATE model_versions SET updated_ms = ? WHERE model = ?", (now, model))
    note(db, model, "renamed", user=user, before=name, after=new_name)
    return load(db, [model])[0]


def delete(db: Db, name: str) -> None:
    """Remove a registered model with its versions, for good.

    Raises:
        NotFoundError: there is none.
    """
    model = number_of(db, name)
    db.execute("DELETE FROM model_version_tags WHERE version IN (SELECT id FROM model_versions WHERE model = ?)", (model,))
    db.execute("DELETE FROM model_versions WHERE model = ?", (model,))
    for table in _OF_MODEL:
        db.execute(f"DELETE FROM {table} WHERE model = ?", (model,))
    db.execute("DELETE FROM registered_models WHERE id = ?", (model,))


def set_tag(db: Db, name: str, key: str, value: str) -> None:
    """Set a tag of a registered model.

    Raises:
        InvalidValueError: the tag is not acceptable.
        NotFoundError: there is no such model.
    """
    registry.tag(key, value)
    db.execute(_SET_TAG, (number_of(db, name), db.key_id(key), value))


def delete_tag(db: Db, name: str, key: str) -> None:
    """Remove a tag of a registered model; it may be absent.

    Raises:
        NotFoundError: there is no such model.
    """
    sql = "DELETE FROM registered_model_tags WHERE model = ? AND key = (SELECT id FROM keys WHERE name = ?)"
    db.execute(sql, (number_of(db, name), key))


def touch(db: Db, model: int, now: int) -> None:
    """Note that something of a registered model has changed."""
    db.execute("UPDATE registered_models SET updated_ms = ? WHERE id = ?", (now, model))


# ── aliases ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def set_alias(db: Db, name: str, alias: str, version: Any, *, only_over: Optional[str] = None, user: str = "") -> None:
    """Point an alias to a version, from wherever it points.

    Raises:
        ConflictError: ``only_over`` is given, and the alias does not point to that version (empty: to none) any more.
        InvalidValueError: the alias or the version is not acceptable.
        NotFoundError: there is no such model, or no such version.
    """
    model, number = number_of(db, name), registry.version_number(version)
    registry.alias(alias)
    if db.one("SELECT 1 FROM model_versions WHERE model = ? AND version = ? AND deleted_ms = 0", (model, number)) is None:
        raise no_version(name, version)
    before = _alias_version(db, model, alias)
    if only_over is not None and before != (registry.version_number(only_over) if only_over else None):
        raise moved(name, f"The alias {alias!r} of {name!r} points to", before=only_over, now=before)
    db.execute(_SET_ALIAS, (model, alias, number))
    note(db, model, f"alias {alias}", user=user, version=number, before="" if before is None else str(before), after=str(number))


def delete_alias(db: Db, name: str, alias: str, *, user: str = "") -> None:
    """Remove an alias; it may be absent.

    Raises:
        NotFoundError: there is no such model.
    """
    model = number_of(db, name)
    before = _alias_version(db, model, alias)
    if before is not None:
        db.execute("DELETE FROM registered_model_aliases WHERE model = ? AND alias = ?", (model, alias))
        note(db, model, f"alias {alias}", user=user, version=before, before=str(before))


def alias_version(db: Db, name: str, alias: str) -> int:
    """The version to which an alias points; ``latest`` is the highest.

    Raises:
        InvalidValueError: there is no such alias.
        NotFoundError: there is no such model, or ``latest`` of a model without versions.
    """
    model = number_of(db, name)
    if alias.lower() == "latest":
        row = db.one("SELECT max(version) FROM model_versions WHERE model = ? AND deleted_ms = 0", (model,))
        if row is None or row[0] is None:
            raise NotFoundError(f"The registered model {name!r} has no versions.")
        return int(row[0])
    found = _alias_version(db, model, alias)
    if found is None:
        raise InvalidValueError(f"The registered model {name!r} has no alias {alias!r}.", hint=f"See: mlctl registry show {name}")
    return found


def _alias_version(db: Db, model: int, alias: str) -> Optional[int]:
    row = db.one("SELECT version FROM registered_model_aliases WHERE model = ? AND alias = ?", (model, alias))
    return None if row is None else int(row[0])


def moved(name: str, what: str, *, before: str, now: Optional[int]) -> ConflictError:
    """The error for a place where another version is than the one that was seen there (empty: none)."""
    found = "no version" if now is None else f"version {now}"
    seen = f"version {before}" if before else "no version"
    return ConflictError(f"{what} {found}, where {seen} was: somebody has moved one.", hint=f"See: mlctl registry history {name}")


def no_version(name: str, version: Any) -> NotFoundError:
    """The error for a version that is not there."""
    return NotFoundError(f"The registered model {name!r} has no version {version}.", hint=f"See: mlctl registry show {name}")


# ── history ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def note(db: Db, model: int, action: str, *, user: str, version: Optional[int] = None, before: str = "", after: str = "") -> None:
    """Write into the history of a registered model."""
    db.execute(_ADD_EVENT, (model, version, now_ms(), user, action, before, after))


def history(db: Db, name: str) -> List[RegistryEvent]:
    """What has happened to a registered model and its versions, in that order.

    Raises:
        NotFoundError: there is no such model.
    """
    sql = "SELECT version, at_ms, user_id, action, old, new FROM registry_events WHERE model = ? ORDER BY id"
    rows = db.execute(sql, (number_of(db, name),))
    return [RegistryEvent(name, None if row[0] is None else str(row[0]), *row[1:]) for row in rows]


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def load(db: Db, models: Sequence[int]) -> List[RegisteredModel]:
    """Registered models with tags, aliases and latest versions, in the order of their numbers."""
    rows = {
        row[0]: row
        for row in db.select_in("SELECT id, name, description, created_ms, updated_ms FROM registered_models WHERE id IN ({})", models)
    }
    tags, aliases, latest = _tags(db, models), aliases_of(db, models), latest_of(db, models)
    found = []
    for model in models:
        _, name, description, created_ms, updated_ms = rows[model]
        found.append(RegisteredModel(name, created_ms, updated_ms, description, latest[model], tags[model], aliases[model]))
    return found


def _tags(db: Db, models: Sequence[int]) -> Dict[int, Dict[str, str]]:
    rows = db.select_in("SELECT model, key, value FROM registered_model_tags WHERE model IN ({})", models)
    names = db.names({row[1] for row in rows})
    found: Dict[int, Dict[str, str]] = {model: {} for model in models}
    for model, key, value in rows:
        found[model][names[key]] = value
    return found
