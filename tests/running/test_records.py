"""What every run records, and what a script inside it can do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

JOINING = """
import os, mlctl
print(os.environ["MLFLOW_RUN_ID"], os.environ["MLCTL_RUN_ID"], os.environ["MLFLOW_EXPERIMENT_ID"], os.environ.get("MLFLOW_TRACKING_URI"))
with mlctl.start_run() as run:
    assert mlctl.active_run().info.run_id == run.info.run_id == os.environ["MLCTL_RUN_ID"]
    mlctl.log_param("p", "it's; $(x)")
    mlctl.log_params({"q": 1, "r": None})
    for step in range(3):
        mlctl.log_metric("loss", 1 / (step + 1), step=step)
    mlctl.log_metrics({"acc": 0.5, "nan": float("nan")})
    mlctl.set_tag("colour", "blue")
    mlctl.set_tags({"a": 1, "b": False})
    open("out file.txt", "w").write("hello")
    mlctl.log_artifact("out file.txt")
    mlctl.log_artifact("out file.txt", "data/subfolder")
    mlctl.log_artifacts(".", "copies")
with mlctl.start_run(run_name="second", nested=True) as second:
    assert second.info.run_id != run.info.run_id
"""


def git(*arguments, cwd):
    return subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True).stdout


def test_a_script_joins_its_run(mlctl, script):
    done = mlctl("run", script(JOINING), "-P", "extra key=extra value", check=0)
    second, run = mlctl.runs()
    run_id = run["info"]["run_id"]
    *ids, address = done.stdout.split()
    assert ids == [run_id, run_id, "0"]
    assert address.startswith("http://127.0.0.1:"), "never a path or a database"
    assert run["data"]["params"] == {"extra key": "extra value", "p": "it's; $(x)", "q": "1", "r": "None"}
    assert run["data"]["metrics"] == {"loss": 1 / 3, "acc": 0.5, "nan": "NaN"}
    assert {"colour": "blue", "a": "1", "b": "False"}.items() <= run["data"]["tags"].items()
    assert second["info"]["run_name"] == "second"
    root = Path(run["info"]["artifact_uri"])
    for file in ("out file.txt", "data/subfolder/out file.txt", "copies/main.py", "mlctl/output.log", "mlctl/packages.txt"):
        assert (root / file).is_file(), file


def test_tags_that_every_run_has(mlctl, project, place):
    folder = project("name: n\nentry_points:\n  train:\n    parameters:\n      a: {type: int, default: 2}\n    command: echo {a}\n", "sub")
    git("init", "-q", "-b", "trunk", cwd=place)
    git("remote", "add", "origin", "https://user:secret@example.org/repo.git", cwd=place)
    git("add", "sub", cwd=place)
    git("commit", "-q", "-m", "first", cwd=place)
    commit = git("rev-parse", "HEAD", cwd=place).strip()
    mlctl("run", folder, "-e", "train", "--run-name", "my run", check=0)
    (folder / "MLproject").write_text((folder / "MLproject").read_text() + "# changed\n")
    mlctl("run", folder, "-e", "train", check=0)
    dirty, clean = mlctl.runs()
    tags = clean["data"]["tags"]
    assert clean["info"]["run_name"] == tags["mlflow.runName"] == "my run"
    assert tags["mlflow.source.type"] == "PROJECT"
    assert tags["mlflow.source.name"] == f"file://{place}#sub"
    assert tags["mlflow.source.git.commit"] == commit
    assert tags["mlflow.source.git.repoURL"] == "https://example.org/repo.git"
    assert tags["mlflow.project.entryPoint"] == "train"
    assert tags["mlflow.project.backend"] == "local"
    assert tags["mlctl.command"] == "echo 2"
    assert tags["mlctl.exit_code"] == "0"
    assert tags["mlctl.host"]
    assert tags["mlctl.python"].count(".") == 2
    assert "secret" not in json.dumps(clean)
    assert clean["data"]["params"] == {"a": "2"}
    assert "mlflow.project.env" not in tags
    assert (tags["mlctl.git.dirty"], dirty["data"]["tags"]["mlctl.git.dirty"]) == ("false", "true")
    assert "# changed" in (Path(dirty["info"]["artifact_uri"]) / "mlctl" / "source.diff").read_text()


def test_parameters_are_recorded_raw_and_reach_the_script_whole(mlctl, project):
    values = {
        "a": "it's",
        "b": 'two "words"',
        "c": "x=y=z",
        "d": "",
        "e": "line\nbreak",
        "f": "\N{SNOWMAN}",
        "g": "$(touch pwned); `id`",
        "h": "{a}",
    }
    command = "python -c 'import sys, json; print(json.dumps(sys.argv[1:]))' " + " ".join(f"{{{name}}}" for name in values)
    parameters = "".join(f"      {name}: {{type: string}}\n" for name in values)
    folder = project(f"entry_points:\n  main:\n    parameters:\n{parameters}    command: >-\n      {command}\n")
    given = [word for name, value in values.items() for word in ("-P", f"{name}={value}")]
    done = mlctl("run", folder, *given, check=0)
    assert json.loads(done.stdout) == list(values.values())
    assert mlctl.runs()[0]["data"]["params"] == values


def test_nested_runs_of_projects_know_their_parent(mlctl, project):
    project("entry_points:\n  main:\n    command: python -c pass\n", "inner")
    folder = project(f"entry_points:\n  main:\n    command: >-\n      '{sys.executable}' -m mlctl run ../inner\n", "outer")
    mlctl("run", folder, check=0)
    inner, outer = mlctl.runs()
    assert inner["data"]["tags"]["mlflow.parentRunId"] == outer["info"]["run_id"]
    assert "mlflow.parentRunId" not in outer["data"]["tags"]


def test_status_that_the_script_set(mlctl, script):
    text = "import mlctl\nmlctl.start_run()\nmlctl.end_run('{}')\nraise SystemExit({})\n"
    for status, code, expected in (
        ("FAILED", 0, "FAILED"),
        ("FINISHED", 3, "FAILED"),
        ("KILLED", 0, "KILLED"),
        ("FINISHED", 0, "FINISHED"),
    ):
        mlctl("run", script(text.format(status, code)), check=code)
        assert mlctl.runs()[0]["info"]["status"] == expected


def test_a_long_log_is_cut_in_the_middle(mlctl, script, monkeypatch):
    monkeypatch.setenv("MLCTL_LOG_MAX_BYTES", "4000")
    mlctl("run", script("for i in range(5000):\n    print(f'line {i}')\n"), check=0)
    log = mlctl("runs", "logs", "@last", check=0).stdout
    assert len(log) < 4300
    assert log.startswith("line 0\n")
    assert log.endswith("line 4999\n")
    assert "bytes left out" in log


def test_output_is_live(mlctl, script):
    process = mlctl.start("run", script("import time\nprint('early')\ntime.sleep(30)\n"))
    assert process.stdout.readline() == "early\n"
    process.terminate()
    process.communicate(timeout=20)


def test_run_id_is_taken_over(mlctl, script):
    first = mlctl.json("run", script("pass"))["data"]["run_id"]
    again = mlctl.json("run", script("print(1)"), "--run-id", first)["data"]["run_id"]
    assert again == first
    assert len(mlctl.runs()) == 1


def test_experiments(mlctl, script, monkeypatch):
    folder = script("pass")
    mlctl("run", folder, "--experiment-name", "by name", check=0)
    mlctl("run", folder, "--experiment-name", "by name", check=0)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "by variable")
    mlctl("run", folder, check=0)
    assert len(mlctl.runs("-x", "by name")) == 2
    assert len(mlctl.runs("-x", "by variable")) == 1
    mlctl("experiments", "delete", "by name", check=0)
    assert "restore" in mlctl("run", folder, "--experiment-name", "by name", check=124).stderr


def test_script_entry_points(mlctl, project):
    folder = project("", "plain", train__py="import sys; print(sys.argv[1:])", job__sh="echo shell $1 $2")
    assert mlctl("run", folder, "-e", "train.py", "-P", "a b=c d", check=0).stdout == "['--a b', 'c d']\n"
    assert mlctl("run", folder, "-e", "job.sh", "-P", "x=1", check=0).stdout == "shell --x 1\n"


def test_bundle_is_all_that_a_job_sees_of_mlctl(mlctl, project, tmp_path):
    """A job whose Python has no mlctl imports the bundle, and nothing of the command line."""
    bare = tmp_path / "bare env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    text = "import mlctl, sys\nprint(mlctl.__file__)\ntry:\n    import mlctl.cli\nexcept ImportError:\n    print('no cli')\n"
    folder = project("entry_points:\n  main:\n    command: python main.py\n", main__py=text)
    done = mlctl("run", folder, env={**os.environ, "PATH": f"{bare}/bin{os.pathsep}{os.environ['PATH']}"}, check=0)
    assert "bundle" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[1] == "no cli"


def test_the_environments_own_sitecustomize_still_runs(mlctl, project, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    (site,) = bare.glob("lib/python3.*/site-packages")
    (site / "sitecustomize.py").write_text("print('theirs')\n")
    theirs = tmp_path / "their path"
    theirs.mkdir()
    (theirs / "their_module.py").write_text("")
    folder = project("entry_points:\n  main:\n    command: python -c 'import their_module, mlctl, sitecustomize'\n")
    env = {**os.environ, "PATH": f"{bare}/bin{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(theirs)}
    assert mlctl("run", folder, env=env, check=0).stdout == "theirs\n"


def test_bundle_needs_the_standard_library_only(mlctl, script, place):
    mlctl("run", script("pass"), check=0)
    (lib,) = _newest_bundle()
    code = f"import sys; sys.path.append({str(lib)!r}); import mlctl; mlctl.log_metric('m', 1); print(len(sys.modules))"
    done = subprocess.run([sys.executable, "-S", "-I", "-c", code], capture_output=True, text=True, cwd=place, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.engine("python3.8")
def test_bundle_runs_on_the_oldest_python(mlctl, script, place, old_python):
    mlctl("run", script("pass"), check=0)
    (lib,) = _newest_bundle()
    logging = "with mlctl" + JOINING.partition("with mlctl")[2].replace(' == os.environ["MLCTL_RUN_ID"]', "")
    code = f"import sys; sys.path.append({str(lib)!r})\nimport os, mlctl\n{logging}"
    names = [path.relative_to(lib).with_suffix("").as_posix().replace("/", ".") for path in sorted(lib.rglob("*.py"))]
    code += "\nimport importlib\n" + "".join(f"importlib.import_module({name.removesuffix('.__init__')!r})\n" for name in names)
    done = subprocess.run([old_python, "-W", "error", "-S", "-I", "-c", code], capture_output=True, text=True, cwd=place, check=False)
    assert done.returncode == 0, done.stderr


def _newest_bundle():
    return sorted(Path(os.environ["MLCTL_CACHE_DIR"]).glob("bundle/*/lib"), key=lambda path: path.stat().st_mtime)[-1:]
