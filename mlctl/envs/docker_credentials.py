"""Credentials of image registries: docker's own configuration (with its helpers), or those that a script has given."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from mlctl.errors import EnvError

if TYPE_CHECKING:
    from docker import DockerClient

VARIABLE = "MLCTL_DOCKER_AUTH"
"""Holds ``docker_auth`` of `mlctl.projects.run` as JSON: not an argument, which others on the machine could read."""


def for_image(image: str) -> dict[str, Any] | None:
    """The ``auth_config`` for pulling an image; None leaves it to docker's configuration.

    Raises:
        EnvError: what was given is no set of credentials, or a credential helper fails.
    """
    given = _given()
    if given is None:
        return None
    from docker.auth import INDEX_NAME, resolve_repository_name

    registry, _ = resolve_repository_name(image)
    wanted = str(given.get("registry") or "").removeprefix("https://").removeprefix("http://").strip("/")
    if wanted and wanted.split("/")[0] not in (registry, "index.docker.io" if registry == INDEX_NAME else registry):
        return None
    return {name: str(given[name]) for name in ("username", "password", "email") if given.get(name)}


def login(client: DockerClient) -> None:
    """Make credentials that were given known to this client, so that building finds them too."""
    given = _given()
    if given is None:
        return
    registry = str(given.get("registry") or "https://index.docker.io/v1/")
    configs = client.api._auth_configs  # type: ignore[attr-defined] # noqa: SLF001 -- what `login` would fill, without asking the registry first
    configs.add_auth(registry, {**{name: given.get(name) for name in ("username", "password", "email")}, "serveraddress": registry})


def _given() -> dict[str, Any] | None:
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise EnvError("docker_auth holds no credentials.", hint='Give {"username": …, "password": …, "registry": …}')
    return found
