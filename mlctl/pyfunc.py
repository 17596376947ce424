"""``mlctl.pyfunc``, as MLflow has it: models as Python functions."""

from mlctl.flavors.pyfunc import FLAVOR_NAME, PyFuncModel, add_to_model, get_model_dependencies, load_model, log_model, save_model
from mlctl.flavors.pyfunc_model import ChatModel, PythonModel, PythonModelContext

__all__ = [
    "FLAVOR_NAME",
    "ChatModel",
    "PyFuncModel",
    "PythonModel",
    "PythonModelContext",
    "add_to_model",
    "get_model_dependencies",
    "load_model",
    "log_model",
    "save_model",
]
