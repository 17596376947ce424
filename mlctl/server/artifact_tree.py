"""The files below one folder, opened so that nothing outside it can be reached.

A path is walked name by name from the folder's own descriptor, following no symbolic link. Where a link is met, the whole path is
resolved and, if it ends inside the folder, walked again in its resolved form: a link that is put in the way meanwhile is not followed
either. So there is no moment between a check and a use. (A hard link to a file outside cannot be told from a file; to make one, one
must already be able to write the folder.)
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.server import artifact_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
Names = tuple[str, ...]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TOP = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe in the folder must not hold us up
_DRAFT = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OWN_DRAFT = re.compile(r"\.[0-9a-f]{16}\.part")
_STALE_S = 24 * 3600  # a writer that lives writes: a draft's time is that of its last write
_COPIED = 1 << 20  # bytes at a time
_LINK_MET = (errno.ENOTDIR, errno.ELOOP, errno.EMLINK)


class RefusedError(Exception):
    """An answer to a client for which the errors of the store have no word: its status, its error code, its sentence, more headers."""

    def __init__(self, http_status: int, code: str, message: str, *, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code
        self.message = message
        self.headers = headers


_MEANINGS: dict[int, tuple[int, str, str]] = {
    errno.ENAMETOOLONG: (400, "INVALID_PARAMETER_VALUE", "Invalid path: it is too long"),
    errno.EINVAL: (400, "INVALID_PARAMETER_VALUE", "Invalid path"),
    errno.EILSEQ: (400, "INVALID_PARAMETER_VALUE", "Invalid path: the server's files cannot have such a name"),
    errno.ELOOP: (400, "INVALID_PARAMETER_VALUE", "Invalid path: symbolic links that lead in a circle"),
    errno.EISDIR: (400, "INVALID_PARAMETER_VALUE", "The artifact path is a directory."),
    errno.ENOTDIR: (400, "INVALID_PARAMETER_VALUE", "A part of the artifact path is a file, not a directory."),
    errno.ENOENT: (409, "RESOURCE_CONFLICT", "The directory was deleted while it was in use."),
    errno.EACCES: (403, "PERMISSION_DENIED", "The server has no permission for this artifact."),
    errno.EPERM: (403, "PERMISSION_DENIED", "The server has no permission for this artifact."),
    errno.EROFS: (403, "PERMISSION_DENIED", "The server's artifacts cannot be written."),
    errno.ENOSPC: (507, "RESOURCE_EXHAUSTED", "The server's disk is full."),
    errno.EDQUOT: (507, "RESOURCE_EXHAUSTED", "The server's disk quota is used up."),
    errno.EMFILE: (503, "TEMPORARILY_UNAVAILABLE", "The server has too many files open."),
    errno.ENFILE: (503, "TEMPORARILY_UNAVAILABLE", "The server has too many files open."),
}


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn an error of the operating system, which names paths of this machine, into a refusal, which does not."""
    try:
        yield
    except UnicodeEncodeError:  # the system's file names are not UTF-8
        raise InvalidValueError("Invalid path: the server's files cannot have such a name") from None
    except OSError as error:
        raise RefusedError(
            *_MEANINGS.get(error.errno or 0, (500, "INTERNAL_ERROR", "The server cannot read or write the artifact."))
        ) from error


class Entry(NamedTuple):
    """A line of a listing; ``size`` in bytes, 0 for a folder."""

    name: str
    is_dir: bool
    size: int


