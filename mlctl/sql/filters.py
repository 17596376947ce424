"""Trees of comparisons → conditions in SQL, and sort keys.

A condition is true or false, never NULL: ``NOT`` then finds exactly what the condition does not. Two things here are SQLite's own, for
which `postgres_words` has others: the function ``mlctl_rlike`` (see `sqlite`), and how a text is compared as a number. Values whose class
says what they are (`Like`, `Regex`) can be written as each database wants them.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from mlctl.search.filters import Comparison, Conjunction, Disjunction, Negation, Node, Order
from mlctl.sql.schema import VALUE_PREFIX
from mlctl.tracking.entities import CONTEXT_TAG, RUN_NAME_TAG, STATUSES

Values = Tuple[Any, ...]


class Sql(NamedTuple):
    """A piece of SQL and the values of its marks."""

    text: str
    values: Values = ()


class Start(NamedTuple):
    """Where a search can begin: ``rows`` (as ``c``, with a column ``run``) that pass ``where``, at most one a run.

    They are those of all runs that a tree finds, maybe more; ``exact``: no more.
    """

    rows: Sql
    where: Sql
    exact: bool = False


class Facts(NamedTuple):
    """What conditions need beside the tree: the store's folder, what ``now`` is, in ms, and how its folder of artifacts is called."""

    folder: str
    now_ms: int
    own_artifacts: str


KEY = "(SELECT id FROM keys WHERE name = ?)"
"""The number of a key."""

TABLES = {"metric": "latest", "param": "params", "tag": "tags"}
"""Where the values of an entity are."""

_DATASET = "SELECT 1 FROM inputs AS i JOIN datasets AS d ON d.id = i.dataset WHERE i.run = r.id"
_DATASET_CONTEXT = "SELECT 1 FROM input_tags AS t WHERE t.run = r.id AND t.key = ?"
_DATASET_RUNS = "(SELECT DISTINCT d.name AS name, i.run AS run FROM datasets AS d JOIN inputs AS i ON i.dataset = d.id)"
_ID_RUNS = "(SELECT id AS run, run_id FROM runs)"
_OPERATORS = {"!=": "<>"}
_STATUS = f"CASE r.status {' '.join(f'WHEN {number} THEN {name!r}' for number, name in enumerate(STATUSES, 1))} END"
_ARTIFACTS = (
    "(SELECT CASE WHEN e.artifact_location = '' THEN CAST(? AS TEXT) || e.id "
    "WHEN substr(e.artifact_location, 1, length(CAST(? AS TEXT))) = CAST(? AS TEXT) "
    "THEN CAST(? AS TEXT) || rtrim(substr(e.artifact_location, length(CAST(? AS TEXT)) + 1), '/') ELSE rtrim(e.artifact_location, '/') END "
    "FROM experiments e WHERE e.id = r.experiment_id) || '/' || r.run_id || '/artifacts'"
)
_DURATION = "(COALESCE(CASE WHEN r.status > 2 THEN r.end_ms END, CAST(? AS BIGINT)) - NULLIF(r.start_ms, 0))"
_RUN_COLUMNS = {
    "run_id": "r.run_id",
    "run_name": "r.name",
    "status": _STATUS,
    "user_id": "r.user_id",
    "artifact_uri": _ARTIFACTS,
    "start_time": "r.start_ms",
    "end_time": "r.end_ms",
    "duration": _DURATION,
}
_NULLABLE = ("end_time", "duration")
_EXPERIMENT_COLUMNS = {"name": "e.name", "experiment_id": "e.id", "creation_time": "e.created_ms", "last_update_time": "e.updated_ms"}
_POINTS = f"FROM metrics AS m WHERE m.run = r.id AND m.key = {KEY}"
_AGGREGATES = {
    **{name: f"(SELECT {name}(m.value) {_POINTS} AND m.nan = 0)" for name in ("min", "max")},
    "mean": f"(SELECT avg(m.value) {_POINTS} AND m.nan = 0)",
    "first": f"(SELECT m.value {_POINTS} AND m.nan = 0 ORDER BY m.step, m.timestamp_ms, m.value LIMIT 1)",
    "count": f"(SELECT NULLIF(count(*), 0) {_POINTS})",
}
IS_NUMBER = "<= CAST(9e999 AS REAL)"
"""SQLite turns a text that is wholly a number into one where it meets a number; any other text is greater than all numbers."""


