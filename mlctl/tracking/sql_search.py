"""Trees of comparisons → SQL, and the choice of where a search of runs begins.

A search is one statement that finds the numbers of a page's runs. What is rare is looked up first: each comparison that an index can
answer is counted up to a bound, and the rarest, if rare enough, becomes the table that the search walks. Otherwise it walks an index
in the order asked for (newest first, best value first) and stops when the page is full. ``CROSS JOIN`` is how SQLite is told an order
of tables; for PostgreSQL it means nothing more than ``JOIN``.
"""

from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from mlctl.tracking.entities import ACTIVE_ONLY, CONTEXT_TAG, DELETED_ONLY, RUN_NAME_TAG, STATUSES
from mlctl.tracking.schema import VALUE_PREFIX
from mlctl.tracking.sql_db import Db

if TYPE_CHECKING:
    from mlctl.tracking.filters import Comparison, Node, Order

RARE = 2000
"""Matches up to which a search begins at a comparison: each costs a few lookups (about 3 µs), so a search begun so takes 20 ms at most."""

Values = Tuple[Any, ...]

_KEY = "(SELECT id FROM keys WHERE name = ?)"
_TABLES = {"metric": "latest", "param": "params", "tag": "tags"}
_DATASET = "SELECT 1 FROM inputs AS i JOIN datasets AS d ON d.id = i.dataset WHERE i.run = r.id AND"
_DATASET_CONTEXT = "SELECT 1 FROM input_tags AS t WHERE t.run = r.id AND t.key = ? AND"
_DATASET_RUNS = "(SELECT DISTINCT d.name AS name, i.run AS run FROM datasets AS d JOIN inputs AS i ON i.dataset = d.id)"
_OPERATORS = {"!=": "<>"}
_STATUS = f"CASE r.status {' '.join(f'WHEN {number} THEN {name!r}' for number, name in enumerate(STATUSES, 1))} END"
_ARTIFACTS = (
    "(SELECT CASE WHEN e.artifact_location = '' THEN CAST(? AS TEXT) || '/artifacts/' || e.id ELSE rtrim(e.artifact_location, '/') END "
    "FROM experiments e WHERE e.id = r.experiment_id) || '/' || r.run_id || '/artifacts'"
)
_RUN_COLUMNS = {
    "run_id": "r.run_id",
    "run_name": "r.name",
    "status": _STATUS,
    "user_id": "r.user_id",
    "artifact_uri": _ARTIFACTS,
    "start_time": "r.start_ms",
    "end_time": "r.end_ms",
}
_EXPERIMENT_COLUMNS = {"name": "e.name", "experiment_id": "e.id", "creation_time": "e.created_ms", "last_update_time": "e.updated_ms"}


class Sql(NamedTuple):
    """A piece of SQL and the values of its marks."""

    text: str
    values: Values = ()


class Start(NamedTuple):
    """Rows of ``table`` (as ``c``, with a column ``run``), at most one a run: those of all runs that a comparison finds, maybe more."""

    table: str
    where: Sql


def experiments(filter_string: str, order_by: Sequence[str], *, view: str) -> Tuple[str, str, Values]:
    """WHERE and ORDER BY of a search of experiments (as ``e``), and the values of their marks.

    Raises:
        InvalidValueError: the filter or the order is wrong.
    """
    from mlctl.tracking import filters

    node = filters.parse(filter_string, filters.EXPERIMENTS)
    order = filters.parse_order(order_by or ("creation_time DESC", "experiment_id ASC"), filters.EXPERIMENTS)
    parts = [Sql(_lifecycle("e", view)), *(_experiment_test(part) for part in _parts(node))]
    keys = [f"{_EXPERIMENT_COLUMNS[item.key]}{' DESC' if item.descending else ''}" for item in order]
    if "experiment_id" not in [item.key for item in order]:
        keys.append("e.id DESC")
    where = _all(parts)
    return where.text, ", ".join(keys), where.values


def _experiment_test(part: "Comparison") -> Sql:
    if part.entity == "tag":
        rows = "SELECT 1 FROM experiment_tags AS c WHERE c.experiment_id = e.id AND c.key = ?"
        return _exists(rows, part, "c.value")
    if part.key == "experiment_id":
        listed = part.value if isinstance(part.value, tuple) else (part.value,)
        numbers = tuple(int(str(text)) for text in listed)
        part = part._replace(value=tuple(max(-1, min(number, 2**62)) for number in numbers), operator=_as_list(part.operator))
    return _test(_EXPERIMENT_COLUMNS[part.key], part)


def _as_list(operator: str) -> str:
    return {"=": "IN", "!=": "NOT IN"}.get(operator, operator)


