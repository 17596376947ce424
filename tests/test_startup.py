"""The start-up budget: which modules the commonest commands import. Time follows from this, and this does not depend on the machine."""

import subprocess
import sys

import pytest
from mlctl_server import Server

PROBE = """
import sys
before = set(sys.modules)
{code}
sys.stderr.write("\\n".join(sorted(set(sys.modules) - before)))
"""

GROUND = {"mlctl", "mlctl.version"}
COMMAND_LINE = {*GROUND, "mlctl.cli", "mlctl.errors", "mlctl.render", "mlctl.results"}
STORE = {
    "mlctl.settings",
    "mlctl.tracking",
    "mlctl.tracking.entities",
    "mlctl.tracking.opening",
    "mlctl.sql",
    "mlctl.sql.schema",
    "mlctl.sql.db",
    "mlctl.sql.experiments",
    "mlctl.sql.owners",
    "mlctl.sql.runs",
    "mlctl.sql.logged_model_store",
    "mlctl.sql.registry_store",
    "mlctl.sql.search",
    "mlctl.sql.store",
    "mlctl.sql.sqlite",
    "mlctl.sql.sqlite_file",
    "mlctl.tracking.store",
    "mlctl.tracking.validation",
}

# Modules of the standard library and of others that cost more than they give on these paths.
HEAVY = {
    "asyncio", "ctypes", "email", "git", "http", "logging", "multiprocessing", "pydantic", "rich", "ssl", "tabulate", "tempfile", "tomllib",
    "unittest", "urllib.request", "virtualenv", "xml", "yaml", "importlib.metadata", "socket", "hashlib", "docker", "uv",
}  # fmt: skip


def imported(code: str, cwd) -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROBE.format(code=code)], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines())


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.split(".")[0] == "mlctl"}


def cli(*arguments: str) -> str:
    return f"from mlctl.cli import main\nmain({list(arguments)!r})"


def test_import_of_the_package(place):
    found = imported("import mlctl", place)
    assert ours(found) == GROUND
    assert found <= {*GROUND, "typing", "collections.abc", "functools", "contextlib", "copyreg", "re", *_typing()}


def _typing() -> set[str]:
    """What ``typing`` itself brings along on this Python."""
    done = subprocess.run([sys.executable, "-c", PROBE.format(code="import typing")], capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines())


def test_version(place):
    found = imported(cli("--version"), place)
    assert ours(found) == {*GROUND, "mlctl.cli"}
    assert not {name.split(".")[0] for name in found} & {"typer", *HEAVY}


@pytest.mark.parametrize("arguments", [("--help",), ()])
def test_help(place, arguments):
    found = imported(cli(*arguments), place)
    assert ours(found) == COMMAND_LINE
    assert not found & HEAVY


def test_runs_list(place, mlctl):
    mlctl("experiments", "create", "something", check=0)
    found = imported(cli("runs", "list"), place)
    names = ("lookup", "run_columns", "run_places", "runs")
    commands = {"mlctl.commands", *(f"mlctl.commands.{name}" for name in names)}
    looking = {"mlctl.tracking.owners", "mlctl.tracking.stopping", "mlctl.joblog", "mlctl.process"}
    assert ours(found) == {*COMMAND_LINE, *STORE, *commands, *looking}
    assert not found & HEAVY


def test_the_client(place):
    found = imported("import mlctl\nmlctl.log_metric('m', 1.0)", place)
    fluent = {"fluent", "fluent_active", "fluent_experiments", "fluent_logging", "fluent_source"}
    new_run = {"batches", "codes", "current", "owners", "run_names", "users", *fluent}
    assert ours(found) == {*GROUND, *STORE, "mlctl.errors", *(f"mlctl.tracking.{name}" for name in new_run)}
    assert not found & HEAVY


def test_a_run_imports_no_builder(place, project):
    folder = project("entry_points:\n  main:\n    command: python -c pass\n")
    found = imported(cli("run", str(folder)), place)
    assert not found & {"git", "virtualenv", "rich", "tabulate", "uv", "ssl", "http", "asyncio", "multiprocessing", "urllib.request"}


REMOTE = {
    "mlctl.remote",
    *(
        f"mlctl.remote.{part}"
        for part in ("store", "logged_models", "registry", "address", "connection", "errors", "requests", "spool", "transport")
    ),
}


def test_runs_list_of_a_server(place, tmp_path, monkeypatch):
    """What speaks HTTP is there only then, and is small: neither the standard library's client nor a database."""
    server = Server(tmp_path / "server")
    server.start()
    monkeypatch.setenv("MLCTL_TRACKING_URI", server.address)
    try:
        found = imported(cli("runs", "list"), place)
    finally:
        server.stop()
    names = {name for name in ours(found) if name.startswith(("mlctl.tracking.", "mlctl.remote", "mlctl.sql"))}
    others = {"entities", "opening", "store", "validation", "wire", "owners", "stopping"}
    assert names == {*REMOTE, *(f"mlctl.tracking.{name}" for name in others)}
    assert not found & (HEAVY - {"socket"})
    assert not found & {"sqlite3", "http.client", "email.parser", "urllib.request", "ssl"}
