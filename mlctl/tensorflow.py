"""``mlctl.tensorflow``, as MLflow has it: models of TensorFlow, and autologging."""

from mlctl.autologging.keras import autolog_tensorflow as autolog
from mlctl.flavors.tensorflow import get_default_conda_env, get_default_pip_requirements, load_model, log_model, save_model

__all__ = ["autolog", "get_default_conda_env", "get_default_pip_requirements", "load_model", "log_model", "save_model"]
