"""Workers of a script, however they were started, and scripts that end without a word: real processes, each."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlctl.tracking.client import MlflowClient

ROOT = Path(__file__).parents[2]

HEAD = """
import multiprocessing, os, sys, threading, time
import mlctl

def work(number):
    mlctl.log_metric(f"worker{number}", number)
    return os.getpid()

def own(number):
    with mlctl.start_run(run_name=f"own{number}"):
        mlctl.log_metric("m", number)

def child(number):
    with mlctl.start_run(run_name=f"child{number}", nested=True):
        mlctl.log_metric("m", number)

if __name__ == "__main__":
    assert mlctl.active_run() is None
"""


@pytest.fixture
def script(place):
    """Runs the body of a script; returns the client that sees what it logged."""

    def run(body, *, code=0, python=sys.executable, **options):
        (place / "script.py").write_text(HEAD + "\n".join(f"    {line}" for line in body.strip().splitlines()))
        done = subprocess.run(
            [python, "script.py"],
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
            cwd=place,
            stdin=subprocess.DEVNULL,
            **options,
        )
        assert done.returncode == code, done.stderr
        return MlflowClient(str(place))

    return run


@pytest.fixture
def place(place, monkeypatch):
    monkeypatch.setenv("MLCTL_TRACKING_URI", str(place))
    return place


def by_name(client):
    runs = client.search_runs(["0"], run_view_type=3)
    found = {run.info.run_name: run for run in runs}
    assert len(found) == len(runs)
    return found


STARTS = pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])


@STARTS
def test_workers_log_to_the_run_that_is_active(script, how):
    client = script(f"""
context = multiprocessing.get_context("{how}")
with mlctl.start_run(run_name="it"):
    processes = [context.Process(target=work, args=(number,)) for number in range(3)]
    [process.start() for process in processes]
    [process.join() for process in processes]
    assert mlctl.get_run(mlctl.active_run().info.run_id).info.status == "RUNNING"  # no worker's end has ended it
    mlctl.log_metric("after", 1)
""")
    (run,) = by_name(client).values()
    assert run.data.metrics == {"worker0": 0, "worker1": 1, "worker2": 2, "after": 1}
    assert run.info.status == "FINISHED"


@STARTS
def test_a_pool_outlives_runs(script, how):
    client = script(f"""
with multiprocessing.get_context("{how}").Pool(2) as pool:
    for name in "abc":
        with mlctl.start_run(run_name=name):
            pool.map(work, range(4))
""")
    runs = by_name(client)
    assert sorted(runs) == ["a", "b", "c"]
    assert all(len(run.data.metrics) == 4 and run.info.status == "FINISHED" for run in runs.values())


@STARTS
def test_runs_that_workers_start_are_their_own(script, how):
    client = script(f"""
context = multiprocessing.get_context("{how}")
with mlctl.start_run(run_name="parent"), context.Pool(1) as pool:
    pool.map(own, range(2))
    pool.map(child, range(2))
    pool.map(work, [7])
""")
    runs = by_name(client)
    assert sorted(runs) == ["child0", "child1", "own0", "own1", "parent"]
    parent = runs["parent"].info.run_id
    assert {name: run.data.tags.get("mlflow.parentRunId") for name, run in runs.items()} == {
        "parent": None, "own0": None, "own1": None, "child0": parent, "child1": parent,
    }  # fmt: skip
    assert runs["parent"].data.metrics == {"worker7": 7}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)", "sys.exit(1)", "raise ValueError"])
def test_a_forked_child_does_not_end_its_parents_run(script, end):
    client = script(f"""
with mlctl.start_run(run_name="it") as run:
    child = os.fork()
    if child == 0:
        assert mlctl.active_run().info.run_id == run.info.run_id
        mlctl.log_metric("child", 1)
        mlctl.end_run()
        {end}
    os.waitpid(child, 0)
    assert mlctl.get_run(run.info.run_id).info.status == "RUNNING"
""")
    (run,) = by_name(client).values()
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"child": 1})


def test_a_grandchild_by_fork(script):
    client = script("""
with mlctl.start_run(run_name="it") as run:
    if os.fork() == 0:
        if os.fork() == 0:
            mlctl.log_metric("grandchild", 1)
            os._exit(0)
        os.wait()
        os._exit(0)
    os.wait()
""")
    (run,) = by_name(client).values()
    assert run.data.metrics == {"grandchild": 1}


def test_a_workers_own_run_ends_with_the_worker(script):
    """Where nothing is active, a worker's first call starts a run, as in any process."""
    client = script("""
for how in ("fork", "spawn"):
    process = multiprocessing.get_context(how).Process(target=work, args=(1,))
    process.start()
    process.join()
""")
    runs = client.search_runs(["0"])
    assert [(run.data.metrics, run.info.status) for run in runs] == [({"worker1": 1}, "FINISHED")] * 2


