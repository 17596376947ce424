"""Files of a run in a folder of this machine, its root. Every write is whole or not at all; nothing reaches outside the root.

A path is taken apart by its text (no ``..``, nothing absolute), then resolved: what a symbolic link inside the root leads to must be
inside it too. A file is written under another name beside its place and renamed; a writer that is killed leaves that draft, which
nobody is shown and the next listing after a day removes.
"""

import contextlib
import os
import posixpath
import re
import stat
import time
from typing import Callable, Iterable, Iterator, List, Optional, Tuple

from mlctl.errors import InvalidValueError, NotFoundError, StoreError
from mlctl.files import copying
from mlctl.tracking.entities import FileInfo

_PIECE = 1 << 20
_DRAFT = re.compile(r"\.[0-9a-f]{16}\.part")
_STALE_S = 24 * 3600  # a writer that lives writes: the draft's time is that of its last write
_HINT = "Give a relative path without '..'."

_Identity = Tuple[int, int]


def local_folder(uri: str) -> str:
    """The folder of this machine that an artifact address names: an absolute path, or ``file:`` with one.

    Raises:
        StoreError: it is somewhere else.
    """
    if os.path.isabs(uri):  # noqa: PTH117
        return uri
    if uri.startswith("file:"):
        from urllib.parse import unquote, urlsplit

        found = urlsplit(uri)
        if found.netloc in ("", "localhost") and found.path.startswith("/"):
            return unquote(found.path)
    raise StoreError(f"The artifacts are at {uri}, where mlctl cannot reach them.", hint="It can use a local path, file:///… or s3://….")


