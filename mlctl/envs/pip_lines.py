"""Requirement lines, expanded: ``-r`` files are read in, paths are made to mean the same everywhere, and what decides the result is named.

Each line has two faces. What uv or pip gets is ``text``, or ``argv`` where it names a path (which may hold spaces). ``identity`` goes into
the environment's key: for a constraints file its lines, for a local package a fingerprint, for an editable one its folder and what it
says of its own dependencies.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlctl.errors import EnvError, ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_OPTION = re.compile(r"(-r|--requirement|-c|--constraint|-e|--editable|-f|--find-links)(?:\s*=\s*|\s+|(?<=^-[rcef]))(.+)")
_LONG = {"--requirement": "-r", "--constraint": "-c", "--editable": "-e", "--find-links": "-f"}
_COMMENT = re.compile(r"(^|\s+)#.*$")
_NAMED_URL = re.compile(r"[\w.-]+\s*(?:\[[^\]]*\])?\s*@\s*(file:\S+)")
_END_OF_PATH = re.compile(r"\s*;|\s+--|(?<!^)\[[\w,\s.-]+\]\s*(?:;.*|--.*)?$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NOT_SOURCE = frozenset(("__pycache__", "mlruns", "build", "dist", "node_modules", "venv", "env"))
_SOURCE = (".py", ".pyi", ".pyx", ".pxd", ".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".f", ".f90", ".rs", ".in", ".toml", ".cfg")
_METADATA = ("pyproject.toml", "setup.py", "setup.cfg")


class Line(NamedTuple):
    """A requirement line: as it is installed and shown, as it goes into the key, and as arguments where a file cannot hold it."""

    text: str
    identity: str
    argv: tuple[str, ...] = ()


class _Place(NamedTuple):
    """Where a line stands: the project's folder, the folder that ``-r`` is relative to, and the files read to get here."""

    project: Path
    base: Path
    chain: tuple[Path, ...]


def expand(lines: Iterable[str], *, project: Path, file: Path | None = None) -> tuple[Line, ...]:
    """Expand the lines of an environment file (``file``) of a project.

    ``-r`` and ``-c`` are relative to the project, else to the environment file's folder, and inside a requirements file to that file.
    Local packages are relative to the project, as pip reads them when it runs there.

    Raises:
        ProjectError: a file or a local package that is named does not exist, or requirement files include each other.
    """
    return tuple(_expand(lines, _Place(project, file.parent if file else project, (file,) if file else ())))


def lock(packages: Sequence[str], *, folder: Path) -> tuple[Line, ...]:
    """A line that lets only these versions (``name==version``) be installed; its file is kept in ``folder``.

    Raises:
        EnvError: the file cannot be written.
    """
    name = _digest(*packages)
    path = folder / f"{name}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text("".join(f"{line}\n" for line in packages), "utf-8")
        draft.replace(path)
    except OSError as error:
        raise EnvError(f"{path} cannot be written: {error.strerror}.", hint="MLCTL_CACHE_DIR names another cache folder.") from None
    return (Line(f"-c {path}", f"-c {name}", ("-c", str(path))),)


def _expand(lines: Iterable[str], place: _Place) -> Iterator[Line]:
    for line in _logical(lines):
        option = _OPTION.fullmatch(line)
        if option is None:
            yield _requirement(line, place)
            continue
        name, value = _LONG.get(option[1], option[1]), _unquoted(option[2], place)
        if "://" in value.split("#")[0] and not value.startswith("file:"):
            yield Line(line, line)
        elif name == "-r":
            yield from _included(value, place)
        else:
            yield {"-c": _constraint, "-e": _editable, "-f": _find_links}[name](value, place)


def _included(value: str, place: _Place) -> Iterator[Line]:
    path = _existing(value, place)
    return _expand(_read(path), _Place(place.project, path.parent, (*place.chain, path)))


def _constraint(value: str, place: _Place) -> Line:
    path = _existing(value, place)
    said = [line.identity for line in _expand(_read(path), _Place(place.project, path.parent, (*place.chain, path)))]
    return Line(f"-c {value}", "-c " + _digest(*said), ("-c", str(path)))


def _editable(value: str, place: _Place) -> Line:
    path = _local_path(value, place.project)
    if path is None or not path.is_dir():
        raise _absent(value, place, "no such folder to install from")
    said = _digest(*((path / name).read_bytes() if (path / name).is_file() else b"" for name in _METADATA))
    return Line(f"-e {value}", f"-e {path} {said}", ("-e", value))


