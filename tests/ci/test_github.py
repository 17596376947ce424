"""GitHub Actions: outputs, summary, annotations; the action's own steps; the examples of docs/ci.md, run as scripts."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
PAGE = (ROOT / "docs" / "ci.md").read_text()


class Actions:
    """What a runner gives to a step, and how it reads what comes back."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        folder.mkdir()
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH"):
            (folder / name).touch()
            monkeypatch.setenv(name, str(folder / name))
        monkeypatch.setenv("RUNNER_TEMP", str(folder))

    def outputs(self):
        """Read as the runner does: NAME<<MARK, lines, MARK."""
        found, lines = {}, iter((self.folder / "GITHUB_OUTPUT").read_text().split("\n"))
        for line in lines:
            if not line:
                continue
            name, mark = line.split("<<")
            value = []
            for each in lines:
                if each == mark:
                    break
                value.append(each)
            found[name] = "\n".join(value)
        return found

    @property
    def summary(self):
        return (self.folder / "GITHUB_STEP_SUMMARY").read_text()


@pytest.fixture
def actions(tmp_path, monkeypatch):
    return Actions(tmp_path / "runner", monkeypatch)


@pytest.fixture
def samples(place):
    shutil.copytree(ROOT / "sample-projects", place / "sample-projects")


def annotations(text):
    return [line for line in text.splitlines() if line.startswith("::")]


def bash(script, place, **variables):
    environment = {**os.environ, **variables}
    argv = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(argv, cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=60)


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_tells_its_outputs_and_a_summary(mlctl, project, actions):
    text = "import mlctl\nmlctl.log_metrics({'rmse': 0.5, 'val/rmse': 0.25, 'val rmse': 9, 'bad': float('nan')})\n"
    project("entry_points:\n  main:\n    command: python main.py\n", main__py=text)
    done = mlctl("run", "project", "-P", "note=a|b", check=0)
    (run,) = mlctl.runs()
    found = actions.outputs()
    assert found["run_id"] == run["info"]["run_id"]
    assert found["experiment_id"] == "0"
    assert found["status"] == "FINISHED"
    assert found["exit_code"] == "0"
    assert Path(found["artifact_path"], "mlctl", "output.log").exists()
    assert json.loads(found["metrics"]) == {"rmse": 0.5, "val/rmse": 0.25, "val rmse": 9.0, "bad": "NaN"}
    assert found["metric_rmse"] == "0.5"
    assert found["metric_val_rmse"] == "9.0"
    assert found["metric_bad"] == "NaN"
    assert "| `rmse` | 0.5 |" in actions.summary
    assert "| `note` | `a\\|b` |" in actions.summary
    assert not annotations(done.stderr)


def test_a_failed_run_is_an_annotation_with_the_end_of_its_log(mlctl, project, actions):
    project("entry_points:\n  main:\n    command: \"echo 'oh: 100%'; exit 3\"\n")
    done = mlctl("run", "project", check=3)
    (line,) = annotations(done.stderr)
    assert line.startswith("::error title=mlctl run::Run ")
    assert line.endswith(" is FAILED: exit code 3%0Aoh: 100%25")
    assert actions.outputs()["status"] == "FAILED"


def test_an_error_is_an_annotation(mlctl, place, actions):
    (line,) = annotations(mlctl("run", "absent", check=122).stderr)
    assert "There is no folder" in line
    assert not actions.outputs()
    (line,) = annotations(mlctl("runs", "report", "nothing", check=124).stderr)
    assert line.startswith("::error title=mlctl runs report::There is no run 'nothing'.%0A")


def test_nothing_can_forge_an_output_or_a_command(mlctl, project, actions):
    text = (
        "import mlctl\n"
        "mlctl.set_tag('mlflow.runName', 'x\\nstatus<<END\\nforged\\nEND\\n::error::forged')\n"
        "mlctl.log_metric('a', 1)\nraise SystemExit('::error::forged')\n"
    )
    project("entry_points:\n  main:\n    command: python main.py\n", main__py=text)
    done = mlctl("run", "project", "--output", "json", check=1)
    found = actions.outputs()
    assert found["status"] == "FAILED"
    assert "forged" in found["run_name"]
    assert set(found) == {
        *("run_id", "run_name", "experiment_id", "status", "exit_code", "artifact_path", "metrics", "metric_a"),
    }
    ours = [line for line in annotations(done.stderr) if "title=" in line]
    assert len(ours) == 1


