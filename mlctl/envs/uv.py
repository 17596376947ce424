"""The uv program: where it is, where it keeps its Pythons and its cache, and what it says when it fails."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOVES = r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]"
_FIRST = r"\s*(error\b|ERROR\b|\u00d7)"
_LOGIN = r"(?<=://)[^/\s@]*@"
_MACHINE_FILE = "/etc/uv/uv.toml"
_HEAD_LINES = 12
_TAIL_LINES = 30
_LINE_LENGTH = 400


def program() -> str | None:
    """The uv executable: the one that came with mlctl, else the one on PATH; None where there is none, or MLCTL_NO_UV is set."""
    if settings.value("no_uv"):
        return None
    try:
        import uv

        return os.fspath(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        import shutil

        return shutil.which("uv")


def python_folder(environ: Mapping[str, str]) -> Path:
    """Where uv keeps the interpreters that it has installed."""
    return Path(environ.get("UV_PYTHON_INSTALL_DIR") or _home(environ, "XDG_DATA_HOME", ".local/share") / "uv" / "python")


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where uv keeps what it has downloaded and built."""
    return Path(environ.get("UV_CACHE_DIR") or _home(environ, "XDG_CACHE_HOME", ".cache") / "uv")


def has_settings(environ: Mapping[str, str], folder: Path) -> bool:
    """Whether uv has a configuration file of its own: the user's, the machine's, or the project's."""
    user = _home(environ, "XDG_CONFIG_HOME", ".config") / "uv" / "uv.toml"
    named = [Path(environ["UV_CONFIG_FILE"])] if environ.get("UV_CONFIG_FILE") else []
    if any(path.is_file() for path in (*named, user, Path(_MACHINE_FILE), folder / "uv.toml")):
        return True
    try:
        return "[tool.uv" in (folder / "pyproject.toml").read_text("utf-8", "replace")
    except OSError:
        return False


def reason(text: str) -> str:
    """The part of what uv or pip wrote that says why it failed: bounded, without progress, colours and passwords."""
    plain = redacted(re.sub(_MOVES, "", text).replace("\r", "\n"))
    lines = [line.rstrip()[:_LINE_LENGTH] for line in plain.split("\n") if line.strip()]
    start = next((at for at, line in enumerate(lines) if re.match(_FIRST, line)), max(0, len(lines) - _TAIL_LINES))
    lines = lines[start:]
    if len(lines) > _HEAD_LINES + _TAIL_LINES:
        left_out = len(lines) - _HEAD_LINES - _TAIL_LINES
        lines = [*lines[:_HEAD_LINES], f"… {left_out} more lines …", *lines[-_TAIL_LINES:]]
    return "\n".join(lines)


def redacted(text: str) -> str:
    """Text whose addresses show no user names and passwords."""
    return re.sub(_LOGIN, "***@", text) if "://" in text else text


def _home(environ: Mapping[str, str], variable: str, default: str) -> Path:
    return Path(environ.get(variable) or Path(environ.get("HOME") or "~").expanduser() / default)
