"""What a ``uv.lock`` says, as far as an environment's key and plan need it.

uv writes the file itself, always in the same shape (one key a line, tables in brackets), so that it is read line by line: the standard
library has no TOML before Python 3.11.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from mlctl.envs import versions
from mlctl.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "uv.lock"
PROJECT_FILE = "pyproject.toml"
PYTHON_FILE = ".python-version"
_LOCAL = ("editable", "directory", "path", "virtual")
_VALUE = re.compile(r'(\w[\w-]*) = "((?:[^"\\]|\\.)*)"')
_SOURCE = re.compile(r'source = \{ (\w+) = "((?:[^"\\]|\\.)*)"')

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|\]|#[^\n]*')  # of a TOML list
_NAME = re.compile(r"[\"']\s*([A-Za-z0-9][\w.-]*)")


class Package(NamedTuple):
    """A package of a lock; ``source`` is how it is named there (``registry``, ``git``, ``editable``, …), ``place`` where it is."""

    name: str
    version: str
    source: str
    place: str

    @property
    def is_local(self) -> bool:
        """Whether it lies in a folder or file of this machine."""
        return self.source in _LOCAL


class UvLock(NamedTuple):
    """A lock: the Python versions that it is for, its packages in its own order, and its whole text."""

    python: str
    packages: tuple[Package, ...]
    text: str


def is_in(folder: Path) -> bool:
    """Whether a folder is a project that uv has locked."""
    return (folder / FILE).is_file() and (folder / PROJECT_FILE).is_file()


def read(folder: Path) -> UvLock:
    """The lock of a project.

    Raises:
        ProjectError: it cannot be read, or pyproject.toml asks for a package that it does not have.
    """
    text = _text(folder / FILE)
    blocks = re.split(r"^\[\[package\]\]$", text, flags=re.MULTILINE)
    head = dict(_VALUE.findall(blocks[0]))
    if not re.search(r"^version = \d+$", blocks[0], re.MULTILINE):
        raise ProjectError(f"{folder / FILE} is not a lock of uv's.", hint="`uv lock` makes one.")
    found = UvLock(head.get("requires-python", ""), tuple(map(_package, blocks[1:])), text)
    _check_against(folder / PROJECT_FILE, found)
    return found


def python(folder: Path, lock: UvLock) -> str:
    """The Python that uv would take: what ``.python-version`` says, else what the lock is for."""
    try:
        words = (folder / PYTHON_FILE).read_text("utf-8").split()
        return versions.parse(words[0]).text if words else lock.python
    except (OSError, UnicodeDecodeError, ValueError):
        return lock.python


def _package(block: str) -> Package:
    head = block.partition("\n[")[0]
    values = dict(_VALUE.findall(head.partition("source = ")[0]))
    source = _SOURCE.search(head)
    return Package(values.get("name", ""), values.get("version", ""), source[1] if source else "", source[2] if source else "")


def _check_against(file: Path, lock: UvLock) -> None:
    """Refuse a lock that lacks what pyproject.toml lists now: uv would install it without a word, and the script would miss a package."""
    known = {_normal(package.name) for package in lock.packages}
    missing = [name for name in _dependencies(_text(file)) if _normal(name) not in known]
    if missing:
        raise ProjectError(f"{file.parent / FILE} is older than {file.name}: it lacks {', '.join(missing)}.", hint="`uv lock` renews it.")


def _dependencies(text: str) -> Iterator[str]:
    """Names in the list ``project.dependencies``."""
    section = re.search(r"^\[project\][ \t]*$(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    start = re.search(r"^dependencies\s*=\s*\[", section[1], re.MULTILINE) if section else None
    if section is None or start is None:
        return
    for word in _WORD.finditer(section[1], start.end()):
        name = _NAME.match(word[0])
        if word[0] == "]":
            return
        if name:
            yield name[1]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ProjectError(f"{file} is not UTF-8 text.") from None
    except OSError as error:
        raise ProjectError(f"{file} cannot be read: {error.strerror}.") from None
