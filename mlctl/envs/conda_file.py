"""Conda environment files (``conda.yaml``), read into one value. ``name`` and ``prefix`` are ignored: mlctl decides where it builds."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl.envs import conda_spec, documents, requirements

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlctl.envs.conda_spec import Spec
    from mlctl.errors import ProjectError

_KEYS = ("name", "channels", "dependencies", "variables", "prefix", "platforms")


class CondaFile(NamedTuple):
    """What a conda file asks for. ``channels`` are as written; ``pip`` are the lines of its pip section, None where it has none."""

    path: Path
    channels: tuple[str, ...] = ()
    specs: tuple[Spec, ...] = ()
    pip: tuple[str, ...] | None = None
    variables: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def with_pip(self) -> CondaFile:
        """The file with pip among its packages, as conda adds it to a file that has a pip section."""
        note = "the file has a pip section, but does not list pip: it is added, as conda does"
        return self._replace(specs=(*self.specs, conda_spec.parse("pip")), notes=(*self.notes, note))

    def without(self, packages: Iterable[str]) -> CondaFile:
        """The file without some packages; its pip section is not looked at."""
        left_out = frozenset(packages)
        return self._replace(specs=tuple(spec for spec in self.specs if spec.name not in left_out))

    def conda_part(self, channels: Iterable[str]) -> str:
        """A conda file of its packages, without its pip section."""
        return json.dumps({"channels": list(channels), "dependencies": [spec.text for spec in self.specs]})

    def names(self) -> set[str]:
        """The packages that it names."""
        return {spec.name for spec in self.specs}


def read(file: Path) -> CondaFile:
    """Read a conda environment file.

    Raises:
        ProjectError: it cannot be read, or is not of that shape; the message names file, line and key.
    """
    keys = documents.mapping(file)
    notes = tuple(filter(None, (_unknown(file, name, node) for name, node in keys.items() if name not in _KEYS)))
    pip: tuple[str, ...] | None = None
    specs = []
    for node in documents.items(file, "dependencies", keys.get("dependencies")):
        if node.id == "mapping":
            pip = requirements.pip_section(file, node)
        else:
            specs.append(_spec(file, node))
    return CondaFile(
        file, _channels(file, keys.get("channels")), tuple(specs), pip, documents.variables(file, keys.get("variables")), notes
    )


def _spec(file: Path, node: Any) -> Spec:
    text = documents.text(file, "dependencies", node)
    try:
        return conda_spec.parse(text, line=node.start_mark.line + 1)
    except ValueError as error:
        what, hint = error.args
        raise documents.wrong(file, node, "dependencies", what, hint) from None


def _channels(file: Path, node: Any) -> tuple[str, ...]:
    """The channels; variables in them are put in, as conda does."""
    found = [(item, documents.text(file, "channels", item)) for item in documents.items(file, "channels", node)]
    for item, text in found:
        if not text or any(character.isspace() for character in text):
            hint = "Each item is a name such as conda-forge, an address, or a folder that starts with ./"
            raise documents.wrong(file, item, "channels", f"{text!r} is not a channel", hint)
    return tuple(os.path.expandvars(text) for _, text in found)


def _unknown(file: Path, name: str, node: Any) -> str:
    """A note on a key that conda does not have.

    Raises:
        ProjectError: it is a key that was misspelt, or one of another kind of file.
    """
    import difflib

    close = difflib.get_close_matches(name, _KEYS, 1, 0.75)
    if close:
        raise _misspelt(file, name, node, f"Did you mean `{close[0]}`?")
    if name in ("python", "build_dependencies"):
        raise _misspelt(file, name, node, "This looks like a python_env file: name it under `python_env:` in the MLproject file.")
    return f"{file.name}:{node.start_mark.line + 1}: conda files have no key `{name}`: it is ignored"


def _misspelt(file: Path, name: str, node: Any, hint: str) -> ProjectError:
    return documents.wrong(file, node, name, "there is no such key in a conda file", hint)
