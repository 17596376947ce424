"""This machine's own environment: what `python` is, and which packages it has."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from mlctl import process
from mlctl.envs import packages
from mlctl.projects.spec import Project

RUNNING = platform.python_version()


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "project"
    found.mkdir()
    return found


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A PATH of one folder, in which ``python`` and its like are links to the interpreter that runs the tests."""
    found = tmp_path / "bin"
    found.mkdir()
    monkeypatch.setenv("PATH", str(found))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))

    def link(name, to=sys.executable):
        path = found / name if "/" not in name else tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(to)
        return path

    return link


def prepared(choose, folder):
    env = choose(Project(folder))
    return env.plan(), env.prepare(pytest.fail)


def test_the_python_on_path(machine, choose, folder, monkeypatch):
    machine("python", os.path.realpath(sys.executable))
    plan, found = prepared(choose, folder)
    assert (found.kind, found.env, found.path_prefix, found.path_suffix, found.argv_prefix) == ("system", {}, (), (), ())
    assert found.python == plan.python == RUNNING
    assert any(line.startswith("pip==") for line in found.packages)
    assert (plan.key, plan.folder, plan.built) == ("", "", True)
    monkeypatch.setattr(process, "start", None)
    assert prepared(choose, folder)[1] == found


def test_packages_of_a_virtual_environment(choose, folder, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    listed = subprocess.run([sys.executable, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True).stdout
    expected = {name.replace("_", "-").replace(".", "-").lower() for name in (line.partition("==")[0] for line in listed.split())}
    assert {line.partition("==")[0] for line in prepared(choose, folder)[1].packages} == expected


def test_pythonpath_and_the_user_s_packages(machine, choose, folder, tmp_path, monkeypatch):
    machine("python", os.path.realpath(sys.executable))
    home = tmp_path / "home"
    monkeypatch.setenv("PYTHONUSERBASE", str(home))
    site = home / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
    (site / "mine-1.0.dist-info").mkdir(parents=True)
    (tmp_path / "more" / "theirs-2.0.dist-info").mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "more"))
    found = prepared(choose, folder)[1].packages
    assert "mine==1.0" in found
    assert "theirs==2.0" in found
    monkeypatch.setenv("PYTHONNOUSERSITE", "1")
    monkeypatch.delenv("PYTHONPATH")
    found = prepared(choose, folder)[1].packages
    assert "mine==1.0" not in found
    assert "theirs==2.0" not in found


def test_only_python3(machine, choose, folder, cache, monkeypatch):
    path = machine("python3")
    plan, found = prepared(choose, folder)
    (suffix,) = found.path_suffix
    assert suffix.startswith(str(cache))
    assert f"it will mean {path}" in plan.notes[-1]
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{suffix}")
    program = "-c 'import sys; print(sys.prefix, sys.argv)' 'a b' \"it's\""
    by_us, theirs = (process.run(process.shell_argv(f"{name} {program}")) for name in ("python", "python3"))
    assert by_us == theirs
    assert "['-c', 'a b', \"it's\"]" in by_us.out
    assert prepared(choose, folder)[1].path_suffix == ()


def test_no_python_at_all(machine, choose, folder):
    plan, found = prepared(choose, folder)
    assert (found.python, found.packages, found.path_suffix) == ("", (), ())
    assert "no `python` on PATH" in plan.notes[-1]


def test_a_python_that_does_not_run(machine, choose, folder):
    machine("python", "/bin/false")
    assert prepared(choose, folder)[1].python == ""


@pytest.fixture
def pyenv(machine, tmp_path, monkeypatch):
    """A pyenv with three versions (all the same interpreter, told apart by their path) and shims that must not run."""
    root = tmp_path / "pyenv"
    for version in ("3.8.2", "3.8.10", "tools"):
        machine(f"pyenv/versions/{version}/bin/python")
    shim = root / "shims" / "python"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\nexit 3\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{root}/shims{os.pathsep}{os.environ['PATH']}")
    return root


def executable(choose, folder):
    return choose(Project(folder))._named.executable


def test_what_is_behind_a_shim(pyenv, choose, folder, monkeypatch):
    (pyenv / "version").write_text("3.8.10\n")
    assert executable(choose, folder) == f"{pyenv}/versions/3.8.10/bin/python"
    (folder.parent / ".python-version").write_text("# mine\n3.8.2\n")
    assert executable(choose, folder) == f"{pyenv}/versions/3.8.2/bin/python"
    (folder / ".python-version").write_text("3.8\ntools\n")
    assert executable(choose, folder) == f"{pyenv}/versions/3.8.10/bin/python"
    monkeypatch.setenv("PYENV_VERSION", "absent:tools")
    assert executable(choose, folder) == f"{pyenv}/versions/tools/bin/python"
    assert prepared(choose, folder)[1].python == RUNNING


def test_the_system_behind_a_shim(pyenv, choose, folder, machine):
    (pyenv / "version").write_text("system\n")
    own = machine("python")
    assert executable(choose, folder) == str(own)


def test_names_of_packages(tmp_path):
    for name in ("Foo_Bar-1.0.dist-info", "zope.interface-5.4.dist-info", "old-2.0-py3.8.egg-info", "dev.egg-info", "x.dist-info", "y.py"):
        (tmp_path / "a" / name).mkdir(parents=True)
    (tmp_path / "b" / "foo_bar-2.0.dist-info").mkdir(parents=True)
    (tmp_path / "b" / "torch-2.1+cpu.dist-info").mkdir()
    folders = [str(tmp_path / "a"), str(tmp_path / "absent"), str(tmp_path / "b")]
    assert packages.scan(folders) == ("foo-bar==1.0", "old==2.0", "torch==2.1+cpu", "zope-interface==5.4")
