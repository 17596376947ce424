"""`mlctl run` with the store of a server: a real `mlctl server`, in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from mlctl_server import Server

SAMPLES = Path(__file__).parents[2] / "sample-projects"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server that every mlctl of this test uses."""
    found = Server(tmp_path / "it's a server")
    found.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", found.address)
    yield found
    found.stop()


@pytest.fixture
def spool():
    """Where files wait for their server."""
    return Path(os.environ["MLCTL_CACHE_DIR"]) / "spool"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MLCTL_CACHE_DIR", str(tmp_path / "cache"))


def waiting(spool):
    return sorted(path.name for path in spool.iterdir()) if spool.is_dir() else []


def test_the_sample(mlctl, server, place, spool):
    done = mlctl("run", SAMPLES / "minimal", "-P", "epochs=3", "--experiment-name=models-experiment", "--tag", "team=vision", check=0)
    assert "y = " in done.stdout
    assert "FINISHED" in done.stderr
    (run,) = mlctl.runs("--experiment", "models-experiment")
    assert run["info"]["status"] == "FINISHED"
    assert run["info"]["end_time"] >= run["info"]["start_time"]
    assert run["data"]["params"] == {"learning_rate": "0.1", "epochs": "3"}
    assert set(run["data"]["metrics"]) == {"loss", "slope", "offset"}
    tags = run["data"]["tags"]
    assert (tags["team"], tags["mlctl.exit_code"], tags["mlflow.source.type"]) == ("vision", "0", "PROJECT")
    short = run["info"]["run_id"][:8]
    shown = mlctl.json("runs", "show", short)["data"]
    assert {file["path"] for file in shown["artifacts"]} >= {"mlctl/output.log", "mlctl/packages.txt"}
    assert shown["artifact_root"] == run["info"]["artifact_uri"] == f"mlflow-artifacts:/1/{run['info']['run_id']}/artifacts"
    assert mlctl("runs", "logs", short, check=0).stdout == done.stdout
    assert mlctl("runs", "logs", "-f", "@last", check=0).stdout == done.stdout
    kept = server.folder / "mlruns" / "artifacts" / "1" / run["info"]["run_id"] / "artifacts"
    assert (kept / "mlctl" / "output.log").read_text() == done.stdout
    assert list(place.iterdir()) == []
    assert waiting(spool) == []


def test_every_command(mlctl, server, script):
    number = mlctl.json("experiments", "create", "it's here")["data"]["experiment_id"]
    mlctl("run", script("print('hello')"), "--experiment-name", "it's here", "--run-name", "first", check=0)
    mlctl("experiments", "rename", "it's here", "there", check=0)
    assert mlctl.json("experiments", "show", "there")["data"]["experiment_id"] == number
    assert [run["info"]["run_name"] for run in mlctl.runs("-x", number)] == ["first"]
    (run_id,) = mlctl("runs", "list", "-q", check=0).stdout.split()
    mlctl("runs", "delete", run_id[:6], check=0)
    assert mlctl.runs() == []
    assert [run["info"]["run_id"] for run in mlctl.runs("--view", "deleted_only")] == [run_id]
    mlctl("runs", "restore", run_id, check=0)
    mlctl("experiments", "delete", "there", check=0)
    assert "is deleted" in mlctl("run", "project", "--experiment-name", "there", check=124).stderr
    mlctl("experiments", "restore", "there", check=0)
    mlctl("run", "project", "--run-id", run_id[:8], check=0)
    assert mlctl("runs", "logs", run_id, check=0).stdout == "hello\n"
    assert "no run 'zzz'" in mlctl("runs", "show", "zzz", check=124).stderr
    assert "ended already" in mlctl("runs", "stop", run_id, check=124).stderr
    assert server.address in mlctl("run", "project", "--dry-run", check=0).stdout


