"""Channels of conda: from the names in an environment file to addresses, in the order in which packages are looked for.

A name is put behind the channel alias (https://conda.anaconda.org); ``defaults`` stands for several channels; an address and a folder
stay what they are; ``nodefaults`` names none. Settings are read from conda's own variables, too; its ``.condarc`` is not.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl import settings
from mlctl.envs import uv
from mlctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlctl.envs.conda_spec import Spec

DEFAULTS = "defaults"
NODEFAULTS = "nodefaults"
PRIORITIES = ("flexible", "strict", "disabled")
_LOGIN = re.compile(r"(?<=://)[^/\s@]*@")
_TOKEN_PART = re.compile(r"/t/[^/\s]+/")
_TOKEN = re.compile(r"(?<=/t/)[^/\s]+(?=/)")
_PLATFORM = re.compile(r"(.+)/(noarch|(?:linux|osx|win|emscripten|wasi)-[a-z0-9]+)")


def urls(names: Iterable[str], *, project: Path) -> tuple[str, ...]:
    """Addresses of the channels with these names, each once, without a slash at the end."""
    return tuple(dict.fromkeys(url for name in names if name != NODEFAULTS for url in _urls(name, project)))


def searched(names: Iterable[str], specs: Iterable[Spec], *, project: Path) -> tuple[str, ...]:
    """Addresses of all channels that are looked in: the file's, then those that single packages name."""
    own = [_split(spec.channel)[0] for spec in specs if spec.channel]
    return urls([*names, *own], project=project)


def url_of(channel: str, *, project: Path) -> str:
    """The address of the channel that a package names (the first one of ``defaults``), with the platform's folder if it names that."""
    name, platform = _split(channel)
    found = _urls(name, project)[0]
    return f"{found}/{platform}" if platform else found


def standard() -> tuple[str, ...]:
    """The channels of a file that names none."""
    return _words("conda_channels")


def priority() -> str:
    """How the order of channels counts: ``flexible``, ``strict`` or ``disabled``.

    Raises:
        UsageError: the setting is something else.
    """
    found = settings.resolve("conda_channel_priority")
    if found.value.lower() not in PRIORITIES:
        raise UsageError(f"{found.source}={found.value!r} is no channel priority.", hint=f"One of: {', '.join(PRIORITIES)}.")
    return found.value.lower()


def redacted(text: str) -> str:
    """Text whose addresses show no user names, passwords and tokens."""
    return _TOKEN.sub("***", uv.redacted(text))


def credentials(urls: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What lets into the hosts of these addresses, by host, in the form of rattler's file of credentials.

    Format: https://github.com/conda/rattler, crate ``rattler_networking``, "authentication storage".
    """
    from urllib.parse import unquote, urlsplit

    found: dict[str, dict[str, Any]] = {}
    for url in urls:
        parts = urlsplit(url)
        token = _TOKEN.search(url)
        if token and parts.hostname:
            found[parts.hostname] = {"CondaToken": token[0]}
        elif parts.username is not None and parts.hostname:
            login = {"username": unquote(parts.username), "password": unquote(parts.password or "")}
            found[parts.hostname] = {"BasicHTTP": login}
    return found


def without_credentials(text: str) -> str:
    """Text whose addresses have no user names, passwords and tokens in them."""
    return _LOGIN.sub("", _TOKEN_PART.sub("/", text))


def _urls(name: str, project: Path) -> tuple[str, ...]:
    if name == DEFAULTS:
        return tuple(url for each in _words("conda_default_channels") if each != DEFAULTS for url in _urls(each, project))
    if "://" in name or name.startswith("file:"):
        return (name.rstrip("/"),)
    if name.startswith(("./", "../", "/", "~")) or name in (".", ".."):
        return (Path(os.path.abspath(project / Path(name).expanduser())).as_uri(),)  # noqa: PTH100 -- links stay: a channel may be one
    return (f"{settings.value('conda_channel_alias').rstrip('/')}/{name.strip('/')}",)


def _split(channel: str) -> tuple[str, str]:
    """A channel and the folder of one platform in it ("" for none)."""
    match = _PLATFORM.fullmatch(channel)
    return (match[1], match[2]) if match else (channel, "")


def _words(setting: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[\s,]+", settings.value(setting)) if word)
