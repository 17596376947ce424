"""Which environment a project gets: what its files name, and what ``--env-manager`` says about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, cast

from mlctl.envs import uv_lock
from mlctl.errors import EnvError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlctl.envs.base import Environment
    from mlctl.projects.spec import Project

LOCAL_HINT = "`--env-manager local` runs it in this machine's own environment."

# Kind of environment → its class, which is called with the project, the cache folder, notes, and whether to do without mlflow.
ENVIRONMENTS: dict[str, str] = {
    "system": "mlctl.envs.system:SystemEnv",
    "virtualenv": "mlctl.envs.virtualenv:VirtualEnv",
    "uv.lock": "mlctl.envs.locked:LockedEnv",
    "rattler": "mlctl.envs.conda:CondaEnv",
    "conda": "mlctl.envs.conda:by_conda",
    "mamba": "mlctl.envs.conda:by_mamba",
    "micromamba": "mlctl.envs.conda:by_micromamba",
    "docker": "mlctl.envs.docker:DockerEnv",
}

# Word of --env-manager → environment, and what to say about it.
MANAGERS: dict[str, tuple[str, str]] = {
    "local": ("system", ""),
    "system": ("system", ""),
    "virtualenv": ("virtualenv", ""),
    "uv": ("virtualenv", "`uv` is the same as `virtualenv` for a project without uv.lock: uv fills the environment wherever it is there"),
}
CONDA_MANAGERS = ("rattler", "conda", "mamba", "micromamba")  # words of --env-manager for projects with a conda file
_LOCK_BESIDE = "the project's uv.lock is not used, because it names an environment file, too: `--env-manager uv` takes the lock"
_UNNAMED = "the project names no environment: it runs in this machine's own (`--env-manager virtualenv` makes a bare one)"

_UNLOCKED = "its pyproject.toml has no uv.lock, which `uv lock` would make: then that is the environment"


@dataclass(frozen=True)
class Containers:
    """What only docker projects heed: ``--docker-args``, ``--build-image``, the folder of mlctl's modules, and variables of env files."""

    arguments: tuple[str, ...] = ()
    build_image: bool = False
    bundle: Callable[[], Path] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def choose(
    project: Project, *, env_manager: str | None, cache: Path, without_mlflow: bool = False, containers: Containers | None = None
) -> Environment:
    """The environment of a project. ``env_manager`` is the flag's word; None: what the project's files ask for.

    ``without_mlflow`` leaves mlflow out of what is installed; it says nothing about an environment that is there already.

    Raises:
        UsageError: there is no such environment manager.
        EnvError: this version cannot make the environment; the message says what can be done instead.
        ProjectError: the conda file is wrong.
    """
    if env_manager is not None and env_manager not in (*MANAGERS, *CONDA_MANAGERS):
        names = ", ".join((*MANAGERS, *CONDA_MANAGERS))
        raise UsageError(f"There is no environment manager {env_manager!r}.", hint=f"The names are {names}.")
    name, note = _chosen(project, env_manager)
    own = {}
    if name == "docker":
        given = containers or Containers()
        own = {"arguments": given.arguments, "build_image": given.build_image, "bundle": given.bundle, "variables": given.variables}
    elif containers is not None and (containers.arguments or containers.build_image):
        option = "--docker-args" if containers.arguments else "--build-image"
        raise UsageError(f"{option} is for projects with a docker_env, which this one has not.", hint="Leave it out.")
    module, _, attribute = ENVIRONMENTS[name].partition(":")
    kind = getattr(import_module(module), attribute)
    return cast("Environment", kind(project, cache=cache, notes=(note,) if note else (), without_mlflow=without_mlflow, **own))


def _chosen(project: Project, env_manager: str | None) -> tuple[str, str]:
    """The environment's name in the table, and what to say about the choice."""
    if env_manager in ("local", "system"):
        return "system", ""
    kind = project.env.kind
    if kind == "docker_env":
        return "docker", f"the project names a Docker image: --env-manager {env_manager} is not used" if env_manager else ""
    if kind == "databricks_spark_job":
        raise EnvError("The project is a Databricks Spark job: mlctl cannot run it there.", hint=LOCAL_HINT)
    if env_manager in CONDA_MANAGERS or (env_manager is None and kind == "conda_env"):
        return _conda(project, env_manager)
    locked = uv_lock.is_in(project.folder)
    if locked and (env_manager == "uv" or kind == "none"):
        return "uv.lock", ""
    if env_manager is None:
        return ("virtualenv", _LOCK_BESIDE if locked else "") if kind == "python_env" else ("system", _unnamed(project))
    return MANAGERS[env_manager]


def _unnamed(project: Project) -> str:
    return f"{_UNNAMED}; {_UNLOCKED}" if (project.folder / uv_lock.PROJECT_FILE).is_file() else _UNNAMED


def _conda(project: Project, env_manager: str | None) -> tuple[str, str]:
    file = project.env.file
    if project.env.kind != "conda_env" or file is None:
        hint = "Leave --env-manager away, or use virtualenv."
        raise EnvError("The project has no conda environment file.", hint=hint)
    from mlctl.envs import conda_choice

    return conda_choice.choose(file, env_manager)
