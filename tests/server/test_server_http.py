"""How requests and answers travel: bodies in every shape, methods, paths, limits, the document, the counters, and writing together."""

import asyncio
import http.client
import json
import socket
import threading

import pytest

from mlctl.errors import InvalidValueError, StoreError
from mlctl.server.commits import Commits
from mlctl.server.documents import Documents
from mlctl.server.guard import Guard
from mlctl.server.routes import ROUTES
from mlctl.sql import runs as sql_runs
from mlctl.sql.sqlite import SqliteStore
from mlctl.tracking.entities import Metric

CREATE = "experiments/create"


def outcome(reply):
    return reply.status, reply.code


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", ["", "{", "garbage", "[]", "5", "null", '"x"', "[" * 100_000, '{"a":' * 50_000, "\xff\xfe", '{"run_id":'])
def test_broken_bodies_say_nothing(client, body):
    reply = client.raw("runs/delete", body.encode("latin-1"))
    assert outcome(reply) == (400, "INVALID_PARAMETER_VALUE")
    assert "run_id" in reply.json["message"]
    assert client.raw("runs/search", body.encode("latin-1")).body == b"{}"


@pytest.mark.parametrize(
    "body",
    [
        '{"run_id": "RUN", "key": "k", "value": "v"}',
        '{"run_uuid": "RUN", "key": "k", "value": "v"}',
        '{"runId": "RUN", "key": "k", "value": "v"}',
        '{"run_id": "RUN", "key": "k", "value": "v", "unknown": {"a": [1]}, "run_uuid": null}',
        json.dumps('{"run_id": "RUN", "key": "k", "value": "v"}'),
    ],
)
def test_lenient_bodies(client, body):
    run = client.run()
    assert client.raw("runs/set-tag", body.replace("RUN", run), content_type="application/json; charset=utf-8").body == b"{}"
    assert client.data(run)["tags"]["k"] == "v"


def test_a_field_in_two_spellings(client):
    run = client.run()
    assert client.post("runs/delete", run_id=run, runId=run).code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("kind", ["text/plain", "", None, "application/x-www-form-urlencoded"])
def test_content_types(client, kind):
    assert outcome(client.raw(CREATE, '{"name": "x"}', content_type=kind)) == (400, "INVALID_PARAMETER_VALUE")


def test_too_large_a_body(client):
    assert client.raw("runs/search", b"x" * (33 << 20)).status == 413
    assert client.raw("runs/search", b'{"filter": "' + b" " * (2 << 20) + b'"}').status == 400


def test_a_client_that_leaves(client):
    with socket.create_connection(("127.0.0.1", client.port)) as gone:
        gone.sendall(
            b"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
    assert client.send("GET", "/health").body == b"OK"


# ── paths and methods ────────────────────────────────────────────────────────────────────────────────────────────────


def test_both_roots(client):
    for root in ("/api", "/ajax-api"):
        assert client.send("GET", f"{root}/2.0/mlflow/experiments/get?experiment_id=0").json["experiment"]["name"] == "Default"
        assert client.send("GET", f"{root}/3.0/mlflow/server-info").json["store_type"] == "SqlStore"


def test_methods(client):
    wrong = client.get(CREATE)
    assert wrong.status == 405
    assert wrong.headers["content-type"].startswith("text/html")
    assert wrong.headers["allow"] == "OPTIONS, POST"
    assert client.send("OPTIONS", "/api/2.0/mlflow/runs/create").status == 204
    whole = client.get("runs/search")
    head = client.send("HEAD", "/health")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "2")
    assert whole.status == 405
    nothing = client.get("no/such")
    assert nothing.status == 404
    assert nothing.headers["content-type"].startswith("text/html")
    assert client.send("POST", "/health", b"{}", {"Content-Type": "application/json"}).status == 405


def test_headers(client):
    reply = client.get("experiments/get", "experiment_id=0")
    assert reply.headers["content-type"] == "application/json"
    assert (reply.headers["x-content-type-options"], reply.headers["x-frame-options"]) == ("nosniff", "SAMEORIGIN")


def test_a_static_prefix(serve_app):
    client = serve_app(static_prefix="/ml")
    assert client.send("GET", "/ml/api/2.0/mlflow/experiments/get?experiment_id=0").status == 200
    assert client.send("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0").status == 404
    assert client.send("GET", "/ml/health").body == client.send("GET", "/health").body == b"OK"
    for prefix in ("/ml", ""):
        path = f"{prefix}/api/2.0/mlflow-artifacts/artifacts/0/a%20b.txt"
        assert client.send("PUT", path, body=b"content").status == 200
        assert client.send("GET", path).body == b"content"
    assert next(iter(client.send("GET", "/ml/api/openapi.json").json["paths"])).startswith("/ml/api/2.0/")


# ── the document, the counters, the log ──────────────────────────────────────────────────────────────────────────────


def test_the_document(client):
    found = client.send("GET", "/api/openapi.json").json
    paths = {(method.upper(), path) for path, operations in found["paths"].items() for method in operations}
    assert paths == {(route.method, path) for route in ROUTES if route.documented for path in route.paths()}
    tag = found["paths"]["/api/2.0/mlflow/logged-models/{model_id}/tags/{tag_key}"]["delete"]
    assert [(item["name"], item["in"], item["required"]) for item in tag["parameters"]] == [
        ("model_id", "path", True),
        ("tag_key", "path", True),
    ]
    ids = [operation["operationId"] for operations in found["paths"].values() for operation in operations.values()]
    assert len(ids) == len(set(ids))
    references = set(json.dumps(found).split('"#/components/schemas/')[1:])
    assert {text.partition('"')[0] for text in references} <= set(found["components"]["schemas"])
    get_run = found["paths"]["/api/2.0/mlflow/metrics/get-history"]["get"]
    assert [item["name"] for item in get_run["parameters"] if item["required"]] == ["metric_key"]
    status = found["components"]["schemas"]["UpdateRun"]["properties"]["status"]
    assert status["enum"] == ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]


def test_counters_and_log(client, app_log):
    client.get("runs/get", "run_id=counted")
    client.get("runs/get?run_id=counted")
    text = client.send("GET", "/metrics").body.decode()
    assert 'mlctl_http_requests_total{route="runs/get",status="404"}' in text
    assert 'mlctl_http_request_seconds_count{route="runs/get"}' in text
    entry = next(item for item in reversed(app_log) if item["path"].endswith("runs/get"))
    assert entry["method"] == "GET"
    assert entry["status"] == 404
    assert entry["ms"] >= 0
    assert entry["client"] == "127.0.0.1"


# ── writing together ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def store(tmp_path):
    found = SqliteStore(str(tmp_path / "mlctl.db"))
    yield found
    found.close()


def tag(run, key):
    logged = sql_runs.Batch([], [], {}, {key: "1"})

    def work(db):
        sql_runs.log(db, run, logged)
        return key.encode()

    return work


def outcomes(store, works):
    async def together():
        commits = Commits(store)
        return await asyncio.gather(*[commits.run(work) for work in works], return_exceptions=True)

    return asyncio.run(together())


def test_one_refusal_leaves_the_others(store):
    run = store.create_run("0").info.run_id
    found = outcomes(store, [tag(run, "a"), tag("none", "b"), tag(run, "c")])
    assert found[0] == b"a"
    assert found[1].http_status == 404
    assert found[2] == b"c"
    assert {"a", "c"} <= store.get_run(run).data.tags.keys()


def test_one_defect_leaves_the_others(store):
    run = store.create_run("0").info.run_id

    def broken(db):
        db.execute("UPDATE runs SET name = 'half done'")
        return db.execute("nonsense")

    def defect(db):
        db.execute("UPDATE runs SET name = 'half done'")
        raise KeyError("defect")

    found = outcomes(store, [tag(run, "a"), broken, tag(run, "c"), defect])
    assert found[0] == b"a"
    assert isinstance(found[1], StoreError)
    assert found[2] == b"c"
    assert isinstance(found[3], KeyError)
    assert store.get_run(run).info.run_name != "half done"
    assert {"a", "c"} <= store.get_run(run).data.tags.keys()


def test_a_number_too_large_leaves_the_others(store):
    run = store.create_run("0").info.run_id

    def too_large(db):
        sql_runs.update(db, run, status="FAILED", end_ms=None, run_name=None)
        db.execute("UPDATE runs SET end_ms = ?", (2**70,))
        return b""

    found = outcomes(store, [too_large, tag(run, "c")])
    assert isinstance(found[0], InvalidValueError)
    assert found[1] == b"c"
    assert store.get_run(run).info.status == "RUNNING"


def test_a_store_that_cannot_be_written(serve_app, tmp_path, caplog):
    client = serve_app(Guard(None))
    run = client.run()
    (tmp_path / "mlctl.db").chmod(0o444)
    store = SqliteStore(str(tmp_path / "mlctl.db"))
    store.read_only = True
    found = outcomes(store, [tag(run, "a"), tag(run, "b")])
    store.close()
    assert [error.http_status for error in found] == [503, 503]


def test_errors_of_the_store_tell_no_paths(tmp_path, caplog):
    from mlctl.server.app import _failed

    answer = _failed(StoreError(f"The store {tmp_path} is broken."))
    assert answer.status == 503
    assert str(tmp_path).encode() not in answer.body
    assert str(tmp_path) in caplog.text


def test_many_clients_at_once(client):
    runs = [client.run() for _ in range(8)]

    def log(run):
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
        for step in range(50):
            body = json.dumps({"run_id": run, "key": "k", "value": step, "timestamp": step, "step": step})
            connection.request("POST", "/api/2.0/mlflow/runs/log-metric", body, {"Content-Type": "application/json"})
            assert connection.getresponse().read() == b"{}"
        connection.close()

    threads = [threading.Thread(target=log, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in runs:
        assert len(client.get("metrics/get-history", f"run_id={run}&metric_key=k").json["metrics"]) == 50


def test_kept_documents_are_bounded(store):
    runs = [store.create_run("0").info.run_id for _ in range(20)]
    kept = Documents(kept_bytes=3000)
    with store.reading() as db:
        texts = {run: kept.one(db, run) for run in runs}
        assert sum(len(text) for _, text in kept._kept.values()) == kept._size <= 3000
        assert 0 < len(kept._kept) < 20
        assert all(kept.one(db, run) == texts[run] for run in runs)
    store.log_batch(runs[0], metrics=[Metric("k", 1.0, 1)])
    with store.reading() as db:
        assert kept.one(db, runs[0]) != texts[runs[0]]
        assert sum(len(text) for _, text in kept._kept.values()) == kept._size


def test_head_is_get_without_a_body(client):
    path = "/api/2.0/mlflow/experiments/get?experiment_id=0"
    whole, head = client.send("GET", path), client.send("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.body))
