"""The Projects examples that mlctl was made for: the MLproject file and the command lines of projects.md, with `mlctl` for `mlflow`."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = Path(__file__).with_name("projects.md").read_text()
(MLPROJECT,) = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^(?:MLFLOW_TRACKING_URI=\S+ )?ml(?:flow|ctl) run .*$", TEXT, re.MULTILINE | re.IGNORECASE)
WINE = "import sys\nimport mlctl\nmlctl.log_metric('rmse', float(sys.argv[1]) + float(sys.argv[2]))\n"
GIT_SERVER = Path(__file__).parents[1] / "projects" / "git_http_server.py"
FILES = {"MLproject": MLPROJECT, "python_env.yaml": "dependencies: []\n", "wine_model.py": WINE}


def put(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)


def arguments(line, **replaced):
    """The words behind `mlflow` of a command line of the document."""
    text = re.sub(r"^(MLFLOW_TRACKING_URI=\S+ )?mlflow ", "", line, flags=re.IGNORECASE)
    for old, new in replaced.items():
        text = text.replace(old, new)
    return shlex.split(text)


def test_there_are_three_command_lines():
    assert len(COMMANDS) == 3


def test_in_the_current_folder(mlctl, place):
    put(place)
    mlctl(*arguments(COMMANDS[0]), check=0)
    (run,) = mlctl.runs()
    assert run["data"]["params"] == {"alpha": "5.0", "l1_ratio": "0.1"}
    assert run["data"]["metrics"] == {"rmse": 5.1}
    assert run["data"]["tags"]["mlflow.project.env"] == "virtualenv"


def test_into_an_experiment_of_a_server(mlctl, place, tmp_path, monkeypatch):
    server = mlctl.start("server", "--port", 0, "--no-access-log", "--backend-store-uri", tmp_path / "served")
    try:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", re.search(r"http://[\d.:]+", server.stderr.readline())[0])
        put(place)
        mlctl(*arguments(COMMANDS[1]), check=0)
        (run,) = mlctl.runs("-x", "models-experiment")
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert run["data"]["metrics"] == {"rmse": 0.6}
    assert not (place / "mlruns").exists()


@pytest.fixture
def hosted(tmp_path):
    """The address of a web server with the repository, whose project is deep inside and on a branch of its own."""
    work, root = tmp_path / "mlops-practice", tmp_path / "served"
    put(work / "files" / "06-MLFlow" / "mlprojects")

    def git(*words):
        subprocess.run(["git", *words], cwd=work, check=True, capture_output=True)

    git("init", "--quiet", "--initial-branch=main")
    git("commit", "--quiet", "--allow-empty", "--message", "Nothing yet")
    git("checkout", "--quiet", "-b", "chapter/mlflow")
    git("add", "--all")
    git("commit", "--quiet", "--message", "The project")
    git("clone", "--quiet", "--bare", str(work), str(root / "seblum" / "mlops-practice"))
    git("--git-dir", str(root / "seblum" / "mlops-practice"), "symbolic-ref", "HEAD", "refs/heads/main")
    server = subprocess.Popen([sys.executable, GIT_SERVER, root, tmp_path / "requests"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.kill()


@pytest.mark.engine("git-http")
def test_from_a_repository(mlctl, place, hosted):
    mlctl(*arguments(COMMANDS[2], **{"https://github.com": hosted}), check=0)
    (run,) = mlctl.runs()
    assert run["data"]["metrics"] == {"rmse": 0.6}
    assert run["data"]["tags"]["mlflow.source.git.branch"] == "chapter/mlflow"
