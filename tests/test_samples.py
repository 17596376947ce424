"""Every sample project runs, and leaves what it promises."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from mlctl_server import Server
from uv import find_uv_bin

SAMPLES = Path(__file__).parents[1] / "sample-projects"


def test_minimal(mlctl, place):
    done = mlctl("run", SAMPLES / "minimal", "-P", "epochs=200", check=0)
    assert done.stdout.startswith("y = 1.9")
    (run,) = mlctl.runs()
    assert run["info"]["status"] == "FINISHED"
    assert run["data"]["params"] == {"learning_rate": "0.1", "epochs": "200"}
    assert 1.9 < run["data"]["metrics"]["slope"] < 2.0
    assert run["data"]["metrics"]["loss"] < 0.02


def test_steps_one_by_one_and_all_together(mlctl, place):
    folder = place / "data"
    for step in ("prepare", "train", "evaluate"):
        mlctl("run", SAMPLES / "steps", "-e", step, "-P", f"folder={folder}", check=0)
    evaluate, train, _ = mlctl.runs()
    assert evaluate["data"]["metrics"]["accuracy"] > 0.8
    assert train["data"]["params"]["neighbours"] == "5"
    mlctl("run", SAMPLES / "steps", "-P", f"folder={folder}", "-P", "neighbours=9", check=0)
    metrics = mlctl.runs()[0]["data"]["metrics"]
    assert set(metrics) == {"train_rows", "test_rows", "accuracy"}


def test_steps_refuses_what_its_choices_exclude(mlctl, place):
    done = mlctl("run", SAMPLES / "steps", "-P", "neighbours=4", check=121)
    assert "1, 3, 5" in done.stderr
    assert mlctl.runs() == []


@pytest.mark.timeout(600)
def test_wine(mlctl, place):
    """The main job: a virtualenv is built, a model trained on real data; a second run builds nothing."""
    first = mlctl.json("run", SAMPLES / "wine", "-P", "alpha=5.0", timeout=500)
    mlctl("run", SAMPLES / "wine", "-P", "alpha=0.05", check=0)
    better, worse = mlctl.runs("--order-by", "metrics.rmse")
    assert worse["info"]["run_id"] == first["data"]["run_id"]
    assert worse["data"]["params"]["alpha"] == "5.0"
    assert better["data"]["metrics"]["r2"] > 0.5 > worse["data"]["metrics"]["r2"]
    assert better["data"]["tags"]["mlctl.env.key"] == worse["data"]["tags"]["mlctl.env.key"]
    assert better["data"]["tags"]["mlflow.project.env"] == "virtualenv"
    root = Path(better["info"]["artifact_uri"])
    assert (root / "plots" / "predictions.png").read_bytes().startswith(b"\x89PNG")
    assert len(json.loads((root / "coefficients.json").read_text())) == 12
    assert any(line.startswith("scikit-learn==") for line in (root / "mlctl" / "packages.txt").read_text().splitlines())
    envs = [env for env in mlctl.json("env", "list")["data"] if str(SAMPLES / "wine") in env["projects"]]
    assert [env["key"] for env in envs] == [better["data"]["tags"]["mlctl.env.key"]]


@pytest.mark.timeout(600)
def test_wine_with_a_server(mlctl, place, tmp_path, monkeypatch):
    """``MLFLOW_TRACKING_URI=http://localhost:PORT mlctl run . --experiment-name="models-experiment"``."""
    server = Server(tmp_path / "server")
    server.start()
    try:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://localhost:{server.port}")
        mlctl("run", ".", "--experiment-name=models-experiment", cwd=SAMPLES / "wine", check=0, timeout=500)
        (run,) = mlctl.runs("-x", "models-experiment")
        assert run["info"]["status"] == "FINISHED"
        assert {"rmse", "r2"} <= set(run["data"]["metrics"])
        files = {file["path"] for file in mlctl.json("runs", "show", run["info"]["run_id"])["data"]["artifacts"]}
        assert {"plots/predictions.png", "coefficients.json", "mlctl/output.log", "mlctl/packages.txt"} <= files
    finally:
        server.stop()
    assert not (SAMPLES / "wine" / "mlruns").exists()


