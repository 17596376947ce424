"""The published attacks on MLflow's server, as a table of requests to ours: none gets through.

Each row is one request. Whatever it is answered, it is no success that matters: no secret of the machine is in the answer, no file outside
the store's artifacts is read, made, changed or deleted, nobody is called up, and no answer is a 5xx. `test_artifact_paths` has more ways
to write a path, `test_server_guard` more ways to lack a token.
"""

import contextlib
import json
import socket
import sqlite3
import threading
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from mlctl.server.guard import Guard

SECRET = b"the secret of this machine"
API = "/api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts"
JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}
EVIL = "http://evil.example"


class Row(NamedTuple):
    """A request. ``{outside}`` is a folder beside the store, ``{run}`` a run, ``{port}`` where a victim of SSRF would listen."""

    method: str
    path: str
    body: str = ""
    headers: dict = JSON


def paths(template):
    """One request for each way to write a path that leads out."""
    return {
        f"{template.method} {template.path[:48]}…: {name}": template._replace(
            path=template.path.replace("PATH", quote(text, safe="%/\\:") if template.path.endswith("=PATH") else text)
        )
        for name, text in OUT.items()
    }


OUT = {
    "plain": "../../outside/secret",
    "encoded": "%2e%2e/%2e%2e/outside/secret",
    "encoded slashes": "..%2f..%2foutside%2fsecret",
    "doubly encoded": "%252e%252e%252f%252e%252e%252foutside%252fsecret",
    "three times": "%25252e%25252e%25252foutside",
    "backslash": "..%5c..%5coutside%5csecret",
    "NUL": "../../outside/secret%00.txt",
    "absolute": "/{outside}/secret",
    "absolute, encoded": "%2f{outside}/secret",
    "drive letter": "C:/Windows/win.ini",
    "drive letter, backslash": "C:%5cWindows%5cwin.ini",
    "UNC": "%5c%5c127.0.0.1%5cshare",
    "file address": "file://{outside}/secret",
    "two-dot leader": "%E2%80%A5/%E2%80%A5/outside/secret",
    "symbolic link": "0/to-outside/secret",
    "the store itself": "../mlctl.db",
}

ROWS = {
    **paths(Row("GET", f"{PROXY}/artifacts/PATH")),
    **paths(Row("HEAD", f"{PROXY}/artifacts/PATH")),
    **paths(Row("PUT", f"{PROXY}/artifacts/PATH", "overwritten")),
    **paths(Row("DELETE", f"{PROXY}/artifacts/PATH")),
    **paths(Row("GET", f"{PROXY}/artifacts?path=PATH")),
    **paths(Row("GET", f"{API}/artifacts/list?run_id={{run}}&path=PATH")),
    **paths(Row("GET", "/get-artifact?run_id={run}&path=PATH")),
    **paths(Row("POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=PATH", "overwritten")),
    **paths(Row("POST", f"{PROXY}/mpu/create/PATH", '{"path": "secret", "num_parts": 1}')),
    **paths(Row("POST", f"{PROXY}/mpu/complete/PATH", '{"path": "secret", "upload_id": "../../outside", "parts": []}')),
    **paths(Row("POST", f"{PROXY}/mpu/abort/PATH", '{"path": "secret", "upload_id": "../../outside"}')),
    **paths(Row("GET", f"{PROXY}/presigned/PATH")),
    # the run id as a path
    **paths(Row("GET", "/get-artifact?path=secret&run_id=PATH")),
    **paths(Row("GET", f"{API}/runs/get?run_id=PATH")),
    "run id in a body": Row("POST", f"{API}/runs/set-tag", '{"run_id": "../../outside", "key": "a", "value": "b"}'),
    "run id of one's own": Row("POST", "/api/2.0/mlctl/runs/create", '{"experiment_id": "0", "run_id": "../../../outside"}'),
    "multipart: dots as file name": Row("POST", f"{PROXY}/mpu/create/0", '{"path": "..", "num_parts": 1}'),
    "multipart: somebody's draft": Row(
        "POST", f"{PROXY}/mpu/complete/0", '{"path": "x", "upload_id": "../../../../outside/secret", "parts": [{"part_number": 1}]}'
    ),
    # sources of models, once there is a registry
    "source": Row("POST", f"{API}/model-versions/create", '{"name": "m", "source": "file://{outside}"}'),
    "source, relative": Row("POST", f"{API}/model-versions/create", '{"name": "m", "source": "models:/../../outside"}'),
    "model artifact": Row("GET", "/model-versions/get-artifact?name=m&version=1&path=../../outside/secret"),
    "gateway-proxy as a way to others": Row("POST", "/ajax-api/2.0/mlflow/gateway-proxy", '{"gateway_path": "http://127.0.0.1:{port}/"}'),
    # SQL
    "SQL in a filter": Row(
        "POST", f"{API}/runs/search", """{"experiment_ids": ["0"], "filter": "params.a = '' OR 1=1; DROP TABLE runs"}"""
    ),
    "SQL in an order": Row("POST", f"{API}/runs/search", '{"experiment_ids": ["0"], "order_by": ["start_time; DROP TABLE runs"]}'),
    "SQL in an id": Row("POST", f"{API}/runs/search", '{"experiment_ids": ["0) OR (1=1"]}'),
    "SQL in a metric's name": Row("POST", f"{API}/runs/search", """{"experiment_ids": ["0"], "order_by": ["metrics.`a' --` DESC"]}"""),
}
LISTS = (f"{PROXY}/artifacts?path=", f"{API}/artifacts/list?")
"""Where nothing is listed for what is not there."""

