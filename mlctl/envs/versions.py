"""What a project may write for its Python version, and which interpreters meet it.

``3.8.13`` names one release; ``3.8``, ``3``, ``3.8.*`` and ``==3.8`` any release that starts so; ``>=3.9,<3.12`` and its like a range. A
single ``=`` is conda's, and so is reading ``<=3.8`` as "any 3.8 or older".
"""

from __future__ import annotations

import re
from typing import NamedTuple

Version = tuple[int, ...]

_CLAUSE = r"(~=|===|==|!=|<=|>=|<|>|=)?\s*v?(\d+(?:\.\d+)*)(\.\*)?((?:a|b|rc)\d+)?"
_NAME = r"^(?:c?python)[-@ ]?(?=[\d<>=!~])"


class Clause(NamedTuple):
    """One comparison: ``operator`` is empty for a bare version, ``suffix`` the ``rc1`` of a pre-release."""

    operator: str
    version: Version
    suffix: str = ""

    def __str__(self) -> str:
        return ".".join(map(str, self.version)) + self.suffix

    def fits(self, version: Version) -> bool:
        """Whether a release meets it; of a release that is known in part only (``(3, 8)``), whether it may."""
        size = min(len(self.version), len(version))
        head, mine = version[:size], self.version[:size]
        if self.operator in ("", "="):
            return head == mine
        if len(version) < 3 and head == mine:
            return True
        padded = self.version + (0,) * (3 - len(self.version))
        table = {
            "!=": head != mine,
            ">=": version >= padded,
            ">": version > padded,
            "<=": head <= mine,
            "<": version < padded,
            "~=": version >= padded and version[: len(self.version) - 1] == self.version[:-1],
        }
        return table[self.operator]


class Wanted(NamedTuple):
    """A wish for a Python version: ``text`` as it was written, and its clauses, all of which must hold."""

    text: str
    clauses: tuple[Clause, ...]

    @property
    def exact(self) -> str:
        """The one release that is asked for, or "" for a wish that several releases meet."""
        first = self.clauses[0]
        one = len(self.clauses) == 1 and first.operator == "" and len(first.version) >= 3
        return str(first) if one else ""

    @property
    def minor(self) -> Version:
        """The (major, minor) that every fitting release has, or () where the wish leaves that open."""
        for clause in self.clauses:
            if clause.operator in ("", "=") and len(clause.version) >= 2:
                return clause.version[:2]
        return ()

    def fits(self, version: Version) -> bool:
        """Whether a release, or one that is known in part only, meets the wish."""
        return all(clause.fits(version) for clause in self.clauses)

    def for_uv(self) -> str:
        """The wish in words that uv understands."""
        return ",".join(f"{clause.operator.strip('=') and clause.operator}{clause}" for clause in self.clauses)


def parse(text: str) -> Wanted:
    """Read a wish.

    Raises:
        ValueError: it is none; the message says what is wrong.
    """
    plain = re.sub(_NAME, "", text.strip(), flags=re.IGNORECASE)
    clauses = []
    for part in filter(None, (piece.strip() for piece in plain.split(","))):
        match = re.fullmatch(_CLAUSE, part)
        if match is None:
            raise ValueError(f"{text!r} is not a Python version")
        clauses.append(_clause(*match.groups(default="")))
    if not clauses:
        raise ValueError("the Python version is empty")
    return Wanted(text.strip(), tuple(clauses))


def numbers(text: str) -> Version:
    """The numbers that a version starts with: ``3.13.0rc1`` → (3, 13, 0)."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, match.group().split("."))) if match else ()


def _clause(operator: str, digits: str, star: str, suffix: str) -> Clause:
    version = tuple(map(int, digits.split(".")))
    if star:
        return Clause("!=" if operator == "!=" else "=", version)
    return Clause("" if operator in ("=", "==", "===") else operator, version, suffix)
