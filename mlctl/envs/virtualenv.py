"""Virtual environments for ``python_env`` and for the pip half of conda files, built once for each content hash.

The key covers everything that decides the result: this module's format version, the interpreter (implementation, release, platform),
build dependencies and requirement lines with ``-r`` files read in, the lines of constraint files, fingerprints of local packages and of
folders of wheels, the dependencies that an editable package declares, and its place. Not covered: what an index offers on the day.
"""

from __future__ import annotations

import hashlib
import json
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl.envs import bundle_link, interpreters, mlflow_lines, packages, pip_lines, requirements, slots, uv
from mlctl.envs.base import EnvPlan, PreparedEnv
from mlctl.envs.requirements import PythonRequirements
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlctl.envs import versions
    from mlctl.envs.files import Lock
    from mlctl.envs.filling import Filler
    from mlctl.envs.interpreters import Found
    from mlctl.envs.pip_lines import Line
    from mlctl.projects.spec import Project

FORMAT = 1
_OLDEST_CLIENT = (3, 8)


class Resolved(NamedTuple):
    """A project's wish put against this machine: the key, the interpreter and the lines to install."""

    key: str
    python: Found
    build: tuple[Line, ...]
    lines: tuple[Line, ...]


class VirtualEnv:
    """The virtual environment of one project. ``without_mlflow``: requirement lines that name mlflow are left out."""

    seeded = True  # with pip, which scripts call

    def __init__(self, project: Project, *, cache: Path, notes: tuple[str, ...] = (), without_mlflow: bool = False) -> None:
        self._project = project
        self._cache = cache
        self._notes = notes
        self._without_mlflow = without_mlflow
        self._found: Found | None = None
        self._locked: tuple[Line, ...] = ()

    def lock(self, packages: Sequence[str]) -> None:
        """From now on only these versions (``name==version``) will do. An environment that has them already is used as it is.

        Lines with hashes are a lock themselves.
        """
        python = self._python()
        contents = self._slot(self._resolved(python)).contents() if python else None
        if contents is not None and sorted(contents["packages"]) == sorted(packages):
            return
        if not any("--hash" in line.text for line in self._lines):
            self._locked = pip_lines.lock(packages, folder=self._cache / "locks")

    def plan(self) -> EnvPlan:
        """Resolve without building.

        Raises:
            EnvError: the Python version cannot be read, or no program is there to get it.
            ProjectError: an environment file is wrong.
        """
        shown = tuple(uv.redacted(line.text) for line in (*self._build_lines, *self._lines))
        python = self._python()
        if python is None:
            wish = self._wish
            if uv.program() is None:
                raise interpreters.missing(wish, cache=self._cache)
            note = f"Python {wish.text if wish else ''} is not on this machine: uv would be asked for it"
            return EnvPlan("virtualenv", built=False, requirements=shown, notes=(*self._all_notes, note))
        found = self._resolved(python)
        slot = self._slot(found)
        return EnvPlan(
            "virtualenv",
            key=found.key,
            python=python.version,
            folder=str(slot.folder),
            built=slot.contents() is not None,
            requirements=shown,
            notes=(*self._all_notes, *filter(None, (python.note, _old_python(python)))),
        )

    def prepare(self, tell: Callable[[str], None]) -> PreparedEnv:
        """Build it if need be and return how to run inside. A built one takes a few file reads, and starts no process.

        Raises:
            EnvError: it cannot be built; the message holds the resolver's own reason.
            ProjectError: an environment file is wrong.
        """
        found = self._resolved(self._python() or self._installed_python(tell))
        slot = self._slot(found)
        try:
            contents = slot.use(project=self._project.folder) if slot.folder.is_dir() else None
            if contents is None:
                contents = slots.build(slot, lambda lock: self._build(slot, found, lock, tell), project=self._project.folder, tell=tell)
        except OSError as error:
            raise slots.unwritable(error, self._cache) from None
        return _prepared(slot, contents, dict(self._wanted.variables))

    # ── what is asked for ───────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _wanted(self) -> PythonRequirements:
        env = self._project.env
        if env.file is None:
            return PythonRequirements()
        return requirements.from_conda(env.file) if env.kind == "conda_env" else requirements.from_python_env(env.file)

    @cached_property
    def _build_lines(self) -> tuple[Line, ...]:
        return pip_lines.expand(self._wanted.build, project=self._project.folder, file=self._project.env.file)

    @cached_property
    def _listed(self) -> tuple[Line, ...]:
        return pip_lines.expand(self._wanted.lines, project=self._project.folder, file=self._project.env.file)

    @cached_property
    def _lines(self) -> tuple[Line, ...]:
        return mlflow_lines.without(self._listed) if self._without_mlflow else self._listed

    @cached_property
    def _wish(self) -> versions.Wanted | None:
        return interpreters.parse(self._wanted.python)

    @property
    def _all_notes(self) -> tuple[str, ...]:
        wanted = self._wanted
        unnamed = (
            "" if wanted.python or self._project.env.file is None else "the file names no Python version: using the one that runs mlctl"
        )
        left_out = f"not installed, because pip has no conda packages: {', '.join(wanted.dropped)}" if wanted.dropped else ""
        without = mlflow_lines.notes(self._listed) if self._without_mlflow else ()
        return (*self._notes, *without, *filter(None, (left_out, unnamed)))

    # ── what there is ───────────────────────────────────────────────────────────────────────────────────────────────

    def _python(self) -> Found | None:
        if self._found is None:
            self._found = interpreters.look(self._wish, cache=self._cache)
        return self._found

    def _installed_python(self, tell: Callable[[str], None]) -> Found:
        assert self._wish is not None  # without a wish the running interpreter is found
        self._found = interpreters.install(self._wish, cache=self._cache, tell=tell)
        for note in filter(None, (self._found.note, _old_python(self._found))):
            tell(note)
        return self._found

    def _resolved(self, python: Found) -> Resolved:
        text = json.dumps(self._decisive(python), sort_keys=True)
        key = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return Resolved(key, python, self._build_lines, (*self._lines, *self._locked))

    def _decisive(self, python: Found) -> dict[str, Any]:
        """Everything that decides the result, for the key."""
        return {
            "format": FORMAT,
            "python": python.identity,
            "build": [line.identity for line in self._build_lines],
            "lines": [line.identity for line in (*self._lines, *self._locked)],
        }

    def _slot(self, found: Resolved) -> slots.Slot:
        return slots.Slot(self._cache, found.key)

    # ── building ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _build(self, slot: slots.Slot, found: Resolved, lock: Lock, tell: Callable[[str], None]) -> dict[str, Any]:
        from mlctl.envs import creation, filling

        began = time.monotonic()
        tell(f"building the environment {slot.key} with Python {found.python.version} ({found.python.reason})")
        filler = filling.Filler(slot.folder, self._project.folder, found.python.numbers, lock.fd, tell)
        creation.create(slot.folder, found.python, filler=filler, app_data=self._cache / "virtualenv", seeded=self.seeded)
        used = self._fill(filler, found)
        site = bundle_link.write(slot.folder)
        if site is None:
            raise EnvError(f"{slot.folder} has no site-packages folder.", hint="`mlctl env gc` clears half-made environments away.")
        listed = packages.scan([str(site)])
        tell(f"built in {time.monotonic() - began:.1f} s: {len(listed)} package{'s' * (len(listed) != 1)}")
        return {
            "format": FORMAT,
            "key": slot.key,
            "python": found.python.version,
            "interpreter": found.python.path,
            "requirements": [uv.redacted(line.text) for line in (*found.build, *found.lines)],
            "packages": listed,
            "builder": "+".join(dict.fromkeys(["virtualenv", *filter(None, used)])),
            "created_ms": int(time.time() * 1000),
        }

    def _fill(self, filler: Filler, found: Resolved) -> list[str]:
        """Install everything; returns what did it."""
        build = (*found.build, *self._locked) if found.build else ()
        return [filler.install(lines) for lines in (build, found.lines if self._lines else ())]


def _prepared(slot: slots.Slot, contents: dict[str, Any], variables: dict[str, str]) -> PreparedEnv:
    return PreparedEnv(
        "virtualenv",
        env={"VIRTUAL_ENV": str(slot.folder), "PYTHONHOME": None, **variables},
        path_prefix=(str(slot.folder / "bin"),),
        python=contents["python"],
        packages=tuple(contents["packages"]),
        folder=str(slot.folder),
    )


def _old_python(python: Found) -> str:
    if python.numbers >= _OLDEST_CLIENT:
        return ""
    return f"Python {python.version} is too old for `import mlctl`: only an MLflow client can log from this project"
