"""``mlctl project init``: what it makes is right, runs, and passes its own test; what is there stays."""

import json
import os
import subprocess
import sys
from pathlib import Path

import conda_channel
import pytest


@pytest.mark.parametrize("arguments", [[], ["--env", "system"], ["--name", 'my "first": project\n#1 {x}']])
def test_what_is_made_runs(mlctl, place, arguments):
    folder = place / "a new: 'project'"
    made = mlctl.json("project", "init", folder, *arguments)["data"]
    assert ("python_env.yaml" in made["files"]) is (arguments[:1] != ["--env"])
    assert mlctl("project", "check", folder, check=0).stdout == "No findings.\n"
    name = mlctl.json("project", "show", folder)["data"]["name"]
    assert name == (" ".join(arguments[1].split()) if arguments[:1] == ["--name"] else folder.name)
    mlctl("run", folder, "-P", "epochs=300", check=0)
    mlctl("run", folder, "-e", "test", check=0)
    test, main = mlctl.runs()
    assert main["data"]["params"] == {"learning_rate": "0.05", "epochs": "300"}
    assert main["data"]["metrics"]["loss"] < 0.02
    assert json.loads((Path(main["info"]["artifact_uri"]) / "line.json").read_text())["slope"] == pytest.approx(2, abs=0.1)
    assert test["info"]["status"] == "FINISHED"


def test_its_test_can_fail(mlctl, place):
    mlctl("project", "init", "--env", "system", check=0)
    script = (place / "train.py").read_text()
    (place / "train.py").write_text(script.replace("offset -=", "offset +="))
    mlctl("run", ".", "-e", "test", check=1)


def test_without_mlctl_s_help(place, mlctl):
    mlctl("project", "init", ".", "--env", "system", check=0)
    subprocess.run([sys.executable, "-W", "error", "-m", "unittest"], check=True, capture_output=True)


@pytest.mark.parametrize("name", ["MLproject", "train.py", ".gitignore"])
def test_nothing_is_overwritten(mlctl, place, name):
    (place / name).symlink_to("nowhere")
    done = mlctl("project", "init", check=2)
    assert f"has {name} already" in done.stderr
    assert [path.name for path in place.iterdir()] == [name]


def test_a_place_that_cannot_be_written(mlctl, place):
    (place / "file").write_text("")
    assert "cannot be made" in mlctl("project", "init", "file/x", check=2).stderr
    assert "virtualenv, conda, docker, system" in mlctl("project", "init", "--env", "podman", check=2).stderr


@pytest.mark.engine("rattler")
def test_a_conda_project(mlctl, place, tmp_path, monkeypatch):
    """As its user has it, but for the channel: the name ``conda-forge`` means one that is made here."""
    channel = conda_channel.Channel(tmp_path / "channels" / "conda-forge")
    channel.add_python()
    channel.add_pip()
    channel.index()
    monkeypatch.setenv("MLCTL_CONDA_CHANNEL_ALIAS", (tmp_path / "channels").as_uri())
    made = mlctl.json("project", "init", "new", "--env", "conda")["data"]
    assert "conda.yaml" in made["files"]
    assert mlctl("project", "check", "new", check=0).stdout == "No findings.\n"
    mlctl("run", "new", "-P", "epochs=300", check=0)
    (run,) = mlctl.runs()
    assert run["data"]["tags"]["mlflow.project.env"] == "conda"
    assert run["data"]["metrics"]["loss"] < 0.02


@pytest.mark.engine("docker")
def test_a_docker_project(mlctl, place):
    """As its user has it, but for the image that its own starts from: none can be pulled here."""
    made = mlctl.json("project", "init", "new", "--env", "docker")["data"]
    assert "Dockerfile" in made["files"]
    assert mlctl("project", "check", "new", check=0).stdout == "No findings.\n"
    dockerfile = place / "new" / "Dockerfile"
    text = dockerfile.read_text()
    assert "ARG BASE=python:3." in text
    dockerfile.write_text(text.replace(text.partition("ARG BASE=")[2].partition("\n")[0], os.environ["MLCTL_DOCKER_IMAGE"], 1))
    mlctl("run", "new", "-P", "epochs=300", check=0)
    (run,) = mlctl.runs()
    assert run["data"]["tags"]["mlflow.project.env"] == "docker"
    assert run["data"]["metrics"]["loss"] < 0.02
