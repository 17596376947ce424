"""Many processes on one store, and processes that die."""

import contextlib
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from mlctl.sql.sqlite import SqliteStore
from mlctl.tracking.entities import Metric, Param

WRITER = """
import sys, time
from mlctl.tracking.entities import Metric, Param
from mlctl.sql.sqlite import SqliteStore

path, start, number, count = sys.argv[1], float(sys.argv[2]), sys.argv[3], int(sys.argv[4])
while time.time() < start:
    pass
store = SqliteStore(path)
run_id = store.create_run("0", run_name=number, params=[Param("writer", number)]).info.run_id
for step in range(count):
    store.log_batch(run_id, metrics=[Metric("loss", float(step), step, step)])
store.update_run(run_id, status="FINISHED", end_time=1)
store.close()
"""

LOGGER = """
import os, sys
from mlctl.tracking.entities import Metric
from mlctl.sql.sqlite import SqliteStore

store = SqliteStore(sys.argv[1])
run_id, step = sys.argv[2], int(sys.argv[3])
while True:
    store.log_batch(run_id, metrics=[Metric("loss", float(step), step, step)] + [Metric(f"m{step % 50}", 1.0, step)] * (step % 3))
    os.write(1, b"%d\\n" % step)
    step += 1
"""

INTERRUPTED = """
import os, signal, sys
from mlctl.tracking.entities import Metric
from mlctl.sql.sqlite import SqliteStore

store = SqliteStore(sys.argv[1])
run_id, step, interrupts, inside = sys.argv[2], 0, 0, False

def interrupt(*_):
    global interrupts
    if inside:
        interrupts += 1
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
os.write(1, b"ready\\n")
while interrupts < int(sys.argv[3]):
    step += 1
    try:
        try:
            inside = True
            store.log_batch(run_id, metrics=[Metric("loss", float(step), step, step)])
            os.write(1, b"%d\\n" % step)
        finally:
            inside = False
    except KeyboardInterrupt:
        inside = False
store.finish_run(run_id, status="KILLED", end_time=1)
os.write(1, b"end\\n")
store.close()
"""


@pytest.fixture
def path(place):
    return str(place / "mlruns" / "mlctl.db")


def logged_steps(path, run_id):
    with contextlib.closing(SqliteStore(path)) as store:
        return {point.step for point in store.metric_history(run_id, "loss")}


def is_whole(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_32_processes_open_a_new_store_and_write_at_once(path):
    start = str(time.time() + 2)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, start, str(number), "100"], stderr=subprocess.PIPE, text=True)
        for number in range(32)
    ]
    ends = [(writer.communicate(timeout=120)[1], writer.returncode) for writer in writers]
    assert ends == [("", 0)] * 32
    with contextlib.closing(SqliteStore(path)) as store:
        runs = store.search_runs(["0"])
        assert sorted(int(run.info.run_name) for run in runs) == list(range(32))
        assert {run.info.status for run in runs} == {"FINISHED"}
        assert all(run.data.params == {"writer": run.info.run_name} for run in runs)
        assert all([point.step for point in store.metric_history(run.info.run_id, "loss")] == list(range(100)) for run in runs)
    assert is_whole(path)
    leftover = [name for name in os.listdir(os.path.dirname(path)) if ".new" in name]  # noqa: PTH120, PTH208
    assert leftover == []


def test_what_was_acknowledged_survives_kill_9(path):
    dice = random.Random(5)
    with contextlib.closing(SqliteStore(path)) as store:
        run_id = store.create_run("0").info.run_id
    acknowledged: set[int] = set()
    for attempt in range(20):
        command = [sys.executable, "-c", LOGGER, path, run_id, str(attempt * 1_000_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as logger:
            assert logger.stdout
            acknowledged.add(int(logger.stdout.readline()))
            time.sleep(dice.random() * 0.15)
            logger.send_signal(signal.SIGKILL)
            acknowledged |= {int(line) for line in logger.stdout if line.endswith(b"\n")}
        assert is_whole(path)
    found = logged_steps(path, run_id)
    assert len(acknowledged) > 100
    assert acknowledged <= found
    assert len(found - acknowledged) <= 20, "at most one unacknowledged call a process"


def test_a_storm_of_interrupts(path):
    with contextlib.closing(SqliteStore(path)) as store:
        run_id = store.create_run("0").info.run_id
    interrupts = 150
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED, path, run_id, str(interrupts)], stdout=subprocess.PIPE) as logger:
        assert logger.stdout
        assert logger.stdout.readline() == b"ready\n"
        dice = random.Random(6)
        lines = []
        os.set_blocking(logger.stdout.fileno(), False)
        deadline = time.monotonic() + 60
        while b"end\n" not in b"".join(lines)[-10:] and logger.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002 + dice.random() * 0.003)
            lines.append(logger.stdout.read() or b"")
            logger.send_signal(signal.SIGINT)
        logger.kill()
        os.set_blocking(logger.stdout.fileno(), True)
        lines.append(logger.stdout.read())
    said = b"".join(lines).splitlines(keepends=True)
    acknowledged = {int(line) for line in said if line[:-1].isdigit() and line.endswith(b"\n")}
    with contextlib.closing(SqliteStore(path)) as store:
        run = store.get_run(run_id)
    assert run.info.status == "KILLED"
    assert len(acknowledged) > 100
    assert acknowledged <= logged_steps(path, run_id)


def test_ctrl_c_while_another_process_writes(path):
    with contextlib.closing(SqliteStore(path)) as store:
        run_id = store.create_run("0").info.run_id
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        command = [sys.executable, "-c", LOGGER.replace("while True", "os.write(1, b'ready\\n')\nwhile True"), path, run_id, "1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as logger:
            assert logger.stdout.readline() == b"ready\n"
            time.sleep(0.3)
            logger.send_signal(signal.SIGINT)
            said = logger.communicate(timeout=30)[1]  # half of what it would wait for
    assert b"KeyboardInterrupt" in said
    assert logged_steps(path, run_id) == set()


def _work(arguments):
    store, run_id, number = arguments
    for step in range(20):
        store.log_batch(run_id, metrics=[Metric(f"worker{number}", float(step), step, step)])
    return number


def test_a_pool_of_forked_workers(path):
    """As joblib, multiprocessing and data loaders make them, with the parent logging too."""
    with contextlib.closing(SqliteStore(path)) as store:
        run_id = store.create_run("0", params=[Param("p", "1")]).info.run_id
        global _shared  # noqa: PLW0603 -- how a forked worker gets what cannot be pickled
        _shared = store
        with multiprocessing.get_context("fork").Pool(4) as pool:
            pending = pool.map_async(_work_shared, [(run_id, number) for number in range(8)])
            for step in range(50):
                store.log_batch(run_id, metrics=[Metric("parent", float(step), step, step)])
            assert sorted(pending.get(60)) == list(range(8))
        assert len(store.metric_history(run_id, "parent")) == 50
        assert [len(store.metric_history(run_id, f"worker{number}")) for number in range(8)] == [20] * 8
    assert is_whole(path)


_shared: SqliteStore | None = None


def _work_shared(arguments):
    return _work((_shared, *arguments))
