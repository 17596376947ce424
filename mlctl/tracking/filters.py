"""MLflow's search language: text → tree of comparisons. Nothing here knows SQL.

::

    filter      := <empty> | conjunction
    conjunction := comparison ("AND" comparison)* ["AND"]
    comparison  := identifier operator value | identifier ["NOT"] "IN" "(" string ("," string)* [","] ")"
                 | identifier "IS" ["NOT"] "NULL"
    identifier  := [entity "."] key          entity and key may be in back-ticks, the key also in quotes

What an identifier may be, and which operators it takes, stands in a `Grammar`: one for runs, one for experiments.
"""

import re
from typing import Any, Dict, FrozenSet, Iterator, List, NamedTuple, NoReturn, Optional, Sequence, Tuple, Union

from mlctl.errors import InvalidValueError

Value = Union[str, int, float, Tuple[Any, ...], None]

MAX_COMPARISONS = 200
"""More in one filter are refused: databases bound the size of an expression."""

_NUMERIC = ("=", "!=", "<", "<=", ">", ">=")
_TEXT = ("=", "!=", "LIKE", "ILIKE")
_LIST = ("IN", "NOT IN")
_NULL = ("IS NULL", "IS NOT NULL")


class Comparison(NamedTuple):
    """One comparison; ``column`` is where it starts, counted from 1. A list of values is a tuple, no value is None."""

    entity: str
    key: str
    operator: str
    value: Value
    column: int


class Conjunction(NamedTuple):
    """All of its parts hold."""

    parts: Tuple["Node", ...]


Node = Union[Comparison, Conjunction]


class Order(NamedTuple):
    """One field to sort by."""

    entity: str
    key: str
    descending: bool


class Field(NamedTuple):
    """What can be asked of a field: its operators, and what it is compared with (number, integer, text, quoted digits)."""

    operators: Tuple[str, ...]
    kind: str


class Grammar(NamedTuple):
    """The language of one kind of entity.

    ``entities`` maps what may stand before the dot to an entity; ``open`` are entities whose keys the user chose; ``fields`` are the
    fixed keys of the others. ``aliases`` are other spellings of attributes, ``sortable`` what ``order_by`` takes.
    """

    noun: str
    entities: Dict[str, str]
    open: Dict[str, Field]
    fields: Dict[str, Dict[str, Field]]
    aliases: Dict[str, str]
    sortable: FrozenSet[str]


_KEYED = Field(_TEXT + _NULL, "text")
_NUMBER = Field(_NUMERIC, "number")
_DATASET = Field(_TEXT + _LIST, "text")

RUNS = Grammar(
    noun="run",
    entities={
        **dict.fromkeys(("metric", "metrics"), "metric"),
        **dict.fromkeys(("parameter", "parameters", "param", "params"), "param"),
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
        **dict.fromkeys(("dataset", "datasets"), "dataset"),
    },
    open={"metric": _NUMBER, "param": _KEYED, "tag": _KEYED},
    fields={
        "attribute": {
            "run_id": Field(_TEXT + _LIST, "text"),
            **dict.fromkeys(("run_name", "status", "user_id", "artifact_uri"), Field(_TEXT, "text")),
            **dict.fromkeys(("start_time", "end_time"), _NUMBER),
        },
        "dataset": dict.fromkeys(("name", "digest", "context"), _DATASET),
    },
    aliases={
        **dict.fromkeys(("created", "Created"), "start_time"),
        **dict.fromkeys(("run name", "Run name", "Run Name"), "run_name"),
    },
    sortable=frozenset(
        (
            "metric",
            "param",
            "tag",
            "run_id",
            "run_name",
            "status",
            "user_id",
            "artifact_uri",
            "start_time",
            "end_time",
            "created",
            "Created",
        )
    ),
)

EXPERIMENTS = Grammar(
    noun="experiment",
    entities={"attribute": "attribute", "tag": "tag", "tags": "tag"},
    open={"tag": _KEYED},
    fields={
        "attribute": {
            "name": Field(_TEXT, "text"),
            "experiment_id": Field(("=", "!=", *_LIST), "digits"),
            **dict.fromkeys(("creation_time", "last_update_time"), Field(_NUMERIC, "integer")),
        }
    },
    aliases={},
    sortable=frozenset(("name", "experiment_id", "creation_time", "last_update_time")),
)


