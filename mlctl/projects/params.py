"""Parameters of one run: from ``-P name=value`` and the declared defaults to checked values.

A value stays the text that was typed: it is checked against its type, never converted. ``path`` parameters become absolute paths.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl.errors import ParameterError, SourceError, UsageError
from mlctl.projects import command as commands
from mlctl.projects.entities import BoundParams, EntryPoint, Parameter
from mlctl.projects.kinds import misfit, scheme, text_of
from mlctl.projects.spelling import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from mlctl.projects.downloads import Downloads

    Fetch = Callable[[str, int], str]

__all__ = ["BoundParams", "bind", "parse_assignments"]

_WAY_OUT = "Correct the values, or pass them unchecked with --no-type-check."


def parse_assignments(given: Iterable[str]) -> dict[str, str]:
    """Parameters from texts of the form ``name=value``; only the first ``=`` counts, and the value may be empty.

    Raises:
        UsageError: a text has no ``=`` or no name, or a name is given twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"-P {shown(text)} is not of the form NAME=VALUE.", hint="Write -P alpha=0.5; an empty value is -P name=")
        if name in found:
            raise UsageError(f"-P {name} is given twice: {shown(found[name])} and {shown(value)}.", hint="Give each parameter once.")
        found[name] = value
    return found


def bind(
    entry: EntryPoint,
    given: Mapping[str, Any],
    *,
    caller_folder: Path,
    project_folder: Path,
    check_types: bool = True,
    storage_folder: Path | None = None,
    fetch: Fetch | None = None,
) -> BoundParams:
    """The parameters of a run: what was given, else the defaults, all checked before anything is built.

    A given ``path`` is relative to ``caller_folder``; a default to ``project_folder`` where it exists there, else to ``caller_folder``.
    A ``path`` at an http address is brought by ``fetch(uri, index of the parameter)``, by default into a new folder below
    ``storage_folder`` (None: the system's folder for temporary files).

    Raises:
        ParameterError: values are missing or do not fit; the message has all of them.
    """
    binding = _Binding(entry, {str(name): text_of(value) for name, value in given.items()}, check_types=check_types)
    binding.check_text()
    binding.check_values()
    binding.resolve_paths(caller_folder.absolute(), project_folder.absolute())
    binding.check_quoting()
    binding.raise_problems()
    binding.fetch_remote(fetch or _downloads(storage_folder))
    return binding.result()


def _downloads(storage_folder: Path | None) -> Fetch:
    """The downloads of one run; their module, with all of http, is imported with the first."""
    made: list[Downloads] = []

    def fetch(uri: str, index: int) -> str:
        from mlctl.projects.downloads import Downloads

        if not made:
            made.append(Downloads(storage_folder))
        return made[0].fetch(uri, index)

    return fetch


class _Resolved(NamedTuple):
    """What became of a ``path`` value: a local path, an address to download from, or what is wrong."""

    local: str = ""
    remote: str = ""
    problem: str = ""