def _lifecycle(table: str, view: str) -> str:
    return {ACTIVE_ONLY: f"{table}.deleted_ms = 0", DELETED_ONLY: f"{table}.deleted_ms > 0"}.get(view, "1 = 1")


def _parts(node: "Optional[Node]") -> "List[Comparison]":
    if node is None:
        return []
    from mlctl.tracking.filters import Conjunction

    return [inner for part in node.parts for inner in _parts(part)] if isinstance(node, Conjunction) else [node]


def _all(parts: Sequence[Sql]) -> Sql:
    """All of the parts hold; as a balanced tree, since databases bound an expression's depth."""
    if len(parts) <= 2:
        return Sql(" AND ".join(part.text for part in parts), tuple(value for part in parts for value in part.values))
    middle = len(parts) // 2
    left, right = _all(parts[:middle]), _all(parts[middle:])
    return Sql(f"({left.text}) AND ({right.text})", left.values + right.values)


def _test(column: str, part: "Comparison", values: Values = ()) -> Sql:
    """A comparison of one column; ``values`` are those of marks in the column's own text."""
    if isinstance(part.value, tuple):
        return Sql(f"{column} {part.operator} ({', '.join('?' * len(part.value))})", values + part.value)
    if part.operator == "ILIKE":
        return Sql(f"lower({column}) LIKE lower(?)", (*values, part.value))
    return Sql(f"{column} {_OPERATORS.get(part.operator, part.operator)} ?", (*values, part.value))


def _exists(rows: str, part: "Comparison", column: str) -> Sql:
    """Whether there is a row of a key, and its value passes; a key that is absent passes ``IS NULL`` only."""
    if part.operator in ("IS NULL", "IS NOT NULL"):
        return Sql(f"{'NOT ' if part.operator == 'IS NULL' else ''}EXISTS ({rows})", (part.key,))
    test = _metric_test(part) if part.entity == "metric" else _test(column, part)
    return Sql(f"EXISTS ({rows} AND {test.text})", (part.key, *test.values))


def _metric_test(part: "Comparison") -> Sql:
    """A latest value passes; NaN, stored as 0 with a flag, differs from everything and compares with nothing."""
    test = _test("c.value", part)
    return Sql(f"(c.nan = 1 OR {test.text})" if part.operator == "!=" else f"c.nan = 0 AND {test.text}", test.values)


def _run_test(part: "Comparison", folder: str) -> Sql:
    if part.entity == "dataset":
        return _dataset_test(part)
    if part.entity == "attribute" and part.key == "run_name":
        part = part._replace(entity="tag", key=RUN_NAME_TAG)
    if part.entity == "attribute":
        return _test(_RUN_COLUMNS[part.key], part, (folder,) if part.key == "artifact_uri" else ())
    return _exists(f"SELECT 1 FROM {_TABLES[part.entity]} AS c WHERE c.run = r.id AND c.key = {_KEY}", part, "c.value")


def _dataset_test(part: "Comparison") -> Sql:
    """Whether one of the run's datasets passes: each comparison by itself, so that two may be met by two datasets, as in MLflow."""
    is_context = part.key == "context"
    test = _test("t.value" if is_context else f"d.{part.key}", part, (CONTEXT_TAG,) if is_context else ())
    return Sql(f"EXISTS ({_DATASET_CONTEXT if is_context else _DATASET} {test.text})", test.values)


def value_prefix(value: str) -> str:
    """What the index of values holds of a value: SQLite's substr ends at a NUL."""
    return value.partition("\0")[0][:VALUE_PREFIX]


def _start(part: "Comparison") -> Optional[Start]:
    """How a search can begin at a comparison; None where no index answers it."""
    if part.entity == "metric" and part.operator != "!=":
        test = _metric_test(part)
        return Start("latest", Sql(f"c.key = {_KEY} AND {test.text}", (part.key, *test.values)))
    if (part.entity, part.key, part.operator) == ("dataset", "name", "="):
        return Start(_DATASET_RUNS, Sql("c.name = ?", (part.value,)))
    if part.entity == "attribute" and part.key == "run_name":
        part = part._replace(entity="tag", key=RUN_NAME_TAG)
    if part.operator != "=" or part.entity not in _TABLES:
        return None
    where = f"c.key = {_KEY} AND substr(c.value, 1, {VALUE_PREFIX}) = ?"
    return Start(_TABLES[part.entity], Sql(where, (part.key, value_prefix(str(part.value)))))