def test_what_the_job_finds(mlctl, server, script, place):
    (place / "work.py").touch()
    text = "import json, os\nprint(json.dumps({k: v for k, v in os.environ.items() if 'TRACKING' in k or 'RUN_ID' in k}))"
    text += "\nimport mlctl\nwith mlctl.start_run() as run:\n    mlctl.log_metric('m', 2.5)\n    mlctl.log_artifact(__file__, 'code')\n"
    address = server.address.replace("//", "//ada:s%40cret@")
    environ = {**os.environ, "MLFLOW_TRACKING_URI": address, "MLCTL_TRACKING_TOKEN": "other"}
    done = mlctl("run", script(text), "--output", "json", env=environ, check=0)
    found = json.loads(done.stderr[done.stderr.index("{") : done.stderr.rindex("}") + 1])
    run_id = json.loads(done.stdout)["data"]["run_id"]
    assert found == {
        **{f"{owner}_TRACKING_URI": server.address for owner in ("MLCTL", "MLFLOW")},
        **{f"{owner}_TRACKING_USERNAME": "ada" for owner in ("MLCTL", "MLFLOW")},
        **{f"{owner}_TRACKING_PASSWORD": "s@cret" for owner in ("MLCTL", "MLFLOW")},
        **{f"{owner}_RUN_ID": run_id for owner in ("MLCTL", "MLFLOW")},
    }
    (run,) = mlctl.runs()
    assert run["data"]["metrics"] == {"m": 2.5}
    assert "s@cret" not in json.dumps(run)
    assert "s%40cret" not in json.dumps(run)
    assert "cret" not in mlctl("run", "project", "--dry-run", env=environ, check=0).stdout
    assert "code/main.py" in [file["path"] for file in mlctl.json("runs", "show", run_id)["data"]["artifacts"]]


def test_the_exit_code_is_the_scripts(mlctl, server, script, spool):
    done = mlctl("run", script("import sys\nprint('out')\nsys.exit(7)"))
    assert done.returncode == 7
    (run,) = mlctl.runs()
    assert (run["info"]["status"], run["data"]["tags"]["mlctl.status.reason"]) == ("FAILED", "exit code 7")
    assert mlctl("runs", "logs", "@last", check=0).stdout == "out\n"
    assert waiting(spool) == []


def test_a_run_that_fails_before_its_job(mlctl, server, project, spool):
    folder = project("python_env: env.yaml\nentry_points:\n  main:\n    command: 'true'\n", env__yaml="dependencies: ['/no such place']\n")
    done = mlctl("run", folder)
    assert done.returncode in (121, 123)
    for run in mlctl.runs():
        assert run["info"]["status"] == "FAILED"
    assert waiting(spool) == []


def test_detached_followed_and_stopped(mlctl, server, script, spool, wait_for):
    folder = script("import time\nprint('started', flush=True)\ntime.sleep(60)")
    run_id = mlctl("run", folder, "--detach", "-q", check=0).stdout.strip()
    wait_for(lambda: "started" in mlctl("runs", "logs", run_id).stdout, what="the log, where the run is")
    assert waiting(spool) == [run_id]
    elsewhere = {**os.environ, "MLCTL_CACHE_DIR": str(spool.parent) + "-elsewhere"}
    far = mlctl("runs", "logs", run_id, env=elsewhere, check=124)
    assert f"it is on {os.uname().nodename} until the run ends" in far.stderr
    following = [mlctl.start("runs", "logs", "-f", run_id, env=environ) for environ in (elsewhere, os.environ)]
    mlctl("runs", "stop", run_id, check=0)
    for process in following:
        out, err = process.communicate(timeout=30)
        assert out.startswith("started\n"), err
        assert out.count("started") == 1
    (run,) = mlctl.runs()
    assert (run["info"]["status"], run["data"]["tags"]["mlctl.status.reason"]) == ("KILLED", "stopped by `mlctl runs stop`")
    wait_for(lambda: waiting(spool) == [], what="the spool emptied")


