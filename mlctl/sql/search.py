"""Searches: one statement that finds the numbers of a page's runs, and the choice of where it begins.

What is rare is looked up first: each comparison that an index can answer is counted up to a bound, and the rarest, if rare enough,
becomes the table that the search walks; comparisons joined by OR are counted together. Otherwise it walks an index in the order asked for
(newest first, best value first) and stops when the page is full. ``CROSS JOIN`` is how SQLite is told an order of tables; for
PostgreSQL it means nothing more than ``JOIN``.
"""

import re
import time
from typing import TYPE_CHECKING, Any, List, NamedTuple, Optional, Sequence, Tuple

from mlctl.errors import InvalidValueError
from mlctl.sql.db import Db
from mlctl.tracking.entities import ACTIVE_ONLY, DELETED_ONLY

if TYPE_CHECKING:
    from mlctl.search.filters import Comparison, Node, Order
    from mlctl.sql.filters import Sql, Start, Values

RARE = 2000
"""Matches up to which a search begins at a comparison: each costs a few lookups (about 3 µs), so a search begun so takes 20 ms at most."""

WALKED = 20_000
"""Values of a metric that are walked in their order before all runs are looked at: too few of them may pass the filter."""

_PIECES = 100
"""Experiments up to which the index is read piece by piece."""

_READS_MUCH = re.compile(r"\.(?:min|max|mean|first|count)\b|\brlike\b", re.IGNORECASE)
_NEWEST = "e.created_ms DESC, e.id"


def experiments(filter_string: str, order_by: Sequence[str], *, view: str) -> "Tuple[str, str, Values]":
    """WHERE and ORDER BY of a search of experiments (as ``e``), and the values of their marks.

    Raises:
        InvalidValueError: the filter or the order is wrong.
    """
    lifecycle = _lifecycle("e", view)
    if not filter_string and not order_by:
        return lifecycle, _NEWEST, ()  # spares the commonest question an import
    from mlctl.search import filters
    from mlctl.sql import filters as sql_filters

    node = filters.parse(filter_string, filters.EXPERIMENTS)
    order = filters.parse_order(order_by, filters.EXPERIMENTS)
    where = sql_filters.Sql(lifecycle)
    if node is not None:
        where = sql_filters.all_of([where, sql_filters.experiment_condition(node)])
    return where.text, sql_filters.experiment_sort(order) if order else _NEWEST, where.values


def _lifecycle(table: str, view: str) -> str:
    return {ACTIVE_ONLY: f"{table}.deleted_ms = 0", DELETED_ONLY: f"{table}.deleted_ms > 0"}.get(view, "1 = 1")


def _outsiders(experiment_ids: Sequence[int], view: str) -> str:
    """The statement that finds all other runs: piece by piece of the index of runs, so that finding none is no walk through it."""
    listed = ", ".join(map(str, experiment_ids))
    edges = [-1, *experiment_ids]
    pieces = [f"r.experiment_id > {low} AND r.experiment_id < {high}" for low, high in zip(edges, experiment_ids)]  # noqa: B905 -- Python 3.8
    pieces.append(f"r.experiment_id > {edges[-1]}")
    other = {ACTIVE_ONLY: "> 0", DELETED_ONLY: "= 0"}.get(view)
    if other:
        pieces.append(f"r.experiment_id IN ({listed}) AND r.deleted_ms {other}")
    return " UNION ALL ".join(f"SELECT r.id AS id FROM runs AS r WHERE {piece}" for piece in pieces)


def reads_much(filter_string: str, order_by: Sequence[str]) -> bool:
    """Whether a search of runs may read whole histories, or walk through every text: a server asks so before it parses."""
    return any(_READS_MUCH.search(text) for text in (filter_string, *order_by))


class _Begin(NamedTuple):
    """Where a search begins, and what is left to be tested of each run there."""

    start: "Start"
    rest: "Sequence[Node]"