class RunSearch:
    """One search of runs: which, in what order. `page` gives the numbers of the runs of a page."""

    def __init__(self, db: Db, *, experiment_ids: Sequence[int], filter_string: str, order_by: Sequence[str], view: str) -> None:
        node, order = _parse_runs(filter_string, order_by)
        self._db = db
        self._comparisons = _parts(node)
        self._order = order
        listed = ", ".join(map(str, sorted(set(experiment_ids)))) or "NULL"
        self._base = Sql(f"r.experiment_id IN ({listed}) AND {_lifecycle('r', view)}")

    def page(self, *, limit: int, offset: int) -> List[int]:
        """Numbers of at most ``limit`` runs after the first ``offset``."""
        start, rare = self._narrowest(max(RARE, 5 * limit))
        if not rare and self._order and self._order[0].entity == "metric":
            found = self._walk_values(limit, offset)
            if len(found) == limit:
                return found
        return self._run(start.table if start else "", start.where if start else None, limit=limit, offset=offset)

    def _narrowest(self, few: int) -> Tuple[Optional[Start], bool]:
        """Where to begin (None: at the runs of the experiments), and whether there are but few rows."""
        if not self._comparisons and not self._order:
            return None, False
        bound = self._count("runs AS r", self._base, few)
        best: Optional[Start] = None
        for start in filter(None, map(_start, self._comparisons)):
            count = self._count(f"{start.table} AS c", start.where, bound)
            if count < bound:
                best, bound = start, count
        return best, bound < few

    def _count(self, table: str, where: Sql, bound: int) -> int:
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {where.text} LIMIT ?) AS counted"
        row = self._db.one(sql, (*where.values, bound))
        return int(row[0]) if row else 0

    def _walk_values(self, limit: int, offset: int) -> List[int]:
        """The page as far as numbers of the first metric go: in the order of the index of values."""
        first, *rest = self._order
        where = Sql(f"c.key = {_KEY} AND c.nan = 0", (first.key,))
        lead = f"c.value{' DESC' if first.descending else ''}"
        return self._run("latest", where, limit=limit, offset=offset, lead=lead, order=rest)

    def _run(
        self,
        table: str,
        where: Optional[Sql],
        *,
        limit: int,
        offset: int,
        lead: str = "",
        order: "Optional[Sequence[Order]]" = None,
    ) -> List[int]:
        joins, keys, marks = _ordering(self._order if order is None else order, self._db.folder)
        source = f"{table} AS c CROSS JOIN runs AS r ON r.id = c.run" if table else "runs AS r"
        tests = [*([where] if where else []), self._base, *(_run_test(part, self._db.folder) for part in self._comparisons)]
        condition = _all(tests)
        tie = [] if any(item.key == "start_time" and item.entity == "attribute" for item in self._order) else ["r.start_ms DESC"]
        by = ", ".join(filter(None, [lead, *keys, *tie, "r.run_id"]))
        sql = f"SELECT r.id FROM {source}{joins.text} WHERE {condition.text} ORDER BY {by} LIMIT ? OFFSET ?"
        return [row[0] for row in self._db.execute(sql, (*joins.values, *condition.values, *marks, limit, offset))]


def _parse_runs(filter_string: str, order_by: Sequence[str]) -> "Tuple[Optional[Node], List[Order]]":
    if not filter_string and not order_by:
        return None, []  # spares the newest runs an import
    from mlctl.tracking import filters

    return filters.parse(filter_string, filters.RUNS), filters.parse_order(order_by, filters.RUNS)


def _ordering(order: "Sequence[Order]", folder: str) -> Tuple[Sql, List[str], Values]:
    """Joins, sort keys, and the values of marks in the sort keys. What is absent comes last in both directions."""
    joins: List[str] = []
    joined: List[Any] = []
    keys: List[str] = []
    marks: List[Any] = []
    for index, item in enumerate(order):
        if item.entity == "attribute":
            sort: Callable[[str], List[str]] = _SORTS.get(item.key, _present)
            column = _RUN_COLUMNS[item.key]
            marks += [folder] * (column.count("?"))
        else:
            column, sort = f"o{index}.value", (_metric_sort if item.entity == "metric" else _keyed_sort)
            joins.append(f" LEFT JOIN {_TABLES[item.entity]} AS o{index} ON o{index}.run = r.id AND o{index}.key = {_KEY}")
            joined.append(item.key)
        *first, last = sort(column)
        keys += [*first, f"{last}{' DESC' if item.descending else ''}"]
    return Sql("".join(joins), tuple(joined)), keys, tuple(marks)


def _present(column: str) -> List[str]:
    return [column]


def _nullable(column: str) -> List[str]:
    return [f"CASE WHEN {column} IS NULL THEN 1 ELSE 0 END", column]


def _keyed_sort(column: str) -> List[str]:
    return _nullable(column)


def _metric_sort(column: str) -> List[str]:
    table = column.partition(".")[0]
    return [f"CASE WHEN {table}.run IS NULL THEN 2 ELSE {table}.nan END", column]


_SORTS: Dict[str, Callable[[str], List[str]]] = {"end_time": _nullable}
