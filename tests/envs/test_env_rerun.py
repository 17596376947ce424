"""The environment of a repeated run: the recorded versions, whatever an index offers today."""

import json
import shutil

import pytest

MLPROJECT = "python_env: env.yaml\nentry_points:\n  main:\n    command: python main.py\n"
MAIN = "import mlctl, pack, deep\nmlctl.log_metrics({'pack': float(pack.version), 'deep': float(deep.version)})\n"


@pytest.fixture
def recorded(project, wheels, mlctl, monkeypatch, tmp_path):
    """A run with pack 1.0 and deep 1.0, after which both have a version 2.0."""
    monkeypatch.setenv("MLCTL_CACHE_DIR", str(tmp_path / "envs cache"))
    wheels.add("pack", "1.0", requires=["deep"])
    wheels.add("deep", "1.0")
    project(MLPROJECT, main__py=MAIN, env__yaml=f"dependencies: {json.dumps(wheels.lines('pack'))}\n")
    mlctl("run", "project", check=0)
    wheels.add("pack", "2.0", requires=["deep"])
    wheels.add("deep", "2.0")
    return tmp_path / "envs cache" / "envs"


def metrics(mlctl):
    return mlctl.runs()[0]["data"]["metrics"]


def test_the_recorded_versions_are_built_again(mlctl, recorded):
    shutil.rmtree(recorded)
    mlctl("runs", "rerun", "@last", check=0)
    assert metrics(mlctl) == {"pack": 1.0, "deep": 1.0}
    mlctl("runs", "rerun", "@last", "--no-lock", check=0)
    assert metrics(mlctl) == {"pack": 2.0, "deep": 2.0}
    assert len([path for path in recorded.iterdir() if path.is_dir()]) == 2  # a key of its own


def test_an_environment_that_has_them_is_used_as_it_is(mlctl, wheels, recorded):
    # a plain `mlctl run` has a new key, for the folder of wheels has changed; with the wheels as they were the first one is found again
    for path in wheels.folder.glob("*-2.0-*"):
        path.unlink()
    done = mlctl("runs", "rerun", "@last", check=0)
    assert "building" not in done.stderr
    assert metrics(mlctl) == {"pack": 1.0, "deep": 1.0}


def test_a_lock_that_cannot_be_met_is_told(mlctl, wheels, recorded):
    shutil.rmtree(recorded)
    next(wheels.folder.glob("deep-1.0-*")).unlink()
    done = mlctl("runs", "rerun", "@last", check=123)
    assert "The packages of run" in done.stderr
    assert "deep==1.0" in done.stderr
    assert "--no-lock" in done.stderr


def test_a_missing_lock_is_told(mlctl, recorded):
    root = mlctl.json("runs", "show", "@last")["data"]["artifact_root"]
    shutil.rmtree(f"{root}/mlctl")
    shutil.rmtree(recorded)
    done = mlctl("runs", "rerun", "@last", check=0)
    assert "the packages of its environment are not recorded" in done.stderr
    assert metrics(mlctl) == {"pack": 2.0, "deep": 2.0}
