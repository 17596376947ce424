"""Processes of the Pythons that have the frameworks, and what their runs and models hold."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def environment(folder, **further):
    """Variables of a process that finds mlctl in the source tree, and writes nowhere else than into its folder."""
    found = {"PATH": os.environ["PATH"], "HOME": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    quiet = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1", "TF_USE_LEGACY_KERAS": "0"}
    return {**found, **quiet, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}", "MLCTL_CACHE_DIR": str(folder / "cache"), **further}


def process(python, *arguments, folder, check=0, timeout=500, **further):
    """Run a Python to its end; returns what it printed."""
    done = subprocess.run(
        [python, *map(str, arguments)],
        cwd=folder,
        env=environment(folder, **further),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
    )
    assert done.returncode == check, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    return done


def trained(name, module, folder, *, engine):
    """What the runs of a file of trainings hold, under the autologging of a module."""
    folder.mkdir()
    script = shutil.copy(HERE / name, folder)  # in no git repository: MLflow would describe the data by its commit
    process(os.environ[engine], "-W", "ignore", script, module, f"sqlite:///{folder}/store.db", "found.json", folder=folder)
    return json.loads((folder / "found.json").read_text())


def differences(theirs, ours, where=()):
    """Places where two values differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return [found for key in sorted({*theirs, *ours}) for found in differences(theirs.get(key), ours.get(key), (*where, key))]
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [found for index, pair in enumerate(zip(theirs, ours, strict=True)) for found in differences(*pair, (*where, index))]
    if isinstance(theirs, float) and isinstance(ours, float) and theirs == pytest.approx(ours, abs=1e-9, nan_ok=True):
        return []
    return [] if theirs == ours else [(where, theirs, ours)]