class _Binding:
    """The work of `bind`: values by name, and the problems found so far, by name."""

    def __init__(self, entry: EntryPoint, given: Mapping[str, str], *, check_types: bool) -> None:
        self._entry = entry
        self._given = given
        self._check_types = check_types
        self._problems: dict[str, str] = {}
        self._avoidable = False  # whether a problem is one that goes away without checks
        self._resolved: dict[str, str] = {}
        self._remote: dict[str, str] = {}
        self._values = {name: self._value(name, declared) for name, declared in entry.parameters.items() if not self._is_missing(declared)}

    def _is_missing(self, declared: Parameter) -> bool:
        return declared.required and declared.name not in self._given

    def _value(self, name: str, declared: Parameter) -> str:
        return self._given[name] if name in self._given else text_of(declared.default)

    def _add(self, name: str, problem: str, *, avoidable: bool = False) -> None:
        if name not in self._problems:
            self._problems[name] = problem
            self._avoidable = self._avoidable or avoidable

    def check_text(self) -> None:
        """No shell and no store takes NUL, or bytes that are not UTF-8."""
        for name, text in self._given.items():
            if "\0" in name + text:
                self._add(name, "holds a NUL character, which no command can be given")
            elif any("\ud800" <= char <= "\udfff" for char in name + text):
                self._add(name, "is not valid UTF-8 text")

    def check_values(self) -> None:
        """Types, choices and bounds of what was given. A default is the project's own affair, except for uri, as in MLflow."""
        for name, text in self._values.items() if self._check_types else ():
            declared = self._entry.parameters[name]
            if (name in self._given or declared.type == "uri") and name not in self._problems:
                reason = misfit(declared, text)
                if reason:
                    self._add(name, f"{shown(text)} {reason}", avoidable=True)

    def resolve_paths(self, caller: Path, project: Path) -> None:
        """Make ``path`` values absolute."""
        for name, text in self._values.items():
            if self._entry.parameters[name].type != "path" or name in self._problems:
                continue
            found = _resolve(text, [caller] if name in self._given else [project, caller])
            if not self._check_types:
                found = found._replace(problem="", remote="")
            if found.problem:
                self._add(name, found.problem, avoidable=True)
            elif found.remote:
                self._remote[name] = found.remote
            elif found.local:
                self._resolved[name] = found.local

    def check_quoting(self) -> None:
        """Values that were given and that quotes of the command's own would expose to the shell."""
        if self._entry.command is None:
            return
        values = {name: self._resolved.get(name, text) for name, text in self._given.items() if name in self._values}
        for name, problem in commands.unsafe(self._entry.command, self._entry.parameters, values).items():
            self._add(name, problem)

    def raise_problems(self) -> None:
        """Raise all that is wrong, if anything is.

        Raises:
            ParameterError: with a line for each parameter.
        """
        missing = [name for name, declared in self._entry.parameters.items() if self._is_missing(declared)]
        if not missing and not self._problems:
            return
        found = {**self._problems, **{name: f"no value is given, and it has no default{self._meant(name)}" for name in missing}}
        of = f"of entry point '{self._entry.name}'"
        if len(found) == 1:
            raise ParameterError("".join(f"Parameter {name} {of}: {problem}." for name, problem in found.items()), hint=self._hint(missing))
        lines = [f"  {name}: {problem}" for name, problem in found.items()]
        raise ParameterError("\n".join((f"{len(found)} parameters {of} cannot be used:", *lines)), hint=self._hint(missing))

    def _hint(self, missing: list[str]) -> str:
        values = " ".join(f"-P {name}=…" for name in missing)
        return " ".join(filter(None, (f"Add {values}." if missing else "", _WAY_OUT if self._avoidable else "")))

    def _meant(self, name: str) -> str:
        near = nearest(name, [other for other in self._given if other not in self._entry.parameters])
        return f"; did you mean -P {name}=… where you wrote -P {near}=…?" if near else ""

    def fetch_remote(self, fetch: Fetch) -> None:
        """Download what is elsewhere.

        Raises:
            ParameterError: it cannot be downloaded.
        """
        order = list(self._entry.parameters)
        for name, uri in self._remote.items():
            try:
                self._resolved[name] = fetch(uri, order.index(name))
            except SourceError as error:
                raise ParameterError(f"Parameter {name}: {error.message}", hint=error.hint) from error

    def result(self) -> BoundParams:
        """The bound parameters, with a note on each extra name that resembles a declared one."""
        extra = {name: text for name, text in self._given.items() if name not in self._values}
        near = {name: nearest(name, self._entry.parameters) for name in extra}
        notes = [
            f"{name} is not a parameter of '{self._entry.name}' and is passed on as --{name}; did you mean {meant}?"
            for name, meant in near.items()
            if meant
        ]
        return BoundParams(self._values, extra, self._resolved, tuple(notes))


# ── path values ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _resolve(text: str, roots: list[Path]) -> _Resolved:
    """The absolute path of a value, looked for below each root; where it is nowhere, ``local`` is what it would be below the first."""
    if not text:
        return _Resolved(problem="is empty, and a path is needed")
    if scheme(text) == "file":
        return _file_uri(text)
    candidates = [os.path.normpath(root / text) for root in roots]
    found = next((path for path in candidates if os.path.exists(path)), "")  # noqa: PTH110 -- answers False for what is no path
    if found:
        return _Resolved(found)
    if scheme(text) in {"http", "https"}:
        return _Resolved(remote=text)
    if scheme(text):
        return _Resolved(problem=_elsewhere(text))
    where = " and ".join(dict.fromkeys(candidates))
    return _Resolved(candidates[0], problem=f"{shown(text)} is no file or folder (looked for {where})")


def _elsewhere(text: str) -> str:
    return (
        f"{shown(text)} is remote, and this version downloads path values only from http addresses; "
        "download it first, or declare the parameter as uri if the script reads it itself"
    )


def _file_uri(text: str) -> _Resolved:
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(text)
    except ValueError:
        return _Resolved(problem=f"{shown(text)} is not a file address such as file:///data/x.csv")
    if parts.netloc not in {"", "localhost"}:
        return _Resolved(problem=f"{shown(text)} names another machine; a local file is file:///path")
    return _absolute(unquote(parts.path), text)


def _absolute(path: str, text: str) -> _Resolved:
    if "\0" in path or not os.path.exists(path):  # noqa: PTH110
        return _Resolved(path, problem=f"{shown(text)} is no file or folder")
    return _Resolved(os.path.abspath(path))  # noqa: PTH100 -- Path.absolute keeps the dots
