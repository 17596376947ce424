"""Metrics of a trained estimator on its own training data, with MLflow's names and definitions.

Predictions are made once for all of them, and not at all where that would take long beside the training.
"""

import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from mlctl import settings
from mlctl.autologging.notices import say
from mlctl.autologging.patches import original_of

PREFIX = "training_"

_SURELY_SHORT_ROWS = 10_000


@dataclass
class Results:
    """Metrics by name, and the predictions that they came from (None: not made)."""

    metrics: Dict[str, float] = field(default_factory=dict)
    labels: Any = None
    probabilities: Any = None
    classes: Any = None
    scores: Any = None  # of the second class, where there are two


def measure(found: Results, estimator: Any, x: Any, y: Any, *, weight: Any, pos_label: Any) -> None:
    """Add metrics of a classifier or regressor, and any estimator's score, as far as they are defined for these data."""
    from sklearn.base import is_classifier, is_regressor

    if is_classifier(estimator):
        _measure_classifier(found, estimator, x, y, weight=weight, pos_label=pos_label)
    elif is_regressor(estimator):
        _measure_regressor(found, estimator, x, y, weight=weight)
    if hasattr(estimator, "score") and getattr(estimator, "refit", True) is not False:  # a search without refit has no best estimator
        found.metrics[PREFIX + "score"] = float(_score(found, estimator, x, y, weight=weight))


def _measure_classifier(found: Results, estimator: Any, x: Any, y: Any, *, weight: Any, pos_label: Any) -> None:
    from sklearn import metrics

    if not hasattr(estimator, "predict"):
        return
    found.labels = estimator.predict(x)
    found.classes = getattr(estimator, "classes_", None)
    average = {"pos_label": 1 if pos_label is None else pos_label, "average": "weighted" if pos_label is None else "binary"}
    for name in ("precision_score", "recall_score", "f1_score"):
        _try(found, name, getattr(metrics, name), y, found.labels, {"sample_weight": weight, **average})
    _try(found, "accuracy_score", metrics.accuracy_score, y, found.labels, {"sample_weight": weight})
    if not hasattr(estimator, "predict_proba"):
        _decide(found, estimator, x)
        return
    found.probabilities = estimator.predict_proba(x)
    found.scores = _second_class(found.probabilities)
    _try(found, "log_loss", metrics.log_loss, y, found.probabilities, {"sample_weight": weight})
    ranked = found.probabilities if found.scores is None else found.scores
    more = {"average": "weighted", "multi_class": "ovo", "sample_weight": weight}
    _try(found, "roc_auc", metrics.roc_auc_score, y, ranked, more)


def _measure_regressor(found: Results, estimator: Any, x: Any, y: Any, *, weight: Any) -> None:
    from sklearn import metrics

    if not hasattr(estimator, "predict"):
        return
    found.labels = estimator.predict(x)
    for name in ("mean_squared_error", "mean_absolute_error", "r2_score"):
        _try(found, name, getattr(metrics, name), y, found.labels, {"sample_weight": weight})
    squared = found.metrics.get(PREFIX + "mean_squared_error")
    if squared is not None:
        found.metrics[PREFIX + "root_mean_squared_error"] = squared**0.5


def _try(found: Results, name: str, metric: Callable[..., Any], y: Any, predicted: Any, more: Mapping[str, Any]) -> None:
    """A metric, if it is defined for this kind of target: many are not for several outputs, or for a single class."""
    try:
        found.metrics[PREFIX + name] = float(metric(y, predicted, **more))
    except (ValueError, TypeError, IndexError, AttributeError):
        return


def _score(found: Results, estimator: Any, x: Any, y: Any, *, weight: Any) -> Any:
    """What ``estimator.score`` gives; where that is a metric that is known already, without predicting again."""
    import inspect

    from sklearn.base import ClassifierMixin, RegressorMixin

    own = original_of(inspect.getattr_static(type(estimator), "score", None))
    for mixin, known in ((ClassifierMixin, "accuracy_score"), (RegressorMixin, "r2_score")):
        if own is original_of(mixin.score) and PREFIX + known in found.metrics:
            return found.metrics[PREFIX + known]
    takes_weights = "sample_weight" in inspect.signature(estimator.score).parameters
    return estimator.score(x, y, weight) if takes_weights else estimator.score(x, y)


def _second_class(probabilities: Any) -> Any:
    shape: Tuple[int, ...] = getattr(probabilities, "shape", ())
    return probabilities[:, 1] if len(shape) == 2 and shape[1] == 2 else None


def _decide(found: Results, estimator: Any, x: Any) -> None:
    """Scores of the second of two classes from a classifier without probabilities, for its curves."""
    if found.classes is not None and len(found.classes) == 2 and hasattr(estimator, "decision_function"):
        found.scores = estimator.decision_function(x)


# ── what it may cost ─────────────────────────────────────────────────────────────────────────────────────────────────


def is_affordable(estimator: Any, x: Any, *, duration_s: float, silent: bool) -> bool:
    """Whether predicting all rows should take no longer than half of the training did, or than the setting ``autolog_budget_s``.

    It is judged by two small trials, and only where there are many rows.
    """
    rows = _row_count(x)
    if rows is None or rows <= _SURELY_SHORT_ROWS or not hasattr(estimator, "predict"):
        return True
    bound = max(settings.number("autolog_budget_s"), duration_s / 2)
    few, more = rows // 500, rows // 100
    times = [_time_of(estimator, x, count) for count in (few, few, more)]  # the first warms up
    expected = max(0.0, times[2] - times[1]) / (more - few) * rows * (2 if hasattr(estimator, "predict_proba") else 1)
    if expected <= bound:
        return True
    name = type(estimator).__name__
    say(
        f"Training metrics of {name} are left out: predicting its {rows} rows would take about {expected:.0f} s. "
        f"MLCTL_AUTOLOG_BUDGET_S allows more than {bound:.0f} s.",
        silent=silent,
        once=f"budget {name}",
    )
    return False


def _time_of(estimator: Any, x: Any, count: int) -> float:
    started = time.perf_counter()
    estimator.predict(x.iloc[:count] if hasattr(x, "iloc") else x[:count])
    return time.perf_counter() - started


def _row_count(x: Any) -> Optional[int]:
    if hasattr(x, "shape"):
        return int(x.shape[0])
    return len(x) if hasattr(x, "__len__") else None
