"""The Tracking examples that mlctl was made for, as written, in three ways: with mlctl imported as mlflow, and (the script unchanged)
in `mlctl run` with the stand-in and with the real MLflow.

The blocks of tracking.md build on each other, so they run as one script, in order. Only the server's address is put in; and MLflow's
client is called MlflowClient by MLflow itself, while mlctl answers to the document's MLflowClient, too.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from mlctl import inject, settings
from mlctl.tracking.client import MlflowClient
from mlctl.version import __version__

TEXT = Path(__file__).with_name("tracking.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
NOTE = "MLflowClient().set_tag(run_id, 'mlflow.note.content', 'my run note')\n"  # the spelling that is shown as a note


class Way(NamedTuple):
    """Where the script runs, how its imports read, and what its run says about that.

    MLflow itself refuses to resume a run of another experiment than the one that was set: there, the block that sets another comes last.
    """

    python: str
    imports: tuple[tuple[str, str], ...] = ()
    job: bool = True
    noted: str = ""
    set_last: bool = False


WAYS = {
    "mlctl imported as mlflow": Way(
        "MLCTL_SKLEARN",
        (
            ("import mlflow\n", "import mlctl as mlflow\n"),
            ("import mlflow.sklearn\n", "import mlctl.sklearn\n"),
            ("from mlflow.tracking import", "from mlctl.tracking import"),
        ),
        job=False,
    ),
    "the stand-in": Way("MLCTL_SKLEARN", noted=f"stand-in {__version__}"),
    "the real MLflow": Way(
        "MLCTL_MLFLOW",
        (("import MLflowClient\n", "import MlflowClient as MLflowClient\n"),),
        noted="mlflow ",
        set_last=True,
    ),
}


def script(way, address):
    blocks = list(BLOCKS)
    blocks.insert(next(index for index, block in enumerate(blocks) if "MLflow.note.content" in block) + 1, NOTE)
    if way.set_last:
        blocks.sort(key=lambda block: "YOUR-SERVER" in block)
    text = "\n\n".join(blocks).replace("http://YOUR-SERVER:YOUR-PORT", address).replace("http://127.0.0.1:5000/", f"{address}/")
    for written, put in way.imports:
        assert written in text
        text = text.replace(written, put)
    return text


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.engine("mlflow" if way.python == "MLCTL_MLFLOW" else "sklearn")) for name, way in WAYS.items()
    ]
)
def way(request):
    return WAYS[request.param]


@pytest.fixture
def played(way, address, mlctl, project, place):
    """What the script printed, once it has run."""
    python, text = os.environ[way.python], script(way, address)
    if way.job:
        folder = project("entry_points:\n  main:\n    command: python seed.py\n", seed__py=text)
        env = {**os.environ, "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"}
        done = mlctl("run", folder, "--experiment-name", "introduction-experiment", env=env, timeout=170)
    else:
        (place / "seed.py").write_text(text)
        env = {**os.environ, "PYTHONPATH": str(inject.bundle_folder(settings.cache_dir()) / "lib")}
        command = [python, "-W", "error", "seed.py"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def named(runs, name):
    found = [run for run in runs if run["info"]["run_name"] == name]
    assert len(found) == 1, (name, [run["info"]["run_name"] for run in runs])
    return found[0]


@pytest.mark.timeout(200)
def test_the_tracking_examples(played, way, mlctl):
    out = played
    introduction, tracking, mine = (mlctl.runs("-x", name) for name in EXPERIMENTS)
    check_runs(introduction, out, job=way.job)
    check_tracking(named(tracking, "tracking-example-run"), out)
    check_series(named(tracking, "tracking-example-run")["info"]["run_id"])
    check_note(mlctl)
    check_artifacts(named(tracking, "tracking-example-run"), out)
    autologged = named(tracking if way.set_last else mine, "autologging model example")
    check_autologged(autologged)
    if way.set_last:
        check_logged_model(autologged)
    if way.noted:
        (run,) = [run for run in introduction if "mlctl.command" in run["data"]["tags"]]
        assert run["data"]["tags"]["mlctl.mlflow"].startswith(way.noted)


EXPERIMENTS = ("introduction-experiment", "tracking-experiment", "my-experiment")


def check_runs(runs, out, *, job):
    """The first run (in a job it is the job's own), the context manager's, and its children."""
    assert all(run["info"]["status"] == "FINISHED" for run in runs)
    assert len(runs) == 4
    parent = named(runs, "context-manager-run")
    children = {run["info"]["run_name"]: run for run in runs if "mlflow.parentRunId" in run["data"]["tags"]}
    assert {name: run["data"]["metrics"] for name, run in children.items()} == {
        "test_dataset_abc.csv": {"acc": 0.91},
        "test_dataset_xyz.csv": {"acc": 0.9},
    }
    assert {run["data"]["tags"]["mlflow.parentRunId"] for run in children.values()} == {parent["info"]["run_id"]}
    (first,) = [run for run in runs if run not in (parent, *children.values())]
    assert ("mlctl.command" in first["data"]["tags"]) is job
    assert f"Active run_id: {first['info']['run_id']}\nActive run_id: {parent['info']['run_id']}\n" in clean(out)
    for child in children.values():
        assert f"parent run_id: {parent['info']['run_id']}\nchild run_id : {child['info']['run_id']}\n" in clean(out)


def clean(out):
    """What the script printed, without the links that MLflow prints when a run ends."""
    return "".join(line for line in out.splitlines(keepends=True) if not line.startswith(("\N{RUNNER}", "\N{TEST TUBE}")))


def check_tracking(run, out):
    assert run["info"]["status"] == "FINISHED"
    assert run["data"]["params"] == {"learning_rate": "0.01", "epochs": "0.05", "final_activation": "sigmoid"}
    tags = run["data"]["tags"]
    assert (tags["env"], tags["some_tag"], tags["project"]) == ("dev", "False", "xyz")
    assert run["data"]["metrics"] == {"loss": 0.001, "acc": 0.92, "auc": 0.9, "val_loss": 0.00001, "val_acc": 0.9, "f1": 0.9}
    assert (tags["MLflow.note.content"], tags["mlflow.note.content"]) == ("my run note", "my run note")
    assert f"run_id: {run['info']['run_id']}\nexperiment_id: {run['info']['experiment_id']}\n" in clean(out)
    shown = clean(out).partition("MLflow_run: ")[2]
    assert run["info"]["run_id"] in shown
    assert "[1 rows x " in shown  # a DataFrame


def check_series(run_id):
    """Points without a step all have step 0; which is the latest, their times tell. Two equal points of one millisecond are one."""
    client = MlflowClient(str(Path("mlruns").absolute()))
    losses, accuracies = (client.get_metric_history(run_id, key) for key in ("val_loss", "val_acc"))
    assert [point.value for point in losses] == [0.1, 0.01, 0.001, 0.00001]
    assert {point.step for point in losses} == {0}
    assert sorted({point.value for point in accuracies}) == [0.6, 0.8, 0.9]


def check_note(mlctl):
    tags = next(each["tags"] for each in mlctl.json("experiments", "list")["data"] if each["name"] == "tracking-experiment")
    assert tags["MLflow.note.content"] == "my experiment note"


def check_artifacts(run, out):
    root = Path(run["info"]["artifact_uri"])
    assert (root / "test.txt").read_text() == "hello world!"
    assert (root / "data" / "subfolder" / "test.txt").read_text() == "hello world!"
    assert f"run_id: {run['info']['run_id']}\nArtifact uri: " in clean(out)


def check_autologged(run):
    assert run["info"]["status"] == "FINISHED"
    params = run["data"]["params"]
    assert (params["n_estimators"], params["random_state"], params["criterion"]) == ("4", "42", "squared_error")
    assert run["data"]["tags"]["estimator_name"] == "RandomForestRegressor"
    assert run["data"]["metrics"]["training_mean_squared_error"] == 0.0


def check_logged_model(run):
    """What MLflow's autologging has made of the training: a logged model, which the training's metrics are about, with its files."""
    client = MlflowClient(str(Path("mlruns").absolute()))
    (model,) = client.search_logged_models([run["info"]["experiment_id"]])
    assert (model.status, model.source_run_id, model.params["n_estimators"]) == ("READY", run["info"]["run_id"], "4")
    assert {point.key: point.value for point in model.metrics}["training_mean_squared_error"] == 0.0
    assert {key for key in run["data"]["metrics"] if key.startswith("training_")} == {point.key for point in model.metrics}
    assert [output.model_id for output in client.get_run(run["info"]["run_id"]).outputs.model_outputs] == [model.model_id]
    files = {item.path for item in client.store.model_artifacts(model).list()}
    assert {"MLmodel", "requirements.txt"} <= files
