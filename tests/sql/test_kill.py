"""kill -9 at any moment: what was acknowledged is there afterwards, calls are whole, and the store opens."""

import contextlib
import json
import sqlite3
import subprocess
import sys

from mlctl.sql.sqlite import SqliteStore

LOGGERS, ROUNDS = 4, 75

STORM = """
import json, os, random, signal, sys, time
from mlctl.tracking.entities import Metric, Param, RunTag
from mlctl.sql.sqlite import SqliteStore

path, run_id, loggers, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
dice = random.Random(9)

def log(pipe, name):
    store = SqliteStore(path)
    calls = 0
    while True:
        calls += 1
        number = f"{name}-{calls}"
        points = [Metric(f"m{name}", float(calls), calls, step) for step in range(calls % 3 + 1)]
        store.log_batch(run_id, metrics=points, params=[Param(f"p{number}", number)], tags=[RunTag(f"t{name}", str(calls))])
        os.write(pipe, json.dumps(["batch", name, calls]).encode() + b"\\n")
        if calls % 7 == 0:
            made = store.create_run("0", run_name=number, params=[Param("made", number)]).info.run_id
            os.write(pipe, json.dumps(["run", number, made]).encode() + b"\\n")
            store.finish_run(made, status="FINISHED", end_time=calls, tags=[RunTag("ended", number)])
            store.update_run(made, status="FAILED", end_time=calls)
            os.write(pipe, json.dumps(["end", number, made]).encode() + b"\\n")

def born(name):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.closerange(3, writing)  # the others' pipes: whoever writes to one must see its reader go
        try:
            log(writing, name)
        finally:
            os._exit(1)
    os.close(writing)
    return pid, reading

for round_ in range(rounds):
    alive = [born(f"{round_}.{index}") for index in range(loggers)]
    for index, (pid, reading) in enumerate(alive):
        said = os.fdopen(reading)
        if index % 4:  # the others are killed wherever they are, maybe while they open the store
            sys.stdout.write(said.readline())
        time.sleep(dice.random() * 0.03)
        os.kill(pid, signal.SIGKILL)
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
        sys.stdout.writelines(line for line in said if line.endswith("\\n"))
        said.close()
"""


def test_300_loggers_are_killed(place):
    path = str(place / "mlruns" / "mlctl.db")
    with contextlib.closing(SqliteStore(path)) as store:
        run_id = store.create_run("0").info.run_id
    command = [sys.executable, "-c", STORM, path, run_id, str(LOGGERS), str(ROUNDS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    acknowledged = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(acknowledged) > 300

    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with contextlib.closing(SqliteStore(path)) as store:
        everything_is_there(store, run_id, acknowledged)
        calls_are_whole(store, run_id, {name for kind, name, _ in acknowledged if kind == "batch"})


def everything_is_there(store, run_id, acknowledged):
    data = store.get_run(run_id).data
    for kind, name, what in acknowledged:
        if kind == "batch":
            assert data.params[f"p{name}-{what}"] == f"{name}-{what}"
            assert int(data.tags[f"t{name}"]) >= what
            assert data.metrics[f"m{name}"] >= 1
        else:
            run = store.get_run(what)
            assert run.data.params == {"made": name}
            assert kind == "run" or (run.info.status, run.data.tags["ended"]) == ("FAILED", name)


def calls_are_whole(store, run_id, names):
    """Of each logger, all calls up to its last one are there with everything that they logged, and nothing of a later one."""
    data = store.get_run(run_id).data
    for name in names:
        last = int(data.tags[f"t{name}"])
        assert f"p{name}-{last}" in data.params
        assert f"p{name}-{last + 1}" not in data.params
        found = [(point.timestamp, point.step) for point in store.metric_history(run_id, f"m{name}")]
        assert found == [(call, step) for call in range(1, last + 1) for step in range(call % 3 + 1)]
