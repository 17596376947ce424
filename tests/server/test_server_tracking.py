"""Tracking routes as clients see them: what is answered, and how mistakes are."""

import json
import math
import re

import pytest

INVALID = (400, "INVALID_PARAMETER_VALUE")
ABSENT = (404, "RESOURCE_DOES_NOT_EXIST")
NO_RUN = "f" * 32


@pytest.fixture
def run(client):
    return client.run()


def outcome(reply):
    return reply.status, reply.code


# ── experiments ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_experiment_lives(client):
    made = client.ok("experiments/create", name="life é 'x'; --", tags=[{"key": "a", "value": "1"}])["experiment_id"]
    client.ok("experiments/set-experiment-tag", experiment_id=made, key="b", value="\n")
    client.ok("experiments/delete-experiment-tag", experiment_id=made, key="a")
    client.ok("experiments/update", experiment_id=made, new_name="renamed")
    found = client.get("experiments/get", f"experiment_id={made}").json["experiment"]
    assert isinstance(found.pop("creation_time"), int)
    assert isinstance(found.pop("last_update_time"), int)
    assert found == {
        "experiment_id": made,
        "name": "renamed",
        "artifact_location": f"mlflow-artifacts:/{made}",
        "lifecycle_stage": "active",
        "tags": [{"key": "b", "value": "\n"}],
        "workspace": "default",
    }
    client.ok("experiments/delete", experiment_id=made)
    assert client.get("experiments/get-by-name", "experiment_name=renamed").json["experiment"]["lifecycle_stage"] == "deleted"
    assert outcome(client.post("experiments/delete", experiment_id=made)) == ABSENT
    assert outcome(client.post("runs/create", experiment_id=made)) == INVALID
    client.ok("experiments/restore", experiment_id=made)
    assert outcome(client.post("experiments/restore", experiment_id=made)) == ABSENT


def test_a_location_is_echoed(client):
    made = client.ok("experiments/create", name="located", artifact_location="s3://bucket/a b/")["experiment_id"]
    assert client.get("experiments/get", f"experiment_id={made}").json["experiment"]["artifact_location"].startswith("s3://bucket/a b")


def test_names_are_unique(client):
    client.ok("experiments/create", name="taken")
    other = client.ok("experiments/create", name="other")["experiment_id"]
    assert outcome(client.post("experiments/create", name="taken")) == (400, "RESOURCE_ALREADY_EXISTS")
    assert outcome(client.post("experiments/update", experiment_id=other, new_name="taken")) == (400, "BAD_REQUEST")


def test_pages_of_experiments(client):
    names = [client.ok("experiments/create", name=f"page {n}") and f"page {n}" for n in range(5)]
    query = "max_results=2&filter=name LIKE 'page%25'&order_by=name ASC".replace(" ", "+")
    found, token = [], ""
    while token is not None:
        page = client.get("experiments/search", f"{query}&page_token={token}").json
        found += [item["name"] for item in page["experiments"]]
        token = page.get("next_page_token")
    assert found == names
    assert client.ok("experiments/search", max_results=5, filter="name = 'none'") == {}