FINE = {"SQL in a metric's name"}
"""What may be answered: it is odd, and means what it says."""

LOCATIONS = {
    "/etc": 0,
    "{outside}": 0,
    "file://{outside}": 0,
    "file:{outside}": 0,
    "file:///%2e%2e/{outside}": 0,
    "//{outside}": 0,
    "file://127.0.0.1{outside}": 0,
    "FILE://{outside}": 0,
    "{outside}/../outside": 0,
    "mlflow-artifacts:/../../outside": 0,
    "mlflow-artifacts:/%2e%2e/%2e%2e/outside": 0,
    "mlflow-artifacts:/%252e%252e/%252e%252e/outside": 0,
    "mlflow-artifacts:/0/to-outside": 0,
    "mlflow-artifacts://127.0.0.1:{port}/x": 0,
    "mlflow-artifacts:/..\\..\\outside": 0,
    "http://127.0.0.1:{port}/x": 0,
    "https://127.0.0.1:{port}/x": 0,
    "ftp://127.0.0.1:{port}/x": 0,
    "s3://bucket/x": 0,
    "hdfs://127.0.0.1:{port}/x": 0,
    "http://127.0.0.1:{port}/x?a=../../..": 400,
    "file://{outside}?x=..": 400,
    "file://{outside}#/../..": 400,
    "file://{outside};a=b": 400,
    "runs:/{run}/x": 400,
}
"""Artifact locations: 400 for those that no experiment may be made with. The others may be (clients reach them), and are not served."""


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(SECRET)
    return folder


@pytest.fixture
def place(tmp_path, outside):
    """The store's folder with links that lead out."""
    folder = tmp_path / "artifacts" / "0"
    folder.mkdir(parents=True)
    (folder / "to-outside").symlink_to(outside)
    return tmp_path


@pytest.fixture
def victim():
    """A port that must not be called, and what it has been told."""
    told = []
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()

        def answer():
            with contextlib.suppress(OSError):
                while True:
                    link, _ = bound.accept()
                    told.append("called")
                    link.close()

        threading.Thread(target=answer, daemon=True).start()
        yield bound.getsockname()[1], told
        bound.shutdown(socket.SHUT_RDWR)


def state(place):
    """Everything in the folder but the store's database and what lies regularly in its artifacts."""
    return {
        str(path): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and not path.name.startswith("mlctl.db") and not str(path).startswith(f"{place}/artifacts/0")
    }


