"""``mlctl.lightgbm``, as MLflow has it: models of LightGBM, and autologging."""

from mlctl.autologging.lightgbm import autolog
from mlctl.flavors.lightgbm import get_default_conda_env, get_default_pip_requirements, load_model, log_model, save_model

__all__ = ["autolog", "get_default_conda_env", "get_default_pip_requirements", "load_model", "log_model", "save_model"]
