"""``mlctl.xgboost``, as MLflow has it: models of XGBoost, and autologging."""

from mlctl.autologging.xgboost import autolog
from mlctl.flavors.xgboost import get_default_conda_env, get_default_pip_requirements, load_model, log_model, save_model

__all__ = ["autolog", "get_default_conda_env", "get_default_pip_requirements", "load_model", "log_model", "save_model"]
