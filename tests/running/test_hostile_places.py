"""What surrounds a run gets in the way: readers that stop reading, closed streams, other runs' ids, old Pythons, full disks."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from mlctl import inject

pytestmark = pytest.mark.engine("linux")

SLEEPER = "import os, time\nopen('../pid', 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
FLOOD = "import os, sys\nopen('../pid', 'w').write(str(os.getpid()))\nwhile True:\n    sys.stdout.write('x' * 65536)\n"


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch):
    monkeypatch.setenv("MLCTL_INTERRUPT_GRACE_S", "1")
    monkeypatch.setenv("MLCTL_TERMINATE_GRACE_S", "1")


def tags(mlctl):
    return mlctl.runs()[0]["data"]["tags"]


# ── readers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reader_who_does_not_read_cannot_keep_a_run_from_being_stopped(mlctl, script, pids, alive):
    process = mlctl.start("run", script(FLOOD))
    pid = pids("pid")
    time.sleep(0.5)  # until the pipe is full
    mlctl("runs", "stop", "@last", check=0)
    assert not alive(pid)
    assert mlctl.runs()[0]["info"]["status"] == "KILLED"
    process.communicate(timeout=15)
    assert process.returncode == 143


def test_a_slow_reader_misses_nothing(mlctl, script):
    process = mlctl.start("run", script("import sys\nsys.stdout.write('0123456789' * 50_000)\n"))
    time.sleep(1)
    out, _ = process.communicate(timeout=15)
    assert out == "0123456789" * 50_000


def test_readers_who_leave_do_not_end_a_run(mlctl, script):
    """Neither by its output nor by mlctl's own messages."""
    folder = script("import time\nprint('one')\nprint('two')\ntime.sleep(0.5)\nprint('three')\n")
    line = f"set -o pipefail; '{sys.executable}' -m mlctl run '{folder.name}' 2>&1 | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout
    assert mlctl.runs()[0]["info"]["status"] == "FINISHED"
    assert mlctl("runs", "logs", "@last", check=0).stdout == "one\ntwo\nthree\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-", ">/dev/full"])
def test_closed_streams(mlctl, script, closed):
    line = f"'{sys.executable}' -m mlctl run '{script('print(1)').name}' {closed}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert mlctl("runs", "logs", "@last", check=0).stdout == "1\n"


def test_a_terminal_that_changes_its_size_tells_the_job(script, mlctl):
    folder = script(
        "import os, signal, time\ntold = []\nsignal.signal(signal.SIGWINCH, lambda *_: told.append(1))\n"
        "print(os.get_terminal_size(), flush=True)\n"
        "while os.get_terminal_size().columns == 100 or not told:\n    time.sleep(0.02)\nprint(os.get_terminal_size())\n"
    )
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 40, 100, 0, 0))
    process = subprocess.Popen([sys.executable, "-m", "mlctl", "run", folder.name], stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    seen = b""
    while b"columns=100" not in seen:
        seen += os.read(master, 65536)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("4H", 20, 60, 0, 0))
    process.send_signal(signal.SIGWINCH)  # what the kernel does for a terminal's own session
    assert process.wait(timeout=15) == 0
    assert b"columns=60" in os.read(master, 65536)
    os.close(master)


# ── runs that exist already ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_goes_on_cannot_be_taken_over(mlctl, script, pids):
    run_id = mlctl.json("run", script(SLEEPER), "--detach")["data"]["run_id"]
    pids("pid")
    done = mlctl("run", script("print(1)"), "--run-id", run_id, check=124)
    assert "still going on" in done.stderr
    assert [run["info"]["status"] for run in mlctl.runs()] == ["RUNNING"]
    mlctl("runs", "stop", run_id, check=0)


def test_taking_a_run_over_forgets_how_it_ended(mlctl, script):
    run_id = mlctl.json("run", script("raise SystemExit(7)"), check=7)["data"]["run_id"]
    assert tags(mlctl)["mlctl.status.reason"] == "exit code 7"
    mlctl("run", script("pass"), "--run-id", run_id[:9], check=0)
    mlctl("run", script("pass"), "--run-id", "@last", check=0)
    (run,) = mlctl.runs()
    assert run["info"]["status"] == "FINISHED"
    assert "mlctl.status.reason" not in run["data"]["tags"]
    assert run["data"]["tags"]["mlctl.exit_code"] == "0"


def test_several_are_stopped_also_if_one_has_ended(mlctl, script, pids, alive):
    ended = mlctl.json("run", script("pass"))["data"]["run_id"]
    going = mlctl.json("run", script(SLEEPER), "--detach")["data"]["run_id"]
    pid = pids("pid")
    done = mlctl("runs", "stop", ended, going, going, check=124)
    assert f"Run {ended[:8]} has ended already" in done.stderr
    assert f"Stopped: {going[:8]}." in done.stderr
    assert not alive(pid)


def test_a_script_that_ends_its_run_and_goes_on_is_still_stopped_and_followed(mlctl, script, pids, alive):
    text = "import mlctl, os, time\nwith mlctl.start_run():\n    pass\nopen('../pid', 'w').write(str(os.getpid()))\n"
    run_id = mlctl.json("run", script(text + "time.sleep(1)\nprint('late')\n"), "--detach")["data"]["run_id"]
    pids("pid")
    assert mlctl.runs()[0]["info"]["status"] == "FINISHED"
    assert mlctl("runs", "logs", "-f", run_id, check=0).stdout == "late\n"
    (mlctl_pid_file := Path("pid")).unlink()
    run_id = mlctl.json("run", script(text + "time.sleep(60)\n"), "--detach")["data"]["run_id"]
    pid = pids(mlctl_pid_file.name)
    assert "KILLED" in mlctl("runs", "stop", run_id, check=0).stdout
    assert not alive(pid)


