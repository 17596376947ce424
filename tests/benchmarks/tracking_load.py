"""One side's work for tracking_bench: SIDE WORK FOLDER, by a Python that has the side's package. Prints calls a second as JSON.

SIDE is ``mlctl`` or ``mlflow``: both are called by the same names, and log to an SQLite database in FOLDER.
"""

import importlib
import json
import multiprocessing
import os
import sys
import threading
import time
from pathlib import Path

COUNTS = {"mlctl": 1.0, "mlflow": 0.05}
"""How much of the work each side does: enough for a steady rate."""

TOGETHER = 16
CALLS_EACH = 500
WAIT_S = 60


def metrics_one_by_one(api, share):
    count = int(10_000 * share)
    with api.start_run():
        api.log_metric("loss", 1.0, step=-1)
        begin = time.perf_counter()
        for step in range(count):
            api.log_metric("loss", step / 3, step=step)
        return count / (time.perf_counter() - begin)


def batches(api, share):
    """Batches of 1000 metrics of 10 keys."""
    metric = importlib.import_module(f"{api.__name__}.entities").Metric
    client, count = api.MlflowClient(), int(100 * share)
    with api.start_run() as run:
        client.log_batch(run.info.run_id, metrics=[metric("key 0", 0.5, 1, -1)])
        made = [
            [metric(f"key {index % 10}", index / 7, 1000 + batch, batch * 100 + index // 10) for index in range(1000)]
            for batch in range(count)
        ]
        begin = time.perf_counter()
        for metrics in made:
            client.log_batch(run.info.run_id, metrics=metrics)
        return 1000 * count / (time.perf_counter() - begin)


def whole_runs(api, share):
    """Runs of two params and two metrics."""
    count = int(1000 * share)
    with api.start_run():
        pass
    begin = time.perf_counter()
    for index in range(count):
        with api.start_run():
            api.log_param("alpha", index)
            api.log_param("beta", 2)
            api.log_metric("loss", 0.5)
            api.log_metric("accuracy", 0.25)
    return count / (time.perf_counter() - begin)


def threads(api, share):
    """Threads that log together, each to a run of its own."""
    count = int(CALLS_EACH * share)
    start = threading.Barrier(TOGETHER + 1)
    ids = []
    workers = [threading.Thread(target=log_when_all_are_there, args=(api, start, count, ids)) for _ in range(TOGETHER)]
    for worker in workers:
        worker.start()
    return rate_together(api, start, count, ids, workers)


def processes(api, share):
    """Processes that log together, each to a run of its own."""
    count = int(CALLS_EACH * share)
    context = multiprocessing.get_context("fork")
    start = context.Barrier(TOGETHER + 1)
    with context.Manager() as manager:
        ids = manager.list()
        workers = [context.Process(target=log_when_all_are_there, args=(api, start, count, ids)) for _ in range(TOGETHER)]
        for worker in workers:
            worker.start()
        return rate_together(api, start, count, ids, workers)


def log_when_all_are_there(api, start, count, ids):
    with api.start_run(nested=True) as run:
        ids.append(run.info.run_id)
        start.wait(WAIT_S)
        for step in range(count):
            api.log_metric("loss", step / 3, step=step)


def rate_together(api, start, count, ids, workers):
    start.wait(WAIT_S)
    begin = time.perf_counter()
    for worker in workers:
        worker.join()
    elapsed = time.perf_counter() - begin
    client = api.MlflowClient()
    found = sum(len(client.get_metric_history(run_id, "loss")) for run_id in ids)
    if found != TOGETHER * count:
        raise SystemExit(f"{TOGETHER * count - found} of {TOGETHER * count} points are lost")
    return found / elapsed


WORK = {work.__name__: work for work in (metrics_one_by_one, batches, whole_runs, threads, processes)}


def main():
    side, work, folder = sys.argv[1:]
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{Path(folder).absolute() / side}.db"
    api = importlib.import_module(side)
    print(json.dumps(WORK[work](api, COUNTS[side])))


if __name__ == "__main__":
    main()
