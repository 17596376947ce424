"""MLproject files: from YAML text to a `Project`, with every slip reported by line and key.

The format is MLflow's (Projects documentation; behaviour of release 3.17 where that is silent). Whatever MLflow loads, this loads to
the same name, environment, entry points, parameters and command text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """A slip in a project's files: ``level`` is ``error`` or ``warning``; ``line`` counts from 1 (0: the file as a whole)."""

    level: str
    message: str
    file: str = ""
    line: int = 0
    key: str = ""
    hint: str = ""


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
    """A project folder and what its MLproject file says. ``file`` is None where there is no such file."""

    folder: Path
    file: Path | None = None
    name: str | None = None
    env: DeclaredEnv = field(default_factory=DeclaredEnv)
    entry_points: Mapping[str, EntryPoint] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
