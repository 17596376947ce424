"""Finding experiments and runs, as a table of pandas where it is installed; with MLflow's names and arguments.

In a store of this machine, runs whose process is provably gone are settled first, so that none is said to be RUNNING that is not.
"""

from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from mlctl.errors import InvalidValueError
from mlctl.tracking import batches, codes, fluent_experiments, owners
from mlctl.tracking.client import MlflowClient
from mlctl.tracking.current import current_store
from mlctl.tracking.entities import Experiment, Run
from mlctl.tracking.fluent_active import store_of

_PAGE = 10_000
_NO_VALUE = float("nan")
_INFO = ("run_id", "experiment_id", "status", "artifact_uri")


def get_run(run_id: str) -> Run:
    """A run, active or deleted.

    Raises:
        NotFoundError: there is no such run.
    """
    return MlflowClient().get_run(run_id)


def get_parent_run(run_id: str) -> Optional[Run]:
    """The run that a nested run belongs to; None if it is not nested."""
    return MlflowClient().get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Mark a run as deleted."""
    store_of(run_id).delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Undo `delete_run`."""
    store_of(run_id).restore_run(run_id)


def search_experiments(
    view_type: int = codes.ViewType.ACTIVE_ONLY,
    max_results: Optional[int] = None,
    filter_string: Optional[str] = None,
    order_by: Optional[List[str]] = None,
) -> List[Experiment]:
    """Experiments that a filter finds, all of them unless ``max_results`` says less; newest first unless another order is asked for."""
    client, token = MlflowClient(), None
    found: List[Experiment] = []
    while True:
        wanted = _PAGE if max_results is None else min(_PAGE, max_results - len(found))
        page = client.search_experiments(view_type, wanted, filter_string, order_by, token)
        found += page
        token = page.token
        if token is None or len(found) == max_results:
            return found


def search_runs(
    experiment_ids: Optional[Sequence[Union[str, int]]] = None,
    filter_string: str = "",
    run_view_type: int = codes.ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Optional[List[str]] = None,
    output_format: str = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Optional[Sequence[str]] = None,
) -> Any:
    """Runs that a filter finds in some experiments, by default in the one of new runs; newest first unless another order is asked for.

    The answer is a `pandas.DataFrame` with a row per run (columns ``run_id``, …, ``metrics.<key>``, ``params.<key>``, ``tags.<key>``);
    with ``output_format="list"``, and where pandas is not installed, a list of `Run`.

    Raises:
        InvalidValueError: ids and names were both given, or the filter, the order or the format is not acceptable.
    """
    if output_format not in ("pandas", "list"):
        raise InvalidValueError(f"There is no output format {output_format!r}.", hint="One of: pandas, list.")
    store = current_store()
    if not store.shared:
        owners.settle(store, now_ms=batches.now_ms())
    ids = _experiments(experiment_ids, experiment_names, everywhere=search_all_experiments)
    found = list(_runs(ids, filter_string, run_view_type, max_results, order_by)) if ids else []
    return found if output_format == "list" else _table(found)


# ── underneath ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _experiments(ids: Optional[Sequence[Union[str, int]]], names: Optional[Sequence[str]], *, everywhere: bool) -> List[str]:
    if ids and names:
        raise InvalidValueError("Both experiment_ids and experiment_names were given.", hint="Give one of them.")
    if isinstance(ids, (str, int)):
        return [str(ids)]
    if ids:
        return [str(item) for item in ids]
    if names:
        found = [current_store().get_experiment_by_name(name) for name in names]
        return [experiment.experiment_id for experiment in found if experiment is not None]
    return [item.experiment_id for item in search_experiments()] if everywhere else [fluent_experiments.current_id()]


def _runs(ids: List[str], filter_string: str, view: int, most: Optional[int], order_by: Optional[List[str]]) -> Iterator[Run]:
    client, count, token = MlflowClient(), 0, None
    while True:
        page = client.search_runs(ids, filter_string, view, _PAGE if most is None else min(_PAGE, most - count), order_by, token)
        yield from page
        count += len(page)
        token = page.token
        if token is None or count == most:
            return


def _table(runs: List[Run]) -> Any:
    """Runs as a data frame: information, metrics, params and tags, each key a column in the order in which it first occurs."""
    try:
        import pandas as pd
    except ImportError:
        return runs
    columns: Dict[str, List[Any]] = {name: [getattr(run.info, name) for run in runs] for name in _INFO}
    columns["start_time"] = _times(pd, [run.info.start_time for run in runs])
    columns["end_time"] = _times(pd, [run.info.end_time for run in runs])
    for prefix, missing in (("metrics", _NO_VALUE), ("params", None), ("tags", None)):
        columns.update(_columns(prefix, [getattr(run.data, prefix) for run in runs], missing))
    return pd.DataFrame(columns)


def _times(pandas: Any, times: List[Optional[int]]) -> Any:
    """Times (ms) as pandas holds them. All of them missing is what it has another type for."""
    if all(time is None for time in times):
        return [pandas.NaT] * len(times)
    return pandas.to_datetime(pandas.Series(times, dtype="Int64"), unit="ms", utc=True)


def _columns(prefix: str, rows: List[Dict[str, Any]], missing: Any) -> Iterator[Tuple[str, List[Any]]]:
    keys = dict.fromkeys(key for row in rows for key in row)
    return ((f"{prefix}.{key}", [row.get(key, missing) for row in rows]) for key in keys)
