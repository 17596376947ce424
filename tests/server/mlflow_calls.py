"""Calls of MLflow's own client, run by a Python that has mlflow: ADDRESS FILE. The file gets what each call gave, as comparable JSON."""

import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.figure
import mlflow
import mlflow_registry_calls
import numpy as np
import pandas as pd
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
results = []
ids = {}


def plain(value):
    """A value without what differs from server to server."""
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "to_dictionary"):
        value = value.to_dictionary()
    elif not isinstance(value, dict) and hasattr(value, "__iter__") and not isinstance(value, str):
        value = dict(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items() if key not in ("creation_time", "last_update_time")}
    if isinstance(value, str):
        value = re.sub(r"\b[0-9a-f]{40}\b", "<commit>", value)
        value = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>", value)
        return re.sub(r"[0-9a-f]{32}", lambda match: ids.setdefault(match[0], f"<id {len(ids)}>"), value)
    if isinstance(value, int) and value > 1_600_000_000_000:
        return "<time>"
    return value if isinstance(value, (int, float, bool, type(None))) else repr(value)


def call(label, function, *args, **kwargs):
    """Call, and note the answer or the error's code."""
    try:
        found = function(*args, **kwargs)
    except MlflowException as error:
        results.append([label, {"error": error.error_code}])
        return None
    except (AttributeError, TypeError) as error:  # this client has no such call
        results.append([label, {"absent": str(error)}])
        return None
    results.append([label, plain(found)])
    return found


def images_of(run):
    """The images of a run, which MLflow 2 may still be uploading."""
    for _ in range(100):
        found = client.list_artifacts(run, "images")
        if len(found) == 3:
            break
        time.sleep(0.1)
    return found


def runs_of(found):
    return [run.info.run_name for run in found]


# experiments
call("set_experiment new", mlflow.set_experiment, "compat é 'x'")
call("set_experiment again", mlflow.set_experiment, "compat é 'x'")
made = call("create_experiment", client.create_experiment, "second", tags={"a": "1"})
located = call("create_experiment location", client.create_experiment, "located", artifact_location="s3://bucket/some/where")
call("create_experiment taken", client.create_experiment, "second")
call("get_experiment", client.get_experiment, made)
call("get_experiment located", client.get_experiment, located)
call("get_experiment unknown", client.get_experiment, "999999")
call("get_experiment no id", client.get_experiment, "abc")
call("get_experiment_by_name", client.get_experiment_by_name, "second")
call("get_experiment_by_name unknown", client.get_experiment_by_name, "no such")
call("set_experiment_tag", client.set_experiment_tag, made, "team", "x é")
call("delete_experiment_tag", lambda: client.delete_experiment_tag(made, "a"))
call("delete_experiment_tag absent", lambda: client.delete_experiment_tag(made, "a"))
call("get_experiment tags", client.get_experiment, made)
call("rename_experiment", client.rename_experiment, made, "renamed")
call("rename_experiment taken", client.rename_experiment, made, "located")
call("search_experiments", client.search_experiments, order_by=["name ASC"])
call("search_experiments filter", client.search_experiments, filter_string="name LIKE 'ren%' AND tags.team = 'x é'")
call("search_experiments bad", client.search_experiments, filter_string="nonsense = 1")
call("delete_experiment", client.delete_experiment, located)
call("delete_experiment twice", client.delete_experiment, located)
call("create_run in deleted", client.create_run, located)
call("set_experiment_tag in deleted", client.set_experiment_tag, located, "a", "b")
call("search deleted", client.search_experiments, view_type=ViewType.DELETED_ONLY)
call("restore_experiment", client.restore_experiment, located)
call("restore_experiment twice", client.restore_experiment, located)

# runs
mlflow.set_experiment("compat é 'x'")
with mlflow.start_run(run_name="parent", tags={"user tag": "1"}, description="a note") as parent:
    call("log_param", mlflow.log_param, "alpha", 0.5)
    call("log_param same", mlflow.log_param, "alpha", 0.5)
    call("log_param other", mlflow.log_param, "alpha", 0.6)
    call("log_params", mlflow.log_params, {f"p{index}": index for index in range(250)})
    call("log_metric", mlflow.log_metric, "loss", 0.25, step=1, timestamp=1_000)
    call("log_metric nan", mlflow.log_metric, "not a number", float("nan"), timestamp=5)
    call("log_metrics", mlflow.log_metrics, {f"m{index}": index / 7 for index in range(1500)}, step=-3, timestamp=77)
    call("log_metric negative time", mlflow.log_metric, "bad", 1.0, timestamp=-5)
    call("log_metric bad key", mlflow.log_metric, "../x", 1.0)
    call("set_tag", mlflow.set_tag, "stage", "é\n2")
    call("set_tags", mlflow.set_tags, {"a": "1", "b": 2})
    call("delete_tag", mlflow.delete_tag, "a")
    call("delete_tag absent", mlflow.delete_tag, "a")
    with mlflow.start_run(nested=True, run_name="child") as child:
        mlflow.log_metric("acc", 0.91)
    call("async", lambda: mlflow.log_metric("later", 2.5, step=4, timestamp=9, synchronous=False).wait())
