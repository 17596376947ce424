"""What a script logs: params, metrics and tags, with MLflow's names and arguments; each call is one transaction.

Without an active run, one is started. With ``synchronous=False`` the caller gets an object to wait for, and everything is in the store
already. With a ``model_id`` the point is one of that logged model, too, measured on the ``dataset`` if one is given.
"""

from typing import Any, Dict, Mapping, Optional, Sequence

from mlctl.tracking import batches
from mlctl.tracking.entities import LoggedModelOutput, Param
from mlctl.tracking.fluent import run_id_or_start
from mlctl.tracking.fluent_active import store_of


def log_metric(
    key: str,
    value: float,
    step: Optional[int] = None,
    synchronous: Optional[bool] = None,
    timestamp: Optional[int] = None,
    run_id: Optional[str] = None,
    model_id: Optional[str] = None,
    dataset: Optional[Any] = None,
) -> Optional[batches.Logged]:
    """Log a point of a metric: ``step`` is 0 by default, ``timestamp`` (ms) is now. ``dataset`` becomes an input of the run.

    Raises:
        InvalidValueError: the key is not acceptable, or the value is not a number.
    """
    run = run_id_or_start(run_id)
    about = _about(model_id, dataset) if model_id else None
    store_of(run).log_batch(run, metrics=(batches.metric(key, value, step=step, timestamp=timestamp or None, about=about),))
    if dataset is not None:
        _link(run, dataset)
    return batches.outcome(synchronous)


def log_metrics(
    metrics: Mapping[str, float],
    step: Optional[int] = None,
    synchronous: Optional[bool] = None,
    run_id: Optional[str] = None,
    timestamp: Optional[int] = None,
    model_id: Optional[str] = None,
    dataset: Optional[Any] = None,
) -> Optional[batches.Logged]:
    """Log a point of several metrics at once: all of them or none."""
    run = run_id_or_start(run_id)
    moment = timestamp or (batches.now_ms() if step else None)
    about = _about(model_id, dataset) if model_id else None
    points = [batches.metric(key, value, step=step, timestamp=moment, about=about) for key, value in metrics.items()]
    store_of(run).log_batch(run, metrics=points)
    if dataset is not None:
        _link(run, dataset)
    return batches.outcome(synchronous)


def log_param(key: str, value: Any, synchronous: Optional[bool] = None) -> Any:
    """Log a param (its text is kept) to the active run; returns the value.

    Raises:
        InvalidValueError: the key is not acceptable, or the param has another value already.
    """
    run = run_id_or_start()
    store_of(run).log_batch(run, params=(Param(key, str(value)),))
    return batches.Logged() if synchronous is False else value


def log_params(params: Dict[str, Any], synchronous: Optional[bool] = None, run_id: Optional[str] = None) -> Optional[batches.Logged]:
    """Log several params at once: all of them or none."""
    run = run_id_or_start(run_id)
    store_of(run).log_batch(run, params=batches.params(params))
    return batches.outcome(synchronous)


def set_tag(key: str, value: Any, synchronous: Optional[bool] = None) -> Optional[batches.Logged]:
    """Set a tag of the active run; its text is kept."""
    return set_tags({key: value}, synchronous)


def set_tags(tags: Mapping[str, Any], synchronous: Optional[bool] = None) -> Optional[batches.Logged]:
    """Set several tags at once."""
    run = run_id_or_start()
    store_of(run).log_batch(run, tags=batches.tags(tags))
    return batches.outcome(synchronous)


def delete_tag(key: str) -> None:
    """Remove a tag of the active run.

    Raises:
        NotFoundError: it has no such tag.
    """
    run = run_id_or_start()
    store_of(run).delete_tag(run, key)


def log_outputs(models: Optional[Sequence[LoggedModelOutput]] = None) -> None:
    """Note models as what the active run has made."""
    run = run_id_or_start()
    store_of(run).log_outputs(run, models or ())


def flush_async_logging() -> None:
    """Return at once: nothing is ever waiting to be logged."""


def flush_artifact_async_logging() -> None:
    """Return at once: nothing is ever waiting to be logged."""


def _about(model_id: str, dataset: Optional[Any]) -> batches.ModelPoint:
    """What a model's point says beyond its run; a dataset has a name and a digest, whoever made it."""
    return batches.ModelPoint(model_id, getattr(dataset, "name", None), getattr(dataset, "digest", None))


def _link(run_id: str, dataset: Any) -> None:
    """Note a dataset (of `mlctl.data`, of a store, or MLflow's own) as an input of a run."""
    from mlctl.datasets import datasets

    datasets.link(store_of(run_id), run_id, dataset)
