"""Environments that a project's ``uv.lock`` describes, filled by ``uv sync``.

The lock is taken as it stands (``--frozen``), with the groups that uv installs by default. The key covers the lock and pyproject.toml, the
interpreter, and of packages in folders their place (editable ones) or a fingerprint. Nothing but the lock is installed: no pip.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlctl.envs import mlflow_lines, pip_lines, uv, uv_lock
from mlctl.envs.pip_lines import Line
from mlctl.envs.requirements import PythonRequirements
from mlctl.envs.virtualenv import Resolved, VirtualEnv
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl.envs.base import EnvPlan
    from mlctl.envs.filling import Filler
    from mlctl.envs.interpreters import Found


class LockedEnv(VirtualEnv):
    """The environment of a project that uv has locked. ``without_mlflow``: of the lock's packages mlflow is not installed."""

    seeded = False

    def plan(self) -> EnvPlan:
        """Resolve without building.

        Raises:
            EnvError: there is no uv, or no program to get the Python version.
            ProjectError: the lock cannot be read, or is older than pyproject.toml.
        """
        if uv.program() is None:
            raise EnvError(
                f"The project's environment is {uv_lock.FILE}, which only uv can install, and there is no uv.",
                hint="Install uv (`pip install uv`), unset MLCTL_NO_UV, or use --env-manager local.",
            )
        return super().plan()

    @cached_property
    def _lock(self) -> uv_lock.UvLock:
        return uv_lock.read(self._project.folder)

    @cached_property
    def _wanted(self) -> PythonRequirements:
        return PythonRequirements(uv_lock.python(self._project.folder, self._lock))

    @cached_property
    def _build_lines(self) -> tuple[Line, ...]:
        return ()

    def lock(self, packages: Sequence[str]) -> None:
        """Nothing changes: the project's own lock names exact versions already."""

    @cached_property
    def _listed(self) -> tuple[Line, ...]:
        shown = (f"{package.name}=={package.version}" for package in self._lock.packages if not package.is_local)
        return tuple(Line(text, text) for text in sorted(shown))

    def _decisive(self, python: Found) -> dict[str, Any]:
        folder = self._project.folder
        project = (folder / uv_lock.PROJECT_FILE).read_bytes()
        digests = [hashlib.sha256(part).hexdigest() for part in (self._lock.text.encode(), project)]
        return {**super()._decisive(python), "lock": digests, "local": [self._local(package) for package in self._lock.packages]}

    def _local(self, package: uv_lock.Package) -> str:
        """What sets a package in a folder apart: an editable one is where it is, another one is what it holds."""
        if not package.is_local or package.source == "virtual":
            return ""
        path = (self._project.folder / package.place).resolve()
        return str(path) if package.source == "editable" else pip_lines.fingerprint(path, self._project.folder)

    def _fill(self, filler: Filler, found: Resolved) -> list[str]:  # noqa: ARG002 -- the lock says it all
        filler.sync([*mlflow_lines.PACKAGES] if self._without_mlflow else [])
        return ["uv sync"]
