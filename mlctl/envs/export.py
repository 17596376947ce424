"""A built environment written down, whole and pinned: as a lock, as pip's requirements, or as a Dockerfile.

A lock is a ``python_env.yaml`` that names every package with its version, so that a project can name it as its environment. What was
installed from a folder, an archive or a repository is named by where it came from (PEP 610), without user names and passwords.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlctl.envs.base import PreparedEnv

FORMATS = ("lock", "requirements", "dockerfile")
_OPTIONS = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--pre", "--trusted-host")
_BUNDLED = "/ensurepip/_bundled/"  # what the interpreter brings along: its version says enough
_LOGIN = re.compile(r"(?<=://)[^/\s@]*@")


class Frozen(NamedTuple):
    """What an environment holds: its Python, the index options that it was made with, and a requirement line for each package."""

    python: str
    options: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def local(self) -> bool:
        """Whether a package comes from the project's own folder."""
        return any(re.match(r"(?:-e )?\.", line) for line in self.lines)


def freeze(prepared: PreparedEnv, *, project: Path, requirements: Sequence[str]) -> Frozen:
    """What a prepared environment of a project holds; ``requirements`` are the lines that it was made of.

    Raises:
        EnvError: it is not one of Python packages alone.
    """
    if prepared.kind not in ("virtualenv", "system"):
        hint = "`--format lock` lists its exact conda packages." if prepared.lock else "Those of Python packages can be: virtualenv, uv."
        raise EnvError(f"An environment of the kind {prepared.kind} cannot be exported so.", hint=hint)
    options = tuple(_option(line) for line in requirements if re.split(r"[\s=]", line)[0] in _OPTIONS)
    origins = dict(_origins(Path(prepared.folder), project)) if prepared.folder else {}
    lines = [origins.get(line.partition("==")[0], line) for line in prepared.packages]
    return Frozen(prepared.python, options, tuple(lines))


def _option(line: str) -> str:
    """An index option as pip and uv read it: without a login, a path with spaces in quotes."""
    name, _, value = line.partition(" ")
    return f'{name} "{value}"' if " " in value and value[0] not in "\"'" else _LOGIN.sub("", line)


def write(frozen: Frozen, kind: str, *, comment: str) -> str:
    """The text of an export, under a comment that says what it is of."""
    head = f"# {' '.join(comment.split())}\n"
    body = "".join(f"{line}\n" for line in (*frozen.options, *frozen.lines))
    if kind == "requirements":
        return f"{head}# Python {frozen.python}\n{body}"
    if kind == "lock":
        listed = "".join(f"  - {json.dumps(line, ensure_ascii=False)}\n" for line in (*frozen.options, *frozen.lines))
        return f'{head}python: "{frozen.python}"\ndependencies:\n{listed}' if listed else f'{head}python: "{frozen.python}"\n'
    return _dockerfile(head, frozen, body)


def _dockerfile(head: str, frozen: Frozen, body: str) -> str:
    copied = "WORKDIR /project\nCOPY . .\n"
    install = f"COPY <<'END' /requirements.txt\n{body}END\nRUN python -m pip install --no-cache-dir --no-deps -r /requirements.txt\n"
    steps = copied + install if frozen.local else install + copied
    return f"# syntax=docker/dockerfile:1\n{head}FROM python:{frozen.python}-slim\nENV PYTHONUNBUFFERED=1\n{steps}"


def _origins(folder: Path, project: Path) -> Iterator[tuple[str, str]]:
    """Names of packages that came from elsewhere than an index, with the requirement line that says so."""
    for file in folder.glob("lib/*/site-packages/*.dist-info/direct_url.json"):
        try:
            said = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if _BUNDLED in str(said.get("url", "")):
            continue
        name = re.sub(r"[-_.]+", "-", file.parent.name.removesuffix(".dist-info").rpartition("-")[0]).lower()
        yield name, _line(name, said, project)


def _line(name: str, said: dict[str, object], project: Path) -> str:
    url = _LOGIN.sub("", str(said.get("url", "")))
    versioned, place = said.get("vcs_info"), said.get("dir_info")
    inside = f"#subdirectory={said['subdirectory']}" if said.get("subdirectory") else ""
    if isinstance(versioned, dict):
        return f"{name} @ {versioned.get('vcs', 'git')}+{url}@{versioned.get('commit_id', '')}{inside}"
    if isinstance(place, dict):
        path = _relative(url, project)
        return f"-e {path}" if place.get("editable") else path
    return f"{name} @ {url}{inside}" if not url.startswith("file:") else _relative(url, project)


def _relative(url: str, project: Path) -> str:
    """A folder's path as a requirement line has it: from the project's folder on, where it is inside."""
    from urllib.parse import unquote, urlsplit

    path = os.path.realpath(unquote(urlsplit(url).path))
    inside = os.path.relpath(path, os.path.realpath(project))
    return path if inside.startswith("..") else f"./{inside}" if inside != "." else "."
