"""What the artifact tests share: the proxy behind a real server in a thread, and a client that sends exactly what it is told."""

import functools
import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager

import uvicorn

from mlctl.server.artifacts import ArtifactProxy

API = "/api/2.0/mlflow-artifacts/artifacts"


class Answer:
    """A whole answer."""

    def __init__(self, found, body):
        self.status = found.status
        self.headers = {key.lower(): value for key, value in found.getheaders()}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error_code"]


class Client:
    """Sends requests as they are given."""

    def __init__(self, port):
        self.port = port

    def __call__(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            found = connection.getresponse()
            return Answer(found, found.read())
        finally:
            connection.close()

    def connect(self):
        """A connection to write requests to by hand."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


class _Server:
    """One server for all tests: starting and stopping one takes longer than most of them."""

    def __init__(self):
        self.proxy = None
        self.failures = []
        self.bound = socket.socket()
        self.bound.bind(("127.0.0.1", 0))
        config = uvicorn.Config(self.app, interface="asgi3", lifespan="off", ws="none", log_level="critical", access_log=False)
        self.server = uvicorn.Server(config)
        threading.Thread(target=self.server.run, kwargs={"sockets": [self.bound]}, daemon=True).start()
        assert eventually(lambda: self.server.started, 10)

    async def app(self, scope, receive, send):
        failures = self.failures
        try:
            await self.proxy.handle(scope, receive, send)
        except BaseException as error:
            failures.append(error)
            raise


@functools.cache
def _server():
    return _Server()


@contextmanager
def served(store, **options):
    """The proxy of a store, served on loopback; whatever it raises fails the test."""
    server = _server()
    server.proxy, server.failures = ArtifactProxy(store, **options), []
    yield Client(server.bound.getsockname()[1])
    assert not server.failures


def eventually(condition, seconds=5.0):
    """Wait until something is so; says whether it came to be."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
