"""The artifact routes as clients use them, against a real server and real files."""

import concurrent.futures
import os
import resource
import socket
import struct
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from artifact_server import API, eventually, served

from mlctl.server import artifacts, streaming
from mlctl.server.routes import ARTIFACTS
from mlctl.sql.sqlite import SqliteStore

MIB = 1 << 20


@pytest.fixture
def store(place):
    found = SqliteStore(str(place / "mlruns" / "mlctl.db"))
    yield found
    found.close()


@pytest.fixture
def top(store):
    return Path(store.folder) / "artifacts"


@pytest.fixture
def ask(store):
    with served(store) as client:
        yield client


@pytest.fixture
def run(store):
    return store.create_run("0").info.run_id


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.exists() else []


# ── upload ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", [b"", b"x", b"\x00\xff" * 100_000, b"z" * (3 * MIB + 1)], ids=["empty", "one", "200k", "3M"])
def test_upload_then_download(ask, top, body):
    done = ask("PUT", f"{API}/0/r/artifacts/a/b.bin", body)
    assert (done.status, done.body) == (200, b"")
    assert (top / "0/r/artifacts/a/b.bin").read_bytes() == body
    found = ask("GET", f"{API}/0/r/artifacts/a/b.bin")
    assert (found.status, found.body) == (200, body)
    assert found.headers["content-length"] == str(len(body))


def test_upload_replaces(ask, top):
    for body in (b"first, and long", b"second"):
        assert ask("PUT", f"{API}/0/f.txt", body).status == 200
    assert (top / "0/f.txt").read_bytes() == b"second"
    assert files(top) == ["0", "0/f.txt"]


def test_upload_in_chunks_of_unknown_length(ask, top):
    done = ask("PUT", f"{API}/0/f.bin", iter([b"one ", b"two ", b"three"]))
    assert done.status == 200
    assert (top / "0/f.bin").read_bytes() == b"one two three"


@pytest.mark.parametrize(
    "name", ["sub dir/é.txt", "a+b=c.txt", "100%.txt", "it's; $(touch x).txt", "模型/データ.json", "\u202eevil.txt", "..hidden", "a..b"]
)
def test_names_that_clients_may_use(ask, top, name):
    path = f"{API}/0/r/artifacts/{quote(name)}"
    assert ask("PUT", path, b"1").status == 200
    assert (top / "0/r/artifacts" / name).read_bytes() == b"1"
    assert ask("GET", path).body == b"1"
    listed = ask("GET", f"{API}?path=" + quote(str(Path("0/r/artifacts", name).parent)))
    assert listed.json == {"files": [{"path": Path(name).name, "is_dir": False, "file_size": 1}]}
    assert ask("DELETE", path).status == 200
    assert not (top / "0/r/artifacts" / name).exists()


def test_a_name_is_decoded_once(ask, top):
    assert ask("PUT", f"{API}/0/a%2520b.txt", b"1").status == 200
    assert files(top) == ["0", "0/a%20b.txt"]


@pytest.mark.parametrize("path", ["0/dir", "0/dir/", "0/new/", "", "/", ".", "0/file/below", "0/file/below/it"])
def test_what_cannot_be_uploaded_to(ask, top, path):
    (top / "0/dir").mkdir(parents=True)
    (top / "0/file").write_text("a file")
    before = files(top)
    found = ask("PUT", f"{API}/{path}", b"x")
    assert (found.status, found.code) == (400, "INVALID_PARAMETER_VALUE")
    assert files(top) == before
    assert (top / "0/file").read_text() == "a file"


def test_uploads_of_one_file_at_once_leave_one_of_them_whole(ask, top):
    bodies = [bytes([65 + index]) * (2 * MIB + index) for index in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda body: ask("PUT", f"{API}/0/r/artifacts/f.bin", body), bodies))
    assert {item.status for item in done} == {200}
    assert (top / "0/r/artifacts/f.bin").read_bytes() in bodies
    assert files(top / "0/r/artifacts") == ["f.bin"]


def test_small_uploads_at_once(ask, top):
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        done = list(pool.map(lambda index: ask("PUT", f"{API}/0/r/artifacts/d{index % 7}/{index}", b"x").status, range(200)))
    assert set(done) == {200}
    assert sum(path.is_file() for path in top.rglob("*")) == 200


