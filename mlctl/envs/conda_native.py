"""The conda packages of a project, solved and installed by py-rattler; no conda is needed on the machine."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl import process
from mlctl.envs import conda_channels, uv
from mlctl.errors import EnvError, ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl.envs.conda_file import CondaFile
    from mlctl.envs.files import Lock

INSTALL = 'pip install "mlctl[conda]"'
_CODE = "import sys; sys.path[:] = filter(None, sys.path); from mlctl.envs import conda_solver; conda_solver.main(*sys.argv[1:])"
_FOLDER = "conda"


class Answer(NamedTuple):
    """What was installed: the platform, pip's part of a lock file, and why a lock file was not used ("": it was, or there is none)."""

    platform: str
    locked: bool = False
    unused: str = ""
    pypi: tuple[dict[str, str], ...] = ()


class Request(NamedTuple):
    """What to install where. ``channels`` are addresses in their order, ``pip`` lines with the names of their packages.

    ``pins`` are specs that whatever is installed has to meet.
    """

    file: CondaFile
    project: Path
    prefix: Path
    cache: Path
    channels: tuple[str, ...]
    priority: str
    lock: Path | None = None
    pip: tuple[dict[str, str], ...] = ()
    pins: tuple[str, ...] = ()

    def texts(self) -> list[str]:
        """The specs as the solver takes them."""
        return [spec.query(lambda name: conda_channels.url_of(name, project=self.project)) for spec in self.file.specs]

    def to_json(self, *, live: bool) -> str:
        """The request as the process that solves reads it."""
        home = Path(os.environ.get("RATTLER_CACHE_DIR") or self.cache / _FOLDER)
        plain = [spec._replace(channel="").query(str) for spec in self.file.specs if "://" not in spec.text or spec.channel]
        open_texts, open_channels = (list(map(conda_channels.without_credentials, found)) for found in (self.texts(), self.channels))
        fields = {
            "specs": open_texts,
            "plain_specs": plain,
            "channels": open_channels,
            "priority": self.priority,
            "pip": self.pip,
            "pins": self.pins,
        }
        fields |= {"prefix": str(self.prefix), "packages": str(home / "pkgs"), "repodata": str(home / "repodata")}
        return json.dumps({**fields, "lock": str(self.lock or ""), "platform": os.environ.get("CONDA_SUBDIR", ""), "live": live})


def is_there() -> bool:
    """Whether py-rattler is installed; it is not imported."""
    from importlib.util import find_spec

    return find_spec("rattler") is not None


def install(request: Request, lock: Lock, tell: Callable[[str], None]) -> Answer:
    """Solve (or read the lock file) and install.

    Raises:
        EnvError: there is no solution, a channel cannot be reached, or a package cannot be installed.
        ProjectError: a spec or the lock file cannot be read.
    """
    import tempfile

    live = sys.stderr is not None and sys.stderr.isatty()
    with tempfile.TemporaryDirectory(prefix="mlctl-conda-") as folder:
        asked, answer = Path(folder, "request.json"), Path(folder, "answer.json")
        asked.write_text(request.to_json(live=live), "utf-8")
        said: list[str] = []

        def hear(line: str) -> None:
            said.append(line)
            tell(conda_channels.redacted(line))

        argv = [sys.executable, "-c", _CODE, str(asked), str(answer)]
        env = {"RUST_BACKTRACE": None, **_let_in(request.channels, Path(folder))}
        show_fd = sys.stderr.fileno() if live else None
        done = process.follow(argv, cwd=folder, env=env, keep_fds=(lock.fd,), show_fd=show_fd, each_line=hear)
        with contextlib.suppress(OSError, ValueError):
            return _answer(request, json.loads(answer.read_text("utf-8")))
    text = uv.reason(done.err or "\n".join(said)) or f"it ended with code {done.code}"
    raise EnvError(f"The conda packages could not be installed. The solver broke down:\n{text}", hint=f"{INSTALL} --upgrade may help.")