@pytest.mark.parametrize(
    ("name", "body", "wanted"),
    [
        ("experiments/create", {}, INVALID),
        ("experiments/create", {"name": ""}, INVALID),
        ("experiments/create", {"name": "x" * 501}, INVALID),
        ("experiments/create", {"name": 5}, INVALID),
        ("experiments/create", {"name": "bad tag", "tags": [{"key": "../x", "value": "1"}]}, INVALID),
        ("experiments/create", {"name": "bad place", "artifact_location": "runs:/x"}, INVALID),
        ("experiments/search", {}, INVALID),
        ("experiments/search", {"max_results": 0}, INVALID),
        ("experiments/search", {"max_results": 50001}, INVALID),
        ("experiments/search", {"max_results": 5, "filter": "a OR b"}, INVALID),
        ("experiments/search", {"max_results": 5, "page_token": "!"}, INVALID),
        ("experiments/search", {"max_results": 5, "view_type": "NONE"}, INVALID),
        ("experiments/update", {"experiment_id": "0"}, INVALID),
        ("experiments/update", {"experiment_id": "999999", "new_name": "x"}, ABSENT),
        ("experiments/delete", {"experiment_id": "x"}, INVALID),
        ("experiments/delete-experiment-tag", {"experiment_id": "0", "key": "none"}, ABSENT),
        ("experiments/set-experiment-tag", {"experiment_id": "0", "key": "k", "value": "x" * 20001}, INVALID),
        ("runs/create", {}, INVALID),
        ("runs/create", {"experiment_id": 1}, INVALID),
        ("runs/create", {"experiment_id": "0", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]}, INVALID),
        ("runs/create", {"experiment_id": "999999"}, ABSENT),
        ("runs/update", {}, INVALID),
        ("runs/update", {"run_id": NO_RUN}, ABSENT),
        ("runs/log-metric", {"run_id": NO_RUN, "key": "k", "value": 1, "timestamp": 1}, ABSENT),
        ("runs/log-inputs", {"run_id": NO_RUN}, ABSENT),
        ("runs/outputs", {"run_id": NO_RUN}, INVALID),
        ("runs/search", {"experiment_ids": ["0"], "max_results": 0}, INVALID),
        ("runs/search", {"experiment_ids": ["0"], "max_results": -1}, INVALID),
        ("runs/search", {"experiment_ids": ["0"], "max_results": "many"}, INVALID),
        ("runs/search", {"experiment_ids": ["x"]}, INVALID),
        ("runs/search", {"experiment_ids": ["0"], "filter": "(a = 1"}, INVALID),
        ("runs/search", {"experiment_ids": ["0"], "order_by": ["start_time", "start_time DESC"]}, INVALID),
        ("runs/search", {"experiment_ids": ["0"], "page_token": "x"}, INVALID),
        ("runs/search", {"experiment_ids": "0"}, INVALID),
    ],
)
def test_mistakes(client, name, body, wanted):
    assert outcome(client.post(name, **body)) == wanted


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_run(client):
    found = client.ok("runs/create", experiment_id="0", user_id="me", start_time=5, tags=[{"key": "a", "value": "1"}])["run"]
    info = found["info"]
    assert re.fullmatch("[0-9a-f]{32}", info["run_id"])
    assert info == {
        "run_id": info["run_id"],
        "run_uuid": info["run_id"],
        "run_name": info["run_name"],
        "experiment_id": "0",
        "user_id": "me",
        "status": "RUNNING",
        "start_time": 5,
        "artifact_uri": f"mlflow-artifacts:/0/{info['run_id']}/artifacts",
        "lifecycle_stage": "active",
    }
    assert found["data"] == {"tags": [{"key": "a", "value": "1"}, {"key": "mlflow.runName", "value": info["run_name"]}]}
    assert found["inputs"] == {}
    assert "outputs" not in found


def test_logging_and_reading_back(client, run):
    both = {"run_id": run, "run_uuid": run}
    client.ok("runs/log-metric", **both, key="loss", value=0.5, timestamp=7, step=2)
    client.ok("runs/log-metric", **both, key="loss", value=0.25, timestamp=9, step=-1)
    client.ok("runs/log-parameter", **both, key="alpha", value="é")
    client.ok("runs/log-parameter", **both, key="alpha", value="é")
    client.ok("runs/log-parameter", **both, key="empty")
    client.ok("runs/set-tag", **both, key="t", value="1")
    client.ok("runs/set-tag", **both, key="gone", value="1")
    client.ok("runs/delete-tag", **both, key="gone")
    reply = client.get("runs/get", f"run_uuid={run}").json["run"]
    assert reply["data"]["metrics"] == [{"key": "loss", "value": 0.5, "timestamp": 7, "step": 2}]
    assert client.data(run)["params"] == {"alpha": "é", "empty": ""}
    assert client.data(run)["tags"].keys() == {"t", "mlflow.runName"}
    assert reply["inputs"] == {}
    assert reply["outputs"] == {}