class Token(NamedTuple):
    """A piece of a filter: its kind, its text, and its column counted from 1."""

    kind: str
    text: str
    column: int


_ENTITY = r"(?:`[^`]+`|[^\W\d]\w*)"
_TOKEN = re.compile(
    r"\s*(?:"
    rf"(?P<name>{_ENTITY}\.(?:`[^`]+`|\"[^\"]+\"|'[^']+'|\w+(?:\.\w+)*)|`[^`]+`|[^\W\d]\w*)"
    r"|(?P<string>'(?:''|\\'|[^'])*'|\"(?:\"\"|\\\"|[^\"])*\")"
    r"|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))"
    r"|(?P<operator><=|>=|!=|<>|==|[=<>])"
    r"|(?P<mark>[(),])"
    r"|(?P<end>\Z)"
    r")"
)
_NAME = re.compile(rf"(?:({_ENTITY})\.)?(.*)", re.DOTALL)
_INTEGER = re.compile(r"[-+]?\d+\Z")
_WORDS = frozenset(("AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "BETWEEN"))
_INSTEAD = {"==": "=", "<>": "!="}


def parse(text: str, grammar: Grammar) -> Optional[Node]:
    """The tree of a filter; None for an empty one.

    Raises:
        InvalidValueError: the filter is wrong; the message names the column, the hint points at it.
    """
    if not text:
        return None
    return _Parser(text, grammar, what="filter").filter()


def parse_order(items: Sequence[str], grammar: Grammar) -> List[Order]:
    """What to sort by.

    Raises:
        InvalidValueError: an item is wrong, or names a field a second time.
    """
    found: List[Order] = []
    for item in items:
        order = _Parser(item, grammar, what="order_by").order()
        if (order.entity, order.key) in ((earlier.entity, earlier.key) for earlier in found):
            raise InvalidValueError(f"order_by names {item.split()[0]!r} a second time.", hint="Name each field once.")
        found.append(order)
    return found


class _Parser:
    """Recursive descent: one method a rule."""

    def __init__(self, text: str, grammar: Grammar, *, what: str) -> None:
        self.text = text
        self.grammar = grammar
        self.what = what
        self.tokens = list(self._tokens())
        self.at = 0

    def _tokens(self) -> Iterator[Token]:
        position = 0
        while True:
            match = _TOKEN.match(self.text, position)
            if match is None or match.lastgroup is None:
                rest = self.text[position:].lstrip()
                yield Token("unknown", rest.split(maxsplit=1)[0][:30], len(self.text) - len(rest) + 1)
                return
            kind = match.lastgroup
            found = match.group(kind)
            column = match.start(kind) + 1
            if kind == "name" and found.upper() in _WORDS:
                kind, found = "word", found.upper()
            yield Token(kind, found, column)
            if kind == "end":
                return
            position = match.end()

    def fail(self, token: Token, expected: str, *, advice: str = "") -> NoReturn:
        """Refuse the text: what was found where, and what may stand there."""
        found = {"end": "the end", "string": f"the text {token.text}"}.get(token.kind, f"`{token.text}`")
        if token.kind == "unknown" and token.text[0] in "'\"`":
            advice = "The quote is not closed."
        message = f"The {self.what} is wrong at column {token.column}: found {found}, expected {expected}."
        raise InvalidValueError(message, hint="\n".join(filter(None, (advice, self._pointer(token.column)))))

    def _pointer(self, column: int) -> str:
        begin = max(0, column - 60)
        shown = "".join(" " if character.isspace() else character for character in self.text[begin : begin + 100])
        return f"  {shown}\n  {' ' * (column - 1 - begin)}^"

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def took(self, kind: str, text: str) -> bool:
        """Whether the next token was this one; it is then behind us."""
        if self.token.kind != kind or self.token.text != text:
            return False
        self.at += 1
        return True

    def filter(self) -> Node:
        if self.token.kind == "end":
            self.fail(self.token, f"a comparison such as `{_example(self.grammar)}`", advice="An empty filter finds everything.")
        node = self.conjunction()
        if self.token.kind != "end":
            self.fail(self.token, "AND or the end", advice="Only AND joins comparisons." if self.token.text == "OR" else "")
        return node

    def conjunction(self) -> Node:
        parts: List[Node] = [self.comparison()]
        while self.took("word", "AND") and self.token.kind != "end":
            parts.append(self.comparison())
            if len(parts) > MAX_COMPARISONS:
                raise InvalidValueError(f"The filter has more than {MAX_COMPARISONS} comparisons.")
        return parts[0] if len(parts) == 1 else Conjunction(tuple(parts))

    def comparison(self) -> Node:
        start = self.token
        entity, key, field = self.identifier(order=False)
        operator = self.operator(field, start.text)
        return Comparison(entity, key, operator, self.value(operator, field), start.column)

    def identifier(self, *, order: bool) -> Tuple[str, str, Field]:
        token = self.take()
        if token.kind == "string" and token.text.startswith('"') and len(token.text) > 2:
            token = Token("name", token.text, token.column)
        if token.kind != "name":
            self.fail(token, "a name such as `" + _example(self.grammar).split()[0] + "`")
        if self.token.kind == "unknown" and self.token.text.startswith("."):
            self.fail(self.token, "a key right after the dot, if need be in back-ticks")
        entity, key = self._split(token)
        field = self.grammar.open.get(entity)
        if field is None:
            key, field = self._fixed(token, entity, key, order=order)
        elif order and entity not in self.grammar.sortable:
            self.fail(token, self._sortable())
        return entity, key, field

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
        if found == "NOT" and self.took("word", "IN"):
            found = "NOT IN"
        elif found == "IS":
            negated = self.took("word", "NOT")
            if not self.took("word", "NULL"):
                self.fail(self.token, "NULL")
            found = "IS NOT NULL" if negated else "IS NULL"
        if found not in field.operators:
            advice = f"Write {_INSTEAD[found]} for {found}." if found in _INSTEAD else ""
            if token.kind in ("name", "number", "unknown"):
                advice = "A key with other characters than letters, digits, '_' and '.' goes in back-ticks: metrics.`a key`"
            self.fail(token._replace(text=found or token.text), f"one of {', '.join(field.operators)} after {name}", advice=advice)
        return found

    def value(self, operator: str, field: Field) -> Value:
        if operator in _NULL:
            return None
        if operator in _LIST:
            return self.strings(field)
        if field.kind in ("text", "digits"):
            return self.string(field)
        token = self.take()
        if token.kind != "number" or (field.kind == "integer" and not _INTEGER.match(token.text)):
            self.fail(token, "an integer without quotes" if field.kind == "integer" else "a number without quotes")
        return _number(token.text)

    def strings(self, field: Field) -> Tuple[str, ...]:
        if not self.took("mark", "("):
            self.fail(self.token, "a list such as ('a', 'b')")
        found = [self.string(field)]
        while not self.took("mark", ")"):
            if not self.took("mark", ","):
                self.fail(self.token, "a comma or a closing parenthesis")
            if self.token.text != ")":
                found.append(self.string(field))
        return tuple(found)

    def string(self, field: Field) -> str:
        token = self.take()
        if token.kind != "string" or (field.kind == "digits" and not _INTEGER.match(token.text[1:-1])):
            self.fail(token, "an integer in quotes" if field.kind == "digits" else "a text in quotes")
        return token.text[1:-1]

    def order(self) -> Order:
        entity, key, _ = self.identifier(order=True)
        direction = self.take()
        if direction.kind == "end":
            return Order(entity, key, descending=False)
        if direction.kind != "name" or direction.text.upper() not in ("ASC", "DESC"):
            self.fail(direction, "ASC, DESC or the end", advice="Give each field as an item of its own.")
        if self.token.kind != "end":
            self.fail(self.token, "the end", advice="Give each field as an item of its own.")
        return Order(entity, key, descending=direction.text.upper() == "DESC")


def _bare(part: str) -> str:
    return part[1:-1] if len(part) > 1 and part[0] == part[-1] and part[0] in "`'\"" else part


def _number(text: str) -> Union[int, float]:
    if _INTEGER.match(text) and len(text) < 19:
        return int(text)
    return float(text)


def _example(grammar: Grammar) -> str:
    return "metrics.rmse < 1" if "metric" in grammar.open else "name = 'Default'"
