"""The format of models: what mlctl writes MLflow loads, and the reverse; both write the same."""

import json
import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.engine("mlflow")


def run(library, place, *steps):
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    environment |= {"PYTHONPATH": str(HERE.parents[1])} if library == "mlctl" else {}
    argv = [os.environ["MLCTL_MLFLOW"], HERE / "format_cases.py", library]
    for what, writer in steps:
        argv += [what, place / writer, place / f"{what} {library} {writer}.json"]
    done = subprocess.run(argv, env=environment, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What each library wrote, and what each read of what each wrote."""
    place = tmp_path_factory.mktemp("it's a 'fold er'")
    run("mlflow", place, ("write", "mlflow"), ("read", "mlflow"))
    run("mlctl", place, ("write", "mlctl"), ("read", "mlctl"), ("read", "mlflow"))
    run("mlflow", place, ("read", "mlctl"))
    return {path.stem: json.loads(path.read_text()) for path in place.glob("*.json")}


def test_each_loads_what_either_has_written_and_predicts_the_same(answers):
    expected = answers["read mlflow mlflow"]
    assert len(expected) == 15
    assert expected["configured"] == [54.5, 55.5, 56.5]
    assert not [text for text in expected["refused"] if text.startswith("predicted")]
    for ways in ("read mlctl mlflow", "read mlflow mlctl", "read mlctl mlctl"):
        assert {name: value for name, value in answers[ways].items() if value != expected[name]} == {}, ways


def test_what_is_written_is_what_mlflow_writes(answers):
    theirs, ours = answers["write mlflow mlflow"], answers["write mlctl mlctl"]
    assert list(theirs) == list(ours)
    for name, facts in theirs.items():
        assert ours[name] == facts, name
