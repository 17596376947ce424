"""What is added to runs and experiments afterwards: tags given as KEY=VALUE, and notes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from mlctl import process
from mlctl.errors import NotFoundError, UsageError
from mlctl.tracking.entities import NOTE_TAG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOTE_TAGS = (NOTE_TAG, "MLflow.note.content")
"""Keys that hold a note: MLflow's, and how some write it."""

_COMMENT = "<!-- The note, in Markdown; this line is left out. -->\n"


def assignments(words: Sequence[str]) -> dict[str, str]:
    """Tags from words of the form KEY=VALUE.

    Raises:
        UsageError: a word is not of that form, or a key is given twice.
    """
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise UsageError(f"{word!r} is not of the form KEY=VALUE.", hint="Write team=vision; an empty value is team=")
        if key in found:
            raise UsageError(f"The tag {key!r} is given twice.", hint="Give it once.")
        found[key] = value
    return found


def check_deletable(tags: Mapping[str, str], keys: Sequence[str], *, what: str) -> None:
    """See that all tags that shall go are there, before anything is changed.

    Raises:
        NotFoundError: one is not.
    """
    missing = [key for key in keys if key not in tags]
    if missing:
        raise NotFoundError(f"{what} has no tag {missing[0]!r}.", hint=f"It has: {', '.join(sorted(tags))}." if tags else "It has no tags.")


def note(tags: Mapping[str, str]) -> str:
    """The note among the tags; empty where there is none."""
    return next((tags[key] for key in NOTE_TAGS if tags.get(key)), "")


class NoteRequest(NamedTuple):
    """What the command line says about a note: a new text (``-``: from standard input), the editor, its end; nothing of it: show it."""

    text: str | None
    edit: bool
    delete: bool

    def check(self) -> None:
        """See that it asks for one thing only.

        Raises:
            UsageError: it asks for several, or for an editor where there is no terminal.
        """
        if sum((self.text is not None, self.edit, self.delete)) > 1:
            raise UsageError("A text, --edit and --delete exclude each other.", hint="Give one of them.")
        if self.edit and not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError("--edit needs a terminal.", hint="Give the text, or - to read it from standard input.")

    def new_text(self, old: str) -> str | None:
        """The note as it shall be from now on (empty: none); None where it is only asked for.

        Raises:
            UsageError: the editor cannot be used, or standard input is no text.
        """
        if self.delete:
            return ""
        if self.edit:
            return _edited(old)
        return _standard_input() if self.text == "-" else self.text


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8").rstrip("\n")
    except UnicodeDecodeError:
        raise UsageError("Standard input is not UTF-8 text.", hint="A note is text, in Markdown if you like.") from None


def _edited(old: str) -> str:
    import shlex
    import tempfile
    from pathlib import Path

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="mlctl-note-") as folder:
        path = Path(folder) / "note.md"
        path.write_text(f"{_COMMENT}{old}\n", encoding="utf-8")
        try:
            code = process.converse([*shlex.split(editor), str(path)])
        except (OSError, ValueError) as error:
            raise UsageError(f"The editor {editor!r} cannot be started: {error}.", hint="EDITOR names one.") from None
        if code:
            raise UsageError(f"The editor {editor!r} ended with exit code {code}; the note is as it was.")
        return path.read_text(encoding="utf-8", errors="replace").replace(_COMMENT, "", 1).rstrip()
