"""Environments that a ``uv.lock`` describes: locked and installed by the real uv, from wheels that the tests write."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from mlctl import process
from mlctl.envs import cache as env_cache
from mlctl.envs import selection, uv_lock
from mlctl.envs.locked import LockedEnv
from mlctl.envs.system import SystemEnv
from mlctl.envs.virtualenv import VirtualEnv
from mlctl.errors import EnvError, ProjectError
from mlctl.projects import spec

PYPROJECT = """
[project]
name = "trainer"
version = "1.0"
requires-python = "{python}"
dependencies = [
    "addone >= 1",  # a comment with "quotes" ]
    'base[extra]',
]
[dependency-groups]
dev = ["tool"]
[tool.uv]
no-index = true
find-links = ["{links}"]
"""


@pytest.fixture
def locked(tmp_path, wheels):
    """A function that makes a locked project, and locks it again when it is called again."""
    for name, version in (("addone", "1.0"), ("addone", "2.0"), ("base", "1.0"), ("tool", "1.0"), ("mlflow", "3.0")):
        wheels.add(name, version)

    def make(*, python=">=3.8", more="", name="a project\N{SNOWMAN}", by=sys.executable):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "pyproject.toml").write_text(PYPROJECT.format(python=python, links=wheels.folder) + more)
        lock(folder, by)
        return spec.load(folder)

    return make


def lock(folder, python=sys.executable):
    subprocess.run([find_uv_bin(), "lock", "--quiet", "--offline", "--python", python], cwd=folder, check=True)


@pytest.fixture
def prepare(cache):
    def work(project, manager=None, **options):
        told = []
        return selection.choose(project, env_manager=manager, cache=cache, **options).prepare(told.append), told

    return work


def imports(found, *names, code=0):
    variables = {**found.env, "PATH": os.pathsep.join([*found.path_prefix, os.environ["PATH"]])}
    assert process.run(["python", "-c", f"import {', '.join(names)}"], env=variables).code == code


def test_what_the_lock_says_and_nothing_else(locked, prepare, cache):
    project = locked()
    before = {path.name: path.read_bytes() for path in project.folder.iterdir()}
    found, told = prepare(project)
    assert found.packages == ("addone==2.0", "base==1.0", "tool==1.0")
    imports(found, "addone", "base", "tool")
    imports(found, "pip", code=1)
    assert "building" in told[0]
    assert prepare(project) == (found, [])
    assert {path.name: path.read_bytes() for path in project.folder.iterdir()} == before
    record = env_cache.show(cache, Path(found.folder).name)
    assert (record.builder, record.projects) == ("virtualenv+uv sync", (str(project.folder),))


def test_the_key_is_of_the_lock(locked, cache):
    def key(**options):
        return selection.choose(locked(**options), env_manager=None, cache=cache).plan().key

    one = key()
    assert key(name="elsewhere") == one
    folder = locked().folder
    text = (folder / "uv.lock").read_text()
    (folder / "uv.lock").write_text(text.replace('version = "2.0"', 'version = "1.0"').replace("addone-2.0", "addone-1.0"))
    assert selection.choose(spec.load(folder), env_manager=None, cache=cache).plan().key != one
    assert selection.choose(spec.load(folder), env_manager=None, cache=cache, without_mlflow=True).plan().key != one


def test_the_project_itself_editable(locked, prepare, cache):
    backend = Path(__file__).parent / "editable_backend.py"
    build = '[build-system]\nrequires = []\nbuild-backend = "editable_backend"\nbackend-path = ["."]\n'

    def make(name):
        folder = cache.parent / name
        folder.mkdir()
        (folder / "editable_backend.py").write_text(backend.read_text())
        (folder / "trainer.py").write_text("what = 1\n")
        return locked(more=build, name=name)

    one, other = make("one"), make("other")
    found, _ = prepare(one)
    assert "trainer==1.0" in found.packages
    variables = {**found.env, "PATH": os.pathsep.join([*found.path_prefix, os.environ["PATH"]])}
    where = process.run(["python", "-c", "import trainer; print(trainer.__file__)"], env=variables, cwd="/").out.strip()
    assert where == str(one.folder / "trainer.py")
    assert prepare(other)[0].folder != found.folder


@pytest.mark.parametrize("from_file", [False, True])
def test_the_interpreter(from_file, locked, prepare, pyenv_python):
    version, path = pyenv_python("3.9")
    project = locked(python=">=3.8" if from_file else "==3.9.*", by=path)
    if from_file:
        (project.folder / ".python-version").write_text("3.9\n")
    found, _ = prepare(project)
    assert found.python == version
    imports(found, "addone")


def test_a_lock_older_than_its_project(locked, cache):
    folder = locked().folder
    file = folder / "pyproject.toml"
    file.write_text(file.read_text().replace("'base[extra]'", "'base', 'Zoo_Keeper>2'"))
    with pytest.raises(ProjectError, match=r"uv.lock is older than pyproject.toml: it lacks Zoo_Keeper") as caught:
        selection.choose(spec.load(folder), env_manager=None, cache=cache).plan()
    assert caught.value.hint == "`uv lock` renews it."


def test_a_lock_that_is_none(locked, cache):
    folder = locked().folder
    (folder / "uv.lock").write_text("<<<<<<< HEAD\n")
    with pytest.raises(ProjectError, match="is not a lock of uv's"):
        selection.choose(spec.load(folder), env_manager=None, cache=cache).plan()


def test_a_package_that_is_gone(locked, prepare, wheels):
    project = locked()
    (wheels.folder / "base-1.0-py2.py3-none-any.whl").unlink()
    with pytest.raises(EnvError, match=r"(?s)uv says:.*base") as caught:
        prepare(project)
    assert "--env-manager local" in caught.value.hint


def test_without_uv(locked, cache, monkeypatch):
    project = locked()
    monkeypatch.setenv("MLCTL_NO_UV", "1")
    with pytest.raises(EnvError, match="only uv can install"):
        selection.choose(project, env_manager=None, cache=cache).plan()


def test_without_mlflow(locked, prepare):
    project = locked()
    text = (project.folder / "pyproject.toml").read_text().replace("'base[extra]'", "'base', 'mlflow'")
    (project.folder / "pyproject.toml").write_text(text)
    lock(project.folder)
    assert "mlflow==3.0" in prepare(project)[0].packages
    found, _ = prepare(project, without_mlflow=True)
    assert found.packages == ("addone==2.0", "base==1.0", "tool==1.0")


@pytest.mark.parametrize(
    ("file", "manager", "expected"),
    [
        ("", None, LockedEnv),
        ("", "virtualenv", LockedEnv),
        ("", "uv", LockedEnv),
        ("", "local", SystemEnv),
        ("python_env.yaml", None, VirtualEnv),
        ("python_env.yaml", "virtualenv", VirtualEnv),
        ("python_env.yaml", "uv", LockedEnv),
        ("conda.yaml", "uv", LockedEnv),
    ],
)
def test_chosen(file, manager, expected, locked, cache):
    folder = locked().folder
    if file:
        (folder / file).write_text("dependencies: []\n")
    found = selection.choose(spec.load(folder), env_manager=manager, cache=cache)
    assert type(found) is expected
    said = "--env-manager uv" in " ".join(found.plan().notes)
    assert said is (file == "python_env.yaml" and manager is None)


def test_a_project_file_without_a_lock_is_none_of_uv_s(tmp_path, cache):
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert not uv_lock.is_in(tmp_path)
    assert type(selection.choose(spec.load(tmp_path), env_manager="uv", cache=cache)) is VirtualEnv
    found = selection.choose(spec.load(tmp_path), env_manager=None, cache=cache)
    assert type(found) is SystemEnv
    assert "`uv lock` would make" in found.plan().notes[0]