def test_a_kept_run_is_never_stale(client, server_store, run):
    before = client.data(run)
    with server_store.transaction():
        server_store.log_batch(run, metrics=[])
    from mlctl.tracking.entities import Metric

    server_store.log_batch(run, metrics=[Metric("x", 1.0, 1)])  # as another process would
    assert "x" not in before["metrics"]
    assert client.data(run)["metrics"] == {"x": 1.0}
    found = client.ok("runs/search", experiment_ids=["0"], filter=f"run_id = '{run}'")["runs"][0]
    assert found["data"]["metrics"][0]["value"] == 1.0


def test_ending_and_resuming(client, run):
    info = client.ok("runs/update", run_id=run, status="FINISHED", end_time=10)["run_info"]
    assert (info["status"], info["end_time"]) == ("FINISHED", 10)
    assert client.ok("runs/update", run_id=run, status="RUNNING", end_time=10)["run_info"]["status"] == "RUNNING"
    client.ok("runs/update", run_id=run, run_name="by update")
    assert client.data(run)["tags"]["mlflow.runName"] == "by update"
    client.ok("runs/update", run_id=run, run_name="")
    client.ok("runs/set-tag", run_id=run, key="mlflow.runName", value="by tag")
    assert client.ok("runs/update", run_id=run, status=4)["run_info"]["run_name"] == "by tag"
    assert client.get("runs/get", f"run_id={run}").json["run"]["info"]["status"] == "FAILED"
    assert outcome(client.post("runs/update", run_id=run, status="DONE")) == INVALID


def test_deleted_runs(client, run):
    for _ in range(2):
        client.ok("runs/delete", run_id=run)
    assert client.get("runs/get", f"run_id={run}").json["run"]["info"]["lifecycle_stage"] == "deleted"
    assert outcome(client.post("runs/set-tag", run_id=run, key="a", value="b")) == INVALID
    assert outcome(client.post("runs/log-batch", run_id=run, tags=[{"key": "a", "value": "b"}])) == INVALID
    for _ in range(2):
        client.ok("runs/restore", run_id=run)
    client.ok("runs/set-tag", run_id=run, key="a", value="b")


@pytest.mark.parametrize("name", ["runs/get", "metrics/get-history"])
def test_reading_needs_a_run(client, name):
    assert outcome(client.get(name, "metric_key=k")) == INVALID


def test_unknown_runs(client):
    assert outcome(client.get("runs/get", f"run_id={NO_RUN}")) == ABSENT
    assert outcome(client.get("runs/get", "run_id=..%2F..%00'")) == ABSENT
    assert client.get("metrics/get-history", f"run_id={NO_RUN}&metric_key=k").body == b"{}"
    assert client.ok("runs/search", experiment_ids=["424242"]) == client.ok("runs/search") == {}


# ── numbers, keys, limits ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1.5", 1.5),
        ('"1.5"', 1.5),
        ("7", 7.0),
        ('"NaN"', "NaN"),
        ("NaN", "NaN"),
        ('"Infinity"', "Infinity"),
        ('"-Infinity"', "-Infinity"),
        ("1e400", "Infinity"),
        ("-0.0", 0.0),
    ],
)
def test_numbers(client, run, value, shown):
    body = f'{{"run_id":"{run}","key":"k","value":{value},"timestamp":"5","step":"-3"}}'
    assert client.raw("runs/log-metric", body).status == 200
    wanted = [{"key": "k", "value": shown, "timestamp": 5, "step": -3}]
    assert client.get("runs/get", f"run_id={run}").json["run"]["data"]["metrics"] == wanted
    assert client.get("metrics/get-history", f"run_id={run}&metric_key=k").json["metrics"] == wanted


@pytest.mark.parametrize(
    "fields",
    [
        '"value":true,"timestamp":1',
        '"value":null,"timestamp":1',
        '"value":"","timestamp":1',
        '"value":"x","timestamp":1',
        '"value":[],"timestamp":1',
        '"value":1',
        '"value":1,"timestamp":-1',
        '"value":1,"timestamp":1.5',
        '"value":1,"timestamp":99999999999999999999',
        '"value":1,"timestamp":1,"step":9223372036854775808',
        '"value":1,"timestamp":1,"step":' + "9" * 5000,
        '"value":1,"timestamp":1,"dataset_name":"d"',
    ],
)
def test_bad_metrics(client, run, fields):
    assert outcome(client.raw("runs/log-metric", f'{{"run_id":"{run}","key":"k",{fields}}}')) == INVALID
    assert "metrics" not in client.get("runs/get", f"run_id={run}").json["run"]["data"]


