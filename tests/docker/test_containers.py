"""What a job finds in its container, how it ends, and what it leaves: nothing but what it logged and wrote."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.engine("docker")


def test_a_run(mlctl, docker_project, place, monkeypatch, containers):
    """Code, variables with newlines, volumes and shell operators are as the file says, and so is what comes back."""
    monkeypatch.setenv("COPIED", "line one\nline two = $HOME 'x'")
    monkeypatch.setenv("NOT_COPIED", "secret of the host")
    (place / "da:ta").mkdir()
    (place / "da:ta" / "in.txt").write_text("input")
    script = """
import os, sys
print("here", os.getcwd(), sys.argv[1:])
print(repr([os.environ.get(name) for name in ("COPIED", "SET", "NOT_COPIED")]))
print(open("/data/in.txt").read(), os.access("/data/in.txt", os.W_OK))
open("/made/by job.txt", "w").write("made")
print("to stderr", file=sys.stderr)
"""
    folder = docker_project(
        "python main.py \"it's\" '$x' && echo chained | tr a-z A-Z > written.txt",
        script,
        volumes=[f"{place / 'da:ta'}:/data:ro", "made:/unused", "./new folder:/made"],
        environment=["COPIED", ["SET", 'a "b" c']],
        shm_size="96m",
    )
    done = mlctl("run", folder, check=0)
    lines = done.stdout.splitlines()
    assert lines[0] == "here /mlflow/projects/code [\"it's\", '$x']"
    assert lines[1] == repr([os.environ["COPIED"], 'a "b" c', None])
    assert lines[2].split()[0] == "input"
    assert "to stderr" in done.stderr
    assert (folder / "written.txt").read_text() == "CHAINED\n"
    assert (folder / "new folder" / "by job.txt").read_text() == "made"
    (run,) = mlctl.runs()
    tags = run["data"]["tags"]
    assert tags["mlflow.project.env"] == "docker"
    assert tags["mlflow.docker.image.id"].startswith("sha256:")
    assert containers(run["info"]["run_id"]) == []
    assert "chained" in mlctl("runs", "show", "@last", check=0).stdout
    subprocess.run(["docker", "volume", "rm", "made"], capture_output=True, check=False)


def test_exit_codes(mlctl, docker_project):
    mlctl("run", docker_project("exit 7"), check=7)
    mlctl("run", docker_project("kill -9 $$"), check=137)
    assert [run["data"]["tags"]["mlctl.exit_code"] for run in mlctl.runs()] == ["137", "7"]


def test_out_of_memory_is_told(mlctl, docker_project):
    folder = docker_project("python -c \"x = b'x' * (1 << 28)\"")
    done = mlctl("run", folder, "-A", "memory=32m", "-A", "memory-swap=32m", check=137)
    assert "out of memory" in done.stderr
    assert "32m" in mlctl.runs()[0]["data"]["tags"]["mlctl.status.reason"]


def test_docker_arguments(mlctl, docker_project):
    folder = docker_project(
        "hostname; id -u; df -m /dev/shm | tail -1; pwd; cat /proc/1/comm", run_args=["--hostname", "from-file", "-u=12"]
    )
    lines = mlctl("run", folder, "-A", "hostname=named", "-A", "shm-size=32m", "-A", "w=/tmp", check=0).stdout.splitlines()
    assert lines[:2] == ["named", "12"]
    assert lines[2].split()[1] == "32"
    assert lines[3] == "/tmp"
    done = mlctl("run", folder, "-A", "hostnam=x", check=123)
    assert "hostname" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, "stop"])
def test_a_run_is_ended(mlctl, docker_project, containers, wait_for, how):
    """The signal reaches the script inside, which ends as it likes; the container is gone, and the run KILLED."""
    script = """
