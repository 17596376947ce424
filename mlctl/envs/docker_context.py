"""What is sent to an engine to build an image from: files of a folder without those that ``.dockerignore`` and mlctl leave out."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LEFT_OUT = (
    ".git",
    ".hg",
    ".svn",
    "**/mlruns",
    "**/mlartifacts",
    "**/.venv",
    "**/venv",
    "**/.env",
    "**/__pycache__",
    "**/*.pyc",
    "**/.mypy_cache",
    "**/.pytest_cache",
    "**/.ruff_cache",
    "**/.ipynb_checkpoints",
    "**/.tox",
    "**/.nox",
    "**/.conda",
    "**/node_modules",
    "**/.DS_Store",
)
"""Never sent unless ``.dockerignore`` takes them back with ``!``: history, environments, runs, caches, and files of variables."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Context:
    """A folder's files for a build, by their paths below it; ``extra`` are texts that take the place of files.

    In the archive the files are below ``prefix``, the texts are not.
    """

    folder: str
    files: tuple[str, ...]
    size_bytes: int
    digest: str
    extra: Mapping[str, bytes]
    prefix: str = ""

    def archive(self) -> IO[bytes]:
        """A tar archive of it, as an open temporary file."""
        target = tempfile.TemporaryFile()  # noqa: SIM115 -- whoever sends it closes it
        with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape") as tar:
            for name in self.files:
                info = _entry(tar, Path(self.folder, name), self.prefix + name)
                if info.isreg():
                    with Path(self.folder, name).open("rb") as source:
                        tar.addfile(info, source)
                else:
                    tar.addfile(info)
            for name, data in self.extra.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        target.seek(0)
        return target


def _entry(tar: tarfile.TarFile, path: Path, name: str) -> tarfile.TarInfo:
    info = tar.gettarinfo(str(path), arcname=name)
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    if info.islnk():  # a second name of one file: sent as a file
        info.type, info.linkname, info.size = tarfile.REGTYPE, "", path.stat().st_size
    return info


def read(folder: str, *, dockerfile: str = "", extra: Mapping[str, bytes] | None = None, prefix: str = "") -> Context:
    """A folder as a build's context. ``dockerfile`` (a path) may have an ignore file of its own beside it.

    The digest covers names, contents, whether a file can be executed, and ``extra``; never times.

    Raises:
        EnvError: a file cannot be read.
    """
    added = extra or {}
    names = tuple(name for name in _names(folder, _patterns(folder, dockerfile)) if name not in added)
    digest, total = hashlib.sha256(), 0
    for name in names:
        try:
            total += _feed(digest, Path(folder, name), name)
        except OSError as error:
            hint = "A line in .dockerignore leaves it out."
            raise EnvError(f"{name} cannot be read for the image: {error.strerror}.", hint=hint) from None
    for name, data in sorted(added.items()):
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return Context(folder, names, total, digest.hexdigest(), added, prefix)


def _feed(digest: hashlib._Hash, path: Path, name: str) -> int:
    found = path.lstat()
    kind = stat.S_IFMT(found.st_mode)
    head = f"{name}\0{kind:o}\0{found.st_mode & 0o111:o}\0"
    digest.update(os.fsencode(head))
    if stat.S_ISLNK(found.st_mode):
        digest.update(os.fsencode(os.readlink(path)) + b"\0")  # noqa: PTH115 -- as it stands
        return 0
    if not stat.S_ISREG(found.st_mode):
        return 0
    digest.update(f"{found.st_size}\0".encode())
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return found.st_size


def _patterns(folder: str, dockerfile: str) -> list[str]:
    own = Path(f"{dockerfile}.dockerignore")
    file = own if dockerfile and own.is_file() else Path(folder, ".dockerignore")
    try:
        text = file.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError:
        text = ""
    lines = (line.strip() for line in text.splitlines())
    return [*LEFT_OUT, *(line for line in lines if line and not line.startswith("#"))]


def _names(folder: str, patterns: list[str]) -> Iterator[str]:
    """Paths below the folder, sorted; sockets, pipes and devices are passed over."""
    from docker.utils.build import PatternMatcher

    for name in sorted(PatternMatcher(patterns).walk(folder)):
        try:
            mode = Path(folder, name).lstat().st_mode
        except OSError:  # gone meanwhile
            continue
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode):
            yield name
