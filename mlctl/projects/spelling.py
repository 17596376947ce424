"""Words that were probably meant: ``defulat`` for ``default``, ``entry points`` for ``entry_points``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LIKENESS = 0.75  # of 1: one slip in a word of five letters is found, `r_env` is not taken for `conda_env`
_SHOWN = 80


def nearest(word: str, known: Iterable[str], *, aliases: Mapping[str, str] | None = None) -> str:
    """The known word that was probably meant ("" for none). ``aliases`` are other words that people use for known ones."""
    plain = {_plain(name): name for name in known if name}
    plain.update({alias: name for alias, name in (aliases or {}).items() if name in plain.values()})
    wanted = _plain(word)
    if not wanted or wanted in plain:
        return plain.get(wanted, "")
    import difflib

    close = difflib.get_close_matches(wanted, plain, n=1, cutoff=_LIKENESS)
    return plain[close[0]] if close else ""


def _plain(word: str) -> str:
    return re.sub(r"[\s_.-]+", "", word).lower()


def shown(text: str) -> str:
    """A value for a message: quoted, on one line, and cut where it is long."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
