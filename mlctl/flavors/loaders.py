"""Which module loads a model as a Python function, by the name that its MLmodel file has."""

from importlib import import_module
from typing import Any

from mlctl.errors import InvalidValueError
from mlctl.models import pickles
from mlctl.models.model import PYFUNC

OURS = {"mlflow.pyfunc.model": "mlctl.flavors.pyfunc_model", "mlflow.pyfunc.loaders.code_model": "mlctl.flavors.pyfunc_code"}
"""Modules by which MLflow loads, and which of ours do it; those of flavors have the flavor's own name (`mlctl.flavors.sklearn`)."""


def loader(name: str) -> Any:
    """The module that loads a model as a Python function, by the name that its MLmodel file has.

    Raises:
        InvalidValueError: it cannot be imported.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        raise InvalidValueError(f"The MLmodel file names {name!r} as the module that loads the model, which is no name of a module.")
    ours = OURS.get(name) or (f"mlctl.flavors.{name[len('mlflow.') :]}" if name.startswith("mlflow.") else "")
    for module in filter(None, (ours, name)):
        if module == name and not name.startswith("mlctl."):
            pickles.check(f"module {name}")
        try:
            return import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not module.startswith(error.name):
                raise InvalidValueError(
                    f"The model needs the module {error.name}, which is not here.", hint=f"pip install {error.name}"
                ) from None
    raise InvalidValueError(
        f"The model is loaded by {name!r}, which is not here.", hint=f"Its flavors: see `mlctl models show`; {PYFUNC} needs that module."
    )
