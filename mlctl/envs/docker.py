"""``docker_env``: the job runs in a container, with the project's code at one place, and mlctl's modules behind the image's own."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlctl.envs import docker_request, docker_settings, docker_volumes
from mlctl.envs.base import EnvPlan, PreparedEnv
from mlctl.envs.docker_settings import CODE
from mlctl.envs.docker_volumes import Volume
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from docker import DockerClient

    from mlctl.envs.docker_image import Image
    from mlctl.envs.docker_settings import Settings
    from mlctl.projects.spec import Project

BUNDLE = "/mlctl"
"""Where mlctl's modules are inside, read-only."""

HOST_NAME = "host.docker.internal"
"""This machine, as a container calls it where the engine runs in a virtual machine of its own."""

_HOME = "/tmp"  # noqa: S108 -- inside a container, where the caller's number has no home of its own
_START = "import sys; sys.path[:] = filter(None, sys.path); from mlctl.envs import {module}; {module}.main()"
_TRACKING = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


class DockerEnv:
    """The container of a project. ``arguments`` are those of ``--docker-args``."""

    def __init__(
        self,
        project: Project,
        *,
        cache: Path,
        notes: tuple[str, ...] = (),
        without_mlflow: bool = False,  # noqa: ARG002 -- an image has what it has
        arguments: tuple[str, ...] = (),
        build_image: bool = False,
        bundle: Callable[[], Path] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._project = project
        self._cache = cache
        self._notes = notes
        self._arguments = arguments
        self._build_image = build_image
        self._bundle = bundle
        self._variables = variables or {}

    def plan(self) -> EnvPlan:
        """The container as the project's file and the command line want it; no engine is asked.

        Raises:
            EnvError: a setting cannot be understood, or a variable that is to be copied is not set.
        """
        wanted = self._settings
        self._check_copied(wanted)
        builds = bool(wanted.build) or self._build_image
        return EnvPlan(
            "docker", built=not builds, notes=(*self._notes, *wanted.notes, *self._about_tracking(wanted)), container=self._shown()
        )

    def prepare(self, tell: Callable[[str], None]) -> PreparedEnv:
        """Find, pull or build the image, and write down what the job's own process is to do.

        Raises:
            EnvError: there is no engine, or no image.
        """
        from mlctl.envs import docker_container, docker_engine, docker_leftovers

        for run_id in docker_leftovers.end_all(self._cache):
            tell(f"the container of run {run_id[:8]} has been ended: the mlctl that ran it is gone")
        where = docker_engine.address()
        client = docker_engine.connect(where)
        image = self._image(client, tell)
        docker_volumes.make_sources(self._settings.volumes)
        network = str(self._settings.options.get("network", ""))
        apart = sys.platform == "darwin"
        address = "" if apart or network in ("host", "none") else docker_engine.gateway(client, network)
        request = self._request(client, image, where).write(self._cache)
        client.close()
        tags = {"mlflow.docker.image.uri": image.name, "mlflow.docker.image.id": image.id, "mlctl.docker.image.digest": image.digest}
        return PreparedEnv(
            "docker",
            argv_prefix=(*_program("docker_container"), request),
            folder=CODE,
            inside=True,
            endpoint_host=address,
            endpoint_name=HOST_NAME if apart else "",
            server_host=HOST_NAME if apart else address,
            attendant=docker_container.__name__,
            end_argv=(*_program("docker_leftovers"), str(self._cache)),
            verdict_path=docker_request.verdict_path(request),
            tags={name: value for name, value in tags.items() if value},
        )

    # ── what is wanted ──────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _settings(self) -> Settings:
        return docker_settings.read(self._project.env.options, self._project.folder, arguments=self._arguments)

    def _check_copied(self, wanted: Settings) -> None:
        missing = [name for name, value in wanted.environment if value is None and name not in _TRACKING and not self._is_set(name)]
        if missing:
            names = ", ".join(missing)
            raise EnvError(f"docker_env copies variables that are not set here: {names}.", hint=f"export {missing[0]}=…")

    def _is_set(self, name: str) -> bool:
        return name in os.environ or name in self._variables

    def _about_tracking(self, wanted: Settings) -> list[str]:
        own = [value for name, value in wanted.environment if name == "MLFLOW_TRACKING_URI" and value is not None]
        return [f"docker_env sets MLFLOW_TRACKING_URI={own[-1]}: MLflow's clients log there, not to this run"] if own else []

    def _shown(self) -> dict[str, Any]:
        """The planned container, for ``--dry-run``: values of variables that are copied are not shown."""
        wanted = self._settings
        found: dict[str, Any] = {
            "image": wanted.image,
            "build": {"context": wanted.build.context, "dockerfile": wanted.build.dockerfile, "args": dict(wanted.build.args)}
            if wanted.build
            else None,
            "build_image": self._build_image,
            "workdir": wanted.options.get("working_dir", CODE),
            "user": wanted.options.get("user", self._caller()),
            "volumes": [str(volume) for volume in self._volumes()],
            "environment": dict(self._environment()),
            "options": {name: value for name, value in wanted.options.items() if name not in ("user", "working_dir")},
        }
        return found

    def _environment(self) -> tuple[tuple[str, str | None], ...]:
        """Tracking variables that are to be copied are the run's own ones anyway."""
        return tuple((name, value) for name, value in self._settings.environment if value is not None or name not in _TRACKING)

    def _volumes(self) -> tuple[Volume, ...]:
        """The project's code first, unless it is in the image; a volume of the project's own for that place counts instead."""
        code = () if self._build_image else (Volume(str(self._project.folder), CODE),)
        return docker_volumes.last_of_each((*code, *self._settings.volumes))

    def _caller(self) -> str:
        return f"{os.getuid()}:{os.getgid()}"

    # ── what is done ────────────────────────────────────────────────────────────────────────────────────────────────

    def _image(self, client: DockerClient, tell: Callable[[str], None]) -> Image:
        from mlctl.envs import docker_build, docker_image

        wanted, folder = self._settings, str(self._project.folder)
        platform = str(wanted.options.get("platform", ""))
        name = self._project.name or self._project.folder.name
        if wanted.build:
            recipe = docker_build.from_dockerfile(client, wanted.build, platform=platform)
            image = docker_build.built(client, recipe, project=name, folder=folder, cache=self._cache, tell=tell)
        else:
            image = docker_image.found_or_pulled(client, wanted.image, platform=platform, tell=tell)
        if not self._build_image:
            return image
        owner = str(wanted.options.get("user", self._caller()))
        with_code = docker_build.with_code(image, folder, owner=owner if owner.replace(":", "").isdigit() else "", platform=platform)
        return docker_build.built(client, with_code, project=f"{name}-code", folder=f"{folder}#code", cache=self._cache, tell=tell)

    def _request(self, client: DockerClient, image: Image, where: str) -> docker_request.Request:
        from mlctl.envs import docker_engine

        options = dict(self._settings.options)
        options.setdefault("working_dir", CODE)
        if "user" not in options:
            options["user"] = "0:0" if docker_engine.is_rootless(client) else self._caller()
        volumes = self._volumes()
        bundle = (Volume(str(self._bundle()), BUNDLE, ("ro",)),) if self._bundle else ()
        wrapped: tuple[str, ...] = ()
        if image.entrypoint and "entrypoint" not in options:
            wrapped = _wrapped(image.entrypoint, options)
        return docker_request.Request(
            engine=where,
            image=image.name,
            arguments=options,
            mounts=tuple(volume.as_mount() for volume in (*volumes, *bundle) if not volume.needs_label),
            binds=tuple(str(volume) for volume in volumes if volume.needs_label),
            defaults=_defaults(image, str(options["user"])),
            environment=self._environment(),
            python_path=f"{BUNDLE}/site" if self._bundle else "",
            wrapped=wrapped,
        )


def _program(module: str) -> tuple[str, ...]:
    return (sys.executable, "-c", _START.format(module=module))


def _wrapped(entrypoint: tuple[str, ...], options: dict[str, Any]) -> tuple[str, ...]:
    """What to do with an image's entry point that takes no command.

    A shell with ``-c`` would run the first word alone, so it is left out; of an interpreter the project's command is the arguments.
    """
    name = entrypoint[-1].rpartition("/")[2]
    if name == "-c" or name in ("sh", "bash"):
        options["entrypoint"] = ""
        return ()
    if name.startswith("python"):
        import shlex

        options["entrypoint"] = ""
        return tuple(shlex.quote(word) for word in entrypoint)
    return ()


def _defaults(image: Image, user: str) -> dict[str, str]:
    """Variables that the image's own do not set: a user without a name needs a home, and one that programs can ask for."""
    found = {"MLCTL_BUNDLE": f"{BUNDLE}/lib", "PYTHONPATH": image.environment.get("PYTHONPATH", "")}
    if user.partition(":")[0] not in ("0", "root"):
        named = {"HOME": _HOME, "USER": "mlctl", "LOGNAME": "mlctl"}
        found |= {name: value for name, value in named.items() if name not in image.environment}
    return found
