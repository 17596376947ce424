"""What is logged of a grid or randomised search: the best candidate with the run, and the best few as child runs."""

import csv
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from mlctl.autologging import sklearn_data, sklearn_estimators
from mlctl.autologging.notices import say
from mlctl.autologging.trainings import AUTOLOGGING_TAG, log
from mlctl.tracking.entities import PARENT_TAG, Dataset, Run, RunTag
from mlctl.tracking.fluent_active import store_of

if TYPE_CHECKING:
    from mlctl.autologging.options import SklearnOptions

_ORIGIN = ("mlflow.user", "mlflow.source.")
"""Tags that say who started the search and from where; its child runs have the same."""

_NO_METRICS = ("param", "split")
"""Columns of a search's table that are no metrics of a candidate: its params, and the scores of single folds."""


def log_search(search: Any, run_id: str, options: "SklearnOptions", *, dataset: Optional[Dataset]) -> None:
    """Log the best score and params, and make the child runs."""
    best = getattr(search, "best_params_", {})
    score = {"best_cv_score": search.best_score_} if hasattr(search, "best_score_") else {}
    log(run_id, params={f"best_{name}": value for name, value in best.items()}, metrics=score, silent=options.silent)
    table = getattr(search, "cv_results_", None)
    if table is not None:
        parent = store_of(run_id).get_run(run_id)
        for row in _best_rows(table, options):
            _make_child(search.estimator, parent, {name: column[row] for name, column in table.items()}, options, dataset=dataset)


def write_table(folder: Path, search: Any) -> None:
    """Write ``cv_results.csv``: a row for each candidate."""
    table = getattr(search, "cv_results_", None)
    if table is None:
        return
    with (folder / "cv_results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table)
        writer.writerows([[_cell(column[row]) for column in table.values()] for row in range(_count(table))])


def _cell(value: Any) -> Any:
    """A value as text; empty where a candidate does not have the param, or the score is not a number."""
    import numpy as np

    return "" if value is np.ma.masked or (isinstance(value, float) and np.isnan(value)) else value


def _best_rows(table: Mapping[str, Any], options: "SklearnOptions") -> Sequence[int]:
    every = range(_count(table))
    if options.max_tuning_runs is None:
        return every
    rank = _rank_column(table)
    if rank is None:
        return every[: options.max_tuning_runs]
    if rank != "rank_test_score":
        say(f"Child runs are those that rank best by {rank}; max_tuning_runs=None makes one for each candidate.", silent=options.silent)
    return sorted(every, key=lambda row: int(table[rank][row]))[: options.max_tuning_runs]


def _rank_column(table: Mapping[str, Any]) -> Optional[str]:
    ranks: List[str] = [name for name in table if name.startswith("rank_test_")]
    return "rank_test_score" if "rank_test_score" in ranks else next(iter(ranks), None)


def _count(table: Mapping[str, Any]) -> int:
    return len(table["params"])


def _make_child(seed: Any, parent: Run, row: Mapping[str, Any], options: "SklearnOptions", *, dataset: Optional[Dataset]) -> None:
    """One candidate as a finished run. When it was tried is not known: it gets the times of the search."""
    origin = {key: value for key, value in parent.data.tags.items() if key.startswith(_ORIGIN)}
    tags = {**origin, AUTOLOGGING_TAG: options.library, PARENT_TAG: parent.info.run_id, **sklearn_estimators.tags(seed)}
    store = store_of(parent.info.run_id)
    child = store.create_run(
        parent.info.experiment_id,
        user_id=parent.info.user_id,
        start_time=parent.info.start_time,
        tags=[RunTag(key, value) for key, value in tags.items()],
    )
    params = {**seed.get_params(deep=not sklearn_estimators.is_search(seed)), **row["params"]}
    log(child.info.run_id, params=params, metrics=_metrics(row), silent=options.silent)
    sklearn_data.link(child.info.run_id, dataset, "train")
    store.update_run(child.info.run_id, status="FINISHED", end_time=int(time.time() * 1000))


def _metrics(row: Mapping[str, Any]) -> Dict[str, Any]:
    from numbers import Number

    return {name: value for name, value in row.items() if isinstance(value, Number) and not name.startswith(_NO_METRICS)}
