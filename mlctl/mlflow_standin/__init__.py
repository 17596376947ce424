"""The `mlflow` that a job finds where its environment has none: MLflow's names, for what mlctl implements.

`mlctl.inject` installs this folder as ``mlflow`` beside the bundle, at the end of the path. A real mlflow is used instead wherever it
may be: further back on the path, or with a finder of its own (as some editable installs have).
"""

from typing import Any, List

from mlctl.version import __version__ as _mlctl_version

from . import _names, _places

__version__ = f"{_names.API_VERSION}+mlctl.{_mlctl_version}"
STAND_IN = f"stand-in {_mlctl_version}"
__all__ = _names.listed("mlflow")  # noqa: PLE0605 -- a list it is


def __getattr__(name: str) -> Any:
    return _names.attribute("mlflow", name)


def __dir__() -> List[str]:
    return [*__all__, "__version__"]


if __name__ == "mlflow":
    _places.settle(__path__, __file__)
