"""Zip files as projects: from a path or a web server, unpacked once, and never out of their folder."""

import base64
import json
import os
import stat
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from git_places import MLPROJECT, Fetch, commit, new_repository

FILES = {"MLproject": MLPROJECT, "train.py": "print(1)\n", "sub/dir/MLproject": MLPROJECT, "run.sh": "echo 1\n"}


@pytest.fixture
def fetch(tmp_path):
    return Fetch(tmp_path / "cache")


def zipped(path, files=None, *, top="", links=None, entries=()):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (FILES if files is None else files).items():
            info = zipfile.ZipInfo(top + name)
            info.external_attr = (stat.S_IFREG | (0o755 if name.endswith(".sh") else 0o640)) << 16
            archive.writestr(info, text, zipfile.ZIP_DEFLATED)
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(top + name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
        for info in entries:
            archive.writestr(info, "")
    return path


def nothing_kept(fetch):
    return [path for path in fetch.cache.rglob("*") if path.name != "zips"] == []


@pytest.mark.parametrize("form", ["{}", "file://{}", "file:{}"])
def test_a_file_of_this_machine(place, fetch, form):
    path = zipped(place / "project.zip")
    found = fetch(form.format(path))
    assert {str(file.relative_to(found.folder)) for file in found.folder.rglob("*") if file.is_file()} == set(FILES)
    assert os.access(found.folder / "run.sh", os.X_OK)
    assert not os.access(found.folder / "train.py", os.X_OK) or os.geteuid() == 0
    assert (found.commit, found.in_place, found.uri) == (None, False, f"file://{place}/project.zip")
    inside = fetch(f"{form.format(path)}#sub/dir")
    assert inside.folder == found.folder / "sub" / "dir"
    assert inside.uri == f"{found.uri}#sub/dir"
    assert "Folders with an MLproject file: ., sub/dir" in fetch.refusal(f"{path}#absent")


def test_unpacked_once_for_each_content(place, fetch):
    first = fetch(zipped(place / "a.zip"))
    assert fetch(zipped(place / "b.zip")).folder == first.folder
    assert fetch(zipped(place / "a.zip", {**FILES, "train.py": "print(2)\n"})).folder != first.folder
    (first.folder / "result.csv").write_text("")  # what a run adds is no change
    assert fetch(place / "b.zip").folder == first.folder
    (first.folder / "train.py").write_text("print(3)\n")
    again = fetch(place / "b.zip")
    assert again.folder != first.folder
    assert (again.folder / "train.py").read_text() == "print(1)\n"
    assert (first.folder / "train.py").read_text() == "print(3)\n"


def test_many_at_once(place, fetch, monkeypatch):
    path = zipped(place / "x.zip", {f"file {number}": "x" * number for number in range(300)})
    with ThreadPoolExecutor(8) as pool:
        found = {source.folder for source in pool.map(fetch, [path] * 16)}
    assert len(found) == 1
    assert fetch(path).folder in found
    left = fetch.cache / "zips" / ".half-of-yesterday"
    left.mkdir()
    os.utime(left, (1, 1))
    fetch(path)
    assert sorted(entry.name for entry in (fetch.cache / "zips").iterdir()) == [found.pop().parent.name]


def test_a_single_folder_is_the_project(place, fetch):
    found = fetch(zipped(place / "x.zip", top="repo-main/", links={"link.py": "train.py"}))
    assert (found.folder.name, (found.folder / "link.py").read_text()) == ("repo-main", "print(1)\n")


@pytest.mark.parametrize("name", ["../out.py", "a/../../out.py", "/tmp/out.py", "..\\out.py", "C:\\out.py", "\\\\host\\out", ".."])
def test_names_that_lead_out(place, fetch, name):
    info = zipfile.ZipInfo("x")
    info.filename = name
    path = zipped(place / "x.zip", entries=[info])
    assert "leads out of the archive" in fetch.refusal(path)
    assert nothing_kept(fetch)


@pytest.mark.parametrize(
    "links",
    [
        {"out": "/etc"},
        {"out": "../../.."},
        {"sub/out": "../../x"},
        {"here": ".", "out": "here/../../x"},
        {"a": "sub", "a/b": "train.py"},
        {"a": "b", "b": "../x"},
        {"out": "x" * 5000},
    ],
)
def test_links_that_lead_out(place, fetch, links):
    assert "is a link that leads out" in fetch.refusal(zipped(place / "x.zip", links=links))
    assert nothing_kept(fetch)


def test_no_file_is_written_through_a_link(place, fetch):
    path = zipped(place / "x.zip", {"a/b.py": "x"}, links={"a": "/tmp"})
    assert "x.zip" in fetch.refusal(path)
    assert nothing_kept(fetch)


def test_other_kinds_of_files(place, fetch):
    info = zipfile.ZipInfo("pipe")
    info.external_attr = (stat.S_IFIFO | 0o644) << 16
    assert "neither a file nor a folder nor a link" in fetch.refusal(zipped(place / "x.zip", entries=[info]))


def test_a_bomb(place, fetch, monkeypatch):
    path = zipped(place / "x.zip", {"zeros": "0" * 20_000_000})
    assert path.stat().st_size < 100_000
    monkeypatch.setenv("MLCTL_ZIP_MAX_BYTES", "10000000")
    assert "more than mlctl unpacks" in fetch.refusal(path)
    assert nothing_kept(fetch)


def test_a_file_that_lies_about_its_size(place, fetch, monkeypatch):
    path = zipped(place / "x.zip", {"zeros": "0" * 3_000_000})
    data = path.read_bytes()
    small, large = (1000).to_bytes(4, "little"), (3_000_000).to_bytes(4, "little")
    assert data.count(large) == 2
    path.write_bytes(data.replace(large, small))
    fetch.refusal(path)
    assert nothing_kept(fetch)


@pytest.mark.parametrize("damage", [lambda data: data[:200], lambda data: b"", lambda data: data[:60] + b"XXXX" + data[64:]])
def test_a_damaged_file(place, fetch, damage):
    path = zipped(place / "x.zip")
    path.write_bytes(damage(path.read_bytes()))
    assert "cannot be unpacked" in fetch.refusal(path)
    assert nothing_kept(fetch)


def test_no_versions(place, fetch):
    assert "has no version 'v1'" in fetch.refusal(zipped(place / "x.zip"), "v1")


def test_run(mlctl, place, monkeypatch):
    new_repository(place / "repository")
    commit(place / "repository", other="1")
    monkeypatch.setenv("MLCTL_CACHE_DIR", str(place / "repository" / "cache"))
    found = mlctl.json("run", zipped(place / "x.zip", {**FILES, "train.py": "import os; print(os.path.abspath('.'))"}))["data"]
    (run,) = mlctl.runs()
    tags = run["data"]["tags"]
    assert tags["mlflow.source.name"] == f"file://{place}/x.zip"
    assert len(tags["mlctl.source.sha256"]) == 64
    assert "mlflow.source.git.commit" not in tags  # the cache may lie in some repository; the project does not come from there
    assert Path(mlctl("runs", "logs", found["run_id"], check=0).stdout.strip()).parents[1].name == "zips"


# ── from a web server ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def served(tmp_path):
    """A web server of files, and the logins that it was told; ``/away/…`` sends to another name of this machine."""
    root = tmp_path / "served"
    root.mkdir()
    seen = []

    class Files(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers.get("Host"), self.headers.get("Authorization")))
            path = root / self.path.partition("?")[0].lstrip("/")
            if self.path.startswith("/away/"):
                self.send_response(302)
                self.send_header("Location", f"http://localhost:{self.server.server_address[1]}/{path.name}")
                self.end_headers()
                return
            data = path.read_bytes() if path.is_file() else b""
            self.send_response(200 if data else 404)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield root, f"127.0.0.1:{server.server_address[1]}", seen
    server.shutdown()
    server.server_close()
    thread.join()


