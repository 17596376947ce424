"""Facts about estimators of scikit-learn: which are watched, what they are called, which of them search."""

from types import ModuleType
from typing import Any, Dict, List

_PREPARATION = ("sklearn.preprocessing", "sklearn.impute", "sklearn.feature_extraction", "sklearn.feature_selection")
"""Modules whose estimators prepare data: fitting one on its own is no training."""


def estimators(module: ModuleType) -> List[type]:
    """The public estimators that a module defines."""
    import inspect
    import sys

    base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
    if base is None or ".tests" in module.__name__:
        return []
    found = [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, base) and item is not base]
    own = [item for item in found if item.__module__ == module.__name__ and not item.__name__.startswith("_")]
    return [item for item in own if not inspect.isabstract(item)]


def prepares(estimator: type) -> bool:
    """Whether an estimator only prepares data."""
    return estimator.__module__.startswith(_PREPARATION) or estimator.__name__ == "ColumnTransformer"


def tags(estimator: Any) -> Dict[str, str]:
    """Which estimator a run trained."""
    kind = type(estimator)
    return {"estimator_name": kind.__name__, "estimator_class": f"{kind.__module__}.{kind.__name__}"}


def is_search(estimator: Any) -> bool:
    """Whether this is a grid or randomised search."""
    import sys

    module = sys.modules.get("sklearn.model_selection")
    kinds = tuple(getattr(module, name) for name in ("GridSearchCV", "RandomizedSearchCV") if hasattr(module, name))
    return isinstance(estimator, kinds)
