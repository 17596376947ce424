"""What the process that looks after a container is asked for, and what it answers: two small files that only their owner can read."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER = "containers"
SUFFIX = ".request"
_BUILT = "built"
NAMES_VARIABLE = "MLCTL_CONTAINER_VARIABLES"
"""Names of the variables that the job's container gets from the job's environment, as a JSON list."""


@dataclass(frozen=True)
class Request:
    """One container. ``environment`` is laid over what the image and mlctl set; None copies the job's own value.

    ``arguments`` are those of the SDK's ``containers.create``; ``wrapped`` is the image's entry point where the command is to follow it
    as words of one command line.
    """

    engine: str
    image: str
    arguments: dict[str, Any] = field(default_factory=dict)
    mounts: tuple[dict[str, Any], ...] = ()
    binds: tuple[str, ...] = ()
    defaults: dict[str, str] = field(default_factory=dict)
    environment: tuple[tuple[str, str | None], ...] = ()
    python_path: str = ""
    wrapped: tuple[str, ...] = ()

    def write(self, cache: Path) -> str:
        """Write it to a new file in the cache; returns its path."""
        folder = home(cache)
        path = folder / f"{secrets.token_hex(8)}{SUFFIX}"
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
        return str(path)


def read(path: Path) -> Request:
    """The request of a file, which is removed."""
    found = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    found["mounts"], found["binds"], found["wrapped"] = (tuple(found[name]) for name in ("mounts", "binds", "wrapped"))
    found["environment"] = tuple((name, value) for name, value in found["environment"])
    return Request(**found)


def home(cache: Path) -> Path:
    """The folder of requests, and of marks of containers that live."""
    folder = cache / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def note_built(cache: Path) -> None:
    """Note that there may be images of ours: without one nobody asks the engine for them."""
    (home(cache) / _BUILT).touch()


def has_built(cache: Path) -> bool:
    """Whether images of ours may be at the engine."""
    return (cache / FOLDER / _BUILT).exists()


def verdict_path(request_path: str) -> str:
    """Where the answer to a request is: how the container ended, as `mlctl.worker` reads it."""
    return f"{request_path}.end"


def write_verdict(path: str, found: Mapping[str, Any]) -> None:
    """Say how it ended."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        json.dump(dict(found), file)
