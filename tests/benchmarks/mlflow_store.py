"""MLflow's time for the questions of make_store, on the same data: OURS.db THEIRS.db, by a Python that has mlflow.

MLflow's tables are made by MLflow and filled by SQL from a store that make_store made (its API would take hours); only once.
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import mlflow
from questions import BOTH, times_ms

COPIED = (
    (
        "INSERT INTO runs SELECT run_id, name, 'LOCAL', 'train.py', '', user_id, 'FINISHED', start_ms, end_ms, '', 'active', "
        "'/nowhere/' || run_id, 0, NULL FROM ours.runs"
    ),
    (
        "INSERT INTO params (key, value, run_uuid) SELECT k.name, p.value, r.run_id FROM ours.params p "
        "JOIN ours.keys k ON k.id = p.key JOIN ours.runs r ON r.id = p.run"
    ),
    (
        "INSERT INTO tags (key, value, run_uuid) SELECT k.name, t.value, r.run_id FROM ours.tags t "
        "JOIN ours.keys k ON k.id = t.key JOIN ours.runs r ON r.id = t.run"
    ),
    (
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) SELECT k.name, m.value, m.timestamp_ms, r.run_id, m.step, "
        "m.nan FROM ours.metrics m JOIN ours.keys k ON k.id = m.key JOIN ours.runs r ON r.id = m.run"
    ),
    (
        "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) SELECT k.name, l.value, l.timestamp_ms, l.step, l.nan, "
        "r.run_id FROM ours.latest l JOIN ours.keys k ON k.id = l.key JOIN ours.runs r ON r.id = l.run"
    ),
)


def main():
    ours, theirs = (Path(argument).absolute() for argument in sys.argv[1:])
    fresh = not theirs.exists()
    client = mlflow.MlflowClient(f"sqlite:///{theirs}")
    client.search_experiments()
    if fresh:
        with closing(sqlite3.connect(theirs)) as connection:
            connection.execute("ATTACH ? AS ours", (str(ours),))
            for statement in COPIED:
                connection.execute(statement)
            connection.commit()
    newest = client.search_runs(["0"], max_results=1)[0].info.run_id
    questions = {
        name: lambda text=text, order=order, limit=limit: client.search_runs(["0"], text, order_by=order, max_results=limit)
        for name, (text, order, limit) in BOTH.items()
    }
    questions["one run"] = lambda: client.get_run(newest)
    questions["history of one metric"] = lambda: client.get_metric_history(newest, "loss")
    for name, question in questions.items():
        first, best = times_ms(question, 3)
        print(f"{name:38} {best:9.1f} ms   (first {first:.1f})", flush=True)


if __name__ == "__main__":
    main()
