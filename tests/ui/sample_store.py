"""A small store as somebody's week of work leaves it: for tests and pictures."""

import math
import random
import time

from mlctl.tracking.entities import ExperimentTag, Metric, Param, RunTag

HOUR_MS = 3_600_000
OPTIMIZERS = ("adam", "sgd", "adamw")
STATUSES = ("FINISHED",) * 9 + ("FAILED",)


def fill(store, runs=24, points=120):
    """Fill it; returns the ids of the experiment that has curves, and of a run in it."""
    dice = random.Random(4)
    now = time.time_ns() // 1_000_000
    note = ExperimentTag("mlflow.note.content", "Which network reads digits best at 1 ms?\n\nSee the last ten runs.")
    digits = store.create_experiment("digits", tags=[note, ExperimentTag("team", "vision")])
    store.create_experiment("wine quality", tags=[ExperimentTag("mlflow.note.content", "Elastic net on the red wines")])
    store.create_experiment("churn", tags=[ExperimentTag("owner", "grace")])
    chosen = parent = ""
    for index in range(runs):
        begun = now - (runs - index) * HOUR_MS * 3
        rate = 10 ** dice.uniform(-4, -1.5)
        params = {"lr": f"{rate:.2g}", "optimizer": OPTIMIZERS[index % 3], "depth": str(2 + index % 5), "batch": str(32 << index % 3)}
        tags = [RunTag("mlflow.source.name", "train.py"), RunTag("stage", "sweep" if index % 2 else "baseline")]
        if index % 8 in (6, 7):
            tags.append(RunTag("mlflow.parentRunId", parent))
        run = store.create_run(
            digits,
            user_id="ada" if index % 4 else "grace",
            start_time=begun,
            params=[Param(key, value) for key, value in params.items()],
            tags=tags,
        ).info.run_id
        parent = run if index % 8 == 5 else parent
        log_curves(store, run, begun, rate, points, dice)
        if index < runs - 1:
            store.update_run(run, status=STATUSES[index % 10], end_time=begun + dice.randrange(40_000, 4_000_000))
        chosen = run
    return {"experiment": digits, "run": chosen}


def log_curves(store, run, begun, rate, points, dice):
    """A loss that falls and an accuracy that rises, with noise."""
    speed = 0.01 + rate * 1.5
    found = []
    for step in range(points):
        fallen = math.exp(-speed * step)
        at = begun + step * 9_000
        found.append(Metric("loss", 0.08 + 2.2 * fallen + dice.gauss(0, 0.04) * (fallen + 0.15), at, step))
        found.append(Metric("accuracy", min(0.999, 0.97 - 0.85 * fallen + dice.gauss(0, 0.01)), at, step))
    found.append(Metric("latency_ms", dice.uniform(0.6, 2.4), begun, 0))
    store.log_batch(run, metrics=found)