class LocalArtifacts:
    """The files of one run; see `mlctl.tracking.store.ArtifactStore`."""

    def __init__(self, root: str) -> None:
        self.uri = root

    def put_file(self, local_path: str, artifact_path: Optional[str] = None) -> None:
        """Copy a file into the folder ``artifact_path``, in place of one of that name.

        Its permissions go with it, as far as the umask lets them. Of two writers of one file, the last wins, whole.

        Raises:
            NotFoundError: there is no such local file.
            InvalidValueError: the artifact path is not acceptable, or a folder is in the way.
            StoreError: it cannot be written.
        """
        path = os.fspath(local_path)
        if not os.path.isfile(path):  # noqa: PTH113
            raise NotFoundError(f"There is no file {path!r} to log.", hint=f"Relative paths start at {os.getcwd()}.")  # noqa: PTH109
        self._put(path, self._folder(artifact_path or ""))

    def put_content(self, pieces: Iterable[bytes], artifact_file: str) -> None:
        """Write a file from pieces, in place of one of that name.

        Raises:
            InvalidValueError: the path is not acceptable, or a folder is in the way.
            StoreError: it cannot be written.
        """
        parts = names(artifact_file)
        folder = self._folder("/".join(parts[:-1]))
        _check_name(parts[-1])
        with _told(artifact_file, folder):
            _place(folder, parts[-1], lambda draft: copying.write_new(pieces, draft))

    def put_folder(self, local_dir: str, artifact_path: Optional[str] = None) -> int:
        """Copy the files of a folder, with those of its sub-folders, into the folder ``artifact_path``; returns how many.

        Symbolic links are followed, but not in a circle. What is neither file nor folder is left out, and so are the run's own files.

        Raises:
            NotFoundError: there is no such local folder, or a link in it leads nowhere; everything else has been copied then.
            InvalidValueError: the artifact path is not acceptable, or a file or folder is in the way.
            StoreError: a file cannot be written; those before it have been.
        """
        top = os.fspath(local_dir)
        if not os.path.isdir(top):  # noqa: PTH112
            raise NotFoundError(f"There is no folder {top!r} to log.", hint=f"Relative paths start at {os.getcwd()}.")  # noqa: PTH109
        names(artifact_path or "")
        with _told(top):
            own = () if self._holds(top) else tuple(_identity(path) for path in [self.uri] if os.path.isdir(path))  # noqa: PTH112
            found = list(files_below(top, above=own))
        lost = [path for path in found if not os.path.exists(path)]  # noqa: PTH110
        folders = {os.path.dirname(path): "" for path in found if path not in lost}  # noqa: PTH120
        for folder in folders:
            folders[folder] = self._folder(posixpath.join(artifact_path or "", _relative(folder, top)))
        for path in found:
            if path not in lost:
                self._put(path, folders[os.path.dirname(path)])  # noqa: PTH120
        if lost:
            raise NotFoundError(f"The link {lost[0]!r} leads nowhere; the other {len(found) - len(lost)} files have been kept.")
        return len(found)

    def list(self, path: str = "") -> List[FileInfo]:
        """What a folder holds, by path; nothing for a file or what is not there.

        Left out: drafts, links that lead outside, nowhere or in a circle, and what is neither file nor folder.

        Raises:
            InvalidValueError: the path leaves the root.
            StoreError: the folder cannot be read.
        """
        with _told(path):
            folder = self._inside(path)
            if not os.path.isdir(folder):  # noqa: PTH112
                return []
            with os.scandir(folder) as entries:
                found = [self._info(entry, names(path)) for entry in entries]
        return sorted((info for info in found if info is not None), key=lambda info: info.path)

    def _info(self, entry: "os.DirEntry[str]", folder: Tuple[str, ...]) -> Optional[FileInfo]:
        path = posixpath.join(*folder, entry.name)
        if _DRAFT.fullmatch(entry.name):
            _remove_stale(entry)
            return None
        if entry.is_symlink() and not self._may_be_followed(entry.path, folder):
            return None
        if entry.is_dir():
            return FileInfo(path, is_dir=True)
        return FileInfo(path, is_dir=False, file_size=entry.stat().st_size) if entry.is_file() else None

    def _may_be_followed(self, link: str, folder: Tuple[str, ...]) -> bool:
        """Whether a link leads to something inside the root, and not to a folder through which it was reached."""
        above = [os.path.join(self.uri, *folder[:count]) for count in range(len(folder) + 1)]  # noqa: PTH118
        return self._holds(link) and os.path.realpath(link) not in map(os.path.realpath, above)

    def read(self, path: str) -> Iterator[bytes]:
        """A file's content, in pieces.

        Raises:
            NotFoundError: there is no such file.
            InvalidValueError: the path leaves the root.
            StoreError: it cannot be read.
        """
        with _told(path), open(self._existing(path), "rb") as file:  # noqa: PTH123
            yield from iter(lambda: file.read(_PIECE), b"")

    def download(self, path: str, folder: str) -> str:
        """Copy a file or folder (empty: everything) to the same path below a local folder; returns where it then is.

        Links that lead out of the root are left out.

        Raises:
            NotFoundError: there is no such file or folder.
            InvalidValueError: the path leaves the root.
            StoreError: it cannot be read, or the copy cannot be written.
        """
        source = self.local_path(path)
        target = os.path.join(folder, *names(path))  # noqa: PTH118
        with _told(path, folder):
            if os.path.isfile(source):  # noqa: PTH113
                _copy(source, os.path.dirname(target))  # noqa: PTH120
                return target
            os.makedirs(target, exist_ok=True)  # noqa: PTH103
            for file in list(files_below(source, inside=os.path.realpath(self.uri))):
                _copy(file, os.path.join(target, os.path.dirname(_relative(file, source))))  # noqa: PTH118, PTH120
        return target

    def local_path(self, path: str) -> str:
        """Where a file or folder is on this machine.

        Raises:
            NotFoundError: there is no such file or folder.
            InvalidValueError: the path leaves the root.
        """
        with _told(path):
            if not names(path):
                os.makedirs(self.uri, exist_ok=True)  # noqa: PTH103 -- a run without files has none, but it has a root
            return self._existing(path, folders=True)

    def delete(self, path: str) -> None:
        """Remove a file or folder; of a link, the link.

        Raises:
            NotFoundError: there is no such file or folder.
            InvalidValueError: the path leaves the root, or is the root.
            StoreError: it cannot be removed.
        """
        parts = names(path)
        if not parts:
            raise InvalidValueError("The root of a run's artifacts cannot be deleted.", hint="Name a file or folder in it.")
        import shutil

        with _told(path):
            found = os.path.join(self._inside("/".join(parts[:-1])), parts[-1])  # noqa: PTH118
            if os.path.islink(found) or os.path.isfile(found):  # noqa: PTH113, PTH114
                os.unlink(found)  # noqa: PTH108
            elif os.path.isdir(found):  # noqa: PTH112
                shutil.rmtree(found)
            else:
                raise _absent(path)

    def _put(self, source: str, folder: str) -> None:
        name = os.path.basename(source)  # noqa: PTH119
        _check_name(name)
        with _told(name, folder):
            _copy(source, folder)

    def _folder(self, path: str) -> str:
        """The folder that a path names, made if it is not there."""
        with _told(path):
            folder = self._inside(path)
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        return folder

    def _existing(self, path: str, *, folders: bool = False) -> str:
        found = self._inside(path)
        drafts = any(_DRAFT.fullmatch(name) for name in names(path))
        if drafts or not (os.path.isfile(found) or (folders and os.path.isdir(found))):  # noqa: PTH112, PTH113
            raise _absent(path)
        return found

    def _inside(self, path: str) -> str:
        """Where a path is on this machine, which need not exist."""
        found = os.path.join(self.uri, *names(path))  # noqa: PTH118
        if not self._holds(found):
            raise InvalidValueError(f"The artifact path {path!r} is or contains a link that leaves the run's artifacts.")
        return found

    def _holds(self, path: str) -> bool:
        return _is_below(os.path.realpath(path), os.path.realpath(self.uri))


