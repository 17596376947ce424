"""An installed conda, mamba or micromamba: where it is, and how it is told to make an environment."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl import process, settings
from mlctl.envs import conda_channels, uv
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl.envs.files import Lock

PROGRAMS = ("conda", "mamba", "micromamba")
_VARIABLES = {"conda": ("CONDA_EXE",), "mamba": ("MAMBA_EXE", "CONDA_EXE"), "micromamba": ("MAMBA_EXE",)}
_ENV: dict[str, str | None] = {
    "CONDA_ALWAYS_YES": "true",
    "MAMBA_ALWAYS_YES": "true",
    "PIP_NO_INPUT": "1",
    "PYTHONHOME": None,
    "PYTHONPATH": None,
    "VIRTUAL_ENV": None,
}


def find(name: str) -> str:
    """The executable of conda, mamba or micromamba: below MLFLOW_CONDA_HOME, beside the one that CONDA_EXE names, or on PATH; "" for none.

    Raises:
        EnvError: MLFLOW_CONDA_HOME is set, and it is not there.
    """
    home = settings.resolve("conda_home")
    if home.value:
        path = Path(home.value).expanduser() / "bin" / name
        if not os.access(path, os.X_OK):
            raise EnvError(f"{home.source} is {home.value}, and there is no program {path}.", hint=f"Unset it, or install {name} there.")
        return str(path)
    for variable in _VARIABLES.get(name, ("CONDA_EXE",)):
        found = os.environ.get(variable, "")
        path = Path(found).parent / name
        if found and os.access(path, os.X_OK):
            return str(path)
    return shutil.which(name) or ""


def is_asked_for() -> bool:
    """Whether the settings ask for an installed conda, without a flag."""
    return bool(settings.value("conda_home") or settings.value("conda_create_env_cmd"))


def creator(name: str) -> str:
    """The executable that makes environments for a program: conda can be told to leave that to another (MLFLOW_CONDA_CREATE_ENV_CMD).

    Raises:
        EnvError: there is none.
    """
    other = settings.resolve("conda_create_env_cmd") if name == "conda" else None
    found = find(other.value if other and other.value else name)
    if found:
        return found
    if other and other.value:
        raise EnvError(f"{other.source} is {other.value}, and there is no such program.", hint="Unset it, or install that program.")
    raise EnvError(
        f"There is no {name} on this machine.",
        hint="Install it, name its folder with MLFLOW_CONDA_HOME, or leave --env-manager away: mlctl then installs the packages itself.",
    )


def make(program: str, *, file: Path, prefix: Path, lock: Lock, tell: Callable[[str], None]) -> None:
    """Have an environment made of a conda file, pip's part too.

    Raises:
        EnvError: the program failed; the message holds what it said.
    """
    words = ["create", "--yes"] if Path(program).name == "micromamba" else ["env", "create"]
    argv = [program, *words, "--prefix", str(prefix), "--file", str(file)]
    tell(f"{program} makes the environment")
    show_fd = sys.stderr.fileno() if sys.stderr is not None and sys.stderr.isatty() else None
    try:
        done = process.follow(argv, cwd=str(file.parent), env=_ENV, keep_fds=(lock.fd,), show_fd=show_fd)
    except OSError as error:
        raise EnvError(f"{program} cannot be started: {error.strerror}.", hint="Leave --env-manager away to do without it.") from None
    if done.code:
        said = conda_channels.redacted(uv.reason(done.err) or uv.reason(done.out)) or f"it ended with code {done.code}"
        hint = "Leave --env-manager away, and mlctl solves and installs the packages itself."
        raise EnvError(f"{Path(program).name} could not make the environment. It says:\n{said}", hint=hint)
    if not (prefix / "conda-meta").is_dir():
        raise EnvError(f"{program} ended well, but made no environment in {prefix}.", hint="Is it a conda?")
