"""`mlflow run`, the real one, with its tracking address at our server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from mlctl_server import Server

from mlctl import inject, settings

SAMPLE = Path(__file__).parents[2] / "sample-projects" / "wine"


@pytest.fixture
def server(place):
    found = Server(place / "served")
    found.start()
    yield found
    found.stop()


@pytest.mark.engine("mlflow")
@pytest.mark.timeout(400)
def test_the_wine_sample(server, place, mlctl):
    """The script logs with mlctl, which `mlctl run` would have made importable; here its bundle is put on the path."""
    python = Path(os.environ["MLCTL_MLFLOW"])
    shutil.copytree(SAMPLE, place / "wine")
    env = {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(place),
        "PYTHONPATH": str(inject.bundle_folder(settings.cache_dir()) / "lib"),
        "MLFLOW_TRACKING_URI": server.address,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    command = [
        python,
        "-m",
        "mlflow",
        "run",
        "wine",
        "--env-manager",
        "local",
        "-P",
        "alpha=0.05",
        "--experiment-name",
        "models-experiment",
    ]
    done = subprocess.run(list(map(str, command)), cwd=place, env=env, capture_output=True, text=True, timeout=390, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (run,) = runs_of(mlctl, server)
    assert run["info"]["status"] == "FINISHED"
    assert run["data"]["params"] == {"alpha": "0.05", "l1_ratio": "0.1", "target": "alcohol", "train_rows": "133"}
    assert run["data"]["metrics"].keys() == {"rmse", "mae", "r2"}
    assert run["data"]["tags"]["mlflow.project.entryPoint"] == "main"
    assert run["data"]["tags"]["mlflow.project.backend"] == "local"
    root = server.folder / "mlruns" / "artifacts" / run["info"]["experiment_id"] / run["info"]["run_id"] / "artifacts"
    assert (root / "plots" / "predictions.png").read_bytes().startswith(b"\x89PNG")
    assert (root / "coefficients.json").exists()


def runs_of(mlctl, server):
    env = {**os.environ, "MLCTL_TRACKING_URI": server.address}
    return mlctl.json("runs", "list", "-x", "models-experiment", env=env)["data"]
