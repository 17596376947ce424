"""A project's environment without a run: to be built ahead of time, used for a command or a shell, or written down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl import inject, settings, variables
from mlctl.envs import selection
from mlctl.errors import EnvError
from mlctl.projects import source, spec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlctl.envs.base import EnvPlan, PreparedEnv
    from mlctl.process import Env


@dataclass(frozen=True)
class Request:
    """Whose environment, and which: the meanings are those of `mlctl.planning.RunOptions`."""

    uri: str = "."
    version: str | None = None
    env_manager: str | None = None
    without_mlflow: bool = False
    env_files: tuple[str, ...] = ()
    project_env_file: bool = True


@dataclass(frozen=True)
class Surroundings:
    """A project with its environment, built."""

    source: source.Source
    project: spec.Project
    plan: EnvPlan
    prepared: PreparedEnv
    variables: variables.Variables

    def environment(self) -> Env:
        """What a command's environment differs in from the caller's."""
        return inject.free_variables(self.prepared, own=self.variables.values)

    def argv(self, command: Sequence[str]) -> list[str]:
        """The argument list that runs a command inside."""
        return [*self.prepared.argv_prefix, *command]


def prepare(request: Request, *, tell: Callable[[str], None]) -> Surroundings:
    """Find the project and build its environment if need be.

    Raises:
        MlctlError: something is wrong with the source, the project, an env file or the environment.
    """
    cache = settings.cache_dir()
    found = source.resolve(request.uri, version=request.version, tell=tell, cache=cache)
    project = spec.load(found.folder)
    own = variables.collect(project.folder, [Path(name).absolute() for name in request.env_files], with_project=request.project_env_file)
    if project.env.kind == "docker_env" and request.env_manager is None:
        raise EnvError("The project runs in a container: there is no environment of it on this machine.", hint=selection.LOCAL_HINT)
    environment = selection.choose(project, env_manager=request.env_manager, cache=cache, without_mlflow=request.without_mlflow)
    planned = environment.plan()
    for note in (*planned.notes, *own.notes):
        tell(note)
    return Surroundings(found, project, planned, environment.prepare(tell), own)
