"""The search language's text as tokens, and the errors that point into it."""

import re
from typing import Iterator, NamedTuple, NoReturn

from mlctl.errors import InvalidValueError

ENTITY = r"(?:`[^`]+`|[^\W\d]\w*)"
"""What may stand before the dot of a name."""

_TOKEN = re.compile(
    r"\s*(?:"
    rf"(?P<name>{ENTITY}\.(?:`[^`]+`|\"[^\"]+\"|'[^']+'|\w+(?:\.\w+)*)|`[^`]+`|[^\W\d]\w*)"
    r"|(?P<string>'(?:''|\\'|[^'])*'|\"(?:\"\"|\\\"|[^\"])*\")"
    r"|(?P<span>[-+]?(?:\d+\.?\d*|\.\d+)[smhdw](?![\w.]))"
    r"|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))"
    r"|(?P<operator><=|>=|!=|<>|==|[=<>])"
    r"|(?P<mark>[(),])"
    r"|(?P<sign>[-+])"
    r"|(?P<suffix>\.[^\W\d]\w*)"
    r"|(?P<end>\Z)"
    r")"
)
_WORDS = frozenset(("AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "RLIKE", "BETWEEN"))


class Token(NamedTuple):
    """A piece of a filter: its kind, its text, and its column counted from 1."""

    kind: str
    text: str
    column: int


class Reader:
    """The tokens of a text, one after the other. ``what`` is how errors call the text."""

    def __init__(self, text: str, *, what: str) -> None:
        self.text = text
        self.what = what
        self.tokens = list(_tokens(text))
        self.at = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.at]

    def take(self) -> Token:
        """The next token, which is then behind us."""
        self.at += 1
        return self.tokens[self.at - 1]

    def took(self, kind: str, text: str) -> bool:
        """Whether the next token was this one; it is then behind us."""
        if self.token.kind != kind or self.token.text != text:
            return False
        self.at += 1
        return True

    def fail(self, token: Token, expected: str, *, advice: str = "") -> NoReturn:
        """Refuse the text: what was found where, and what may stand there.

        Raises:
            InvalidValueError: always.
        """
        found = {"end": "the end", "string": f"the text {_shortened(token.text)}"}.get(token.kind, f"`{_shortened(token.text)}`")
        if token.kind == "unknown" and token.text[0] in "'\"`":
            advice = "The quote is not closed."
        message = f"The {self.what} is wrong at column {token.column}: found {found}, expected {expected}."
        raise InvalidValueError(message, hint="\n".join(filter(None, (advice, self._pointer(token.column)))))

    def _pointer(self, column: int) -> str:
        begin = max(0, column - 60)
        shown = "".join(" " if character.isspace() else character for character in self.text[begin : begin + 100])
        return f"  {shown}\n  {' ' * (column - 1 - begin)}^"


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            rest = text[position:].lstrip()
            yield Token("unknown", rest.split(maxsplit=1)[0][:30], len(text) - len(rest) + 1)
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


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
