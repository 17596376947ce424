"""A conda package as an environment file names it: channel, name, and what follows of version and build.

The grammar is conda's (its documentation, "package match specifications"). It is read here only as far as is needed to name the package
and to find mistakes that are common; the solver reads it whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_SPEC = re.compile(r"(?:(?P<channel>[^\s\[\]<>!=]+)::)?(?P<name>[A-Za-z0-9_][\w.-]*?)\s*(?P<rest>(?:\[.*\]|[\s=<>!~].*)?)", re.DOTALL)
_PACKAGE_FILE = re.compile(r"\S+/(?P<name>[\w.-]+)-[^-/]+-[^-/]+\.(?:conda|tar\.bz2)(?:#\S+)?")
_COMMENT = re.compile(r"\s+#.*$")

# What is written by mistake: how it looks, what is wrong with it, and what to write instead.
_MISTAKES = (
    (r".*[^\w](?:git\+|https?://|file:)\S*", "is not a conda package", "What pip fetches goes under `- pip:`."),
    (r"(?:-.*|.*\.txt)", "is an option of pip, not a conda package", "Put it under `- pip:`."),
    (r"[\w.-]+\[[\w\s,.-]*\].*", "has extras, which conda packages do not", "Put it under `- pip:`, or leave the extras out."),
    (r".*(?:=>|=<|><).*", "has an operator that does not exist", "Write >= or <=."),
    (r".*[,=<>!~]\s*", "ends where a version should follow", "Write it as name=1.2.3, or as the name alone."),
    (r".*;.*", "has a condition, which only pip knows", "Put it under `- pip:`."),
    (r"[^\[]*\[[^\]]*", "has a bracket that is not closed", "Write it as name[version='>=1.2']."),
)


class Spec(NamedTuple):
    """A package wish. ``text`` is as it was written; ``channel`` is "" where it names none, and may end in a platform's folder."""

    text: str
    name: str
    channel: str = ""
    rest: str = ""
    line: int = 0

    def query(self, channel_url: Callable[[str], str]) -> str:
        """The spec as a solver takes it, its channel an address."""
        if not self.name or ("://" in self.text and not self.channel):
            return self.text
        joint = " " if self.rest[:1].isalnum() or self.rest[:1] == "*" else ""
        prefix = f"{channel_url(self.channel)}::" if self.channel else ""
        return f"{prefix}{self.name}{joint}{self.rest}"


def parse(text: str, *, line: int = 0) -> Spec:
    """Read a package wish.

    Raises:
        ValueError: with two arguments, what is wrong and what to write instead.
    """
    plain = _COMMENT.sub("", text).strip()
    file = _PACKAGE_FILE.fullmatch(plain)
    if file:
        return Spec(plain, file["name"].lower(), line=line)
    match = _SPEC.fullmatch(plain)
    for pattern, what, hint in _MISTAKES if match is None or not match["channel"] else _MISTAKES[3:]:
        if re.fullmatch(pattern, plain):
            raise ValueError(f"{text!r} {what}", hint)
    if match is None:
        raise ValueError(f"{text!r} is not a conda package", "Write it as name=1.2.3.")
    return Spec(plain, match["name"].lower(), match["channel"] or "", match["rest"].strip(), line)
