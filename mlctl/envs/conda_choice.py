"""What makes the environment of a conda file: py-rattler, an installed program, or, for Python and pip packages alone, virtualenv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl.envs import conda_native, conda_tool, requirements
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from pathlib import Path

NATIVE = "rattler"
_LOCAL_HINT = "Or activate an environment made of it and use `--env-manager local`."


def choose(file: Path, env_manager: str | None) -> tuple[str, str]:
    """The environment's name in the table of `mlctl.envs.selection`, and what to say about the choice.

    An installed program makes it where the flag names one, or MLFLOW_CONDA_HOME is set; without either, py-rattler does.

    Raises:
        EnvError: what is asked for is not there.
        ProjectError: the conda file is wrong.
    """
    if env_manager in ("mamba", "micromamba"):
        return env_manager, ""
    if env_manager is None and conda_tool.is_asked_for():
        return "conda", ""
    if env_manager == "conda":
        if conda_tool.is_asked_for() or conda_tool.find("conda"):
            return "conda", ""
        note = "there is no conda on this machine: mlctl solves and installs the packages itself"
        return _native(file, note=note, may_be_virtualenv=False)
    return _native(file, note="", may_be_virtualenv=env_manager is None)


def _native(file: Path, *, note: str, may_be_virtualenv: bool) -> tuple[str, str]:
    if conda_native.is_there():
        return NATIVE, note
    dropped = requirements.from_conda(file).dropped
    if dropped:
        hint = f"{conda_native.INSTALL} lets mlctl install them; `--env-manager virtualenv` leaves them out. {_LOCAL_HINT}"
        raise EnvError(f"{file.name} lists packages that only conda can install: {', '.join(dropped)}.", hint=hint)
    if may_be_virtualenv:
        return (
            "virtualenv",
            f"{file.name} lists only Python and pip packages: a virtualenv has the same ({conda_native.INSTALL} for conda's)",
        )
    hint = f"{conda_native.INSTALL} lets mlctl do it; `--env-manager virtualenv` installs the same here."
    missing = "py-rattler is not installed" + (", and there is no conda on this machine" if note else "")
    raise EnvError(f"{file.name} cannot be installed as conda packages: {missing}.", hint=hint)
