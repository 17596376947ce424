"""Models of scikit-learn (and what follows its API), as MLflow's flavor ``sklearn`` keeps them.

The format is chosen, unless one is named: skops (which runs no code) where it is installed and knows all that the model is made of, else
cloudpickle, else pickle. The MLmodel file says which one it is.
"""

import os
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from mlctl.errors import InvalidValueError
from mlctl.flavors import framework
from mlctl.flavors.skops_types import HARMLESS
from mlctl.models import loading, pickles, requirements
from mlctl.models.model import PYFUNC, Model, ModelInfo

FLAVOR_NAME = "sklearn"
LOADER = "mlflow.sklearn"
SERIALIZATION_FORMAT_PICKLE = "pickle"
SERIALIZATION_FORMAT_CLOUDPICKLE = "cloudpickle"
SERIALIZATION_FORMAT_SKOPS = "skops"
FORMATS = (SERIALIZATION_FORMAT_PICKLE, SERIALIZATION_FORMAT_CLOUDPICKLE, SERIALIZATION_FORMAT_SKOPS)
_FILES = {SERIALIZATION_FORMAT_SKOPS: "model.skops"}
_BASE = ("scikit-learn", "numpy", "scipy")


def get_default_pip_requirements(include_cloudpickle: bool = False) -> List[str]:
    """What every model of this flavor needs."""
    return requirements.pinned((), distributions=[*_BASE, *(["cloudpickle"] if include_cloudpickle else [])])


def save_model(
    sk_model: Any,
    path: Any,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    mlflow_model: Optional[Model] = None,
    serialization_format: Optional[str] = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    pyfunc_predict_fn: str = "predict",
    metadata: Optional[Dict[str, Any]] = None,
    skops_trusted_types: Optional[List[str]] = None,
    extra_files: Optional[Sequence[str]] = None,
) -> None:
    """Save a model of scikit-learn to a new folder.

    Raises:
        ExistsError: there is something at the path already.
        InvalidValueError: the format is not known or cannot hold the model, or another argument is not acceptable.
    """
    given = locals()
    import sklearn

    if serialization_format is not None and serialization_format not in FORMATS:
        raise InvalidValueError(f"{serialization_format!r} is not a serialization format.", hint=f"One of: {', '.join(FORMATS)}")
    draft = framework.begin(given)
    kind, file, trusted = _write(sk_model, draft.folder, serialization_format, skops_trusted_types)
    predicts = hasattr(sk_model, pyfunc_predict_fn)
    if predicts:
        draft.add_pyfunc(LOADER, model_path=file, predict_fn=pyfunc_predict_fn)
    draft.model.add_flavor(
        FLAVOR_NAME,
        pickled_model=file,
        sklearn_version=sklearn.__version__,
        serialization_format=kind,
        skops_trusted_types=trusted,
        code=draft.code,
        **framework.keep_extra_files(draft, extra_files),
    )
    draft.describe(_Wrapper(sk_model, pyfunc_predict_fn).predict if predicts else None)
    modules = requirements.names_in_pickle(draft.folder / file) if kind != SERIALIZATION_FORMAT_SKOPS else _modules(trusted or ())
    extra = [kind] if kind != SERIALIZATION_FORMAT_PICKLE else []
    framework.finish(draft, given, modules=modules, distributions=[*_BASE, *extra])


def _write(model: Any, folder: Path, wanted: Optional[str], trusted: Optional[List[str]]) -> Tuple[str, str, Optional[List[str]]]:
    """Write a model in a format, chosen if none is wanted; returns the format, the file's name, and the types that skops has to trust."""
    if wanted in (None, SERIALIZATION_FORMAT_SKOPS):
        file = _FILES[SERIALIZATION_FORMAT_SKOPS]
        problem, unknown = _write_skops(model, folder / file, trusted)
        if not problem:
            return SERIALIZATION_FORMAT_SKOPS, file, unknown
        (folder / file).unlink(missing_ok=True)
        if wanted or not pickles.allowed():
            hint = (
                "pip install skops"
                if "installed" in problem
                else "Name them in skops_trusted_types=[…], or use serialization_format='cloudpickle'."
            )
            raise InvalidValueError(f"The model cannot be saved in the format skops: {problem}.", hint=hint)
    kind = wanted or (SERIALIZATION_FORMAT_CLOUDPICKLE if pickles.has_cloudpickle() else SERIALIZATION_FORMAT_PICKLE)
    pickles.dump(model, folder / "model.pkl", cloud=kind == SERIALIZATION_FORMAT_CLOUDPICKLE)
    return kind, "model.pkl", None


