"""MLflow's search language and what mlctl adds to it: text → tree of comparisons. Nothing here knows SQL.

::

    filter      := <empty> | disjunction ["AND"]
    disjunction := conjunction ("OR" conjunction)*
    conjunction := term ("AND" term)*
    term        := "NOT" term | "(" disjunction ")" | comparison
    comparison  := identifier operator value
                 | identifier ["NOT"] ("LIKE" | "ILIKE" | "RLIKE") string
                 | identifier ["NOT"] "IN" "(" value ("," value)* [","] ")"
                 | identifier ["NOT"] "BETWEEN" value "AND" value
                 | identifier "IS" ["NOT"] "NULL"
    identifier  := [entity "."] key ["." aggregate]     entity and key may be in back-ticks, the key also in quotes
    value       := string | number | span | "now" (("+" | "-") span)*

What an identifier may be, and which operators and values it takes, stands in `filter_grammar`. docs/search.md is the user's page.
"""

import re
import time
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple, Union

from mlctl.errors import InvalidValueError
from mlctl.search import values as filter_values
from mlctl.search.grammar import (
    AGGREGATES,
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    NEGATED,
    NULL,
    REGISTERED_MODELS,
    RUNS,
    Field,
    Grammar,
)
from mlctl.search.tokens import ENTITY, Reader, Token

__all__ = [
    "EXPERIMENTS",
    "LOGGED_MODELS",
    "MODEL_VERSIONS",
    "REGISTERED_MODELS",
    "RUNS",
    "Comparison",
    "Conjunction",
    "Disjunction",
    "Negation",
    "Node",
    "Order",
    "parse",
    "parse_order",
]

MAX_COMPARISONS = 200
"""More in one filter are refused: databases bound the size of an expression."""

MAX_DEPTH = 50
"""How deep parentheses and NOTs may be nested."""

MAX_LISTED = 10_000
"""How many values the lists of one filter may have together."""

MAX_PATTERNS = 10
"""How many regular expressions a filter may have."""

Value = Union[str, int, float, Tuple[Any, ...], None]


class Comparison(NamedTuple):
    """One comparison; ``column`` is where it starts, counted from 1.

    What is compared with is a tuple after ``IN`` and ``BETWEEN``, and None after ``IS NULL``. ``aggregate`` says what of a metric's points
    is compared (empty: the latest value).
    """

    entity: str
    key: str
    operator: str
    value: Value
    column: int
    aggregate: str = ""


class Conjunction(NamedTuple):
    """All of its parts hold."""

    parts: Tuple["Node", ...]


class Disjunction(NamedTuple):
    """One of its parts holds, or more."""

    parts: Tuple["Node", ...]


class Negation(NamedTuple):
    """Its part does not hold: found is exactly what the part does not find."""

    part: "Node"


Node = Union[Comparison, Conjunction, Disjunction, Negation]


class Order(NamedTuple):
    """One field to sort by."""

    entity: str
    key: str
    descending: bool
    aggregate: str = ""


class _Name(NamedTuple):
    entity: str
    key: str
    aggregate: str
    field: Field


_NAME = re.compile(rf"(?:({ENTITY})\.)?(.*)", re.DOTALL)
_INSTEAD = {"==": "=", "<>": "!="}
_VALUES = {
    "text": "a text in quotes",
    "digits": "an integer in quotes",
    "number": "a number without quotes",
    "count": "an integer, in quotes or without",
    "either": "a text in quotes, or a number without them",
    "time": "a time: a number without quotes (ms), now - 2d, or a date such as '2026-11-01'",
    "integer time": "a time: an integer without quotes (ms), now - 2d, or a date such as '2026-11-01'",
    "span": "a span of time: 90s, 15m, 2h, 1d, or a number without quotes (ms)",
}


