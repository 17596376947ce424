"""Projects with a conda file, run as their users run them."""

import os
from pathlib import Path

import conda_channel
import pytest

pytestmark = pytest.mark.engine("rattler")

PROJECT = "conda_env: conda.yaml\nentry_points:\n  main:\n    command: python main.py && hello\n"
CONDA_YAML = """
channels: [main]
dependencies:
  - python
  - top
  - tool=3
  - blas=*=mkl
variables:
  MINE: from the file
"""
MAIN = """
import os, sys
import mlctl
import top
with mlctl.start_run():
    mlctl.log_param("top", top.version)
    mlctl.log_param("later", os.environ["TOOL_LATER"].removeprefix(os.environ["CONDA_PREFIX"]))
    mlctl.log_param("mine", os.environ["MINE"])
    mlctl.log_param("blas", open(os.environ["CONDA_PREFIX"] + "/share/blas").read())
    mlctl.log_param("prefix", str(sys.prefix == os.environ["CONDA_PREFIX"]))
"""
EXPECTED = {"top": "1.0", "later": "/share/later", "mine": "from the file", "blas": "mkl", "prefix": "True"}


@pytest.fixture(autouse=True)
def _channels(conda_channels, monkeypatch, tmp_path):
    monkeypatch.setenv("MLCTL_CONDA_CHANNEL_ALIAS", conda_channels.as_uri())
    monkeypatch.setenv("MLCTL_CACHE_DIR", str(tmp_path / "it's a cache"))
    for name in ("CONDA_EXE", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)


def test_solved_run_recorded_and_used_again(mlctl, project, conda_channels):
    folder = project(PROJECT, main__py=MAIN, conda__yaml=CONDA_YAML)
    planned = mlctl.json("run", folder, "--dry-run")["data"]
    assert planned["channels"] == [(conda_channels / "main").as_uri()]
    assert planned["requirements"] == ["python", "top", "tool=3", "blas=*=mkl"]
    assert planned["variables"]["CONDA_PREFIX"] == planned["environment"]["folder"]
    first = mlctl("run", folder, check=0)
    assert first.stdout == f"hello from {planned['environment']['folder']}\n"
    assert "solved in" in first.stderr
    second = mlctl("run", folder, check=0)
    assert "solved" not in second.stderr
    for run in mlctl.runs():
        assert run["data"]["params"] == EXPECTED
        tags = run["data"]["tags"]
        assert (tags["mlflow.project.env"], tags["mlctl.python"]) == ("conda", conda_channel.VERSION)
        assert tags["mlctl.env.key"] == planned["environment"]["key"]
        files = Path(run["info"]["artifact_uri"], "mlctl")
        assert (files / "packages.txt").read_text().splitlines()[:2] == ["base==1.0", "blas==1.0"]
        lock = (files / "environment.lock").read_text().splitlines()
        assert lock[:2] == ["# platform: linux-64", "@EXPLICIT"]
        assert sum(line.startswith(conda_channels.as_uri()) and "#sha256:" in line for line in lock) == 5


def test_listed_shown_and_removed(mlctl, project):
    folder = project(PROJECT, main__py=MAIN, conda__yaml=CONDA_YAML)
    mlctl("run", folder, check=0)
    (listed,) = mlctl.json("env", "list")["data"]
    assert (listed["builder"], listed["python"], listed["projects"]) == ("rattler", conda_channel.VERSION, [str(folder)])
    assert "blas==1.0" in mlctl("env", "show", listed["key"][:6], check=0).stdout
    assert mlctl("env", "export", folder, check=0).stdout.startswith("# platform: linux-64\n@EXPLICIT\nfile:")
    assert "`--format lock`" in mlctl("env", "export", folder, "--format", "requirements", check=123).stderr
    assert mlctl("env", "exec", folder, "--", "bash", "-c", "echo $TOOL_LATER", check=0).stdout == f"{listed['folder']}/share/later\n"
    assert [each["key"] for each in mlctl.json("env", "gc", "--older-than", "0")["data"]] == [listed["key"]]
    assert not Path(listed["folder"]).exists()
    mlctl("run", folder, check=0)


