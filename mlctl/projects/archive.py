"""Zip files as projects: unpacked once for each content, and only if nothing in them reaches out of their folder.

::

    CACHE/zips/<hash of the file>/files/      the files, complete as soon as the folder above has this name
    CACHE/zips/<hash of the file>/state.json  what they were like, so that a run which changed some of them is noticed

If a run has changed its files, they are left to that run and ``<hash>-2`` is made. A file at an http address is downloaded each time, for
only its content says whether it is still the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
import stat
import tempfile
import time
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlctl import settings
from mlctl.errors import SourceError
from mlctl.projects.address import is_zip_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FOLDER, _FILES, _STATE = "zips", "files", "state.json"
_HALF_MADE = ".half-"
_MOST_FILES = 200_000
_MOST_LINK_BYTES = 4096
_CHUNK_BYTES = 1 << 20
_DAY_S = 86400.0
_LEADS_OUT = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)|\x00")


class Unpacked(NamedTuple):
    """A zip file's folder, and the hash of the file (SHA-256, hexadecimal)."""

    folder: Path
    digest: str


def unpacked(location: str, *, shown: str, cache: Path, tell: Callable[[str], None]) -> Unpacked:
    """The unchanged files of a zip file, at a path or an http address; ``shown`` is the location without secrets.

    A single folder that holds everything, as in archives of repositories, counts as the project.

    Raises:
        SourceError: it cannot be had, is no zip file, or is not safe to unpack.
        OSError: the cache cannot be written.
    """
    place = cache / _FOLDER
    place.mkdir(parents=True, exist_ok=True)
    _sweep(place)
    if not is_zip_address(location):
        return _unpacked(Path(location), shown, place)
    from mlctl.projects import downloads

    tell(f"Fetching {shown}")
    with tempfile.TemporaryDirectory(prefix=_HALF_MADE, dir=place) as folder:
        file = downloads.download(location, Path(folder) / "file.zip", shown=shown, most_bytes=_most_bytes())
        return _unpacked(file, shown, place)


def _sweep(place: Path) -> None:
    """Remove what a killed process left half-made, once it is a day old: a younger one may be at work."""
    for left in place.glob(f"{_HALF_MADE}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _DAY_S:
                shutil.rmtree(left, ignore_errors=True)


def _unpacked(file: Path, shown: str, place: Path) -> Unpacked:
    digest = _digest(file)
    for number in itertools.count(1):
        folder = place / (f"{digest[:24]}-{number}" if number > 1 else digest[:24])
        if not folder.exists():
            _unpack(file, folder, shown)
        if _unchanged(folder):
            return Unpacked(_inner(folder / _FILES), digest)
    raise AssertionError  # there is always a next number


def _digest(file: Path) -> str:
    found = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()


def _inner(folder: Path) -> Path:
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink() else folder


def _most_bytes() -> int:
    return int(settings.number("zip_max_bytes"))


# ── unpacking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _unpack(file: Path, folder: Path, shown: str) -> None:
    half = Path(tempfile.mkdtemp(prefix=_HALF_MADE, dir=folder.parent))
    try:
        half.chmod(0o755)
        (half / _FILES).mkdir()
        try:
            with zipfile.ZipFile(file) as archive:
                _extract(archive, half / _FILES, shown)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError) as error:
            raise SourceError(f"{shown} cannot be unpacked: {error}.", hint="Is it a whole zip file, without a password?") from None
        (half / _STATE).write_text(json.dumps(_state(half / _FILES)), "utf-8")
        try:
            half.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first
                raise
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _extract(archive: zipfile.ZipFile, folder: Path, shown: str) -> None:
    entries = archive.infolist()
    total = sum(entry.file_size for entry in entries)
    if total > _most_bytes() or len(entries) > _MOST_FILES:
        raise SourceError(
            f"{shown} unpacks to {len(entries)} files of {total} bytes together: more than mlctl unpacks.",
            hint="If you trust it, MLCTL_ZIP_MAX_BYTES sets another bound; or unpack it yourself and name the folder.",
        )
    links = []
    for entry in entries:
        if _LEADS_OUT.search(entry.filename):
            raise _unsafe(shown, entry.filename, "leads out of the archive")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind == stat.S_IFLNK:
            links.append(entry)
        elif entry.is_dir():
            (folder / entry.filename).mkdir(parents=True, exist_ok=True)
        elif kind in (0, stat.S_IFREG):
            _extract_file(archive, entry, folder / entry.filename, shown)
        else:
            raise _unsafe(shown, entry.filename, "is neither a file nor a folder nor a link")
    _make_links(archive, links, folder, shown)


def _extract_file(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, shown: str) -> None:
    """One file; what it says of its own size holds, whatever it unpacks to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise _unsafe(shown, entry.filename, "is in it twice")
    left = entry.file_size
    with archive.open(entry) as source, path.open("xb") as target:
        while chunk := source.read(_CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise _unsafe(shown, entry.filename, "is larger than it says")
            target.write(chunk)
    path.chmod(0o755 if entry.external_attr >> 16 & 0o111 else 0o644)


def _make_links(archive: zipfile.ZipFile, links: list[zipfile.ZipInfo], folder: Path, shown: str) -> None:
    """Links come last, so that no file is written through one; then it is looked where they lead."""
    top = os.path.realpath(folder)
    made = []
    for entry in links:
        path = folder / entry.filename
        target = archive.read(entry).decode("utf-8", "surrogateescape") if entry.file_size <= _MOST_LINK_BYTES else "/"
        if os.path.isabs(target) or os.path.realpath(path.parent) != os.path.join(top, os.path.dirname(entry.filename)).rstrip("/"):  # noqa: PTH117, PTH118, PTH120
            raise _unsafe(shown, entry.filename, "is a link that leads out of the archive")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
        made.append(path)
    for path in made:
        if os.path.commonpath([top, os.path.realpath(path)]) != top:
            raise _unsafe(shown, str(path.relative_to(folder)), "is a link that leads out of the archive")


def _unsafe(shown: str, name: str, what: str) -> SourceError:
    return SourceError(f"{shown} is not unpacked: {name!r} {what}.", hint="Have its author make it again; nothing of it was kept.")


# ── changes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _state(folder: Path) -> dict[str, list[int]]:
    return {str(path.relative_to(folder)): [found.st_size, found.st_mtime_ns] for path in _files(folder) for found in [path.lstat()]}


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)


def _unchanged(folder: Path) -> bool:
    """Whether all files are as they were unpacked; files that a run has added do not count."""
    try:
        known = json.loads((folder / _STATE).read_text("utf-8"))
        return all([(found := (folder / _FILES / name).lstat()).st_size, found.st_mtime_ns] == state for name, state in known.items())
    except (OSError, ValueError):
        return False
