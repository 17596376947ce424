"""Volumes of a container: what ``-v`` takes, with the ways that project files name their own folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Iterable

_HERE = re.compile(r"\$\(pwd\)|`pwd`|\$\{PWD\}|\$PWD\b|\$\{PROJECT_DIR\}|%cd%", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_NAMED = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*\Z")
_PROPAGATION = ("shared", "slave", "private", "rshared", "rslave", "rprivate")
_MODES = ("ro", "rw", "z", "Z", "nocopy", "cached", "delegated", "consistent", *_PROPAGATION)


@dataclass(frozen=True)
class Volume:
    """A folder or file of this machine, or a named volume (``source`` without a slash; "" makes a nameless one), at a place inside."""

    source: str
    target: str
    modes: tuple[str, ...] = ()

    @property
    def read_only(self) -> bool:
        """Whether nothing may be written there."""
        return "ro" in self.modes

    @property
    def is_bind(self) -> bool:
        """Whether it is a place of this machine."""
        return self.source.startswith("/")

    def __str__(self) -> str:
        return ":".join(filter(None, (self.source, self.target, ",".join(self.modes))))

    def as_mount(self) -> dict[str, Any]:
        """As the engine's API takes it: unlike ``source:target``, that can name paths with colons."""
        found: dict[str, Any] = {"Type": "bind" if self.is_bind else "volume", "Target": self.target, "ReadOnly": self.read_only}
        if self.source:
            found["Source"] = self.source
        propagation = next((mode for mode in self.modes if mode in _PROPAGATION), "")
        if propagation and self.is_bind:
            found["BindOptions"] = {"Propagation": propagation}
        if "nocopy" in self.modes and not self.is_bind:
            found["VolumeOptions"] = {"NoCopy": True}
        return found

    @property
    def needs_label(self) -> bool:
        """Whether SELinux labels are asked for, which the API takes in a bind's text only."""
        return self.is_bind and bool({"z", "Z"} & {*self.modes})


def parse(text: str, folder: Path) -> Volume:
    """A volume as ``docker run -v`` takes it; relative places start at the project's folder.

    Raises:
        EnvError: it is none, or names a variable that is not set.
    """
    source, target, modes = _parts(_expanded(text, folder), text)
    if not target.startswith("/"):
        raise EnvError(f"The volume {text!r} has no absolute path inside the container.", hint="Write /path/here:/path/inside")
    if source.startswith("~"):
        source = str(Path(source).expanduser())
    if source and not _NAMED.match(source):
        source = os.path.normpath(os.path.join(folder, source))  # noqa: PTH118 -- not resolved: a link stays what it is
    return Volume(source, os.path.normpath(target), modes)


def _expanded(text: str, folder: Path) -> str:
    """MLflow hands a volume to this machine's shell, from the project's folder: so files say ``$(pwd)`` and ``$HOME``."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in os.environ:
            raise EnvError(f"The volume {text!r} names the variable {name}, which is not set.", hint=f"export {name}=…")
        return os.environ[name]

    parts = _HERE.split(text)
    return str(folder).join(_VARIABLE.sub(value, part) for part in parts)


def _parts(expanded: str, text: str) -> tuple[str, str, tuple[str, ...]]:
    """Source, target and modes. The target is what follows the last ``:/``, so a source may have colons."""
    head, colon, last = expanded.rpartition(":")
    modes = tuple(last.split(",")) if colon and all(mode in _MODES for mode in last.split(",")) else ()
    rest = head if modes else expanded
    if rest.startswith("/") and ":/" not in rest[1:] and ":" not in rest:
        return "", rest, modes
    source, colon, target = rest.rpartition(":/")
    if not colon:
        raise EnvError(f"The volume {text!r} is not of the form SOURCE:/TARGET.", hint="Write /path/here:/path/inside or NAME:/path/inside")
    return source or "/", f"/{target}", modes


def last_of_each(volumes: Iterable[Volume]) -> tuple[Volume, ...]:
    """Of volumes for one place inside the last counts."""
    return tuple({volume.target: volume for volume in volumes}.values())


def make_sources(volumes: Iterable[Volume]) -> None:
    """Make the folders that are not there, as the caller: an engine would make them as root.

    Raises:
        EnvError: one cannot be made.
    """
    for volume in volumes:
        if volume.is_bind and not os.path.lexists(volume.source):
            try:
                Path(volume.source).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise EnvError(f"The volume {volume}: {volume.source} is not there and cannot be made: {error.strerror}.") from None
