"""--without-mlflow: which requirement lines are left out, what is said about them, and what is built."""

import json

import pytest

from mlctl.envs import mlflow_lines, selection
from mlctl.envs.pip_lines import Line

PROJECT = {"MLproject": "python_env: python_env.yaml\nentry_points:\n  main:\n    command: python main.py\n"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mlflow", ("mlflow", "")),
        ("MLflow==2.1.0", ("mlflow", "")),
        ("mlflow >= 1.0, < 3", ("mlflow", "")),
        ("mlflow[extras, pipelines]>=2 ; python_version > '3.8'", ("mlflow", "extras,pipelines")),
        ("mlflow_skinny", ("mlflow-skinny", "")),
        ("mlflow.skinny~=2.0", ("mlflow-skinny", "")),
        ("mlflow(>=1.0)", ("mlflow", "")),
        ("mlflow;python_version>'3'", ("mlflow", "")),
        ("mlflow==1.0 --hash=sha256:abc", ("mlflow", "")),
        ("mlflow @ git+https://example.org/mlflow/mlflow.git@master", ("mlflow", "")),
        ("git+https://example.org/mlflow/mlflow.git@v2#egg=mlflow[extras]", ("mlflow", "extras")),
        ("git+https://example.org/mlflow/mlflow.git@v2.1", ("mlflow", "")),
        ("-e git+https://example.org/mlflow/mlflow#egg=mlflow", ("mlflow", "")),
        ("git+https://example.org/mlflow/mlflow.git#subdirectory=skinny&egg=mlflow-skinny", ("mlflow-skinny", "")),
        ("https://example.org/files/mlflow-2.1.0-py3-none-any.whl", ("mlflow", "")),
        ("./wheels/mlflow_skinny-2.1.0-py3-none-any.whl", ("mlflow-skinny", "")),
        ("mlflow-export-import", ("mlflow-export-import", "")),
        ("azureml-mlflow==1.0", ("azureml-mlflow", "")),
        ("-c constraints.txt", ("", "")),
        ("--extra-index-url https://example.org/mlflow", ("", "")),
    ],
)
def test_the_package_that_a_line_names(line, expected):
    assert mlflow_lines.named(line) == expected


def lines(*texts):
    return tuple(Line(text, text) for text in texts)


def test_what_is_left_out():
    given = lines("numpy", "mlflow[extras]==2.0", "azureml-mlflow", "mlflow-skinny", "-c mlflow.txt")
    assert [line.text for line in mlflow_lines.without(given)] == ["numpy", "azureml-mlflow", "-c mlflow.txt"]


def test_what_is_said():
    found = mlflow_lines.notes(lines("numpy", "mlflow[extras]==2.0", "Scikit_Learn>1"))
    assert found[0].startswith("not installed (--without-mlflow): mlflow[extras]; ")
    assert "the extras of mlflow[extras]" in found[1]
    assert found[2].endswith("matplotlib, pandas, scipy")
    assert len(mlflow_lines.notes(lines("mlflow-skinny"))) == 1
    assert "changes nothing" in mlflow_lines.notes(lines("numpy"))[0]


@pytest.fixture
def folder(tmp_path, wheels):
    """A project that asks for a package, and for a mlflow that is nowhere to be had."""
    wheels.add("addone", "1.0")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "MLproject").write_text(PROJECT["MLproject"])
    (folder / "more.txt").write_text("MLflow[extras]==99.0\n")
    listed = [f"--find-links {wheels.folder}", "--no-index", "addone", "-r more.txt"]
    (folder / "python_env.yaml").write_text("dependencies: " + json.dumps(listed))
    return folder


def test_a_project_is_built_without_mlflow(mlctl, folder, place):
    (folder / "main.py").write_text("import addone, mlflow\nmlflow.log_metric('m', 1.0)\nprint(mlflow.STAND_IN)\n")
    done = mlctl("run", folder, "--without-mlflow", check=0)
    assert done.stdout.startswith("stand-in ")
    assert "not installed (--without-mlflow): mlflow[extras]" in done.stderr
    assert mlctl.runs()[0]["data"]["metrics"] == {"m": 1.0}


def test_what_the_project_runs_is_built_without_mlflow_too(mlctl, folder, place):
    (folder / "MLproject").write_text(PROJECT["MLproject"] + "  step:\n    command: python -c 'import mlflow; print(mlflow.STAND_IN)'\n")
    (folder / "main.py").write_text("import mlflow\nmlflow.projects.run('.', 'step')\n")
    assert mlctl("run", folder, "--without-mlflow", check=0).stdout.startswith("stand-in ")


def test_an_installer_in_the_job_does_not_take_it_for_mlflow(mlctl, folder, place, wheels):
    wheels.add("mlflow", "99.0")
    (folder / "main.py").write_text("import mlflow\nprint(getattr(mlflow, 'STAND_IN', 'the real one'))\n")
    install = f"python -m pip install --quiet --no-index --find-links '{wheels.folder}' mlflow"
    (folder / "MLproject").write_text(PROJECT["MLproject"].replace("command: python main.py", f'command: "{install} && python main.py"'))
    assert mlctl("run", folder, "--without-mlflow", check=0).stdout.splitlines()[-1] == "the real one"


def test_a_variable_says_it_too(mlctl, folder, place, monkeypatch):
    plain = mlctl.json("run", folder, "--dry-run")["data"]
    without = mlctl.json("run", folder, "--dry-run", "--without-mlflow")
    assert [line for line in plain["requirements"] if line not in without["data"]["requirements"]] == ["MLflow[extras]==99.0"]
    assert plain["environment"]["key"] != without["data"]["environment"]["key"]
    assert any("mlflow[extras]" in note for note in without["notes"])
    monkeypatch.setenv("MLCTL_WITHOUT_MLFLOW", "1")
    assert mlctl.json("run", folder, "--dry-run")["data"] == without["data"]


def test_a_package_that_brings_mlflow_along_brings_it_back(mlctl, folder, wheels, place):
    wheels.add("addone", "2.0", requires=["mlflow"])
    wheels.add("mlflow", "1.0")
    (folder / "main.py").write_text("import mlflow\nprint(hasattr(mlflow, 'STAND_IN'))\n")
    assert mlctl("run", folder, "--without-mlflow", check=0).stdout == "False\n"


def test_the_systems_environment_stays_as_it_is(mlctl, folder, place):
    found = mlctl.json("run", folder, "--dry-run", "--without-mlflow", "--env-manager", "local")
    assert any("changes nothing" in note for note in found["notes"])


def test_an_environment_that_does_not_ask_for_mlflow_is_the_same(place, folder, cache):
    from mlctl.projects import spec

    listed = json.loads((folder / "python_env.yaml").read_text().partition(": ")[2])[:-1]
    (folder / "python_env.yaml").write_text("dependencies: " + json.dumps(listed))
    project = spec.load(folder)
    keys = {selection.choose(project, env_manager=None, cache=cache, without_mlflow=flag).plan().key for flag in (True, False)}
    assert len(keys) == 1
