"""Searches of the registry: filter and order → one statement. What is marked as a prompt is no model, and hidden unless it is asked for."""

from typing import Dict, List, Optional, Sequence, Tuple

from mlctl.search import filters
from mlctl.search.filters import Comparison
from mlctl.search.grammar import Grammar
from mlctl.sql import filters as sql_filters
from mlctl.sql import registry as sql_registry
from mlctl.sql.db import Db
from mlctl.sql.filters import KEY, Sql
from mlctl.sql.model_version_rows import load as load_versions
from mlctl.tracking import registry, validation
from mlctl.tracking.entities import Page
from mlctl.tracking.registry import PROMPT_TAG, STAGES, ModelVersion, RegisteredModel

_STAGE = f"CASE v.stage {' '.join(f'WHEN {number} THEN {name!r}' for number, name in enumerate(STAGES))} END"
_MODEL_COLUMNS = {"name": "m.name", "creation_timestamp": "m.created_ms", "last_updated_timestamp": "m.updated_ms"}
_VERSION_COLUMNS = {
    "name": "m.name",
    "run_id": "v.run_id",
    "source_path": "v.source",
    "current_stage": _STAGE,
    "model_id": "v.model_id",
    "user_id": "v.user_id",
    "version_number": "v.version",
    "creation_timestamp": "v.created_ms",
    "last_updated_timestamp": "v.updated_ms",
}
_MODEL_TAGS = f"SELECT 1 FROM registered_model_tags AS c WHERE c.model = m.id AND c.key = {KEY}"
_VERSION_TAGS = f"SELECT 1 FROM model_version_tags AS c WHERE c.version = v.id AND c.key = {KEY}"


def models(
    db: Db, *, filter_string: str = "", order_by: Sequence[str] = (), max_results: int = 100, page_token: Optional[str] = None
) -> Page[RegisteredModel]:
    """Registered models, by name unless another order is asked for.

    Raises:
        InvalidValueError: the filter, the order, the page size or the token is wrong.
    """
    size, offset = registry.page_size(max_results, most=registry.MODELS_A_PAGE), validation.page_offset(page_token)
    where = _condition(filter_string, filters.REGISTERED_MODELS, _MODEL_COLUMNS, tags=_MODEL_TAGS)
    order = _order(order_by, filters.REGISTERED_MODELS, _MODEL_COLUMNS, ties=("m.name",))
    sql = f"SELECT m.id FROM registered_models AS m WHERE {where.text} ORDER BY {order} LIMIT ? OFFSET ?"
    found = [row[0] for row in db.execute(sql, (*where.values, size + 1, offset))]
    token = validation.page_token(offset + size) if len(found) > size else None
    return Page(sql_registry.load(db, found[:size]), token)


def versions(
    db: Db, *, filter_string: str = "", order_by: Sequence[str] = (), max_results: int = 10_000, page_token: Optional[str] = None
) -> Page[ModelVersion]:
    """Versions that are not deleted, the last changed ones first unless another order is asked for.

    Raises:
        InvalidValueError: the filter, the order, the page size or the token is wrong.
    """
    size, offset = registry.page_size(max_results, most=registry.VERSIONS_A_PAGE), validation.page_offset(page_token)
    where = _condition(filter_string, filters.MODEL_VERSIONS, _VERSION_COLUMNS, tags=_VERSION_TAGS)
    ties = ("m.name", "v.version DESC") if order_by else ("v.updated_ms DESC", "m.name", "v.version DESC")
    order = _order(order_by, filters.MODEL_VERSIONS, _VERSION_COLUMNS, ties=ties)
    sql = (
        "SELECT v.id FROM model_versions AS v JOIN registered_models AS m ON m.id = v.model "
        f"WHERE v.deleted_ms = 0 AND {where.text} ORDER BY {order} LIMIT ? OFFSET ?"
    )
    found = [row[0] for row in db.execute(sql, (*where.values, size + 1, offset))]
    token = validation.page_token(offset + size) if len(found) > size else None
    return Page(load_versions(db, found[:size]), token)


def _condition(text: str, grammar: Grammar, columns: Dict[str, str], *, tags: str) -> Sql:
    prompts: List[Comparison] = []

    def test(part: Comparison) -> Sql:
        if part.entity != "tag":
            return sql_filters.column_test(columns[part.key], part)
        if part.key == PROMPT_TAG:
            prompts.append(part)
            return _prompt_test(part, tags)
        return sql_filters.keyed(tags, part)

    node = filters.parse(text, grammar)
    found = Sql("1 = 1") if node is None else sql_filters.tree(node, test)
    return found if prompts else sql_filters.all_of([found, _is_prompt(tags, wanted=False)])


def _prompt_test(part: Comparison, tags: str) -> Sql:
    """A comparison of the mark of prompts; what lacks the mark is none, also where a comparison would not find it."""
    if part.operator not in ("=", "!="):
        return sql_filters.keyed(tags, part)
    return _is_prompt(tags, wanted=(str(part.value).lower() == "true") == (part.operator == "="))


def _is_prompt(tags: str, *, wanted: bool) -> Sql:
    return Sql(f"{'' if wanted else 'NOT '}EXISTS ({tags} AND lower(c.value) = 'true')", (PROMPT_TAG,))


def _order(order_by: Sequence[str], grammar: Grammar, columns: Dict[str, str], *, ties: Tuple[str, ...]) -> str:
    keys = [f"{columns[item.key]}{' DESC' if item.descending else ''}" for item in filters.parse_order(order_by, grammar)]
    named = [key.partition(" ")[0] for key in keys]
    return ", ".join([*keys, *(tie for tie in ties if tie.partition(" ")[0] not in named)])
