"""Models of LightGBM: boosters in LightGBM's own format, estimators as those of scikit-learn (skops or a pickle)."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

from mlctl.flavors import framework, sklearn
from mlctl.models import loading
from mlctl.models.model import Model, ModelInfo

FLAVOR_NAME = "lightgbm"
_BOOSTER = "lightgbm.basic.Booster"
_TRUSTED = ("collections.OrderedDict", _BOOSTER, "lightgbm.sklearn.LGBMClassifier", "lightgbm.sklearn.LGBMRegressor")


def get_default_pip_requirements(include_cloudpickle: bool = False, include_skops: bool = False) -> List[str]:
    """What every model of this flavor needs."""
    return framework.pinned("lightgbm", *(["cloudpickle"] if include_cloudpickle else []), *(["skops"] if include_skops else []))


def get_default_conda_env(include_cloudpickle: bool = False, include_skops: bool = False) -> Dict[str, Any]:
    """The conda environment of `get_default_pip_requirements`."""
    return framework.conda_env(get_default_pip_requirements(include_cloudpickle, include_skops))


def save_model(
    lgb_model: Any,
    path: Any,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    mlflow_model: Optional[Model] = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Optional[Dict[str, Any]] = None,
    serialization_format: Optional[str] = None,
    skops_trusted_types: Optional[List[str]] = None,
    extra_files: Optional[Sequence[str]] = None,
    **kwargs: Any,
) -> None:
    """Save a booster or an estimator to a new folder; ``serialization_format`` is that of an estimator, as for scikit-learn.

    Raises:
        ExistsError: there is something at the path already.
        InvalidValueError: an argument is not acceptable.
    """
    given = locals()
    import lightgbm

    draft = framework.begin(given)
    draft.describe(framework.Predictor(lgb_model).predict)
    kind = type(lgb_model)
    own: Dict[str, Any] = {"serialization_format": serialization_format or "skops"}
    if isinstance(lgb_model, lightgbm.Booster):
        own.update(data="model.lgb", skops_trusted_types=sorted({*_TRUSTED, *(skops_trusted_types or ())}))
        lgb_model.save_model(str(draft.folder / "model.lgb"), **kwargs)
    else:
        trusted = sorted({*_TRUSTED, *(skops_trusted_types or ())})
        chosen, file, types = sklearn._write(lgb_model, draft.folder, serialization_format, trusted)
        own = {"serialization_format": chosen, "data": file, "skops_trusted_types": types}
    draft.add_pyfunc("mlflow.lightgbm", data=own["data"])
    draft.model.add_flavor(
        FLAVOR_NAME,
        lgb_version=lightgbm.__version__,
        model_class=f"{kind.__module__}.{kind.__qualname__}",
        code=draft.code,
        **own,
        **framework.keep_extra_files(draft, extra_files),
    )
    further = [] if own["data"] == "model.lgb" else ["scikit-learn", own["serialization_format"]]
    framework.finish(draft, given, distributions=["lightgbm", "numpy", "scipy", *further])


def log_model(
    lgb_model: Any,
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
    serialization_format: Optional[str] = None,
    skops_trusted_types: Optional[List[str]] = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log a booster or an estimator; see `save_model` and `mlctl.models.Model.log`."""
    return framework.log(save_model, locals())


def load_model(model_uri: str, dst_path: Optional[str] = None) -> Any:
    """The booster or estimator at an address.

    Raises:
        InvalidValueError: it has no such flavor, or cannot be read.
        NotFoundError: there is no such model.
        PickleRefusedError: it is a pickle, and unpickling is not allowed.
    """
    return _read(loading.find(model_uri, FLAVOR_NAME, dst_path))


def _read(found: loading.Found) -> Any:
    file = loading.file_of(found, "data")
    if found.config.get("model_class", _BOOSTER) == _BOOSTER:
        import lightgbm

        return lightgbm.Booster(model_file=file)
    kind = str(found.config.get("serialization_format", sklearn.SERIALIZATION_FORMAT_CLOUDPICKLE))
    return sklearn._read(file, kind, found.config.get("skops_trusted_types"), harmless=_TRUSTED)


def _load_pyfunc(path: str, model_config: Optional[Dict[str, Any]] = None) -> framework.Predictor:
    return framework.Predictor(_read(framework.opened(path, FLAVOR_NAME)))
