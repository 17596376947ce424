"""Serving the app with uvicorn: for `mlctl server`, and (as a program) for the address of one run."""

from __future__ import annotations

import gc
import ipaddress
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, cast

import uvicorn

from mlctl import settings
from mlctl.endpoint import RUN_VARIABLE, STORE_VARIABLE, TOKEN_VARIABLE
from mlctl.errors import UsageError
from mlctl.server.access_log import AccessLog
from mlctl.server.app import App
from mlctl.server.artifacts import ArtifactProxy
from mlctl.server.guard import Guard
from mlctl.server.run_guard import RunGuard
from mlctl.tracking.opening import is_database, is_remote, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlctl.sql.store import SqlStore

GRACE_S = 10
KEEP_ALIVE_S = 75
BACKLOG = 2048
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def check_address(host: str, *, allow_remote: bool) -> None:
    """Refuse an address that other machines reach, unless that is wanted.

    Raises:
        UsageError: it is not one of this machine's alone.
    """
    if host in LOOPBACK_NAMES or allow_remote:
        return
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise UsageError(
            f"{host} can be reached from other machines, and this server asks nobody for a login.",
            hint="Set MLCTL_SERVER_TOKEN, which clients then need as MLFLOW_TRACKING_TOKEN; or permit it: --allow-remote-without-login.",
        )


def address(host: str, bound: socket.socket, static_prefix: str = "") -> str:
    """What a client or a browser on this machine calls a listening socket."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{bound.getsockname()[1]}{static_prefix}"


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        OSError: the address is taken, or not one of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def serve(app: App, bound: socket.socket, *, on_ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; open requests are finished first, for `GRACE_S` seconds at most."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_level="warning",
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config, on_ready)
    server.run(sockets=[bound])


class _Server(uvicorn.Server):
    """Says when it answers, and ends quietly."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets=sockets)
        gc.freeze()  # what is there now stays: no collection need look at it
        gc.enable()  # the command line runs without
        if self._on_ready is not None and self.started:
            self._on_ready()


def serve_store(
    bound: socket.socket,
    uri: str | None,
    *,
    static_prefix: str = "",
    hosts: Sequence[str] | None = None,
    token: str = "",
    access_log: bool = False,
    on_ready: Callable[[str], None] | None = None,
    artifacts: str = "",
) -> None:
    """Serve a store, made if it is new, on a listening socket; ``on_ready`` is called with the store's address.

    ``artifacts`` is where a database's store keeps artifacts: a folder or ``s3://…``. ``access_log`` writes a line of JSON per request to
    standard error. With a ``token``, requests must carry it.

    Raises:
        StoreError: the store cannot be opened.
        UsageError: it is another server's.
    """
    store = _opened(uri, artifacts)
    log = AccessLog(sys.stderr.fileno()) if access_log else None
    app = App(store, artifacts=ArtifactProxy(store), guard=Guard(hosts, token), static_prefix=static_prefix, log=log)
    try:
        serve(app, bound, on_ready=lambda: on_ready(store.uri) if on_ready else None)
    finally:
        if log is not None:
            log.flush()
        store.close()


def _opened(uri: str | None, artifacts: str) -> SqlStore:
    address = settings.value("tracking_uri", flag=uri)
    if is_remote(address):
        raise UsageError(f"The store is a server already: {address}.", hint="--backend-store-uri names the one to serve: ./mlruns")
    if is_database(address):
        from mlctl.sql import postgres

        return postgres.open_store(address, artifacts=artifacts)
    if artifacts:
        hint = "An SQLite store keeps artifacts beside its file; name a database: --backend-store-uri postgresql://…"
        raise UsageError("--artifacts-destination goes with a database.", hint=hint)
    return cast("SqlStore", open_store(uri))


def serve_run() -> None:
    """Serve the address of one run on the socket whose descriptor is the last argument; see `mlctl.endpoint`."""
    bound = socket.socket(fileno=int(sys.argv[-1]))
    token, uri, run_id = (os.environ.pop(name) for name in (TOKEN_VARIABLE, STORE_VARIABLE, RUN_VARIABLE))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the job; this ends after it
    store = cast("SqlStore", open_store(uri, create=False))
    serve(App(store, artifacts=ArtifactProxy(store), guard=RunGuard(token, store=store, run_id=run_id)), bound)
    store.close()


if __name__ == "__main__":
    serve_run()