def names(path: str) -> Tuple[str, ...]:
    """The names of which an artifact path consists; none for the root itself.

    Raises:
        InvalidValueError: it is absolute, climbs out of the root, or has a character that no path can have.
    """
    plain = posixpath.normpath(path) if path else "."
    foreign = os.sep != "/" and (os.sep in plain or os.path.isabs(plain))  # noqa: PTH117
    if "\0" in plain or foreign or posixpath.isabs(plain) or plain.split("/")[0] == "..":
        raise InvalidValueError(f"The artifact path {path!r} leaves the run's artifacts.", hint=_HINT)
    return () if plain == "." else tuple(plain.split("/"))


def _check_name(name: str) -> None:
    if _DRAFT.fullmatch(name):
        raise InvalidValueError(f"An artifact cannot be named {name!r}: drafts of files are named so.", hint="Rename it.")


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip(os.sep) + os.sep)


def _relative(path: str, top: str) -> str:
    found = os.path.relpath(path, top).replace(os.sep, "/")
    return "" if found == "." else found


def _absent(path: str) -> NotFoundError:
    return NotFoundError(f"There is no artifact {path!r}.", hint="`mlctl artifacts list RUN -r` shows what a run has.")


def _identity(path: str) -> _Identity:
    facts = os.stat(path)  # noqa: PTH116
    return facts.st_dev, facts.st_ino


def files_below(top: str, *, inside: str = "", above: Tuple[_Identity, ...] = ()) -> Iterator[str]:
    """Paths of the files below a folder, and of links that lead nowhere. A folder that is its own ancestor is not entered again.

    With ``inside``, links that lead out of that (resolved) folder or nowhere are left out.
    """
    waiting = [(top, above)]
    while waiting:
        folder, trail = waiting.pop()
        here = _identity(folder)
        if here in trail:
            continue
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                outside = inside and entry.is_symlink() and not _is_below(os.path.realpath(entry.path), inside)
                if outside or _DRAFT.fullmatch(entry.name):
                    continue
                if entry.is_dir():
                    waiting.append((entry.path, (*trail, here)))
                elif entry.is_file() or (entry.is_symlink() and not inside and not os.path.exists(entry.path)):  # noqa: PTH110
                    yield entry.path


def _copy(source: str, folder: str) -> None:
    """Copy a file into a folder, which is made if it is not there."""
    _place(folder, os.path.basename(source), lambda draft: copying.copy_new(source, draft))  # noqa: PTH119


def _place(folder: str, name: str, write: Callable[[str], None]) -> None:
    """Let ``write`` make a file under the name of a draft, and put it into its place when it is whole."""
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    draft = os.path.join(folder, f".{os.urandom(8).hex()}.part")  # noqa: PTH118
    try:
        write(draft)
        os.replace(draft, os.path.join(folder, name))  # noqa: PTH105, PTH118
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)  # noqa: PTH108
        raise


def _remove_stale(entry: "os.DirEntry[str]") -> None:
    with contextlib.suppress(OSError):
        facts = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(facts.st_mode) and time.time() - facts.st_mtime > _STALE_S:
            os.unlink(entry.path)  # noqa: PTH108


@contextlib.contextmanager
def _told(path: str, folder: str = "") -> Iterator[None]:
    """Turn an error of the operating system into one that says what it means for an artifact."""
    try:
        yield
    except UnicodeEncodeError:
        raise InvalidValueError(f"The artifact path {path!r} has characters that no file name can have.", hint="Rename it.") from None
    except OSError as error:
        raise copying.meaning(error, what=f"The artifact {path!r}" if path else "The run's artifacts", folder=folder) from error
