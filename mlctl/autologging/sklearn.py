"""Autologging of scikit-learn: which methods are watched. What is logged of a training is in `sklearn_training`.

Modules of scikit-learn are patched as they are imported (those that are already, at once), so turning this on imports nothing.
"""

import functools
import threading
from types import ModuleType
from typing import Any, Callable, Dict, Mapping, Optional

from mlctl.autologging import imports, sklearn_estimators
from mlctl.autologging.notices import guard, say
from mlctl.autologging.options import SklearnOptions
from mlctl.autologging.patches import Patches
from mlctl.autologging.trainings import is_inner, tags_to_add, unwatched, watch
from mlctl.errors import InvalidValueError

OLDEST = (1, 0)
"""The oldest scikit-learn that is supported; older ones are patched too, unless ``disable_for_unsupported_versions`` is set."""

_TRAINING = ("fit", "fit_transform", "fit_predict")
_INFERENCE = ("predict", "predict_proba", "predict_log_proba", "transform")

_VALIDATION = ("_fit_and_score", "_fit_and_predict", "_permutation_test_score", "_incremental_fit_estimator")
"""What cross_val_score, cross_validate, learning_curve and their like call for each fold: folds are no trainings to be logged.

These inner functions are patched, not the public ones, because scripts import the public ones before they turn autologging on.
"""


class _State:
    """Whether autologging is on (``options``), what it changed, and whether the script asked for scikit-learn by name."""

    def __init__(self) -> None:
        self.options: Optional[SklearnOptions] = None
        self.patches = Patches()
        self.lock = threading.RLock()
        self.by_name = False


_state = _State()


def autolog(
    log_input_examples: bool = False,
    log_model_signatures: bool = True,
    log_models: bool = True,
    log_datasets: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    max_tuning_runs: Optional[int] = 5,
    log_post_training_metrics: bool = True,
    serialization_format: str = "cloudpickle",
    registered_model_name: Optional[str] = None,
    pos_label: Any = None,
    extra_tags: Optional[Mapping[str, Any]] = None,
) -> None:
    """Log every training of scikit-learn from now on: params, metrics, tags, files, data and model (see docs/autologging.md).

    ``disable=True`` puts every function back.

    Raises:
        InvalidValueError: ``max_tuning_runs`` is negative, or ``extra_tags`` is no dictionary.
    """
    if max_tuning_runs is not None and max_tuning_runs < 0:
        raise InvalidValueError(f"max_tuning_runs is {max_tuning_runs}.", hint="Give the number of best candidates, or None for all.")
    tags = tags_to_add(extra_tags, silent=silent)
    options = SklearnOptions(
        library="sklearn",
        exclusive=exclusive,
        silent=silent,
        log_datasets=log_datasets,
        extra_tags=tags,
        max_tuning_runs=max_tuning_runs,
        pos_label=pos_label,
        log_post_training_metrics=log_post_training_metrics,
        only_supported=disable_for_unsupported_versions,
        log_models=log_models,
        log_model_signatures=log_model_signatures,
        log_input_examples=log_input_examples,
        registered_model_name=registered_model_name,
        serialization_format=serialization_format,
    )
    _turn(None if disable else options, by_name=True)


def autolog_with_all(*, disable: bool, **arguments: Any) -> None:
    """What the generic ``autolog()`` does for scikit-learn: what a script asked for by name is not overridden, but turned off."""
    if disable:
        _turn(None, by_name=False)
    elif not _state.by_name:
        autolog(**arguments)
        _state.by_name = False


def _turn(options: Optional[SklearnOptions], *, by_name: bool) -> None:
    with _state.lock:
        _state.by_name = by_name
        _state.options = None
        imports.unwatch("sklearn")
        _state.patches.undo()
        if options is None:
            return
        _state.options = options
        imports.watch("sklearn", _imported)
        for module in imports.loaded("sklearn"):
            _imported(module)


# ── what is patched ──────────────────────────────────────────────────────────────────────────────────────────────────


