"""A command line that is not finished yet: which word is being typed, and what the words before it say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl.commands.completion_tree import Tree

OPTION, COMMAND = "option", "command"


@dataclass
class Place:
    """Where the cursor is. ``asks`` is the parameter whose value is typed, `OPTION`, `COMMAND` or "" (nothing can stand there).

    ``prefix`` is what stands before the value in the same word (``--env-manager=``), ``typed`` what there is of it. ``given`` has the
    values of parameters that the words before name.
    """

    node: Tree
    path: list[str] = field(default_factory=list)
    given: dict[str, list[str]] = field(default_factory=dict)
    asks: str = ""
    prefix: str = ""
    typed: str = ""


def place(tree: Tree, words: Sequence[str]) -> Place:
    """Read the words after the program's name; the last one is being typed and may be empty."""
    reader = _Reader(tree)
    for word in words[:-1]:
        reader.read(word)
    return reader.at(words[-1] if words else "")


class _Reader:
    def __init__(self, tree: Tree) -> None:
        self._place = Place(tree)
        self._pending = ""
        self._positional = 0
        self._only_positional = False

    def read(self, word: str) -> None:
        """A word that is complete."""
        found = self._place
        if self._pending:
            found.given.setdefault(self._pending, []).append(word)
            self._pending = ""
        elif "commands" in found.node:
            if word in found.node["commands"]:
                found.node = found.node["commands"][word]
                found.path.append(word)
            elif not word.startswith("-"):
                found.node = {"help": "", "options": [], "arguments": []}
        elif word == "--" and not self._only_positional:
            self._only_positional = True
        elif word.startswith("-") and len(word) > 1 and not self._only_positional:
            self._option(word)
        else:
            argument = self._argument()
            found.given.setdefault(argument, []).append(word)
            self._positional += 1

    def _option(self, word: str) -> None:
        name, equals, value = word.partition("=")
        option = self._named(name)
        if option is None and not word.startswith("--"):
            option, value, equals = self._named(word[:2]), word[2:], "="
        if option is None or not option[2]:
            return
        if equals:
            self._place.given.setdefault(option[1], []).append(value)
        else:
            self._pending = option[1]

    def _named(self, name: str) -> Any:
        return next((option for option in self._place.node["options"] if name in option[0]), None)

    def _argument(self) -> str:
        """The argument that comes next; "" where no more are taken."""
        arguments = self._place.node["arguments"]
        if self._positional < len(arguments):
            return str(arguments[self._positional][0])
        return str(arguments[-1][0]) if arguments and arguments[-1][1] else ""

    def at(self, word: str) -> Place:
        """The word that is being typed."""
        found = self._place
        found.typed = word
        name, equals, value = word.partition("=")
        if self._pending:
            found.asks = self._pending
        elif "commands" in found.node:
            found.asks = COMMAND
        elif self._only_positional or not word.startswith("-"):
            found.asks = self._argument() or ("" if self._only_positional else OPTION)
        elif equals and word.startswith("--") and (option := self._named(name)) and option[2]:
            found.asks, found.prefix, found.typed = option[1], f"{name}=", value
        else:
            found.asks = OPTION
        return found