class Tree:
    """The files below ``top``, which need not exist before something is written.

    All methods block, and take names as `artifact_paths.names` gives them.

    Raises:
        InvalidValueError: a symbolic link leads outside; or a file stands where a folder is needed, or the reverse.
        RefusedError: the operating system does not let us.
    """

    def __init__(self, top: str) -> None:
        self.top = top

    def open(self, names: Names) -> tuple[int, os.stat_result]:
        """A descriptor of a regular file, and its facts.

        Raises:
            NotFoundError: there is no such file.
        """
        with told_plainly():
            try:
                return self._following(names, self._open)
            except (FileNotFoundError, NotADirectoryError):
                raise NotFoundError("There is no such artifact.") from None

    def _open(self, names: Names) -> tuple[int, os.stat_result]:
        if not names:
            raise IsADirectoryError(errno.EISDIR, "")
        with self._folder(names[:-1]) as parent:
            file = os.open(names[-1], _READ, dir_fd=parent)
        facts = os.fstat(file)
        if stat.S_ISREG(facts.st_mode):
            return file, facts
        os.close(file)
        if stat.S_ISDIR(facts.st_mode):
            raise IsADirectoryError(errno.EISDIR, "")
        raise InvalidValueError("The artifact is not a regular file.")

    def entries(self, names: Names) -> list[Entry]:
        """What is in a folder, by name; nothing if it is a file or is not there.

        Left out: uploads under way, names that no client can ask for, links that lead outside, and what is neither file nor folder.
        """
        with told_plainly():
            try:
                return self._following(names, self._entries)
            except (FileNotFoundError, NotADirectoryError):
                return []

    def _entries(self, names: Names) -> list[Entry]:
        with self._folder(names) as folder, os.scandir(folder) as found:
            items = list(found)
            entries = [self._entry(names, item) for item in items if artifact_paths.is_usable(item.name)]
            _remove_drafts(items, folder)
        return sorted(entry for entry in entries if entry is not None)

    def _entry(self, names: Names, item: os.DirEntry[str]) -> Entry | None:
        try:
            facts = item.stat(follow_symlinks=False)
            if stat.S_ISLNK(facts.st_mode):
                facts = self._target((*names, item.name))
        except (OSError, InvalidValueError):
            return None
        if stat.S_ISDIR(facts.st_mode):
            return Entry(item.name, is_dir=True, size=0)
        return Entry(item.name, is_dir=False, size=facts.st_size) if stat.S_ISREG(facts.st_mode) else None

    def _target(self, names: Names) -> os.stat_result:
        *above, last = self._resolved(names)
        with self._folder(above) as parent:
            return os.stat(last, dir_fd=parent, follow_symlinks=False)

    def delete(self, names: Names) -> None:
        """Remove a file, a link, or a folder with all that is in it; nothing happens if it is not there."""
        if not names:
            raise InvalidValueError("Invalid path: the root of all artifacts cannot be deleted")
        with told_plainly(), suppress(FileNotFoundError, NotADirectoryError):
            self._following(names[:-1], lambda above: self._delete((*above, names[-1])))

    def _delete(self, names: Names) -> None:
        last = names[-1]
        with self._folder(names[:-1]) as parent:
            mode = os.stat(last, dir_fd=parent, follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                self._resolved(names)
            if stat.S_ISDIR(mode):
                _remove_folder(last, parent)
            else:
                os.unlink(last, dir_fd=parent)

    def content(self, names: Names) -> bytes:
        """All of a small file.

        Raises:
            NotFoundError: there is no such file.
        """
        file, facts = self.open(names)
        try:
            return os.pread(file, facts.st_size, 0)
        finally:
            os.close(file)

    def write(self, names: Names, content: bytes) -> None:
        """Make a file, or replace it."""
        draft = self.draft(names)
        try:
            draft.write([content])
            draft.commit()
        finally:
            draft.close()

    def remove_stale(self, names: Names, now_s: float) -> None:
        """Remove what in a folder has not been changed for a day."""
        with told_plainly(), suppress(FileNotFoundError, NotADirectoryError), self._folder(names) as folder:
            with os.scandir(folder) as found:
                stale = [item.name for item in found if _is_stale(item, now_s)]
            for name in stale:
                self._delete((*names, name))

    def draft(self, names: Names) -> Draft:
        """An open draft of a file, which replaces it when it is committed."""
        if not names:
            raise InvalidValueError("The artifact path is a directory.")
        with told_plainly():
            os.makedirs(self.top, exist_ok=True)  # noqa: PTH103 -- the text of a path, as everywhere here
            return self._following(names, self._draft)

    def _draft(self, names: Names) -> Draft:
        folder, missing = self._deepest(names[:-1])
        try:
            if not missing:
                _check_target(names[-1], folder)
            return Draft(folder, names[len(names) - 1 - missing :])
        except BaseException:
            os.close(folder)
            raise

    def _deepest(self, names: Names) -> tuple[int, int]:
        """The deepest folder of a path that exists, open, and how many names are missing below it."""
        folder = os.open(self.top, _TOP)
        for index, name in enumerate(names):
            try:
                below = os.open(name, _FOLDER, dir_fd=folder)
            except FileNotFoundError:
                return folder, len(names) - index
            except BaseException:
                os.close(folder)
                raise
            os.close(folder)
            folder = below
        return folder, 0

    @contextmanager
    def _folder(self, names: Sequence[str]) -> Iterator[int]:
        folder, missing = self._deepest(tuple(names))
        try:
            if missing:
                raise FileNotFoundError(errno.ENOENT, "")
            yield folder
        finally:
            os.close(folder)

    def _following(self, names: Names, action: Callable[[Names], T]) -> T:
        """Do something with a path; if there is a link in it, with the path to which it leads."""
        try:
            return action(names)
        except OSError as error:
            if error.errno not in _LINK_MET:
                raise
            resolved = self._resolved(names)
            if resolved == names:
                raise
            return action(resolved)

    def _resolved(self, names: Names) -> Names:
        """The path without links.

        Raises:
            InvalidValueError: it ends outside.
        """
        top = os.path.realpath(self.top)
        real = os.path.realpath(os.path.join(top, *names))  # noqa: PTH118
        if os.path.commonpath((top, real)) != top:
            raise InvalidValueError("Invalid path: a symbolic link leads out of the artifacts")
        return tuple(name for name in real[len(top) :].split("/") if name)


class Draft:
    """A file being written under another name, in the nearest folder above its own that exists already.

    ``folder`` is that folder, open; it belongs to the draft from now on. ``names`` are the names of what is below it, the file's last.
    The folders between are made when the file is whole: a broken upload leaves nothing.
    """

    def __init__(self, folder: int, names: Names) -> None:
        self._folder = folder
        self._names = names
        self._name = f".{secrets.token_hex(8)}.part"
        self._file = os.fdopen(os.open(self._name, _DRAFT, 0o666, dir_fd=folder), "wb", buffering=0)

    def write(self, parts: Sequence[bytes]) -> None:
        """Append."""
        with told_plainly():
            for part in parts:
                rest = memoryview(part)
                while rest:
                    rest = rest[self._file.write(rest) :]

    def append(self, tree: Tree, names: Names) -> int:
        """Append another file; returns its size.

        Raises:
            NotFoundError: there is no such file.
        """
        file, facts = tree.open(names)
        try:
            for start in range(0, facts.st_size, _COPIED):
                self.write([os.pread(file, _COPIED, start)])
        finally:
            os.close(file)
        return facts.st_size

    def commit(self) -> None:
        """Put the file in its place, whole, instead of one that is there."""
        with told_plainly():
            self._file.close()
            parent = _made(self._folder, self._names[:-1])
            try:
                os.replace(self._name, self._names[-1], src_dir_fd=self._folder, dst_dir_fd=parent)
            finally:
                os.close(parent)

    def close(self) -> None:
        """Let go of it; what has not been committed is gone."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)


def _made(folder: int, names: Names) -> int:
    """A descriptor of the folder ``names`` below another, made if it is not there."""
    here = os.dup(folder)
    for name in names:
        try:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=here)
            below = os.open(name, _FOLDER, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


def _check_target(name: str, folder: int) -> None:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "")
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "")


def _is_stale(item: os.DirEntry[str], now_s: float) -> bool:
    try:
        return now_s - item.stat(follow_symlinks=False).st_mtime > _STALE_S
    except OSError:
        return False


def _remove_drafts(items: Sequence[os.DirEntry[str]], folder: int) -> None:
    """Remove the drafts that killed writers left in a folder a day ago."""
    now_s = time.time()
    for item in items:
        if _OWN_DRAFT.fullmatch(item.name) and _is_stale(item, now_s):
            with suppress(OSError):
                os.unlink(item.name, dir_fd=folder)


def _remove_folder(name: str, parent: int) -> None:
    """Remove a folder without following links; what is put into it meanwhile stays, and so do the folders above that."""
    with suppress(FileNotFoundError):
        for _, folders, files, here in os.fwalk(name, topdown=False, dir_fd=parent, follow_symlinks=False, onerror=_unless_gone):
            for item in (*files, *folders):
                _remove(item, here)
    _remove(name, parent)


def _remove(name: str, parent: int) -> None:
    """Remove a file, a link or an empty folder."""
    try:
        is_folder = stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
        (os.rmdir if is_folder else os.unlink)(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