class Like(str):
    """A pattern of LIKE, in which only ``%`` and ``_`` mean more than themselves."""

    __slots__ = ()


class Regex(str):
    """A regular expression that `mlctl.search.patterns` knows."""

    __slots__ = ()


def experiment_condition(node: Node) -> Sql:
    """What a filter of experiments means for the experiment ``e``."""
    return tree(node, _experiment_test)


def experiment_sort(order: Sequence[Order]) -> str:
    """What experiments are sorted by."""
    keys = [f"{_EXPERIMENT_COLUMNS[item.key]}{' DESC' if item.descending else ''}" for item in order]
    if "experiment_id" not in [item.key for item in order]:
        keys.append("e.id DESC")
    return ", ".join(keys)


def run_condition(node: Node, facts: Facts) -> Sql:
    """What a filter of runs means for the run ``r``."""
    return tree(node, lambda part: _run_test(_plain(part), facts))


def all_of(parts: Sequence[Sql]) -> Sql:
    """All of the parts hold."""
    return _joined(parts, "AND")


def _joined(parts: Sequence[Sql], word: str) -> Sql:
    """Parts in parentheses, as a balanced tree, since databases bound an expression's depth."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    left, right = _joined(parts[:middle], word), _joined(parts[middle:], word)
    return Sql(f"({left.text} {word} {right.text})", left.values + right.values)


def tree(node: Node, test: Callable[[Comparison], Sql]) -> Sql:
    """What a tree of comparisons means, if ``test`` says what each of them does."""
    if isinstance(node, Negation):
        inner = tree(node.part, test)
        return Sql(f"(NOT {inner.text})", inner.values)
    if isinstance(node, (Conjunction, Disjunction)):
        return _joined([tree(part, test) for part in node.parts], "AND" if isinstance(node, Conjunction) else "OR")
    found = test(node)
    return Sql(f"({found.text})", found.values)


def _experiment_test(part: Comparison) -> Sql:
    if part.entity == "tag":
        rows = "SELECT 1 FROM experiment_tags AS c WHERE c.experiment_id = e.id AND c.key = ?"
        return keyed(rows, part)
    if part.key == "experiment_id" and part.value is not None:
        listed = part.value if isinstance(part.value, tuple) else (part.value,)
        numbers = tuple(int(str(text)) for text in listed)
        operator = {"=": "IN", "!=": "NOT IN"}.get(part.operator, part.operator)
        part = part._replace(value=tuple(max(-1, min(number, 2**62)) for number in numbers), operator=operator)
    return column_test(_EXPERIMENT_COLUMNS[part.key], part)


def _plain(part: Comparison) -> Comparison:
    """A comparison of a run's name is one of the tag that holds it; the last point of a metric is its latest value."""
    if (part.entity, part.key) == ("attribute", "run_name"):
        return part._replace(entity="tag", key=RUN_NAME_TAG)
    return part._replace(aggregate="") if part.aggregate == "last" else part


def column_test(column: str, part: Comparison, values: Values = ()) -> Sql:
    """A comparison of one column; ``values`` are those of marks in the column's own text."""
    value = part.value
    negated, operator = part.operator.startswith("NOT "), part.operator.replace("NOT ", "", 1)
    if operator.startswith("IS "):
        return Sql(f"{column} {part.operator}", values)
    if isinstance(value, tuple):
        listed = "? AND ?" if operator == "BETWEEN" else f"({', '.join('?' * len(value))})"
        return Sql(f"{column} {part.operator} {listed}", values + value)
    if operator == "ILIKE":
        return Sql(f"lower({column}) {'NOT ' * negated}LIKE lower(?)", (*values, Like(value)))
    if operator == "RLIKE":
        return Sql(f"{'NOT ' * negated}mlctl_rlike({column}, ?)", (*values, Regex(value)))
    if operator == "LIKE":
        value = Like(value)
    return Sql(f"{column} {_OPERATORS.get(part.operator, part.operator)} ?", (*values, value))


