"""Where built environments are: one folder for each content hash, with two lock files beside it.

::

    envs/<key>/                  an environment; built in place, because environments cannot be moved
    envs/<key>/mlctl-env.json    written last: without it the folder is half-made, and nothing uses it
    envs/<key>/mlctl-projects    the project folders that used it, one JSON text a line
    envs/<key>.lock              held by whoever builds or removes it, and by the programs that a builder started
    envs/<key>.use               held (shared) by every process that runs something in it; its time is when that last began
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from mlctl.envs import files
from mlctl.envs.files import Lock, held
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOLDER = "envs"
MARKER = "mlctl-env.json"
PROJECTS = "mlctl-projects"
_PROOF = "bin/python"  # without it a folder with a marker is no environment, unless the marker names something else

_in_use: dict[Path, Lock] = {}


class Slot:
    """Where the environment of one key is, and its locks."""

    def __init__(self, cache: Path, key: str) -> None:
        self.key = key
        self.folder = cache / FOLDER / key
        self.marker = self.folder / MARKER
        self.build_lock = Lock(self.folder.with_name(f"{key}.lock"))
        self.use_path = self.folder.with_name(f"{key}.use")

    def contents(self) -> dict[str, Any] | None:
        """What the marker file says, or None for an environment that cannot be used: not built, half-made, its Python gone."""
        try:
            found = json.loads(self.marker.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and (self.folder / found.get("proof", _PROOF)).exists() else None

    def use(self, *, project: Path) -> dict[str, Any] | None:
        """Keep the environment from being removed as long as this process lives, and return its contents; None if it has none.

        In a cache that only others may write, it is used without that.
        """
        lock = _in_use.get(self.use_path) or Lock(self.use_path)
        try:
            if lock.fd < 0 and not lock.take(shared=True, wait=False):
                return None
        except OSError:
            return self.contents()
        found = self.contents()
        if found is None:
            _in_use.pop(self.use_path, None)
            lock.release()
            return None
        _in_use[self.use_path] = lock
        os.utime(lock.fd)
        self._remember(str(project))
        return found

    def release(self) -> None:
        """Give up what `use` keeps."""
        lock = _in_use.pop(self.use_path, None)
        if lock:
            lock.release()

    def write(self, contents: dict[str, Any]) -> None:
        """Mark the environment as complete.

        Raises:
            OSError: it cannot be written.
        """
        files.write(self.marker, json.dumps(contents, indent=1, sort_keys=True))

    def wipe(self) -> None:
        """Remove the folder; the marker first, so that a half-removed environment is never used.

        Raises:
            OSError: something in it cannot be removed.
        """
        self.marker.unlink(missing_ok=True)
        files.remove_tree(self.folder)

    def projects(self) -> tuple[str, ...]:
        """The folders of the projects that used it, oldest first."""
        try:
            return tuple(json.loads(line) for line in (self.folder / PROJECTS).read_text("utf-8").splitlines())
        except (OSError, ValueError):
            return ()

    def last_used_ms(self) -> int:
        """When something last began to run in it; 0 for never."""
        try:
            return self.use_path.stat().st_mtime_ns // 1_000_000
        except OSError:
            return 0

    def _remember(self, project: str) -> None:
        if project not in self.projects():
            with contextlib.suppress(OSError), (self.folder / PROJECTS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(project) + "\n")


def build(slot: Slot, work: Callable[[Lock], dict[str, Any]], *, project: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Fill a slot that has nothing usable, unless another process does so first, and use it. ``work`` builds and gives the contents.

    Raises:
        EnvError: from ``work``; the folder has been removed then.
        OSError: the cache cannot be written.
    """
    slot.folder.parent.mkdir(parents=True, exist_ok=True)
    if not slot.build_lock.take(wait=False):
        tell(f"another process is building the environment {slot.key}; waiting for it")
        slot.build_lock.take()
    with held(slot.build_lock) as lock:
        found = slot.use(project=project)
        if found is not None:
            return found
        slot.wipe()
        complete = False
        try:
            contents = work(lock)
            slot.write(contents)
            complete = True
        finally:
            if not complete:
                slot.wipe()
        return slot.use(project=project) or contents


def unwritable(error: OSError, cache: Path) -> EnvError:
    """The error for a cache that cannot be written."""
    with contextlib.suppress(OSError):
        free = os.statvfs(cache)
        if free.f_bavail == 0:
            return EnvError(
                f"There is no space left in {cache}.", hint="`mlctl env gc --older-than 30` frees some; MLCTL_CACHE_DIR moves the cache."
            )
    where = f" ({error.filename})" if error.filename else ""
    return EnvError(
        f"The environment cannot be made: {error.strerror or error}{where}.", hint="MLCTL_CACHE_DIR names another cache folder."
    )
