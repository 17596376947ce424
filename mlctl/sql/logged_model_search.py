"""Searches of logged models: filter, datasets and order → one statement.

A comparison of a metric passes if one of the points of the model does, as in MLflow (of a run the latest value counts); with datasets,
only their points are looked at.
"""

from typing import List, Optional, Sequence, Tuple

from mlctl.errors import InvalidValueError
from mlctl.search import filters
from mlctl.search.filters import Comparison
from mlctl.sql import filters as sql_filters
from mlctl.sql import logged_models as sql_logged_models
from mlctl.sql.db import Db
from mlctl.sql.filters import KEY, Sql, Values
from mlctl.tracking import validation
from mlctl.tracking.entities import Page
from mlctl.tracking.logged_models import CODES, DatasetChoice, LoggedModel, ModelOrder

_STATUS = f"CASE m.status {' '.join(f'WHEN {number} THEN {status.value!r}' for status, number in CODES.items())} END"
_COLUMNS = {
    "model_id": "m.model_id",
    "name": "m.name",
    "model_type": "m.model_type",
    "status": _STATUS,
    "source_run_id": "m.source_run_id",
    "experiment_id": "m.experiment_id",
    "creation_timestamp_ms": "m.created_ms",
    "last_updated_timestamp_ms": "m.updated_ms",
}
_ROWS = "SELECT 1 FROM logged_model_{} AS c WHERE c.model = m.id AND c.key = " + KEY
_ANY_POINT = "EXISTS (SELECT 1 FROM logged_model_metrics AS c WHERE c.model = m.id{})"
_LATEST = (
    f"(SELECT CASE WHEN c.nan = 1 THEN NULL ELSE c.value END FROM logged_model_metrics AS c WHERE c.model = m.id AND c.key = {KEY}{{}} "
    "ORDER BY c.timestamp_ms DESC, c.step DESC, c.run LIMIT 1)"
)


def search(
    db: Db,
    experiment_ids: Sequence[str],
    *,
    filter_string: str = "",
    datasets: Sequence[DatasetChoice] = (),
    order_by: Sequence[ModelOrder] = (),
    max_results: int = 100,
    page_token: Optional[str] = None,
) -> Page[LoggedModel]:
    """Models of some experiments that are not deleted, newest first unless another order is asked for.

    Raises:
        InvalidValueError: the filter, the order, the page size, the token or an experiment's id is wrong.
    """
    size, offset = validation.page_size(max_results), validation.page_offset(page_token)
    listed = ", ".join(str(validation.experiment_id(text)) for text in experiment_ids) or "NULL"
    where = Sql(f"m.experiment_id IN ({listed}) AND m.deleted_ms = 0")
    node = filters.parse(filter_string, filters.LOGGED_MODELS)
    if node is not None:
        where = sql_filters.all_of([where, sql_filters.tree(node, lambda part: _test(part, datasets))])
    if datasets and not any(part.entity == "metric" for part in _comparisons(node)):
        among = _among(datasets)
        where = sql_filters.all_of([where, Sql(_ANY_POINT.format(among.text), among.values)])
    keys, marks = _sort(order_by)
    sql = f"SELECT m.id FROM logged_models AS m WHERE {where.text} ORDER BY {', '.join(keys)} LIMIT ? OFFSET ?"
    found = [row[0] for row in db.execute(sql, (*where.values, *marks, size + 1, offset))]
    token = validation.page_token(offset + size) if len(found) > size else None
    return Page(sql_logged_models.load(db, found[:size]), token)


def _comparisons(node: Optional[filters.Node]) -> List[Comparison]:
    if node is None:
        return []
    if isinstance(node, Comparison):
        return [node]
    parts = (node.part,) if isinstance(node, filters.Negation) else node.parts
    return [found for part in parts for found in _comparisons(part)]


def _test(part: Comparison, datasets: Sequence[DatasetChoice]) -> Sql:
    if part.entity == "attribute":
        return sql_filters.column_test(_COLUMNS[part.key], part)
    if part.aggregate:
        raise InvalidValueError(
            f"The filter compares .{part.aggregate} of the metric {part.key!r}; a model's metrics have no aggregates.",
            hint=f"Write metrics.{part.key}, which finds a model if one of its points passes.",
        )
    rows = _ROWS.format(f"{part.entity}s")
    if part.entity != "metric" or not datasets:
        return sql_filters.keyed(rows, part)
    among = _among(datasets)
    found = sql_filters.keyed(rows + among.text, part)
    return Sql(found.text, (part.key, *among.values, *found.values[1:]))


def _among(datasets: Sequence[DatasetChoice]) -> Sql:
    """That a point (``c``) was measured on one of some datasets."""
    tests = ["(c.dataset_name = ? AND c.dataset_digest = ?)" if item.digest else "c.dataset_name = ?" for item in datasets]
    values = tuple(text for item in datasets for text in ((item.name, item.digest) if item.digest else (item.name,)))
    return Sql(f" AND ({' OR '.join(tests)})", values)


def _sort(order_by: Sequence[ModelOrder]) -> Tuple[List[str], Values]:
    """Sort keys and the values of their marks; what is absent comes last in both directions."""
    keys: List[str] = []
    marks: List[str] = []
    named = set()
    for item in order_by:
        column, values = _sorted_by(item)
        named.add(column)
        keys += [f"CASE WHEN {column} IS NULL THEN 1 ELSE 0 END", f"{column}{'' if item.ascending else ' DESC'}"]
        marks += values * 2
    ties = ("m.created_ms", "m.created_ms DESC"), ("m.model_id", "m.model_id")
    return keys + [key for column, key in ties if column not in named], tuple(marks)


def _sorted_by(item: ModelOrder) -> Tuple[str, List[str]]:
    entity, dot, key = item.field.partition(".")
    if dot and entity in ("metric", "metrics"):
        among = _among([item.dataset]) if item.dataset else Sql("")
        return _LATEST.format(among.text), [key.strip("`"), *map(str, among.values)]
    name = key if dot and entity in ("attribute", "attributes") else item.field
    column = _COLUMNS.get(filters.LOGGED_MODELS.aliases.get(name, name))
    if column is None:
        known = ", ".join((*_COLUMNS, "metrics.KEY"))
        raise InvalidValueError(f"Logged models cannot be sorted by {item.field!r}.", hint=f"One of: {known}")
    return column, []
