"""Files that come in parts: the routes by themselves, what is refused, and the real client sending small parts."""

import concurrent.futures
import contextlib
import json
import os
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from artifact_server import eventually, served

from mlctl.server.guard import Guard
from mlctl.sql.sqlite import SqliteStore

MPU = "/api/2.0/mlflow-artifacts/mpu"
SECRET = "X-Mlctl-Upload"


@pytest.fixture
def store(place):
    with contextlib.closing(SqliteStore(str(place / "mlruns" / "mlctl.db"))) as found:
        yield found


@pytest.fixture
def top(store):
    return Path(store.folder) / "artifacts"


@pytest.fixture
def ask(store):
    with served(store) as client:
        yield client


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def create(ask, path="/home/ada/big file.bin", num_parts=3, folder="0/r/artifacts/sub"):
    found = ask("POST", f"{MPU}/create/{folder}", json.dumps({"path": path, "num_parts": num_parts}))
    assert found.status == 200, found.body
    return found.json


def send(ask, credential, body):
    return ask("PUT", urlsplit(credential["url"]).path, body, credential["headers"])


def complete(ask, upload, numbers=(1, 2, 3), path="big file.bin", folder="0/r/artifacts/sub"):
    parts = [{"part_number": number, "etag": f'"{number}"', "url": "x"} for number in numbers]
    return ask("POST", f"{MPU}/complete/{folder}", json.dumps({"path": path, "upload_id": upload["upload_id"], "parts": parts}))


def test_parts_become_a_file(ask, top):
    upload = create(ask)
    assert [item["part_number"] for item in upload["credentials"]] == [1, 2, 3]
    assert {urlsplit(item["url"]).port for item in upload["credentials"]} == {ask.port}
    bodies = [b"a" * 3_000_000, b"b" * 3_000_000, b"c"]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda pair: send(ask, *pair), zip(upload["credentials"], bodies, strict=True)))
    assert [(found.status, found.headers["etag"]) for found in answers] == [(200, '"1"'), (200, '"2"'), (200, '"3"')]
    assert ask("GET", "/api/2.0/mlflow-artifacts/artifacts?path=").json == {}
    assert complete(ask, upload).json == {}
    assert (top / "0/r/artifacts/sub/big file.bin").read_bytes() == b"".join(bodies)
    assert files(top) == ["0/r/artifacts/sub/big file.bin"]
    assert complete(ask, upload).status == 404


@pytest.mark.parametrize(("told", "scheme"), [("https", "https"), ("http", "http"), ("javascript", "http"), (None, "http")])
def test_the_address_behind_a_proxy_that_ends_tls(ask, told, scheme):
    headers = {"Host": "ml.example", **({"X-Forwarded-Proto": told} if told else {})}
    found = ask("POST", f"{MPU}/create/0", json.dumps({"path": "f", "num_parts": 1}), headers).json
    assert found["credentials"][0]["url"] == f"{scheme}://ml.example{MPU}/part/{found['upload_id']}/1"


def test_a_part_may_be_sent_again(ask, top):
    upload = create(ask, num_parts=1)
    send(ask, upload["credentials"][0], b"first try")
    send(ask, upload["credentials"][0], b"second")
    complete(ask, upload, [1])
    assert (top / "0/r/artifacts/sub/big file.bin").read_bytes() == b"second"


def test_an_upload_that_is_given_up(ask, top):
    upload = create(ask)
    send(ask, upload["credentials"][0], b"x")
    body = json.dumps({"path": "big file.bin", "upload_id": upload["upload_id"]})
    assert ask("POST", f"{MPU}/abort/0/r/artifacts/sub", body).json == {}
    assert files(top) == []
    assert send(ask, upload["credentials"][1], b"y").status == 404
    assert ask("POST", f"{MPU}/abort/0/r/artifacts/sub", body).status == 404