def test_mlflow_client_without_mlflow(mlctl, place):
    """A project that lists mlflow, and its script as it is, with the stand-in: nothing is installed."""
    done = mlctl("run", SAMPLES / "mlflow-client", "--without-mlflow", "-P", "folds=2", check=0)
    assert "best fold" in done.stdout
    runs = mlctl.runs()
    (parent,) = [run for run in runs if "mlctl.mlflow" in run["data"]["tags"]]
    assert parent["data"]["tags"]["mlctl.mlflow"].startswith("stand-in ")
    assert {run["data"]["tags"]["mlflow.parentRunId"] for run in runs if run is not parent} == {parent["info"]["run_id"]}
    assert json.loads((Path(parent["info"]["artifact_uri"]) / "data.json").read_text())["folds"] == 2


@pytest.mark.timeout(600)
def test_pyproject(mlctl, place):
    """A project whose environment is its uv.lock, which is made here: locks name the registry that they were made with."""
    folder = shutil.copytree(SAMPLES / "pyproject", place / "pyproject")
    subprocess.run([find_uv_bin(), "lock", "--quiet"], cwd=folder, check=True)
    plan = mlctl.json("run", folder, "--dry-run")["data"]
    mlctl("run", folder, "-P", "degree=5", check=0, timeout=500)
    (run,) = mlctl.runs()
    assert run["data"]["metrics"]["rmse"] < 0.15
    assert run["data"]["tags"]["mlctl.env.key"] == plan["environment"]["key"]
    packages = (Path(run["info"]["artifact_uri"]) / "mlctl" / "packages.txt").read_text().split()
    assert len(packages) == 1
    assert packages[0] in plan["requirements"]


@pytest.mark.parametrize("name", [path.name for path in sorted(SAMPLES.iterdir()) if path.is_dir()])
def test_samples_are_without_findings(mlctl, name):
    assert mlctl("project", "check", SAMPLES / name, check=0).stdout == "No findings.\n"


@pytest.mark.engine("rattler")
def test_conda(mlctl, place, tmp_path, monkeypatch):
    """As its user has it, but for the channel: the name ``conda-forge`` means one that is made here."""
    import conda_channel

    channel = conda_channel.Channel(tmp_path / "channels" / "conda-forge")
    channel.add_python()
    code = "import collections\n\n\ndef frequencies(items):\n    return dict(collections.Counter(items))\n"
    channel.add("toolz", "1.0", python=code)
    channel.index()
    monkeypatch.setenv("MLCTL_CONDA_CHANNEL_ALIAS", (tmp_path / "channels").as_uri())
    done = mlctl("run", SAMPLES / "conda", "-P", "most=2", check=0)
    assert done.stdout == "what: 4, dare: 2\n"
    (run,) = mlctl.runs()
    assert run["data"]["metrics"] == {"words": 36, "count.what": 4, "count.dare": 2}
    assert run["data"]["tags"]["mlflow.project.env"] == "conda"


@pytest.mark.engine("docker")
def test_docker(mlctl, place):
    """From its own Dockerfile, on the image that is here; a changed script builds nothing."""
    folder = shutil.copytree(SAMPLES / "docker", place / "docker")
    text = (folder / "MLproject").read_text()
    (folder / "MLproject").write_text(text.replace("python:3.12-slim-bookworm", os.environ["MLCTL_DOCKER_IMAGE"]))
    with (folder / "Dockerfile").open("a") as file:
        file.write(f"# {place}\n")  # an image that no test has built before
    done = mlctl("run", folder, "-P", "trees=9", check=0)
    assert "building the image" in done.stderr
    assert done.stdout.startswith("irises, by their petals accuracy 0.")
    assert done.stdout.endswith(f"\nwritten by {os.getuid()}\n")
    assert (folder / "report.txt").stat().st_uid == os.getuid()
    (folder / "train.py").write_text("print('changed')")
    again = mlctl("run", folder, check=0)
    assert "building the image" not in again.stderr
    (run,) = mlctl.runs("--filter", "metrics.accuracy > 0")
    assert (Path(run["info"]["artifact_uri"]) / "model" / "stumps.json").exists()
    for env in mlctl.json("env", "list")["data"]:
        if env["builder"] == "docker":
            mlctl("env", "remove", env["key"], check=0)