def _number_test(column: str, part: Comparison) -> Sql:
    """A comparison of a text as a number; false for a text that is none."""
    test = column_test(f"({column} + 0)", part)
    return Sql(f"{column} {IS_NUMBER} AND {test.text}", test.values)


def _of_number(part: Comparison) -> bool:
    value = part.value[0] if isinstance(part.value, tuple) else part.value
    return isinstance(value, (int, float))


def keyed(rows: str, part: Comparison) -> Sql:
    """Whether there is a row of a key, and its value passes; a key that is absent passes ``IS NULL`` only."""
    if part.operator.startswith("IS "):
        return Sql(f"{'NOT ' * (part.operator == 'IS NULL')}EXISTS ({rows})", (part.key,))
    test = metric_test(part) if part.entity == "metric" else _text_test(part)
    return Sql(f"EXISTS ({rows} AND {test.text})", (part.key, *test.values))


def _text_test(part: Comparison) -> Sql:
    return _number_test("c.value", part) if _of_number(part) else column_test("c.value", part)


def metric_test(part: Comparison) -> Sql:
    """A latest value passes; NaN, stored as 0 with a flag, differs from everything and compares with nothing."""
    test = column_test("c.value", part)
    differs = part.operator == "!=" or part.operator.startswith("NOT ")
    return Sql(f"(c.nan = 1 OR {test.text})" if differs else f"c.nan = 0 AND {test.text}", test.values)


def _run_test(part: Comparison, facts: Facts) -> Sql:
    if part.entity == "dataset":
        return _dataset_test(part)
    if part.entity == "attribute":
        test = column_test(_RUN_COLUMNS[part.key], part, _marks(part.key, facts))
        return _known(test, part) if part.key in _NULLABLE else test
    if part.aggregate:
        return _known(column_test(_AGGREGATES[part.aggregate], part, (part.key,)), part)
    return keyed(f"SELECT 1 FROM {TABLES[part.entity]} AS c WHERE c.run = r.id AND c.key = {KEY}", part)


def _marks(attribute: str, facts: Facts) -> Values:
    """The values of marks in an attribute's own SQL."""
    if attribute == "artifact_uri":
        shown, own = facts.own_artifacts, f"{facts.folder}/artifacts/"
        return (shown, own, own, shown, own)
    return (facts.now_ms,) if attribute == "duration" else ()


def _known(test: Sql, part: Comparison) -> Sql:
    """A test of what may be NULL, which passes ``IS NULL`` only."""
    return test if part.operator.startswith("IS ") else Sql(f"({test.text}) IS TRUE", test.values)


def _dataset_test(part: Comparison) -> Sql:
    """Whether one of the run's datasets passes: each comparison by itself, so that two may be met by two datasets, as in MLflow."""
    is_context = part.key == "context"
    rows, values = (_DATASET_CONTEXT, (CONTEXT_TAG,)) if is_context else (_DATASET, ())
    if part.operator.startswith("IS "):
        return Sql(f"{'NOT ' * (part.operator == 'IS NULL')}EXISTS ({rows})", values)
    test = column_test("t.value" if is_context else f"d.{part.key}", part, values)
    return Sql(f"EXISTS ({rows} AND {test.text})", test.values)


# ── where a search begins ────────────────────────────────────────────────────────────────────────────────────────────


def value_prefix(value: str) -> str:
    """What the index of values holds of a value."""
    return value[:VALUE_PREFIX]


def values_of(order: Order) -> Tuple[Start, Sql, str]:
    """All numbers of a metric; the question for one of them, whose last mark says which in their order; and what they are sorted by."""
    lead = f"c.value{' DESC' if order.descending else ''}"
    where = Sql(f"c.key = {KEY} AND c.nan = 0", (order.key,))
    nth = Sql(f"SELECT c.value FROM {TABLES['metric']} AS c WHERE {where.text} ORDER BY {lead} LIMIT 1 OFFSET ?", where.values)
    return Start(Sql(TABLES["metric"]), where), nth, lead


def up_to(order: Order, value: float) -> Sql:
    """Numbers that come before a value, or are it."""
    return Sql(f"c.value {'>=' if order.descending else '<='} ?", (value,))