def test_a_missing_part(ask, top):
    upload = create(ask)
    for credential in upload["credentials"][:2]:
        send(ask, credential, b"x")
    assert complete(ask, upload).status == 400
    assert complete(ask, upload, [1, 2]).status == 400
    assert complete(ask, upload, [1, 2, 2]).status == 400
    assert not (top / "0/r/artifacts/sub").exists()
    send(ask, upload["credentials"][2], b"x")
    assert complete(ask, upload, [3, 1, 2]).status == 200


@pytest.mark.parametrize("path", ["C:\\Users\\ada\\f.bin", "/home/ada/f.bin", "f.bin"])
def test_the_last_name_of_the_clients_path_counts(ask, top, path):
    upload = create(ask, path=path, num_parts=1)
    send(ask, upload["credentials"][0], b"1")
    assert complete(ask, upload, [1], path=path).status == 200
    assert files(top) == ["0/r/artifacts/sub/f.bin"]


@pytest.mark.parametrize(
    ("folder", "body"),
    [
        ("0/../..", {"path": "f", "num_parts": 1}),
        ("%2e%2e", {"path": "f", "num_parts": 1}),
        ("0", {"path": "..", "num_parts": 1}),
        ("0", {"path": "/x/", "num_parts": 1}),
        ("0", {"path": "", "num_parts": 1}),
        ("0", {"path": ".x.part", "num_parts": 1}),
        ("0", {"path": "f\x00", "num_parts": 1}),
        (".uploads.part", {"path": "f", "num_parts": 1}),
        ("0", {"path": "f", "num_parts": 0}),
        ("0", {"path": "f", "num_parts": 10_001}),
        ("0", {"path": "f", "num_parts": "many"}),
        ("0", {"num_parts": 1}),
        ("0", {}),
    ],
)
def test_uploads_that_are_not_begun(ask, top, folder, body):
    found = ask("POST", f"{MPU}/create/{folder}", json.dumps(body))
    assert (found.status, found.code) == (400, "INVALID_PARAMETER_VALUE")
    assert files(top) == []


def test_parts_are_for_those_who_have_the_secret(ask, top):
    upload, other = create(ask), create(ask)
    path = urlsplit(upload["credentials"][0]["url"]).path
    for headers in ({}, {SECRET: ""}, {SECRET: "x"}, other["credentials"][0]["headers"], {SECRET: "é".encode()}):
        assert ask("PUT", path, b"x", headers).status == 404
    right = upload["credentials"][0]["headers"]
    for number in ("0", "4", "01", "-1", "terms.json", "../terms.json", "1/../terms.json", "%31", "", "1" * 400):
        found = ask("PUT", path[:-1] + number, b"x", right)
        assert found.status in (400, 404), number
    for upload_id in ("..", "x", other["upload_id"], upload["upload_id"].upper(), "0" * 32):
        assert ask("PUT", f"{MPU}/part/{upload_id}/1", b"x", right).status == 404
    assert [name for name in files(top) if not name.endswith("terms.json")] == []


def test_an_upload_is_one_to_its_place(ask):
    upload = create(ask, num_parts=1)
    send(ask, upload["credentials"][0], b"x")
    assert complete(ask, upload, [1], path="other").status == 400
    assert complete(ask, upload, [1], folder="0/other").status == 400
    body = json.dumps({"path": "other", "upload_id": upload["upload_id"]})
    assert ask("POST", f"{MPU}/abort/0", body).status == 400


def test_what_nobody_completed_is_gone_after_a_day(ask, top):
    upload, young = create(ask), create(ask)
    send(ask, upload["credentials"][0], b"x")
    draft = top / "0" / f".{'0' * 16}.part"
    draft.parent.mkdir()
    draft.write_bytes(b"of a writer that was killed")
    old = time.time() - 25 * 3600
    os.utime(top / ".uploads.part" / upload["upload_id"], (old, old))
    os.utime(draft, (old, old))
    third = create(ask)
    assert sorted(path.name for path in (top / ".uploads.part").iterdir()) == sorted([young["upload_id"], third["upload_id"]])
    assert ask("GET", "/api/2.0/mlflow-artifacts/artifacts?path=0").json == {}
    assert not draft.exists()