def _find_links(value: str, place: _Place) -> Line:
    path = next((folder for folder in (place.base / value, place.project / value) if folder.exists()), None)
    if path is None:
        return Line(f"-f {value}", f"-f {value}")
    wheels = sorted(path.iterdir()) if path.is_dir() else [path]
    return Line(f"-f {value}", f"-f {value} {_digest(*map(_stat, wheels))}", ("-f", str(path.resolve())))


def _requirement(line: str, place: _Place) -> Line:
    if line.startswith("-"):
        return Line(line, line)
    path = _local_path(line, place.project)
    if path is None:
        return Line(line, line)
    if not path.exists():
        raise _absent(line, place, "no such file or folder to install from")
    # named in a file, a folder would come from uv's cache although its sources have changed; named as an argument it is built
    return Line(line, f"{line} {fingerprint(path, place.project)}", (line,) if path.is_dir() else ())


def _local_path(text: str, project: Path) -> Path | None:
    """The path that a requirement names, or None for a requirement that is found by its name or elsewhere."""
    named = _NAMED_URL.match(text)
    start = named[1] if named else _END_OF_PATH.split(text, maxsplit=1)[0].split("#egg=")[0].strip()
    start = _VARIABLE.sub(lambda match: os.environ.get(match[1], match[0]), start)
    if start.startswith("file:"):
        start = _path_of(start)
    elif "://" in start or re.match(r"[\w.-]+\s*(\[.*\])?\s*@", start):
        return None
    path = project / Path(start).expanduser()
    obvious = start.startswith((".", "/", "~")) or start.endswith(_ARCHIVES)
    return path.resolve() if obvious or ("/" in start and path.exists()) else None


def _path_of(address: str) -> str:
    from urllib.parse import unquote, urlparse

    return unquote(urlparse(address).path)


def fingerprint(path: Path, project: Path) -> str:
    """What tells a local package from its next version: names, sizes and times of its files.

    Of a folder that holds the whole project only what a package is built from counts: a run writes its results there.
    """
    if path.is_file():
        return _digest(_stat(path))
    whole = project.resolve() == path or path in project.resolve().parents
    found: list[str] = []
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if name not in _NOT_SOURCE and not name.startswith(".") and not name.endswith(".egg-info"))
        inside = folder[len(str(path)) :]
        found += (f"{inside}/{_stat(Path(folder, name))}" for name in sorted(files) if _is_source(name, whole=whole))
    return _digest(*found)


def _is_source(name: str, *, whole: bool) -> bool:
    if whole:
        return name.endswith(_SOURCE) or name.startswith(("requirements", "README"))
    return not name.endswith(".pyc")


def _stat(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return path.name
    return f"{path.name} {found.st_size} {found.st_mtime_ns}"


def _digest(*parts: str | bytes) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape"))
        found.update(b"\0")
    return found.hexdigest()[:16]


def _logical(lines: Iterable[str]) -> Iterator[str]:
    """Lines with continuations joined, comments and blank ones left out."""
    pending = ""
    for raw in lines:
        line = raw.rstrip("\r\n")
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            pending += line[:-1].strip() + " "
            continue
        whole = _COMMENT.sub("", pending + line.strip()).strip()
        pending = ""
        if whole:
            yield whole
    if pending.strip():
        yield pending.strip()


def _read(path: Path) -> list[str]:
    data = path.read_bytes()
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    try:
        return data.decode(encoding).splitlines()
    except UnicodeDecodeError:
        return data.decode("latin-1").splitlines()


def _existing(value: str, place: _Place) -> Path:
    """The file that ``-r`` or ``-c`` names."""
    start = _path_of(value) if value.startswith("file:") else value
    folders = (place.base,) if len(place.chain) > 1 else (place.project, place.base)
    path = next((found for folder in folders if (found := folder / start).is_file()), None)
    if path is None:
        raise _absent(value, place, "no such file")
    path = path.resolve()
    if path in place.chain:
        loop = " → ".join(each.name for each in (*place.chain[place.chain.index(path) :], path))
        raise ProjectError(f"{place.chain[-1]}: requirement files include each other: {loop}.")
    return path


def _absent(value: str, place: _Place, what: str) -> ProjectError:
    where = f"{place.chain[-1]}: " if place.chain else ""
    return ProjectError(f"{where}`{value}`: {what}.", hint=f"Looked for it in {place.base if len(place.chain) > 1 else place.project}.")


def _unquoted(value: str, place: _Place) -> str:
    """An option's value without its quotes; a path with spaces needs none if it is there."""
    if (place.base / value).exists() or (place.project / value).exists():
        return value
    import shlex

    try:
        words = shlex.split(value)
    except ValueError:
        return value
    return words[0] if len(words) == 1 else value
