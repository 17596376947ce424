"""What mlctl keeps with a run, read by MLflow's own client through the server; logged into the store's folder, and through the server."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WRITE = """
import numpy as np
import pandas as pd
import mlctl

pixels = (np.arange(300 * 20 * 3) % 256).astype("uint8").reshape(300, 20, 3)
with mlctl.start_run() as run:
    mlctl.log_text("é text", "texts/a b.txt")
    mlctl.log_dict({"k": [1, 2]}, "d.json")
    mlctl.log_image(pixels, "i.png")
    mlctl.log_image(pixels, key="series/k", step=7, timestamp=99)
    for number in (1, 2):
        mlctl.log_table({"n": [number], "s": ["x"]}, "t/table.json")
    mlctl.log_input(mlctl.data.from_pandas(pd.DataFrame({"a": [1], "b": ["x"]}), source="f.csv", name="n"), context="train")
    mlctl.log_input(mlctl.data.from_numpy(pixels, targets=pixels[:, 0, 0], source="https://host/f"))
print(run.info.run_id)
"""

READ = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
import mlflow
import mlflow.data

address, run_id, folder = sys.argv[1:]
mlflow.set_tracking_uri(address)
uri = f"runs:/{run_id}"
table = mlflow.load_table("t/table.json", run_ids=[run_id], extra_columns=["run_id"])
run = mlflow.get_run(run_id)
inputs = {item.dataset.name: item for item in run.inputs.dataset_inputs}
images = sorted(item.path for item in mlflow.artifacts.list_artifacts(run_id=run_id, artifact_path="images"))
small = next(path for path in images if path.endswith("+compressed.webp"))
print(json.dumps({
    "text": mlflow.artifacts.load_text(f"{uri}/texts/a b.txt"),
    "dict": mlflow.artifacts.load_dict(f"{uri}/d.json"),
    "image": [mlflow.artifacts.load_image(f"{uri}/{path}").size for path in ("i.png", small)],
    "series": [path.split("+")[:5] for path in images],
    "table": [table["n"].to_list(), set(table["run_id"]) == {run_id}],
    "list": sorted(item.path for item in mlflow.artifacts.list_artifacts(run_id=run_id)),
    "downloaded": os.listdir(mlflow.artifacts.download_artifacts(f"{uri}/texts", dst_path=folder)),
    "tags": {key: run.data.tags[key] for key in ("mlflow.loggedImages", "mlflow.loggedArtifacts")},
    "pandas": json.loads(inputs["n"].dataset.schema), "context": [tag.value for tag in inputs["n"].tags],
    "sources": [type(mlflow.data.get_source(inputs[name])).__name__ for name in ("n", "dataset")],
    "found": len(mlflow.search_runs(search_all_experiments=True, filter_string="datasets.name = 'n' AND datasets.context = 'train'")),
}))
"""


def script(text, *arguments, place, **variables):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
        **variables,
    }
    command = [os.environ["MLCTL_MLFLOW"], "-c", text, *map(str, arguments)]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.engine("mlflow")
@pytest.mark.parametrize("way", ["folder", "server"])
def test_mlflow_reads_what_mlctl_kept(serve_app, tmp_path, way):
    address = serve_app().address
    store = str(tmp_path / "mlctl.db") if way == "folder" else address
    run_id = script(WRITE, place=tmp_path, PYTHONPATH=str(ROOT), MLCTL_TRACKING_URI=store)
    (tmp_path / "to").mkdir()
    found = json.loads(script(READ, address, run_id, tmp_path / "to", place=tmp_path))
    assert found == {
        "text": "é text",
        "dict": {"k": [1, 2]},
        "image": [[20, 300], [17, 256]],
        "series": [["images/series~k", "step", "7", "timestamp", "99"]] * 2,
        "table": [[1, 2], True],
        "list": ["d.json", "i.png", "images", "t", "texts"],
        "downloaded": ["a b.txt"],
        "tags": {"mlflow.loggedImages": "True", "mlflow.loggedArtifacts": '[{"path": "t/table.json", "type": "table"}]'},
        "pandas": {
            "mlflow_colspec": [
                {"type": "long", "name": "a", "required": True},
                {"type": "string", "name": "b", "required": True},
            ]
        },
        "context": ["train"],
        "sources": ["LocalArtifactDatasetSource", "HTTPDatasetSource"],
        "found": 1,
    }
