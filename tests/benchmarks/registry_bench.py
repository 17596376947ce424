"""The registry's rows of `make bench`: registering, and searching among 10,000 versions, beside MLflow on SQLite."""

import json
from pathlib import Path

from tracking_bench import output, row

LOAD = Path(__file__).with_name("registry_load.py")
ROWS = {
    "register": ("versions registered", "calls/s"),
    "all": ("10,000 versions found", "ms"),
    "newest": ("newest 100 of a model's 1000 versions", "ms"),
    "tagged": ("a model's versions by tag, among 10,000", "ms"),
    "models": ("10 models with their latest versions", "ms"),
}


def measure(mlctl, mlflow, place, env, *, repeat):
    """Rows of both sides; the homes of both virtual environments are given, and a folder that may be filled."""
    sides = {"mlctl": mlctl / "bin" / "python", "mlflow": mlflow / "bin" / "python"}
    found = {work: {side: [] for side in sides} for work in ROWS}
    for round_ in range(repeat):
        for side, python in sides.items():
            folder = place / f"{side}-{round_}"
            folder.mkdir(parents=True, exist_ok=True)
            measured = json.loads(output([python, LOAD, side, folder], env, folder).splitlines()[-1])
            for work, value in measured.items():
                found[work][side].append(value)
    return [row(what, unit, found[work], better=max if unit == "calls/s" else min) for work, (what, unit) in ROWS.items()]


def show(rows):
    """A table on standard output."""
    print(f"\n{'':44} {'mlctl':>12} {'MLflow':>12} {'x better':>9}")
    for item in rows:
        print(f"{item['what']:44} {item['mlctl']:12,.1f} {item['mlflow']:12,.1f} {item['ratio']:8.1f}x  {item['unit']}")