def _let_in(channels: tuple[str, ...], folder: Path) -> dict[str, str]:
    """Hand over the channels' credentials in a file of its own: in addresses, rattler would keep them in its cache and the environment."""
    found = conda_channels.credentials(channels)
    if not found:
        return {}
    theirs: dict[str, Any] = {}
    if os.environ.get("RATTLER_AUTH_FILE"):
        with contextlib.suppress(OSError, ValueError):
            theirs = json.loads(Path(os.environ["RATTLER_AUTH_FILE"]).read_text("utf-8"))
    file = folder / "credentials.json"
    file.write_text(json.dumps({**theirs, **found}), "utf-8")
    return {"RATTLER_AUTH_FILE": str(file)}


def _answer(request: Request, found: dict[str, Any]) -> Answer:
    error = found.get("error")
    if error:
        raise _error(request, {**error, "message": conda_channels.redacted(error["message"])})
    return Answer(found["platform"], found["locked"], found["unused"], tuple(found["pypi"]))


def _error(request: Request, error: dict[str, Any]) -> EnvError | ProjectError:
    named: dict[str, Callable[[Request, dict[str, Any]], EnvError | ProjectError]] = {
        "solve": _no_solution,
        "channel": _no_channel,
        "spec": _wrong_spec,
        "lock": _wrong_lock,
    }
    found = named.get(error["kind"])
    if found is not None:
        return found(request, error)
    if error.get("type") in ("ImportError", "AttributeError", "TypeError"):
        return EnvError(f"The py-rattler that is installed is not one that mlctl knows: {error['message']}.", hint=f"{INSTALL} --upgrade")
    hint = "Free some space, or name another folder with MLCTL_CACHE_DIR." if "No space left" in error["message"] else ""
    what = "What this machine has could not be found out" if error["kind"] == "machine" else "The conda packages could not be installed"
    return EnvError(f"{what}:\n{error['message']}", hint=hint or "The environment of an earlier run is not touched; try again.")


def _no_solution(request: Request, error: dict[str, Any]) -> EnvError:
    channels = ", ".join(map(conda_channels.redacted, request.channels)) or "no channels"
    hint = f"Loosen a version in {request.file.path.name}, or add the channel that has the package; looked in: {channels}."
    if request.priority == "strict":
        hint += " MLCTL_CONDA_CHANNEL_PRIORITY=flexible also takes packages from later channels."
    return EnvError(f"No set of packages is what {request.file.path.name} asks for. The solver says:\n{error['message']}", hint=hint)


def _no_channel(request: Request, error: dict[str, Any]) -> EnvError:
    lines = [line.removeprefix("Caused by: ") for line in error["message"].splitlines() if line.strip()] or ["it says nothing"]
    address = re.search(r"(?:https?|file|s3|oci|gcs)://[^\s'\"()]+", error["message"])
    channel = next((url for url in request.channels if address and address[0].startswith(conda_channels.redacted(url))), "")
    shown = conda_channels.redacted(channel) or (address[0] if address else "")
    hint = f"Check its name in {request.file.path.name} and the network; MLCTL_CONDA_CHANNEL_ALIAS names a mirror of all channels."
    return EnvError(f"The channel {shown} cannot be read: {lines[-1]}." if shown else f"A channel cannot be read: {lines[0]}.", hint=hint)


def _wrong_spec(request: Request, error: dict[str, Any]) -> ProjectError:
    spec = request.file.specs[error["index"]] if "index" in error else None
    where = f"{request.file.path}:{spec.line}" if spec and spec.line else str(request.file.path)
    what = f"{spec.text!r} is not a conda package: {error['message'].splitlines()[0]}" if spec else error["message"]
    return ProjectError(f"{where}: `dependencies`: {what}.", hint="Write it as name=1.2.3, or name >=1.2,<2.")


def _wrong_lock(request: Request, error: dict[str, Any]) -> ProjectError:
    text = error["message"].splitlines()[0]
    return ProjectError(f"{request.lock}: it cannot be read as a lock file: {text}.", hint="Lock anew, or remove it: mlctl then solves.")