def parse(
    text: str, grammar: Grammar, *, is_metric: Optional[Callable[[str], bool]] = None, now_ms: Optional[int] = None
) -> Optional[Node]:
    """The tree of a filter; None for an empty one.

    ``is_metric`` says whether a key such as ``loss.min`` is that of a metric: if so, it means that metric, and no aggregate.
    ``now_ms`` is what ``now`` means.

    Raises:
        InvalidValueError: the filter is wrong; the message names the column, the hint points at it.
    """
    if not text:
        return None
    return _Parser(text, grammar, what="filter", is_metric=is_metric, now_ms=now_ms).filter()


def parse_order(items: Sequence[str], grammar: Grammar, *, is_metric: Optional[Callable[[str], bool]] = None) -> List[Order]:
    """What to sort by.

    Raises:
        InvalidValueError: an item is wrong, or names a field a second time.
    """
    found: List[Order] = []
    for item in items:
        order = _Parser(item, grammar, what="order_by", is_metric=is_metric).order()
        if order._replace(descending=False) in [earlier._replace(descending=False) for earlier in found]:
            raise InvalidValueError(f"order_by names {item.split()[0]!r} a second time.", hint="Name each field once.")
        found.append(order)
    return found


class _Parser(Reader):
    """Recursive descent: one method a rule."""

    def __init__(
        self,
        text: str,
        grammar: Grammar,
        *,
        what: str,
        is_metric: Optional[Callable[[str], bool]] = None,
        now_ms: Optional[int] = None,
    ) -> None:
        super().__init__(text, what=what)
        self.grammar = grammar
        self.is_metric = is_metric or (lambda _: False)
        self.now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        self.comparisons = self.listed = self.patterns = self.depth = 0

    def filter(self) -> Node:
        if self.token.kind == "end":
            self.fail(self.token, f"a comparison such as `{_example(self.grammar)}`", advice="An empty filter finds everything.")
        node = self.disjunction()
        self.took("word", "AND")  # one at the end is nothing, as in MLflow
        if self.token.kind != "end":
            self.fail(self.token, "AND, OR or the end")
        return node

    def disjunction(self) -> Node:
        parts = [self.conjunction()]
        while self.took("word", "OR"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else Disjunction(tuple(parts))

    def conjunction(self) -> Node:
        parts = [self.term()]
        while self.token.text == "AND" and self.token.kind == "word" and self.tokens[self.at + 1].kind != "end":
            self.take()
            parts.append(self.term())
        return parts[0] if len(parts) == 1 else Conjunction(tuple(parts))

    def term(self) -> Node:
        start = self.token
        if not self.took("word", "NOT") and not self.took("mark", "("):
            return self.comparison()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(start, f"at most {MAX_DEPTH} parentheses and NOTs inside each other")
        if start.text == "NOT":
            node: Node = Negation(self.term())
        else:
            node = self.disjunction()
            if not self.took("mark", ")"):
                self.fail(self.token, f"AND, OR or the parenthesis that closes the one at column {start.column}")
        self.depth -= 1
        return node

    def comparison(self) -> Node:
        start = self.token
        self.comparisons += 1
        self.limit(self.comparisons, MAX_COMPARISONS, "comparisons")
        name = self.identifier(order=False)
        operator = self.operator(name.field, start.text)
        return Comparison(name.entity, name.key, operator, self.value(operator, name.field), start.column, name.aggregate)

    def limit(self, count: int, most: int, what: str) -> None:
        if count > most:
            raise InvalidValueError(f"The {self.what} has more than {most} {what}.")

    def _some_name(self) -> str:
        return "a name such as `" + _example(self.grammar).split()[0] + "`"

    def identifier(self, *, order: bool) -> _Name:
        token = self.take()
        if token.kind == "string" and token.text.startswith('"') and len(token.text) > 2:
            token = Token("name", token.text, token.column)
        if token.kind != "name":
            self.fail(token, self._some_name())
        if self.token.text.startswith(".") and self.token.kind in ("unknown", "suffix") and not self._has_aggregate(token):
            self.fail(self.token, "a key right after the dot, if need be in back-ticks")
        entity, key = self._split(token)
        field = self.grammar.open.get(entity)
        if field is None:
            key, field = self._fixed(token, entity, key, order=order)
        elif order and entity not in self.grammar.sortable:
            self.fail(token, self._sortable())
        if self.token.kind == "suffix":
            return _Name(entity, key, self.take().text[1:], field)
        return self._aggregated(_Name(entity, key, "", field), token)

    def _has_aggregate(self, token: Token) -> bool:
        """Whether the next token is an aggregate of the quoted key of a metric: ``metrics.`a key`.min``."""
        entity, quoted = token.text.partition(".")[0].strip("`"), token.text[-1] in "`'\""
        follows = self.token.kind == "suffix" and self.token.column == token.column + len(token.text)
        if not (quoted and follows and "." in token.text and self.grammar.entities.get(entity) == "metric"):
            return False
        if self.token.text[1:] not in AGGREGATES:
            self.fail(self.token, f"one of .{', .'.join(AGGREGATES)}")
        return True

    def _aggregated(self, name: _Name, token: Token) -> _Name:
        """``metrics.loss.min`` is the smallest loss, unless there is a metric of just that name, or the whole key is quoted."""
        stem, _, last = name.key.rpartition(".")
        if name.entity != "metric" or last not in AGGREGATES or not stem or token.text[-1] in "`'\"" or self.is_metric(name.key):
            return name
        return name._replace(key=stem, aggregate=last)

    def _split(self, token: Token) -> Tuple[str, str]:
        match = _NAME.match(token.text)
        assert match is not None
        prefix, key = match.groups()
        if prefix is None:
            return "attribute", _bare(key)
        entity = self.grammar.entities.get(prefix.strip("`"))
        if entity is None:
            self.fail(token, f"one of {', '.join(sorted(self.grammar.entities))} before the dot")
        return entity, _bare(key)

    def _fixed(self, token: Token, entity: str, key: str, *, order: bool) -> Tuple[str, Field]:
        fields = self.grammar.fields.get(entity, {})
        name = self.grammar.aliases.get(key, key)
        if order and (entity != "attribute" or key not in self.grammar.sortable):
            self.fail(token, self._sortable())
        if name not in fields:
            advice = f"A {self.grammar.noun}'s own keys need their kind before them: " + ", ".join(
                f"{kind}s.KEY" for kind in self.grammar.open
            )
            self.fail(token, f"one of {', '.join(sorted(fields))}", advice=advice if entity == "attribute" else "")
        return name, fields[name]

    def _sortable(self) -> str:
        names = (f"{name}s.KEY" if name in self.grammar.open else name for name in sorted(self.grammar.sortable))
        return f"one of {', '.join(names)}"

    def operator(self, field: Field, name: str) -> str:
        token = self.take()
        found = token.text if token.kind in ("operator", "word") else ""
        positive = found
        if found == "NOT" and self.token.kind == "word" and self.token.text in NEGATED:
            positive = self.take().text
            found = f"NOT {positive}"
        elif found == "IS":
            negated = self.took("word", "NOT")
            if not self.took("word", "NULL"):
                self.fail(self.token, "NULL")
            positive = found = "IS NOT NULL" if negated else "IS NULL"
        if positive not in field.operators:
            advice = f"Write {_INSTEAD[found]} for {found}." if found in _INSTEAD else ""
            if token.kind in ("name", "number", "span", "sign", "suffix", "unknown"):
                advice = "A key with other characters than letters, digits, '_' and '.' goes in back-ticks: metrics.`a key`"
            self.fail(token._replace(text=found or token.text), f"one of {', '.join(field.operators)} after {name}", advice=advice)
        return found

    def value(self, operator: str, field: Field) -> Value:
        if operator in NULL:
            return None
        if operator.endswith("LIKE"):
            return self.pattern(operator)
        if operator.endswith("BETWEEN"):
            return self.bounds(field)
        if operator.endswith("IN"):
            return self.listing(field)
        if field.kind == "either" and operator not in ("=", "!="):
            advice = "Texts are compared with =, !=, LIKE, ILIKE, RLIKE and IN." if self.token.kind == "string" else ""
            return self.single("number", advice=advice)
        return self.single(field.kind)

    def single(self, kind: str, *, advice: str = "") -> Union[str, int, float]:
        """One value of a kind, as it is compared with."""
        token = self.take()
        found = self._read(kind, token)
        if found is None:
            self.fail(token, _VALUES[kind], advice=advice)
        return found

    def _read(self, kind: str, token: Token) -> Union[str, int, float, None]:
        if token.kind == "string":
            return self._quoted(kind, token.text[1:-1])
        if token.kind == "number" and kind in ("number", "count", "either", "time", "span", "integer time"):
            return (
                None if kind in ("integer time", "count") and not filter_values.is_integer(token.text) else filter_values.number(token.text)
            )
        if kind == "span" and token.kind == "span":
            return filter_values.span_ms(token.text)
        if kind.endswith("time") and token.kind == "name" and token.text.lower() == "now":
            return self.moment()
        return None

    @staticmethod
    def _quoted(kind: str, text: str) -> Union[str, int, None]:
        if kind in ("text", "either"):
            return text
        if kind in ("digits", "count"):
            return (text if kind == "digits" else int(text)) if filter_values.is_integer(text) else None
        return filter_values.moment_ms(text) if kind.endswith("time") else None

    def moment(self) -> int:
        """What stands after ``now``: spans to add or to take away."""
        found = self.now_ms
        while self.token.kind in ("sign", "span"):
            sign = self.take().text if self.token.kind == "sign" else ""
            token = self.take()
            if token.kind != "span" or (token.text[0] in "-+") == bool(sign):
                self.fail(token, "a span of time such as `- 2d`; its unit is one of s, m, h, d, w")
            found += filter_values.span_ms(sign + token.text)
        return max(-(2**62), min(found, 2**62))

    def pattern(self, operator: str) -> str:
        token = self.token
        found = str(self.single("text"))
        if operator.endswith("RLIKE"):
            from mlctl.search import patterns

            self.patterns += 1
            self.limit(self.patterns, MAX_PATTERNS, "regular expressions")
            try:
                patterns.Pattern(found)
            except patterns.PatternError as error:
                self.fail(token._replace(column=token.column + 1 + error.position), error.expected)
        return found

    def bounds(self, field: Field) -> Tuple[Any, ...]:
        kind = "number" if field.kind == "either" else field.kind
        low = self.single(kind)
        if not self.took("word", "AND"):
            self.fail(self.token, "AND and the upper bound")
        return low, self.single(kind)

    def listing(self, field: Field) -> Tuple[Any, ...]:
        if not self.took("mark", "("):
            self.fail(self.token, "a list such as ('a', 'b')" if field.kind != "number" else "a list such as (1, 2)")
        start, kind = self.token, field.kind
        found = [self.single(kind)]
        if kind == "either":  # a list is of texts or of numbers
            kind = "text" if start.kind == "string" else "number"
        while not self.took("mark", ")"):
            if not self.took("mark", ","):
                self.fail(self.token, "a comma or a closing parenthesis")
            if self.token.text != ")" or self.token.kind != "mark":
                found.append(self.single(kind))
        self.listed += len(found)
        self.limit(self.listed, MAX_LISTED, "values in lists")
        return tuple(found)

    def order(self) -> Order:
        name = self.identifier(order=True)
        direction = self.take()
        if direction.kind == "end":
            return Order(name.entity, name.key, descending=False, aggregate=name.aggregate)
        if direction.kind != "name" or direction.text.upper() not in ("ASC", "DESC"):
            self.fail(direction, "ASC, DESC or the end", advice="Give each field as an item of its own.")
        if self.token.kind != "end":
            self.fail(self.token, "the end", advice="Give each field as an item of its own.")
        return Order(name.entity, name.key, descending=direction.text.upper() == "DESC", aggregate=name.aggregate)


def _bare(part: str) -> str:
    return part[1:-1] if len(part) > 1 and part[0] == part[-1] and part[0] in "`'\"" else part


def _example(grammar: Grammar) -> str:
    return "metrics.rmse < 1" if "metric" in grammar.open else "name = 'Default'"
