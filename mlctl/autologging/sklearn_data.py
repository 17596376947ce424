"""Descriptions of the data that estimators are trained on and asked about: digest, types and shapes, as inputs of the run."""

from typing import Any, Optional

from mlctl.datasets import datasets
from mlctl.tracking.entities import Dataset
from mlctl.tracking.fluent_active import store_of

_MOST_ELEMENTS = 10_000_000
"""Elements of a sparse matrix, zeros counted, beyond which it is not described: its digest is that of the full matrix, as in MLflow."""


def describe(x: Any, y: Any = None, *, name: Optional[str] = None) -> Optional[Dataset]:
    """What a store keeps of a frame, an array or a sparse matrix, with its targets; None for data of other kinds."""
    if hasattr(x, "iloc") and hasattr(x, "columns"):
        return datasets.entity(datasets.from_pandas(x, name=name))
    features = _array(x)
    if features is None:
        return None
    return datasets.entity(datasets.from_numpy(features, targets=_targets(y), name=name))


def link(run_id: str, dataset: Optional[Dataset], context: str) -> None:
    """Make data an input of a run; nothing happens without data that could be described."""
    if dataset is not None:
        datasets.link(store_of(run_id), run_id, dataset, context=context)


def _array(data: Any) -> Any:
    if hasattr(data, "toarray"):
        return data.toarray() if data.shape[0] * data.shape[1] <= _MOST_ELEMENTS else None
    return data if hasattr(data, "flat") and hasattr(data, "dtype") else None


def _targets(y: Any) -> Any:
    import numpy as np

    found = _array(y)
    return np.asarray(y) if found is None and y is not None else found
