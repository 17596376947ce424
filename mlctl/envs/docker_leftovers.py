"""Containers whose mlctl is gone: each has a mark in the cache while it lives; the next look ends what nobody looks after."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl.envs import docker_engine, docker_request
from mlctl.errors import EnvError, MlctlError
from mlctl.tracking import owners
from mlctl.tracking.entities import Owner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

RUN_LABEL = "mlctl.run"
_MARK = ".container"
_KEPT_S = 86400.0  # an engine that is silent for so long does not come back


def mark(cache: Path, run_id: str, *, engine: str) -> Path:
    """Note that this process looks after the container of a run. Removed with the container."""
    me = owners.current()
    path = docker_request.home(cache) / f"{run_id}{_MARK}"
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({"run_id": run_id, "engine": engine, "pid": me.pid, "started": me.pid_started, "boot": me.boot_id}))
    draft.replace(path)
    return path


def end_all(cache: Path) -> list[str]:
    """End and remove the containers that nobody looks after any more; returns the ids of their runs.

    Nothing happens where the engine does not answer: the next look tries again.
    """
    ended = []
    for path, found in _marks(cache):
        if _is_attended(found):
            continue
        try:
            if end(str(found["run_id"]), engine=str(found["engine"])):
                ended.append(str(found["run_id"]))
        except EnvError:
            if time.time() - path.stat().st_mtime < _KEPT_S:
                continue
        path.unlink(missing_ok=True)
    return ended


def _marks(cache: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted((cache / docker_request.FOLDER).glob(f"*{_MARK}")):
        try:
            found = json.loads(path.read_text())
            yield path, {name: found[name] for name in ("run_id", "engine", "pid", "started", "boot")}
        except (OSError, ValueError, KeyError, TypeError):
            with contextlib.suppress(OSError):
                path.unlink()


def _is_attended(found: dict[str, Any]) -> bool:
    me = owners.current()
    owner = Owner(host=me.host, boot_id=found["boot"], pid=found["pid"], pid_started=found["started"], heartbeat_ms=0)
    return not owners.is_gone(owner)


def end(run_id: str, *, engine: str = "") -> int:
    """Kill and remove the containers of a run; returns how many there were.

    Raises:
        EnvError: the engine does not answer.
    """
    client = docker_engine.connect(engine)
    with contextlib.closing(client), docker_engine.told(f"The container of run {run_id[:8]} cannot be ended"):
        found = client.api.containers(all=True, filters={"label": f"{RUN_LABEL}={run_id}"})
        for container in found:
            remove(client, str(container["Id"]))
    return len(found)


def remove(client: DockerClient, container_id: str) -> None:
    """Kill a container if it runs, and remove it with its nameless volumes."""
    from docker.errors import NotFound

    with contextlib.suppress(NotFound):
        client.api.remove_container(container_id, force=True, v=True)


def main() -> None:
    """As a program, for `mlctl.worker`: end the container of the run that the last argument names."""
    cache, run_id = Path(sys.argv[-2]), sys.argv[-1]
    try:
        end(run_id)
    except MlctlError as error:
        sys.stderr.write(f"mlctl: {error.message}\n")
        sys.exit(error.exit_code)
    (cache / docker_request.FOLDER / f"{run_id}{_MARK}").unlink(missing_ok=True)
