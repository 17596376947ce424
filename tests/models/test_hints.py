"""Models in Python with type hints: signatures, and data checked against them, as MLflow does both; in each direction."""

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
    argv = [os.environ["MLCTL_MLFLOW"], HERE / "hint_cases.py", library]
    for what, writer in steps:
        argv += [what, place / writer, place / f"{what} {library} {writer}.json"]
    done = subprocess.run(argv, env=environment, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What each library wrote, and what each made of what each wrote."""
    place = tmp_path_factory.mktemp("hints")
    run("mlflow", place, ("write", "mlflow"), ("read", "mlflow"))
    run("mlctl", place, ("write", "mlctl"), ("read", "mlctl"), ("read", "mlflow"))
    run("mlflow", place, ("read", "mlctl"))
    return {path.stem: json.loads(path.read_text()) for path in place.glob("*.json")}


def test_signatures_are_those_of_mlflow(answers):
    theirs, ours = answers["write mlflow mlflow"], answers["write mlctl mlctl"]
    assert sum(facts["is_signature_from_type_hint"] is True for facts in theirs.values()) == 9
    assert {name: facts for name, facts in ours.items() if facts != theirs[name]} == {}
    assert list(ours) == list(theirs)


@pytest.mark.parametrize("way", ["read mlctl mlflow", "read mlflow mlctl", "read mlctl mlctl"])
def test_data_are_checked_and_converted_alike(answers, way):
    expected = answers["read mlflow mlflow"]
    flat = [str(answer) for group in expected.values() for answer in group]
    assert sum(text.startswith("refused") for text in flat) > 10
    assert sum("Row number=1 words=['x']" in text for text in flat) == 1
    assert {name: value for name, value in answers[way].items() if value != expected[name]} == {}
