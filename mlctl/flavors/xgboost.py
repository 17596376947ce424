"""Models of XGBoost, boosters and estimators, in XGBoost's own formats, none of which runs code."""

import inspect
import logging
from typing import Any, Dict, List, Mapping, Optional, Sequence

from mlctl.flavors import framework
from mlctl.models import loading
from mlctl.models.model import Model, ModelInfo

FLAVOR_NAME = "xgboost"


def get_default_pip_requirements() -> List[str]:
    """What every model of this flavor needs."""
    from mlctl.models import requirements

    return requirements.pinned(["xgboost"])


def get_default_conda_env() -> Dict[str, Any]:
    """The conda environment of `get_default_pip_requirements`."""
    return framework.conda_env(get_default_pip_requirements())


def save_model(
    xgb_model: Any,
    path: Any,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    mlflow_model: Optional[Model] = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    model_format: str = "ubj",
    metadata: Optional[Dict[str, Any]] = None,
    extra_files: Optional[Sequence[str]] = None,
    **kwargs: Any,
) -> None:
    """Save a booster or an estimator to a new folder; ``model_format`` is ubj, json or xgb; further arguments go to its ``save_model``.

    Raises:
        ExistsError: there is something at the path already.
        InvalidValueError: an argument is not acceptable.
    """
    given = locals()
    import xgboost

    draft = framework.begin(given)
    draft.describe(_Predictor(xgb_model).predict)
    file = f"model.{model_format}"
    xgb_model.save_model(str(draft.folder / file), **kwargs)
    kind = type(xgb_model)
    draft.add_pyfunc("mlflow.xgboost", data=file)
    draft.model.add_flavor(
        FLAVOR_NAME,
        xgb_version=xgboost.__version__,
        data=file,
        model_class=f"{kind.__module__}.{kind.__qualname__}",
        model_format=model_format,
        code=draft.code,
        **framework.keep_extra_files(draft, extra_files),
    )
    estimator = [] if isinstance(xgb_model, xgboost.Booster) else ["scikit-learn"]
    framework.finish(draft, given, modules=["xgboost"], distributions=["numpy", "scipy", *estimator])


def log_model(
    xgb_model: Any,
    artifact_path: Optional[str] = None,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    registered_model_name: Optional[str] = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: Optional[int] = 300,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    model_format: str = "ubj",
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
    """Log a booster or an estimator; see `save_model` and `mlctl.models.Model.log`."""
    return framework.log(save_model, locals())


def load_model(model_uri: str, dst_path: Optional[str] = None) -> Any:
    """The booster or estimator at an address.

    Raises:
        InvalidValueError: it has no such flavor, or cannot be read.
        NotFoundError: there is no such model.
    """
    return _read(loading.find(model_uri, FLAVOR_NAME, dst_path))


def _read(found: loading.Found) -> Any:
    import xgboost

    estimators = [kind for kind in [getattr(xgboost, "XGBModel", None)] if kind is not None]
    model = framework.class_of(found.config.get("model_class", "xgboost.core.Booster"), xgboost.Booster, *estimators)()
    model.load_model(loading.file_of(found, "data"))
    return model


def _load_pyfunc(path: str, model_config: Optional[Dict[str, Any]] = None) -> "_Predictor":
    return _Predictor(_read(framework.opened(path, FLAVOR_NAME)))


class _Predictor(framework.Predictor):
    def predict(self, data: Any, params: Optional[Dict[str, Any]] = None) -> Any:
        """What the model says of data; ``params`` are arguments of its own ``predict``, others are left out."""
        import xgboost

        known = inspect.signature(self.model.predict).parameters
        given = {name: value for name, value in (params or {}).items() if name in known}
        if len(given) < len(params or {}):
            logging.getLogger(__name__).warning("XGBoost's predict takes no %s: left out.", ", ".join(sorted({*(params or {})} - {*given})))
        is_booster = isinstance(self.model, xgboost.Booster)
        return self.model.predict(xgboost.DMatrix(data) if is_booster else data, **{"validate_features": True, **given})