@pytest.mark.parametrize("key", ["", ".", "..", "../x", "/x", "x/", "./a", "a//b", "a\n", "a*", "x" * 251, "a\0b", "\ud800"])
def test_bad_keys(client, run, key):
    for name, more in (("log-metric", {"value": 1, "timestamp": 1}), ("log-parameter", {}), ("set-tag", {})):
        assert outcome(client.post(f"runs/{name}", run_id=run, key=key, **more)) == INVALID


@pytest.mark.parametrize("key", ["é ü/1:x-y.z_", "x" * 250, "a b"])
def test_good_keys(client, run, key):
    client.ok("runs/log-parameter", run_id=run, key=key, value="v")
    assert client.data(run)["params"] == {key: "v"}


def test_batches(client, run):
    metrics = [{"key": f"m{n}", "value": n, "timestamp": 1, "run_id": run} for n in range(1000)]
    client.ok("runs/log-batch", run_id=run, metrics=metrics)
    client.ok("runs/log-batch", run_id=run, params=[{"key": f"p{n}", "value": "x" * 6001} for n in range(100)])
    client.ok("runs/log-batch", run_id=run, tags=[{"key": "t", "value": "1"}, {"key": "t", "value": "x" * 8001}])
    found = client.data(run)
    assert len(found["metrics"]) == 1000
    assert found["params"]["p7"] == "x" * 6000
    assert found["tags"]["t"] == "x" * 8000


@pytest.mark.parametrize(
    "body",
    [
        {"metrics": [{"key": f"m{n}", "value": n, "timestamp": 1} for n in range(1001)]},
        {"params": [{"key": f"p{n}", "value": ""} for n in range(101)]},
        {"tags": [{"key": f"t{n}", "value": ""} for n in range(101)]},
        {"metrics": [{"key": f"m{n}", "value": n, "timestamp": 1} for n in range(1000)], "tags": [{"key": "t", "value": ""}]},
        {"params": [{"key": "p", "value": "1"}, {"key": "p", "value": "1"}]},
        {"metrics": [{"key": "good", "value": 1, "timestamp": 1}, {"key": "bad\n", "value": 1, "timestamp": 1}]},
        {"params": [{"key": "p", "value": 5}]},
    ],
)
def test_a_refused_batch_leaves_nothing(client, run, body):
    assert outcome(client.post("runs/log-batch", run_id=run, **body)) == INVALID
    assert client.data(run) == {"metrics": {}, "params": {}, "tags": {"mlflow.runName": client.data(run)["tags"]["mlflow.runName"]}}


def test_messages_name_the_field(client, run):
    reply = client.post("runs/log-batch", run_id=run, metrics=[{"key": "k", "value": 1, "timestamp": 1}, {"key": "k", "timestamp": 1}])
    assert "'metrics[1].value'" in reply.json["message"]
    assert "'run_id'" in client.post("runs/log-batch").json["message"]
    assert outcome(client.post("runs/log-batch", run_id="not a run")) == INVALID


def test_params_are_written_once(client, run):
    client.ok("runs/log-parameter", run_id=run, key="p", value="1")
    reply = client.post("runs/log-parameter", run_id=run, key="p", value="2")
    assert outcome(reply) == INVALID
    assert "'1'" in reply.json["message"]
    assert "'2'" in reply.json["message"]


# ── histories and charts ─────────────────────────────────────────────────────────────────────────────────────────────


def fill(client, run, key="h", count=12_000):
    for start in range(0, count, 1000):
        points = [{"key": key, "value": n / 7, "timestamp": n, "step": n} for n in range(start, min(count, start + 1000))]
        client.ok("runs/log-batch", run_id=run, metrics=points)


