"""The container engine: where its socket is, and what it says when something is wrong, in one sentence with the command that helps."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

_TIMEOUT_S = 60
_BRIDGES = ("bridge", "podman")
_NO_ENGINE = "Start Docker (`sudo systemctl start docker`) or Podman's socket (`systemctl --user start podman.socket`), or set DOCKER_HOST."


def address() -> str:
    """Where the engine is: DOCKER_HOST, the current context of the docker command, else the first socket there is.

    Raises:
        EnvError: there is none.
    """
    found = os.environ.get("DOCKER_HOST") or _of_context()
    if found:
        return found
    for path in sockets():
        if path.exists():
            return f"unix://{path}"
    raise EnvError("No container engine is running here: there is no socket of Docker or Podman.", hint=_NO_ENGINE)


def sockets() -> list[Path]:
    """Where Docker and Podman listen."""
    mine = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    docker = [Path("/var/run/docker.sock"), mine / "docker.sock", Path.home() / ".docker" / "run" / "docker.sock"]
    return [*docker, mine / "podman" / "podman.sock", Path("/run/podman/podman.sock")]


def _of_context() -> str:
    """The address of the context that ``docker context use`` chose; "" for the default one."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    name = os.environ.get("DOCKER_CONTEXT") or _json(folder / "config.json").get("currentContext", "")
    if not name or name == "default":
        return ""
    import hashlib

    meta = _json(folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json")
    return str(meta.get("Endpoints", {}).get("docker", {}).get("Host", ""))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def connect(where: str = "") -> DockerClient:
    """A client of the engine at that address ("": the one of `address`), which has answered.

    Raises:
        EnvError: there is none, it does not answer, or it does not let us in.
    """
    place = where or address()
    _check(place)
    import docker
    from docker.errors import DockerException, TLSParameterError

    try:
        if os.environ.get("DOCKER_TLS_VERIFY") or place.startswith("tcp://"):
            return docker.from_env(environment={**os.environ, "DOCKER_HOST": place}, timeout=_TIMEOUT_S)
        return docker.DockerClient(base_url=place, version="auto", timeout=_TIMEOUT_S, use_ssh_client=place.startswith("ssh://"))
    except (DockerException, TLSParameterError, OSError) as error:
        raise EnvError(f"The container engine at {place} does not answer: {_short(error)}.", hint=_NO_ENGINE) from None


def _check(place: str) -> None:
    """What can be said of a socket without the SDK, whose own words for it are long."""
    if not place.startswith("unix://"):
        return
    path = "/" + place.removeprefix("unix://").lstrip("/")
    if not os.path.exists(path):  # noqa: PTH110
        raise EnvError(f"No container engine is running here: there is no {path}.", hint=_NO_ENGINE)
    if not os.access(path, os.R_OK | os.W_OK):
        hint = "`sudo usermod -aG docker $USER`, then log in again; or use rootless Docker or Podman."
        raise EnvError(f"You may not use the container engine: no permission for {path}.", hint=hint)


@contextlib.contextmanager
def told(doing: str, *, hint: str = "") -> Iterator[None]:
    """Turn what goes wrong at the engine into one error that says what was being done.

    Raises:
        EnvError: something did.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except (DockerException, RequestException, OSError) as error:
        raise EnvError(f"{doing}: {reason(error)}.", hint=hint) from None


def reason(error: BaseException) -> str:
    """The engine's own words, without the SDK's around them."""
    return _short(getattr(error, "explanation", None) or error)


def _short(error: object) -> str:
    text = " ".join(str(error).split())
    return text[:600].rstrip(".")


def is_rootless(client: DockerClient) -> bool:
    """Whether root inside a container is the caller outside."""
    if os.getuid() == 0:
        return False
    return any("rootless" in option for option in client.info().get("SecurityOptions") or ())


def _first_host(subnet: str) -> str:
    """What an engine makes the gateway of a network for which it does not name one."""
    import ipaddress

    try:
        return str(next(ipaddress.ip_network(subnet).hosts()))
    except (ValueError, StopIteration):
        return ""


def gateway(client: DockerClient, network: str) -> str:
    """This machine's address on a container network; "" where the container has none, or shares this machine's."""
    names = [network] if network and network not in ("default", "bridge") else [*_BRIDGES]
    for name in names:
        with contextlib.suppress(Exception):  # an engine without that network: the next name
            for config in client.networks.get(name).attrs.get("IPAM", {}).get("Config") or ():
                found = str(config.get("Gateway") or _first_host(str(config.get("Subnet") or ""))).partition("/")[0]
                if found and ":" not in found:
                    return found
    return ""
