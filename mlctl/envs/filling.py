"""Installs requirement lines into an environment: with uv where it is there, with the environment's own pip otherwise.

uv is made to choose as pip would: pip's settings are handed to it, and of several indexes the best version counts, not the first index.
Where uv does not accept what is written (and only then), pip gets a try and the user is told; a conflict, a missing package or a
network that is down would be the same with pip, only later.

Bytecode is compiled at once only where Python may not write it itself (PYTHONDONTWRITEBYTECODE): compiling all of a scientific stack
takes twelve times as long as installing it, and a run needs a fraction of it.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlctl import process
from mlctl.envs import pip_settings, uv
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlctl.envs.pip_lines import Line
    from mlctl.envs.versions import Version

_FILE = "mlctl-requirements.txt"
_REJECTED = re.compile(
    r"Couldn.t parse|Unsupported|Unexpected '|Expected `--hash`|Invalid URL in|relative URL without|unsupported option|not supported by uv|"
    r"Failed to query Python interpreter|must refer to a local directory",
    re.IGNORECASE,
)
_COMPILES_FROM = (3, 7)
_ALWAYS: dict[str, str | None] = {
    "VIRTUAL_ENV": None,
    "PYTHONHOME": None,
    "PYTHONPATH": None,
    "PIP_USER": None,
    "PIP_TARGET": None,
    "PIP_PREFIX": None,
    "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "UV_SYSTEM_PYTHON": None,
    "UV_PROJECT": None,
    "UV_WORKING_DIR": None,
    "GIT_TERMINAL_PROMPT": "0",
}


@dataclass(frozen=True)
class Filler:
    """Fills the environment in ``folder`` with what a project asks for; ``lock_fd`` stays open in what it starts.

    ``python`` is the version of the environment's interpreter; ``env`` is laid over the environment of whatever installs.
    """

    folder: Path
    project: Path
    python: Version
    lock_fd: int
    tell: Callable[[str], None]
    env: process.Env = field(default_factory=dict)

    @property
    def program(self) -> str:
        """The environment's interpreter."""
        return str(self.folder / "bin" / "python")

    def install(self, lines: Sequence[Line]) -> str:
        """Install lines, none of which may be missing; returns what did it: ``uv``, ``pip``, or "" for nothing to do.

        Raises:
            EnvError: a requirement cannot be met; the message holds the resolver's reason.
        """
        if not lines:
            return ""
        found = uv.program()
        if found is None:
            self._checked(self._pip(lines), "pip")
            return "pip"
        done = self._uv(found, lines)
        if done.code and _REJECTED.search(done.err):
            self.tell(f"uv does not accept these requirements, pip gets them: {_first_line(done.err)}")
            self._checked(self._pip(lines), "pip")
            return "pip"
        self._checked(done, "uv")
        return "uv"

    def seed(self, wheels: Sequence[Path]) -> None:
        """Let uv unpack wheels as they lie there, asking no index.

        Raises:
            EnvError: they cannot be unpacked.
        """
        argv = [uv.program() or "uv", "pip", "install", "--python", self.program, "--offline", "--no-deps", "--quiet", *map(str, wheels)]
        env = {**_ALWAYS, **_uv_defaults(self.folder)}
        self._checked(process.follow(argv, cwd=str(self.folder), env=env, keep_fds=(self.lock_fd,)), "uv")

    def sync(self, left_out: Sequence[str]) -> None:
        """Let uv install what the project's lock says, without packages of some names, and remove whatever else is there.

        Raises:
            EnvError: the lock cannot be installed; the message holds uv's reason.
        """
        flags = ["--frozen", "--no-python-downloads", *(f"--no-install-package={name}" for name in left_out)]
        variables, _ = pip_settings.for_uv(os.environ, self.project)
        argv = [uv.program() or "uv", "sync", "--project", str(self.project), "--python", self.program, *flags, *self._compiling()]
        self._checked(self._run(argv, {**_uv_defaults(self.folder), **variables, "UV_PROJECT_ENVIRONMENT": str(self.folder)}), "uv")

    def _compiling(self) -> list[str]:
        return ["--compile-bytecode"] if os.environ.get("PYTHONDONTWRITEBYTECODE") and self.python >= _COMPILES_FROM else []

    def _uv(self, program: str, lines: Sequence[Line]) -> process.Completed:
        variables, flags = pip_settings.for_uv(os.environ, self.project)
        argv = [program, "pip", "install", "--python", self.program, *flags, *self._compiling(), *_uv_flags(lines), *self._arguments(lines)]
        return self._run(argv, {**_uv_defaults(self.folder), **variables})

    def _pip(self, lines: Sequence[Line]) -> process.Completed:
        return self._run([self.program, "-m", "pip", "install", *self._arguments(lines)], {})

    def _arguments(self, lines: Sequence[Line]) -> list[str]:
        """Write the lines that a file can hold to one, and return the arguments that install everything."""
        file = self.folder / _FILE
        file.write_text("".join(f"{line.text}\n" for line in lines if not line.argv), "utf-8")
        listed = ["-r", str(file)] if any(not line.argv for line in lines) else []
        return [*listed, *(word for line in lines for word in line.argv)]

    def _run(self, argv: Sequence[str], variables: dict[str, str]) -> process.Completed:
        """Run an installer in the project's folder, visibly where there is a terminal. Relative paths mean the project's files."""
        show_fd = sys.stderr.fileno() if sys.stderr is not None and sys.stderr.isatty() else None
        env = {**_ALWAYS, **self.env, **variables}
        try:
            return process.follow(argv, cwd=str(self.project), env=env, keep_fds=(self.lock_fd,), show_fd=show_fd)
        finally:
            (self.folder / _FILE).unlink(missing_ok=True)

    def _checked(self, done: process.Completed, program: str) -> None:
        if done.code == 0:
            return
        said = uv.reason(done.err) or uv.reason(done.out) or f"it ended with code {done.code}"
        other = " MLCTL_NO_UV=1 lets pip try instead of uv." if program == "uv" else ""
        raise EnvError(
            f"The project's requirements could not be installed. {program} says:\n{said}",
            hint=f"Change the environment file, or use --env-manager local with an environment of your own.{other}",
        )


def _uv_flags(lines: Sequence[Line]) -> list[str]:
    """Options that pip takes from a requirements file and uv only from its command line."""
    found = []
    for words in (line.text.replace("=", " ").split() for line in lines):
        if words[0] == "--pre":
            found.append("--prerelease=allow")
        elif words[0] == "--trusted-host" and len(words) == 2:
            found.append(f"--allow-insecure-host={words[1]}")
    return found


def _uv_defaults(folder: Path) -> dict[str, str]:
    """Variables that make uv choose as pip does, and link files where it can, unless the user has set them."""
    found = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    if not _same_disk(uv.cache_folder(os.environ), folder):
        found["UV_LINK_MODE"] = "copy"
    return {name: value for name, value in found.items() if not os.environ.get(name)}


def _same_disk(first: Path, second: Path) -> bool:
    while not first.exists() and first != first.parent:
        first = first.parent
    return first.stat().st_dev == second.stat().st_dev


def _first_line(text: str) -> str:
    return uv.reason(text).partition("\n")[0]
