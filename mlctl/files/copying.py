"""Copying files in the kernel where it can, and what the operating system's refusals mean."""

import errno
import os
import sys
from typing import Callable, Dict, Iterable, Iterator

from mlctl.errors import InvalidValueError, StoreError

_PIECE = 1 << 20
_STRIDE = 1 << 26  # of one call into the kernel: a signal is answered between two
_UNABLE = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.EISDIR, errno.ETXTBSY)

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
_IN_THE_WAY: Dict[int, str] = {
    errno.EISDIR: "is a folder already",
    errno.ENOTEMPTY: "is a folder already",
    errno.ENOTDIR: "has a file where a folder is needed",
    errno.EEXIST: "has a file where a folder is needed",
    errno.ENAMETOOLONG: "has a name that is too long",
    errno.ELOOP: "has symbolic links that lead in a circle",
    errno.EILSEQ: "has a name that the file system cannot keep",
}


def copy_new(source: str, target: str) -> None:
    """Copy a file to a path that does not exist yet, with its permissions as far as the umask lets them.

    Blocks are shared instead of copied where the file system can do that.

    Raises:
        OSError: it cannot be read or written; what was written is left.
    """
    with open(source, "rb", buffering=0) as taken:  # noqa: PTH123
        mode = os.fstat(taken.fileno()).st_mode & 0o777
        given = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        try:
            for move in _ways():
                _all(move, taken.fileno(), given)
        finally:
            os.close(given)


def write_new(pieces: Iterable[bytes], target: str) -> None:
    """Write pieces to a path that does not exist yet.

    Raises:
        OSError: it cannot be written; what was written is left.
    """
    with open(target, "xb", buffering=0) as file:  # noqa: PTH123
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]


def _ways() -> "Iterator[Callable[[int, int], int]]":
    """Ways to move bytes on, best first. Each goes on where the one before stopped: the last alone knows the end of a pseudo-file."""
    if hasattr(os, "copy_file_range"):
        yield lambda source, target: os.copy_file_range(source, target, _STRIDE)
    if sys.platform == "linux":
        yield lambda source, target: os.sendfile(target, source, None, _STRIDE)  # None: from where it is
    yield _through_memory


def _all(move: Callable[[int, int], int], source: int, target: int) -> None:
    try:
        while move(source, target):
            pass
    except OSError as error:
        if move is _through_memory or error.errno not in _UNABLE:
            raise


def _through_memory(source: int, target: int) -> int:
    rest = memoryview(os.read(source, _PIECE))
    count = len(rest)
    while rest:
        rest = rest[os.write(target, rest) :]
    return count


def meaning(error: OSError, *, what: str, folder: str = "") -> StoreError:
    """The error that tells a user what an error of the operating system means for ``what``, being written to ``folder``."""
    if error.errno in _FULL:
        place = f"The disk that holds {folder}" if folder else "The disk"
        return StoreError(f"{place} is full: {what[:1].lower()}{what[1:]} was not kept.", hint="Free some space and log it again.")
    if error.errno in _IN_THE_WAY:
        return InvalidValueError(f"{what} {_IN_THE_WAY[error.errno]}.", hint="Choose another path.")
    return StoreError(f"{what} cannot be read or written: {error.strerror or error}.", hint=_where(error))


def _where(error: OSError) -> str:
    named = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, (str, bytes))]
    return f"It happened to {' → '.join(named)}." if named else ""
