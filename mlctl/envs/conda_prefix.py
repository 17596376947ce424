"""An installed conda environment, read from its own files: what is in it, and what activating it sets and runs.

What activation does is conda's (``conda/activate.py`` says it, and its documentation under "saving environment variables"): variables of
packages (``etc/conda/env_vars.d``), then those of the environment (``conda-meta/state``), then the scripts of ``etc/conda/activate.d``.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl.envs import conda_channels, files, packages

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ACTIVATION = "mlctl-activate.sh"
_UNSET = "***unset***"


class Package(NamedTuple):
    """A package that is installed: ``url`` is where it came from, ``sha256`` and ``md5`` are of its archive ("" where not known).

    ``python`` are the Python packages in it, as ``name==version``.
    """

    name: str
    version: str
    build: str = ""
    url: str = ""
    sha256: str = ""
    md5: str = ""
    subdir: str = ""
    python: tuple[str, ...] = ()

    def locked(self) -> str:
        """The line of an explicit list that means exactly this package."""
        digest = f"#sha256:{self.sha256}" if self.sha256 else f"#{self.md5}" if self.md5 else ""
        return f"{conda_channels.redacted(self.url)}{digest}"


def installed(prefix: Path) -> tuple[Package, ...]:
    """The conda packages of an environment, by name."""
    found = [_package(json.loads(file.read_text("utf-8"))) for file in sorted(prefix.glob("conda-meta/*.json"))]
    return tuple(sorted(found))


def _package(record: dict[str, Any]) -> Package:
    texts = {name: str(record.get(name) or "") for name in Package._fields if name != "python"}
    entries = {part for path in record.get("files") or () for part in path.split("/") if part.endswith((".dist-info", ".egg-info"))}
    return Package(**texts, python=tuple(sorted("==".join(packages.package(entry)) for entry in entries)))


def version_of(found: Iterable[Package], name: str) -> str:
    """The version of a package, "" where it is not installed."""
    return next((each.version for each in found if each.name == name), "")


def of_pip(prefix: Path, found: Iterable[Package]) -> tuple[str, ...]:
    """``name==version`` of the Python packages that no conda package has brought."""
    conda = {line for each in found for line in each.python}
    return tuple(line for line in packages.scan(map(str, sorted(prefix.glob("lib/*/site-packages")))) if line not in conda)


def listed(found: Iterable[Package], pip: Iterable[str]) -> tuple[str, ...]:
    """``name==version`` of conda's packages and pip's, sorted; where both have one of a name, pip came last."""
    lines = {_normal(each.name): f"{each.name}=={each.version}" for each in found}
    lines |= {line.partition("==")[0]: line for line in pip}
    return tuple(sorted(lines.values()))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name)


def lock(found: Iterable[Package], pip: Iterable[str], *, platform: str) -> str:
    """An explicit list: the exact packages, which conda, mamba and micromamba can install again; pip's are comments in it."""
    head = [f"# platform: {platform}", "@EXPLICIT"]
    return "\n".join([*head, *(each.locked() for each in found), *(f"# pip {line}" for line in pip), ""])


def pins(lines: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the lines of such a list: specs that mean exactly its conda packages, and what pip had (``name==version``)."""
    found = list(lines)
    names = (
        re.sub(r"#.*$|\.conda(?=#|$)|\.tar\.bz2(?=#|$)", "", line).rsplit("/", 1)[-1].rsplit("-", 2) for line in found if "://" in line
    )
    specs = tuple(f"{name}=={version}={build}" for name, version, build in map(tuple, names))
    return specs, tuple(line.removeprefix("# pip ") for line in found if line.startswith("# pip "))


def variables(prefix: Path) -> dict[str, str | None]:
    """Variables that activating the environment sets; None for those that it unsets."""
    found: dict[str, str] = {}
    for file in sorted(prefix.glob("etc/conda/env_vars.d/*.json")):
        found |= _texts(_json(file))
    found |= _texts(_json(prefix / "conda-meta" / "state").get("env_vars"))
    return {name: None if value == _UNSET else value for name, value in found.items()}


def scripts(prefix: Path) -> tuple[str, ...]:
    """The scripts that activating the environment runs, in order."""
    return tuple(str(file) for file in sorted(prefix.glob("etc/conda/activate.d/*.sh")))


def write_activation(prefix: Path) -> bool:
    """Write the script that runs those scripts and then its arguments as a command; False where there are none to run."""
    found = scripts(prefix)
    if found:
        lines = ["# Runs a command in this environment, activated.", *(f". {shlex.quote(path)}" for path in found), 'exec "$@"', ""]
        files.write(prefix / ACTIVATION, "\n".join(lines))
    return bool(found)


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _texts(values: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()} if isinstance(values, dict) else {}
