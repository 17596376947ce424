"""The tracking rows of `make bench`: the fluent API and the client beside MLflow's on SQLite, one side after the other, in turn."""

import json
import statistics
import subprocess
import time
from pathlib import Path

LOAD = Path(__file__).with_name("tracking_load.py")
ROWS = {
    "metrics_one_by_one": "log_metric, one by one",
    "batches": "metrics by log_batch, 1000 at a time",
    "whole_runs": "runs: start, 2 params, 2 metrics, end",
    "threads": "log_metric from 16 threads together",
    "processes": "log_metric from 16 processes together",
}
ALONE = ("processes",)
"""Rows that have no MLflow side: its forked processes wait for each other for ever, or end with "database is locked"."""

IMPORTS = {
    "mlctl": "import mlctl; mlctl.start_run; mlctl.log_metric; mlctl.MlflowClient",
    "mlflow": "import mlflow; mlflow.start_run; mlflow.log_metric; mlflow.MlflowClient",
}


def measure(mlctl, mlflow, place, env, *, repeat):
    """Rows of both sides; the homes of both virtual environments are given, and a folder that may be filled."""
    sides = {"mlctl": mlctl / "bin" / "python", "mlflow": mlflow / "bin" / "python"}
    return [*(rates(work, what, sides, place, env, repeat) for work, what in ROWS.items()), imports(sides, env, repeat)]


def rates(work, what, sides, place, env, repeat):
    found = {side: [] for side in sides}
    for round_ in range(repeat):
        for side, python in sides.items():
            if side == "mlflow" and work in ALONE:
                continue
            folder = place / f"{work}-{round_}"
            folder.mkdir(parents=True, exist_ok=True)
            found[side].append(float(json.loads(output([python, LOAD, side, work, folder], env, folder).splitlines()[-1])))
    return row(what, "calls/s" if work != "batches" else "metrics/s", found, better=max)


def imports(sides, env, repeat):
    found = {side: [] for side in sides}
    for round_ in range(2 * repeat + 1):
        for side, python in sides.items():
            bare, whole = seconds(python, "pass", env), seconds(python, IMPORTS[side], env)
            if round_:
                found[side].append((whole - bare) * 1000)
    return row("import of the client, over bare Python", "ms", found, better=min)


def row(what, unit, found, *, better):
    ours, theirs = (statistics.median(values) if values else 0.0 for values in found.values())
    ratio = 0.0 if not theirs else ours / theirs if better is max else theirs / ours
    return {"what": what, "unit": unit, "mlctl": round(ours, 1), "mlflow": round(theirs, 1), "ratio": round(ratio, 1), "all": found}


def seconds(python, code, env):
    begin = time.perf_counter()
    output([python, "-c", code], env, None)
    return time.perf_counter() - begin


def output(command, env, cwd):
    done = subprocess.run(
        [str(word) for word in command], env=env, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def show(rows):
    print(f"\n{'':44} {'mlctl':>12} {'MLflow':>12} {'x better':>9}")
    for item in rows:
        beside = f"{item['mlflow']:12,.0f} {item['ratio']:8.1f}x" if item["mlflow"] else f"{'-':>12} {'-':>9}"
        print(f"{item['what']:44} {item['mlctl']:12,.0f} {beside}  {item['unit']}")