def begin(client, path, size, sent):
    """An upload of ``size`` bytes of which only some are sent."""
    connection = client.connect()
    connection.sendall(f"PUT {API}/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * sent)
    return connection


@pytest.mark.parametrize("sent", [10, 2 * MIB])
@pytest.mark.parametrize("abrupt", [False, True])
def test_an_upload_that_breaks_off_leaves_nothing(ask, top, sent, abrupt):
    (top / "0").mkdir(parents=True)
    connection = begin(ask, "0/new/deep/f.bin", 4 * MIB, sent)
    if sent > MIB:
        assert eventually(lambda: any(name.endswith(".part") for name in files(top)))
        assert ask("GET", f"{API}?path=0").json == {}
    if abrupt:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    assert eventually(lambda: files(top) == ["0"])


def test_an_upload_that_breaks_off_leaves_the_file_before_it(ask, top):
    ask("PUT", f"{API}/0/f.bin", b"before")
    connection = begin(ask, "0/f.bin", 4 * MIB, 2 * MIB)
    assert eventually(lambda: len(files(top)) == 3)
    assert ask("GET", f"{API}/0/f.bin").body == b"before"
    connection.close()
    assert eventually(lambda: files(top) == ["0", "0/f.bin"])
    assert (top / "0/f.bin").read_bytes() == b"before"


def test_a_silent_client_is_given_up(ask, top, monkeypatch):
    monkeypatch.setattr(streaming, "SILENCE_S", 0.2)
    connection = begin(ask, "0/f.bin", 4 * MIB, 2 * MIB)
    assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")
    connection.close()
    assert eventually(lambda: files(top) == [])


def test_a_folder_deleted_under_an_upload(ask, top):
    ask("PUT", f"{API}/0/r/a", b"1")
    connection = begin(ask, "0/r/f.bin", 2 * MIB, MIB)
    assert eventually(lambda: len(files(top)) == 4)
    assert ask("DELETE", f"{API}/0/r").status == 200
    connection.sendall(b"x" * MIB)
    assert connection.recv(4096).startswith(b"HTTP/1.1 409 ")
    connection.close()
    assert files(top) == ["0"]


def test_uploads_at_once_are_limited(store, monkeypatch, top):
    monkeypatch.setenv("MLCTL_UPLOADS_AT_ONCE", "2")
    monkeypatch.setattr(artifacts, "SLOT_WAIT_S", 0.2)
    with served(store) as ask:
        open_ones = [begin(ask, f"0/{index}.bin", 2 * MIB, MIB) for index in range(2)]
        assert eventually(lambda: sum(name.endswith(".part") for name in files(top)) == 2)
        found = ask("PUT", f"{API}/0/late.bin", b"x")
        assert (found.status, found.code, found.headers["retry-after"]) == (429, "REQUEST_LIMIT_EXCEEDED", "1")
        monkeypatch.setattr(artifacts, "SLOT_WAIT_S", 10)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(ask, "PUT", f"{API}/0/late.bin", b"x")
            open_ones[0].sendall(b"x" * MIB)
            assert waiting.result(10).status == 200
        assert ask("GET", f"{API}?path=0").status == 200
        for connection in open_ones:
            connection.close()


# ── download ─────────────────────────────────────────────────────────────────────────────────────────────────────────

RANGES = [
    ("bytes=0-0", 206, 0, 1),
    ("bytes=2-5", 206, 2, 6),
    ("bytes=5-", 206, 5, None),
    ("bytes=-3", 206, -3, None),
    ("bytes=0-99999999", 206, 0, None),
    ("bytes=-99999999", 206, 0, None),
    ("BYTES = 1 - 2", 206, 1, 3),
    ("bytes=0-1,3-4", 200, 0, None),
    ("bytes=5-2", 200, 0, None),
    ("bytes=-", 200, 0, None),
    ("lines=0-1", 200, 0, None),
    ("bytes=a-b", 200, 0, None),
    ("bytes=0-" + "9" * 5000, 200, 0, None),
]


@pytest.mark.parametrize(("size", "unit"), [(10, 1), (900_000, 1)], ids=["small", "large"])
@pytest.mark.parametrize(("asked", "status", "first", "end"), RANGES)
def test_ranges(ask, top, asked, status, first, end, size, unit):
    body = os.urandom(size)
    (top / "0").mkdir(parents=True)
    (top / "0/f").write_bytes(body)
    found = ask("GET", f"{API}/0/f", headers={"Range": asked})
    assert (found.status, found.body) == (status, body[first:end])
    if status == 206:
        begin_at = body.index(found.body) if len(found.body) < 10 else size - len(found.body)
        assert found.headers["content-range"].endswith(f"/{size}")
        if size > 10 and first >= 0:
            assert found.headers["content-range"].startswith(f"bytes {first}-")
        assert begin_at >= 0


@pytest.mark.parametrize(("asked", "size"), [("bytes=10-", 10), ("bytes=10-12", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)])
def test_ranges_beyond_the_end(ask, top, asked, size):
    (top / "0").mkdir(parents=True)
    (top / "0/f").write_bytes(b"0123456789"[:size])
    found = ask("GET", f"{API}/0/f", headers={"Range": asked})
    assert (found.status, found.body, found.headers["content-range"]) == (416, b"", f"bytes */{size}")


def test_head_and_conditions(ask):
    ask("PUT", f"{API}/0/f.bin", b"0123456789")
    head = ask("HEAD", f"{API}/0/f.bin")
    assert (head.status, head.body, head.headers["content-length"], head.headers["accept-ranges"]) == (200, b"", "10", "bytes")
    tag, when = head.headers["etag"], head.headers["last-modified"]
    assert when.endswith(" GMT")
    assert ask("GET", f"{API}/0/f.bin", headers={"If-None-Match": f'"other", W/{tag}'}).status == 304
    assert ask("GET", f"{API}/0/f.bin", headers={"If-None-Match": '"other"'}).status == 200
    for told, status in ((tag, 206), (when, 206), ('"other"', 200)):
        assert ask("GET", f"{API}/0/f.bin", headers={"Range": "bytes=1-2", "If-Range": told}).status == status
    ask("PUT", f"{API}/0/f.bin", b"0123456780")
    assert ask("GET", f"{API}/0/f.bin").headers["etag"] != tag
    assert ask("HEAD", f"{API}/0/none").status == 404


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.json", "text/plain"),
        ("a.py", "text/plain"),
        ("conda.yaml", "text/plain"),
        ("MLmodel", "text/plain"),
        ("a.html", "text/html"),
        ("a.svg", "image/svg+xml"),
        ("a.png", "image/png"),
        ("model.pkl", "application/octet-stream"),
        ("json", "text/plain"),
        ("noextension", "application/octet-stream"),
    ],
)
def test_a_browser_neither_shows_nor_runs_an_artifact(ask, run, name, kind):
    ask("PUT", f"{API}/0/{run}/artifacts/{name}", b"<script>alert(1)</script>")
    for path in (f"{API}/0/{run}/artifacts/{name}", f"/get-artifact?run_id={run}&path={name}"):
        headers = ask("GET", path).headers
        assert headers["content-type"] == kind
        assert headers["content-disposition"] == f"attachment; filename={name}"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a b.txt", 'attachment; filename="a b.txt"'),
        ('q"uote.txt', 'attachment; filename="q\\"uote.txt"'),
        ("é.txt", "attachment; filename=e.txt; filename*=UTF-8''%C3%A9.txt"),
        ("日本語", "attachment; filename=download; filename*=UTF-8''%E6%97%A5%E6%9C%AC%E8%AA%9E"),
        ("a;b'.txt", 'attachment; filename="a;b\'.txt"'),
    ],
)
def test_the_name_of_a_download(ask, name, told):
    ask("PUT", f"{API}/0/{quote(name)}", b"1")
    assert ask("GET", f"{API}/0/{quote(name)}").headers["content-disposition"] == told