with mlflow.start_run(run_name="endless") as endless:
    call("log_metric inf", mlflow.log_metric, "endless", float("inf"), timestamp=5)
    call("log_metric -inf", mlflow.log_metric, "least", float("-inf"), timestamp=5)
call("get_run endless", client.get_run, endless.info.run_id)
call("get_run parent", client.get_run, parent.info.run_id)
call("get_run child", client.get_run, child.info.run_id)
call("get_run unknown", client.get_run, "f" * 32)
call("get_run odd", client.get_run, "no/such run'")
with mlflow.start_run(run_id=child.info.run_id):
    mlflow.log_metric("acc", 0.95, step=2)
call("resumed", client.get_run, child.info.run_id)
with mlflow.start_run(parent_run_id=parent.info.run_id, run_name="by parent id") as other:
    pass
call("parent id", client.get_run, other.info.run_id)
failed = client.create_run("0", start_time=5, tags={"mlflow.runName": "tagged"})
call("create_run", client.get_run, failed.info.run_id)
call("create_run both names", client.create_run, "0", run_name="a", tags={"mlflow.runName": "b"})
call("create_run unknown experiment", client.create_run, "424242")
call("set_terminated", client.set_terminated, failed.info.run_id, "FAILED", 99)
call("update_run", client.update_run, failed.info.run_id, status="RUNNING", name="new name")
call("updated", client.get_run, failed.info.run_id)
points = [Metric("h", index % 7 / 3, 1000 + index % 50, index) for index in range(900)]
call("log_batch", client.log_batch, failed.info.run_id, metrics=points, params=[Param("x", "y" * 6500)], tags=[RunTag("t", "z" * 8500)])
call("log_batch twice", client.log_batch, failed.info.run_id, metrics=points)
call("log_batch duplicate params", client.log_batch, failed.info.run_id, params=[Param("d", "1"), Param("d", "1")])
call("log_batch bad", client.log_batch, failed.info.run_id, metrics=[Metric("ok", 1.0, 1, 1), Metric("k\n\n", 1.0, 1, 1)])
call("batched", client.get_run, failed.info.run_id)
call("history", client.get_metric_history, failed.info.run_id, "h")
call("history nan", client.get_metric_history, parent.info.run_id, "not a number")
call("history inf", client.get_metric_history, endless.info.run_id, "endless")
call("history unknown", client.get_metric_history, failed.info.run_id, "no such")
call("history unknown run", client.get_metric_history, "f" * 32, "no such")
call("long key", client.log_param, failed.info.run_id, "k" * 251, "1")
call("key of 250", client.log_param, failed.info.run_id, "k" * 250, "1")

# search
for index in range(12):
    run = client.create_run(made, start_time=1000 + index, run_name=f"r{index}", tags={"kind": "even" if index % 2 == 0 else "odd"})
    client.log_batch(run.info.run_id, metrics=[Metric("acc", index / 10, 1, 0)], params=[Param("depth", str(index % 4))])
FILTERS = [
    "metrics.acc > 0.3 AND params.depth = '2'",
    "tags.kind = 'odd' and metrics.acc <= 0.7",
    "attributes.run_name LIKE 'r1%'",
    "run_name ILIKE 'R1%'",
    "params.depth != '1'",
    "tags.none IS NULL",
    "attributes.start_time >= 1002 AND status = 'RUNNING'",
    "metrics.`acc` = 0.5",
    'params."depth" = "3"',
    "datasets.name = 'none'",
    "metrics.acc > 'a'",
    "params.depth = 2",
    "a OR b",
    "(metrics.acc > 1)",
    "attributes.nonsense = 'x'",
    " ",
]
for text in FILTERS:
    call(f"search {text}", lambda text=text: runs_of(client.search_runs([made], text, order_by=["metrics.acc DESC"])))
