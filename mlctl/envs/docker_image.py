"""Images: found here, or pulled with progress; and what one says about itself."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlctl.envs import docker_credentials, docker_engine
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from docker import DockerClient

_TELL_EVERY_S = 2.0


@dataclass(frozen=True)
class Image:
    """An image that is here. ``digest`` names it in its registry ("" where it is in none)."""

    name: str
    id: str
    digest: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    user: str = ""


def find(client: DockerClient, name: str) -> Image | None:
    """The image of that name, if it is here."""
    from docker.errors import ImageNotFound, NullResource

    with docker_engine.told(f"The image {name} cannot be looked at", hint=_hint(name)):
        try:
            attributes: dict[str, Any] = client.api.inspect_image(name)  # type: ignore[no-untyped-call]
        except (ImageNotFound, NullResource):
            return None
    config = attributes.get("Config") or {}
    pairs = (entry.partition("=") for entry in config.get("Env") or ())
    entrypoint = config.get("Entrypoint") or ()
    return Image(
        name,
        str(attributes["Id"]),
        digest=next(iter(attributes.get("RepoDigests") or ()), ""),
        environment={key: value for key, _, value in pairs},
        entrypoint=(entrypoint,) if isinstance(entrypoint, str) else tuple(entrypoint),
        user=str(config.get("User") or ""),
    )


def found_or_pulled(client: DockerClient, name: str, *, platform: str = "", tell: Callable[[str], None]) -> Image:
    """The image of that name, pulled if it is not here.

    Raises:
        EnvError: it is nowhere, or its registry does not give it out.
    """
    found = find(client, name)
    if found is not None:
        return found
    tell(f"the image {name} is not here: pulling it")
    _pull(client, name, platform=platform, tell=tell)
    found = find(client, name)
    if found is None:
        raise EnvError(f"The image {name} has been pulled, and is still not there.", hint=_hint(name))
    return found


def _pull(client: DockerClient, name: str, *, platform: str, tell: Callable[[str], None]) -> None:
    from docker.utils import parse_repository_tag

    repository, tag = parse_repository_tag(name)
    began = time.monotonic()
    with docker_engine.told(f"The image {name} is not here and cannot be pulled", hint=_hint(name)):
        auth = docker_credentials.for_image(name)
        events = client.api.pull(repository, tag=tag or "latest", stream=True, decode=True, auth_config=auth, platform=platform or None)
        received = follow(events, f"pulling {name}", tell=tell)
    tell(f"pulled {name}: {size(received)} in {time.monotonic() - began:.1f} s")


def follow(events: Iterable[Mapping[str, Any]], what: str, *, tell: Callable[[str], None]) -> int:
    """Tell how a download goes on; returns the bytes received.

    Raises:
        EnvError: the engine reports an error.
    """
    layers: dict[str, tuple[int, int]] = {}
    told = time.monotonic()
    for event in events:
        if "error" in event:
            raise EnvError(f"{what} failed: {str(event['error']).strip()}.", hint=_hint(what.removeprefix("pulling ")))
        detail = event.get("progressDetail") or {}
        if event.get("status") == "Downloading" and detail.get("total"):
            layers[str(event.get("id"))] = (int(detail.get("current", 0)), int(detail["total"]))
        elif event.get("status") == "Download complete" and str(event.get("id")) in layers:
            total = layers[str(event["id"])][1]
            layers[str(event["id"])] = (total, total)
        if time.monotonic() - told >= _TELL_EVERY_S and layers:
            told = time.monotonic()
            done, total = (sum(column) for column in zip(*layers.values(), strict=True))
            tell(f"{what}: {size(done)} of {size(total)} ({100 * done // total} %)")
    return sum(done for done, _ in layers.values())


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _hint(name: str) -> str:
    if name.rpartition("/")[2].startswith("Dockerfile"):
        return f"{name} looks like a file: write build: {{dockerfile: {name}}} in docker_env to build an image."
    return f"`docker build -t {name} .` makes it, `docker login` lets you into a registry; or write build: . in docker_env."
