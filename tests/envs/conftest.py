"""Environments are built for real and without a network: packages are wheels and sources that the tests write."""

import base64
import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from mlctl.envs import selection, slots
from mlctl.projects.spec import DeclaredEnv, Project

SETTINGS_OF_OTHERS = ("PIP_", "UV_", "VIRTUALENV_", "PYENV_VERSION", "PYENV_DIR", "CONDA", "PYTHONDONTWRITEBYTECODE")


@pytest.fixture(scope="session")
def shared_uv_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("uv cache")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch, shared_uv_cache):
    for name in list(os.environ):
        if name.startswith(SETTINGS_OF_OTHERS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(shared_uv_cache))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.fixture(autouse=True)
def _release():
    """Environments that a test uses are in use by this process: give them back."""
    yield
    for lock in list(slots._in_use.values()):
        lock.release()
    slots._in_use.clear()


@pytest.fixture
def cache(tmp_path):
    """A cache folder whose name makes scripts and shells stumble."""
    folder = tmp_path / "it's a 'cache'; \N{SNOWMAN}"
    folder.mkdir()
    return folder


@pytest.fixture
def wheels(tmp_path):
    """A folder of wheels, with ``wheels.add(name, version, requires=…)`` to put one in."""
    return Wheels(tmp_path / "wheel house")


class Wheels:
    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()

    def add(self, name, version="1.0", requires=(), body=""):
        """A wheel with one module, written by hand."""
        info = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {each}\n" for each in requires)
        files = {
            f"{name}.py": body or f"version = {version!r}\n",
            f"{info}/METADATA": metadata,
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n",
        }
        record = "".join(f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in files.items())
        files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
        path = self.folder / f"{name}-{version}-py2.py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name_in_wheel, text in files.items():
                archive.writestr(name_in_wheel, text)
        return path

    def lines(self, *requirements):
        """Requirement lines that look in this folder and nowhere else."""
        return ["--no-index", f"--find-links {self.folder}", *requirements]


def _digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def python_project(tmp_path):
    """A function that makes a project with a ``python_env.yaml`` out of lines of text."""

    def make(dependencies=(), *, python="", build=(), name="my 'project'\n\N{SNOWMAN}"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        quoted = [f"- {_yaml(line)}\n" for line in dependencies]
        text = "dependencies:\n" + "".join(quoted) if quoted else ""
        if build:
            text += "build_dependencies:\n" + "".join(f"- {_yaml(line)}\n" for line in build)
        if python:
            text += f"python: {_yaml(python)}\n"
        (folder / "python_env.yaml").write_text(text or "dependencies: []\n")
        return Project(folder, env=DeclaredEnv("python_env", folder / "python_env.yaml"))

    return make


def _yaml(text):
    return "'" + text.replace("'", "''") + "'"


@pytest.fixture
def choose(cache):
    """The environment of a project in the test's cache."""

    def find(project, env_manager=None):
        return selection.choose(project, env_manager=env_manager, cache=cache)

    return find


@pytest.fixture
def pyenv_python():
    """A function that finds pyenv's own interpreter of a minor version, as version and path; it skips where there is none."""

    def find(minor):
        root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
        found = sorted(root.glob(f"versions/{minor}.*/bin/python"))
        if not found:
            pytest.skip(f"pyenv has no Python {minor}")
        return found[-1].parent.parent.name, os.path.realpath(found[-1])

    return find
