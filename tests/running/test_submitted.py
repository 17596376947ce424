"""`projects.run`: a script runs projects, one by one or several at once, from any environment."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHILD = """
entry_points:
  main:
    parameters:
      text: {type: string, default: hello}
    command: "python say.py {text}"
  wait:
    command: "python -c 'import os, time; open(\\"../pid\\", \\"w\\").write(str(os.getpid())); time.sleep(60)'"
  fail:
    command: "exit 3"
"""
SAY = "import mlctl, sys\nmlctl.log_param('said', sys.argv[1])\nprint('the child says', sys.argv[1], flush=True)\n"


@pytest.fixture
def child(project):
    return project(CHILD, name="child", say__py=SAY)


@pytest.fixture
def play(place, child):
    """Runs a text as a script in the folder beside the child project."""

    def start(text, *, python=sys.executable, **options):
        (place / "script.py").write_text(text)
        pipe = subprocess.PIPE
        return subprocess.Popen([python, "script.py"], stdout=pipe, stderr=pipe, text=True, stdin=subprocess.DEVNULL, **options)

    def run(text, **options):
        process = start(text, **options)
        out, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
        return out

    run.start = start
    return run


@pytest.fixture
def bare(tmp_path):
    """PATH with a Python that has neither mlctl nor mlflow in front."""
    folder = tmp_path / "bare env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return f"{folder}/bin{os.pathsep}{os.environ['PATH']}"


def parent_of(run):
    return run["data"]["tags"].get("mlflow.parentRunId")


def test_a_child_of_the_active_run(play, mlctl):
    text = "import mlctl.projects\nprint('before')\nwith mlctl.start_run() as mine:\n"
    text += "    found = mlctl.projects.run('child', parameters={'text': '--it=is \"quoted\"'}, run_name='the child')\n"
    text += "print(found.run_id, found.get_status(), found.wait(), mine.info.run_id)\n"
    before, said, after = play(text).splitlines()
    run_id, status, finished, parent = after.split()
    assert (before, said) == ("before", 'the child says --it=is "quoted"')
    assert (status, finished) == ("FINISHED", "True")
    (ran,) = [run for run in mlctl.runs() if run["info"]["run_id"] == run_id]
    assert (ran["info"]["run_name"], parent_of(ran)) == ("the child", parent)
    assert ran["data"]["params"]["said"] == '--it=is "quoted"'


def test_without_an_active_run_there_is_no_parent(play, mlctl):
    play("import mlctl.projects\nmlctl.run('child', experiment_name='of its own')\n")
    (ran,) = mlctl.runs("-x", "of its own")
    assert parent_of(ran) is None


def test_the_store_and_the_output_are_the_scripts(play, mlctl, place, monkeypatch):
    monkeypatch.setenv("MLCTL_OUTPUT", "json")
    play(f"import mlctl.projects, os\nos.environ['MLCTL_TRACKING_URI'] = {str(place / 'elsewhere')!r}\nmlctl.projects.run('child')\n")
    assert not (place / "mlruns").exists()
    monkeypatch.setenv("MLCTL_TRACKING_URI", str(place / "elsewhere"))
    assert len(mlctl.runs()) == 1


def test_from_an_environment_without_mlctl(script, mlctl, child, bare):
    """Only the bundle is there: the job was told which mlctl runs it. The folder it runs in lends that mlctl no modules."""
    text = "import mlctl.projects\nfrom mlctl.projects import run\nfound = run('../child')\nprint(found.run_id)\n"
    folder = script(text, typer__py="raise SystemExit('the wrong typer')")
    done = mlctl("run", folder, env={**os.environ, "PATH": bare}, check=0)
    said, run_id = done.stdout.splitlines()
    assert said == "the child says hello"
    inner, outer = mlctl.runs()
    assert (inner["info"]["run_id"], parent_of(inner)) == (run_id, outer["info"]["run_id"])
    assert inner["data"]["params"]["said"] == "hello"


def test_the_run_within_a_job_is_the_parent(script, mlctl, child, bare):
    text = "import mlctl.projects\nwith mlctl.start_run():\n    with mlctl.start_run(nested=True) as inner:\n"
    text += "        mlctl.projects.run('../child')\n        print(inner.info.run_id)\n"
    done = mlctl("run", script(text), env={**os.environ, "PATH": bare}, check=0)
    ran = next(run for run in mlctl.runs() if "said" in run["data"]["params"])
    assert parent_of(ran) == done.stdout.splitlines()[-1]


def test_a_server_that_wants_a_login(script, mlctl, child, bare):
    """The address of a job's run is such a server; here the login stands in the address, and nowhere else."""
    text = "import mlctl, os\nsecret = os.environ['MLFLOW_TRACKING_TOKEN']\n"
    text += "address = os.environ['MLFLOW_TRACKING_URI'].replace('//', f'//mlctl:{secret}@')\n"
    text += (
        "for name in [name for name in os.environ if name.startswith(('MLFLOW_TRACKING_', 'MLCTL_ENDPOINT_'))]:\n    del os.environ[name]\n"
    )
    text += "mlctl.set_tracking_uri(address)\nprint(mlctl.projects.run('../child').get_status())\n"
    done = mlctl("run", script(text), env={**os.environ, "PATH": bare}, check=0)
    assert done.stdout.splitlines()[-1] == "FINISHED"
    assert [run["data"]["params"].get("said") for run in mlctl.runs()] == ["hello", None]


