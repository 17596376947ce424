"""Environment files of the python and conda kinds, read into one value: which Python, and which pip lines.

``python_env.yaml`` is MLflow's format. Of a conda file only what pip can install is taken: the Python pin, pip, setuptools and wheel as
build dependencies, and its ``pip`` section. The parts that every conda Python drags along (openssl, zlib, …) come with any
interpreter; all other conda packages are named in ``dropped``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl.envs import versions
from mlctl.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yaml import Node

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
    that pip cannot install, as they were written; ``notes`` are for the user.
    """

    python: str = ""
    build: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def from_python_env(file: Path) -> PythonRequirements:
    """Read a ``python_env.yaml``.

    Raises:
        ProjectError: the file cannot be read or is not of that shape; the message names file, line and key.
    """
    keys = _mapping(file)
    for name, node in keys.items():
        if name not in _KEYS:
            raise _unknown_key(file, name, node)
    python = _python(file, keys.get("python"))
    build, lines = (tuple(_lines(file, key, keys.get(key))) for key in _KEYS[1:])
    return PythonRequirements(python, build, lines)


def from_conda(file: Path) -> PythonRequirements:
    """Read what pip can install of a conda environment file.

    Raises:
        ProjectError: the file cannot be read or is not of that shape; the message names file, line and key.
    """
    keys = _mapping(file)
    python, build, dropped = "", [], []
    lines: tuple[str, ...] = ()
    for node in _items(file, "dependencies", keys.get("dependencies")):
        if node.id == "mapping":
            lines = _pip_section(file, node)
            continue
        spec = _text(file, "dependencies", node)
        name, version = _conda_spec(file, spec, node)
        if name == "python":
            python = python or _python_pin(file, version, node)
        elif name in _BUILD_PACKAGES:
            build.append(name + _pip_version(version))
        elif name not in _PART_OF_PYTHON:
            dropped.append(spec)
    return PythonRequirements(python, tuple(build), lines, tuple(dropped), _conda_notes(keys))


def _conda_notes(keys: dict[str, Node]) -> tuple[str, ...]:
    return ("the `variables` of the conda file are not set",) if "variables" in keys else ()


def _pip_section(file: Path, node: Any) -> tuple[str, ...]:
    """The lines of a conda file's ``pip`` section; a later section replaces an earlier one, as in conda."""
    for key, value in node.value:
        if key.value != "pip":
            raise _wrong(
                file, key, "dependencies", f"`{key.value}` is not a section that can be installed", "Only `- pip:` may hold a list."
            )
        return tuple(_lines(file, "dependencies.pip", value))
    return ()


def _conda_spec(file: Path, spec: str, node: Node) -> tuple[str, str]:
    match = re.fullmatch(_CONDA_SPEC, spec)
    if match is None:
        raise _wrong(file, node, "dependencies", f"{spec!r} is not a conda package", "Write it as name=1.2.3.")
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
        raise _wrong(file, node, "python", "the Python version is not a text", 'Write it as python: "3.11".')
    return _checked(file, "python", node.value.strip(), node) if node.value.strip() else ""


def _checked(file: Path, key: str, text: str, node: Node) -> str:
    try:
        versions.parse(text)
    except ValueError as error:
        raise _wrong(file, node, key, str(error), "Write it as 3.11, 3.11.4, 3.11.* or >=3.9,<3.12.") from None
    return text


def _lines(file: Path, key: str, node: Any) -> Iterator[str]:
    """The requirement lines of a list; an item of several lines counts as several."""
    for item in _items(file, key, node):
        for line in _text(file, key, item).splitlines():
            if line.strip():
                yield line.strip()


def _items(file: Path, key: str, node: Any) -> list[Any]:
    if node is None or node.tag.endswith(":null"):
        return []
    if node.id != "sequence":
        line = f"  - {node.value}" if node.id == "scalar" else "  - name==1.0"
        raise _wrong(
            file,
            node,
            key,
            "it is not a list",
            f"Put each requirement on a line of its own: `{key.rpartition('.')[2]}:` and then `{line}`.",
        )
    return list(node.value)


def _text(file: Path, key: str, node: Any) -> str:
    if node.id == "scalar" and node.tag.endswith(":str"):
        return str(node.value).strip()
    if node.id == "mapping" and any(name.value == "pip" for name, _ in node.value):
        hint = "This is how conda files do it: put the lines of the `pip` list directly under `dependencies`."
        raise _wrong(file, node, key, "a `pip:` list inside the list", hint)
    what = {"scalar": f"{node.value!r} is not a text"}.get(node.id, f"a {node.id} stands where a requirement line should")
    raise _wrong(file, node, key, what, "Each item is one line as pip takes it, in quotes if YAML reads it differently.")


def _mapping(file: Path) -> dict[str, Any]:
    """The keys of a YAML file with the nodes of their values; the last of two equal keys counts, as in YAML loaders."""
    node = _compose(file)
    if node is None:
        return {}
    if node.id != "mapping":
        hint = "It should start with a line such as `dependencies:`."
        if file.suffix == ".txt":
            hint = f"For a requirements file, name a python_env.yaml that has `dependencies:` and under it `  - -r {file.name}`."
        raise _wrong(file, node, "", f"it holds a {node.id}, not keys with values", hint)
    return {key.value if key.id == "scalar" else "?": value for key, value in node.value}


def _compose(file: Path) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.compose(file.read_text("utf-8-sig"), Loader=loader)
    except UnicodeDecodeError as error:
        raise ProjectError(f"{file}: it is not UTF-8 text ({error.reason} at byte {error.start}).") from None
    except OSError as error:
        raise ProjectError(f"{file}: {error.strerror}.", hint="The project's MLproject file names it as its environment.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ProjectError(f"{file}:{line}: it is not valid YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise ProjectError(f"{file}: it is not valid YAML: {error}.") from None


def _unknown_key(file: Path, name: str, node: Any) -> ProjectError:
    import difflib

    close = difflib.get_close_matches(name, _KEYS, 1, 0.5)
    hint = f"Did you mean `{close[0]}`?" if close else f"The keys are {', '.join(_KEYS)}."
    if name in ("channels", "name", "prefix"):
        hint = "This looks like a conda file: name it under `conda_env:` in the MLproject file."
    return _wrong(file, node, name, "there is no such key in a python_env file", hint)


def _wrong(file: Path, node: Any, key: str, what: str, hint: str) -> ProjectError:
    named = f"`{key}`: " if key else ""
    return ProjectError(f"{file}:{node.start_mark.line + 1}: {named}{what}.", hint=hint)