def test_no_solution_is_recorded(mlctl, project):
    folder = project(PROJECT, main__py=MAIN, conda__yaml="channels: [main]\ndependencies: [python, top, 'base>=2']\n")
    done = mlctl("run", folder, check=123)
    assert "base" in done.stderr.partition("The solver says:")[2]
    (run,) = mlctl.runs()
    assert run["info"]["status"] == "FAILED"
    assert "The solver says:" in run["data"]["tags"]["mlctl.status.reason"]


def test_the_same_file_by_an_installed_conda(mlctl, project, tmp_path, monkeypatch):
    program = conda_channel.write_conda(tmp_path / "conda home")
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    text = "import os\nimport mlctl\nmlctl.log_params({name: os.environ[name] for name in ('FROM_STATE', 'FROM_SCRIPT', 'MINE')})\n"
    folder = project(PROJECT.replace(" && hello", ""), main__py=text, conda__yaml=CONDA_YAML)
    done = mlctl("run", folder, "--env-manager", "conda", check=0)
    assert f"the environment is made by {program}" in done.stderr
    mlctl("run", folder, "--env-manager", "conda", check=0)
    ((given, _, _),) = conda_channel.calls(program)
    assert given[:2] == ["env", "create"]
    assert given[-1] == str(folder / "conda.yaml")
    assert "conda solves it anew" in mlctl("runs", "rerun", "@last", check=0).stderr
    for run in mlctl.runs():
        assert run["data"]["params"] == {"FROM_STATE": "1", "FROM_SCRIPT": "1", "MINE": "from the file"}
        assert run["data"]["tags"]["mlflow.project.env"] == "conda"


def test_progress_on_a_terminal(in_terminal, project):
    folder = project(PROJECT, main__py=MAIN, conda__yaml=CONDA_YAML)
    shown = in_terminal("run", folder)
    assert "mlctl: solved in" in shown
    assert "hello from" in shown


def test_without_the_extra(mlctl, project, tmp_path, monkeypatch):
    """A py-rattler that cannot be found: files with conda packages are refused, others become virtualenvs."""
    (tmp_path / "hide").mkdir()
    hide = "import importlib.util as u\nfind = u.find_spec\nu.find_spec = lambda name, *a: None if name == 'rattler' else find(name, *a)\n"
    (tmp_path / "hide" / "sitecustomize.py").write_text(hide)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hide"))
    refused = mlctl("run", project(PROJECT, main__py="", conda__yaml=CONDA_YAML), check=123)
    assert "top, tool=3, blas=*=mkl" in refused.stderr
    assert 'pip install "mlctl[conda]"' in refused.stderr
    assert mlctl.runs() == []
    yaml = f"dependencies: [python={conda_channel.MINOR}, pip]\nvariables: {{MINE: yes}}\n"
    text = "import os\nassert os.environ['MINE'] == 'yes'\nassert 'CONDA_PREFIX' not in os.environ\n"
    folder = project(PROJECT.replace(" && hello", ""), "other", main__py=text, conda__yaml=yaml)
    planned = mlctl.json("run", folder, "--dry-run")
    assert planned["data"]["environment"]["kind"] == "virtualenv"
    assert any("lists only Python and pip packages" in note for note in planned["notes"])


def test_repeated_with_the_same_packages(mlctl, project, tmp_path):
    """A newer version has come since: the repeated run has the old one."""
    channel = conda_channel.Channel(tmp_path / "mine")
    channel.add_python()
    channel.add("base", "1.0", build="one", python="version = '1.0'\n")
    channel.index()
    text = "import base\nimport mlctl\nmlctl.log_param('base', base.version)\n"
    yaml = f"channels: [{channel.url}]\ndependencies: [python, base]\n"
    folder = project(PROJECT.replace(" && hello", ""), main__py=text, conda__yaml=yaml)
    mlctl("run", folder, check=0)
    channel.add("base", "2.0", python="version = '2.0'\n")
    channel.index()
    (first,) = mlctl.json("env", "list")["data"]
    mlctl("runs", "rerun", "@last", check=0)
    mlctl("env", "remove", first["key"], check=0)
    mlctl("runs", "rerun", "@last~1", check=0)
    mlctl("runs", "rerun", "@last~2", "--no-lock", check=0)
    assert [run["data"]["params"]["base"] for run in mlctl.runs()] == ["2.0", "1.0", "1.0", "1.0"]
    assert {run["data"]["tags"]["mlctl.env.manager"] for run in mlctl.runs()} == {"rattler"}