CATCH = "import mlctl.projects\nfrom mlctl.errors import ExecutionError\n"
CATCH += "try:\n    mlctl.projects.run({})\nexcept ExecutionError as error:\n"


def test_a_failed_run_is_raised(play, mlctl):
    text = CATCH.format("'child', 'fail'") + "    print(error.run_id, error)\n"
    run_id, _, said = play(text).strip().partition(" ")
    assert said == f"Run {run_id} is FAILED: exit code 3"
    (ran,) = mlctl.runs()
    assert (ran["info"]["run_id"], ran["info"]["status"]) == (run_id, "FAILED")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("'nowhere'", "nowhere"),
        ("'child', 'none'", "There is no entry point 'none'"),
        ("'child', synchronous=False, backend='moon'", "There is no backend 'moon'"),
        ("'child', experiment_name='a', experiment_id='0'", "Both"),
        ("'child', backend_config={'a': 1}", "--backend-config"),
        ("'child', docker_args={'gpus': 'all', 'privileged': True}", "--docker-args is for projects with a docker_env"),
        ("'child', build_image=True", "--build-image is for projects with a docker_env"),
    ],
)
def test_what_cannot_be_run_is_said(play, mlctl, arguments, expected):
    said = play(CATCH.format(arguments) + "    print(error.run_id, error)\n")
    assert said.startswith("None ")
    assert expected in said
    assert mlctl.runs() == []


def test_a_mlctl_that_does_not_start(play, place, monkeypatch):
    monkeypatch.setenv("MLCTL_COMMAND", json.dumps([str(place / "no such program")]))
    assert "MLCTL_COMMAND" in play(CATCH.format("'child'") + "    print(error)\n")


def test_several_at_once(play, mlctl):
    text = "import mlctl.projects\nruns = [mlctl.projects.run('child', parameters={'text': i}, synchronous=False) for i in range(4)]\n"
    text += "print(len({run.run_id for run in runs}), [run.wait() for run in runs], {run.get_status() for run in runs})\n"
    assert play(text) == "4 [True, True, True, True] {'FINISHED'}\n"
    assert sorted(run["data"]["params"]["said"] for run in mlctl.runs()) == ["0", "1", "2", "3"]


WAITING = "import mlctl.projects\nrun = mlctl.projects.run('child', 'wait', synchronous=False)\n"
WAITING += "print(run.run_id, run.get_status(), flush=True)\n"
UNTIL_IT_RUNS = "import pathlib, time\npid = pathlib.Path('pid')\n"
UNTIL_IT_RUNS += "while not pid.exists() or not pid.read_text():\n    time.sleep(0.02)\n"


def test_cancelled(play, mlctl, pids, alive):
    text = WAITING + UNTIL_IT_RUNS + "run.cancel()\nprint(run.get_status(), run.wait())\nrun.cancel()\n"
    running, killed = play(text).splitlines()
    assert running.endswith("RUNNING")
    assert killed == "KILLED False"
    assert mlctl.runs()[0]["info"]["status"] == "KILLED"
    assert not alive(pids("pid"))


def test_stopping_the_job_stops_what_its_script_runs(script, mlctl, child, pids, alive):
    outer = mlctl.start("run", script("import mlctl\nmlctl.projects.run('../child', 'wait')\n"))
    pid = pids("pid")
    outer.terminate()
    outer.communicate(timeout=60)
    assert [run["info"]["status"] for run in mlctl.runs()] == ["KILLED", "KILLED"]
    assert not alive(pid)


def test_the_example_in_the_docs(play, place):
    shutil.copytree(ROOT / "sample-projects", place / "sample-projects")
    (text,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "projects.md").read_text(), re.MULTILINE | re.DOTALL)
    assert play(text) == "[True, True, True]\n"


def test_the_scripts_end_waits(play, mlctl):
    play("import mlctl.projects\nmlctl.projects.run('child', synchronous=False)\n")
    assert mlctl.runs()[0]["info"]["status"] == "FINISHED"


@pytest.mark.parametrize("rest", ["", "run.wait()\n"])
def test_an_interrupt_ends_what_was_started(play, mlctl, pids, alive, rest):
    """Ctrl-C goes to the terminal's whole process group, at the script's end as well as in the middle."""
    process = play.start(WAITING + rest, start_new_session=True)
    pid = pids("pid")
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert mlctl.runs()[0]["info"]["status"] == "KILLED"
    assert not alive(pid)


def test_an_interrupt_of_the_script_alone_is_passed_on(play, mlctl, pids, alive):
    process = play.start(WAITING.replace(", synchronous=False", ""), start_new_session=True)
    pid = pids("pid")
    os.kill(process.pid, signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=30)[1]
    assert mlctl.runs()[0]["info"]["status"] == "KILLED"
    assert not alive(pid)


def test_a_mlctl_that_is_killed(play, mlctl, pids):
    """Its job is ended by the worker that is left, and nobody says that the run has finished."""
    text = WAITING + UNTIL_IT_RUNS + "import os\nos.kill(run._popen.pid, 9)\nprint(run.wait(), run.get_status())\n"
    assert play(text).splitlines()[-1] == "False FAILED"
