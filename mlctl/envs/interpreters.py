"""Finds the Python interpreter that a project asks for. Nothing is ever compiled.

An exact match comes first, then the same minor version, then what uv can install. Looked at: the interpreter that runs mlctl, PATH,
pyenv's own binaries (never its shims, which answer differently in each folder), the usual system folders, and what uv has installed.
Of several that fit a loose wish the running interpreter is taken, else the newest release; pre-releases and free-threaded builds only
where nothing else fits.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlctl import process
from mlctl.envs import probes, uv, versions
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mlctl.envs.probes import Probe
    from mlctl.envs.versions import Version, Wanted

_INSTALL_TIMEOUT_S = 600.0
_MINORS = range(6, 21)
_SYSTEM_FOLDERS = ("/usr/local/bin", "/usr/bin")


class Found(NamedTuple):
    """An interpreter: its executable, its version, why it was chosen, and what sets it apart from others of that version.

    ``stdlib`` is the folder of its standard library; ``note`` is for the user, "" where the choice is what was asked for.
    """

    path: str
    version: str
    reason: str
    identity: str
    stdlib: str
    note: str = ""

    @property
    def numbers(self) -> Version:
        """The release as numbers."""
        return versions.numbers(self.version)


class Candidate(NamedTuple):
    """A place where an interpreter may be; ``hint`` is the version that its name tells, in part or () for not at all."""

    path: str
    place: str
    hint: Version


def find(wanted: str, *, cache: Path) -> Found:
    """The best interpreter on this machine for a wish such as ``3.8.13``, ``3.8`` or ``>=3.10``; "" is the one that runs mlctl.

    Raises:
        EnvError: the wish cannot be read, or there is none; the message lists those that were found.
    """
    wish = parse(wanted)
    found = look(wish, cache=cache)
    if found is None:
        raise missing(wish, cache=cache)
    return found


def parse(wanted: str) -> Wanted | None:
    """A wish as `look` takes it.

    Raises:
        EnvError: it cannot be read.
    """
    try:
        return versions.parse(wanted) if wanted else None
    except ValueError as error:
        raise EnvError(f"{error}.", hint="Write it as 3.11, 3.11.4, 3.11.* or >=3.9,<3.12.") from None


def look(wish: Wanted | None, *, cache: Path) -> Found | None:
    """The best interpreter on this machine for a wish, or None. Starts only interpreters that were never asked, or have changed."""
    mine = probes.running()
    if wish is None or (wish.exact == mine.version if wish.exact else wish.fits(versions.numbers(mine.version))):
        return _found(mine.base, mine, reason="the interpreter that runs mlctl")
    near = (versions.Clause("", wish.minor),) if wish.exact else wish.clauses
    there = [(place, path, probe) for place, path, probe in _there(near, cache=cache) if _fits(near, probe)]
    if not there:
        return None
    place, path, probe = max(there, key=lambda each: _rank(wish, each[2]))
    asked = wish.exact and probe.version != wish.exact
    note = f"Python {wish.exact} was asked for; using {probe.version} from {path}: the same minor version." if asked else ""
    return _found(path, probe, reason=place, note=note)


def install(wish: Wanted, *, cache: Path, tell: Callable[[str], None]) -> Found:
    """Let uv install an interpreter, for when this machine has none that fits.

    Raises:
        EnvError: uv is not there, or cannot; its own words are in the message.
    """
    program = uv.program()
    if program is None:
        raise missing(wish, cache=cache)
    tell(f"Python {wish.text} is not on this machine; asking uv for it")
    try:
        done = process.run([program, "python", "install", "--no-progress", wish.for_uv()], timeout_s=_INSTALL_TIMEOUT_S)
    except (OSError, TimeoutError) as error:
        raise missing(wish, cache=cache, why=str(error)) from None
    found = look(wish, cache=cache) if done.code == 0 else None
    if found is None:
        raise missing(wish, cache=cache, why=uv.reason(done.err))
    return found


def all_found(cache: Path) -> dict[str, str]:
    """Every interpreter on this machine: its executable by its version, of several of one version the best place's; the oldest first."""
    mine = probes.running()
    there = _there((versions.Clause(">=", (2, 7)),), cache=cache)
    found = {probe.version: path for _, path, probe in reversed(there)} | {mine.version: mine.base}
    return {version: found[version] for version in sorted(found, key=versions.numbers)}


