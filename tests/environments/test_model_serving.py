"""The serving image: a model that mlctl has saved is put into it, and answers over HTTP."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "environments" / "model-serving" / "Dockerfile"
TAG = "mlctl-test-model-serving"

SAVE = """
import sys
import pandas as pd
from sklearn.linear_model import LinearRegression
import mlctl.sklearn
from mlctl.models import infer_signature
data = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
model = LinearRegression().fit(data, data["x"] * 2 + 1)
mlctl.sklearn.save_model(model, sys.argv[1], signature=infer_signature(data, model.predict(data)))
"""


def build(folder):
    argv = ["docker", "build", "-q", "-t", TAG, "-f", str(DOCKERFILE), "--build-arg", f"BASE={os.environ['MLCTL_DOCKER_WHEELS']}"]
    argv += ["--build-arg", "PIP_OPTIONS=--no-index --find-links /wheels", str(folder)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.engine("docker-wheels")
def test_a_folder_without_a_model(tmp_path):
    done = build(tmp_path)
    assert done.returncode != 0
    assert "has no MLmodel file" in done.stdout + done.stderr


@pytest.mark.engine("docker-wheels")
@pytest.mark.engine("mlflow")
@pytest.mark.timeout(900)
def test_a_model_answers(tmp_path):
    argv = [os.environ["MLCTL_MLFLOW"], "-c", SAVE, str(tmp_path / "model")]
    subprocess.run(argv, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True)
    done = build(tmp_path / "model")
    assert done.returncode == 0, done.stdout + done.stderr
    started = subprocess.run(["docker", "run", "-d", "-p", "127.0.0.1::8080", TAG], capture_output=True, text=True, check=True)
    container = started.stdout.strip()
    try:
        port = subprocess.run(["docker", "port", container, "8080"], capture_output=True, text=True, check=True).stdout.split(":")[-1]
        body = json.dumps({"dataframe_records": [{"x": 10.0}]}).encode()
        address = f"http://127.0.0.1:{int(port)}/invocations"
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
        (answer,) = _asked(request)["predictions"]
        assert answer == pytest.approx(21.0)
    finally:
        subprocess.run(["docker", "rm", "-f", container], check=False, capture_output=True)
        subprocess.run(["docker", "rmi", TAG], check=False, capture_output=True)


def _asked(request):
    deadline = time.monotonic() + 180
    while True:
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return json.loads(reply.read())
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
