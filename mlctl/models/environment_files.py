"""The files that say what a model's environment needs: ``requirements.txt``, ``conda.yaml``, ``python_env.yaml``, as MLflow writes them."""

import os
import platform
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from mlctl.errors import InvalidValueError
from mlctl.models import requirements, yaml_files

ENV = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
"""What the pyfunc flavor of an MLmodel file says about its environment."""

Conda = Union[None, str, "os.PathLike[str]", Mapping[str, Any]]


def write(
    folder: Union[str, Path],
    found: List[str],
    *,
    conda_env: Conda = None,
    pip_requirements: requirements.Given = None,
    extra_pip_requirements: requirements.Given = None,
) -> List[str]:
    """Write the files into a model's folder; returns the requirement lines. ``found`` are those that count if none are given.

    Raises:
        InvalidValueError: more than one of the three is given, or one is not acceptable.
    """
    if conda_env is not None and (pip_requirements is not None or extra_pip_requirements is not None):
        raise InvalidValueError("Both conda_env and pip requirements were given.", hint="Give one of them.")
    if pip_requirements is not None and extra_pip_requirements is not None:
        raise InvalidValueError("Both pip_requirements and extra_pip_requirements were given.", hint="Give one of them.")
    conda, lines, constraints = _environment(found, conda_env, pip_requirements, extra_pip_requirements)
    where = Path(folder)
    yaml_files.write(where / "conda.yaml", conda, sort=False)
    (where / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if constraints:
        (where / "constraints.txt").write_text("\n".join(constraints) + "\n", encoding="utf-8")
    python_env = {
        "python": _python(conda) or platform.python_version(),
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }
    yaml_files.write(where / "python_env.yaml", python_env, sort=False)
    return lines


def _environment(
    found: List[str], conda_env: Conda, pip_requirements: requirements.Given, extra: requirements.Given
) -> Tuple[Dict[str, Any], List[str], List[str]]:
    if conda_env is not None:
        conda = requirements.of_conda(conda_env)
        return conda, _pip_lines(conda), []
    lines = requirements.given(pip_requirements) if pip_requirements is not None else found
    lines = [*lines, *requirements.given(extra, what="extra_pip_requirements")]
    if not any(_name(line) == "mlflow" for line in lines):
        lines = [mlflow_line(), *lines]
    constraints: List[str] = []
    for line in [line for line in lines if line.startswith("-c")]:
        constraints += requirements.given(line[2:].strip(), what="constraints")
        lines = [other if other != line else "-c constraints.txt" for other in lines]
    pip = requirements.version_of("pip")
    return (
        {
            "channels": ["conda-forge"],
            "dependencies": [f"python={platform.python_version()}", f"pip<={pip}" if pip else "pip", {"pip": lines}],
            "name": "mlflow-env",
        },
        lines,
        constraints,
    )


def mlflow_line() -> str:
    """What a model needs of MLflow where it is loaded by it: the version that is installed here, else any."""
    version = requirements.version_of("mlflow")
    return f"mlflow=={version}" if version else "mlflow"


def _name(line: str) -> str:
    return (
        line.partition(";")[0].strip().split("=")[0].split("<")[0].split(">")[0].split("[")[0].split("~")[0].split("!")[0].strip().lower()
    )


def _pip_lines(conda: Mapping[str, Any]) -> List[str]:
    for entry in conda.get("dependencies", ()) or ():
        if isinstance(entry, Mapping) and isinstance(entry.get("pip"), list):
            return [str(line) for line in entry["pip"]]
    return []


def _python(conda: Mapping[str, Any]) -> Optional[str]:
    for entry in conda.get("dependencies", ()) or ():
        if isinstance(entry, str) and entry.replace(" ", "").startswith("python="):
            return entry.replace(" ", "").lstrip("python").lstrip("=") or None
    return None
