"""This machine's own environment: nothing is installed, whatever ``python`` is on PATH runs the project."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlctl.envs import files, packages, probes
from mlctl.envs.base import EnvPlan, PreparedEnv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlctl.envs.probes import Probe
    from mlctl.projects.spec import Project

_NOT_INSTALLED = (
    "--without-mlflow changes nothing: in this machine's own environment nothing is installed, and a mlflow that is there stays"
)
NO_PYTHON = "there is no `python` on PATH: the project's Python packages are not recorded"


class Named(NamedTuple):
    """What ``python`` is to a job: its executable, and the folder to put behind PATH where only ``python3`` has a name there."""

    executable: str
    suffix: str = ""


class SystemEnv:
    """The environment that mlctl was called in."""

    def __init__(self, project: Project, *, cache: Path, notes: tuple[str, ...] = (), without_mlflow: bool = False) -> None:
        self._project = project
        self._cache = cache
        self._notes = (*notes, _NOT_INSTALLED) if without_mlflow else notes

    def plan(self) -> EnvPlan:
        """What would run the project."""
        probe, named = self._probe, self._named
        found = (
            NO_PYTHON if probe is None else "",
            f"`python` is not on PATH: it will mean {named.executable}" if named.suffix else "",
        )
        return EnvPlan("system", python=probe.version if probe else "", notes=(*self._notes, *filter(None, found)))

    def prepare(self, tell: Callable[[str], None]) -> PreparedEnv:  # noqa: ARG002 -- there is nothing to build
        """How to run here: unchanged, but for a ``python`` where the machine has only ``python3``."""
        probe, named = self._probe, self._named
        suffix = tuple(filter(None, [_shim(self._cache, named) if named.suffix else ""]))
        listed = packages.scan(_site_folders(probe)) if probe else ()
        return PreparedEnv("system", path_suffix=suffix, python=probe.version if probe else "", packages=listed)

    @cached_property
    def _named(self) -> Named:
        for name in ("python", "python3"):
            path = next(_on_path(name, self._project.folder), "")
            if path:
                digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16] if name == "python3" else ""
                return Named(path, digest)
        return Named("")

    @cached_property
    def _probe(self) -> Probe | None:
        path = self._named.executable
        return probes.ask([path], cache=self._cache).get(path) if path else None


def _shim(cache: Path, named: Named) -> str:
    """A folder with a ``python`` that is this machine's ``python3``; "" where it cannot be made.

    A script, not a link: Python would take the link's folder for its home and not see the virtual environment around ``python3``.
    """
    folder = cache / "shims" / named.suffix
    link = folder / "python"
    if not link.exists():
        import shlex

        try:
            files.write(link, f'#!/bin/sh\nexec {shlex.quote(named.executable)} "$@"\n', mode=0o755)
        except OSError:
            return ""
    return str(folder)


def _on_path(name: str, project: Path) -> Iterator[str]:
    """Executables of that name in the order of PATH; for pyenv's shims, what they would start in the project's folder."""
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder or os.curdir, name)  # noqa: PTH118 -- a bare name in each folder of PATH
        if not os.access(path, os.X_OK) or Path(path).is_dir():
            continue
        root = _pyenv_of(folder)
        if root is None:
            yield os.path.abspath(path)  # noqa: PTH100 -- a link must stay a link: it makes a virtual environment one
        else:
            yield from _behind_shim(name, root, project)


def _pyenv_of(folder: str) -> Path | None:
    """The pyenv whose shims are in a folder of PATH."""
    root, _, last = folder.rstrip("/").rpartition("/")
    return Path(root) if last == "shims" and os.path.isdir(f"{root}/versions") else None  # noqa: PTH112


def _behind_shim(name: str, root: Path, project: Path) -> Iterator[str]:
    for version in _pyenv_versions(root, project):
        path = root / "versions" / version / "bin" / name
        if os.access(path, os.X_OK):
            yield str(path)


def _pyenv_versions(root: Path, project: Path) -> list[str]:
    """The versions that pyenv would use in a folder: its variable, the nearest ``.python-version``, or its global file."""
    named = os.environ.get("PYENV_VERSION", "").split(":")
    if not any(named):
        folder = Path(os.environ.get("PYENV_DIR") or project).absolute()
        places = [*(parent / ".python-version" for parent in (folder, *folder.parents)), root / "version"]
        named = next((words for place in places if (words := _words(place))), [])
    return [_installed(root, name) for name in named if name and name != "system"]


def _words(file: Path) -> list[str]:
    try:
        return [line.split()[0] for line in file.read_text("utf-8").splitlines() if line.strip() and not line.lstrip().startswith("#")]
    except (OSError, UnicodeDecodeError):
        return []


def _installed(root: Path, name: str) -> str:
    """A version's folder name; ``3.11`` stands for the newest 3.11 that pyenv has."""
    folder = root / "versions"
    if (folder / name).is_dir() or not folder.is_dir():
        return name
    from mlctl.envs import versions

    newest = sorted((entry for entry in os.listdir(folder) if entry.startswith(f"{name}.")), key=versions.numbers)  # noqa: PTH208
    return newest[-1] if newest else name


def _site_folders(probe: Probe) -> list[str]:
    """The folders that a job's Python imports from: PYTHONPATH, then its own, without the user's where that is switched off."""
    skip = probe.user_site if os.environ.get("PYTHONNOUSERSITE") else ""
    mine = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    return [*mine, *(folder for folder in probe.path if folder != skip)]
