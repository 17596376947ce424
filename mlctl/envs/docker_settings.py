"""What a project's ``docker_env``, ``--docker-args`` and mlctl's own needs make of a container: values, before any engine is asked."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlctl.envs import docker_options, docker_volumes
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlctl.envs.docker_volumes import Volume

CODE = "/mlflow/projects/code"
"""Where a project's code is inside its container: MLflow's own place."""

KEYS = ("image", "volumes", "environment", "build", "gpus", "shm_size", "user", "network", "run_args", "platform", "workdir")
_ALIASES = {"build_context": "build", "run_params": "run_args", "docker_args": "run_args", "shm-size": "shm_size", "env": "environment"}
_OPTION_KEYS = {"gpus": "gpus", "shm_size": "shm-size", "user": "user", "network": "network", "platform": "platform", "workdir": "workdir"}
_KUBERNETES = ("namespace", "registry")


@dataclass(frozen=True)
class ImageBuild:
    """An image to be built: its context and Dockerfile (absolute), and build arguments."""

    context: str
    dockerfile: str
    args: tuple[tuple[str, str], ...] = ()
    target: str = ""


@dataclass(frozen=True)
class Settings:
    """A container as its project wants it. In ``environment`` None means that the caller's value is copied.

    ``options`` are arguments of the SDK's ``containers.create``; ``notes`` tell what was not taken as it stands.
    """

    image: str
    build: ImageBuild | None = None
    volumes: tuple[Volume, ...] = ()
    environment: tuple[tuple[str, str | None], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read(declared: Mapping[str, Any], folder: Path, *, arguments: Sequence[str] = ()) -> Settings:
    """The settings of ``docker_env``, with ``--docker-args`` laid over them.

    Raises:
        EnvError: a setting cannot be understood.
    """
    found, notes = _known(declared)
    notes += _without_dockerfile(found, declared, folder)
    options = docker_options.collect([*_from_keys(found), *_from_file(found.get("run_args")), *_from_flags(arguments)])
    volumes = [*(found.get("volumes") or ()), *options.volumes]
    build = _build(found.get("build"), folder)
    return Settings(
        image=str(found.get("image") or ""),
        build=build,
        volumes=docker_volumes.last_of_each(docker_volumes.parse(text, folder) for text in volumes),
        environment=(*_environment(found.get("environment") or ()), *options.environment),
        options=options.arguments,
        notes=(*notes, *options.notes),
    )


def _known(declared: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = {}
    notes = []
    for key, value in declared.items():
        name = _ALIASES.get(key, key)
        if name not in KEYS:
            what = "is for Kubernetes" if key in _KUBERNETES else f"is no setting (those are {', '.join(KEYS)})"
            notes.append(f"docker_env: {key} {what}: it is not used")
        elif value is not None:
            found[name] = value
            if name != key:
                notes.append(f"docker_env: {key} is read as {name}")
    return found, notes


def _without_dockerfile(found: dict[str, Any], declared: Mapping[str, Any], folder: Path) -> list[str]:
    """A key that MLflow does not heed must not keep a project from running on the image that it names, too."""
    context = declared.get("build_context")
    if not isinstance(context, str) or "build" in declared or not declared.get("image") or (folder / context / "Dockerfile").is_file():
        return []
    found.pop("build", None)
    return [f"docker_env: build_context {context} has no Dockerfile: the image is used as it is"]


def _from_keys(found: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    for key, option in _OPTION_KEYS.items():
        if key in found:
            value = found[key]
            yield option, "all" if key == "gpus" and value is True else str(value)


def _from_file(given: Any) -> Iterator[tuple[str, str | None]]:
    """``run_args`` in any of the shapes that people write: pairs, words as on a command line, or a mapping."""
    if given is None:
        return
    if isinstance(given, dict):
        for name, value in given.items():
            for each in value if isinstance(value, list) else [value]:
                yield str(name).lstrip("-"), None if each is True or each is None else str(each)
        return
    if isinstance(given, list) and all(isinstance(item, list) for item in given):
        words = [str(word) for item in given for word in item]
    elif isinstance(given, (str, list)):
        words = _words(given)
    else:
        raise EnvError(f"docker_env: run_args is {given!r}.", hint="Write run_args: [--ipc=host, --memory=2g]")
    yield from docker_options.pairs(words)


def _words(given: str | list[Any]) -> list[str]:
    try:
        return shlex.split(given) if isinstance(given, str) else [str(item) for item in given]
    except ValueError as error:
        raise EnvError(f"docker_env: run_args cannot be read: {error}.", hint="Write run_args: [--ipc=host, --memory=2g]") from None


def _from_flags(arguments: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """``-A NAME=VALUE`` or ``-A NAME``: options of ``docker run`` without their dashes."""
    for text in arguments:
        name, equals, value = text.partition("=")
        yield name.strip().lstrip("-"), value if equals else None


def _environment(given: Any) -> Iterator[tuple[str, str | None]]:
    """MLflow's shapes (a name, or a pair), and a mapping inside the list."""
    for item in given:
        if isinstance(item, str):
            name, equals, value = item.partition("=")
            yield name, value if equals else None
        elif isinstance(item, dict):
            yield from ((str(name), str(value)) for name, value in item.items())
        elif len(item) == 2:
            yield str(item[0]), str(item[1])
        else:
            raise EnvError(
                f"docker_env: environment has {item!r}, which is neither a name nor a pair.",
                hint='Write environment: ["COPIED_FROM_HERE", ["NAME", "value"]]',
            )


def _build(given: Any, folder: Path) -> ImageBuild | None:
    if not given:
        return None
    shape = {"context": given} if isinstance(given, str) else {} if given is True else given
    if not isinstance(shape, dict):
        raise EnvError(f"docker_env: build is {given!r}.", hint="Write build: {dockerfile: Dockerfile, context: ., args: {NAME: value}}")
    unknown = shape.keys() - {"context", "dockerfile", "args", "target"}
    if unknown:
        raise EnvError(
            f"docker_env: build has no {', '.join(sorted(map(str, unknown)))}.", hint="It has dockerfile, context, args and target."
        )
    context = (folder / str(shape.get("context") or ".")).resolve()
    dockerfile = context / str(shape.get("dockerfile") or "Dockerfile")
    if not dockerfile.is_file():
        beside = folder / str(shape.get("dockerfile") or "Dockerfile")
        dockerfile = beside if beside.is_file() else dockerfile
    if not dockerfile.is_file():
        raise EnvError(
            f"docker_env: there is no Dockerfile at {dockerfile}.", hint="build: {dockerfile: FILE} names it, below the context."
        )
    return ImageBuild(str(context), str(dockerfile), _build_args(shape.get("args")), str(shape.get("target") or ""))


def _build_args(given: Any) -> tuple[tuple[str, str], ...]:
    if not given:
        return ()
    if isinstance(given, dict):
        return tuple((str(name), str(value)) for name, value in given.items())
    if isinstance(given, list) and all(isinstance(item, str) and "=" in item for item in given):
        return tuple((item.partition("=")[0], item.partition("=")[2]) for item in given)
    raise EnvError(f"docker_env: the build's args are {given!r}.", hint="Write args: {NAME: value}")