def test_what_cannot_be_downloaded(ask, top):
    (top / "0/dir").mkdir(parents=True)
    os.mkfifo(top / "0/pipe")
    for path, status, code in [
        ("0/none", 404, "RESOURCE_DOES_NOT_EXIST"),
        ("0/none/below", 404, "RESOURCE_DOES_NOT_EXIST"),
        ("0/dir", 400, "INVALID_PARAMETER_VALUE"),
        ("0/dir/", 400, "INVALID_PARAMETER_VALUE"),
        ("", 400, "INVALID_PARAMETER_VALUE"),
        ("0/pipe", 400, "INVALID_PARAMETER_VALUE"),
    ]:
        found = ask("GET", f"{API}/{path}")
        assert (found.status, found.code) == (status, code), path
        assert str(top) not in found.json["message"]


def test_a_file_cut_short_while_it_is_sent_does_not_look_whole(ask, top):
    ask("PUT", f"{API}/0/f.bin", b"x" * (64 * MIB))
    with ask.connect() as connection:
        connection.sendall(f"GET {API}/0/f.bin HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.recv(1)
        os.truncate(top / "0/f.bin", 0)
        size = 0
        while piece := connection.recv(MIB):
            size += len(piece)
    assert size < 64 * MIB


def test_a_download_that_breaks_off_is_ended(ask):
    ask("PUT", f"{API}/0/f.bin", b"x" * (64 * MIB))
    here = Path("/proc/self/fd")

    def is_open():
        names = [str(item.readlink()) for item in here.iterdir() if item.is_symlink()]
        return any(name.endswith("f.bin") for name in names)

    connection = ask.connect()
    connection.sendall(f"GET {API}/0/f.bin HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    connection.recv(1)
    if here.exists():
        assert is_open()
    connection.close()
    assert eventually(lambda: not here.exists() or not is_open())


def memory_now():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.engine("linux")
def test_large_files_need_little_memory(ask, top):
    size, piece = 200 * MIB, b"0123456789abcdef" * 4096
    ask("PUT", f"{API}/0/warm.bin", b"x" * MIB)
    before, most, began = memory_now(), 0, time.monotonic()
    with ask.connect() as connection:
        connection.sendall(f"PUT {API}/0/big.bin HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
        for index in range(size // len(piece)):
            connection.sendall(piece)
            most = max(most, memory_now()) if index % 100 == 0 else most
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        connection.sendall(f"GET {API}/0/big.bin HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(0.1)  # a client that does not read yet
        got, buffer = 0, bytearray(MIB)
        while got < size:
            got += connection.recv_into(buffer)
            most = max(most, memory_now())
    assert (top / "0/big.bin").stat().st_size == size
    assert most - before < 50 * MIB
    assert time.monotonic() - began < 30


# ── list and delete ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_list(ask, top):
    for name, body in (("r/artifacts/b.txt", b"12"), ("r/artifacts/a/x", b"1"), ("r/artifacts/empty", b"")):
        ask("PUT", f"{API}/0/{name}", body)
    assert ask("GET", f"{API}?path=0/r/artifacts").json == {
        "files": [{"path": "a", "is_dir": True}, {"path": "b.txt", "is_dir": False, "file_size": 2}, {"path": "empty", "is_dir": False}]
    }
    assert ask("GET", f"{API}?path=0/r/artifacts/a/").json["files"][0]["path"] == "x"
    for root in (API, f"{API}?path=", f"{API}?other=1"):
        assert ask("GET", root).json == {"files": [{"path": "0", "is_dir": True}]}
    for nothing in ("0/r/artifacts/b.txt", "0/none", "7", "0/r/artifacts/b.txt/below"):
        found = ask("GET", f"{API}?path={nothing}")
        assert (found.status, found.json) == (200, {}), nothing


def test_a_listing_has_what_a_client_can_ask_for(ask, top):
    folder = top / "0"
    folder.mkdir(parents=True)
    for name in ("good", ".hidden", ".f.txt.12.part", "has\nnewline", "has#hash", "back\\slash", "data.part"):
        (folder / name).write_text("1")
    (folder / os.fsdecode(b"\xff\xfe")).write_text("1")
    os.mkfifo(folder / "pipe")
    (folder / "broken").symlink_to("nowhere")
    assert [item["path"] for item in ask("GET", f"{API}?path=0").json["files"]] == [".hidden", "data.part", "good"]


def test_delete(ask, top):
    for name in ("a/b/c.txt", "a/d.txt", "e.txt"):
        ask("PUT", f"{API}/0/r/artifacts/{name}", b"1")
    (top / "0/r/artifacts/a/b/.x.part").write_text("left over")
    for path, left in [
        ("0/r/artifacts/e.txt", ["a", "a/b", "a/b/.x.part", "a/b/c.txt", "a/d.txt"]),
        ("0/r/artifacts/none", ["a", "a/b", "a/b/.x.part", "a/b/c.txt", "a/d.txt"]),
        ("0/r/artifacts/a/d.txt/below", ["a", "a/b", "a/b/.x.part", "a/b/c.txt", "a/d.txt"]),
        ("0/r/artifacts/a", []),
    ]:
        found = ask("DELETE", f"{API}/{path}")
        assert (found.status, found.json) == (200, {})
        assert files(top / "0/r/artifacts") == left
    assert ask("DELETE", f"{API}/0/r/artifacts/").json == {}
    assert files(top) == ["0", "0/r"]
    assert ask("DELETE", f"{API}/").status == 400
    assert top.exists()


@pytest.mark.parametrize("root", ["/api", "/ajax-api"])
def test_downloads_in_parts_are_refused_in_the_words_that_clients_look_for(ask, root):
    found = ask("GET", f"{root}/2.0/mlflow-artifacts/presigned/0/r/f")
    assert (found.status, found.code) == (501, "NOT_IMPLEMENTED")
    assert found.json["message"] == "Multipart download is not supported for the current artifact repository"


# ── by run ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("root", ["/api", "/ajax-api"])
def test_list_of_a_run(ask, run, root):
    uri = f"mlflow-artifacts:/0/{run}/artifacts"
    assert ask("GET", f"{root}/2.0/mlflow/artifacts/list?run_id={run}").json == {"root_uri": uri}
    ask("PUT", f"{API}/0/{run}/artifacts/dd/x%20y.json", b"{}")
    listed = ask("GET", f"{root}/2.0/mlflow/artifacts/list?run_uuid={run}&path=dd")
    assert listed.json == {"root_uri": uri, "files": [{"path": "dd/x y.json", "is_dir": False, "file_size": 2}]}
    assert ask("GET", f"{root}/2.0/mlflow/artifacts/list").status == 400
    assert ask("GET", f"{root}/2.0/mlflow/artifacts/list?run_id={'0' * 32}").code == "RESOURCE_DOES_NOT_EXIST"


def test_get_artifact(ask, run):
    ask("PUT", f"{API}/0/{run}/artifacts/dd/x%20y.json", b"{}")
    for path in ("/get-artifact", "/ajax-api/2.0/mlflow/get-artifact"):
        for key in ("run_id", "run_uuid"):
            assert ask("GET", f"{path}?{key}={run}&path=dd/x+y.json").body == b"{}"
        assert ask("HEAD", f"{path}?run_id={run}&path=dd/x%20y.json").headers["content-length"] == "2"
        for query, status in [
            (f"run_id={run}", 400),
            (f"run_id={run}&path=", 400),
            (f"run_id={run}&path=dd", 400),
            ("path=dd/x", 400),
            (f"run_id={run}&path=none", 404),
            (f"run_id={'0' * 32}&path=dd/x", 404),
            (f"run_id={quote('../../x')}&path=dd/x", 404),
            (f"run_id={run}&path=%ff", 400),
            ("&".join(f"k{index}=1" for index in range(200)), 400),
        ]:
            assert ask("GET", f"{path}?{query}").status == status, query


def test_upload_to_a_run(ask, run, top):
    upload = "/ajax-api/2.0/mlflow/upload-artifact"
    done = ask("POST", f"{upload}?run_uuid={run}&path=charts/x.json", b"{}")
    assert (done.status, done.body) == (200, b"")
    assert (top / "0" / run / "artifacts/charts/x.json").read_bytes() == b"{}"
    assert ask("POST", f"{upload}?run_uuid={run}&path=most.bin", b"x" * (10 * MIB)).status == 200
    for query, body, message in [
        (f"run_uuid={run}&path=e.bin", b"", "Request must specify data."),
        ("path=e.bin", b"x", "Request must specify run_uuid."),
        (f"run_uuid={run}", b"x", "Request must specify path."),
        (f"run_uuid={run}&path=e.bin", b"x" * (10 * MIB + 1), "Artifact size is too large. Max size is 10MB."),
        (f"run_uuid={run}&path=e.bin", iter([b"x" * MIB] * 11), "Artifact size is too large. Max size is 10MB."),
    ]:
        found = ask("POST", f"{upload}?{query}", body)
        assert (found.status, found.code, found.json["message"]) == (400, "INVALID_PARAMETER_VALUE", message)
    assert files(top / "0" / run / "artifacts") == ["charts", "charts/x.json", "most.bin"]


@pytest.mark.parametrize(
    "place_in_store", ["mlflow-artifacts:/custom/place", "mlflow-artifacts:///custom/place", "{store}/artifacts/custom/place"]
)
def test_an_experiment_of_another_name_in_the_store(ask, store, place_in_store, top):
    number = store.create_experiment("x", artifact_location=place_in_store.format(store=store.folder))
    run_id = store.create_run(number).info.run_id
    assert ask("PUT", f"{API}/custom/place/{run_id}/artifacts/f", b"1").status == 200
    assert ask("GET", f"/get-artifact?run_id={run_id}&path=f").body == b"1"


def test_artifacts_elsewhere_are_served_only_if_the_folder_is_named(store, place):
    (place / "data").mkdir()
    (place / "outside").mkdir()
    (place / "data" / "link").symlink_to(place / "outside")
    locations = [
        f"{place}/data",
        f"file://{quote(str(place / 'data'))}",
        f"{place}/data/link",
        f"{place}/outside",
        f"{place}/data/../outside",
    ]
    runs = []
    for index, location in enumerate(locations):
        run_id = store.create_run(store.create_experiment(str(index), artifact_location=location)).info.run_id
        for folder in ("data", "outside"):
            (place / folder / run_id / "artifacts").mkdir(parents=True)
            (place / folder / run_id / "artifacts/f").write_text(folder)
        runs.append(run_id)
    with served(store) as ask:
        assert [ask("GET", f"/get-artifact?run_id={run_id}&path=f").status for run_id in runs] == [400] * 5
        assert ask("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={runs[0]}&path=g", b"x").status == 400
    with served(store, folders=[str(place / "data")]) as ask:
        found = [ask("GET", f"/get-artifact?run_id={run_id}&path=f") for run_id in runs]
        assert [item.status for item in found] == [200, 200, 400, 400, 400]
        assert found[0].body == found[1].body == b"data"


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc?",
        "file:///etc?x=y",
        "/etc/..",
        "file:///../etc",
        "mlflow-artifacts://host/x",
        "mlflow-artifacts:/../..",
        "s3://b/x",
        "http://127.0.0.1:1/x",
    ],
)
def test_an_artifact_location_gets_nothing_out_of_its_place(store, location):
    number = store.create_experiment("x", artifact_location=location)
    run_id = store.create_run(number).info.run_id
    with served(store) as ask:
        for method, path in [
            ("GET", f"/get-artifact?run_id={run_id}&path=hostname"),
            ("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run_id}"),
            ("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=hostname"),
        ]:
            found = ask(method, path, b"x" if method == "POST" else None)
            assert (found.status, found.code) == (400, "INVALID_PARAMETER_VALUE")


# ── the seam to the app ──────────────────────────────────────────────────────────────────────────────────────────────


def test_routes(store, ask):
    rows = list(artifacts.ArtifactProxy(store).routes())
    assert len(rows) == len(set(rows)) == 30
    for method, path in rows:
        assert ask(method, path).status != 404 or "artifacts/list" in path or "mpu/part" in path or "logged-models" in path, (method, path)
        assert ARTIFACTS.match(path) or ARTIFACTS.match(f"{path}m-1/artifacts/files"), "the app would not hand it over"
    assert ask("GET", "/api/2.0/mlflow-artifacts/none").code == "ENDPOINT_NOT_FOUND"
    assert ask("DELETE", API).status == ask("POST", f"{API}/0/f").status == 405
    assert ask("DELETE", API).headers["allow"] == "GET"


def test_a_store_that_fails_does_not_tell_where_it_is(ask, store, run, monkeypatch):
    from mlctl.errors import StoreError

    def fail(_):
        raise StoreError(f"The store {store.path} is broken.")

    monkeypatch.setattr(store, "get_run", fail)
    found = ask("GET", f"/get-artifact?run_id={run}&path=f")
    assert (found.status, found.code) == (503, "TEMPORARILY_UNAVAILABLE")
    assert store.folder not in found.json["message"]


def test_no_permission(ask, top):
    if os.geteuid() == 0:
        pytest.skip("needs a user who is not root")
    ask("PUT", f"{API}/0/f", b"1")
    (top / "0").chmod(0)
    for method in ("GET", "PUT", "DELETE"):
        assert ask(method, f"{API}/0/f", b"x" if method == "PUT" else None).status == 403
    (top / "0").chmod(0o700)
