"""One suite for every tracking store: a store is a row of FACTORIES, a context manager that gives an empty one."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn

from mlctl.remote.store import HttpStore
from mlctl.server.app import App
from mlctl.server.artifacts import ArtifactProxy
from mlctl.server.guard import Guard
from mlctl.server.serving import listen
from mlctl.sql.postgres import PostgresStore
from mlctl.sql.sqlite import SqliteStore
from mlctl.tracking.entities import Metric, Param, Run, RunTag
from mlctl.tracking.store import TrackingStore


@contextlib.contextmanager
def _sqlite(request: pytest.FixtureRequest, folder: Path) -> Iterator[TrackingStore]:
    with contextlib.closing(SqliteStore(str(folder / "it's a 'fold er'; #?%" / "mlctl.db"))) as store:
        yield store


class Door:
    """A real server in a thread that all tests share. Each of them puts an application of its own behind it."""

    def __init__(self, bound: socket.socket) -> None:
        self.app: App | None = None
        self.address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        options = {"loop": "uvloop", "http": "httptools", "ws": "none", "lifespan": "off", "log_config": None, "access_log": False}
        self.server = uvicorn.Server(uvicorn.Config(self._answer, interface="asgi3", **options))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [bound]})

    async def _answer(self, scope, receive, send):
        assert self.app is not None
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def door():
    with listen("127.0.0.1", 0) as bound:
        door = Door(bound)
        door.thread.start()
        yield door
        door.server.should_exit = True
        door.thread.join(20)


@contextlib.contextmanager
def _http(request: pytest.FixtureRequest, folder: Path) -> Iterator[TrackingStore]:
    """A client of a server over such a store."""
    door = request.getfixturevalue("door")
    with _sqlite(request, folder) as behind:
        door.app = App(behind, artifacts=ArtifactProxy(behind), guard=Guard(None))
        with contextlib.closing(HttpStore(door.address)) as store:
            yield store


@pytest.fixture(scope="session")
def shared_database(postgres):
    return postgres, postgres.schema()


@contextlib.contextmanager
def _postgres(request: pytest.FixtureRequest, folder: Path) -> Iterator[TrackingStore]:
    server, address = request.getfixturevalue("shared_database")
    with contextlib.closing(PostgresStore(server.emptied(address), artifacts=str(folder / "it's a 'fold er'; #?%"))) as store:
        yield store


@contextlib.contextmanager
def _s3(request: pytest.FixtureRequest, folder: Path) -> Iterator[TrackingStore]:
    """A database whose artifacts are in a bucket."""
    server, address = request.getfixturevalue("shared_database")
    place = f"{request.getfixturevalue('bucket')}/some path/it's %41"
    with contextlib.closing(PostgresStore(server.emptied(address), artifacts=place)) as store:
        yield store


@contextlib.contextmanager
def _http_s3(request: pytest.FixtureRequest, folder: Path) -> Iterator[TrackingStore]:
    """A client of a server over such a store."""
    door = request.getfixturevalue("door")
    with _s3(request, folder) as behind:
        door.app = App(behind, artifacts=ArtifactProxy(behind), guard=Guard(None))
        with contextlib.closing(HttpStore(door.address)) as store:
            yield store


Factory = Callable[[pytest.FixtureRequest, Path], contextlib.AbstractContextManager[TrackingStore]]
FACTORIES: dict[str, Factory] = {"http": _http, "postgres": _postgres, "sqlite": _sqlite}
OF_ARTIFACTS: dict[str, Factory] = {"http-s3": _http_s3, "s3": _s3}
"""Stores that differ from others in where artifacts are, and in nothing else."""

_S3 = (pytest.mark.engine("postgres"), pytest.mark.engine("s3"))
ENGINES = {"postgres": pytest.mark.engine("postgres"), "http-s3": _S3, "s3": _S3}


def pytest_generate_tests(metafunc):
    if "store" in metafunc.fixturenames:
        stores = {**FACTORIES, **(OF_ARTIFACTS if metafunc.module.__name__.endswith("artifacts") else {})}
        metafunc.parametrize("store", [pytest.param(name, marks=ENGINES.get(name, ())) for name in sorted(stores)], indirect=True)


@pytest.fixture
def store(request, tmp_path):
    with {**FACTORIES, **OF_ARTIFACTS}[request.param](request, tmp_path) as found:
        yield found


class Make:
    """Short ways to make runs."""

    def __init__(self, store: TrackingStore) -> None:
        self.store = store

    def __call__(self, name="", *, experiment="0", start=None, metrics=(), params=None, tags=None, **options) -> str:
        """A run; metrics are a dict of values or a list of metrics. Returns its id."""
        run: Run = self.store.create_run(
            experiment,
            run_name=name,
            start_time=start,
            params=[Param(key, value) for key, value in (params or {}).items()],
            tags=[RunTag(key, value) for key, value in (tags or {}).items()],
            **options,
        )
        points = [Metric(key, value, 0) for key, value in metrics.items()] if isinstance(metrics, dict) else list(metrics)
        if points:
            self.store.log_batch(run.info.run_id, metrics=points)
        return run.info.run_id

    def found(self, filter_string="", *order_by, experiments=("0",), **options) -> list[str]:
        """Names of the runs that a search finds, in order."""
        page = self.store.search_runs(list(experiments), filter_string=filter_string, order_by=order_by, **options)
        return [run.info.run_name for run in page]


@pytest.fixture
def make(store):
    return Make(store)
