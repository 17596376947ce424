"""Files of a run, kept below its artifact root. Every write is whole or not at all; nothing gets outside the root."""

import os
import posixpath
import shutil
from pathlib import Path
from typing import Optional

from mlctl.errors import InvalidValueError, NotFoundError, StoreError


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