def test_executors(script):
    client = script("""
from concurrent.futures import ProcessPoolExecutor
with ProcessPoolExecutor(2) as pool:
    for name in "ab":
        with mlctl.start_run(run_name=name):
            list(pool.map(work, range(3)))
""")
    assert {name: len(run.data.metrics) for name, run in by_name(client).items()} == {"a": 3, "b": 3}


@pytest.mark.engine("mlflow")
@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
def test_joblib(script, backend):
    client = script(
        f"""
from joblib import Parallel, delayed
for name in "ab":
    with mlctl.start_run(run_name=name) as run:
        if "{backend}" == "threading":
            Parallel(2, backend="{backend}")(delayed(mlctl.log_metric)(f"worker{{n}}", n, run_id=run.info.run_id) for n in range(4))
        else:
            Parallel(2, backend="{backend}")(delayed(work)(n) for n in range(4))
""",
        python=os.environ["MLCTL_MLFLOW"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert {name: len(run.data.metrics) for name, run in by_name(client).items()} == {"a": 4, "b": 4}


def test_threads_have_runs_of_their_own(script):
    """As in MLflow: a thread sees no active run of another; what it starts is over when the script is."""
    client = script("""
def in_thread():
    assert mlctl.active_run() is None
    mlctl.log_metric("thread", 1)
    assert mlctl.active_run() is not None

with mlctl.start_run(run_name="main") as run:
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    named = threading.Thread(target=mlctl.log_metric, args=("named", 2), kwargs={"run_id": run.info.run_id})
    named.start()
    named.join()
""")
    runs = client.search_runs(["0"])
    assert sorted(run.data.metrics.popitem() for run in runs) == [("named", 2), ("thread", 1)]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert not any("mlflow.parentRunId" in run.data.tags for run in runs)


def test_threads_log_to_one_run_without_loss(script):
    client = script("""
with mlctl.start_run(run_name="it") as run:
    def many(number):
        for step in range(200):
            mlctl.log_metric(f"m{number}", step, step=step, run_id=run.info.run_id)
    threads = [threading.Thread(target=many, args=(number,)) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
""")
    (run,) = by_name(client).values()
    for number in range(8):
        assert [point.value for point in client.get_metric_history(run.info.run_id, f"m{number}")] == list(range(200))


def test_two_processes_log_to_one_run(script, place):
    client = MlflowClient(str(place))
    run_id = client.create_run("0").info.run_id
    text = (
        "import mlctl, sys\n"
        f"with mlctl.start_run(run_id={run_id!r}):\n"
        "    for step in range(300): mlctl.log_metric(sys.argv[1], step, step=step)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", text, name]) for name in ("a", "b")]
    assert [process.wait(60) for process in processes] == [0, 0]
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert [len(client.get_metric_history(run_id, name)) for name in ("a", "b")] == [300, 300]


@pytest.fixture
def address(mlctl, place, monkeypatch):
    """The address of a server of ours, a process of its own."""
    process = mlctl.start("server", "--port", "0", "--no-access-log", "--backend-store-uri", str(place), stdout=subprocess.DEVNULL)
    found = re.search(r"http://[\d.:]+", process.stderr.readline())
    monkeypatch.setenv("MLCTL_TRACKING_URI", found[0])
    yield found[0]
    process.terminate()
    process.communicate(timeout=30)