def test_long_histories(client, run):
    fill(client, run)
    whole = client.get("metrics/get-history", f"run_id={run}&metric_key=h").json
    assert [point["step"] for point in whole["metrics"]] == list(range(12_000))
    assert "next_page_token" not in whole
    assert whole["metrics"][700] == {"key": "h", "value": 100.0, "timestamp": 700, "step": 700}
    pages, token = [], ""
    while token is not None:
        page = client.get("metrics/get-history", f"run_id={run}&metric_key=h&max_results=5001&page_token={token.replace('=', '%3D')}").json
        pages.append(page["metrics"])
        token = page.get("next_page_token")
    assert [len(page) for page in pages] == [5001, 5001, 1998]
    assert [point for page in pages for point in page] == whole["metrics"]


def test_an_identical_point_is_one(client, run):
    point = {"key": "k", "value": "NaN", "timestamp": 1, "step": 1}
    for _ in range(2):
        client.ok("runs/log-batch", run_id=run, metrics=[point, {**point, "value": 1}])
    found = client.get("metrics/get-history", f"run_id={run}&metric_key=k").json["metrics"]
    assert sorted(str(item["value"]) for item in found) == ["1.0", "NaN"]


@pytest.mark.parametrize("more", ["max_results=0", "max_results=-1", "max_results=x", "max_results=1.5", "page_token=eA", "max_results="])
def test_bad_pages_of_histories(client, run, more):
    assert outcome(client.get("metrics/get-history", f"run_id={run}&metric_key=k&{more}")) == INVALID


def test_charts(client):
    runs = [client.run(), client.run()]
    for run in runs:
        fill(client, run, key="c", count=101)
    query = "&".join(f"run_ids={run}" for run in runs)
    found = client.get("metrics/get-history-bulk-interval", f"{query}&metric_key=c&max_results=5").json["metrics"]
    assert [(item["run_id"], item["step"]) for item in found] == [(run, step) for run in runs for step in (0, 21, 41, 61, 100)]
    assert outcome(client.get("metrics/get-history-bulk-interval", "metric_key=c")) == INVALID
    assert outcome(client.get("metrics/get-history-bulk-interval", f"{query}&metric_key=c&start_step=1")) == INVALID
    ui = "/ajax-api/2.0/mlflow/metrics/get-history-bulk?"
    flat = client.send("GET", f"{ui}run_id={runs[0]}&run_id={runs[1]}&metric_key=c&max_results=150").json["metrics"]
    assert len(flat) == 150
    assert [item["run_id"] for item in flat] == sorted(item["run_id"] for item in flat)
    assert client.get("metrics/get-history-bulk", f"run_id={runs[0]}&metric_key=c").status == 404


# ── what runs used ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_inputs_and_outputs(client, run):
    dataset = {"name": "d é", "digest": "1", "source_type": "code", "source": "{}", "profile": "{}"}
    tags = [{"key": "mlflow.data.context", "value": "train"}]
    client.ok("runs/log-inputs", run_id=run, datasets=[{"dataset": dataset, "tags": tags}], models=[{"model_id": "m-1"}])
    client.ok("runs/outputs", run_id=run, models=[{"model_id": "m-2", "step": 3}])
    found = client.get("runs/get", f"run_id={run}").json["run"]
    assert found["inputs"] == {"dataset_inputs": [{"tags": tags, "dataset": dataset}], "model_inputs": [{"model_id": "m-1"}]}
    assert found["outputs"] == {"model_outputs": [{"model_id": "m-2", "step": 3}]}
    reply = client.send(
        "POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", '{"experiment_ids":["0"]}', {"Content-Type": "application/json"}
    )
    assert {"experiment_id": "0", "name": "d é", "digest": "1", "context": "train"} in reply.json["dataset_summaries"]
    assert outcome(client.post("runs/log-inputs", run_id=run, datasets=[{"dataset": {**dataset, "digest": "x" * 37}}])) == INVALID
    assert outcome(client.post("runs/log-inputs", run_id=run, datasets=[{}])) == INVALID


