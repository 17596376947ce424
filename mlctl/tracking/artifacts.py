"""Files of a run, kept below its artifact root. Every write is whole or not at all; nothing gets outside the root."""

import os
import posixpath
import shutil
from pathlib import Path
from typing import Iterator, List, Optional

from mlctl.errors import InvalidValueError, NotFoundError, StoreError
from mlctl.tracking.entities import FileInfo

_CHUNK = 1 << 20


class LocalArtifacts:
    """The files of one run in a folder of this machine; see `mlctl.tracking.store.ArtifactStore`."""

    def __init__(self, root: str) -> None:
        self.uri = root

    def put_file(self, local_path: str, artifact_path: Optional[str] = None) -> None:
        """Copy a file in; see `store_file`."""
        store_file(self.uri, local_path, artifact_path)

    def put_folder(self, local_dir: str, artifact_path: Optional[str] = None) -> int:
        """Copy what is in a folder in; see `store_folder`."""
        return store_folder(self.uri, local_dir, artifact_path)

    def list(self, path: str = "") -> List[FileInfo]:
        """What a folder holds; nothing for a file or what is not there."""
        folder = _confined(self.uri, destination(self.uri, path))
        if not folder.is_dir():
            return []
        top = Path(self.uri)
        found = [_info(item, top) for item in folder.iterdir()]
        return sorted(found, key=lambda item: item.path)

    def read(self, path: str) -> Iterator[bytes]:
        """A file's content, in pieces.

        Raises:
            NotFoundError: there is no such file.
        """
        with self._existing(path).open("rb") as file:
            yield from iter(lambda: file.read(_CHUNK), b"")

    def download(self, path: str, folder: str) -> str:
        """Copy a file or folder to the same path below a local folder.

        Raises:
            NotFoundError: there is no such file or folder.
            StoreError: the copy cannot be written.
        """
        source = self._existing(path, folders=True)
        target = Path(folder) / source.relative_to(self.uri)
        try:
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        except OSError as error:
            raise StoreError(f"The artifact {path!r} cannot be copied to {folder}: {error}.") from error
        return str(target)

    def delete(self, path: str) -> None:
        """Remove a file or folder.

        Raises:
            NotFoundError: there is no such file or folder.
        """
        found = self._existing(path, folders=True)
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink()

    def _existing(self, path: str, *, folders: bool = False) -> Path:
        found = _confined(self.uri, destination(self.uri, path))
        if not (found.is_file() or (folders and found.is_dir())):
            raise NotFoundError(f"There is no artifact {path!r}.", hint="`mlctl runs show RUN` lists the artifacts of a run.")
        return found


def _info(item: Path, top: Path) -> FileInfo:
    size = None if item.is_dir() else item.stat().st_size
    return FileInfo(item.relative_to(top).as_posix(), size is None, size)


def destination(root: str, artifact_path: Optional[str]) -> Path:
    """The folder below ``root`` that an artifact path names (None: the root itself).

    Raises:
        InvalidValueError: the path is absolute, climbs out of the root, or is not in its plainest form.
    """
    if not artifact_path:
        return Path(root)
    plain = posixpath.normpath(artifact_path)
    if "\0" in artifact_path or posixpath.isabs(plain) or plain.split("/")[0] == ".." or os.path.isabs(plain):  # noqa: PTH117
        raise InvalidValueError(
            f"The artifact path {artifact_path!r} leaves the run's artifacts.", hint="Give a relative path without '..'."
        )
    return Path(root) / plain


def store_file(root: str, local_path: str, artifact_path: Optional[str] = None) -> Path:
    """Copy a file to ``artifact_path`` (a folder) below ``root``, in place of one of that name.

    Raises:
        NotFoundError: there is no such local file.
        InvalidValueError: the artifact path is not acceptable.
        StoreError: it cannot be written.
    """
    source = Path(local_path)
    if not source.is_file():
        raise NotFoundError(f"There is no file {os.fspath(local_path)!r} to log.", hint=f"Relative paths start at {Path.cwd()}.")
    folder = _confined(root, destination(root, artifact_path))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{source.name[:64]}.{os.getpid()}.part"
        try:
            shutil.copyfile(source, draft)
            draft.replace(folder / source.name)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"The artifact {source.name!r} cannot be written: {error}.") from error
    return folder / source.name


def store_folder(root: str, local_dir: str, artifact_path: Optional[str] = None) -> int:
    """Copy the files of a folder, with its sub-folders, to ``artifact_path`` below ``root``; returns how many.

    Raises:
        NotFoundError: there is no such local folder.
        InvalidValueError: the artifact path is not acceptable.
        StoreError: one cannot be written; those before it have been.
    """
    top = Path(local_dir)
    if not top.is_dir():
        raise NotFoundError(f"There is no folder {os.fspath(local_dir)!r} to log.", hint=f"Relative paths start at {Path.cwd()}.")
    count = 0
    for file in sorted(path for path in top.rglob("*") if path.is_file()):
        below = file.parent.relative_to(top).as_posix()
        target = posixpath.normpath(posixpath.join(artifact_path or "", below))
        store_file(root, os.fspath(file), None if target == "." else target)
        count += 1
    return count


def _confined(root: str, folder: Path) -> Path:
    """The folder, unless a symbolic link in the run's artifacts leads outside them."""
    top = os.path.realpath(root)
    real = os.path.realpath(folder)
    if real != top and not real.startswith(top.rstrip(os.sep) + os.sep):
        raise InvalidValueError(f"The artifact folder {folder.name!r} is a link that leaves the run's artifacts.")
    return folder
