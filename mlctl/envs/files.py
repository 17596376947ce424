"""Files of the environment cache: written whole or not at all, removed whatever their permissions, locked against other processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def write(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Write a file so that readers see the old text or the new one.

    Raises:
        OSError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, read-only parts too; nothing if there is none.

    Raises:
        OSError: something in it cannot be removed.
    """
    import shutil

    def make_writable(function: Callable[..., object], path: str, failure: tuple[Any, BaseException, Any]) -> None:
        if not isinstance(failure[1], PermissionError) or Path(path) == folder:
            raise failure[1]
        Path(path).parent.chmod(stat.S_IRWXU)
        if not Path(path).is_symlink():
            Path(path).chmod(stat.S_IRWXU)
        function(path)

    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder, onerror=make_writable)


def size_bytes(folder: Path) -> int:
    """Sum of the sizes of all files below a folder; links count as themselves."""
    total = 0
    for name, _, names in os.walk(folder):
        for each in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(name, each)).st_size  # noqa: PTH118 -- thousands of files
    return total


class Lock:
    """An flock(2) on a file. The file may be removed by whoever holds it exclusively; waiters then lock its successor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = -1

    def take(self, *, shared: bool = False, wait: bool = True) -> bool:
        """Take the lock; False if ``wait`` is false and another process holds it.

        Raises:
            OSError: the file cannot be made.
        """
        kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        while True:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            mine = False
            try:
                fcntl.flock(fd, kind)
                mine = self._is_mine(fd)
            except BlockingIOError:
                return False
            finally:
                if not mine:
                    os.close(fd)
            if mine:
                self.fd = fd
                return True

    def release(self) -> None:
        """Give the lock back, also on behalf of commands that still hold its file open; nothing if it is not held."""
        if self.fd >= 0:
            fcntl.flock(self.fd, fcntl.LOCK_UN)
            os.close(self.fd)
            self.fd = -1

    def _is_mine(self, fd: int) -> bool:
        try:
            named, held = self.path.stat(), os.fstat(fd)
        except FileNotFoundError:
            return False
        return (named.st_ino, named.st_dev) == (held.st_ino, held.st_dev)


@contextlib.contextmanager
def held(lock: Lock) -> Iterator[Lock]:
    """Give a lock that has been taken back at the end."""
    try:
        yield lock
    finally:
        lock.release()
