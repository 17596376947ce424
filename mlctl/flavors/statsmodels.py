"""Results of statsmodels. They are pickles: statsmodels has no other format."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

from mlctl.errors import InvalidValueError
from mlctl.flavors import framework
from mlctl.models import loading, pickles, requirements
from mlctl.models.model import Model, ModelInfo

FLAVOR_NAME = "statsmodels"
_FILE = "model.statsmodels"


def get_default_pip_requirements() -> List[str]:
    """What every model of this flavor needs."""
    return framework.pinned("statsmodels")


def get_default_conda_env() -> Dict[str, Any]:
    """The conda environment of `get_default_pip_requirements`."""
    return framework.conda_env(get_default_pip_requirements())


def save_model(
    statsmodels_model: Any,
    path: Any,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    mlflow_model: Optional[Model] = None,
    remove_data: bool = False,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Optional[Dict[str, Any]] = None,
    extra_files: Optional[Sequence[str]] = None,
) -> None:
    """Save results of statsmodels to a new folder; ``remove_data`` leaves out what they were computed from.

    Raises:
        ExistsError: there is something at the path already.
        InvalidValueError: an argument is not acceptable.
    """
    given = locals()
    import statsmodels

    draft = framework.begin(given)
    draft.describe(_Predictor(statsmodels_model).predict)
    statsmodels_model.save(str(draft.folder / _FILE), remove_data)
    draft.add_pyfunc("mlflow.statsmodels", data=_FILE)
    draft.model.add_flavor(
        FLAVOR_NAME,
        statsmodels_version=statsmodels.__version__,
        data=_FILE,
        code=draft.code,
        **framework.keep_extra_files(draft, extra_files),
    )
    named = requirements.names_in_pickle(draft.folder / _FILE)
    framework.finish(draft, given, modules=named, distributions=["statsmodels", "numpy", "pandas", "scipy"])


def log_model(
    statsmodels_model: Any,
    artifact_path: Optional[str] = None,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    registered_model_name: Optional[str] = None,
    remove_data: bool = False,
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
    """Log results of statsmodels; see `save_model` and `mlctl.models.Model.log`."""
    return framework.log(save_model, locals())


def load_model(model_uri: str, dst_path: Optional[str] = None) -> Any:
    """The results at an address.

    Raises:
        InvalidValueError: it has no such flavor, or cannot be read.
        NotFoundError: there is no such model.
        PickleRefusedError: unpickling is not allowed.
    """
    return _read(loading.find(model_uri, FLAVOR_NAME, dst_path))


def _read(found: loading.Found) -> Any:
    return pickles.load(loading.file_of(found, "data"))


def _load_pyfunc(path: str, model_config: Optional[Dict[str, Any]] = None) -> "_Predictor":
    return _Predictor(_read(framework.opened(path, FLAVOR_NAME)))


class _Predictor(framework.Predictor):
    def predict(self, data: Any, params: Optional[Dict[str, Any]] = None) -> Any:
        """What the results say of data; of a time series, whose data are one row with ``start`` and ``end``, that span.

        Raises:
            InvalidValueError: the data of a time series are no such row.
        """
        from statsmodels.tsa.base.tsa_model import TimeSeriesModel

        if not isinstance(self.model.model, TimeSeriesModel):
            return self.model.predict(data)
        if len(data) != 1 or not {"start", "end"} <= set(data.columns):
            raise InvalidValueError("A time series predicts a span.", hint="Give a frame of one row, with the columns start and end.")
        return self.model.predict(start=data["start"].iloc[0], end=data["end"].iloc[0])
