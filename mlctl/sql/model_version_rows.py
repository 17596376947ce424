"""Reading versions of registered models with their tags and aliases, in a few statements for all of them."""

from typing import Any, Dict, List, Sequence, Tuple

from mlctl.sql.db import Db
from mlctl.tracking.registry import STAGES, ModelVersion

_COLUMNS = (
    "SELECT v.id, m.name, v.version, v.created_ms, v.updated_ms, v.description, v.user_id, v.stage, v.source, v.run_id, v.run_link, "
    "v.model_id, v.model FROM model_versions AS v JOIN registered_models AS m ON m.id = v.model "
)


def latest_of(db: Db, models: Sequence[int], *, with_aliases: bool = False) -> Dict[int, List[ModelVersion]]:
    """The highest version of each stage, of each model, in the order in which stages were first taken by a version that is there now.

    That order is MLflow's, and so is that aliases are left out.
    """
    sql = (
        "SELECT v.model, v.id FROM model_versions AS v JOIN (SELECT model, stage, max(version) AS version, min(version) AS first "
        "FROM model_versions WHERE model IN ({}) AND deleted_ms = 0 GROUP BY model, stage) AS h "
        "ON h.model = v.model AND h.version = v.version ORDER BY v.model, h.first"
    )
    rows = db.select_in(sql, models)
    versions = load(db, [row[1] for row in rows], with_aliases=with_aliases)
    found: Dict[int, List[ModelVersion]] = {model: [] for model in models}
    for (model, _), version in zip(rows, versions):  # noqa: B905 -- Python 3.8
        found[model].append(version)
    return found


def load(db: Db, versions: Sequence[int], *, with_aliases: bool = True) -> List[ModelVersion]:
    """Versions with tags and aliases, in the order of their numbers."""
    rows = {row[0]: row for row in db.select_in(_COLUMNS + "WHERE v.id IN ({})", versions)}
    models = sorted({row[-1] for row in rows.values()}) if with_aliases else []
    aliases, tags = aliases_of(db, models), _tags(db, versions)
    return [_version(rows[number], tags[number], aliases.get(rows[number][-1], {})) for number in versions]


def _version(row: Tuple[Any, ...], tags: Dict[str, str], aliases: Dict[str, str]) -> ModelVersion:
    _, name, version, created_ms, updated_ms, description, user_id, stage, source, run_id, run_link, model_id, _ = row
    return ModelVersion(
        name=name,
        version=str(version),
        creation_timestamp=created_ms,
        last_updated_timestamp=updated_ms,
        description=description,
        user_id=user_id or None,
        current_stage=STAGES[stage],
        source=source,
        run_id=run_id,
        tags=tags,
        run_link=run_link,
        aliases=[alias for alias, target in aliases.items() if target == str(version)],
        model_id=model_id or None,
    )


def _tags(db: Db, versions: Sequence[int]) -> Dict[int, Dict[str, str]]:
    rows = db.select_in("SELECT version, key, value FROM model_version_tags WHERE version IN ({})", versions)
    names = db.names({row[1] for row in rows})
    found: Dict[int, Dict[str, str]] = {version: {} for version in versions}
    for version, key, value in rows:
        found[version][names[key]] = value
    return found


def aliases_of(db: Db, models: Sequence[int]) -> Dict[int, Dict[str, str]]:
    """Versions by alias, of each model."""
    found: Dict[int, Dict[str, str]] = {model: {} for model in models}
    sql = "SELECT model, alias, version FROM registered_model_aliases WHERE model IN ({}) ORDER BY model, alias"
    for model, alias, version in db.select_in(sql, models):
        found[model][alias] = str(version)
    return found
