"""Conda environments, built once for each content hash: by py-rattler, or by an installed conda, mamba or micromamba.

The key covers this module's format version, what makes the environment, the platform, channels with their priority, specs, pip lines (as
in `mlctl.envs.virtualenv`), and the lock file beside the conda file. Not covered: what a channel offers on the day, and the file's
variables, which are set when the environment is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl import process
from mlctl.envs import bundle_link, conda_channels, conda_file, conda_prefix, mlflow_lines, pip_lines, slots, uv, versions
from mlctl.envs.base import EnvPlan, PreparedEnv
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlctl.envs.conda_file import CondaFile
    from mlctl.envs.conda_prefix import Package
    from mlctl.envs.files import Lock
    from mlctl.envs.pip_lines import Line
    from mlctl.projects.spec import Project

FORMAT = 1
LOCK_FILES = ("conda-lock.yml", "conda-lock.yaml", "pixi.lock")
_DECIDING_VARIABLES = ("CONDA_SUBDIR", "CONDA_OVERRIDE_CUDA", "CONDA_OVERRIDE_GLIBC", "CONDA_OVERRIDE_OSX", "CONDA_OVERRIDE_ARCHSPEC")
_NATIVE = "rattler"


class CondaEnv:
    """The conda environment of one project. ``program`` is the executable that makes it; "" for py-rattler.

    ``manager`` is the word of --env-manager that chooses it.
    """

    def __init__(
        self,
        project: Project,
        *,
        cache: Path,
        notes: tuple[str, ...] = (),
        without_mlflow: bool = False,
        program: str = "",
        manager: str = _NATIVE,
    ) -> None:
        self._project = project
        self._cache = cache
        self._notes = notes
        self._without_mlflow = without_mlflow
        self._program = program
        self._manager = manager
        self._pins: tuple[str, ...] = ()
        self._pip_pins: tuple[Line, ...] = ()

    def lock(self, packages: Sequence[str]) -> None:
        """From now on only the packages of a run's lock will do. An environment that has them already is used as it is.

        An installed conda solves anew: it can be told no more than what the file says.
        """
        contents = self._slot.contents()
        if self._program or (contents is not None and contents["lock"].splitlines() == list(packages)):
            return
        self._pins, pip = conda_prefix.pins(packages)
        self._pip_pins = pip_lines.lock(pip, folder=self._cache / "locks") if pip else ()
        self.__dict__.pop("_slot", None)

    def plan(self) -> EnvPlan:
        """Resolve without building; nothing is solved.

        Raises:
            ProjectError: the conda file, or one that it names, is wrong.
            UsageError: a setting of conda is wrong.
        """
        slot = self._slot
        contents = slot.contents()
        pip = (f"pip: {uv.redacted(line.text)}" for line in self._pip)
        return EnvPlan(
            "conda",
            key=slot.key,
            python=contents["python"] if contents else "",
            folder=str(slot.folder),
            built=contents is not None,
            requirements=(*(spec.text for spec in self._file.specs), *pip),
            channels=tuple(map(conda_channels.redacted, self._channels)),
            manager=self._manager,
            notes=(*self._notes, *self._file_notes, *filter(None, [contents and contents.get("note")])),
        )

    def prepare(self, tell: Callable[[str], None]) -> PreparedEnv:
        """Build it if need be and return how to run inside. A built one takes a few file reads, and starts no process.

        Raises:
            EnvError: it cannot be built; the message holds the solver's own reason.
            ProjectError: the conda file, or one that it names, is wrong.
        """
        slot = self._slot
        try:
            contents = slot.use(project=self._project.folder) if slot.folder.is_dir() else None
            if contents is None:
                contents = slots.build(slot, lambda lock: self._build(lock, tell), project=self._project.folder, tell=tell)
        except OSError as error:
            raise slots.unwritable(error, self._cache) from None
        return _prepared(slot, contents, dict(self._file.variables))

    # ── what is asked for ───────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _listed(self) -> CondaFile:
        assert self._project.env.file is not None
        found = conda_file.read(self._project.env.file)
        return found if found.pip is None or "pip" in found.names() else found.with_pip()

    @cached_property
    def _file(self) -> CondaFile:
        """The file, without mlflow where that is wished."""
        found = self._listed
        return found.without(mlflow_lines.PACKAGES) if self._without_mlflow else found

    @cached_property
    def _pip_listed(self) -> tuple[Line, ...]:
        return pip_lines.expand(self._listed.pip or (), project=self._project.folder, file=self._listed.path)

    @property
    def _pip(self) -> tuple[Line, ...]:
        return mlflow_lines.without(self._pip_listed) if self._without_mlflow else self._pip_listed

    @property
    def _names(self) -> tuple[str, ...]:
        return self._file.channels or conda_channels.standard()

    @property
    def _channels(self) -> tuple[str, ...]:
        return conda_channels.searched(self._names, self._file.specs, project=self._project.folder)

    @cached_property
    def _lock_file(self) -> Path | None:
        """The lock file beside the conda file; another program does not read it."""
        folder = self._listed.path.parent
        return None if self._program else next((folder / name for name in LOCK_FILES if (folder / name).is_file()), None)

    @property
    def _file_notes(self) -> tuple[str, ...]:
        unnamed = "" if self._listed.channels or self._program else f"the file names no channels: looking in {', '.join(self._names)}"
        without: tuple[str, ...] = ()
        if self._without_mlflow:
            conda = [pip_lines.Line(spec.name, spec.name) for spec in self._listed.specs]
            without = mlflow_lines.notes([*conda, *self._pip_listed])
        return (*self._listed.notes, *without, *filter(None, [unnamed]))

    @cached_property
    def _slot(self) -> slots.Slot:
        maker = f"{Path(self._program).name} {os.path.realpath(self._program)}" if self._program else _NATIVE
        decisive = {
            "format": FORMAT,
            "maker": maker,
            "platform": [sys.platform, os.uname().machine, *(os.environ.get(name, "") for name in _DECIDING_VARIABLES)],
            "channels": [conda_channels.redacted(url) for url in self._channels],
            "priority": conda_channels.priority(),
            "specs": [
                f"{spec.channel}::{spec.name} {' '.join(spec.rest.split())}" if spec.name else spec.text for spec in self._file.specs
            ],
            "pip": [line.identity for line in (*self._pip_pins, *self._pip)],
            **({"pins": self._pins} if self._pins else {}),
            "lock": hashlib.sha256(self._lock_file.read_bytes()).hexdigest() if self._lock_file else "",
        }
        text = json.dumps(decisive, sort_keys=True)
        return slots.Slot(self._cache, hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16])

    # ── building ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _build(self, lock: Lock, tell: Callable[[str], None]) -> dict[str, Any]:
        began = time.monotonic()
        slot = self._slot
        note = self._made_by_program(lock, tell) if self._program else self._made(lock, tell)
        found = conda_prefix.installed(slot.folder)
        python = conda_prefix.version_of(found, "python")
        self._link(python, lock)
        pip = conda_prefix.of_pip(slot.folder, found)
        listed = conda_prefix.listed(found, pip)
        tell(f"built in {time.monotonic() - began:.1f} s: {len(listed)} package{'s' * (len(listed) != 1)}")
        return {
            "format": FORMAT,
            "key": slot.key,
            "proof": "bin/python" if python else "conda-meta",
            "python": python,
            "interpreter": str(slot.folder / "bin" / "python") if python else "",
            "requirements": list(self.plan().requirements),
            "packages": listed,
            "lock": conda_prefix.lock(found, pip, platform=_platform(found)),
            "builder": Path(self._program).name if self._program else _NATIVE,
            "variables": conda_prefix.variables(slot.folder),
            "activation": conda_prefix.write_activation(slot.folder),
            "note": note,
            "created_ms": int(time.time() * 1000),
        }

    def _made_by_program(self, lock: Lock, tell: Callable[[str], None]) -> str:
        """Have the installed program make it, pip's part too; only where mlflow is left out, it gets another file and no pip part."""
        from mlctl.envs import conda_tool

        slot = self._slot
        if not self._without_mlflow:
            conda_tool.make(self._program, file=self._listed.path, prefix=slot.folder, lock=lock, tell=tell)
            return ""
        reduced = slot.folder.with_name(f"{slot.key}.yaml")
        try:
            reduced.write_text(self._file.conda_part(self._names), "utf-8")
            conda_tool.make(self._program, file=reduced, prefix=slot.folder, lock=lock, tell=tell)
        finally:
            reduced.unlink(missing_ok=True)
        self._fill(self._pip, conda_prefix.installed(slot.folder), lock, tell)
        return ""

    def _made(self, lock: Lock, tell: Callable[[str], None]) -> str:
        """Solve and install with py-rattler, then pip's part; returns why a lock file was not used."""
        from mlctl.envs import conda_native

        slot = self._slot
        tell(f"building the environment {slot.key} of {self._listed.path.name}: {len(self._file.specs)} conda packages asked for")
        request = conda_native.Request(
            file=self._file,
            project=self._project.folder,
            prefix=slot.folder,
            cache=self._cache,
            channels=self._channels,
            priority=conda_channels.priority(),
            lock=None if self._pins else self._lock_file,
            pins=self._pins,
            pip=tuple({"name": name, "text": line.text} for line in self._pip if (name := mlflow_lines.named(line.text).package)),
        )
        answer = conda_native.install(request, lock, tell)
        found = conda_prefix.installed(slot.folder)
        for lines in _locked(self._pip, answer.pypi) if answer.locked else [self._pip]:
            self._fill((*self._pip_pins, *lines) if lines else (), found, lock, tell)
        return answer.unused

    def _link(self, python: str, lock: Lock) -> None:
        """Make mlctl importable; compile what came without bytecode where Python may not write it (as in `mlctl.envs.filling`)."""
        folder = self._slot.folder
        site = bundle_link.write(folder)
        if site is not None and python and os.environ.get("PYTHONDONTWRITEBYTECODE"):
            argv = [str(folder / "bin" / "python"), "-m", "compileall", "-q", str(site)]
            process.follow(argv, cwd=str(folder), env={"PYTHONHOME": None, "PYTHONPATH": None}, keep_fds=(lock.fd,))

    def _fill(self, lines: tuple[Line, ...], found: tuple[Package, ...], lock: Lock, tell: Callable[[str], None]) -> None:
        from mlctl.envs.filling import Filler

        if not lines:
            return
        python = conda_prefix.version_of(found, "python")
        if not python:
            raise EnvError(
                f"{self._listed.path.name} has a pip section, but installs no Python.", hint="Add `- python` to its dependencies."
            )
        folder = self._slot.folder
        path = os.pathsep.join([str(folder / "bin"), os.environ.get("PATH", os.defpath)])
        env = {**_activated(folder, conda_prefix.variables(folder)), "PATH": path}
        Filler(folder, self._project.folder, versions.numbers(python), lock.fd, tell, env=env).install(lines)


