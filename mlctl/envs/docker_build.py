"""Building images: only when something that goes into one has changed, named by content, and old ones removed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl.envs import docker_context, docker_credentials, docker_engine, docker_image, docker_request
from mlctl.envs.docker_settings import CODE, ImageBuild
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from docker import DockerClient

    from mlctl.envs.docker_image import Image

PROJECT_LABEL = "mlctl.project"
FOLDER_LABEL = "mlctl.folder"
CONTENT_LABEL = "mlctl.content"
KEPT = 3
"""How many images of one project stay: of branches that take turns none is built twice."""

_DOCKERFILE = ".mlctl.Dockerfile"
_TAIL = 15


@dataclass(frozen=True)
class Recipe:
    """What an image is built from. ``key`` changes whenever anything that goes into it does."""

    context: docker_context.Context
    dockerfile: str
    args: tuple[tuple[str, str], ...]
    target: str
    platform: str
    key: str


def from_dockerfile(client: DockerClient, build: ImageBuild, *, platform: str = "") -> Recipe:
    """The recipe of a project's own Dockerfile; images that it starts from are part of it as they are here now.

    Raises:
        EnvError: a file of the context cannot be read.
    """
    text = Path(build.dockerfile).read_bytes()
    extra = {_DOCKERFILE: text}
    context = docker_context.read(build.context, dockerfile=build.dockerfile, extra=extra)
    bases = {name: found.id for name in _bases(text.decode("utf-8", "replace"), build.args) if (found := docker_image.find(client, name))}
    return _recipe(context, args=build.args, target=build.target, platform=platform, bases=bases)


def with_code(base: Image, folder: str, *, owner: str = "", platform: str = "") -> Recipe:
    """The recipe of an image with the project's code in it, on top of another image; ``owner`` is ``uid:gid`` of the code.

    Raises:
        EnvError: a file of the project cannot be read.
    """
    chown = f"--chown={owner} " if owner else ""
    text = f"FROM {base.name}\nCOPY {chown}code/ {CODE}/\nWORKDIR {CODE}\n"
    context = docker_context.read(folder, extra={_DOCKERFILE: text.encode()}, prefix="code/")
    return _recipe(context, args=(), target="", platform=platform, bases={base.name: base.id})


def _recipe(
    context: docker_context.Context, *, args: tuple[tuple[str, str], ...], target: str, platform: str, bases: Mapping[str, str]
) -> Recipe:
    parts = json.dumps([context.digest, sorted(args), target, platform, sorted(bases.items())])
    return Recipe(context, _DOCKERFILE, args, target, platform, hashlib.sha256(parts.encode()).hexdigest()[:16])


def _bases(text: str, args: tuple[tuple[str, str], ...]) -> list[str]:
    """Images that a Dockerfile starts from, with the values of its ARGs put in."""
    values = {match[1]: match[2].strip("\"'") for match in re.finditer(r"^\s*ARG\s+(\w+)=(\S+)", text, re.MULTILINE | re.IGNORECASE)}
    values |= dict(args)
    found = re.findall(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)", text, re.MULTILINE | re.IGNORECASE)
    return [re.sub(r"\$\{?(\w+)\}?", lambda match: values.get(match[1], ""), name) for name in found]


def name_of(project: str, key: str) -> str:
    """The name of a project's image with that content."""
    slug = re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")[:40] or "project"
    return f"mlctl-{slug}:{key}"


def built(client: DockerClient, recipe: Recipe, *, project: str, folder: str, cache: Path, tell: Callable[[str], None]) -> Image:
    """The image of a recipe, built if it is not here.

    Raises:
        EnvError: it cannot be built; the message has the end of what the builder said.
    """
    name = name_of(project, recipe.key)
    found = docker_image.find(client, name)
    if found is not None:
        tell(f"the image {name} is up to date ({_described(recipe)})")
        return found
    tell(f"building the image {name}: {_described(recipe)} are sent")
    _build(client, recipe, name=name, labels={PROJECT_LABEL: _owner(folder), FOLDER_LABEL: folder, CONTENT_LABEL: recipe.key}, tell=tell)
    found = docker_image.find(client, name)
    if found is None:
        raise EnvError(f"The image {name} has been built, and is not there.")
    collect_old(client, folder)
    docker_request.note_built(cache)
    return found


def _described(recipe: Recipe) -> str:
    return f"{len(recipe.context.files)} files, {docker_image.size(recipe.context.size_bytes)}"


def _owner(folder: str) -> str:
    return hashlib.sha256(folder.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _build(client: DockerClient, recipe: Recipe, *, name: str, labels: Mapping[str, str], tell: Callable[[str], None]) -> None:
    docker_credentials.login(client)
    said: list[str] = []
    with recipe.context.archive() as archive, docker_engine.told(f"The image {name} cannot be built"):
        events = client.api.build(
            fileobj=archive,
            custom_context=True,
            dockerfile=recipe.dockerfile,
            tag=name,
            buildargs=dict(recipe.args),
            target=recipe.target or None,
            platform=recipe.platform or None,
            labels=dict(labels),
            rm=True,
            forcerm=True,
            decode=True,
        )
        for event in events:
            if "error" in event:
                end = "\n".join([*said[-_TAIL:], str(event["error"]).strip()])
                raise EnvError(f"The image {name} cannot be built:\n{end}", hint="The Dockerfile's step above says what went wrong.")
            for line in str(event.get("stream") or "").splitlines():
                if line.strip():
                    said.append(line)
                    tell(line)


def images(client: DockerClient) -> list[dict[str, object]]:
    """Images that mlctl has built, the newest first: their name, id, size in bytes, and when they were made (s since 1970)."""
    with docker_engine.told("Images cannot be listed"):
        found = client.api.images(filters={"label": PROJECT_LABEL})
    rows = [
        {
            "name": next(iter(item.get("RepoTags") or ()), str(item["Id"])),
            "id": str(item["Id"]),
            "size_bytes": int(item.get("Size") or 0),
            "created_s": int(item.get("Created") or 0),
            "project": str((item.get("Labels") or {}).get(PROJECT_LABEL, "")),
            "folder": str((item.get("Labels") or {}).get(FOLDER_LABEL, "")),
        }
        for item in found
    ]
    return sorted(rows, key=lambda row: -int(str(row["created_s"])))


def collect_old(client: DockerClient, folder: str) -> None:
    """Remove all but the newest images of a project; those in use stay."""
    mine = [row for row in images(client) if row["project"] == _owner(folder)]
    for row in mine[KEPT:]:
        remove(client, str(row["name"]))


def remove(client: DockerClient, name: str) -> bool:
    """Remove an image that no container uses; whether that was possible."""
    from docker.errors import APIError

    with contextlib.suppress(APIError):
        client.api.remove_image(name)
        return True
    return False
