"""The ASGI application: guard, routing, reading bodies, errors as MLflow's clients expect them, log and counters."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import msgspec

from mlctl import version
from mlctl.errors import MlctlError
from mlctl.server import openapi, requests
from mlctl.server.commits import Commits
from mlctl.server.counters import Counters
from mlctl.server.documents import Documents
from mlctl.server.guard import OPEN_PATHS
from mlctl.server.pages import MAKE, Pages, are_built
from mlctl.server.routes import ARTIFACTS, ROUTES, Route
from mlctl.server.tracking import Tracking
from mlctl.server.turns import Turns
from mlctl.server.upkeep import Upkeep, prepare_reader
from mlctl.sql.sqlite import SqliteStore

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from mlctl.server.artifacts import ArtifactProxy
    from mlctl.server.commits import Work
    from mlctl.server.guard import Guard
    from mlctl.sql.store import SqlStore

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

MOST_BODY_BYTES = 32 << 20
SILENCE_S = 60.0
READERS = 8
"""Questions to a database that are under way at a time: the event loop waits for none of them."""

_SAFETY: Headers = [(b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"SAMEORIGIN")]
_JSON: Headers = [(b"content-type", b"application/json"), *_SAFETY]
_TEXT: Headers = [(b"content-type", b"text/plain; charset=utf-8"), *_SAFETY]
_METRICS: Headers = [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8"), *_SAFETY]
_HTML: Headers = [(b"content-type", b"text/html; charset=utf-8"), *_SAFETY]
_PAGE = "<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n"

_logger = logging.getLogger("mlctl.server")


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    body: bytes
    headers: Headers = _JSON


class Gone(Exception):  # noqa: N818 -- what happened, not an error of ours
    """The client has gone before it had sent its request."""


class App:
    """The tracking server's application over one store. One event loop may use it.

    ``log`` is called with a dictionary for each answered request; ``static_prefix`` stands in front of every path.
    """

    def __init__(
        self,
        store: SqlStore,
        *,
        artifacts: ArtifactProxy,
        guard: Guard,
        static_prefix: str = "",
        log: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._guard = guard
        self._prefix = static_prefix
        self._log = log
        self._counters = Counters()
        upkeep = Upkeep(store) if isinstance(store, SqliteStore) and not store.read_only else None
        self._readers = ThreadPoolExecutor(READERS, "reader") if store.shared else None
        writer = ThreadPoolExecutor(1, "writer") if store.shared else None
        self._commits = Commits(store, upkeep=upkeep, threads=ThreadPoolExecutor(1, "upkeep"), writer=writer)
        self._turns = Turns()
        self._pages = Pages()
        self._tracking = Tracking(Documents(), self._turns)
        self._heavy = ThreadPoolExecutor(1, "heavy-reads", self._prepare_heavy)
        self._routes: dict[tuple[str, str], Route] = {(route.method, path): route for route in ROUTES for path in route.paths()}
        self._named = [(path, _pattern(path)) for path in dict.fromkeys(path for _, path in self._routes) if "{" in path]
        self._methods: dict[str, list[str]] = {path: ["GET"] for path in self._plain}
        for method, path in self._routes:
            self._methods.setdefault(path, []).append(method)

    def _prepare_heavy(self) -> None:
        Turns.prepare_thread()
        if isinstance(self._store, SqliteStore):
            prepare_reader(self._store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await _decline(scope, receive, send)
            return
        started = time.perf_counter()
        self._turns.arrived += 1
        method, path = scope["method"], self._unprefixed(scope["path"])
        refusal = self._guard.check(method, path, scope["headers"])
        if refusal is None and method != "OPTIONS" and ARTIFACTS.match(path):
            raw = scope["raw_path"].removeprefix(self._prefix.encode()) if path != scope["path"] else scope["raw_path"]
            label, status, size = await self._stream(
                {**scope, "path": path, "raw_path": raw, "root_path": "", "mount": self._prefix}, receive, send
            )
        else:
            if refusal is not None:
                label, answer = "refused", _error(refusal.status, refusal.code, message=refusal.message)
            else:
                label, answer = await self._answer(scope, method, path=path, receive=receive)
            status, size = answer.status, len(answer.body)
            await _send(send, answer, with_body=method != "HEAD")
        seconds = time.perf_counter() - started
        self._counters.count(label, status, seconds)
        if self._log is not None:
            client = scope.get("client") or ("", 0)
            entry = {"method": method, "path": scope["path"], "status": status, "ms": round(seconds * 1000, 3)}
            self._log({**entry, "bytes": size, "client": client[0]})

    def _unprefixed(self, path: str) -> str:
        """The path without the static prefix; file routes and probes answer without it too, what else lacks it is nowhere."""
        if not self._prefix:
            return path
        if path.startswith(self._prefix + "/"):
            return path[len(self._prefix) :]
        return path if path in OPEN_PATHS or "/mlflow-artifacts/artifacts/" in path else ""

    async def _answer(self, scope: Scope, method: str, *, path: str, receive: Receive) -> tuple[str, Answer]:
        """The route's name for the counters, and the answer."""
        reading = "GET" if method == "HEAD" else method
        route = self._routes.get((reading, path))
        named: dict[str, str] = {}
        if route is None:
            path, named = self._with_names(path, scope)
            route = self._routes.get((reading, path))
        if route is None:
            return self._without_route(scope, reading, path=path)
        try:
            if route.method == "GET":
                request = requests.from_query(route.request, scope["query_string"], named)
            else:
                request = requests.from_body(route.request, await _body(receive), named)
            return route.name, Answer(200, await self._work(route, request))
        except MlctlError as error:
            return route.name, _failed(error)
        except Gone:
            return route.name, Answer(499, b"")
        except asyncio.TimeoutError:
            return route.name, _error(408, "DEADLINE_EXCEEDED", message=f"Nothing has come for {SILENCE_S:g} seconds.")
        except Exception:
            _logger.exception("%s %s failed", method, route.name)
            return route.name, _DEFECT

    def _with_names(self, path: str, scope: Scope) -> tuple[str, dict[str, str]]:
        """The path of a route whose address names things, and what it names; else the path as it is."""
        if path in self._methods or "/logged-models/" not in path:
            return path, {}
        raw = scope["raw_path"].decode("latin-1").removeprefix(self._prefix)  # a name may have an encoded slash
        for known, pattern in self._named:
            match = pattern.fullmatch(raw)
            if match:
                return known, {name: unquote(value) for name, value in match.groupdict().items()}
        return path, {}

    async def _work(self, route: Route, request: requests.Body) -> bytes:
        work = route.handler(self._tracking, request)
        if route.writes:
            return await self._commits.run(work)
        if self._readers is not None:
            return await self._read_beside(self._readers, route, request, work)
        if route.heavy is not None and self._is_heavy(route, request):
            return await asyncio.get_running_loop().run_in_executor(self._heavy, self._read, work)
        return self._read(work)

    async def _read_beside(self, readers: Executor, route: Route, request: requests.Body, work: Work) -> bytes:
        """A read of a store that is far away: in a thread, and, where it reads much, in that of long reads."""
        loop = asyncio.get_running_loop()
        is_heavy = route.heavy is not None and await loop.run_in_executor(readers, self._is_heavy, route, request)
        return await loop.run_in_executor(self._heavy if is_heavy else readers, self._read, work)

    def _is_heavy(self, route: Route, request: requests.Body) -> bool:
        with self._store.reading() as db:
            return route.heavy is not None and route.heavy(db, request)

    def _read(self, work: Work) -> bytes:
        with self._store.reading() as db:
            return work(db)

    def _without_route(self, scope: Scope, method: str, *, path: str) -> tuple[str, Answer]:
        """Pages that are no rows of the table, and what is answered where there is nothing."""
        page = self._page(scope, path) if method == "GET" else None
        if page is not None:
            return "pages", page
        if method == "OPTIONS" and (path in self._methods or path.startswith(("/api/", "/ajax-api/"))):
            return "options", Answer(204, b"", [(b"allow", self._allowed(path)), *_SAFETY])
        if path in self._plain and method == "GET":
            return path.strip("/"), self._plain[path](self)
        if path in self._methods:
            text = f"{path} takes {self._allowed(path).decode()}."
            page = _page(405, "Method not allowed", text=text)
            return "method-not-allowed", page._replace(headers=[(b"allow", self._allowed(path)), *_HTML])
        return "not-found", _page(404, "Not found", text="There is nothing at this address.")

    def _page(self, scope: Scope, path: str) -> Answer | None:
        """A file of the web pages; None where there is none of that name."""
        if self._prefix and scope["path"] == self._prefix:
            return Answer(308, b"", [(b"location", f"{self._prefix}/".encode()), *_SAFETY])
        packed = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
        found = self._pages.find(path, packed=packed) if path else None
        if found is not None:
            return Answer(200, *found)
        return _page(404, "No pages here", text=MAKE) if path == "/" and not are_built() else None

    def _allowed(self, path: str) -> bytes:
        return ", ".join(sorted({"OPTIONS", *self._methods.get(path, ("GET", "POST"))})).encode()

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> tuple[str, int, int]:
        """Let the artifact proxy answer; returns a name for the counters, the status, and the bytes sent."""
        seen = {"status": 0, "bytes": 0}

        async def watching(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            else:
                seen["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._artifacts.handle(scope, receive, watching)
        except Exception:
            _logger.exception("%s %s failed", scope["method"], scope["path"])
            if not seen["status"]:
                await _send(watching, _DEFECT, with_body=True)
        return "artifacts", seen["status"], seen["bytes"]

    def _health(self) -> Answer:
        return Answer(200, b"OK", _TEXT)

    def _version(self) -> Answer:
        return Answer(200, version.__version__.encode(), _TEXT)

    def _metrics(self) -> Answer:
        return Answer(200, self._counters.text().encode(), _METRICS)

    def _openapi(self) -> Answer:
        return Answer(200, openapi.document(prefix=self._prefix))

    _plain: dict[str, Callable[[App], Answer]] = {  # noqa: RUF012 -- a table
        "/health": _health,
        "/version": _version,
        "/metrics": _metrics,
        "/api/openapi.json": _openapi,
    }


def _pattern(path: str) -> re.Pattern[str]:
    """What an address must look like for a route with names in braces."""
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


async def _decline(scope: Scope, receive: Receive, send: Send) -> None:
    """No web sockets; of the lifespan there is nothing to say but yes."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "websocket.close", "code": 1000})


async def _body(receive: Receive) -> bytes:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    if not message.get("more_body"):
        found: bytes = message.get("body", b"")
        return found
    parts, size = [message["body"]], len(message["body"])
    while message.get("more_body"):
        message = await asyncio.wait_for(receive(), SILENCE_S)
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BODY_BYTES:
            raise TooLargeError(f"The request's body has more than {MOST_BODY_BYTES} bytes.")
    return b"".join(parts)


class TooLargeError(MlctlError):
    """A body beyond the limit."""

    code, http_status = "BAD_REQUEST", 413


async def _send(send: Send, answer: Answer, *, with_body: bool) -> None:
    headers = [(b"content-length", b"%d" % len(answer.body)), *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body if with_body else b""})


def _failed(error: MlctlError) -> Answer:
    """The answer to an error of ours. What the store itself suffers from names files: that goes to the log."""
    if error.http_status < 500:
        return _error(error.http_status, error.code, message=str(error), hint=error.hint)
    _logger.error("%s", error)
    return _error(error.http_status, error.code, message="The tracking store cannot be used now; the server's log says why.")


def _error(status: int, code: str, *, message: str, hint: str = "") -> Answer:
    """An error as MLflow's clients read it; the hint, with which the message ends, also stands alone for clients of ours."""
    headers = [(b"www-authenticate", b'Basic realm="mlctl"'), *_JSON] if status == 401 else _JSON
    body = {"error_code": code, "message": message, **({"hint": hint} if hint else {})}
    return Answer(status, msgspec.json.encode(body), headers)


def _page(status: int, title: str, *, text: str) -> Answer:
    return Answer(status, _PAGE.format(status=status, title=title, text=text).encode(), _HTML)


_DEFECT = _error(500, "INTERNAL_ERROR", message="The server has a defect here; its log says which.")