def send(client, row, marks):
    """The answer to a row, sent as it is written: a client's library would tidy the path."""

    def fill(text):
        for name, value in marks.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    body = fill(row.body).encode()
    lines = [f"{row.method} {fill(row.path)} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in row.headers.items()]
    lines += [f"Content-Length: {len(body)}"] if body else []
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as link:
        link.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        found = link.makefile("rb").read()
    return int(found.split(b" ", 2)[1]), found


def test_no_request_gets_through(serve_app, place, outside, victim):
    client = serve_app()
    run = client.run()
    port, told = victim
    links = place / "artifacts" / "0" / run / "artifacts" / "0"
    links.mkdir(parents=True)
    (links / "to-outside").symlink_to(outside)
    before = state(place)
    through = {}
    for name, row in ROWS.items():
        status, found = send(client, row, {"outside": outside, "run": run, "port": port})
        is_harmless = name in FINE or (row.path.startswith(LISTS) and b"files" not in found)
        refused = 400 <= status < 500 or status == 501
        if SECRET in found or str(place).encode() in found or not (refused or (status == 200 and is_harmless)):
            through[name] = (status, found)
    assert not through
    assert state(place) == before
    assert not told
    assert client.get("runs/get", f"run_id={run}").status == 200


def ways_in(run):
    """Every way to the artifacts of a run by its id."""
    return [
        Row("GET", f"/get-artifact?run_id={run}&path=secret"),
        Row("GET", f"/ajax-api/2.0/mlflow/get-artifact?run_uuid={run}&path=secret"),
        Row("GET", f"{API}/artifacts/list?run_id={run}"),
        Row("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=secret", "overwritten"),
    ]


def open_to(client, run, marks):
    """The ways that lead to what is not the store's."""
    found = {row.path: send(client, row, marks) for row in ways_in(run)}
    return {path: answer for path, answer in found.items() if answer[0] != 400 or SECRET in answer[1]}


def test_artifact_locations_are_checked_when_they_are_made_and_when_they_are_used(serve_app, place, outside, victim):
    client = serve_app()
    port, told = victim
    marks = {"outside": outside, "port": port, "run": client.run()}
    (outside / "artifacts").mkdir()
    before = state(place)
    for index, (template, status) in enumerate(LOCATIONS.items()):
        location = template.format(**marks)
        made = client.post("experiments/create", name=f"e{index}", artifact_location=location)
        assert made.status == (status or 200), (location, made.body)
        if made.status == 200:
            run = client.run(made.json["experiment_id"])
            assert not open_to(client, run, marks), location
    assert state(place) == before
    assert not told


def test_rows_that_others_wrote_into_the_database_are_checked_too(serve_app, place, outside, victim):
    """Whoever can write the database, through a bug or another program, still gets nothing out of the server that is not in the store."""
    client = serve_app()
    port, told = victim
    marks = {"outside": outside, "port": port, "run": "r"}
    before = state(place)
    for index, template in enumerate(LOCATIONS):
        number = client.ok("experiments/create", name=f"e{index}")["experiment_id"]
        run = client.run(number)
        (outside / run / "artifacts").mkdir(parents=True)
        (outside / run / "artifacts" / "secret").write_bytes(SECRET)
        with contextlib.closing(sqlite3.connect(place / "mlctl.db")) as connection, connection:
            connection.execute("UPDATE experiments SET artifact_location = ? WHERE id = ?", (template.format(**marks), int(number)))
        assert not open_to(client, run, marks), template
        (outside / run / "artifacts" / "secret").unlink()
    evil = "../../../outside"
    with contextlib.closing(sqlite3.connect(place / "mlctl.db")) as connection, connection:
        connection.execute("UPDATE runs SET run_id = ? WHERE id = 1", (evil,))
    assert not open_to(client, quote(evil, safe=""), marks)
    assert state(place) == before
    assert not told


# ── pages in a user's browser ────────────────────────────────────────────────────────────────────────────────────────

CHANGES = {
    "experiments/create": '{"name": "forged"}',
    "runs/create": '{"experiment_id": "0"}',
    "experiments/delete": '{"experiment_id": "0"}',
}
FORGED = {
    "another host's name (DNS rebinding)": {**JSON, "Host": "evil.example"},
    "another host's name with our port": {**JSON, "Host": "evil.example:5000"},
    "a name that looks like ours": {**JSON, "Host": "localhost.evil.example"},
    "a page of another site": {**JSON, "Origin": EVIL},
    "a page without an origin": {**JSON, "Origin": "null"},
    "a page of another site, said by the browser": {**JSON, "Sec-Fetch-Site": "cross-site"},
    "a form as text": TEXT,
    "a form": {"Content-Type": "application/x-www-form-urlencoded"},
    "a form with files": {"Content-Type": "multipart/form-data; boundary=x"},
    "no content type": {},
    "a type that only looks like JSON": {"Content-Type": "text/plain; application/json"},
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED.keys())
def test_pages_of_other_sites_change_nothing(client, headers):
    for name, body in CHANGES.items():
        assert client.send("POST", f"{API}/{name}", body=body, headers=headers).status in (400, 403), name
    for method, path in (("PUT", f"{PROXY}/artifacts/0/forged"), ("DELETE", f"{PROXY}/artifacts/0/forged")):
        found = client.send(method, path, body=b"x", headers=headers)
        assert found.status in (400, 403) or "Origin" not in headers, (method, found.body)
    assert client.get("experiments/get-by-name", "experiment_name=forged").status == 404
    assert client.get("experiments/get", "experiment_id=0").json["experiment"]["lifecycle_stage"] == "active"


def test_reads_of_other_sites_are_not_shared_with_them(client):
    for path in (f"{API}/experiments/get?experiment_id=0", "/get-artifact?run_id=x&path=y", "/health"):
        for method in ("GET", "OPTIONS"):
            found = client.send(method, path, headers={"Origin": EVIL, "Access-Control-Request-Method": "POST"})
            assert not [name for name in found.headers if name.lower().startswith("access-control")], (method, path)


@pytest.mark.parametrize("name", ["x.html", "x.svg", "x.xhtml", "x.js", "x.xml", "x.pdf", "x", "x.html%0d%0aX:%20y", "MLmodel"])
def test_an_artifact_that_is_a_page_is_not_run(client, name):
    run = client.run()
    page = b"<html><script>alert(document.domain)</script></html>"
    done = client.send("PUT", f"{PROXY}/artifacts/0/{run}/artifacts/{name}", body=page)
    if done.status != 200:
        assert done.status == 400
        return
    for path in (f"{PROXY}/artifacts/0/{run}/artifacts/{name}", f"/get-artifact?run_id={run}&path={name}"):
        found = client.send("GET", path)
        headers = {key.lower(): value for key, value in found.headers.items()}
        assert found.body == page
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-disposition"].startswith("attachment")
        assert "sandbox" in headers["content-security-policy"]


def test_what_was_sent_is_not_shown_as_a_page(client):
    script = "<script>alert(1)</script>"
    for method, path in (
        ("GET", f"/{script}"),
        ("GET", f"{API}/experiments/get?experiment_id={quote(script)}"),
        ("POST", f"{API}/x{script}"),
    ):
        found = client.send(method, quote(path, safe="/?=%"), body=b"{}" if method == "POST" else None, headers=JSON)
        is_page = found.headers.get("content-type", "").startswith("text/html")
        assert not (is_page and script.encode() in found.body), path


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────

BODIES = {
    "deep": b'{"tags":' * 100_000,
    "deep lists": b"[" * 1_000_000,
    "wide": b'{"experiment_id":"0","tags":[' + b",".join([b'{"key":"k","value":"v"}'] * 50_000) + b"]}",
    "a long number": b'{"experiment_id":"0","start_time":' + b"9" * 100_000 + b"}",
    "a long text": json.dumps({"experiment_id": "0", "run_name": "x" * 5_000_000}).encode(),
    "many keys": json.dumps({f"k{index}": index for index in range(100_000)}).encode(),
    "not UTF-8": b'{"experiment_id":"\xff"}',
    "half a surrogate pair": b'{"experiment_id":"0","run_name":"\\ud800"}',
    "NUL": b'{"experiment_id":"0\\u0000","run_name":"\\u0000"}',
    "cut off": b'{"experiment_id":"0","run_name":"x',
    "an array": b'[{"experiment_id":"0"}]',
    "types": b'{"experiment_id":{"a":1},"tags":"x","start_time":[]}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies_that_are_made_to_hurt(client, body):
    for name in ("runs/create", "runs/log-batch", "runs/search"):
        found = client.raw(name, body)
        assert found.status < 500, found.body
        assert b"Traceback" not in found.body
        assert len(found.body) < 100_000
    assert client.send("GET", "/health").status == 200


def test_a_body_without_end_is_refused(client):
    with socket.create_connection(("127.0.0.1", client.port), timeout=60) as link:
        head = f"POST {API}/runs/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        link.sendall(head.encode())
        piece = b"%x\r\n" % (1 << 20) + b"x" * (1 << 20) + b"\r\n"
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                link.sendall(piece)
        assert b" 413 " in link.makefile("rb").readline()


def test_two_lengths_or_none_that_fits(client):
    """Request smuggling: what one server takes for a body, another takes for the next request."""
    for extra in ("Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: -1"):
        with socket.create_connection(("127.0.0.1", client.port), timeout=20) as link:
            link.sendall(
                f"POST {API}/runs/create HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\n\r\n".encode()
            )
            link.shutdown(socket.SHUT_WR)
            assert b"200 OK" not in link.makefile("rb").read(), extra


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_another_runs_token_is_no_token(serve_app, tmp_path):
    client = serve_app(Guard(None, token="of one run"))
    for token in ("of another run", "", "of one ru", "of one run ", "OF ONE RUN"):
        found = client.send("GET", f"{API}/experiments/get?experiment_id=0", headers={"Authorization": f"Bearer {token}x"})
        assert found.status == 401
    assert client.send("GET", f"{API}/experiments/get?experiment_id=0", headers={"Authorization": "Bearer of one run"}).status == 200
    assert client.send("GET", f"{API}/experiments/get?experiment_id=0&token=of%20one%20run").status == 401


def test_the_store_is_not_among_the_artifacts(serve_app, place):
    """The database lies beside the artifacts' folder, never in it."""
    client = serve_app()
    listed = client.send("GET", f"{PROXY}/artifacts?path=").json
    assert [item["path"] for item in listed["files"]] == ["0"]
    assert Path(place, "mlctl.db").exists()
