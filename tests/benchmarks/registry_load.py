"""One side's work for registry_bench: SIDE FOLDER, by a Python that has the side's package. Prints what each question took as JSON.

SIDE is ``mlctl`` or ``mlflow``: both are called by the same names, and keep their registry in an SQLite database in FOLDER.
"""

import contextlib
import importlib
import json
import os
import sqlite3
import sys
import time
from pathlib import Path

MODELS, VERSIONS = 10, 1000
REGISTERED = {"mlctl": 5000, "mlflow": 100}
"""How many versions each side registers: enough for a steady rate."""

SOURCE = "s3://bucket/models/forest"
ASKED = 5


def register(client, count):
    """Versions registered in a second, each with a tag."""
    client.create_registered_model("counted")
    client.create_model_version("counted", SOURCE)
    begin = time.perf_counter()
    for index in range(count):
        client.create_model_version("counted", SOURCE, tags={"kind": f"k{index % 10}"})
    return count / (time.perf_counter() - begin)


def fill(client, side, database):
    """Make 10 models of 1000 versions with a tag each; MLflow's tables are filled by SQL, its API would take minutes."""
    client.delete_registered_model("counted")
    for model in range(MODELS):
        client.create_registered_model(f"model {model}")
        for version in range(VERSIONS if side == "mlctl" else 1):
            client.create_model_version(f"model {model}", SOURCE, tags={"kind": f"k{version % 10}"})
    if side == "mlflow":
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            for model in range(MODELS):
                for table in ("model_versions", "model_version_tags"):
                    copy_rows(connection, table, f"model {model}")


def copy_rows(connection, table, name):
    cursor = connection.execute(f"SELECT * FROM {table} WHERE name = ?", (name,))
    columns, row = [item[0] for item in cursor.description], cursor.fetchone()
    marks = ", ".join("?" * len(columns))
    rows = []
    for version in range(2, VERSIONS + 1):
        values = {**dict(zip(columns, row, strict=True)), "version": version}
        if table == "model_version_tags":
            values["value"] = f"k{(version - 1) % 10}"
        rows.append([values[column] for column in columns])
    connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)


def took_ms(function, expected):
    """The best of some times, warm."""
    best = float("inf")
    for _ in range(ASKED):
        begin = time.perf_counter()
        found = len(function())
        best = min(best, (time.perf_counter() - begin) * 1000)
        if found != expected:
            raise SystemExit(f"{found} were found, not {expected}")
    return best


def main():
    side, folder = sys.argv[1:]
    database = Path(folder).absolute() / f"{side}.db"
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{database}"
    client = importlib.import_module(side).MlflowClient()
    found = {"register": register(client, REGISTERED[side])}
    fill(client, side, database)
    found["all"] = took_ms(lambda: client.search_model_versions(max_results=10_000), MODELS * VERSIONS)
    found["newest"] = took_ms(
        lambda: client.search_model_versions("name = 'model 3'", order_by=["version_number DESC"], max_results=100), 100
    )
    tagged = "name = 'model 3' AND tags.kind = 'k7'"
    found["tagged"] = took_ms(lambda: client.search_model_versions(tagged, max_results=10_000), VERSIONS // 10)
    found["models"] = took_ms(client.search_registered_models, MODELS)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