def test_from_a_server(served, fetch, place):
    root, host, _ = served
    zipped(root / "p.zip", top="repo-1.0/")
    found = fetch(f"http://{host}/p.zip?token=hunter2#sub/dir")
    assert found.folder.parts[-3:] == ("repo-1.0", "sub", "dir")
    assert found.uri == f"http://{host}/p.zip#sub/dir"
    assert fetch(f"http://{host}/p.zip").folder == found.folder.parents[1]
    assert "hunter2" not in repr(found) + "".join(fetch.told)
    assert [path.name for path in (fetch.cache / "zips").iterdir() if path.name.startswith(".half-")] == []
    assert "404" in fetch.refusal(f"http://{host}/absent.zip")


def test_a_login_goes_to_its_host_alone(served, fetch):
    root, host, seen = served
    zipped(root / "p.zip")
    found = fetch(f"http://me:hun%40ter2@{host}/away/p.zip")
    assert found.uri == f"http://{host}/away/p.zip"
    first, second = seen
    assert base64.b64decode(first[2].partition(" ")[2]).decode() == "me:hun@ter2"
    assert second[2] is None
    assert "hun" not in json.dumps([str(path) for path in fetch.cache.rglob("*")]) + "".join(fetch.told)


def test_a_download_without_end(served, fetch, monkeypatch):
    root, host, _ = served
    (root / "p.zip").write_bytes(os.urandom(3 << 20))
    monkeypatch.setenv("MLCTL_ZIP_MAX_BYTES", "1000000")
    assert "larger than 1000000 bytes" in fetch.refusal(f"http://{host}/p.zip")
    assert nothing_kept(fetch)
