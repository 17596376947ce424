"""Calls of MLflow's own client, run by a Python that has mlflow: ADDRESS FILE. The file gets what each call gave, as comparable JSON."""

import json
import re
import sys
import tempfile
from pathlib import Path

import mlflow
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
    results.append([label, plain(found)])
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
call("delete_experiment_tag", client.delete_experiment_tag, made, "a")
call("delete_experiment_tag absent", client.delete_experiment_tag, made, "a")
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

Path(sys.argv[2]).write_text(json.dumps(results))
