"""Predictions for files: what is read, how it is cut into chunks, what is written and what is said of unfit input."""

import json
import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.engine("mlflow")


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What each case of prediction_cases gave."""
    folder = tmp_path_factory.mktemp("predictions")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(HERE.parents[1]), "MLFLOW_DISABLE_TELEMETRY": "true"}
    argv = [os.environ["MLCTL_MLFLOW"], HERE / "prediction_cases.py", "answers.json"]
    done = subprocess.run(argv, env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "answers.json").read_text())


WRITTEN = {
    "csv, series": (4, '{"predictions": [2.0, 4.0, 6.0, 8.0]}\n'),
    "csv in chunks, series": (4, '{"predictions": [2.0, 4.0, 6.0, 8.0]}\n'),
    "csv in chunks, frame": (4, "code,weekday\n007,0\n008,0\n009,0\n010,1\n"),
    "csv in chunks, matrix": (4, "prediction_0,prediction_1\n1.0,2.0\n2.0,4.0\n3.0,6.0\n4.0,8.0\n"),
    "csv in chunks, sizes": (4, '{"predictions": [3, 3, 3, 1]}\n'),
    "csv of whole numbers": (1, '{"predictions": [2.0]}\n'),
    "csv, more columns in another order": (1, '{"code": "7", "weekday": 0}\n'),
    "csv, dict": (4, '{"predictions": {"sum": 10.0}}\n'),
    "split": (2, '{"predictions": [10.0, 20.0]}\n'),
    "split, param wins": (2, '{"predictions": [3.0, 6.0]}\n'),
    "bare split": (2, '{"predictions": ["#007", "#008"]}\n'),
    "records": (2, "prediction\n#007\n#008\n"),
    "bare records": (2, '{"code": "007", "weekday": 0}\n{"code": "008", "weekday": 1}\n'),
    "inputs": (2, '{"predictions": [2.0, 4.0]}\n'),
    "instances": (2, '{"predictions": [2.0, 4.0]}\n'),
    "lines in chunks": (4, "3\n3\n3\n1\n"),
    "parquet in chunks": (4, '{"predictions": [3, 3, 3, 1]}\n'),
    "parquet, frame": (4, "code,weekday\n007,0\n008,0\n009,0\n010,1\n"),
    "csv without rows": (0, '{"predictions": []}\n'),
}
REFUSED = {
    "csv in chunks, dict": "--chunk-rows 0",
    "csv, dict as csv": "answers with a dict",
    "csv without a column": "Model is missing inputs ['day']",
    "csv with texts for numbers": "Can not safely convert",
    "csv with nonsense for a day": "Failed to convert column day",
    "csv that is uneven": "not CSV",
    "csv that is empty": "not CSV",
    "csv that is binary": "missing inputs",
    "two formats": "one of the keys",
    "json of something": "no data that a model takes",
    "no json": "not JSON",
    "params that are none": "no dictionary",
    "unfit param": "Can not safely convert",
    "lines with a slip": "Line 4 of the input is not JSON",
    "no parquet": "not Parquet",
}


@pytest.mark.parametrize("label", WRITTEN)
def test_what_is_written(answers, label):
    assert answers[label] == {"rows": WRITTEN[label][0], "text": WRITTEN[label][1]}


@pytest.mark.parametrize("label", REFUSED)
def test_what_is_refused(answers, label):
    assert REFUSED[label] in answers[label].get("error", answers[label])
    assert answers[label]["left"] == ["input", "model"], "half of an output is none"


@pytest.mark.parametrize("model", ["theirs", "ours"])
def test_models_with_type_hints(answers, model):
    assert answers[f"hints, inputs: {model}"] == {"rows": 2, "text": '{"predictions": ["A", "B"]}\n'}
    assert answers[f"hints, bare list: {model}"] == {"rows": 1, "text": '"A"\n'}
    assert answers[f"hints, lines of csv: {model}"] == {"rows": 2, "text": "prediction\nA\nB\n"}
    assert "Expected type str, but got int" in answers[f"hints, unfit: {model}"]["error"]


def test_a_model_with_type_hints_in_mlflow(answers):
    assert answers["in MLflow"] == [["X"], ["[string (required)]", "[string (required)]"]]


def test_all_cases_are_looked_at(answers):
    assert set(answers) - {"in MLflow"} - {label for label in answers if label.startswith("hints")} == {*WRITTEN, *REFUSED}
