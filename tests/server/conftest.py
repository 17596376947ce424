"""A real server in a thread, and a plain client for it."""

import contextlib
import http.client
import json
import socket
import threading

import pytest
import uvicorn

from mlctl.server.app import App
from mlctl.server.artifacts import ArtifactProxy
from mlctl.server.guard import Guard
from mlctl.sql.sqlite import SqliteStore

API = "/api/2.0/mlflow/"


class Reply:
    """An answer: status, headers, body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json.get("error_code")


class Client:
    """Sends requests as they are told."""

    def __init__(self, port):
        self.port = port
        self.address = f"http://127.0.0.1:{port}"

    def send(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            found = connection.getresponse()
            return Reply(found.status, dict(found.getheaders()), found.read())
        finally:
            connection.close()

    def raw(self, name, body, content_type="application/json", method="POST"):
        return self.send(method, API + name, body=body, headers={"Content-Type": content_type} if content_type else {})

    def post(self, name, /, **fields):
        return self.raw(name, json.dumps(fields))

    def get(self, name, query=""):
        return self.send("GET", f"{API}{name}?{query}")

    def ok(self, name, /, **fields):
        reply = self.post(name, **fields)
        assert reply.status == 200, reply.body
        return reply.json

    def run(self, experiment="0", **fields):
        """The id of a new run."""
        return self.ok("runs/create", experiment_id=experiment, **fields)["run"]["info"]["run_id"]

    def data(self, run):
        """A run's data, as dictionaries."""
        reply = self.get("runs/get", f"run_id={run}")
        found = reply.json["run"]["data"]
        return {name: {item["key"]: item["value"] for item in found.get(name, [])} for name in ("metrics", "params", "tags")}


@contextlib.contextmanager
def serving(app):
    """The port on which an ASGI application is served, in a thread."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(128)
        options = {"loop": "uvloop", "http": "httptools", "ws": "none", "lifespan": "off", "log_config": None, "access_log": False}
        server = uvicorn.Server(uvicorn.Config(app, **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("it's a 'store'; #?%")


@pytest.fixture(scope="session")
def server_store(store_folder):
    with contextlib.closing(SqliteStore(str(store_folder / "mlctl.db"))) as store:
        yield store


@pytest.fixture(scope="session")
def app_log():
    return []


@pytest.fixture(scope="session")
def client(server_store, app_log):
    """A client of a server that all tests share."""
    app = App(server_store, artifacts=ArtifactProxy(server_store), guard=Guard(None), log=app_log.append)
    with serving(app) as port:
        yield Client(port)


@pytest.fixture
def free_port():
    """A port that nobody listens on, just now."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


@pytest.fixture
def serve_app(tmp_path):
    """A function that serves an application of its own store; options are those of `App`."""
    with contextlib.ExitStack() as stack:

        def start(guard=None, **options):
            store = stack.enter_context(contextlib.closing(SqliteStore(str(tmp_path / "mlctl.db"))))
            proxy = ArtifactProxy(store)
            app = App(store, artifacts=proxy, guard=guard or Guard(None), **options)
            client = Client(stack.enter_context(serving(app)))
            client.artifact_routes = list(proxy.routes())
            return client

        yield start
