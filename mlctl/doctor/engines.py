"""The programs that mlctl uses, or that projects ask for: which are there, which version, and whether they answer."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from mlctl import process
from mlctl.doctor.findings import NOTE, OK, WRONG, Finding
from mlctl.envs import uv
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_S = 10.0
_TOPIC = "engine"


class Engine(NamedTuple):
    """A program: what it is asked, what it is for, and how to get it. ``variable`` may name it."""

    name: str
    asks: tuple[str, ...]
    used_for: str
    hint: str = ""
    variable: str = ""


ENGINES = (
    Engine("git", ("--version",), "projects from git, and the commit of a run", "Install git with the system's packages."),
    Engine("conda", ("--version",), "--env-manager conda", variable="CONDA_EXE"),
    Engine("mamba", ("--version",), "--env-manager mamba", variable="MAMBA_EXE"),
    Engine("micromamba", ("--version",), "--env-manager micromamba"),
    Engine("Rscript", ("--version",), "R scripts as entry points", "Install R, and in R the package mlflow."),
    Engine(
        "nvidia-smi", ("--query-gpu=name,driver_version", "--format=csv,noheader"), "NVIDIA GPUs", "Install its driver, if there is one."
    ),
)
_PACKAGES = (
    ("rattler", "conda environments without conda", 'pip install "mlctl[conda]"'),
    ("virtualenv", "Python environments", "Install mlctl anew."),
)


def look() -> Iterator[Finding]:
    """Findings about all programs; they are asked at the same time."""
    asked = {engine: _start(engine, path) for engine in ENGINES if (path := _path(engine))}
    yield _uv()
    yield _containers()
    for engine in ENGINES:
        pending = asked.get(engine)
        yield _answer(engine, pending) if pending else Finding(_TOPIC, engine.name, NOTE, f"not there: for {engine.used_for}", engine.hint)
    for name, used_for, hint in _PACKAGES:
        there = find_spec(name) is not None
        yield Finding(
            _TOPIC, f"{name} (package)", OK if there else NOTE, "there" if there else f"not there: for {used_for}", "" if there else hint
        )


def _path(engine: Engine) -> str | None:
    return (os.environ.get(engine.variable) if engine.variable else None) or shutil.which(engine.name)


def _start(engine: Engine, path: str) -> process.Pending | str:
    try:
        return process.start_alone([path, *engine.asks], cwd=os.path.sep, env={"LC_ALL": "C"})
    except OSError as error:
        return error.strerror or str(error)


def _answer(engine: Engine, pending: process.Pending | str) -> Finding:
    try:
        if isinstance(pending, str):
            return _broken(engine, pending)
        done = pending.result(_TIMEOUT_S)
    except TimeoutError:
        return _broken(engine, f"no answer within {_TIMEOUT_S:g} s")
    said = (done.out.strip() or done.err.strip()).splitlines() or [""]
    return _broken(engine, said[-1]) if done.code else Finding(_TOPIC, engine.name, OK, _version(said))


def _broken(engine: Engine, why: str) -> Finding:
    status = WRONG if engine.name == "git" else NOTE
    return Finding(_TOPIC, engine.name, status, f"does not answer: {why}", engine.hint or f"It is needed for {engine.used_for} only.")


def _version(said: list[str]) -> str:
    found = re.search(r"\d+(?:\.\d+)+", said[0])
    return found[0] if found and len(said) == 1 and "," not in said[0] else "; ".join(said)


def _containers() -> Finding:
    """The engine that docker projects would use, asked through its socket: the commands need not be installed."""
    from mlctl.envs import docker_engine

    try:
        with contextlib.closing(docker_engine.connect()) as client:
            found = client.version()
    except EnvError as error:
        return Finding(_TOPIC, "docker", NOTE, f"docker projects cannot run: {error.message}", error.hint)
    name = next((part["Name"] for part in found.get("Components") or () if "Podman" in part["Name"]), "Docker")
    return Finding(_TOPIC, "docker", OK, f"{name.removesuffix(' Engine')} {found.get('Version', '')} at {docker_engine.address()}")


def _uv() -> Finding:
    program = uv.program()
    if program is None:
        return Finding(_TOPIC, "uv", NOTE, "not there, or MLCTL_NO_UV is set: pip fills environments, more slowly", "pip install uv")
    try:
        done = process.run([program, "--version"], timeout_s=_TIMEOUT_S)
    except (OSError, TimeoutError) as error:
        return Finding(_TOPIC, "uv", WRONG, f"{program} does not answer: {error}", "pip install --force-reinstall uv")
    if done.code:
        return Finding(_TOPIC, "uv", WRONG, f"{program} does not answer: {uv.reason(done.err)}", "pip install --force-reinstall uv")
    return Finding(_TOPIC, "uv", OK, f"{_version([done.out.strip()])} ({program})")
