"""Keys that MLflow ignores and that were probably meant as others. Keys that resemble nothing are passed over: other tools use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl.projects.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mlctl.projects.document import Place
    from mlctl.projects.report import Report


def warn(fields: Mapping[str, Place], known: Collection[str], report: Report, *, aliases: Mapping[str, str] | None = None) -> None:
    """Warn of every field whose key resembles a known one."""
    for key, place in fields.items():
        if key in known:
            continue
        if run_together(key, known):
            report.warn(
                place, f"{key!r} is read as one key without a value, and ignored.", hint=f"Did you mean {run_together(key, known)}?"
            )
            continue
        near = nearest(key, known, aliases=aliases)
        if near:
            report.warn(place, f"The key {key!r} is not known and is ignored.", hint=f"Did you mean {near}?{_how(key, near)}")


def run_together(text: str, known: Collection[str]) -> str:
    """What ``type:int`` and ``type int`` were meant to be: ``type: int``; "" where a text is nothing like that."""
    for mark in (":", " "):
        key, found, value = text.partition(mark)
        if found and key.strip() in known and value.strip(": "):
            return f"{key.strip()}: {value.strip(': ')}"
    return ""


def _how(key: str, near: str) -> str:
    if "_" in near and key.replace(" ", "_").replace("-", "_").lower() == near:
        return " With an underscore, in lower case."
    return ""
