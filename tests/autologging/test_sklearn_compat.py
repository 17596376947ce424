"""Autologging beside MLflow's: the same 22 trainings under both, and what their runs hold is compared."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("sklearn_trainings.py")
ROOT = SCRIPT.parents[2]

DIFFERENT = {
    "failing": "params, tags and data are written before the training; MLflow writes them in a thread, and drops them if it fails first",
    "options": "MLflow logs the data of child runs although log_datasets is False",
}


def trained(module, folder):
    """What each training's runs hold."""
    folder.mkdir()
    script = shutil.copy(SCRIPT, folder)  # in no git repository: MLflow would describe the data by its commit
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    done = subprocess.run(
        [os.environ["MLCTL_MLFLOW"], script, module, f"sqlite:///{folder}/store.db", "found.json"],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)} if module == "mlctl" else environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "found.json").read_text()), done.stderr


def differences(theirs, ours, where=()):
    """Places where two values differ; metrics that are times need only be there."""
    if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
        return [found for key in theirs for found in differences(theirs[key], ours[key], (*where, key))]
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [found for index, pair in enumerate(zip(theirs, ours, strict=True)) for found in differences(*pair, (*where, index))]
    if (
        isinstance(theirs, float)
        and isinstance(ours, float)
        and (str(where[-1]).endswith("_time") or theirs == pytest.approx(ours, abs=1e-9, rel=0, nan_ok=True))
    ):
        return []
    return [] if theirs == ours else [(where, theirs, ours)]


@pytest.mark.engine("mlflow")
@pytest.mark.timeout(600)
def test_the_same_trainings(tmp_path):
    ours, said = trained("mlctl", tmp_path / "ours")
    theirs, _ = trained("mlflow", tmp_path / "theirs")
    assert len(theirs) > 20
    assert sum(len(found["runs"]) + len(found["children"]) for found in theirs.values()) > 35
    assert said.count("\n") <= 1, said  # about the ranking of a search by two scores
    differing = {name: differences(theirs[name], ours[name]) for name in theirs}
    unknown = {name: found for name, found in differing.items() if found and name not in DIFFERENT}
    assert not unknown, unknown
    assert differing["options"], "this agrees by now"
