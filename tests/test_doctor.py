"""``mlctl doctor``: what it finds on a machine where things are missing, broken or full."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from mlctl_server import Server


@pytest.fixture
def doctor(mlctl):
    def ask(*, code=0, **options):
        answer = mlctl.json("doctor", check=code, **options)
        assert answer["ok"] is (code == 0)
        return {(item["topic"], item["name"]): item for item in answer["data"]}

    return ask


def wrong(found):
    return {key for key, item in found.items() if item["status"] == "wrong"}


def program(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_nothing_is_wrong(doctor, mlctl, place):
    found = doctor()
    assert found["engine", "uv"]["status"] == "ok"
    assert found["engine", "git"]["found"][0].isdigit()
    assert ("python", ".".join(map(str, sys.version_info[:3]))) in found
    assert found["cache", "environments"]["found"].startswith(("0,", "1", "2", "3", "4", "5", "6", "7", "8", "9"))
    assert "none yet" in found["store", "address"]["found"]
    assert not (place / "mlruns").exists()
    mlctl("experiments", "create", "one", check=0)
    found = doctor()
    assert found["store", "database"]["found"].startswith("whole")
    assert all(item["fix"] for item in found.values() if item["status"] == "wrong")


def test_programs(doctor, place, monkeypatch):
    program(place / "bin", "git", "echo broken >&2; exit 1")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{place}/docker.sock")
    program(place / "bin", "nvidia-smi", "echo 'A100, 550.1'; echo 'A100, 550.1'")
    program(place / "bin", "conda", "echo conda 24.1.2")
    program(place / "bin", "Rscript", "echo 'Rscript (R) version 4.3.1 (2023-06-16)' >&2")
    monkeypatch.setenv("PATH", f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}")
    found = doctor(code=1)
    assert wrong(found) == {("engine", "git")}
    assert found["engine", "git"]["found"] == "does not answer: broken"
    assert found["engine", "docker"]["status"] == "note"
    assert "systemctl start docker" in found["engine", "docker"]["fix"]
    assert found["engine", "conda"]["found"] == "24.1.2"
    assert found["engine", "Rscript"]["found"] == "4.3.1"
    assert found["engine", "nvidia-smi"]["found"] == "A100, 550.1; A100, 550.1"


def test_without_uv(doctor, place, monkeypatch):
    monkeypatch.setenv("MLCTL_NO_UV", "1")
    found = doctor()
    assert found["engine", "uv"]["fix"] == "pip install uv"
    assert found["environment", "python_env"]["found"].endswith("filled by pip")
    assert found["environment", "uv.lock"]["status"] == "note"


def test_a_store_that_is_damaged(doctor, mlctl, place):
    for number in range(40):
        mlctl("experiments", "create", f"experiment {number}", check=0) if number < 2 else None
    path = place / "mlruns" / "mlctl.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(path.read_bytes())
    data[2048 * 3 :] = os.urandom(len(data) - 2048 * 3)
    path.write_bytes(data)
    found = doctor(code=1)
    assert wrong(found) <= {("store", "database"), ("store", "address")}
    assert wrong(found)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_text("no database at all, but long enough to be read as one" * 100), "not a whole SQLite database"),
        (lambda path: sqlite3.connect(path).execute("CREATE TABLE alembic_version (x)").connection.close(), "MLflow's own"),
    ],
)
def test_a_store_that_is_none(doctor, place, make, says):
    (place / "mlruns").mkdir()
    make(place / "mlruns" / "mlctl.db")
    found = doctor(code=1)
    assert wrong(found) == {("store", "address")}
    assert says in found["store", "address"]["found"]
    assert found["store", "address"]["fix"]


def test_a_server(doctor, place, tmp_path, monkeypatch):
    server = Server(tmp_path / "server")
    server.start()
    try:
        monkeypatch.setenv("MLCTL_TRACKING_URI", f"http://localhost:{server.port}")
        assert doctor()["store", "address"]["found"].endswith("answers")
    finally:
        server.stop()
    assert wrong(doctor(code=1)) == {("store", "address")}


def test_a_cache_that_is_a_file(doctor, place, monkeypatch):
    (place / "file").write_text("")
    monkeypatch.setenv("MLCTL_CACHE_DIR", str(place / "file"))
    found = doctor(code=1)
    assert ("cache", "folder") in wrong(found)
    assert "MLCTL_CACHE_DIR" in found["cache", "folder"]["fix"]


@pytest.mark.engine("tmpfs")
def test_a_full_disk(doctor, mlctl, tmp_path, monkeypatch):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], check=True)
    try:
        monkeypatch.chdir(small)
        monkeypatch.setenv("MLCTL_CACHE_DIR", str(small / "cache"))
        (small / "filler").write_bytes(bytes(3 << 19))
        assert wrong(doctor(code=1)) == {("cache", "free space"), ("store", "free space")}
    finally:
        monkeypatch.chdir(tmp_path)
        subprocess.run(["umount", str(small)], check=True)


def test_in_words(mlctl, place):
    text = mlctl("doctor", check=0).stdout
    assert "write-ahead" not in text  # there is no store yet
    assert json.loads(mlctl("doctor", "--output", "json").stdout)["command"] == "doctor"
    assert Path("mlruns").exists() is False