for order in (
    ["metrics.acc"],
    ["params.depth DESC", "metrics.acc ASC"],
    ["start_time ASC", "run_name"],
    ["nonsense x"],
    ["tags.kind"],
    [""],
):
    call(f"order {order}", lambda order=order: runs_of(client.search_runs([made], order_by=order, max_results=5)))
page = client.search_runs([made], order_by=["metrics.acc"], max_results=5)
call("pages", lambda: [runs_of(page), runs_of(client.search_runs([made], order_by=["metrics.acc"], max_results=5, page_token=page.token))])
call("search bad token", client.search_runs, [made], page_token="!!")
call("search max 0", client.search_runs, [made], max_results=0)
call("search max 50001", client.search_runs, [made], max_results=50001)
call("search none", client.search_runs, [])
call("search unknown", client.search_runs, ["31337"])
call("search fluent", lambda: sorted(mlflow.search_runs(experiment_names=["compat é 'x'"])["tags.mlflow.runName"]))

# deleting
call("delete_run", client.delete_run, failed.info.run_id)
call("delete_run twice", client.delete_run, failed.info.run_id)
call("log to deleted", client.log_metric, failed.info.run_id, "x", 1)
call("deleted", lambda: client.get_run(failed.info.run_id).info.lifecycle_stage)
call("search deleted runs", lambda: runs_of(client.search_runs(["0"], run_view_type=ViewType.DELETED_ONLY)))
call("restore_run", client.restore_run, failed.info.run_id)
call("restore_run twice", client.restore_run, failed.info.run_id)
call("delete_run unknown", client.delete_run, "f" * 32)

# inputs
data = DatasetInput(Dataset("data é", "d1", "code", '{"a": 1}', schema="{}", profile="{}"), [InputTag("mlflow.data.context", "train")])
call("log_inputs", client.log_inputs, failed.info.run_id, [data])
call("with inputs", client.get_run, failed.info.run_id)
call("log_inputs again", client.log_inputs, failed.info.run_id, [data])
call("log_inputs long", client.log_inputs, failed.info.run_id, [DatasetInput(Dataset("n" * 501, "d1", "code", "{}"))])
call("log_inputs unknown run", client.log_inputs, "f" * 32, [data])
call("search by dataset", lambda: runs_of(client.search_runs(["0"], "datasets.name = 'data é' AND datasets.context = 'train'")))

# artifacts
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "a file é.txt")
    path.write_text("content")
    run_id = failed.info.run_id
    call("log_artifact", client.log_artifact, run_id, str(path))
    call("log_artifacts", client.log_artifacts, run_id, folder, "sub dir")
    call("log_text", client.log_text, run_id, "text", "texts/t.txt")
    call("log_dict", client.log_dict, run_id, {"a": 1}, "d.json")
    call("list_artifacts", client.list_artifacts, run_id)
    call("list_artifacts sub", client.list_artifacts, run_id, "sub dir")
    call("list_artifacts file", client.list_artifacts, run_id, "d.json")
    call("download", lambda: Path(client.download_artifacts(run_id, "texts/t.txt", folder)).read_text())
    call("download folder", lambda: sorted(found.name for found in Path(client.download_artifacts(run_id, "sub dir", folder)).iterdir()))
    call("download none", lambda: bool(client.download_artifacts(run_id, "no such", folder)))