def test_a_check_tells_what_failed(mlctl, samples, actions):
    mlctl("run", "sample-projects/minimal", check=0)
    done = mlctl("runs", "check", "@last", "metrics.loss < 100", "metrics.loss < 0.001", check=1)
    (line,) = annotations(done.stderr)
    assert line.startswith("::error title=mlctl runs check::metrics.loss < 0.001 does not hold: metrics.loss = ")
    assert actions.outputs()["passed"] == "false"
    assert "| ❌ | `metrics.loss < 0.001` |" in actions.summary
    assert "| ✅ | `metrics.loss < 100` |" in actions.summary
    mlctl("runs", "report", "@last", check=0)
    assert "| `loss` |" in actions.summary


@pytest.mark.parametrize("how", ["flag", "setting", "elsewhere", "inside"])
def test_it_can_be_turned_off(mlctl, project, actions, monkeypatch, how):
    project("entry_points:\n  main:\n    command: exit 1\n")
    if how == "setting":
        monkeypatch.setenv("MLCTL_CI", "0")
    elif how == "elsewhere":
        monkeypatch.delenv("GITHUB_ACTIONS")
    elif how == "inside":
        monkeypatch.setenv("MLCTL_COMMAND", json.dumps([sys.executable, "-m", "mlctl"]))
    done = mlctl("run", "project", *(["--no-ci"] if how == "flag" else []), check=1)
    assert not annotations(done.stderr)
    assert not actions.outputs()
    assert not actions.summary


def test_files_that_cannot_be_written_do_not_end_a_run(mlctl, samples, actions, monkeypatch):
    monkeypatch.setenv("GITHUB_OUTPUT", "/nowhere/at/all")
    assert "GITHUB_OUTPUT cannot be written" in mlctl("run", "sample-projects/minimal", check=0).stderr


# ── the action ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_action_is_one():
    assert ACTION["runs"]["using"] == "composite"
    steps = ACTION["runs"]["steps"]
    ids = {step["id"] for step in steps if "id" in step}
    text = (ROOT / "action.yml").read_text()
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(ACTION["inputs"])
    assert set(re.findall(r"steps\.(\w+)\.", text)) <= ids
    for step in steps:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
        assert set(re.findall(r"\$\{?(INPUT_\w+|ACTION_\w+)", step["run"])) == set(step["env"])
    assert all(isinstance(item["default"], str) and item["description"] for item in ACTION["inputs"].values())
    assert all(
        item["description"] and re.fullmatch(r"\$\{\{ steps\.\w+\.outputs\.\w+ \}\}", item["value"]) for item in ACTION["outputs"].values()
    )


def act(actions, place, inputs, names=("Run the project", "Check the run", "Report against the baseline")):
    """Run steps of the action as a runner does; returns what each of them gave."""
    given = {name: item["default"] for name, item in ACTION["inputs"].items()} | inputs
    done = {}
    for name in names:
        (step,) = [step for step in ACTION["runs"]["steps"] if step["name"] == name]
        outputs = {f"steps.run.outputs.{key}": value for key, value in actions.outputs().items()}
        known = {**{f"inputs.{key}": value for key, value in given.items()}, **outputs, "github.action_path": str(ROOT)}
        variables = {key: known[value.removeprefix("${{ ").removesuffix(" }}")] for key, value in step["env"].items()}
        done[name] = bash(step["run"], place, **variables)
        if done[name].returncode:
            break
    return done