def test_models_of_older_clients(client, run):
    model = {"artifact_path": "model", "flavors": {"x": "y" * 5000}, "utc_time_created": "now", "run_id": run}
    for _ in range(2):
        client.ok("runs/log-model", run_id=run, model_json=json.dumps(model))
    assert json.loads(client.data(run)["tags"]["mlflow.log-model.history"]) == [model, model]
    for wrong in ("", "[]", "{}", "{"):
        assert outcome(client.post("runs/log-model", run_id=run, model_json=wrong)) == INVALID
    client.ok("runs/set-tag", run_id=run, key="mlflow.log-model.history", value="no list")
    assert outcome(client.post("runs/log-model", run_id=run, model_json=json.dumps(model))) == INVALID


# ── search ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_search(client):
    made = client.ok("experiments/create", name="searched")["experiment_id"]
    for n in range(7):
        run = client.run(made, run_name=f"r{n}", start_time=n)
        client.ok(
            "runs/log-batch", run_id=run, metrics=[{"key": "a b", "value": n, "timestamp": 1}], params=[{"key": "p", "value": str(n % 2)}]
        )

    def names(**fields):
        return [item["info"]["run_name"] for item in client.ok("runs/search", experiment_ids=[made], **fields).get("runs", [])]

    assert names() == ["r6", "r5", "r4", "r3", "r2", "r1", "r0"]
    assert names(filter="metrics.`a b` > 2 AND params.p = '1'", order_by=["metrics.`a b`"]) == ["r3", "r5"]
    assert names(max_results=5000, filter="run_name LIKE 'r%'", run_view_type="ALL", order_by=["start_time"]) == [f"r{n}" for n in range(7)]
    assert names(run_view_type=2) == []
    first = client.ok("runs/search", experiment_ids=[made], max_results=5)
    assert names(max_results=5, page_token=first["next_page_token"]) == ["r1", "r0"]
    whole = client.get("runs/get", f"run_id={first['runs'][0]['info']['run_id']}").json["run"]
    assert first["runs"][0] == whole


def test_what_is_not_finite_is_text():
    from mlctl.tracking import wire

    assert wire.number(math.inf) == "Infinity"
    assert wire.number(-math.inf) == "-Infinity"
    assert wire.number(math.nan) == "NaN"
    assert wire.number(0.5) == 0.5


def test_artifact_addresses_are_compared_as_clients_see_them(serve_app, tmp_path):
    client = serve_app()
    own = client.ok("experiments/create", name="own", artifact_location=f"{tmp_path}/artifacts/custom/place/")["experiment_id"]
    elsewhere = client.ok("experiments/create", name="elsewhere", artifact_location="s3://bucket/x")["experiment_id"]
    runs = [client.run(experiment) for experiment in ("0", own, elsewhere)]

    def found(text):
        return client.ok("runs/search", experiment_ids=["0", own, elsewhere], filter=text, order_by=["artifact_uri"]).get("runs", [])

    for run in runs:
        address = client.get("runs/get", f"run_id={run}").json["run"]["info"]["artifact_uri"]
        assert [item["info"]["run_id"] for item in found(f"artifact_uri = '{address}'")] == [run], address
    assert len(found("attributes.artifact_uri LIKE 'mlflow-artifacts:/%'")) == 2
    assert [item["info"]["run_id"] for item in found("artifact_uri LIKE 'mlflow-artifacts:/custom/place/%'")] == [runs[1]]
    assert found(f"artifact_uri LIKE '{str(tmp_path).replace(chr(39), '_')}%'") == []


def test_searches_of_many_runs_are_no_burden_to_others(serve_app):
    """A search that looks at all runs of a store that is not small is done by a thread, and gives what it gives on the loop."""
    client = serve_app()
    runs = [client.run(start_time=index, tags=[{"key": "n", "value": str(index)}]) for index in range(520)]
    whole = client.ok("runs/search", experiment_ids=["0"], max_results=520)["runs"]
    assert [item["info"]["run_id"] for item in whole] == runs[::-1]
    (one,) = client.ok("runs/search", experiment_ids=["0"], filter="tags.n = '7'")["runs"]
    assert one["info"]["run_id"] == runs[7]
    assert client.post("runs/search", experiment_ids=["0"], filter="nonsense").status == 400
