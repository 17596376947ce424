"""Hands pip's own settings to uv, which does not read them: a company's index, its certificate, its constraints.

Environment files are written for pip, and many machines are set up for pip only. A setting is handed over where uv has none of its
own for the same thing. Precedence as in pip: variables, then ``[install]``, then ``[global]``, the user's file before the machine's.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlctl.envs import uv

if TYPE_CHECKING:
    from collections.abc import Mapping


class Row(NamedTuple):
    """A pip option, the variables by which uv has one already, and the variable that gets it (``comma``: a list)."""

    option: str
    theirs: tuple[str, ...]
    variable: str
    is_index: bool = False
    separator: str = " "


ROWS = (
    Row("index-url", ("UV_DEFAULT_INDEX", "UV_INDEX_URL"), "UV_DEFAULT_INDEX", is_index=True),
    Row("extra-index-url", ("UV_INDEX", "UV_EXTRA_INDEX_URL"), "UV_EXTRA_INDEX_URL", is_index=True),
    Row("find-links", ("UV_FIND_LINKS",), "UV_FIND_LINKS", separator=","),
    Row("trusted-host", ("UV_INSECURE_HOST",), "UV_INSECURE_HOST"),
    Row("cert", ("SSL_CERT_FILE",), "SSL_CERT_FILE"),
    Row("client-cert", ("SSL_CLIENT_CERT",), "SSL_CLIENT_CERT"),
    Row("constraint", ("UV_CONSTRAINT",), "UV_CONSTRAINT"),
    Row("proxy", ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), "HTTPS_PROXY"),
    Row("keyring-provider", ("UV_KEYRING_PROVIDER",), "UV_KEYRING_PROVIDER"),
    Row("default-timeout", ("UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT"), "UV_HTTP_TIMEOUT"),
)
_KEYRING = {"import": "subprocess", "subprocess": "subprocess", "disabled": "disabled"}  # pip's "auto" asks one only if it has one
_MACHINE_FILE = "/etc/pip.conf"
_FLAGS = {"no-index": "--no-index", "pre": "--prerelease=allow"}


def for_uv(environ: Mapping[str, str], folder: Path) -> tuple[dict[str, str], list[str]]:
    """Variables and command-line flags that make uv do what pip would in a project's folder."""
    found = _pip_settings(environ)
    own = uv.has_settings(environ, folder)
    variables = {}
    for row in ROWS:
        value = found.get(row.option, "")
        if value and not any(environ.get(name) for name in row.theirs) and not (own and row.is_index):
            variables[row.variable] = row.separator.join(_usable(row.option, value))
    flags = [flag for option, flag in _FLAGS.items() if found.get(option, "").lower() in ("1", "true", "yes", "on", "y", "t")]
    return {name: value for name, value in variables.items() if value}, flags


def _usable(option: str, value: str) -> list[str]:
    """The words of a value; pip passes over a folder of wheels that is missing, uv fails, and uv knows one way to ask a keyring."""
    words = value.split()
    if option == "keyring-provider":
        return [_KEYRING[word] for word in words if word in _KEYRING]
    return [word for word in words if "://" in word or Path(word).expanduser().exists()] if option == "find-links" else words


def _pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if environ.get("PIP_CONFIG_FILE") != os.devnull and not environ.get("PIP_ISOLATED"):
        for file in _files(environ):
            found.update(_in_file(file))
    for option in (*(row.option for row in ROWS), *_FLAGS, "timeout"):
        found.update(_in_variable(option, environ))
    if "timeout" in found:
        found.setdefault("default-timeout", found["timeout"])
    return found


def _in_variable(option: str, environ: Mapping[str, str]) -> dict[str, str]:
    value = environ.get("PIP_" + option.upper().replace("-", "_"))
    return {option: value} if value else {}


def _files(environ: Mapping[str, str]) -> list[Path]:
    """Configuration files of pip, the weakest first."""
    home = Path(environ.get("HOME") or "~").expanduser()
    machine = [Path(folder) / "pip" / "pip.conf" for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)]
    user = [home / ".pip" / "pip.conf", Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"]
    named = [Path(environ["PIP_CONFIG_FILE"])] if environ.get("PIP_CONFIG_FILE") else []
    return [*reversed(machine), Path(_MACHINE_FILE), *user, *named]


def _in_file(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read(file, "utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return {}
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found.update({name.replace("_", "-"): value for name, value in parser.items(section)})
    return found
