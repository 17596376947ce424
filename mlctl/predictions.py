"""Predictions of a model for a file, made by a process of their own in the environment that the model asks for."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl import inject, process, settings
from mlctl.envs import mlflow_lines, selection
from mlctl.errors import CancelledError, EnvError, ExecutionError, SchemaError
from mlctl.projects.entities import DeclaredEnv, Project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlctl.envs.base import PreparedEnv

_CHILD = "import sys; sys.path[:] = filter(None, sys.path); from mlctl.models.prediction import main; sys.exit(main(sys.argv[1]))"
_FILES = {"python_env": "python_env.yaml", "conda_env": "conda.yaml"}
_MISSING = "MISSING_PACKAGE"
_SIGNALLED = 128


@dataclass(frozen=True)
class Request:
    """What to predict for, and where to: the meanings are those of `mlctl.models.prediction.predict`."""

    source: str
    kind: str
    target: str
    target_kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    chunk_rows: int = 0


def environment(model: Path, *, env_manager: str, without_mlflow: bool, tell: Callable[[str], None]) -> PreparedEnv:
    """The environment of the model in a folder, built if need be. ``env_manager`` is a word of ``--env-manager``.

    Raises:
        EnvError: the model does not name one of this kind, or it cannot be built.
        UsageError: there is no such environment manager.
    """
    kind = "conda_env" if env_manager in selection.CONDA_MANAGERS else "python_env"
    file = model / _FILES[kind]
    if not file.is_file() and env_manager not in ("local", "system"):
        raise EnvError(
            f"The model has no {file.name}, which would say what its environment holds.",
            hint="`--env-manager local` predicts in this machine's own environment.",
        )
    project = Project(model, env=DeclaredEnv(kind, file) if file.is_file() else DeclaredEnv())
    chosen = selection.choose(project, env_manager=env_manager, cache=settings.cache_dir(), without_mlflow=without_mlflow)
    for note in chosen.plan().notes:
        tell(note)
    return chosen.prepare(tell)


def needs_no_mlflow(model: Path, mlmodel: Mapping[str, Any]) -> bool:
    """Whether a model that asks for mlflow predicts without it: mlctl loads it, it has no code of its user's, and names pandas itself."""
    loader = str((mlmodel["flavors"].get("python_function") or {}).get("loader_module"))
    ours = loader.startswith("mlflow.") and "." not in loader[len("mlflow.") :] and find_spec(f"mlctl.flavors.{loader[len('mlflow.') :]}")
    file = model / "requirements.txt"
    lines = file.read_text("utf-8", "replace").splitlines() if file.is_file() else []
    named = {mlflow_lines.named(line.strip()).package for line in lines}
    return bool(ours) and "pandas" in named and bool(named & mlflow_lines.PACKAGES)


def predict(model: Path, request: Request, *, prepared: PreparedEnv, variables: Mapping[str, str]) -> int:
    """Predict in an environment; returns for how many rows. Standard streams are the caller's.

    Raises:
        SchemaError: the input cannot be read, or does not fit the model.
        EnvError: the environment lacks a package that the model needs.
        ExecutionError: the model itself failed; what it said is on standard error.
    """
    with tempfile.TemporaryDirectory(prefix="mlctl-predict-") as scratch:
        report = Path(scratch, "report.json")
        asked = {"model": str(model), **request.__dict__, "params": dict(request.params), "report": str(report)}
        argv = [*prepared.argv_prefix, "python", "-c", _CHILD, json.dumps(asked)]
        try:
            code = process.converse(argv, env=inject.free_variables(prepared, own=dict(variables)))
        except OSError as error:
            raise EnvError(f"There is no Python to predict with: {error.strerror}.", hint=_OTHER) from None
        found = json.loads(report.read_text("utf-8")) if report.exists() else {}
    return _rows(found, code, hint=_OTHER if prepared.kind == "system" else _UNNAMED)


_UNNAMED = "The model's requirements.txt does not name it; `--env-manager local` predicts in this machine's own environment."
_OTHER = "`--env-manager virtualenv` builds the environment that the model names."


def _rows(found: Mapping[str, Any], code: int, *, hint: str) -> int:
    if "rows" in found:
        return int(found["rows"])
    if code > _SIGNALLED:
        raise CancelledError("Predicting was interrupted; no file was written.", signum=code - _SIGNALLED)
    if "error" not in found:
        raise ExecutionError(f"Predicting ended with exit code {code}.", hint="What the model said is above.")
    if found["code"] == _MISSING:
        raise EnvError(found["error"], hint=hint)
    raise SchemaError(found["error"], hint=found.get("hint", ""))