@STARTS
def test_workers_log_to_the_run_through_a_server(address, script, how):
    client = script(f"""
with multiprocessing.get_context("{how}").Pool(1) as pool:
    for name in "ab":
        with mlctl.start_run(run_name=name):
            pool.map(work, range(2))
""")
    runs = by_name(client)
    assert {name: run.data.metrics for name, run in runs.items()} == {name: {"worker0": 0, "worker1": 1} for name in "ab"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


@pytest.mark.engine("mlflow")
@pytest.mark.timeout(300)
def test_forked_workers_through_a_server_of_mlflows(script, place, monkeypatch):
    """Such a server does not say whose a run is."""
    command = [
        os.environ["MLCTL_MLFLOW"],
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        f"sqlite:///{place.parent}/m.db",
        "--workers",
        "1",
    ]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLCTL_")}
    server = subprocess.Popen([*command, "--port", str(port)], cwd=place.parent, env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.2)
        monkeypatch.setenv("MLCTL_TRACKING_URI", f"http://127.0.0.1:{port}")
        script("""
with multiprocessing.get_context("fork").Pool(1) as early:
    early.map(len, "ab")
    with mlctl.start_run() as run, multiprocessing.get_context("fork").Pool(1) as pool:
        pool.map(work, range(2))
    assert mlctl.get_run(run.info.run_id).data.metrics == {"worker0": 0, "worker1": 1}
    assert mlctl.get_run(run.info.run_id).info.status == "FINISHED"
""")
    finally:
        server.terminate()
        server.wait()


# ── endings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("end", "code"), [("os._exit(3)", 3), ("os.kill(os.getpid(), 15)", -15), ("os.kill(os.getpid(), 9)", -9)])
def test_a_script_that_cannot_say_that_it_ends(script, mlctl, end, code):
    script(f"mlctl.log_metric('m', 1)\n{end}", code=code)
    (run,) = mlctl.runs()
    assert run["info"]["status"] == "FAILED"
    assert run["data"]["metrics"] == {"m": 1}
    assert "ended without saying so" in run["data"]["tags"]["mlctl.status.reason"]


def test_what_search_runs_says_is_true(script):
    client = script(
        """
if os.fork() == 0:
    mlctl.start_run(run_name="lost")
    os._exit(0)
os.wait()
assert [run.info.status for run in mlctl.search_runs(output_format="list")] == ["FAILED"]
"""
    )
    assert by_name(client)["lost"].info.status == "FAILED"


def test_a_script_can_be_stopped(script, mlctl, place):
    (place / "waits.py").write_text("import mlctl, time\nmlctl.start_run()\nprint('started', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen([sys.executable, "waits.py"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "started\n"
    mlctl("runs", "stop", "@last", check=0)
    assert process.wait(30) == -signal.SIGTERM
    process.stdout.close()
    (run,) = mlctl.runs()
    assert run["info"]["status"] == "KILLED"
    assert "runs stop" in run["data"]["tags"]["mlctl.status.reason"]


def test_a_run_that_goes_on_is_not_settled(script, mlctl, place):
    process = subprocess.Popen(
        [sys.executable, "-c", "import mlctl\nmlctl.start_run()\nprint('started', flush=True)\ninput()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "started\n"
    assert mlctl.runs()[0]["info"]["status"] == "RUNNING"
    process.communicate("\n", timeout=30)
    assert mlctl.runs()[0]["info"]["status"] == "FINISHED"


def test_open_runs_end_innermost_first(script):
    client = script("mlctl.start_run(run_name='a')\nmlctl.start_run(run_name='b', nested=True)\nraise ValueError", code=1)
    runs = by_name(client)
    assert {run.info.status for run in runs.values()} == {"FAILED"}
    assert runs["b"].info.end_time <= runs["a"].info.end_time


def test_a_parent_may_end_before_its_children(script):
    client = script("""
parent = mlctl.start_run(run_name="parent")
child = mlctl.start_run(run_name="child", nested=True)
mlctl.MlflowClient().set_terminated(parent.info.run_id)
mlctl.log_metric("m", 1)
assert mlctl.active_run().info.run_id == child.info.run_id
mlctl.end_run("KILLED")
mlctl.end_run()
assert mlctl.active_run() is None
""")
    assert {name: run.info.status for name, run in by_name(client).items()} == {"parent": "FINISHED", "child": "KILLED"}


# ── inside `mlctl run` ───────────────────────────────────────────────────────────────────────────────────────────────


@STARTS
def test_workers_of_a_project_log_to_its_run(mlctl, project, how):
    body = f"""
    context = multiprocessing.get_context("{how}")
    with mlctl.start_run():
        process = context.Process(target=work, args=(1,))
        process.start()
        process.join()
        mlctl.log_metric("after", 1)
        assert mlctl.get_run(mlctl.active_run().info.run_id).info.status == "RUNNING"
    process = context.Process(target=work, args=(2,))
    process.start()
    process.join()
"""
    mlctl("run", project("entry_points:\n  main:\n    command: python main.py\n", main__py=HEAD + body), check=0)
    (run,) = mlctl.runs()
    assert run["data"]["metrics"] == {"worker1": 1, "worker2": 2, "after": 1}
    assert run["info"]["status"] == "FINISHED"


def test_a_worker_may_take_up_the_projects_run(mlctl, project):
    """As scripts do that start one process per device: the run is joined by the first that starts one."""
    body = """
    process = multiprocessing.get_context("spawn").Process(target=own, args=(5,))
    process.start()
    process.join()
"""
    mlctl("run", project("entry_points:\n  main:\n    command: python main.py\n", main__py=HEAD + body), check=0)
    (run,) = mlctl.runs()
    assert (run["data"]["metrics"], run["info"]["status"], run["info"]["run_name"]) == ({"m": 5}, "FINISHED", "own5")


def test_what_a_script_starts_does_not_join_its_run_again(mlctl, project):
    body = """
    import subprocess
    with mlctl.start_run():
        subprocess.run([sys.executable, "-c", "import mlctl; mlctl.log_metric('other', 1)"], check=True)
        mlctl.log_metric("mine", 1)
"""
    mlctl("run", project("entry_points:\n  main:\n    command: python main.py\n", main__py=HEAD + body), check=0)
    assert [run["data"]["metrics"] for run in mlctl.runs("--order-by", "start_time ASC")] == [{"mine": 1}, {"other": 1}]


def test_entry_points_of_several_commands_share_the_run(mlctl, project):
    command = "python -c \"import mlctl; mlctl.log_metric('a', 1)\" && python -c \"import mlctl; mlctl.log_metric('b', 1)\""
    mlctl("run", project(f"entry_points:\n  main:\n    command: '{command.replace(chr(39), chr(39) * 2)}'\n"), check=0)
    (run,) = mlctl.runs()
    assert run["data"]["metrics"] == {"a": 1, "b": 1}