def _write_skops(model: Any, file: Path, trusted: Optional[List[str]]) -> Tuple[str, Optional[List[str]]]:
    """Why it cannot be done (empty: it is), and the types that have to be trusted when the model is loaded."""
    try:
        import skops.io
    except ImportError:
        return "skops is not installed", None
    try:
        skops.io.dump(model, str(file))
        unknown = [str(name) for name in skops.io.get_untrusted_types(file=str(file))]
    except Exception as error:  # noqa: BLE001 -- what skops raises for what it does not know is not documented
        return f"skops cannot hold it ({error})", None
    known = set(trusted or ())
    strange = [name for name in unknown if name not in known and name not in HARMLESS]
    return (f"it has types that nobody has declared trusted: {', '.join(strange)}" if strange else ""), (sorted({*unknown, *known}) or None)


def _modules(types: Sequence[str]) -> "set[str]":
    return {name.partition(".")[0] for name in types}


def log_model(
    sk_model: Any,
    artifact_path: Optional[str] = None,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    serialization_format: Optional[str] = None,
    registered_model_name: Optional[str] = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: Optional[int] = 300,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    pyfunc_predict_fn: str = "predict",
    metadata: Optional[Dict[str, Any]] = None,
    extra_files: Optional[Sequence[str]] = None,
    params: Optional[Mapping[str, Any]] = None,
    tags: Optional[Mapping[str, Any]] = None,
    model_type: Optional[str] = None,
    step: int = 0,
    model_id: Optional[str] = None,
    name: Optional[str] = None,
    skops_trusted_types: Optional[List[str]] = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log a model of scikit-learn; see `save_model` and `mlctl.models.Model.log`."""
    return framework.log(save_model, locals())


def load_model(model_uri: str, dst_path: Optional[str] = None) -> Any:
    """The model of scikit-learn at an address.

    Raises:
        InvalidValueError: it has no such flavor, or cannot be read.
        NotFoundError: there is no such model.
        PickleRefusedError: it is a pickle, and unpickling is not allowed.
    """
    found = loading.find(model_uri, FLAVOR_NAME, dst_path)
    kind = found.config.get("serialization_format", SERIALIZATION_FORMAT_PICKLE)
    return _read(loading.file_of(found, "pickled_model"), str(kind), found.config.get("skops_trusted_types"))


def _read(path: str, kind: str, trusted: Optional[List[str]], *, harmless: Sequence[str] = ()) -> Any:
    if kind not in FORMATS:
        raise InvalidValueError(f"The model's serialization format is {kind!r}, which is not known.", hint=f"One of: {', '.join(FORMATS)}")
    if kind != SERIALIZATION_FORMAT_SKOPS:
        return pickles.load(path, cloud=kind == SERIALIZATION_FORMAT_CLOUDPICKLE)
    try:
        import skops.io
    except ImportError:
        raise InvalidValueError("The model is in the format skops, which is not installed.", hint="pip install skops") from None
    wanted = [str(name) for name in trusted or ()]
    strange = [name for name in wanted if name not in HARMLESS and name not in harmless]
    if strange:  # the list comes from the model itself: it is no better than a pickle
        pickles.check(path)
    try:
        return skops.io.load(path, trusted=wanted)
    except Exception as error:  # what skops and the types that it makes raise for a broken file is not known
        raise InvalidValueError(f"The file {os.path.basename(path)} cannot be read by skops: {error}.") from error  # noqa: PTH119


def _load_pyfunc(path: str, model_config: Optional[Dict[str, Any]] = None) -> "_Wrapper":
    """The model whose folder, or whose file in it, is at a path, for `mlctl.pyfunc`."""
    found = framework.opened(path, FLAVOR_NAME)
    own, pyfunc = found.config, found.model.flavors.get(PYFUNC, {})
    file = loading.file_of(found._replace(config={**pyfunc, **own}), "pickled_model", "model_path")
    kind = str(own.get("serialization_format", SERIALIZATION_FORMAT_PICKLE))
    return _Wrapper(_read(file, kind, own.get("skops_trusted_types")), str(pyfunc.get("predict_fn", "predict")))


class _Wrapper(framework.Predictor):
    """A model as a Python function, by one of its methods."""

    def __init__(self, model: Any, predict_fn: str) -> None:
        if predict_fn.startswith("_") or not callable(getattr(model, predict_fn, None)):
            raise InvalidValueError(f"The model predicts by {predict_fn!r}, which is no method of a {type(model).__name__}.")
        super().__init__(model)
        self._predict = getattr(model, predict_fn)

    def predict(self, data: Any, params: Optional[Dict[str, Any]] = None) -> Any:
        """Predictions; params go to the model's method."""
        return self._predict(data, **(params or {}))
