"""What ``mlctl env`` does with the built environments: list them, show one, remove it, and clear away what nobody needs."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlctl.envs import files
from mlctl.envs.files import Lock, held
from mlctl.envs.slots import FOLDER, Slot
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from pathlib import Path

READY, HALF_MADE, BUILDING = "ready", "half-made", "building"
_DAY_S = 86400.0


@dataclass(frozen=True)
class EnvRecord:
    """One environment of the cache. ``status`` is ``ready``, ``building`` or ``half-made``, and only a ready one has contents.

    Times are in ms since 1970, ``size_bytes`` is the sum of its files, some of which uv's cache may share.
    """

    key: str
    folder: str
    status: str
    python: str = ""
    interpreter: str = ""
    requirements: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    builder: str = ""
    size_bytes: int = 0
    created_ms: int = 0
    last_used_ms: int = 0
    projects: tuple[str, ...] = ()


def list_envs(cache: Path) -> list[EnvRecord]:
    """All environments of a cache, the last used one first."""
    records = [_record(Slot(cache, key)) for key in _keys(cache)]
    return sorted((record for record in records if record), key=lambda record: (-record.last_used_ms, record.key))


def show(cache: Path, prefix: str) -> EnvRecord:
    """The environment whose key starts with ``prefix``.

    Raises:
        EnvError: there is none, or several.
    """
    found = [record for record in list_envs(cache) if prefix and record.key.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    keys = ", ".join(record.key for record in found)
    if found:
        raise EnvError(f"{len(found)} environments start with {prefix!r}: {keys}.", hint="Type more of the key.")
    raise EnvError(f"There is no environment {prefix!r} in {cache / FOLDER}.", hint="`mlctl env list` lists them.")


def remove(cache: Path, prefix: str) -> EnvRecord:
    """Remove the environment whose key starts with ``prefix``, and return what it was.

    Raises:
        EnvError: there is none, or several; it is being built or in use; it cannot be removed.
    """
    record = show(cache, prefix)
    problem = _remove(Slot(cache, record.key))
    if problem:
        raise EnvError(f"The environment {record.key} {problem}.", hint="`mlctl runs list` shows what runs; try again when it has ended.")
    return record


def gc(cache: Path, *, older_than_days: float | None = None, max_bytes: int | None = None, dry_run: bool = False) -> list[EnvRecord]:
    """Remove half-made environments, those not used for a time (None: keep them) and lock files without one; returns what went.

    With ``max_bytes`` those go, too, that were used longest ago, until the rest is no larger. What is being built or in use stays. With
    ``dry_run`` nothing is removed.

    Raises:
        EnvError: something cannot be removed.
    """
    oldest_ms = 0.0 if older_than_days is None else (time.time() - older_than_days * _DAY_S) * 1000
    records = list_envs(cache)
    due = [record for record in records if record.status == HALF_MADE or (record.status == READY and record.last_used_ms < oldest_ms)]
    if max_bytes is not None:
        due += _beyond([record for record in records if record not in due], max_bytes)
    if dry_run:
        return due
    gone = [record for record in due if not _remove(Slot(cache, record.key))]
    for key in _keys(cache):
        slot = Slot(cache, key)
        if not slot.folder.exists():
            _remove(slot)
    return gone


def _beyond(records: list[EnvRecord], max_bytes: int) -> list[EnvRecord]:
    """Of environments, the last used one first, those that do not fit any more."""
    found, total = [], 0
    for record in records:
        total += record.size_bytes
        if total > max_bytes and record.status == READY:
            found.append(record)
            total -= record.size_bytes
    return found


def _keys(cache: Path) -> list[str]:
    """Keys of everything in the cache's folder, lock files that outlived their environment too."""
    try:
        return sorted({name.partition(".")[0] for name in os.listdir(cache / FOLDER)} - {""})  # noqa: PTH208
    except FileNotFoundError:
        return []


def _record(slot: Slot) -> EnvRecord | None:
    """What the cache knows of a slot; None where only lock files are left."""
    if not slot.folder.is_dir():
        return None
    contents = slot.contents()
    size = files.size_bytes(slot.folder)
    empty = EnvRecord(slot.key, str(slot.folder), READY, size_bytes=size, last_used_ms=slot.last_used_ms(), projects=slot.projects())
    if contents is None:
        created = int(slot.folder.stat().st_mtime * 1000)
        return replace(empty, status=_status(slot), created_ms=created)
    names = ("python", "interpreter", "builder", "created_ms")
    known: dict[str, Any] = {name: contents[name] for name in names if name in contents}
    known |= {name: tuple(contents.get(name, ())) for name in ("requirements", "packages")}
    record = replace(empty, **known)
    return replace(record, last_used_ms=record.last_used_ms or record.created_ms)


def _status(slot: Slot) -> str:
    """Of an environment that cannot be used: whether someone is at work on it."""
    if not slot.build_lock.take(wait=False):
        return BUILDING
    slot.build_lock.release()
    return HALF_MADE


def _remove(slot: Slot) -> str:
    """Remove a slot with its lock files; the reason, where others still need it."""
    if not slot.build_lock.take(wait=False):
        return "is being built or removed by another process"
    with held(slot.build_lock) as lock:
        use = Lock(slot.use_path)
        if not use.take(wait=False):
            return "is in use: something runs in it"
        with held(use):
            try:
                slot.wipe()
                use.path.unlink(missing_ok=True)
                lock.path.unlink(missing_ok=True)
            except OSError as error:
                raise EnvError(f"{slot.folder} cannot be removed: {error.strerror}.", hint=f"Remove {error.filename} by hand.") from None
    return ""
