"""``mlctl.pytorch``, as MLflow has it: models of PyTorch, and autologging."""

from mlctl.autologging.lightning import autolog
from mlctl.flavors.pytorch import (
    get_default_conda_env,
    get_default_pip_requirements,
    load_model,
    load_state_dict,
    log_model,
    log_state_dict,
    save_model,
    save_state_dict,
)

__all__ = [
    "autolog",
    "get_default_conda_env",
    "get_default_pip_requirements",
    "load_model",
    "load_state_dict",
    "log_model",
    "log_state_dict",
    "save_model",
    "save_state_dict",
]
