"""``mlctl.keras``, as MLflow has it: models of Keras, and autologging."""

from mlctl.autologging.keras import autolog
from mlctl.flavors.keras import get_default_conda_env, get_default_pip_requirements, load_model, log_model, save_model

__all__ = ["autolog", "get_default_conda_env", "get_default_pip_requirements", "load_model", "log_model", "save_model"]
