"""What ``mlctl __complete SHELL …`` prints for a shell's completion function: a line that says what follows, then candidates.

The first line is ``words``, ``files`` or ``folders``. Shells other than bash get a candidate and its description on a line, with a tab
between; bash gets words as they are to be inserted. Whatever goes wrong, the answer is that there is nothing.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from mlctl.commands import completion_tree, completion_values, completion_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlctl.commands.completion_values import Candidate

_SERVER_PATIENCE_S = "1"
_LISTING = ("63", "33")  # values of bash's COMP_TYPE: candidates are shown, not inserted
_LONGEST = 80


def answer(arguments: Sequence[str], make_group: Callable[[], Any]) -> str:
    """The answer to a shell: ``bash LINE CURRENT TYPE`` (the line up to the cursor) or ``zsh WORD…`` or ``fish WORD…``."""
    for variable in ("MLCTL_HTTP_TIMEOUT_S", "MLCTL_HTTP_PATIENCE_S"):  # nobody waits long for a TAB
        os.environ[variable] = _SERVER_PATIENCE_S
    shell, *rest = arguments
    words = _words(rest[0]) if shell == "bash" else list(rest)
    place = completion_words.place(completion_tree.load(make_group), words)
    found = completion_values.answer(place)
    if isinstance(found, str):
        return f"{found}\n"
    if shell == "bash":
        lines = _for_bash(found, word=words[-1], prefix=place.prefix, current=rest[1], listing=rest[2] in _LISTING)
    else:
        lines = [f"{place.prefix}{item.value}\t{_line(item.text)}" for item in found]
    return "".join(f"{line}\n" for line in ("words", *lines))


def _words(line: str) -> list[str]:
    """The words after the program's name; the last one is the one that the line ends in, "" after a blank."""
    import shlex

    for closing in ("", "'", '"'):
        try:
            words = shlex.split(line + closing)
        except ValueError:
            continue
        ended = line[-1:].isspace() and not line.endswith("\\ ") and not closing
        return [*words[1:], *([""] if ended else [])] or [""]
    return [""]


def _for_bash(found: Sequence[Candidate], *, word: str, prefix: str, current: str, listing: bool) -> list[str]:
    """Words in the form that bash inserts: it replaces only what comes after the last of its word breaks (``=`` and ``:``)."""
    replaced = re.split(r"[=:]", current)[-1] if current.strip("=:") else ""
    kept = len(word) - len(_unquoted(replaced)) if word.endswith(_unquoted(replaced)) else 0
    lines = []
    for item in found:
        inserted = _quoted((prefix + item.value)[kept:]) + ("" if item.open else " ")
        lines.append(f"{inserted.rstrip()}  ({_line(item.text)})" if listing and item.text and len(found) > 1 else inserted)
    return lines


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text.lstrip("'\""))


def _quoted(text: str) -> str:
    return re.sub(r"([^\w@%+=:,./~^-])", r"\\\1", text)


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
