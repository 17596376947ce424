"""``mlctl env build``, ``exec``, ``shell`` and ``export``: a project's environment without a run."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from projects.git_places import commit, new_repository

from mlctl.envs import cache as env_cache


@pytest.fixture
def folder(wheels, python_project):
    wheels.add("addone", "2.0", requires=["base"])
    wheels.add("base", "1.5")
    made = python_project(wheels.lines("addone>1")).folder
    (made / "MLproject").write_text("python_env: python_env.yaml\nentry_points:\n  main:\n    command: python -c 'import addone'\n")
    (made / ".env").write_text("FROM_FILE=yes\n")
    return made


@pytest.fixture(autouse=True)
def _own_cache(cache, monkeypatch):
    monkeypatch.setenv("MLCTL_CACHE_DIR", str(cache))


def test_built_ahead(mlctl, folder, place, cache):
    first = mlctl.json("env", "build", folder)["data"]
    assert (first["kind"], first["was_there"]) == ("virtualenv", False)
    assert {"addone==2.0", "base==1.5"} <= set(first["packages"])
    again = mlctl.json("env", "build", folder)["data"]
    assert again == {**first, "was_there": True}
    assert mlctl("env", "build", folder, "--quiet").stdout == f"{first['key']}\n"
    done = mlctl("run", folder, check=0)
    assert "building" not in done.stderr
    assert not (folder / "mlruns").exists()
    (record,) = env_cache.list_envs(cache)
    assert record.projects == (str(folder),)


def test_nothing_to_build(mlctl, project):
    folder = project("entry_points:\n  main:\n    command: pwd\n")
    assert mlctl.json("env", "build", folder)["data"]["key"] == ""


def test_a_command_inside(mlctl, folder, place):
    looks = (
        "import addone, mlctl, os, sys; env = os.environ; print(addone.version, env['FROM_FILE'], os.getcwd(), env.get('MLFLOW_RUN_ID'))"
    )
    program = f"{looks}; sys.exit(7)"
    for dashes in ([], ["--"]):
        done = mlctl("env", "exec", folder, *dashes, "python", "-c", program, check=7)
        assert done.stdout == f"2.0 yes {place} None\n"
    assert mlctl("env", "exec", "--no-env-file", folder, "sh", "-c", "echo $FROM_FILE", check=0).stdout == "\n"
    assert mlctl("env", "exec", folder, "sh", "-c", "kill -9 $$", check=137)
    assert "'no-such-program' cannot be run" in mlctl("env", "exec", folder, "no-such-program", check=123).stderr
    assert not (place / "mlruns").exists()


def test_a_command_of_a_version(mlctl, place):
    folder = new_repository(place / "repository")
    commit(folder, MLproject="entry_points: {main: {command: pwd}}\n", __env="WHICH=one\n")
    commit(folder, __env="WHICH=two\n")
    done = mlctl("env", "exec", "--version", "HEAD~1", folder, "--", "sh", "-c", "echo $WHICH", check=0)
    assert done.stdout == "one\n"


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_a_shell(mlctl, folder, place, monkeypatch, shell):
    home = place / "home"
    home.mkdir()
    (home / ".bashrc").write_text("PATH=/elsewhere:$PATH\nMINE=1\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SHELL", shell)
    commands = "python -c 'import addone; print(addone.version)'; echo $FROM_FILE $MINE; exit 5\n"
    done = subprocess.run(
        [*mlctl.argv, "env", "shell", str(folder)], input=commands, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 5
    assert done.stdout.splitlines() == ["2.0", "yes 1" if shell.endswith("bash") else "yes"]


def test_a_lock_makes_the_same_environment(mlctl, folder, place, wheels):
    first = mlctl.json("env", "build", folder)["data"]
    lock = mlctl("env", "export", folder, check=0).stdout
    wheels.add("base", "9.0")
    wheels.add("addone", "3.0")
    other = place / "other"
    other.mkdir()
    (other / "python_env.yaml").write_text(lock)
    (other / "MLproject").write_text("python_env: python_env.yaml\n")
    second = mlctl.json("env", "build", other)["data"]
    assert second["packages"] == first["packages"]
    assert second["key"] != first["key"]
    assert second["python"] == first["python"]


def test_requirements_for_pip(mlctl, folder, place):
    text = mlctl("env", "export", folder, "--format", "requirements", check=0).stdout
    (place / "requirements.txt").write_text(text)
    venv.create(place / "fresh", with_pip=True)
    pip = [place / "fresh" / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"]
    subprocess.run(pip, check=True)
    subprocess.run([place / "fresh" / "bin" / "python", "-c", "import addone, base; assert addone.version == '2.0'"], check=True)


def test_a_dockerfile(mlctl, folder, wheels):
    lines = mlctl("env", "export", folder, "-f", "dockerfile", check=0).stdout.splitlines()
    assert lines[0] == "# syntax=docker/dockerfile:1"
    assert f"FROM python:{sys.version.split()[0]}-slim" in lines
    inside = lines[lines.index("COPY <<'END' /requirements.txt") + 1 : lines.index("END")]
    assert inside[:2] == ["--no-index", f'-f "{wheels.folder}"']
    assert {"addone==2.0", "base==1.5"} <= set(inside)
    assert not [line for line in inside if " @ " in line or "/ensurepip/" in line]
    assert lines.index("COPY . .") > lines.index("END")


def test_what_came_from_elsewhere(mlctl, python_project, wheels, place):
    source = new_repository(place / "a package")
    backend = (Path(__file__).parent / "editable_backend.py").read_text()
    build = '[build-system]\nrequires = []\nbuild-backend = "editable_backend"\nbackend-path = ["."]\n'
    build += '[project]\nname = "trainer"\nversion = "1.0"\n'
    package = {"pyproject__toml": build, "editable_backend__py": f"{backend}\n\nbuild_wheel = build_editable\n"}
    revision = commit(source, **package)
    made = python_project(["--no-index", f"trainer @ git+file://{str(source).replace(' ', '%20')}"], name="of git").folder
    lines = mlctl.json("env", "export", made)["data"]["requirements"]
    (line,) = [line for line in lines if line.startswith("trainer")]
    assert line.startswith("trainer @ git+file:///")
    assert line.endswith(f"/a%20package@{revision}")
    inside = python_project(["-e ./lib"], name="of a folder").folder
    commit(new_repository(inside / "lib"), **package)
    found = mlctl.json("env", "export", inside, "--format", "dockerfile")["data"]
    assert "-e ./lib" in found["requirements"]
    assert found["text"].index("COPY . .") < found["text"].index("-e ./lib")


def test_wrong_words(mlctl, folder):
    assert "lock, requirements, dockerfile" in mlctl("env", "export", folder, "--format", "x", check=2).stderr
    assert "no environment manager" in mlctl("env", "build", folder, "--env-manager", "x", check=2).stderr


def test_gc_by_size(mlctl, folder, cache, python_project, wheels):
    wheels.add("large", body=f"text = {'x' * 3_000_000!r}\n")
    old = mlctl.json("env", "build", python_project(wheels.lines("large"), name="old").folder)["data"]["key"]
    os.utime(cache / "envs" / f"{old}.use", (1, 1))
    new = mlctl.json("env", "build", folder)["data"]["key"]
    sizes = {record.key: record.size_bytes for record in env_cache.list_envs(cache)}
    limit = f"{sizes[new] // 1024 + 1}k"
    assert [item["key"] for item in mlctl.json("env", "gc", "--max-size", limit, "--dry-run")["data"]] == [old]
    assert mlctl.json("env", "gc", "--max-size", "1T")["data"] == []
    mlctl("env", "gc", "--max-size", limit, check=0)
    assert [record.key for record in env_cache.list_envs(cache)] == [new]
    assert "20G" in mlctl("env", "gc", "--max-size", "large", check=2).stderr
