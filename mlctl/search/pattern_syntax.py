"""The text of a regular expression as a tree. What needs going back (back-references, looking ahead or behind) is refused."""

from typing import Callable, Dict, List, NamedTuple, NoReturn, Optional, Tuple, Union

MOST = -1
"""An upper bound that is none."""

_MAX_NESTED = 20
_MANY = 9999

Test = Callable[[str], bool]


class PatternError(Exception):
    """A pattern is wrong; ``position`` counts from 0, ``expected`` says what may stand there."""

    def __init__(self, position: int, expected: str) -> None:
        super().__init__(expected)
        self.position = position
        self.expected = expected


class One(NamedTuple):
    """One character that passes a test."""

    test: Test


class Place(NamedTuple):
    """An assertion: start, end, word boundary, no word boundary."""

    kind: str


class AllOf(NamedTuple):
    """One after the other."""

    parts: Tuple["Tree", ...]


class AnyOf(NamedTuple):
    """One of them."""

    parts: Tuple["Tree", ...]


class Repeat(NamedTuple):
    """A part, so many times."""

    part: "Tree"
    least: int
    most: int


Tree = Union[One, Place, AllOf, AnyOf, Repeat]


def is_word(character: str) -> bool:
    """Whether a character is a letter, a digit or an underscore."""
    return character.isalnum() or character == "_"


def _no(test: Test) -> Test:
    return lambda character: not test(character)


def _is(wanted: str) -> Test:
    return lambda character: character == wanted


_CLASSES: Dict[str, Test] = {
    "d": str.isdecimal,
    "s": str.isspace,
    "w": is_word,
    "D": _no(str.isdecimal),
    "S": _no(str.isspace),
    "W": _no(is_word),
}
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_PLACES = {"A": "start", "Z": "end", "b": "boundary", "B": "no boundary"}


class _Reader:
    """Recursive descent over a pattern."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.nested = 0
        self.any_case = self.took("(?i)")

    def forms(self, test: Test) -> Test:
        """A test that capitals and small letters pass alike, if they are the same here."""
        if not self.any_case:
            return test
        return lambda found: test(found) or test(found.lower()) or test(found.upper())

    def fail(self, expected: str, *, back: int = 0) -> NoReturn:
        raise PatternError(self.at - back, expected)

    def next(self) -> str:
        """The next character, not taken yet; empty at the end."""
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        if not self.next():
            self.fail("more of the regular expression")
        self.at += 1
        return self.text[self.at - 1]

    def took(self, text: str) -> bool:
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def whole(self) -> Tree:
        tree = self.either()
        if self.next():
            self.fail("no closing parenthesis without an opening one")
        return tree

    def either(self) -> Tree:
        parts = [self.sequence()]
        while self.took("|"):
            parts.append(self.sequence())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def sequence(self) -> Tree:
        parts: List[Tree] = []
        while self.next() not in ("", "|", ")"):
            parts.append(self.repeated())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def repeated(self) -> Tree:
        if self.next() in "*+?":
            self.fail("something to repeat before it")
        part = self.item()
        found = self.times()
        if found is None:
            return part
        self.took("?")  # lazy or greedy is the same here: nobody asks what matched
        if (self.next() and self.next() in "*+?") or self.times(look=True) is not None:
            self.fail("one repetition only")
        return Repeat(part, *found)

    def times(self, *, look: bool = False) -> Optional[Tuple[int, int]]:
        """How often what stands before it is repeated, at least and at most; None if there is no repetition."""
        begin = self.at
        short = {"*": (0, MOST), "+": (1, MOST), "?": (0, 1)}.get(self.next())
        if short is not None:
            self.at += 1
        elif self.took("{"):
            short = self.braces()
            if short is None:
                self.at = begin
        if look:
            self.at = begin
        return short

    def braces(self) -> Optional[Tuple[int, int]]:
        """Counts after an opening brace; None where the brace is only a brace, as in ``re``."""
        inside, closed, _ = self.text[self.at :].partition("}")
        least, comma, most = inside.partition(",")
        if not closed or not inside or not all(part == "" or (part.isdecimal() and part.isascii()) for part in (least, most)):
            return None
        if not least and not comma:
            return None
        low = int(least or 0) if len(least) < 5 else _MANY
        high = MOST if comma and not most else int(most or low) if len(most) < 5 else _MANY
        if high != MOST and high < low:
            self.fail("a lower bound that is not above the upper one")
        self.at += len(inside) + 1
        return low, high

    def item(self) -> Tree:
        character = self.take()
        if character == "(":
            return self.group()
        if character == "[":
            return One(self.bracket())
        if character == "\\":
            return self.escape()
        if character == ".":
            return One(_no(_is("\n")))
        if character in "^$":
            return Place("start" if character == "^" else "end")
        return One(self.forms(_is(character)))

    def group(self) -> Tree:
        begin = self.at
        if self.took("?") and not self.took(":"):
            self.at = begin
            self.fail("a plain group: ( or (?: — and (?i) at the very start; nothing that looks ahead or behind")
        self.nested += 1
        if self.nested > _MAX_NESTED:
            self.fail(f"at most {_MAX_NESTED} groups inside each other", back=1)
        tree = self.either()
        if not self.took(")"):
            self.fail("a closing parenthesis")
        self.nested -= 1
        return tree

    def escape(self) -> Tree:
        character = self.next()
        if character and character in _PLACES:
            self.at += 1
            return Place(_PLACES[character])
        return One(self.escaped())

    def escaped(self) -> Test:
        """What stands after a backslash, as a test of one character."""
        character = self.take()
        if character in _CLASSES:
            return _CLASSES[character]
        return self.forms(_is(self.literal(character)))

    def literal(self, character: str) -> str:
        if character in _ESCAPED:
            return _ESCAPED[character]
        if character in "xu":
            digits = self.text[self.at : self.at + (2 if character == "x" else 4)]
            try:
                found = chr(int(digits, 16)) if digits.isalnum() else ""
            except ValueError:
                found = ""
            if not found or len(digits) != (2 if character == "x" else 4):
                self.fail(r"hexadecimal digits: \x41 or \u0041")
            self.at += len(digits)
            return found
        if character.isalnum() and character.isascii():
            self.fail("a known escape (no back-references)" if character.isdecimal() else "a known escape", back=2)
        return character

    def bracket(self) -> Test:
        """A set of characters, behind its opening bracket."""
        negated = self.took("^")
        tests: List[Test] = []
        first = True
        while first or not self.took("]"):
            tests.append(self.member())
            first = False
        return (lambda found: not any(test(found) for test in tests)) if negated else (lambda found: any(test(found) for test in tests))

    def member(self) -> Test:
        begin = self.at
        low = self.end_of_range()
        if not isinstance(low, str):
            return low
        if self.next() != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return self.forms(_is(low))
        self.at += 1
        high = self.end_of_range()
        if not isinstance(high, str) or high < low:
            self.at = begin
            self.fail("a range from a lower to a higher character")
        bottom, top = low, high
        return self.forms(lambda found: bottom <= found <= top)

    def end_of_range(self) -> Union[str, Test]:
        character = self.take()
        if character != "\\":
            return character
        character = self.take()
        if character == "b":
            return "\b"
        return _CLASSES.get(character) or self.literal(character)


def parse(text: str) -> Tree:
    """The tree of a regular expression.

    Raises:
        PatternError: it is wrong.
    """
    return _Reader(text).whole()
