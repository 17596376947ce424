"""How runs end: exit codes, signals, and what the store says afterwards. Real processes throughout."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.engine("linux")

SLEEPER = "import os, time\nopen('../pid', 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
GRACE = {"MLCTL_INTERRUPT_GRACE_S": "1", "MLCTL_TERMINATE_GRACE_S": "1"}


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch):
    for name, value in GRACE.items():
        monkeypatch.setenv(name, value)


def only_run(mlctl):
    (run,) = mlctl.runs()
    return run


@pytest.mark.parametrize("code", [0, 1, 3, 77, 255])
def test_exit_code_is_passed_through(mlctl, script, code):
    project = script(f"import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit({code})\n")
    done = mlctl("run", project, check=code)
    assert done.stdout == "out\n"
    assert "err\n" in done.stderr
    run = only_run(mlctl)
    assert run["info"]["status"] == ("FAILED" if code else "FINISHED")
    assert run["data"]["tags"]["mlctl.exit_code"] == str(code)
    assert run["info"]["end_time"] >= run["info"]["start_time"]


def test_exit_code_and_origin_in_json(mlctl, script):
    found = mlctl.json("run", script("print('hello')\nraise SystemExit(7)\n"), check=7)
    assert found["ok"] is False
    assert found["data"]["origin"] == "script"
    assert found["data"]["exit_code"] == 7
    assert found["data"]["status"] == "FAILED"


def test_script_output_leaves_json_alone(mlctl, script):
    done = mlctl("run", script("print('not json')\n"), "--output", "json", check=0)
    assert "not json" in done.stderr
    assert "not json" not in done.stdout


def test_a_command_that_cannot_be_found(mlctl, project):
    done = mlctl("run", project("entry_points:\n  main:\n    command: no-such-program-anywhere\n"), check=127)
    assert "no-such-program-anywhere" in done.stderr
    assert only_run(mlctl)["info"]["status"] == "FAILED"


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_end_the_run(mlctl, script, pids, alive, signum, code):
    process = mlctl.start("run", script(SLEEPER))
    pid = pids("pid")
    process.send_signal(signum)
    process.communicate(timeout=15)
    assert process.returncode == code
    assert not alive(pid)
    run = only_run(mlctl)
    assert run["info"]["status"] == "KILLED"
    assert run["data"]["tags"]["mlctl.status.reason"]


def test_a_script_that_swallows_ctrl_c_is_still_killed(mlctl, script, pids):
    text = "import os, sys, time\nopen('../pid', 'w').write(str(os.getpid()))\ntry:\n    time.sleep(60)\n"
    text += "except KeyboardInterrupt:\n    print('caught', flush=True)\n    sys.exit(0)\n"
    process = mlctl.start("run", script(text))
    pids("pid")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=15)
    assert "caught" in out
    assert process.returncode == 130
    assert only_run(mlctl)["info"]["status"] == "KILLED"


FORKER = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    open('../child', 'w').write(str(os.getpid()))
    time.sleep(60)
open('../pid', 'w').write(str(os.getpid()))
time.sleep(60)
"""


def test_a_script_that_forks_and_ignores_signals(mlctl, script, pids, alive):
    process = mlctl.start("run", script(FORKER))
    parent, child = pids("pid"), pids("child")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143
    assert not alive(parent)
    assert not alive(child)
    assert only_run(mlctl)["info"]["status"] == "KILLED"


def test_killing_mlctl_ends_the_job(mlctl, script, pids, alive, wait_for):
    process = mlctl.start("run", script(FORKER))
    parent, child = pids("pid"), pids("child")
    process.kill()
    process.communicate(timeout=15)
    wait_for(lambda: not alive(parent) and not alive(child), timeout_s=10, what="the job's end")
    run = only_run(mlctl)
    assert run["info"]["status"] == "FAILED"
    assert "killed" in run["data"]["tags"]["mlctl.status.reason"]


def test_killing_all_of_mlctl_is_noticed_at_the_next_look(mlctl, script, pids, alive, wait_for):
    process = mlctl.start("run", script(SLEEPER))
    pid = pids("pid")
    (worker,) = {int(item) for item in _children(process.pid)}
    os.kill(process.pid, signal.SIGSTOP)  # so that neither of the two can act on the other's death
    os.kill(worker, signal.SIGKILL)
    process.kill()
    process.communicate(timeout=15)
    wait_for(lambda: not alive(pid), timeout_s=10, what="the job's end")
    run = only_run(mlctl)
    assert run["info"]["status"] == "FAILED"
    assert "ended without saying so" in run["data"]["tags"]["mlctl.status.reason"]


