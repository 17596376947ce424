"""Conditions on one run, in the language of searches: whether they hold, and the values that decided it.

Each comparison is a search for that run, so that it means what it means elsewhere. Joined they are stricter than a search in one point: a
comparison with a metric that the run lacks, or that is NaN, does not hold, whatever stands before it (three-valued, as in SQL).
"""

from __future__ import annotations

import math
import operator
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl import render
from mlctl.commands import run_columns, run_values
from mlctl.errors import InvalidValueError, UsageError
from mlctl.search import filters
from mlctl.search.grammar import NULL
from mlctl.search.tokens import ENTITY, Reader
from mlctl.tracking.entities import ALL, Metric, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlctl.tracking.store import TrackingStore

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_BASELINE = re.compile(
    rf"(?P<start>(?P<name>{ENTITY}\.(?:`[^`]+`|\"[^\"]+\"|'[^']+'|\w+(?:\.\w+)*)(?:\.\w+)?)\s*(?:<=|>=|!=|=|<|>)\s*)"
    rf"baseline\b(?:\s*(?P<sign>[-+*/])\s*(?P<number>{_NUMBER}))?"
    r"|'[^']*'|\"[^\"]*\"|`[^`]*`"
)


class Verdict(NamedTuple):
    """One comparison: its text, what the run has (None: nothing), and whether it holds (None: a metric is missing or NaN)."""

    text: str
    name: str
    actual: Any
    holds: bool | None


class _Written(NamedTuple):
    """A condition with numbers where it said ``baseline``; columns of comparisons for which there is none, or nothing to compare with."""

    text: str
    unknown: set[int]
    left_out: set[int]


class Check(NamedTuple):
    """A condition as it was given, whether it holds, and its comparisons."""

    text: str
    passed: bool
    comparisons: list[Verdict]

    def values(self) -> str:
        """What the run has of everything that is compared, on one line."""
        found = {item.name: "missing" if item.actual is None else run_values.shown(item.actual) for item in self.comparisons}
        return ", ".join(f"{name} = {value}" for name, value in found.items())


class Checker:
    """Checks conditions on a run; ``baseline`` is the run whose metrics the word ``baseline`` stands for.

    With ``leave_out``, comparisons with a baseline are left out of conditions where there is none. ``replaced`` are metrics of the run
    whose values here are not those of the store. A run without an id stands for none: only such metrics are known of it.
    """

    def __init__(
        self,
        store: TrackingStore,
        run: Run,
        baseline: Run | None = None,
        *,
        leave_out: bool = False,
        replaced: frozenset[str] = frozenset(),
    ) -> None:
        self._store = store
        self._run = run
        self._baseline = baseline
        self._leave_out = leave_out
        self._replaced = replaced

    def check(self, text: str) -> Check:
        """Whether a condition holds.

        Raises:
            InvalidValueError: it is not in the language of searches.
            UsageError: it names a baseline, and there is none.
        """
        written = self._with_baseline(text)
        tree = filters.parse(written.text, filters.RUNS, is_metric=self._run.data.metrics.__contains__)
        if tree is None:
            raise InvalidValueError("An empty condition checks nothing.", hint='Write, for instance, "metrics.rmse < 0.8".')
        leaves = list(_leaves(tree))
        spans = _spans(written.text, [leaf.column for leaf in leaves])
        undecided = written.unknown | written.left_out
        found = [self._verdict(leaf, span, known=leaf.column not in undecided) for leaf, span in zip(leaves, spans, strict=True)]
        held = {leaf.column: verdict.holds for leaf, verdict in zip(leaves, found, strict=True)}
        asked = _without(tree, written.left_out)
        return Check(text, asked is None or _holds(asked, lambda leaf: held[leaf.column]) is True, found)

    def _with_baseline(self, text: str) -> _Written:
        written, end = "", 0
        unknown: set[int] = set()
        left_out: set[int] = set()
        for match in _BASELINE.finditer(text):
            written += text[end : match.start()]
            end = match.end()
            if match["name"] is None:
                written += match[0]
                continue
            none = self._baseline is None and self._leave_out
            number = None if none else self._number(match)
            if number is None:
                (left_out if none else unknown).add(len(written) + 1)
            written += match["start"] + ("0" if number is None else repr(number))
        return _Written(written + text[end:], unknown, left_out)

    def _number(self, match: re.Match[str]) -> float | None:
        if self._baseline is None:
            raise UsageError(f"{match[0]!r} names a baseline, and there is none.", hint="--baseline RUN says which run it is.")
        leaf = filters.parse(f"{match['name']} IS NULL", filters.RUNS, is_metric=self._baseline.data.metrics.__contains__)
        if not isinstance(leaf, filters.Comparison) or leaf.entity != "metric":
            raise UsageError(f"{match[0]!r}: only metrics are compared with the baseline.", hint="Write metrics.KEY <= baseline.")
        value = self._metric(self._baseline, leaf)
        number = None if value is None else _calculated(value, match["sign"], match["number"])
        return number if number is not None and math.isfinite(number) else None

    def _verdict(self, leaf: filters.Comparison, text: str, *, known: bool) -> Verdict:
        name = f"{leaf.entity}s.{leaf.key}" if leaf.entity in filters.RUNS.open else leaf.key
        name += f".{leaf.aggregate}" if leaf.aggregate else ""
        actual = self._actual(leaf)
        absent = actual is None or actual != actual  # noqa: PLR0124 -- NaN
        if not known:
            return Verdict(f"{text[:-1]}baseline", name, actual, None)  # for which a 0 was written
        if leaf.entity == "metric" and absent and leaf.operator not in NULL:
            return Verdict(text, name, actual, None)
        if leaf.entity == "metric" and leaf.aggregate in ("", "last") and leaf.key in self._replaced:
            return Verdict(text, name, actual, _OPERATORS[leaf.operator](actual, leaf.value))
        info = self._run.info
        if not info.run_id:
            return Verdict(text, name, actual, None)
        condition = f"attributes.run_id = '{info.run_id}' AND {text}"
        found = self._store.search_runs([info.experiment_id], filter_string=condition, view=ALL, max_results=1)
        return Verdict(text, name, actual, bool(len(found)))

    def _actual(self, leaf: filters.Comparison) -> Any:
        run = self._run
        if leaf.entity == "metric":
            return self._metric(run, leaf)
        if leaf.entity == "dataset":
            return ", ".join(_dataset_facts(run, leaf.key)) or None
        if leaf.entity in ("param", "tag"):
            return (run.data.params if leaf.entity == "param" else run.data.tags).get(leaf.key)
        if leaf.key == "duration":
            length = run_columns.duration_ms(run, time.time() * 1000)
            return None if length is None else render.duration(length)
        value = getattr(run.info, leaf.key, None)
        return render.instant(value) if value and leaf.key.endswith("_time") else value

    def _metric(self, run: Run, leaf: filters.Comparison) -> float | None:
        latest = run.data.metrics.get(leaf.key)
        if not leaf.aggregate or leaf.aggregate == "last" or latest is None:
            return latest
        if not run.info.run_id:
            return None
        points = list(_history(self._store, run, leaf.key))
        if leaf.aggregate == "count":
            return float(len(points))
        numbers = [point for point in points if not math.isnan(point.value)]
        return _aggregated(leaf.aggregate, numbers) if numbers else None


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "IN": lambda value, listed: value in listed,
    "NOT IN": lambda value, listed: value not in listed,
    "BETWEEN": lambda value, ends: ends[0] <= value <= ends[1],
    "NOT BETWEEN": lambda value, ends: not ends[0] <= value <= ends[1],
    "IS NULL": lambda value, _: value is None,
    "IS NOT NULL": lambda value, _: value is not None,
}


