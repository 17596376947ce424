"""Loading models from code: the script in the model's folder is run."""

import re
from typing import Any, Dict, Optional

from mlctl.flavors import pyfunc_model
from mlctl.models import code_models, folders
from mlctl.models.model import PYFUNC, Model


def _load_pyfunc(path: str, model_config: Optional[Dict[str, Any]] = None) -> pyfunc_model.Wrapper:
    """The model that a folder's script sets."""
    config: Dict[str, Any] = Model.load(path).flavors[PYFUNC]
    settled = pyfunc_model.settled_config(config.get("config"), model_config)
    script = re.split(r"[\\/]", str(config.get("model_code_path")))[-1]  # MLflow says where it was when it was logged
    with pyfunc_model.read_as_mlflow():
        model = code_models.load(folders.inside(path, script, what="code of the model"), settled or None)
    return pyfunc_model.wrapped(model, artifacts=pyfunc_model.artifacts_of(path, config), model_config=settled)
