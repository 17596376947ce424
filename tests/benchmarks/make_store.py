"""Make a store of many runs, and time the questions that docs/store.md is about.

python tests/benchmarks/make_store.py FOLDER [--runs 20000] [--params 20] [--metrics 20] [--history 50000] [--points 0]

The runs go through the store's own functions, many in a transaction. ``--points`` adds that many points in all to the histories.
A store that is there already is only timed. The questions are in `questions`; `mlflow_store` asks MLflow the same of the same data.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

from questions import BOTH, COUNTS, OURS, times_ms

from mlctl.sql.sqlite import SqliteStore
from mlctl.tracking.entities import Metric, Param, RunTag

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS_A_TRANSACTION = 500
POINTS_A_BATCH = 10_000
START_MS = 1_700_000_000_000
OPTIMIZERS = ["adam", "sgd", "rmsprop", "adagrad"]


def add_run(store: SqliteStore, index: int, *, params: int, metrics: int, dice: random.Random) -> str:
    """Make a finished run: two params that are good to filter on, the rest and the metrics random."""
    named = [Param("optimizer", OPTIMIZERS[index % 4]), Param("fold", str(index % 100))]
    drawn = [Param(f"param_{number}", f"{dice.random():.6f}") for number in range(max(0, params - 2))]
    tags = [RunTag("mlflow.user", "ada"), RunTag("mlflow.source.name", "train.py"), RunTag("mlflow.source.type", "LOCAL")]
    run = store.create_run("0", user_id="ada", start_time=START_MS + index * 1000, params=named + drawn, tags=tags)
    points = [Metric("rmse", dice.gauss(1, 0.2), START_MS + index * 1000, 0)]
    points += [Metric(f"metric_{number}", dice.random(), START_MS + index * 1000, 0) for number in range(metrics - 1)]
    store.log_batch(run.info.run_id, metrics=points)
    store.update_run(run.info.run_id, status="FINISHED", end_time=START_MS + index * 1000 + 500)
    return run.info.run_id


def add_history(store: SqliteStore, run_id: str, key: str, count: int) -> None:
    """Log a series of points to one metric."""
    for start in range(0, count, POINTS_A_BATCH):
        steps = range(start, min(start + POINTS_A_BATCH, count))
        store.log_batch(run_id, metrics=[Metric(key, 1 / (1 + step), START_MS + step * 10, step) for step in steps])


def fill(store: SqliteStore, options: argparse.Namespace) -> None:
    """Fill an empty store."""
    dice = random.Random(1)
    ids: list[str] = []
    for start in range(0, options.runs, RUNS_A_TRANSACTION):
        with store.transaction():
            indices = range(start, min(start + RUNS_A_TRANSACTION, options.runs))
            ids += [add_run(store, index, params=options.params, metrics=options.metrics, dice=dice) for index in indices]
    add_history(store, ids[-1], "loss", options.history)
    each = options.points // len(ids)
    for run_id in ids if each else []:
        add_history(store, run_id, "loss_curve", each)


def questions(store: SqliteStore, newest: str) -> dict[str, Callable[[], object]]:
    """What is timed."""

    def ask(text: str, order: list[str], limit: int) -> Callable[[], object]:
        return lambda: store.search_runs(["0"], filter_string=text, order_by=order, max_results=limit)

    def count(text: str) -> Callable[[], object]:
        return lambda: store.count_runs(["0"], filter_string=text)

    return {
        **{name: ask(*question) for name, question in BOTH.items()},
        "one run": lambda: store.get_run(newest),
        "history of one metric": lambda: store.metric_history(newest, "loss"),
        **{name: count(text) for name, text in COUNTS.items()},
        **{name: ask(*question) for name, question in OURS.items()},
    }


def main() -> None:
    """Make the store where there is none, then time it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    for name, default in (("runs", 20_000), ("params", 20), ("metrics", 20), ("history", 50_000), ("points", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    path = options.folder.absolute() / "mlctl.db"
    fresh = not path.exists()
    store = SqliteStore(str(path))
    begin = time.perf_counter()
    if fresh:
        fill(store, options)
        print(f"made {options.runs} runs in {time.perf_counter() - begin:.1f} s; {path.stat().st_size / 2**20:.0f} MB")
    newest = store.search_runs(["0"], max_results=1)[0].info.run_id
    for name, question in questions(store, newest).items():
        first, best = times_ms(question)
        print(f"{name:38} {best:9.1f} ms   (first {first:.1f})")
    store.close()


if __name__ == "__main__":
    main()
