"""What an MLproject file says, as frozen values: `Project`, its entry points and parameters, and the slips found in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """A slip in a project's files: ``level`` is ``error`` or ``warning``; ``line`` counts from 1 (0: the file as a whole)."""

    level: str
    message: str
    file: str = ""
    line: int = 0
    key: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.key, self.message) if part)


@dataclass(frozen=True)
class Parameter:
    """A declared parameter. ``type`` is the text of the file; ``default`` the YAML value (None: required)."""

    name: str
    type: str = "string"
    default: Any = None
    description: str = ""
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    line: int = 0

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is None


@dataclass(frozen=True)
class EntryPoint:
    """A named command with its parameters. ``command`` is None where the file gives none (an error only when it is run)."""

    name: str
    command: str | None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True)
class DeclaredEnv:
    """The environment a project names.

    ``kind``: ``python_env``, ``conda_env``, ``docker_env``, ``databricks_spark_job`` or ``none``. ``file`` is the environment file as
    an absolute path (None: none); ``declared`` is false where the file was picked up because of its name. ``options`` are the
    docker or Spark settings as they stand.
    """

    kind: str = "none"
    file: Path | None = None
    declared: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Project:
    """A project folder and what its MLproject file says. ``file`` is None where there is no such file.

    ``findings`` are the slips that do not keep the file from loading. One of level ``error`` there keeps a single entry point from running.
    """

    folder: Path
    file: Path | None = None
    name: str | None = None
    env: DeclaredEnv = field(default_factory=DeclaredEnv)
    entry_points: Mapping[str, EntryPoint] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class BoundParams:
    """The parameters of one run, as text.

    ``declared`` (in the order of the file) and ``extra`` (in the order given) are what is recorded: each value as it was given.
    ``resolved`` holds what the command gets instead, for ``path`` parameters: a local path. ``notes`` are for the user's eyes.
    """

    declared: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    resolved: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def logged(self) -> dict[str, str]:
        """All parameters as they are recorded."""
        return {**self.declared, **self.extra}