_NO_DEPS = pip_lines.Line("--no-deps", "--no-deps", ("--no-deps",))


def _locked(lines: tuple[Line, ...], pypi: tuple[dict[str, str], ...]) -> list[tuple[Line, ...]]:
    """What to install one after the other where a lock file says it: its files, then what has no name in it, such as ``-e .``."""
    nameless = [line for line in lines if not mlflow_lines.named(line.text).package]
    options = [line for line in nameless if line.text.startswith("-") and not line.text.startswith(("-e", "--editable"))]
    own = tuple(nameless) if len(nameless) > len(options) else ()
    return [(*options, *map(_pinned, pypi), _NO_DEPS) if pypi else (), own]


def _pinned(package: Mapping[str, str]) -> Line:
    """The pip line of exactly the file that a lock file names, or of exactly the version where it names no address."""
    text = f"{package['name']} @ {package['location']}" if "://" in package["location"] else f"{package['name']}=={package['version']}"
    return pip_lines.Line(text, text)


def _platform(found: tuple[Package, ...]) -> str:
    return next((each.subdir for each in found if each.subdir not in ("", "noarch")), "")


def _activated(prefix: Path, variables: Mapping[str, str | None]) -> dict[str, str | None]:
    """What activating a prefix sets, scripts aside."""
    fixed: dict[str, str | None] = {"CONDA_PREFIX": str(prefix), "CONDA_DEFAULT_ENV": str(prefix), "CONDA_SHLVL": "1"}
    fixed |= {"CONDA_PROMPT_MODIFIER": f"({prefix}) ", "VIRTUAL_ENV": None, "PYTHONHOME": None}
    return {**fixed, **variables}


def _prepared(slot: slots.Slot, contents: dict[str, Any], variables: dict[str, str]) -> PreparedEnv:
    script = (process.shell_argv("")[0], str(slot.folder / conda_prefix.ACTIVATION)) if contents["activation"] else ()
    return PreparedEnv(
        "conda",
        env=_activated(slot.folder, {**contents["variables"], **variables}),
        path_prefix=(str(slot.folder / "bin"),),
        argv_prefix=script,
        python=contents["python"],
        packages=tuple(contents["packages"]),
        folder=str(slot.folder),
        lock=contents["lock"],
    )


def _by(name: str, project: Project, **options: Any) -> CondaEnv:
    """The environment that an installed program makes.

    Raises:
        EnvError: there is no such program.
    """
    from mlctl.envs import conda_tool

    program = conda_tool.creator(name)
    notes = (*options.pop("notes", ()), f"the environment is made by {program}")
    return CondaEnv(project, notes=notes, program=program, manager=name, **options)


by_conda, by_mamba, by_micromamba = (partial(_by, name) for name in ("conda", "mamba", "micromamba"))
