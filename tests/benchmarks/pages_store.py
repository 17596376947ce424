"""Make the stores that the web pages are measured on.

python tests/benchmarks/pages_store.py FOLDER [--runs 10000] [--params 30] [--metrics 30] [--points 1000000]

Besides the runs of `make_store`, an experiment "curves" has a metric of ``--points`` points, and 100 runs of 10,000 points each.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import random
from pathlib import Path

from make_store import RUNS_A_TRANSACTION, START_MS, add_run

from mlctl.sql.sqlite import SqliteStore
from mlctl.tracking.entities import Metric

POINTS_A_BATCH = 20_000
CURVES = 100
POINTS_A_CURVE = 10_000


def fill(store: SqliteStore, *, runs: int, params: int, metrics: int, points: int = 1_000_000, curves: int = CURVES) -> dict[str, str]:
    """Fill an empty store; returns the experiment of curves and the run of the long one."""
    dice = random.Random(1)
    for start in range(0, runs, RUNS_A_TRANSACTION):
        with store.transaction():
            for index in range(start, min(start + RUNS_A_TRANSACTION, runs)):
                add_run(store, index, params=params, metrics=metrics, dice=dice)
    experiment = store.create_experiment("curves")
    long = store.create_run(experiment, user_id="ada", start_time=START_MS).info.run_id
    _curve(store, long, "long", points, dice)
    for number in range(curves):
        run = store.create_run(experiment, user_id="ada", start_time=START_MS + number).info.run_id
        _curve(store, run, "loss", POINTS_A_CURVE, dice)
    return {"curves": experiment, "long": long}


def _curve(store: SqliteStore, run_id: str, key: str, count: int, dice: random.Random) -> None:
    for start in range(0, count, POINTS_A_BATCH):
        with store.transaction():
            steps = range(start, min(start + POINTS_A_BATCH, count))
            for piece in range(0, len(steps), 1000):
                found = [
                    Metric(key, math.exp(-3 * s / count) + dice.gauss(0, 0.03), START_MS + s * 20, s) for s in steps[piece : piece + 1000]
                ]
                store.log_batch(run_id, metrics=found)


def main() -> None:
    """Make one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    for name, default in (("runs", 10_000), ("params", 30), ("metrics", 30), ("points", 1_000_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(SqliteStore(str(options.folder.absolute() / "mlctl.db"))) as store:
        print(fill(store, runs=options.runs, params=options.params, metrics=options.metrics, points=options.points))


if __name__ == "__main__":
    main()