def test_killing_the_worker_ends_the_job(mlctl, script, pids, alive, wait_for):
    process = mlctl.start("run", script(FORKER))
    parent, child = pids("pid"), pids("child")
    (worker,) = {int(item) for item in _children(process.pid)}
    os.kill(worker, signal.SIGKILL)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 125
    assert "killed" in err
    wait_for(lambda: not alive(parent) and not alive(child), timeout_s=10, what="the job's end")
    assert only_run(mlctl)["info"]["status"] == "FAILED"


def test_killing_the_script(mlctl, script, pids):
    process = mlctl.start("run", script(SLEEPER))
    os.kill(pids("pid"), signal.SIGKILL)
    process.communicate(timeout=15)
    assert process.returncode == 137
    run = only_run(mlctl)
    assert run["info"]["status"] == "FAILED"
    assert "SIGKILL" in run["data"]["tags"]["mlctl.status.reason"]


def test_what_the_command_leaves_behind_is_ended(mlctl, project, pids, alive):
    text = "entry_points:\n  main:\n    command: sleep 60 & echo $! > ../pid; echo done\n"
    began = time.monotonic()
    done = mlctl("run", project(text), check=0)
    assert "done" in done.stdout
    assert time.monotonic() - began < 20
    assert not alive(pids("pid"))
    assert only_run(mlctl)["info"]["status"] == "FINISHED"


def test_stop_from_another_terminal(mlctl, script, pids, alive):
    process = mlctl.start("run", script(SLEEPER))
    pid = pids("pid")
    mlctl("runs", "stop", "@last", check=0)
    process.communicate(timeout=15)
    assert process.returncode == 143
    assert not alive(pid)
    run = only_run(mlctl)
    assert run["info"]["status"] == "KILLED"
    assert "runs stop" in run["data"]["tags"]["mlctl.status.reason"]
    assert mlctl("runs", "stop", "@last", check=124).stderr.count("ended already") == 1


def test_detached_run(mlctl, script, pids, wait_for):
    began = time.monotonic()
    found = mlctl.json("run", script("import time\nprint('first', flush=True)\ntime.sleep(1.5)\nprint('last')\n"), "--detach")
    assert time.monotonic() - began < 1.5 + 1.0
    run_id = found["data"]["run_id"]
    followed = mlctl("runs", "logs", "-f", run_id[:10], check=0)
    assert followed.stdout == "first\nlast\n"
    assert only_run(mlctl)["info"]["status"] == "FINISHED"


def test_detached_run_is_stopped(mlctl, script, pids, alive):
    mlctl("run", script(SLEEPER), "--detach", check=0)
    pid = pids("pid")
    mlctl("runs", "stop", "@last", check=0)
    assert not alive(pid)
    assert only_run(mlctl)["info"]["status"] == "KILLED"


def test_many_runs_at_once_into_a_new_store(mlctl, script):
    project = script("import mlctl\nwith mlctl.start_run():\n    for i in range(20):\n        mlctl.log_metric('m', i, step=i)\n")
    processes = [mlctl.start("run", project, "-P", f"n={index}") for index in range(32)]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    runs = mlctl.runs()
    assert [run["info"]["status"] for run in runs] == ["FINISHED"] * 32
    assert {run["data"]["params"]["n"] for run in runs} == {str(index) for index in range(32)}
    assert {run["data"]["metrics"]["m"] for run in runs} == {19.0}


FILLER = """
import mlctl
with mlctl.start_run():
    n = 0
    while True:
        mlctl.log_metrics({f"metric {n} {i}": float(i) for i in range(500)})
        n += 1
"""


@pytest.mark.engine("tmpfs")
def test_a_full_disk(mlctl, script, tmp_path):
    small = tmp_path / "small disk"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], check=True)
    try:
        done = mlctl("run", script(FILLER), cwd=small, timeout=120)
        assert done.returncode == 1, done.stderr
        assert "disk" in done.stderr.lower()
        assert "Traceback" in done.stderr  # the script's own
        (run,) = mlctl.json("runs", "list", cwd=small)["data"]
        assert run["info"]["status"] == "FAILED"
        assert len(run["data"]["metrics"]) % 500 == 0
        assert run["data"]["metrics"]
    finally:
        subprocess.run(["umount", "--lazy", small], check=True)


def _children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