class RunSearch:
    """One search of runs: which, in what order. `page` gives the numbers of the runs of a page, `count` how many there are.

    ``own_artifacts`` is what stands, where it differs, for the folder of the store's artifacts in addresses that are compared.

    Raises:
        InvalidValueError: the filter or the order is wrong.
    """

    def __init__(
        self,
        db: Db,
        *,
        experiment_ids: Sequence[int],
        filter_string: str,
        order_by: Sequence[str],
        view: str,
        own_artifacts: str = "",
    ) -> None:
        self._db = db
        self._own_artifacts = own_artifacts or f"{db.folder}/artifacts/"
        self._experiments = sorted(set(experiment_ids))
        listed = ", ".join(map(str, self._experiments)) or "NULL"
        self._among = f"r.experiment_id IN ({listed}) AND {_lifecycle('r', view)}"
        self._view = view
        self._order: List[Order] = []
        self._parts: Sequence[Node] = ()
        self._only: Optional[Comparison] = None
        self._plain = not filter_string and not order_by
        if not self._plain:  # else the newest runs are spared two imports
            self._parse(filter_string, order_by)

    def _parse(self, filter_string: str, order_by: Sequence[str]) -> None:
        from mlctl.search import filters
        from mlctl.sql import filters as sql_filters

        self._sql = sql_filters
        self._facts = sql_filters.Facts(self._db.folder, time.time_ns() // 1_000_000, self._own_artifacts)
        node = filters.parse(filter_string, filters.RUNS, is_metric=self._is_metric, now_ms=self._facts.now_ms)
        self._order = filters.parse_order(order_by, filters.RUNS, is_metric=self._is_metric)
        parts = node.parts if isinstance(node, filters.Conjunction) else (node,) if node else ()
        started = [part for part in parts if isinstance(part, filters.Comparison) and part[:2] == ("attribute", "start_time")]
        self._parts = [part for part in parts if part not in started]
        self._only = node if isinstance(node, filters.Comparison) and not started else None
        self._base = self._all(sql_filters.Sql(self._among), started)

    def _all(self, first: "Sql", nodes: "Sequence[Node]") -> "Sql":
        return self._sql.all_of([first, *(self._sql.run_condition(node, self._facts) for node in nodes)])

    def _is_metric(self, key: str) -> bool:
        """Whether any run of the store has a metric of this name."""
        return self._db.one("SELECT 1 FROM latest WHERE key = (SELECT id FROM keys WHERE name = ?) LIMIT 1", (key,)) is not None

    def page(self, *, limit: int, offset: int) -> List[int]:
        """Numbers of at most ``limit`` runs after the first ``offset``.

        Raises:
            InvalidValueError: a regular expression takes too long.
        """
        if self._plain:
            sql = f"SELECT r.id FROM runs AS r WHERE {self._among} ORDER BY r.start_ms DESC, r.run_id LIMIT ? OFFSET ?"
            return [row[0] for row in self._db.execute(sql, (limit, offset))]
        few = max(RARE, 5 * limit)
        total = self._count(self._sql.Sql("runs AS r"), self._base, few)
        begin = self._narrowest(total)
        if (
            begin is None
            and total == few
            and self._order
            and self._order[0].entity == "metric"
            and self._order[0].aggregate in ("", "last")
        ):
            found = self._walk_values(limit, offset)
            if len(found) == limit:
                return found
        return self._run(begin, limit=limit, offset=offset)

    def count(self) -> int:
        """How many runs there are.

        Raises:
            InvalidValueError: a regular expression takes too long.
        """
        if self._plain:
            row = self._db.one(f"SELECT count(*) FROM runs AS r WHERE {self._among}", ())
        else:
            known = self._count_by_index()
            if known is not None:
                return known
            source, condition = self._source(self._narrowest(RARE) or self._at_a_value())
            row = self._ask(f"SELECT count(*) FROM {source.text} WHERE {condition.text}", source.values + condition.values)[0]
        return int(row[0]) if row else 0

    def _count_by_index(self) -> Optional[int]:
        """What one comparison finds in the whole store, by an index alone, less what it finds in the other runs, if those are few."""
        start = self._sql.start(self._only) if self._only else None
        if start is None or not start.exact or not 0 < len(self._experiments) < _PIECES:
            return None
        others = _outsiders(self._experiments, self._view)
        if self._count(self._sql.Sql(f"({others}) AS x"), self._sql.Sql("1 = 1"), RARE) == RARE:
            return None
        rows, where = start.rows.text, start.where.text
        sql = f"""SELECT (SELECT count(*) FROM {rows} AS c WHERE {where})
            - (SELECT count(*) FROM ({others}) AS x CROSS JOIN {rows} AS c ON c.run = x.id WHERE {where})"""
        row = self._db.one(sql, (*start.rows.values, *start.where.values) * 2)
        return int(row[0]) if row else 0

    def _narrowest(self, bound: int) -> Optional[_Begin]:
        """Where to begin, if there are fewer rows than a bound; None: at the runs of the experiments."""
        best = None
        for part in self._parts:
            found = self._starting(part, bound)
            if found is not None:
                start, bound = found
                best = self._begin(part, start)
        return best

    def _begin(self, part: "Node", start: "Start") -> _Begin:
        return _Begin(start, [other for other in self._parts if other is not part] if start.exact else self._parts)

    def _at_a_value(self) -> Optional[_Begin]:
        """To begin at a param's or tag's value, however many runs have it: the index has them in the order of runs, which is fast."""
        from mlctl.search.filters import Comparison

        for part in self._parts:
            if isinstance(part, Comparison) and part.operator == "=" and part.entity in ("param", "tag"):
                start = self._sql.start(part)
                if start is not None and start.exact:
                    return self._begin(part, start)
        return None

    def _starting(self, node: "Node", bound: int) -> "Optional[Tuple[Start, int]]":
        """A start that finds all that a tree finds, and its count, if that is below a bound."""
        from mlctl.search.filters import Comparison, Conjunction, Disjunction

        if isinstance(node, Comparison):
            start = self._sql.start(node)
            count = self._count(self._sql.Sql(f"{start.rows.text} AS c", start.rows.values), start.where, bound) if start else bound
            return (start, count) if start and count < bound else None
        if isinstance(node, Disjunction):
            return self._starting_together(node.parts, bound)
        best = None
        for part in node.parts if isinstance(node, Conjunction) else ():
            found = self._starting(part, bound)
            if found is not None:
                bound = found[1]
                best = found[0]._replace(exact=False), bound
        return best

    def _starting_together(self, parts: "Sequence[Node]", bound: int) -> "Optional[Tuple[Start, int]]":
        """All parts of an OR can begin a search together, if each of them can."""
        starts: List[Start] = []
        total = 0
        for part in parts:
            found = self._starting(part, bound - total)
            if found is None:
                return None
            starts.append(found[0])
            total += found[1]
        return self._sql.together(starts), total

    def _count(self, rows: "Sql", where: "Sql", bound: int) -> int:
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {rows.text} WHERE {where.text} LIMIT ?) AS counted"
        row = self._db.one(sql, (*rows.values, *where.values, bound))
        return int(row[0]) if row else 0

    def _walk_values(self, limit: int, offset: int) -> List[int]:
        """The page as far as the first few numbers of the first metric go: in the order of the index of values."""
        first, *rest = self._order
        start, last, lead = self._sql.values_of(first)
        bound = self._db.one(last.text, (*last.values, WALKED + offset))
        if bound is not None:
            start = start._replace(where=self._sql.all_of([start.where, self._sql.up_to(first, bound[0])]))
        return self._run(_Begin(start, self._parts), limit=limit, offset=offset, lead=lead, order=rest)

    def _run(
        self, begin: Optional[_Begin], *, limit: int, offset: int, lead: str = "", order: "Optional[Sequence[Order]]" = None
    ) -> List[int]:
        joins, keys, marks = self._sql.run_sort(self._order if order is None else order, self._facts)
        source, condition = self._source(begin)
        tie = [] if any(item.key == "start_time" and item.entity == "attribute" for item in self._order) else ["r.start_ms DESC"]
        by = ", ".join(filter(None, [lead, *keys, *tie, "r.run_id"]))
        sql = f"SELECT r.id FROM {source.text}{joins.text} WHERE {condition.text} ORDER BY {by} LIMIT ? OFFSET ?"
        found = self._ask(sql, (*source.values, *joins.values, *condition.values, *marks, limit, offset))
        return [row[0] for row in found]

    def _source(self, begin: Optional[_Begin]) -> "Tuple[Sql, Sql]":
        """Tables to begin at, and the condition of the whole filter."""
        if begin is None:
            return self._sql.Sql("runs AS r"), self._all(self._base, self._parts)
        start = begin.start
        source = self._sql.Sql(f"{start.rows.text} AS c CROSS JOIN runs AS r ON r.id = c.run", start.rows.values)
        return source, self._all(self._sql.all_of([start.where, self._base]), begin.rest)

    def _ask(self, sql: str, values: "Values") -> List[Any]:
        patterns = self._db.patterns
        patterns.clear()
        found = self._db.execute(sql, values).fetchall()
        for text, pattern in patterns.items():
            if pattern.exhausted:
                hint = "Repetitions inside repetitions, and long ones, take the most time."
                raise InvalidValueError(f"The regular expression {text!r} takes too long.", hint=hint)
        return found
