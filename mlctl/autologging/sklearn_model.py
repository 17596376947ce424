"""The model of a training of scikit-learn, as a logged model with signature and, if asked for, an input example."""

from typing import TYPE_CHECKING, Any, Optional

from mlctl.autologging.notices import guard

if TYPE_CHECKING:
    from mlctl.autologging.options import SklearnOptions

NAME, BEST = "model", "best_estimator"
_EXAMPLES = 5


def log(run_id: str, estimator: Any, x: Any, *, options: "SklearnOptions", is_search: bool) -> None:
    """Log what was trained; of a search also the best candidate. The run's metrics become the model's, too."""
    if not options.log_models:
        return
    best = getattr(estimator, "best_estimator_", None) if is_search else None
    if best is not None:
        _log(run_id, best, x, options=options, name=BEST, register=False)
    _log(run_id, estimator, x, options=options, name=NAME, register=True)


def _log(run_id: str, estimator: Any, x: Any, *, options: "SklearnOptions", name: str, register: bool) -> None:
    from mlctl.flavors import sklearn as flavor

    sample = _sample(x)
    signature: Any = False
    if options.log_model_signatures and sample is not None:
        with guard("infer the signature of a trained model", silent=options.silent):
            signature = _signature(estimator, sample)
    flavor.log_model(
        estimator,
        name=name,
        run_id=run_id,
        signature=signature,
        input_example=sample if options.log_input_examples else None,
        serialization_format=_format(options.serialization_format),
        registered_model_name=options.registered_model_name if register else None,
    )


def _format(asked: str) -> Optional[str]:
    """The format asked for; MLflow's default leaves the choice to the flavor where cloudpickle is not there, or nothing is unpickled."""
    from mlctl.models import pickles

    return asked if asked != "cloudpickle" or (pickles.has_cloudpickle() and pickles.allowed()) else None


def _signature(estimator: Any, sample: Any) -> Any:
    from mlctl.models.signature import infer_signature

    answer = next((getattr(estimator, name) for name in ("predict", "transform") if hasattr(estimator, name)), None)
    return infer_signature(sample, answer(sample) if answer else None)


def _sample(x: Any) -> Any:
    """A copy of the first few rows; None for data that have none, or are sparse."""
    if x is None or hasattr(x, "tocsr"):
        return None
    if hasattr(x, "iloc"):
        return x.iloc[:_EXAMPLES].copy()
    try:
        import numpy as np

        found = np.array(x[:_EXAMPLES])
    except (TypeError, ValueError, KeyError):
        return None
    return None if found.dtype == object else found