def missing(wish: Wanted | None, *, cache: Path, why: str = "") -> EnvError:
    """The error that no interpreter fits: what there is instead, what uv said, and how to get the right one."""
    listed = "".join(f"\n  {version}  {path}" for version, path in all_found(cache).items())
    said = f"\nuv could not install it:\n{why}" if why else ""
    text = wish.text if wish else probes.running().version
    return EnvError(f"No Python {text} is on this machine. There is:{listed}{said}", hint=_way_out(text))


def _way_out(text: str) -> str:
    if text in ("3.1", "3.2"):
        return f"If {text}0 was meant, put it in quotes: YAML reads 3.10 as the number 3.1."
    version = text if versions.parse(text).exact or versions.parse(text).minor else ""
    return f"Install it with `uv python install {version or repr(text)}`, pyenv or the system's packages; or change `python` in the file."


def _found(path: str, probe: Probe, *, reason: str, note: str = "") -> Found:
    identity = f"{probe.implementation}-{probe.version}{probe.abiflags}-{probe.machine}"
    return Found(path, probe.version, reason, identity, probe.stdlib, note)


def _fits(clauses: Iterable[versions.Clause], probe: Probe) -> bool:
    return all(clause.fits(versions.numbers(probe.version)) for clause in clauses)


def _rank(wish: Wanted, probe: Probe) -> tuple[bool, bool, bool, bool, Version]:
    final = "".join(filter(str.isalpha, probe.version)) == ""
    return (
        probe.version == wish.exact,
        final,
        probe.implementation == "cpython",
        "t" not in probe.abiflags,
        versions.numbers(probe.version),
    )


def _there(clauses: Iterable[versions.Clause], *, cache: Path) -> list[tuple[str, str, Probe]]:
    """Place, executable and answer of the interpreters whose name does not rule them out, each once, in the order of the search."""
    places: dict[str, str] = {}
    for candidate in candidates():
        if all(not candidate.hint or clause.fits(candidate.hint) for clause in clauses):
            places.setdefault(os.path.realpath(candidate.path), candidate.place)
    answers = probes.ask(places, cache=cache)
    return [(places[path], *_real(path, answers[path])) for path in places if path in answers]


def _real(path: str, probe: Probe) -> tuple[str, Probe]:
    """The interpreter behind a virtual environment that was made with copies, or the executable as it is."""
    behind = probe.base if probe.is_virtual else ""
    return (os.path.realpath(behind) if behind else path), probe


def candidates(environ: Mapping[str, str] | None = None) -> Iterator[Candidate]:
    """Every interpreter that can be seen without starting one, best place first; the same one may come several times."""
    env = os.environ if environ is None else environ
    mine = probes.running()
    yield Candidate(mine.base, "the interpreter that runs mlctl", versions.numbers(mine.version))
    shims = str(pyenv_root(env) / "shims")
    on_path = dict.fromkeys(folder.rstrip("/") for folder in env.get("PATH", os.defpath).split(os.pathsep) if folder.startswith("/"))
    for folder in on_path:
        if folder != shims:
            yield from _named(folder, "PATH")
    yield from _versioned(pyenv_root(env) / "versions", "pyenv")
    for folder in _SYSTEM_FOLDERS:
        if folder not in on_path:
            yield from _named(folder, "this machine's system")
    yield from _versioned(uv.python_folder(env), "uv")


def _named(folder: str, place: str) -> Iterator[Candidate]:
    """The names that an interpreter has in a folder of programs: asked for one by one, such folders are large."""
    for name, hint in (("python3", (3,)), ("python", ()), *((f"python3.{minor}", (3, minor)) for minor in _MINORS), ("python2.7", (2, 7))):
        path = f"{folder}/{name}"
        if os.access(path, os.X_OK):
            yield Candidate(path, place, hint)


def _versioned(folder: Path, place: str) -> Iterator[Candidate]:
    """Interpreters in a folder that has one folder for each version."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 -- plain names are faster
    except OSError:
        return
    for name in names:
        match = re.match(r"(?:cpython-)?(\d+\.\d+\.\d+)(?![\w.])", name)
        for program in ("python", "python3"):
            path = f"{folder}/{name}/bin/{program}"
            if os.access(path, os.X_OK):
                yield Candidate(path, place, versions.numbers(match.group(1)) if match else ())
                break


def pyenv_root(environ: Mapping[str, str]) -> Path:
    """The folder of pyenv, whether it is there or not."""
    return Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME") or "~").expanduser() / ".pyenv")