def _imported(module: ModuleType) -> None:
    options = _state.options
    if options is None:
        return
    with _state.lock, guard(f"watch {module.__name__}", silent=options.silent):
        if options.only_supported and not _is_supported():
            say("Autologging does not support this version of scikit-learn and is off.", silent=options.silent)
            return
        for owner in sklearn_estimators.estimators(module):
            _patch_estimator(owner)
        if module.__name__ == "sklearn.model_selection":
            _patch_validation(module)
        if module.__name__ == "sklearn.metrics" and options.log_post_training_metrics:
            _patch_metrics(module)


def _is_supported() -> bool:
    import sklearn

    return tuple(int(part) for part in sklearn.__version__.split(".")[:2]) >= OLDEST


def _patch_estimator(owner: type) -> None:
    if sklearn_estimators.prepares(owner):
        for name in _TRAINING:
            _state.patches.wrap(owner, name, _not_watched)  # it may train estimators: to choose features, to fill in values
        return
    for name in _TRAINING:
        _state.patches.wrap(owner, name, _watched_training)
    for name in _INFERENCE:
        _state.patches.wrap(owner, name, _watched_inference)
    _state.patches.wrap(owner, "score", _watched_score)


def _patch_validation(package: ModuleType) -> None:
    import sys

    inner = [sys.modules.get(f"{package.__name__}.{name}") for name in ("_validation", "_search", "_search_successive_halving")]
    for module in filter(None, inner):
        for name in _VALIDATION:
            _state.patches.wrap(module, name, _not_watched)


def _patch_metrics(package: ModuleType) -> None:
    """Each metric in the package and, so that it can be pickled by its name, in the module that defines it."""
    import sys

    for name in getattr(package, "__all__", ()):
        metric = vars(package).get(name)
        if not callable(metric) or isinstance(metric, type) or name.startswith("plot_") or name in _NO_METRICS:
            continue
        home = sys.modules.get(getattr(metric, "__module__", ""), package)
        _state.patches.wrap(package, name, _watched_metric)
        _state.patches.wrap(home, name, _watched_metric)


_NO_METRICS = {"check_scoring", "get_scorer", "get_scorer_names", "make_scorer"}


# ── replacements ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _watched_training(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def train(self: Any, *args: Any, **kwargs: Any) -> Any:
        options = _state.options
        if options is None:
            return original(self, *args, **kwargs)
        from mlctl.autologging.sklearn_training import Training

        return watch(options, lambda: Training(options, self, args, kwargs), lambda: original(self, *args, **kwargs))

    return train


def _watched_inference(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def infer(self: Any, *args: Any, **kwargs: Any) -> Any:
        model = _evaluated(self)
        if model is None:
            return original(self, *args, **kwargs)
        with unwatched():
            found = original(self, *args, **kwargs)
            with guard("note a prediction", silent=model.options.silent):
                model.predicted(found, _first(args, kwargs))
        return found

    return infer


def _watched_score(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def score(self: Any, *args: Any, **kwargs: Any) -> Any:
        model = _evaluated(self)
        if model is None:
            return original(self, *args, **kwargs)
        with unwatched():
            found = original(self, *args, **kwargs)
            with guard("log a score", silent=model.options.silent):
                model.scored(self, original, args, kwargs, value=found)
        return found

    return score


def _watched_metric(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def measure(*args: Any, **kwargs: Any) -> Any:
        options = _state.options
        if options is None or is_inner():
            return original(*args, **kwargs)
        with unwatched():
            found = original(*args, **kwargs)
            with guard("log a metric", silent=options.silent):
                from mlctl.autologging import sklearn_evaluation

                sklearn_evaluation.measured(original, args, kwargs, value=found)
        return found

    return measure


def _not_watched(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        with unwatched():
            return original(*args, **kwargs)

    return call


def _evaluated(estimator: Any) -> Any:
    """What is known of an estimator whose training was logged, if what is done with it now is to be logged too."""
    if _state.options is None or not _state.options.log_post_training_metrics:
        return None
    from mlctl.autologging.sklearn_evaluation import model_of

    found = model_of(estimator)
    return None if found is None or is_inner() else found


def _first(args: Any, kwargs: Dict[str, Any]) -> Any:
    return args[0] if args else next(iter(kwargs.values()), None)
