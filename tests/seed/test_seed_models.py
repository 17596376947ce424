"""The document's Models and Model Registry blocks, as written: with mlctl in MLflow's place, with the stand-in, and with MLflow itself."""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from mlctl import inject, settings

TEXT = Path(__file__).with_name("models.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
BEFORE = "import mlflow\nfrom pprint import pprint\nfrom mlflow.tracking import MlflowClient\n"  # what the document has imported by then
SERVER = 'mlflow.set_tracking_uri("http://127.0.0.1:5000/")\n'


class Way(NamedTuple):
    """Where the script runs, how its imports read, whether it names a server, and whether `mlctl run` starts it."""

    python: str
    imports: tuple[tuple[str, str], ...] = ()
    server: bool = True
    job: bool = False


AS_MLFLOW = (
    ("import mlflow\n", "import mlctl as mlflow\n"),
    ("import mlflow.sklearn\n", "import mlctl.sklearn\n"),
    ("import mlflow.pyfunc\n", "import mlctl.pyfunc\n"),
    ("from mlflow.tracking import", "from mlctl.tracking import"),
    ("from mlflow.client import", "from mlctl.client import"),
)
WAYS = {
    "mlctl imported as mlflow": Way("MLCTL_SKLEARN", AS_MLFLOW, server=False),
    "mlctl imported as mlflow, with a server": Way("MLCTL_SKLEARN", AS_MLFLOW),
    "the stand-in": Way("MLCTL_SKLEARN", server=False, job=True),
    "the stand-in, with a server": Way("MLCTL_SKLEARN", job=True),
    # MLflow 3.17 refuses to save this forest in its default format
    "the real MLflow": Way(
        "MLCTL_MLFLOW",
        (
            ('artifact_path="sklearn-model")', 'artifact_path="sklearn-model", serialization_format="cloudpickle")'),
            ("from mlflow.client import MLflowClient", "from mlflow.client import MlflowClient"),
        ),
    ),
}


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.engine("mlflow" if way.python == "MLCTL_MLFLOW" else "sklearn")) for name, way in WAYS.items()
    ]
)
def way(request):
    return WAYS[request.param]


def script(way, address):
    text = BEFORE + "\n\n".join(BLOCKS)
    assert text.count(SERVER) == 2
    text = text.replace("http://127.0.0.1:5000/", f"{address}/") if way.server else text.replace(SERVER, "")
    for written, put in way.imports:
        assert written in text
        text = text.replace(written, put)
    return text


@pytest.mark.timeout(200)
def test_the_models_and_registry_examples(way, address, mlctl, project, place):
    python, text = os.environ[way.python], script(way, address)
    if way.job:
        folder = project("entry_points:\n  main:\n    command: python seed.py\n", seed__py=text)
        env = {**os.environ, "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"}
        done = mlctl("run", folder, env=env, timeout=170)
    else:
        (place / "seed.py").write_text(text)
        env = (
            {**os.environ, "PYTHONPATH": str(inject.bundle_folder(settings.cache_dir()) / "lib")} if way.python == "MLCTL_SKLEARN" else None
        )
        done = subprocess.run([python, "seed.py"], env=env, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    out = done.stdout
    assert out.count("model_pred: [1.]") == 3
    assert re.search(r"model_uri: runs:/[0-9a-f]{32}/sklearn-model\nmodel_name: RandomForestRegressionModel\n", out)
    assert "Name: RandomForestRegressionModel\nVersion: 1\nStage: None\n" in out
    assert re.search(r"'latest_versions': \[\s*<ModelVersion: .*current_stage='Staging'", out, re.DOTALL)
    assert "'name': 'RandomForestRegressionModel'" in out
    (version,) = mlctl.json("registry", "show", "RandomForestRegressionModel")["data"]["versions"]
    assert (version["version"], version["current_stage"]) == ("1", "Staging")
    models = mlctl.json("models", "list")["data"]
    assert [model["name"] for model in models] == ["sklearn-model", "sklearn-model"]