# what the fluent functions do beyond single calls
call("set_experiment deleted", lambda: (client.delete_experiment(located), mlflow.set_experiment("located")))
call("set_experiment by id", mlflow.set_experiment, experiment_id=made)
call("create_experiment fluent", mlflow.create_experiment, "fluent", tags={"a": "b"})
call("set_experiment_tags", mlflow.set_experiment_tags, {"x": 1, "y": "é"})
call("get_experiment tagged", client.get_experiment, made)
call("search_experiments pages", lambda: [found.name for found in mlflow.search_experiments(max_results=2, order_by=["name"])])
frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": ["a", "b", None]})
data = mlflow.data.from_pandas(frame, source="https://example.org/data.csv", name="table é", targets="y")
with mlflow.start_run(run_name="fluent", tags={"mlflow.note.content": "n"}) as run:
    run_id = run.info.run_id
    call("log_input", mlflow.log_input, data, context="training", tags={"own": "1"})
    call("log_input again", mlflow.log_input, data, context="other")
    call("log_metric dataset", mlflow.log_metric, "with data", 0.5, step=3, timestamp=11, dataset=data)
    call("log_metrics dataset", mlflow.log_metrics, {"with data": 0.25, "more": 1}, step=4, timestamp=12, dataset=data)
    call("log_batch 1000", client.log_batch, run_id, metrics=[Metric(f"b{index}", index, 5, 0) for index in range(1000)])
    call("log_batch 1001", client.log_batch, run_id, metrics=[Metric("b", index, 5, index) for index in range(1001)])
    call("async params", lambda: mlflow.log_params({f"a{index}": index for index in range(120)}, synchronous=False).wait())
    call("async metrics", lambda: mlflow.log_metrics({"async": 1.5}, step=1, timestamp=13, synchronous=False).wait())
    call("async tags", lambda: mlflow.set_tags({"async": "t"}, synchronous=False).wait())
    call("flush", mlflow.flush_async_logging)
    figure = matplotlib.figure.Figure()
    figure.add_subplot().plot([1, 2])
    call("log_figure", mlflow.log_figure, figure, "figures/line.png")
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    call("log_image file", mlflow.log_image, image, "images/zero.png")
    call("log_image key", mlflow.log_image, image, key="dots", step=2)
    call("flush images", lambda: (mlflow.flush_artifact_async_logging(), None)[1])
    call("log_table", mlflow.log_table, {"x": [1, 2], "y": ["a", "b"]}, "tables/t.json")
    call("log_table more", mlflow.log_table, frame[["x", "y"]].head(1), "tables/t.json")
    call("load_table", lambda: mlflow.load_table("tables/t.json", run_ids=[run_id]).to_dict())
    call("log_text", mlflow.log_text, "é", "a/b/é.txt")
    call("log_dict yaml", mlflow.log_dict, {"a": [1, None]}, "d.yaml")
    call("get_artifact_uri", mlflow.get_artifact_uri, "a/b")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "one.txt").write_text("1")
        Path(folder, "empty").write_text("")
        call("log_artifact fluent", mlflow.log_artifact, f"{folder}/one.txt", "data/subfolder")
        call("log_artifacts fluent", mlflow.log_artifacts, folder, "many")
        call("load_text", mlflow.artifacts.load_text, f"runs:/{run_id}/many/one.txt")
        call("load_dict", mlflow.artifacts.load_dict, f"runs:/{run_id}/tables/t.json")
        call(
            "download runs uri",
            lambda: sorted(item.name for item in Path(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/many")).iterdir()),
        )
        call("download empty file", lambda: Path(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/many/empty")).read_text())
        call("list fluent", lambda: [(item.path, item.is_dir) for item in mlflow.artifacts.list_artifacts(f"runs:/{run_id}/data")])
call("fluent run", client.get_run, run_id)
call("list images", lambda: len(images_of(run_id)))
call("list run", lambda: [(item.path, item.is_dir) for item in client.list_artifacts(run_id)])
call("last_active_run", lambda: mlflow.last_active_run().info.run_name)
call("get_parent_run", lambda: client.get_parent_run(child.info.run_id).info.run_name)
os.environ["MLFLOW_RUN_ID"] = run_id
with mlflow.start_run() as again:
    call("run of the environment", lambda: again.info.run_name)
os.environ.pop("MLFLOW_RUN_ID", None)
with mlflow.start_run(run_id=run_id, tags={"resumed": "yes"}):
    call("resumed with tags", lambda: client.get_run(run_id).data.tags["resumed"])
call("start_run failing", lambda: mlflow.start_run(run_id="e" * 32))
call("log_outputs", lambda: client.log_outputs(run_id, [mlflow.entities.LoggedModelOutput("m-" + "1" * 32, 3)]))
call("log_inputs models", lambda: client.log_inputs(run_id, models=[mlflow.entities.LoggedModelInput("m-" + "2" * 32)]))
call("models of a run", client.get_run, run_id)
mlflow_registry_calls.make(call, client, experiment=client.create_experiment("models"))
call("search_runs pages", lambda: len(mlflow.search_runs([made], max_results=13)))
call("search_runs list", lambda: runs_of(mlflow.search_runs([made], "params.depth = '1'", order_by=["metrics.acc"], output_format="list")))
call("search_runs columns", lambda: sorted(map(str, mlflow.search_runs([made], "tags.kind = 'odd'").columns)))
call("search all", lambda: len(mlflow.search_runs(search_all_experiments=True)) > 10)
with mlflow.start_run(run_name="broken") as run:
    mlflow.end_run("KILLED")
call("end_run status", lambda: client.get_run(run.info.run_id).info.status)
call("delete_run fluent", mlflow.delete_run, run.info.run_id)
call("delete_experiment fluent", mlflow.delete_experiment, made)
call("log in a deleted experiment", client.log_metric, run_id, "x", 1.0)

Path(sys.argv[2]).write_text(json.dumps(results))