import signal, sys, time
def stop(number, frame):
    open("ended.txt", "w").write(signal.Signals(number).name)
    sys.exit(3)
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
open("started.txt", "w").close()
print("live", flush=True)
time.sleep(60)
"""
    folder = docker_project("true && python main.py; true", script)
    with mlctl.start("run", folder) as started:
        assert started.stdout.readline() == "live\n"
        run_id = mlctl.runs()[0]["info"]["run_id"]
        assert len(containers(run_id)) == 1
        if how == "stop":
            mlctl("runs", "stop", "@last", check=0)
        else:
            started.send_signal(how)
        assert started.wait(timeout=20) in (130, 143)
    assert (folder / "ended.txt").read_text() in ("SIGINT", "SIGTERM")
    assert containers(run_id) == []
    assert mlctl.runs()[0]["info"]["status"] == "KILLED"


def test_a_job_that_does_not_listen_is_killed(mlctl, docker_project, containers, monkeypatch):
    monkeypatch.setenv("MLCTL_INTERRUPT_GRACE_S", "0.3")
    monkeypatch.setenv("MLCTL_TERMINATE_GRACE_S", "0.3")
    with mlctl.start("run", docker_project("trap '' INT TERM; echo up; while true; do sleep 0.1; done")) as started:
        assert started.stdout.readline() == "up\n"
        run_id = mlctl.runs()[0]["info"]["run_id"]
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=20) == 130
    assert containers(run_id) == []


def test_mlctl_killed(mlctl, docker_project, containers, wait_for):
    """The process that runs the job notices; where nobody can, the next look at the store ends the container."""
    folder = docker_project("echo up; sleep 100")
    with mlctl.start("run", folder) as started:
        assert started.stdout.readline() == "up\n"
        run_id = mlctl.runs()[0]["info"]["run_id"]
        started.kill()
        wait_for(lambda: not containers(run_id), what="the container ended by the worker")
    with mlctl.start("run", folder) as started:
        assert started.stdout.readline() == "up\n"
        second = mlctl.runs()[0]["info"]["run_id"]
        for pid in [started.pid, *_below(started.pid)]:
            os.kill(pid, signal.SIGKILL)
    assert len(containers(second)) == 1
    assert "its container has been ended" in mlctl("runs", "list", check=0).stderr
    assert containers(second) == []
    assert {run["info"]["status"] for run in mlctl.runs()} == {"FAILED"}


def _below(root):
    """Process ids below a process, the nearest first."""
    found = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split()
    parents = dict(zip(map(int, found[::2]), map(int, found[1::2]), strict=True))
    below, queue = [], [root]
    while queue:
        children = [pid for pid, parent in parents.items() if parent == queue[0]]
        below, queue = below + children, queue[1:] + children
    return below


def test_files_belong_to_the_caller(mlctl, docker_project):
    """Another user than root runs it, who has no name inside."""
    folder = docker_project(
        "python main.py", "import getpass, os\nopen('mine.txt', 'w').close()\nprint(getpass.getuser(), os.path.expanduser('~'))\n"
    )
    user, home = 23456, Path(tempfile.mkdtemp(prefix="mlctl test "))
    folder = shutil.copytree(folder, home / "project")
    for path in (home, folder):
        os.chown(path, user, user)
    # Another user who may read all files: this interpreter may lie in somebody's home.
    caps = ["--ambient-caps", "+dac_read_search,+dac_override", "--inh-caps", "+dac_read_search,+dac_override"]
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", *caps]
    argv = [*mlctl.argv, "run", str(folder)]
    env = {**os.environ, "MLCTL_CACHE_DIR": str(home / "cache"), "HOME": str(home)}
    how = {"capture_output": True, "text": True, "env": env, "cwd": home, "timeout": 60}
    done = subprocess.run([*drop, "--clear-groups", *argv], check=False, **how)
    assert done.returncode == 123
    assert "usermod -aG docker" in done.stderr
    done = subprocess.run([*drop, f"--groups={Path('/var/run/docker.sock').stat().st_gid}", *argv], check=False, **how)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "mlctl /tmp\n"
    assert (folder / "mine.txt").stat().st_uid == user
    shutil.rmtree(home)


def test_concurrent_runs(mlctl, docker_project):
    folder = docker_project("echo $MLCTL_RUN_ID")
    runs = [mlctl.start("run", folder) for _ in range(3)]
    said = [run.communicate(timeout=60)[0].strip() for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert sorted(said) == sorted(run["info"]["run_id"] for run in mlctl.runs())


def test_a_terminal(docker_project, in_terminal):
    shown = in_terminal("run", docker_project("test -t 1 && stty size && echo colour=$TERM"), columns=77)
    assert "colour=xterm-256color" in shown