def test_the_action_runs_and_checks(actions, samples, place, mlctl_on_path):
    inputs = {"uri": "sample-projects/minimal", "parameters": "epochs=50\n\nlearning_rate=0.1\n", "check": "metrics.loss < 0.1\n"}
    done = act(actions, place, {**inputs, "experiment-name": "a 'b' $(touch pwned)", "baseline": "@last"})
    assert [item.returncode for item in done.values()] == [0, 0, 0], done
    found = actions.outputs()
    assert found["status"] == "FINISHED"
    assert found["passed"] == "true"
    assert "| `epochs` | `50` |" in actions.summary
    assert not (place / "pwned").exists()


def test_the_action_fails_where_a_condition_does_not_hold(actions, samples, place, mlctl_on_path):
    done = act(actions, place, {"uri": "sample-projects/minimal", "check": "metrics.loss < 0.0001\nmetrics.none < 1\n"})
    assert [item.returncode for item in done.values()] == [0, 1]
    assert actions.outputs()["passed"] == "false"
    assert len(annotations(done["Check the run"].stderr)) == 2


def test_the_action_fails_with_the_script(actions, project, place, mlctl_on_path):
    project("entry_points:\n  main:\n    command: exit 9\n")
    assert [item.returncode for item in act(actions, place, {"uri": "project"}).values()] == [9]


def test_the_action_installs(actions, place, tmp_path, monkeypatch):
    """The step installs a wheel that the test builds; not what mlctl depends on, for there is no network here."""
    wheel = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert wheel.returncode == 0, wheel.stderr
    (path,) = (tmp_path / "dist").glob("*.whl")
    monkeypatch.setenv("PIP_NO_DEPS", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    done = act(actions, place, {"install": str(path), "python": sys.executable}, names=["Install mlctl"])
    assert done["Install mlctl"].returncode == 0, done["Install mlctl"].stderr
    (folder,) = (actions.folder / "GITHUB_PATH").read_text().splitlines()
    found = subprocess.run([f"{folder}/mlctl", "--version"], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("mlctl ")


@pytest.fixture
def mlctl_on_path(tmp_path, monkeypatch):
    """The command under its own name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "mlctl").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mlctl "$@"\n')
    (folder / "mlctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


# ── the examples of the page ─────────────────────────────────────────────────────────────────────────────────────────


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_of_a_plain_shell(actions, samples, place, mlctl_on_path):
    (script,) = blocks("bash")
    done = bash(script, place)
    assert done.returncode == 0, done.stderr
    assert actions.outputs()["passed"] == "true"
    assert json.loads(actions.outputs()["metrics"])["loss"] < 0.1
    assert "| `loss` |" in (place / "report.md").read_text()
    assert actions.summary.count("### ") == 3
    strict = script.replace("metrics.loss < 0.1", "metrics.loss < 0.001")
    assert strict != script
    (place / "report.md").unlink()
    done = bash(strict, place)
    assert done.returncode == 1
    assert len(annotations(done.stderr)) == 1
    assert actions.outputs()["passed"] == "false"
    assert not (place / "report.md").exists()
    done = bash(script.replace("epochs=50", "epochs=-1"), place)
    assert done.returncode == 121


def test_the_example_of_github(actions, samples, place, mlctl_on_path):
    example = yaml.safe_load(blocks("yaml")[0])
    use, later = example["jobs"]["train"]["steps"][1:]
    assert set(use["with"]) <= set(ACTION["inputs"])
    done = act(actions, place, use["with"], names=["Run the project", "Check the run"])
    assert [item.returncode for item in done.values()] == [0, 0], done
    outputs = actions.outputs()
    values = {f"steps.train.outputs.{name}": outputs[name.replace("-", "_")] for name in ("run-id", "metrics")}
    variables = {key: values[value[4:-3]] for key, value in later["env"].items()}
    found = bash(later["run"], place, **variables)
    assert found.returncode == 0, found.stderr
    assert outputs["run_id"] in found.stdout


def test_the_example_of_gitlab(samples, place, mlctl_on_path):
    example = yaml.safe_load(blocks("yaml")[1])
    found = bash("\n".join(example["train"]["script"]), place)
    assert found.returncode == 0, found.stderr
    assert (place / "metrics.csv").read_text().startswith("run_id,")
    assert all((place / path).exists() for path in example["train"]["artifacts"]["paths"])
