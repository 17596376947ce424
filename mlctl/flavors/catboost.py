"""Models of CatBoost, in CatBoost's own formats, none of which runs code."""

import os
from typing import Any, Dict, List, Mapping, Optional, Sequence

from mlctl.errors import InvalidValueError
from mlctl.flavors import framework
from mlctl.models import loading
from mlctl.models.model import Model, ModelInfo

FLAVOR_NAME = "catboost"
_FILE = "model.cb"
_KINDS = ("CatBoost", "CatBoostClassifier", "CatBoostRanker", "CatBoostRegressor")


def get_default_pip_requirements() -> List[str]:
    """What every model of this flavor needs."""
    return framework.pinned("catboost")


def get_default_conda_env() -> Dict[str, Any]:
    """The conda environment of `get_default_pip_requirements`."""
    return framework.conda_env(get_default_pip_requirements())


def save_model(
    cb_model: Any,
    path: Any,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    mlflow_model: Optional[Model] = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Optional[Dict[str, Any]] = None,
    extra_files: Optional[Sequence[str]] = None,
    **kwargs: Any,
) -> None:
    """Save a model of CatBoost to a new folder; further arguments (``format``) go to its ``save_model``.

    Raises:
        ExistsError: there is something at the path already.
        InvalidValueError: an argument is not acceptable.
    """
    given = locals()
    import catboost

    draft = framework.begin(given)
    draft.describe(framework.Predictor(cb_model).predict)
    cb_model.save_model(str(draft.folder / _FILE), **kwargs)
    draft.add_pyfunc("mlflow.catboost", data=_FILE)
    draft.model.add_flavor(
        FLAVOR_NAME,
        catboost_version=catboost.__version__,
        code=draft.code,
        model_type=type(cb_model).__name__,
        save_format=kwargs.get("format", "cbm"),
        data=_FILE,
        **framework.keep_extra_files(draft, extra_files),
    )
    framework.finish(draft, given, distributions=["catboost", "numpy"])


def log_model(
    cb_model: Any,
    artifact_path: Optional[str] = None,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    registered_model_name: Optional[str] = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: Optional[int] = 300,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Optional[Dict[str, Any]] = None,
    extra_files: Optional[Sequence[str]] = None,
    name: Optional[str] = None,
    params: Optional[Mapping[str, Any]] = None,
    tags: Optional[Mapping[str, Any]] = None,
    model_type: Optional[str] = None,
    step: int = 0,
    model_id: Optional[str] = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log a model of CatBoost; see `save_model` and `mlctl.models.Model.log`."""
    return framework.log(save_model, locals())


def load_model(model_uri: str, dst_path: Optional[str] = None) -> Any:
    """The model of CatBoost at an address.

    Raises:
        InvalidValueError: it has no such flavor, or cannot be read.
        NotFoundError: there is no such model.
    """
    return _read(loading.find(model_uri, FLAVOR_NAME, dst_path))


def _read(found: loading.Found) -> Any:
    import catboost

    name = found.config.get("model_type")
    if name not in _KINDS or not hasattr(catboost, name):
        raise InvalidValueError(
            f"The MLmodel file says {name!r}, which is no kind of model in CatBoost.", hint=f"One of: {', '.join(_KINDS)}"
        )
    model = getattr(catboost, name)()
    model.load_model(os.path.abspath(loading.file_of(found, "data")), found.config.get("save_format") or "cbm")  # noqa: PTH100
    return model


def _load_pyfunc(path: str, model_config: Optional[Dict[str, Any]] = None) -> framework.Predictor:
    return framework.Predictor(_read(framework.opened(path, FLAVOR_NAME)))
