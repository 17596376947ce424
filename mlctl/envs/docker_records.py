"""Images that mlctl has built, beside the environments of the cache: listed, removed, and cleared away by the same commands."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from mlctl.envs import docker_request
from mlctl.envs.cache import READY, EnvRecord
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from pathlib import Path

_DAY_MS = 86_400_000


def records(cache: Path) -> list[EnvRecord]:
    """The images, the newest first; none where the engine does not answer."""
    if not docker_request.has_built(cache):
        return []
    from mlctl.envs import docker_build, docker_engine

    try:
        with contextlib.closing(docker_engine.connect()) as client:
            found = docker_build.images(client)
    except EnvError:
        return []
    return [
        EnvRecord(
            str(row["name"]),
            "",
            READY,
            builder="docker",
            size_bytes=int(str(row["size_bytes"])),
            created_ms=int(str(row["created_s"])) * 1000,
            last_used_ms=int(str(row["created_s"])) * 1000,
            projects=(str(row["folder"]).removesuffix("#code"),),
        )
        for row in found
    ]


def remove(cache: Path, name: str) -> EnvRecord:
    """Remove the image of that name.

    Raises:
        EnvError: there is none, or a container uses it.
    """
    from mlctl.envs import docker_build, docker_engine

    record = next((each for each in records(cache) if each.key == name), None)
    if record is None:
        raise EnvError(f"mlctl has built no image {name}.", hint="`mlctl env list` shows what there is.")
    with contextlib.closing(docker_engine.connect()) as client:
        if not docker_build.remove(client, name):
            raise EnvError(f"The image {name} is in use.", hint="`docker ps -a` shows the containers.")
    return record


def gc(cache: Path, *, older_than_days: float | None, dry_run: bool) -> list[EnvRecord]:
    """Remove images that were built so long ago; those in use stay. Returns what was removed, or would be."""
    if older_than_days is None:
        return []
    before = time.time() * 1000 - older_than_days * _DAY_MS
    old = [record for record in records(cache) if record.created_ms <= before]
    removed = []
    for record in old:
        with contextlib.suppress(EnvError):
            removed.append(record if dry_run else remove(cache, record.key))
    return removed
