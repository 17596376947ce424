"""Logs the models of cases, or loads and asks them, in a process of its own.

write FOLDER CASE…          logs each case's model with mlctl and with mlflow: FOLDER/mlctl/CASE, FOLDER/mlflow/CASE, FOLDER/written.json
read MODULE FOLDER CASE…    loads all of them with MODULE, natively and as pyfunc, and asks them: FOLDER/MODULE.json
"""

import importlib
import json
import logging
import os
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np
from flavor_cases import CASES

warnings.filterwarnings("ignore")
MODULES = ("mlctl", "mlflow")


def numbers(found):
    """What a model said, as one list of numbers."""
    if isinstance(found, dict):
        found = next(iter(found.values()))
    return [float(value) for value in np.asarray(found, dtype="float64").reshape(-1)]


def guarded(function, *arguments):
    """What a function gives, or the error that it ends with, as text."""
    try:
        return function(*arguments)
    except Exception:  # noqa: BLE001 -- one case must not keep the others from being tried
        return traceback.format_exc(limit=-6)


def write(folder, name):
    case = CASES[name]
    model = case.make()
    expected = numbers(case.native(model, case.data()))
    return {"expected": expected, **{module: guarded(log, module, folder, name, model) for module in MODULES}}


def log(module, folder, name, model):
    """Log with a module; the folder is what everybody finds who downloads the model."""
    api = importlib.import_module(module)
    flavor = importlib.import_module(f"{module}.{CASES[name].flavor}")
    api.set_tracking_uri(f"sqlite:///{folder}/{module}.db")
    further = {"pip_requirements": ["mlflow"]} if module == "mlflow" else {}  # inferring them takes mlflow a process and seconds
    by_name = {"artifact_path": "model"} if CASES[name].flavor == "spark" else {"name": "model"}
    with api.start_run():
        info = flavor.log_model(model, **by_name, **CASES[name].options(module), **further)
    target = folder / module / name
    target.mkdir(parents=True)
    api.artifacts.download_artifacts(artifact_uri=info.model_uri, dst_path=str(target))
    return "written"


def read(module, folder, name):
    answers = {writer: guarded(ask, module, folder / writer / name, name) for writer in MODULES}
    return (
        {**answers, "closed": {writer: guarded(ask_closed, folder / writer / name, name) for writer in MODULES}}
        if module == "mlctl"
        else answers
    )


def ask(module, folder, name):
    case = CASES[name]
    path = next(path.parent for path in folder.rglob("MLmodel"))
    flavor = importlib.import_module(f"{module}.{case.flavor}")
    pyfunc = importlib.import_module(f"{module}.pyfunc").load_model(str(path))
    answers = {
        "native": numbers(case.native(flavor.load_model(str(path)), case.data())),
        "pyfunc": numbers(pyfunc.predict(case.data())),
    }
    if case.params:
        answers["params"] = numbers(pyfunc.predict(case.data(), params=case.params))
    return answers


def ask_closed(folder, name):
    """What a model says that mlctl loads while nothing may be unpickled."""
    path = next(path.parent for path in folder.rglob("MLmodel"))
    os.environ["MLCTL_ALLOW_PICKLE"] = "false"
    try:
        return numbers(importlib.import_module("mlctl.pyfunc").load_model(str(path)).predict(CASES[name].data()))
    finally:
        del os.environ["MLCTL_ALLOW_PICKLE"]


def main(task, *arguments):
    logging.disable(logging.WARNING)
    if task == "write":
        folder, *names = arguments
        result, file = {name: guarded(write, Path(folder), name) for name in names}, "written"
    else:
        module, folder, *names = arguments
        result, file = {name: read(module, Path(folder), name) for name in names}, module
    Path(folder, f"{file}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
