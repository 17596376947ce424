"""Logged models of a script: made in the active experiment, by the active run if there is one, with MLflow's names and arguments."""

import threading
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Union

from mlctl.errors import InvalidValueError
from mlctl.tracking.client import MlflowClient
from mlctl.tracking.fluent import active_run
from mlctl.tracking.fluent_experiments import current_id
from mlctl.tracking.logged_models import LoggedModel, LoggedModelStatus

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 1000
_last = threading.local()


def initialize_logged_model(
    name: Optional[str] = None,
    source_run_id: Optional[str] = None,
    tags: Optional[Mapping[str, Any]] = None,
    params: Optional[Mapping[str, Any]] = None,
    model_type: Optional[str] = None,
    experiment_id: Optional[str] = None,
) -> LoggedModel:
    """Make a logged model, which is PENDING and has no files yet; the active run, if there is one, is what made it."""
    run = active_run()
    if source_run_id is None and run is not None:
        source_run_id = run.info.run_id
    if experiment_id is None:
        experiment_id = run.info.experiment_id if run is not None else current_id()
    made = MlflowClient().create_logged_model(experiment_id, name, source_run_id, tags, params, model_type)
    remember(made.model_id)
    return made


def remember(model_id: str) -> None:
    """Make a model the one that `last_logged_model` gives in this thread."""
    _last.model_id = model_id


def last_logged_model() -> Optional[LoggedModel]:
    """The model that this thread has logged last; None if it has logged none."""
    model_id = getattr(_last, "model_id", None)
    return get_logged_model(model_id) if model_id else None


def get_logged_model(model_id: str) -> LoggedModel:
    """A logged model that is not deleted.

    Raises:
        NotFoundError: there is none.
    """
    return MlflowClient().get_logged_model(model_id)


def finalize_logged_model(model_id: str, status: Union[str, LoggedModelStatus]) -> LoggedModel:
    """Say that a model is READY or FAILED."""
    return MlflowClient().finalize_logged_model(model_id, status)


def delete_logged_model(model_id: str) -> None:
    """Mark a logged model as deleted."""
    MlflowClient().delete_logged_model(model_id)


def set_logged_model_tags(model_id: str, tags: Mapping[str, Any]) -> None:
    """Set tags of a logged model; their texts are kept."""
    MlflowClient().set_logged_model_tags(model_id, tags)


def delete_logged_model_tag(model_id: str, key: str) -> None:
    """Remove a tag of a logged model."""
    MlflowClient().delete_logged_model_tag(model_id, key)


def log_model_params(params: Mapping[str, Any], model_id: Optional[str] = None) -> None:
    """Add params to a logged model: the one named, else the last one of this thread.

    Raises:
        InvalidValueError: the model has one of them already, or no model is named and this thread has logged none.
    """
    last: str = getattr(_last, "model_id", "")
    MlflowClient().log_model_params(model_id or last, params)


def search_logged_models(
    experiment_ids: Optional[List[str]] = None,
    filter_string: Optional[str] = None,
    datasets: Optional[List[Mapping[str, str]]] = None,
    max_results: Optional[int] = None,
    order_by: Optional[List[Mapping[str, Any]]] = None,
    output_format: str = "pandas",
) -> "Union[List[LoggedModel], pd.DataFrame]":
    """Logged models of experiments (by default the active one): a pandas table where pandas is installed, else a list.

    ``output_format`` is ``"pandas"`` or ``"list"``; see `MlflowClient.search_logged_models` for the rest.
    """
    if output_format not in ("pandas", "list"):
        raise InvalidValueError(f"There is no output format {output_format!r}.", hint="One of: pandas, list.")
    ids = experiment_ids or [current_id()]
    found: List[LoggedModel] = []
    token: Optional[str] = None
    while max_results is None or len(found) < max_results:
        size = _PAGE if max_results is None else min(_PAGE, max_results - len(found))
        page = MlflowClient().search_logged_models(ids, filter_string, datasets, size, order_by, token)
        found += page
        token = page.token
        if not token:
            break
    return found if output_format == "list" else _table(found)


def _table(models: List[LoggedModel]) -> "Union[List[LoggedModel], pd.DataFrame]":
    try:
        import pandas as pd
    except ImportError:
        return models

    rows: List[Dict[str, Any]] = [dict(model) for model in models]
    return pd.DataFrame(rows)