def test_too_large(store, monkeypatch, top):
    monkeypatch.setenv("MLCTL_ARTIFACT_MAX_BYTES", "1000")
    with served(store) as ask:
        path = "/api/2.0/mlflow-artifacts/artifacts/0/f"
        assert ask("PUT", path, b"x" * 1000).status == 200
        assert ask("PUT", path, b"y" * 1001).status == 413
        assert ask("PUT", path, iter([b"y" * 600] * 2)).status == 413
        assert (top / "0/f").read_bytes() == b"x" * 1000
        upload = create(ask, num_parts=2)
        assert send(ask, upload["credentials"][0], b"x" * 1001).status == 413
        for credential in upload["credentials"]:
            assert send(ask, credential, b"x" * 600).status == 200
        assert complete(ask, upload, [1, 2]).status == 413
        assert files(top / "0") == ["f"]


def test_the_secret_opens_nothing_else(serve_app, tmp_path):
    client = serve_app(Guard(None, token="t"))
    right = {"Authorization": "Bearer t", "Content-Type": "application/json"}
    made = client.send("POST", f"{MPU}/create/0", body=json.dumps({"path": "f", "num_parts": 1}), headers=right).json
    (credential,) = made["credentials"]
    path = urlsplit(credential["url"]).path
    assert client.send("PUT", path, body=b"x").status == 401
    assert client.send("PUT", path, body=b"x", headers={SECRET: "wrong"}).status == 404
    assert client.send("PUT", path, body=b"x", headers={**credential["headers"], "Host": "evil.example"}).status == 403
    assert client.send("PUT", path, body=b"x", headers={**credential["headers"], "Origin": "http://evil.example"}).status == 403
    for method, other in (("GET", path), ("DELETE", path), ("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/f"), ("GET", "/metrics")):
        assert client.send(method, other, body=b"x", headers=credential["headers"]).status == 401, other
    assert client.send("PUT", path, body=b"x", headers=credential["headers"]).status == 200
    body = json.dumps({"path": "f", "upload_id": made["upload_id"], "parts": [{"part_number": 1}]})
    assert client.send("POST", f"{MPU}/complete/0", body=body, headers=credential["headers"]).status == 401
    assert client.send("POST", f"{MPU}/complete/0", body=body, headers=right).status == 200


SCRIPT = """
import mlflow, os, pathlib
path = pathlib.Path("a file.bin")
path.write_bytes(os.urandom(100_000) * 33)
with mlflow.start_run() as run:
    mlflow.log_artifact(str(path), "some folder")
    mlflow.log_artifact(str(path))
found = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="some folder/a file.bin", dst_path="back")
assert pathlib.Path(found).read_bytes() == path.read_bytes()
"""


@pytest.mark.engine("mlflow")
@pytest.mark.parametrize("prefix", ["", "/behind/a/prefix"])
def test_the_real_client_sends_parts(serve_app, tmp_path, prefix):
    entries = []
    client = serve_app(Guard(None, token="t0ken"), log=entries.append, static_prefix=prefix)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    env |= {
        "MLFLOW_TRACKING_URI": client.address + prefix,
        "MLFLOW_TRACKING_TOKEN": "t0ken",
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
    }
    env |= {"MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "1000000", "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(1 << 20)}
    command = [os.environ["MLCTL_MLFLOW"], "-c", SCRIPT]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=170)
    assert done.returncode == 0, done.stderr
    assert eventually(lambda: len([entry for entry in entries if "/mpu/part/" in entry["path"]]) == 8)
    assert {entry["status"] for entry in entries} == {200}
    assert list((tmp_path / "artifacts" / ".uploads.part").iterdir()) == []