def together(starts: Sequence[Start]) -> Start:
    """Where a search can begin that finds what any of the starts finds."""
    texts = [f"SELECT c.run AS run FROM {start.rows.text} AS c WHERE {start.where.text}" for start in starts]
    values = tuple(value for start in starts for value in (*start.rows.values, *start.where.values))
    return Start(Sql(f"({' UNION '.join(texts)})", values), Sql("1 = 1"), exact=all(start.exact for start in starts))


def start(part: Comparison) -> Optional[Start]:
    """How a search can begin at a comparison; None where no index answers it."""
    part = _plain(part)
    if part.operator == "IS NULL":
        return None
    if part.entity == "dataset":
        return Start(Sql(_DATASET_RUNS), Sql("c.name = ?", (part.value,))) if (part.key, part.operator) == ("name", "=") else None
    if part.entity == "attribute":
        return Start(Sql(_ID_RUNS), column_test("c.run_id", part)) if part.key == "run_id" and part.operator in ("=", "IN") else None
    return _rows_of(part, Sql(TABLES[part.entity]))


def _rows_of(part: Comparison, table: Sql) -> Start:
    """Rows of a key, narrowed as far as the index of values can."""
    key = f"c.key = {KEY}"
    if part.entity == "metric" and not part.aggregate and part.operator in ("=", "<", "<=", ">", ">=", "BETWEEN", "IN"):
        test = metric_test(part)
        return Start(table, Sql(f"{key} AND {test.text}", (part.key, *test.values)), exact=True)
    if part.entity != "metric" and part.operator in ("=", "IN") and not _of_number(part):
        listed = part.value if isinstance(part.value, tuple) else (part.value,)
        if any("\0" in str(value) or "\1" in str(value) for value in listed):
            return Start(table, Sql(key, (part.key,)))  # a database may keep these otherwise than as they are
        prefixes = tuple(dict.fromkeys(value_prefix(str(value)) for value in listed))
        among = "= ?" if len(prefixes) == 1 else f"IN ({', '.join('?' * len(prefixes))})"
        exact = all(str(value) == value_prefix(str(value)) and len(str(value)) < VALUE_PREFIX for value in listed)
        return Start(table, Sql(f"{key} AND substr(c.value, 1, {VALUE_PREFIX}) {among}", (part.key, *prefixes)), exact=exact)
    return Start(table, Sql(key, (part.key,)), exact=part.operator == "IS NOT NULL" and not part.aggregate)


# ── sorting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def run_sort(order: Sequence[Order], facts: Facts) -> Tuple[Sql, List[str], Values]:
    """Joins, sort keys, and the values of marks in the sort keys. What is absent comes last in both directions."""
    joins: List[str] = []
    joined: List[Any] = []
    keys: List[str] = []
    marks: List[Any] = []
    for index, item in enumerate(order):
        sort: Callable[[str], List[str]] = _nullable
        if item.entity == "attribute":
            sort, column, values = _SORTS.get(item.key, _present), _RUN_COLUMNS[item.key], _marks(item.key, facts)
        elif item.aggregate not in ("", "last"):
            column, values = _AGGREGATES[item.aggregate], (item.key,)
        else:
            column, values = f"o{index}.value", ()
            sort = _metric_sort if item.entity == "metric" else _nullable
            joins.append(f" LEFT JOIN {TABLES[item.entity]} AS o{index} ON o{index}.run = r.id AND o{index}.key = {KEY}")
            joined.append(item.key)
        *first, last = sort(column)
        keys += [*first, f"{last}{' DESC' if item.descending else ''}"]
        marks += values * (1 + len(first)) if "?" in column else ()
    return Sql("".join(joins), tuple(joined)), keys, tuple(marks)


def _present(column: str) -> List[str]:
    return [column]


def _nullable(column: str) -> List[str]:
    return [f"CASE WHEN {column} IS NULL THEN 1 ELSE 0 END", column]


def _metric_sort(column: str) -> List[str]:
    table = column.partition(".")[0]
    return [f"CASE WHEN {table}.run IS NULL THEN 2 ELSE {table}.nan END", column]


_SORTS: Dict[str, Callable[[str], List[str]]] = dict.fromkeys(_NULLABLE, _nullable)
