"""The model rows of `make bench`: logging and loading the document's forest, beside MLflow, in the same environment and the same format."""

import json
from pathlib import Path

from tracking_bench import output, row

LOAD = Path(__file__).with_name("models_load.py")
ROWS = {
    "log_model": "log_model of a forest, the first",
    "log_model again": "log_model of a forest, the second",
    "load_model": "pyfunc.load_model, the first",
    "load_model again": "pyfunc.load_model, the second",
}


def measure(mlctl, mlflow, place, env, *, repeat):
    """Rows of both sides; MLflow's environment runs both, with mlctl's package beside its own."""
    (package,) = mlctl.glob("lib/python*/site-packages/mlctl")
    beside = place / "beside"
    beside.mkdir(parents=True)
    (beside / "mlctl").symlink_to(package)
    found = {name: {"mlctl": [], "mlflow": []} for name in ROWS}
    for round_ in range(repeat):
        for side in ("mlctl", "mlflow"):
            folder = place / f"{side}-{round_}"
            folder.mkdir()
            own = {**env, "PYTHONPATH": str(beside), "PYTHONWARNINGS": "ignore"}
            lines = output([mlflow / "bin" / "python", LOAD, side, folder], own, folder).splitlines()
            for name, value in json.loads(lines[-1]).items():
                found[name][side].append(value)
    return [row(what, "ms", found[name], better=min) for name, what in ROWS.items()]
