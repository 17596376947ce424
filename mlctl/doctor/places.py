"""Interpreters, what each kind of environment would use, and the cache."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl.doctor.findings import NOTE, OK, WRONG, Finding, size
from mlctl.envs import cache as env_cache
from mlctl.envs import interpreters, uv
from mlctl.envs.system import SystemEnv
from mlctl.projects.spec import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

_LITTLE_BYTES = 2 << 30


def environments(cache: Path) -> Iterator[Finding]:
    """What each kind of environment would use here."""
    plan = SystemEnv(Project(Path(os.path.sep)), cache=cache).plan()
    found = f"Python {plan.python}, the first on PATH" if plan.python else plan.notes[0]
    yield Finding("environment", "system", OK if plan.python else NOTE, found, "" if plan.python else "Install Python, or activate one.")
    by_uv = uv.program() is not None
    yield Finding("environment", "python_env", OK, f"made by virtualenv, filled by {'uv' if by_uv else 'pip'}")
    native = find_spec("rattler") is not None
    conda = "solved and installed by py-rattler" if native else "with Python and pip packages alone: made by virtualenv"
    yield Finding("environment", "conda_env", OK if native else NOTE, conda, "" if native else 'pip install "mlctl[conda]"')
    yield Finding("environment", "docker_env", OK, "a container of the engine that is named above")
    lock = "uv sync" if by_uv else "cannot be installed: there is no uv"
    yield Finding("environment", "uv.lock", OK if by_uv else NOTE, lock, "" if by_uv else "pip install uv")


def pythons(cache: Path) -> Iterator[Finding]:
    """The interpreters that environments can be made with."""
    for version, path in interpreters.all_found(cache).items():
        yield Finding("python", version, OK, path)


def cache_folder(cache: Path) -> Iterator[Finding]:
    """Whether the cache can be written, how much room it has, and what environments take."""
    nearest = next(each for each in (cache, *cache.parents) if each.exists())
    hint = "MLCTL_CACHE_DIR names another folder."
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        yield Finding("cache", "folder", WRONG, f"{cache} cannot be written", hint)
        return
    yield Finding("cache", "folder", OK, str(cache))
    free = shutil.disk_usage(nearest).free
    status = WRONG if free < 1 << 20 else NOTE if free < _LITTLE_BYTES else OK
    tidy = f"`mlctl env gc --older-than 30` frees some. {hint}"
    yield Finding("cache", "free space", status, size(free), "" if status == OK else tidy)
    records = env_cache.list_envs(cache)
    half = sum(record.status == env_cache.HALF_MADE for record in records)
    found = f"{len(records)}, {size(sum(record.size_bytes for record in records))}"
    yield Finding(
        "cache", "environments", NOTE if half else OK, f"{found}{f', {half} half-made' if half else ''}", "`mlctl env gc`" if half else ""
    )