def test_stopped_from_another_machine(mlctl, server, script, wait_for):
    """There the owner cannot be woken by a signal: it learns of the request from the server."""
    process = mlctl.start("run", script("import time\nopen('../running', 'w').close()\ntime.sleep(60)"))
    wait_for(lambda: Path("running").exists(), what="the script")
    (run_id,) = mlctl("runs", "list", "-q", check=0).stdout.split()
    body = json.dumps({"run_id": run_id}).encode()
    request = urllib.request.Request(
        f"{server.address}/api/2.0/mlctl/runs/request-stop", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        assert json.load(answer)["owner"]["host"] == os.uname().nodename
    assert process.wait(30) == 128 + signal.SIGTERM
    process.communicate()
    (run,) = mlctl.runs()
    assert (run["info"]["status"], run["data"]["tags"]["mlctl.status.reason"]) == ("KILLED", "stopped by `mlctl runs stop`")


def test_interrupted(mlctl, server, script, wait_for):
    process = mlctl.start("run", script("import time\nopen('../running', 'w').close()\ntime.sleep(60)"))
    wait_for(lambda: Path("running").exists(), what="the script")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    process.communicate()
    (run,) = mlctl.runs()
    assert run["info"]["status"] == "KILLED"
    assert "Ctrl-C" in run["data"]["tags"]["mlctl.status.reason"]


@pytest.mark.engine("linux")
def test_killed_and_settled_with_its_log(mlctl, server, script, wait_for, spool):
    folder = script("import time\nprint('before', flush=True)\nopen('../running', 'w').close()\ntime.sleep(60)")
    run_id = mlctl("run", folder, "--detach", "-q", check=0).stdout.strip()
    wait_for(lambda: Path("running").exists(), what="the script")
    wait_for(lambda: (spool / run_id / "files" / "mlctl" / "output.log").read_text() == "before\n", what="the log")
    owner = json.loads((spool / run_id / "run.json").read_text())["owner"]["pid"]
    workers = [int(pid) for pid in Path(f"/proc/{owner}/task/{owner}/children").read_text().split()]
    for pid in (owner, *workers):
        os.kill(pid, signal.SIGKILL)
    told = wait_for(lambda: mlctl("runs", "list").stderr, what="somebody noticing")
    assert run_id[:8] in told
    (run,) = mlctl.runs()
    assert run["info"]["status"] == "FAILED"
    assert "ended without saying so" in run["data"]["tags"]["mlctl.status.reason"]
    assert mlctl("runs", "logs", run_id, check=0).stdout == "before\n"
    assert waiting(spool) == []


class TestAServerThatGoesAway:
    """The job does not notice; its end is told when the server is back."""

    @pytest.fixture
    def impatient(self, monkeypatch):
        monkeypatch.setenv("MLCTL_HTTP_PATIENCE_S", "0.2")

    SCRIPT = "import os, time\nprint('on', flush=True)\nopen('../running', 'w').close()\n"
    SCRIPT += "while not os.path.exists('../go'):\n    time.sleep(0.02)\nprint('off')\nraise SystemExit({code})\n"

    @pytest.mark.parametrize(("code", "exit_code", "status"), [(0, 124, "FINISHED"), (3, 3, "FAILED")])
    def test_for_longer_than_the_run(self, mlctl, server, script, spool, wait_for, impatient, code, exit_code, status):
        process = mlctl.start("run", script(self.SCRIPT.format(code=code)))
        wait_for(lambda: Path("running").exists(), what="the script")
        server.stop()
        Path("go").touch()
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (exit_code, "on\noff\n"), err
        (run_id,) = waiting(spool)
        assert f"{status}, exit code {code}), but that could not be recorded" in err
        assert str(spool / run_id) in err
        assert (spool / run_id / "files" / "mlctl" / "output.log").read_text() == "on\noff\n"
        assert mlctl("runs", "list").returncode == 124
        ended = time.time() * 1000
        server.start()
        told = mlctl("runs", "list", check=0)
        assert f"{run_id[:8]}: its end and its log have been sent" in told.stderr
        (run,) = mlctl.runs()
        assert run["info"]["status"] == status
        assert run["info"]["end_time"] < ended
        assert run["data"]["tags"]["mlctl.exit_code"] == str(code)
        assert mlctl("runs", "logs", run_id, check=0).stdout == "on\noff\n"
        assert waiting(spool) == []

    def test_and_comes_back(self, mlctl, server, script, spool, wait_for):
        process = mlctl.start("run", script(self.SCRIPT.format(code=0)))
        wait_for(lambda: Path("running").exists(), what="the script")
        server.stop()
        Path("go").touch()
        wait_for(lambda: "off" in next(spool.glob("*/files/mlctl/output.log")).read_text(), what="the script's end")
        time.sleep(0.5)
        assert process.poll() is None
        server.start()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        (run,) = mlctl.runs()
        assert run["info"]["status"] == "FINISHED"
        assert waiting(spool) == []

    def test_another_looker_has_taken_it_for_dead(self, mlctl, server, script, spool, wait_for, impatient):
        """Somebody with another cache found the owner gone first; what this one knows is better."""
        process = mlctl.start("run", script(self.SCRIPT.format(code=0)))
        wait_for(lambda: Path("running").exists(), what="the script")
        server.stop()
        Path("go").touch()
        process.communicate(timeout=60)
        server.start()
        (run,) = mlctl.json("runs", "list", env={**os.environ, "MLCTL_CACHE_DIR": str(spool.parent) + "-elsewhere"})["data"]
        assert run["info"]["status"] == "FAILED"
        (run,) = mlctl.runs()
        assert run["info"]["status"] == "FINISHED"
        assert "mlctl.status.reason" not in run["data"]["tags"]


@pytest.mark.engine("mlflow")
def test_a_job_with_the_real_client(mlctl, server, place, monkeypatch):
    """It logs straight to the server."""
    monkeypatch.setenv("PATH", f"{Path(os.environ['MLCTL_MLFLOW']).parent}{os.pathsep}{os.environ['PATH']}")
    mlctl("run", SAMPLES / "mlflow-client", "--env-manager", "local", "--experiment-name", "é", check=0, timeout=150)
    (parent,) = [run for run in mlctl.runs("-x", "é") if "mlctl.command" in run["data"]["tags"]]
    folds = [run for run in mlctl.runs("-x", "é") if run is not parent and run["info"]["run_name"].startswith("fold-")]
    assert len(folds) == 3
    assert {run["data"]["tags"]["mlflow.parentRunId"] for run in folds} == {parent["info"]["run_id"]}
    assert (parent["info"]["status"], parent["data"]["params"]) == ("FINISHED", {"folds": "3"})
    files = {file["path"] for file in mlctl.json("runs", "show", parent["info"]["run_id"])["data"]["artifacts"]}
    assert files >= {"data.json", "mlctl/output.log", "mlctl/packages.txt", "report/errors.txt"}


@pytest.mark.engine("python3.8")
def test_scripts_of_the_oldest_python(mlctl, server, script, old_python, place):
    mlctl("run", script("pass"), check=0)
    (lib,) = (Path(os.environ["MLCTL_CACHE_DIR"]) / "bundle").glob("*/lib")
    code = f"import sys; sys.path.append({str(lib)!r})\nimport os, mlctl\nwith mlctl.start_run(run_name='old'):\n"
    code += "    mlctl.log_metric('m', float('inf'))\n    mlctl.log_param('p', 1)\n    mlctl.log_artifact('notes.txt', 'a b')\n"
    (place / "notes.txt").write_text("x")
    done = subprocess.run([old_python, "-W", "error", "-S", "-I", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (run,) = [run for run in mlctl.runs() if run["info"]["run_name"] == "old"]
    assert run["info"]["status"] == "FINISHED"
    assert [file["path"] for file in mlctl.json("runs", "show", run["info"]["run_id"])["data"]["artifacts"]] == ["a b/notes.txt"]


def test_a_server_of_a_server(mlctl, server):
    assert server.address in mlctl("server", "--port", "0", check=2).stderr


def test_no_server(mlctl, script, monkeypatch):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLCTL_TRACKING_URI", f"http://u:secret@127.0.0.1:{bound.getsockname()[1]}")
        for arguments in (["run", script("open('../ran', 'w')")], ["runs", "list"], ["experiments", "create", "x"]):
            done = mlctl(*arguments, check=124)
            assert "cannot be reached" in done.stderr
            assert "MLCTL_TRACKING_URI" in done.stderr
            assert "secret" not in done.stderr
    assert not Path("ran").exists()
