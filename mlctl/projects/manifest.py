"""The files of a project that no version control keeps, by hash: in the form of sha256sum(1), which checks it, too.

It is bounded, because it is made for every run of such a folder: files of more than 4 MiB and hidden ones are left out, and there is no
manifest of a folder with more than 500 files or 32 MiB.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_LARGEST_FILE = 4 << 20
_MOST_BYTES = 32 << 20
_MOST_FILES = 500
_LEFT_OUT = frozenset(("mlruns", "__pycache__", "node_modules", "venv", "env"))


def of(folder: Path) -> bytes:
    """A line for each file, by path; empty where there are too many, or where they cannot be read."""
    lines: list[bytes] = []
    total = 0
    try:
        for path in _files(folder):
            size = path.stat().st_size
            if size > _LARGEST_FILE or not path.is_file():
                continue
            total += size
            if total > _MOST_BYTES or len(lines) == _MOST_FILES:
                return b""
            lines.append(_line(path, os.fsencode(path.relative_to(folder))))
    except OSError:
        return b""
    lines.sort(key=lambda line: line[66:])
    return b"".join(lines)


def digest(manifest: bytes) -> str:
    """One hash for all of a manifest."""
    return hashlib.sha256(manifest).hexdigest()


def changed(folder: Path, manifest: bytes) -> list[str]:
    """The files of a manifest that are no longer what they were, with what became of them. New files do not count."""
    found = []
    for line in manifest.splitlines(keepends=True):
        name = line[66:].rstrip(b"\n")
        path = folder / os.fsdecode(name)
        try:
            same = _line(path, name) == line
        except OSError:
            found.append(f"{os.fsdecode(name)} (gone)")
            continue
        if not same:
            found.append(os.fsdecode(name))
    return found


def _line(path: Path, name: bytes) -> bytes:
    return hashlib.sha256(path.read_bytes()).hexdigest().encode() + b"  " + name + b"\n"


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for place, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if name not in _LEFT_OUT and not name.startswith("."))
        found += (Path(place, name) for name in names if not name.startswith(".") and "\n" not in name)
        if len(found) > _MOST_FILES * 2:
            break
    return found
