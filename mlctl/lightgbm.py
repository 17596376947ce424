"""``mlctl.lightgbm``, as MLflow has it: models of LightGBM."""

from mlctl.flavors.lightgbm import get_default_conda_env, get_default_pip_requirements, load_model, log_model, save_model

__all__ = ["get_default_conda_env", "get_default_pip_requirements", "load_model", "log_model", "save_model"]