def _without(node: filters.Node, columns: set[int]) -> filters.Node | None:
    """A tree without some of its comparisons; None where nothing remains."""
    if isinstance(node, filters.Comparison):
        return None if node.column in columns else node
    if isinstance(node, filters.Negation):
        part = _without(node.part, columns)
        return None if part is None else filters.Negation(part)
    parts = tuple(part for part in (_without(each, columns) for each in node.parts) if part is not None)
    return type(node)(parts) if parts else None


def _calculated(value: float, sign: str | None, number: str | None) -> float | None:
    if sign is None or number is None:
        return value
    operand = float(number)
    if sign == "/":
        return value / operand if operand else None
    return {"+": value + operand, "-": value - operand, "*": value * operand}[sign]


def _aggregated(aggregate: str, points: list[Metric]) -> float:
    values = [point.value for point in points]
    if aggregate == "mean":
        return math.fsum(values) / len(values)
    if aggregate == "first":
        return min(points, key=lambda point: (point.step, point.timestamp)).value
    return min(values) if aggregate == "min" else max(values)


def _history(store: TrackingStore, run: Run, key: str) -> Iterator[Metric]:
    token = None
    while True:
        page = store.metric_history(run.info.run_id, key, max_results=25000, page_token=token)
        yield from page
        token = page.token
        if token is None:
            return


def _dataset_facts(run: Run, key: str) -> Iterator[str]:
    for item in run.inputs.dataset_inputs:
        if key == "context":
            yield from (tag.value for tag in item.tags if tag.key == "mlflow.data.context")
        else:
            yield str(getattr(item.dataset, key))


def _leaves(node: filters.Node) -> Iterator[filters.Comparison]:
    """The comparisons of a tree, in the order of the text."""
    if isinstance(node, filters.Comparison):
        yield node
    elif isinstance(node, filters.Negation):
        yield from _leaves(node.part)
    else:
        for part in node.parts:
            yield from _leaves(part)


def _holds(node: filters.Node, held: Callable[[filters.Comparison], bool | None]) -> bool | None:
    """Three-valued: None is unknown."""
    if isinstance(node, filters.Comparison):
        return held(node)
    if isinstance(node, filters.Negation):
        found = _holds(node.part, held)
        return None if found is None else not found
    parts = [_holds(part, held) for part in node.parts]
    deciding = isinstance(node, filters.Disjunction)  # one that holds decides an OR, one that does not decides an AND
    return deciding if deciding in parts else None if None in parts else not deciding


def _spans(text: str, columns: list[int]) -> list[str]:
    """The text of each comparison, given where it starts: what joins it to the next one is cut off."""
    tokens = [token for token in Reader(text, what="condition").tokens if token.kind != "end"]
    found = []
    for start, stop in zip(columns, [*columns[1:], len(text) + 1], strict=True):
        mine = [token for token in tokens if start <= token.column < stop]
        while mine[-1].text in ("AND", "OR", "NOT", "(") or (mine[-1].text == ")" and _unopened(mine)):
            mine.pop()
        found.append(text[start - 1 : mine[-1].column - 1 + len(mine[-1].text)])
    return found


def _unopened(tokens: list[Any]) -> bool:
    marks = [token.text for token in tokens if token.kind == "mark"]
    return marks.count(")") > marks.count("(")
