"""Schemas, enforcement, examples, requests: the same calls through MLflow and through mlctl; answers and words are compared."""

import json
import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

OWN_WORDS = {
    "example: series",
    "example: with wrong params",
    "hinted: frame as dictionaries",  # here a frame's rows are the dictionaries
    "hinted: frame of two columns as dictionaries",
}
"""Cases that both refuse, with words of mlctl's own. What `infer_signature` and pydantic refuse are other such cases: see `same`."""


def answers(library, target):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(target.parent),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    environment |= {"PYTHONPATH": str(ROOT)} if library == "mlctl" else {}
    done = subprocess.run(
        [os.environ["MLCTL_MLFLOW"], HERE / "schema_cases.py", library, target],
        env=environment,
        cwd=target.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(target.read_text())


def same(label, theirs, ours):
    own_words = label in OWN_WORDS or label.startswith(("infer", "hint: ")) or label.endswith(" as objects")
    if "error" in theirs and "error" in ours and own_words:
        return True
    return {**theirs, "type": ""} == {**ours, "type": ""}


@pytest.mark.engine("mlflow")
def test_answers_are_those_of_mlflow(tmp_path):
    theirs, ours = answers("mlflow", tmp_path / "theirs.json"), answers("mlctl", tmp_path / "ours.json")
    assert list(theirs) == list(ours)
    assert len(theirs) > 700
    assert sum("value" in answer for answer in theirs.values()) > 250, "most cases fail: the test tests nothing"
    differences = {label: (theirs[label], ours[label]) for label in theirs if not same(label, theirs[label], ours[label])}
    assert not differences
    assert {answer.get("type", "SchemaError") for answer in ours.values()} <= {"SchemaError", "InputError"}
