"""Runs repeated from their record, and what cannot be repeated."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

MLPROJECT = """\
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 1.0}
    command: python main.py {alpha}
"""
MAIN = """\
import sys
import mlctl
with mlctl.start_run():
    mlctl.log_param("logged_by_the_script", "x")
    mlctl.log_metric("m", float(sys.argv[1]) * FACTOR)
"""


def git(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(project):
    """A project in git, with one commit; a function that writes its script anew."""
    folder = project(MLPROJECT, main__py=MAIN.replace("FACTOR", "2"))
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def write(folder, factor):
    (folder / "main.py").write_text(MAIN.replace("FACTOR", str(factor)))


def last(mlctl):
    return mlctl.runs()[0]


def tag(run, name):
    return run["data"]["tags"].get(name)


def test_a_run_is_repeated_after_the_working_tree_has_changed(mlctl, repository):
    mlctl("run", repository, "-P", "alpha=3", check=0)
    first = last(mlctl)
    write(repository, 100)
    git(repository, "commit", "--quiet", "-am", "second")
    write(repository, 1000)
    before = git(repository, "status", "--porcelain")
    done = mlctl("runs", "rerun", "@last", check=0)
    again = last(mlctl)
    assert again["info"]["run_id"] != first["info"]["run_id"]
    assert again["data"]["metrics"] == first["data"]["metrics"] == {"m": 6.0}
    assert again["data"]["params"] == first["data"]["params"]
    assert tag(again, "mlctl.rerun.of") == first["info"]["run_id"]
    assert tag(again, "mlctl.rerun.different") is None
    assert tag(again, "mlflow.source.git.commit") == tag(first, "mlflow.source.git.commit")
    assert again["info"]["experiment_id"] == first["info"]["experiment_id"]
    assert "not the same" not in done.stderr
    assert git(repository, "status", "--porcelain") == before


def test_uncommitted_changes_are_repeated_and_repeated_again(mlctl, repository):
    write(repository, 5)
    (repository / "picture.bin").write_bytes(bytes(range(256)))
    git(repository, "add", "picture.bin")
    mlctl("run", repository, "-P", "alpha=2", check=0)
    write(repository, 7)
    for _ in range(2):
        mlctl("runs", "rerun", "@last", check=0)
        assert last(mlctl)["data"]["metrics"] == {"m": 10.0}
    assert (repository / "main.py").read_text() == MAIN.replace("FACTOR", "7")
    assert tag(last(mlctl), "mlctl.git.dirty") == "true"


def test_other_parameters_name_and_experiment(mlctl, repository):
    mlctl("run", repository, "-P", "alpha=2", "-P", "extra=1", check=0)
    mlctl("runs", "rerun", "@last", "-P", "alpha=4", "--run-name", "again", "--experiment-name", "other", check=0)
    run = mlctl.runs("--experiment", "other")[0]
    assert run["data"]["metrics"] == {"m": 8.0}
    assert run["data"]["params"] == {"alpha": "4", "extra": "1", "logged_by_the_script": "x"}
    assert run["info"]["run_name"] == "again"


def test_exit_codes_are_those_of_run(mlctl, script):
    script("import sys\nsys.exit(7)\n")
    mlctl("run", "project", check=7)
    data = mlctl.json("runs", "rerun", "@last", check=7)["data"]
    assert data["status"] == "FAILED"
    mlctl("runs", "rerun", "nothing", check=124)


def test_a_lost_commit_is_told(mlctl, repository):
    mlctl("run", repository, check=0)
    lost = tag(last(mlctl), "mlflow.source.git.commit")
    shutil.rmtree(repository / ".git")
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "another")
    done = mlctl("runs", "rerun", "@last", check=122)
    assert f"Commit {lost[:12]} of run" in done.stderr
    assert "is lost" in done.stderr
    assert len(mlctl.runs()) == 1


def test_an_amended_commit_is_still_found(mlctl, repository):
    mlctl("run", repository, check=0)
    write(repository, 50)
    git(repository, "commit", "--quiet", "--amend", "-am", "other")
    mlctl("runs", "rerun", "@last", check=0)
    assert last(mlctl)["data"]["metrics"] == {"m": 2.0}


def test_a_folder_that_is_gone_is_looked_for_at_its_remote(mlctl, repository, place):
    origin = place / "origin.git"
    git(place, "clone", "--quiet", "--bare", str(repository), str(origin))
    git(repository, "remote", "add", "origin", f"file://{str(origin).replace('%', '%25').replace('#', '%23')}")
    mlctl("run", repository, check=0)
    shutil.rmtree(repository)
    done = mlctl("runs", "rerun", "@last", check=0)
    assert last(mlctl)["data"]["metrics"] == {"m": 2.0}, done.stderr
    shutil.rmtree(origin)
    shutil.rmtree(place / "mlruns" / "nothing", ignore_errors=True)


def test_changes_that_do_not_apply(mlctl, repository, place):
    write(repository, 5)
    mlctl("run", repository, check=0)
    root = mlctl.json("runs", "show", "@last")["data"]["artifact_root"]
    with Path(root, "mlctl", "source.diff").open("a") as file:
        file.write("diff --git a/none.py b/none.py\n--- a/none.py\n+++ b/none.py\n@@ -1 +1 @@\n-a\n+b\n")
    done = mlctl("runs", "rerun", "@last", check=122)
    assert "do not apply to commit" in done.stderr
    assert "none.py" in done.stderr


def test_untracked_files_are_told(mlctl, repository):
    (repository / "data.csv").write_text("1\n")
    mlctl("run", repository, check=0)
    done = mlctl("runs", "rerun", "@last", check=0)
    assert "files that git did not track are not recorded: data.csv" in done.stderr
    assert "data.csv" in tag(last(mlctl), "mlctl.rerun.different")


def test_a_folder_without_git(mlctl, project):
    folder = project(MLPROJECT, main__py=MAIN.replace("FACTOR", "2"))
    mlctl("run", folder, check=0)
    assert len(tag(last(mlctl), "mlctl.source.hash")) == 64
    (folder / "result.txt").write_text("new files are no change")
    assert "not the same" not in mlctl("runs", "rerun", "@last", check=0).stderr
    write(folder, 3)
    done = mlctl("runs", "rerun", "@last", check=0)
    assert "in no git repository and has changed since: main.py" in done.stderr
    root = mlctl.json("runs", "show", "@last")["data"]["artifact_root"]
    subprocess.run(["sha256sum", "--check", "--quiet", f"{root}/mlctl/source.sha256"], cwd=folder, check=True)
    shutil.rmtree(folder)
    assert "is lost" in mlctl("runs", "rerun", "@last", check=122).stderr


def test_relative_paths_start_where_the_run_was_started(mlctl, project, place, monkeypatch):
    text = "entry_points:\n  main:\n    parameters:\n      data: path\n    command: python main.py {data}\n"
    project(text, main__py="import sys, mlctl\nmlctl.log_metric('m', float(open(sys.argv[1]).read()))\n")
    (place / "here.txt").write_text("4")
    mlctl("run", "project", "-P", "data=here.txt", check=0)
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "there.txt").write_text("5")
    monkeypatch.chdir(elsewhere)
    mlctl("runs", "rerun", "@last", check=0)
    assert last(mlctl)["data"]["metrics"] == {"m": 4.0}
    assert last(mlctl)["data"]["params"] == {"data": "here.txt"}
    mlctl("runs", "rerun", "@last", "-P", "data=there.txt", check=0)
    assert last(mlctl)["data"]["metrics"] == {"m": 5.0}


def test_runs_that_no_project_made(mlctl, place):
    subprocess.run(["python", "-c", "import mlctl; mlctl.log_metric('m', 1)"], check=True, cwd=place)
    assert "only what `mlctl run` has run" in mlctl("runs", "rerun", "@last", check=124).stderr


def test_another_python_and_other_packages_are_told(mlctl, repository, make_recorded):
    make_recorded({"mlctl.python": "3.1.4", "mlctl.host": "elsewhere", "mlctl.platform": "Plan9 mips"})
    done = mlctl("runs", "rerun", "@last", check=0)
    assert "it ran with Python 3.1.4" in done.stderr
    assert "it ran on elsewhere" in done.stderr
    assert "it ran on Plan9 mips" in done.stderr


@pytest.fixture
def make_recorded(mlctl, repository):
    def make(tags):
        mlctl("run", repository, check=0)
        mlctl("runs", "tag", "@last", *(f"{key}={value}" for key, value in tags.items()), check=0)

    return make


def test_a_run_of_an_older_mlctl_has_its_parameters_found(mlctl, repository):
    mlctl("run", repository, "-P", "alpha=2", "-P", "extra=1", check=0)
    mlctl("runs", "tag", "@last", "--delete", "mlctl.parameters", check=0)
    mlctl("runs", "rerun", "@last", check=0)
    assert json.loads(tag(last(mlctl), "mlctl.parameters")) == ["alpha", "extra"]


def test_variables_and_secrets_are_told(mlctl, script, place):
    script("import os, mlctl\nmlctl.log_metric('m', float(os.environ.get('NUMBER', '0')))\n")
    (place / "mine.env").write_text("NUMBER=4\nAPI_TOKEN=abcdefgh\n")
    mlctl("run", "project", "--env-file", "mine.env", check=0)
    done = mlctl("runs", "rerun", "@last", check=0)
    assert "variables that a file had set are not set: API_TOKEN, NUMBER" in done.stderr
    first = mlctl.runs()[1]["info"]["run_id"]
    done = mlctl("runs", "rerun", first, "--env-file", "mine.env", check=0)
    assert "not the same" not in done.stderr
    assert last(mlctl)["data"]["metrics"] == {"m": 4.0}
    mlctl("run", "project", "--env-file", "mine.env", "-P", "token=abcdefgh", check=0)
    assert "-P token=…" in mlctl("runs", "rerun", "@last", check=121).stderr
