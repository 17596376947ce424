"""`mlctl server` as a process: what it says, its log, how it ends; and how its log of writes gets into the database."""

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import pytest

from mlctl.server.commits import Commits
from mlctl.server.upkeep import EVERY_CHANGES, Upkeep
from mlctl.sql import runs as sql_runs
from mlctl.sql.sqlite import SqliteStore
from mlctl.tracking.entities import Metric

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def served(mlctl, place):
    """A function that starts the server on a free port; gives the process and its port."""
    started = []

    def start(*options):
        process = mlctl.start("server", "--port", "0", *options, cwd=place)
        started.append(process)
        line = process.stderr.readline()
        return process, int(re.search(r"http://127\.0\.0\.1:(\d+)", line)[1])

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body=body and json.dumps(body), headers=JSON if body else {})
        found = connection.getresponse()
        return found.status, found.read()
    finally:
        connection.close()


def test_the_access_log_and_the_end(served):
    process, port = served()
    assert ask(port, "GET", "/health") == (200, b"OK")
    assert ask(port, "GET", "/api/2.0/mlflow/runs/get?run_id=none")[0] == 404
    assert ask(port, "POST", "/api/2.0/mlflow/experiments/create", {"name": "x"})[0] == 200
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    entries = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    assert [(entry["method"], entry["path"], entry["status"]) for entry in entries] == [
        ("GET", "/health", 200),
        ("GET", "/api/2.0/mlflow/runs/get", 404),
        ("POST", "/api/2.0/mlflow/experiments/create", 200),
    ]
    assert all(abs(entry["time"] - time.time()) < 60 for entry in entries)


def test_without_a_log(served):
    process, port = served("--no-access-log")
    ask(port, "GET", "/health")
    process.send_signal(signal.SIGINT)
    assert not [line for line in process.communicate(timeout=20)[1].splitlines() if line.startswith("{")]


COLLECTING = """
import gc
from mlctl.server import serving

gc.disable()  # as the command line does
serving.serve_store(serving.listen("127.0.0.1", 0), None, on_ready=lambda uri: print(gc.isenabled(), flush=True))
"""


def test_a_server_collects_its_garbage(place):
    with subprocess.Popen([sys.executable, "-c", COLLECTING], cwd=place, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "True\n"
        process.terminate()


def test_an_open_request_is_finished(served):
    process, port = served()
    body = json.dumps({"name": "late"}).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        head = "POST /api/2.0/mlflow/experiments/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}"
        link.sendall(head.encode() + b"\r\n\r\n" + body[:5])
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        link.sendall(body[5:])
        assert b"experiment_id" in link.makefile("rb").read()
    process.communicate(timeout=20)


def in_the_database(path):
    """Points in the database file alone, without its log."""
    with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as connection:
        found = connection.execute("SELECT count(*) FROM metrics").fetchone()[0]
    connection.close()
    return found


def test_the_log_is_copied_beside_the_writes(tmp_path):
    path = tmp_path / "mlctl.db"
    store = SqliteStore(str(path))
    run = store.create_run("0").info.run_id

    def points(start):
        logged = sql_runs.batch(metrics=[Metric(f"m{index % 7}", 1.0, start + index, start) for index in range(1000)])

        def work(db):
            sql_runs.log(db, run, logged)
            return b""

        return work

    async def write():
        commits = Commits(store, upkeep=Upkeep(store))
        for index in range(EVERY_CHANGES // 1000 + 2):
            await commits.run(points(1000 * index))
        while commits._checkpoint:
            await asyncio.sleep(0.01)
        copied = in_the_database(path)
        assert await asyncio.gather(*[commits.run(points(10_000 + 1000 * index)) for index in range(3)]) == [b""] * 3
        return copied

    try:
        assert asyncio.run(write()) >= EVERY_CHANGES
        assert len(store.metric_history(run, "m0")) > 0
    finally:
        store.close()


def test_with_a_token_it_may_listen_everywhere(served, mlctl, place, monkeypatch):
    assert "MLCTL_SERVER_TOKEN" in mlctl("server", "--host", "0.0.0.0", "--port", 0, check=2).stderr
    monkeypatch.setenv("MLCTL_SERVER_TOKEN", "no token")
    assert "no token has" in mlctl("server", "--port", 0, check=2).stderr
    monkeypatch.setenv("MLCTL_SERVER_TOKEN", "s3cret")
    process = mlctl.start("server", "--host", "0.0.0.0", "--port", "0", cwd=place)
    try:
        port = int(re.search(r"http://0\.0\.0\.0:(\d+)", process.stderr.readline())[1])
        assert ask(port, "GET", "/health")[0] == 200
        assert ask(port, "GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")[0] == 401
        monkeypatch.setenv("MLCTL_TRACKING_TOKEN", "s3cret")
        assert mlctl("experiments", "list", env={**os.environ, "MLCTL_TRACKING_URI": f"http://127.0.0.1:{port}"}, check=0)
    finally:
        process.kill()
        process.communicate()
