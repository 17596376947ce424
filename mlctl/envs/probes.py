"""What interpreters say of themselves, asked once and kept in ``interpreters.json`` until the interpreter's file changes."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl import process
from mlctl.envs import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILE = "interpreters.json"
FORMAT = 1
TIMEOUT_S = 30.0

# Any Python from 2.7 on runs this; its last line of output is the answer.
_PROGRAM = """\
import json, os, platform, site, sys
user = site.getusersitepackages() if getattr(site, 'ENABLE_USER_SITE', False) else ''
print(json.dumps({
    'version': sys.version.split()[0].rstrip('+'),
    'implementation': platform.python_implementation().lower(),
    'machine': sys.platform.rstrip('2') + '-' + platform.machine(),
    'abiflags': getattr(sys, 'abiflags', ''),
    'base': getattr(sys, '_base_executable', None) or sys.executable or '',
    'is_virtual': getattr(sys, 'base_prefix', sys.prefix) != sys.prefix or hasattr(sys, 'real_prefix'),
    'stdlib': os.path.dirname(os.path.abspath(json.__path__[0])),
    'user_site': user,
    'path': [entry for entry in sys.path if entry],
}))
"""


class Probe(NamedTuple):
    """What one interpreter said: ``base`` is the executable behind a virtual environment, ``path`` its ``sys.path``."""

    version: str
    implementation: str = ""
    machine: str = ""
    abiflags: str = ""
    base: str = ""
    is_virtual: bool = False
    stdlib: str = ""
    user_site: str = ""
    path: tuple[str, ...] = ()


def running() -> Probe:
    """The interpreter that runs mlctl, told without starting anything."""
    return Probe(
        version=sys.version.split()[0].rstrip("+"),
        implementation=sys.implementation.name,
        machine=f"{sys.platform}-{os.uname().machine}",
        abiflags=getattr(sys, "abiflags", ""),
        base=os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
        stdlib=str(Path(json.__file__).parent.parent),
    )


def ask(executables: Iterable[str], *, cache: Path) -> dict[str, Probe]:
    """What each executable says; those that cannot run, or are scripts, are missing from the answer.

    Those not asked before, or changed since, are started at the same time. The answers are kept, failures too.
    """
    known = _read(cache)
    stamps = {path: stamp for path in executables if (stamp := _stamp(path))}
    fresh = {path: stamp for path, stamp in stamps.items() if known.get(path, {}).get("stamp") != stamp}
    if fresh:
        answers = _start_all([path for path in fresh if not _is_script(path)])
        news = {path: {"stamp": stamp, "says": answers.get(path)} for path, stamp in fresh.items()}
        known = {**known, **news}
        _write(cache, {**_read(cache), **news})
    return {path: _probe(known[path]["says"]) for path in stamps if known[path]["says"]}


def _probe(says: Mapping[str, Any]) -> Probe:
    return Probe(**{**says, "path": tuple(says["path"])})


def _stamp(path: str) -> list[int]:
    """What changes when the interpreter does; empty where there is no such executable file."""
    try:
        found = os.stat(path)  # noqa: PTH116 -- some forty of these in each search
    except OSError:
        return []
    settings = 0
    with contextlib.suppress(OSError):
        settings = os.stat(os.path.join(os.path.dirname(path), os.pardir, "pyvenv.cfg")).st_mtime_ns  # noqa: PTH116, PTH118, PTH120
    return [found.st_mtime_ns, found.st_size, settings]


def _is_script(path: str) -> bool:
    """Whether the file is a text that another program runs: a shim, which answers for a different interpreter in each folder."""
    try:
        with Path(path).open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True


def _start_all(executables: list[str]) -> dict[str, dict[str, Any]]:
    found = {}
    clean = {"PYTHONPATH": None, "PYTHONHOME": None, "PYTHONSTARTUP": None, "PYTHONNOUSERSITE": None}
    for batch in (executables[at : at + 8] for at in range(0, len(executables), 8)):
        pending = {}
        for path in batch:
            with contextlib.suppress(OSError):
                pending[path] = process.start([path, "-c", _PROGRAM], env=clean)
        for path, command in pending.items():
            with contextlib.suppress(TimeoutError, ValueError, TypeError, KeyError):
                done = command.result(TIMEOUT_S)
                answer = json.loads(done.out.strip().splitlines()[-1]) if done.code == 0 and done.out.strip() else {}
                found[path] = _probe(answer)._asdict()
    return found


def _read(cache: Path) -> dict[str, Any]:
    try:
        found = json.loads((cache / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found["probes"] if isinstance(found, dict) and found.get("format") == FORMAT else {}


def _write(cache: Path, probes: dict[str, Any]) -> None:
    """Keep the answers. Without a place to keep them, interpreters are asked anew each time."""
    with contextlib.suppress(OSError):
        files.write(cache / FILE, json.dumps({"format": FORMAT, "probes": probes}))
