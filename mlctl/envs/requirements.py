"""Environment files of the python and conda kinds, read into one value: which Python, and which pip lines.

``python_env.yaml`` is MLflow's format. Of a conda file only what pip can install is taken: the Python pin, pip, setuptools and wheel as
build dependencies, and its ``pip`` section. The parts that every conda Python drags along (openssl, zlib, …) come with any
interpreter; all other conda packages are named in ``dropped``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl.envs import documents, versions

if TYPE_CHECKING:
    from pathlib import Path

    from yaml import Node

    from mlctl.errors import ProjectError

_KEYS = ("python", "build_dependencies", "dependencies")
_BUILD_PACKAGES = ("pip", "setuptools", "wheel")
# fmt: off
_PART_OF_PYTHON = (
    "_libgcc_mutex", "_openmp_mutex", "bzip2", "ca-certificates", "expat", "ld_impl_linux-64", "ld_impl_linux-aarch64", "libcxx",
    "libexpat", "libffi", "libgcc", "libgcc-ng", "libgomp", "liblzma", "libmpdec", "libnsl", "libsqlite", "libstdcxx", "libstdcxx-ng",
    "libuuid", "libxcrypt", "libzlib", "ncurses", "openssl", "python_abi", "readline", "sqlite", "tk", "tzdata", "ucrt", "vc",
    "vc14_runtime", "vs2015_runtime", "xz", "zlib",
)
# fmt: on
_CONDA_SPEC = (
    r"(?:[\w./:+-]+::)?(?P<name>[\w.-]+?)\s*"
    r"(?:\[\s*version\s*=\s*['\"]?(?P<inner>[^'\"\]]+)['\"]?\s*\]|(?P<rest>[\s=<>!~].*))?"
)


class PythonRequirements(NamedTuple):
    """What an environment file asks for.

    ``python`` is "" where the file names none. ``build`` and ``lines`` are pip requirement lines; ``dropped`` are the conda packages
    that pip cannot install, as they were written; ``variables`` are set in a job.
    """

    python: str = ""
    build: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


def from_python_env(file: Path) -> PythonRequirements:
    """Read a ``python_env.yaml``.

    Raises:
        ProjectError: the file cannot be read or is not of that shape; the message names file, line and key.
    """
    keys = documents.mapping(file)
    for name, node in keys.items():
        if name not in _KEYS:
            raise _unknown_key(file, name, node)
    python = _python(file, keys.get("python"))
    build, lines = (tuple(documents.lines(file, key, keys.get(key))) for key in _KEYS[1:])
    return PythonRequirements(python, build, lines)


def from_conda(file: Path) -> PythonRequirements:
    """Read what pip can install of a conda environment file.

    Raises:
        ProjectError: the file cannot be read or is not of that shape; the message names file, line and key.
    """
    keys = documents.mapping(file)
    python, build, dropped = "", [], []
    lines: tuple[str, ...] = ()
    for node in documents.items(file, "dependencies", keys.get("dependencies")):
        if node.id == "mapping":
            lines = pip_section(file, node)
            continue
        spec = documents.text(file, "dependencies", node)
        name, version = _conda_spec(file, spec, node)
        if name == "python":
            python = python or _python_pin(file, version, node)
        elif name in _BUILD_PACKAGES:
            build.append(name + _pip_version(version))
        elif name not in _PART_OF_PYTHON:
            dropped.append(spec)
    return PythonRequirements(python, tuple(build), lines, tuple(dropped), documents.variables(file, keys.get("variables")))


def pip_section(file: Path, node: Any) -> tuple[str, ...]:
    """The lines of a conda file's ``pip`` section; a later section replaces an earlier one, as in conda."""
    for key, value in node.value:
        if key.value != "pip":
            raise documents.wrong(
                file, key, "dependencies", f"`{key.value}` is not a section that can be installed", "Only `- pip:` may hold a list."
            )
        return tuple(documents.lines(file, "dependencies.pip", value))
    return ()


def _conda_spec(file: Path, spec: str, node: Node) -> tuple[str, str]:
    match = re.fullmatch(_CONDA_SPEC, spec)
    if match is None:
        raise documents.wrong(file, node, "dependencies", f"{spec!r} is not a conda package", "Write it as name=1.2.3.")
    return match["name"].lower(), _without_build(match["inner"] or match["rest"] or "")


def _without_build(version: str) -> str:
    """A conda version without the build string that may follow it: ``=3.6.9=h265db76_0`` → ``=3.6.9``."""
    text = version.strip()
    match = re.fullmatch(r"(=?)\s*([\w.*!+]+)(?:\s*=\s*|\s+)[\w.*]+", text)
    return (match[1] or "=") + match[2] if match else text


def _python_pin(file: Path, version: str, node: Node) -> str:
    text = re.sub(r"^={1,2}\s*", "", version)
    if not text:
        return ""
    return _checked(file, "dependencies", text, node)


def _pip_version(version: str) -> str:
    """A conda version in pip's words; conda's single ``=`` becomes ``==``, as MLflow has it."""
    text = re.sub(r"\s+", "", version)
    if not text:
        return ""
    return "==" + text.lstrip("=") if text[0] == "=" or text[0].isdigit() else text


def _python(file: Path, node: Any) -> str:
    """The version as it is written: unquoted, YAML would read 3.10 as the number 3.1."""
    if node is None or node.tag.endswith(":null"):
        return ""
    if node.id != "scalar" or node.tag.endswith(":bool"):
        raise documents.wrong(file, node, "python", "the Python version is not a text", 'Write it as python: "3.11".')
    return _checked(file, "python", node.value.strip(), node) if node.value.strip() else ""


def _checked(file: Path, key: str, text: str, node: Node) -> str:
    try:
        versions.parse(text)
    except ValueError as error:
        raise documents.wrong(file, node, key, str(error), "Write it as 3.11, 3.11.4, 3.11.* or >=3.9,<3.12.") from None
    return text


def _unknown_key(file: Path, name: str, node: Any) -> ProjectError:
    import difflib

    close = difflib.get_close_matches(name, _KEYS, 1, 0.5)
    hint = f"Did you mean `{close[0]}`?" if close else f"The keys are {', '.join(_KEYS)}."
    if name in ("channels", "name", "prefix"):
        hint = "This looks like a conda file: name it under `conda_env:` in the MLproject file."
    return documents.wrong(file, node, name, "there is no such key in a python_env file", hint)