# ── before the job starts ────────────────────────────────────────────────────────────────────────────────────────────

SLOW_SETUP = """
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({mark!r}, "w").write(str(os.getpid()))
time.sleep(60)
"""


@pytest.fixture
def slow_build(project, place):
    """A project whose environment takes a minute to build, and does not end when asked to."""
    folder = project("python_env: env.yaml\nentry_points:\n  main: {command: 'true'}\n", env__yaml="dependencies: [./package]\n")
    (folder / "package").mkdir()
    (folder / "package" / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "slow"\nbackend-path = ["."]\n')
    (folder / "package" / "slow.py").write_text(SLOW_SETUP.format(mark=str(place / "building")))
    return folder


def test_a_second_ctrl_c_during_a_build_loses_nothing(mlctl, slow_build, pids, alive, wait_for):
    process = mlctl.start("run", slow_build)
    building = pids("building")
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    process.communicate(timeout=20)
    assert process.returncode == 130
    wait_for(lambda: not alive(building), timeout_s=5, what="the build's end")
    assert mlctl.runs()[0]["info"]["status"] == "KILLED"


def test_a_build_is_stopped_and_the_run_says_by_what(mlctl, slow_build, pids):
    run_id = mlctl.json("run", slow_build, "--detach")["data"]["run_id"]
    pids("building")
    assert "not started" in mlctl("runs", "logs", run_id, check=124).stderr
    mlctl("runs", "stop", run_id, check=0)
    assert tags(mlctl)["mlctl.status.reason"] == "stopped by `mlctl runs stop`"
    assert "KILLED: stopped by" in mlctl("runs", "logs", run_id, "-f", check=124).stderr


def test_signals_that_come_early_are_not_lost(mlctl, script, wait_for):
    """At whatever moment: the run, if there is one, is KILLED, and no process is left with a traceback."""
    folder = script("import time\ntime.sleep(60)\n")
    for delay_s in (0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.2):
        process = mlctl.start("run", folder)
        time.sleep(delay_s)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=15)
        assert process.returncode in (130, -signal.SIGINT)
        if process.returncode == 130:
            assert "mlctl/" not in err, "a traceback of mlctl's own"
    wait_for(lambda: not [run for run in mlctl.runs() if run["info"]["status"] != "KILLED"], timeout_s=5, what="the runs' end")


def test_ctrl_c_before_there_is_a_run_comes_in_the_envelope(mlctl, place):
    tools = place / "tools"
    tools.mkdir()
    (tools / "git").write_text("#!/bin/sh\ntouch asked\nexec sleep 30\n")
    (tools / "git").chmod(0o755)
    env = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    process = mlctl.start("run", "https://example.org/a/b", "--output", "json", env=env)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 130
    assert json.loads(out)["error"]["code"] == "CANCELLED"


# ── machines ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.engine("tmpfs")
def test_a_log_that_fills_the_disk(mlctl, project, tmp_path):
    """The end is recorded all the same, the store can be read, and the run says that its log is not complete."""
    folder = project("entry_points:\n  main:\n    command: head -c 20000000 /dev/zero; exit 3\n")
    small = tmp_path / "small disk"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], check=True)
    try:
        mlctl("run", folder, "-q", cwd=small, check=3)
        (run,) = mlctl.json("runs", "list", cwd=small)["data"]
        assert run["info"]["status"] == "FAILED"
        assert "log is not complete: No space" in run["data"]["tags"]["mlctl.status.reason"]
    finally:
        subprocess.run(["umount", "--lazy", small], check=True)


@pytest.mark.parametrize(("python", "expected"), [("2.7.18", True), ("3.7.16", True), ("3.8.0", False), ("3.10.1", False), ("", False)])
def test_which_pythons_are_too_old_for_the_bundle(python, expected):
    assert inject.is_too_old(python) is expected


def test_a_python_too_old_for_the_bundle_is_told(mlctl, script):
    old = [path for version in ("3.7", "3.6", "2.7") for path in Path.home().glob(f".pyenv/versions/{version}.*/bin")]
    if not old:
        pytest.skip("needs a Python older than 3.8")
    env = {**os.environ, "PATH": f"{old[0]}{os.pathsep}{os.environ['PATH']}"}
    done = mlctl("run", script("print(1)"), env=env, check=0)
    assert "is too old for `import mlctl`" in done.stderr
    assert done.stdout == "1\n"


def test_a_folder_whose_name_is_no_unicode(mlctl, place):
    folder = place / os.fsdecode(b"b\xffd")
    folder.mkdir()
    (folder / "MLproject").write_text("entry_points:\n  main: {command: echo here}\n")
    done = subprocess.run([sys.executable, "-m", "mlctl", "run", folder], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert tags(mlctl)["mlflow.source.name"].endswith("b\\xffd")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_cannot_show_everything(mlctl, script, encoding):
    mlctl("run", script("pass"), "--run-name", "\N{SNOWMAN} \N{GRINNING FACE}", check=0)
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    assert "\\u2603" in mlctl("runs", "list", env=env, check=0).stdout
    assert mlctl.json("runs", "list", env=env)["data"][0]["info"]["run_name"] == "\N{SNOWMAN} \N{GRINNING FACE}"


def test_a_current_folder_that_is_gone(mlctl, script, place):
    line = f"mkdir gone && cd gone && rmdir ../gone && '{sys.executable}' -m mlctl run ../project"
    script("pass")
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, cwd=place)
    assert done.returncode != 1, done.stderr
    assert "Traceback" not in done.stderr
