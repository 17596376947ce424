"""Requests to a server: connections kept and shared among threads, time-outs, and repeating where repeating is safe.

A request is repeated, with growing pauses, if it had not been sent, if the server asks for that (429 or 503 with ``Retry-After``), or if
doing it twice is the same as doing it once. A server that has answered this process before is waited for as long as the setting
``http_patience_s`` says; an address that never has is more likely wrong than restarting.
"""

import json
import os
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, NoReturn, Optional, Sequence, Set, Tuple, Union

from mlctl import settings
from mlctl.errors import StoreError
from mlctl.remote import errors as http_errors
from mlctl.remote.address import Server, server
from mlctl.remote.connection import BadAnswerError, Body, Connection, Head
from mlctl.version import __version__

Json = Dict[str, Any]
Query = Sequence[Tuple[str, Union[str, int]]]

_FIRST_PATIENCE_S = 1.0
_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0
_IDLE_S = 4.0  # servers close what was idle for 5 s (uvicorn) or longer
_KEPT = 64
_BUSY = (429, 503)
_FLEETING = (408, 429, 502, 503, 504)  # a gateway's, or of a server that is starting
_JSON_TYPE = "application/json"


_answered: Set[str] = set()
"""Addresses that have answered this process (or the one it was forked from)."""


class Request(NamedTuple):
    """A request; ``body`` makes its body anew each time it is sent, ``length`` is how many bytes that gives."""

    method: str
    path: str
    body: Callable[[], Body] = bytes
    length: int = 0
    content_type: str = _JSON_TYPE
    repeatable: bool = True
    accepts_gzip: bool = True


class _AttemptError(Exception):
    """One attempt in vain: why, whether the server may have done something, and when it wants to be asked again (seconds)."""

    def __init__(self, error: StoreError, *, may_repeat: bool, after_s: Optional[float] = None, at_once: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.may_repeat = may_repeat
        self.after_s = after_s
        self.at_once = at_once


class Transport:
    """The way to one server. Threads may share it; a fork opens connections of its own.

    Raises:
        StoreError: the address cannot be read.
        UsageError: a setting is not a number.
    """

    def __init__(self, address: str) -> None:
        self.server: Server = server(address)
        self._timeout_s = settings.number("http_timeout_s") or None
        self._patience_s = settings.number("http_patience_s")
        self._pool: List[Tuple[Connection, float]] = []
        self._start, self._common = _fixed_parts(self.server)

    def close(self) -> None:
        """Close what is kept open."""
        while self._pool:
            self._pool.pop()[0].close()

    def get(self, path: str, query: Query = ()) -> Json:
        """The JSON at a path."""
        return self.call(Request("GET", path + query_string(query)))

    def post(self, path: str, fields: Mapping[str, Any], *, repeatable: bool) -> Json:
        """Send JSON to a path; returns the answer's."""
        return self.send("POST", path, fields, repeatable=repeatable)

    def send(self, method: str, path: str, fields: Mapping[str, Any], *, repeatable: bool = True) -> Json:
        """As `post`, with another method."""
        body = json.dumps(fields, separators=(",", ":")).encode("ascii")
        return self.call(Request(method, path, lambda: body, len(body), repeatable=repeatable))

    def call(self, request: Request) -> Json:
        """The JSON that answers a request.

        Raises:
            StoreError: the server refuses, or cannot be reached; of its tree is what the server says.
        """
        connection, head = self._exchange(request)
        try:
            body = connection.whole()
        except (OSError, BadAnswerError) as error:
            connection.close()
            raise http_errors.unreachable(self.server, error, sent=True) from error
        self._put_back(connection)
        return self._json(request, _inflated(head, body))

    def stream(self, request: Request) -> Iterator[bytes]:
        """The body that answers a request, in pieces; the request is made when the first is asked for.

        Raises:
            StoreError: see `call`.
        """
        connection, _ = self._exchange(request)
        try:
            yield from connection.body()
        except (OSError, BadAnswerError) as error:
            raise http_errors.unreachable(self.server, error, sent=True) from error
        finally:
            self._put_back(connection)

    # ── one exchange, as often as needed ─────────────────────────────────────────────────────────────────────────────

    def _exchange(self, request: Request) -> Tuple[Connection, Head]:
        """Send a request until it is answered with success; returns the connection from which the body is to be read."""
        known = self.server.uri in _answered
        deadline = time.monotonic() + (self._patience_s if known else min(self._patience_s, _FIRST_PATIENCE_S))
        attempt = 0
        while True:
            try:
                return self._attempt(request)
            except _AttemptError as failure:
                pause = 0.0 if failure.at_once and attempt == 0 else _pause_s(attempt, failure.after_s)
                if not failure.may_repeat or time.monotonic() + pause > deadline:
                    raise failure.error from failure.__cause__
                attempt += 1
                time.sleep(pause)

    def _attempt(self, request: Request) -> Tuple[Connection, Head]:
        connection, is_new = self._connection(request)
        try:
            head = self._sent(connection, request)
        except (OSError, BadAnswerError) as error:
            connection.close()
            self._give_up(request, error, is_new=is_new)
        _answered.add(self.server.uri)
        if 200 <= head.status < 300:
            return connection, head
        raise self._refusal(connection, request, head)

    def _sent(self, connection: Connection, request: Request) -> Head:
        head = self._head_of(request)
        try:
            connection.send(head, request.body())
        except (BrokenPipeError, ConnectionResetError) as error:
            try:
                return connection.head(request.method)  # a server may answer, and close, before it has read everything
            except (OSError, BadAnswerError):
                raise error from None
        return connection.head(request.method)

    def _give_up(self, request: Request, error: Exception, *, is_new: bool) -> NoReturn:
        closed = isinstance(error, (BrokenPipeError, ConnectionResetError)) or (isinstance(error, BadAnswerError) and error.nothing)
        failed = http_errors.unreachable(self.server, error, sent=True)
        raise _AttemptError(failed, may_repeat=request.repeatable, at_once=closed and not is_new) from error

    def _refusal(self, connection: Connection, request: Request, head: Head) -> _AttemptError:
        """What an answer other than 200 means."""
        try:
            body = _inflated(head, connection.whole())
        except (OSError, BadAnswerError):
            body = b""
        self._put_back(connection)
        path = request.path.partition("?")[0]
        error = http_errors.refused(self.server, path, status=head.status, headers=head.headers, body=body)
        after = head.headers.get("retry-after", "")
        after_s = float(after) if after.isdigit() else None
        asked = head.status in _BUSY and after_s is not None
        return _AttemptError(error, may_repeat=asked or (request.repeatable and head.status in _FLEETING), after_s=after_s)

    def _head_of(self, request: Request) -> bytes:
        lines = [f"{request.method} {self._start}{request.path} HTTP/1.1\r\n{self._common}"]
        if request.method != "GET":
            lines.append(f"Content-Type: {request.content_type}\r\nContent-Length: {request.length}\r\n")
        lines.append("Accept-Encoding: gzip\r\n\r\n" if request.accepts_gzip else "\r\n")
        return "".join(lines).encode("ascii")

    # ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _connection(self, request: Request) -> Tuple[Connection, bool]:
        """A kept connection, or a new one, and whether it is new."""
        while True:
            try:
                kept, since = self._pool.pop()
            except IndexError:
                break
            idle = time.monotonic() - since > _IDLE_S and not request.repeatable
            if kept.pid == os.getpid() and not idle and not kept.is_stale():
                return kept, False
            kept.close()
        try:
            return Connection(self.server, timeout_s=self._timeout_s or 86_400.0), True
        except (OSError, BadAnswerError) as error:
            failed = http_errors.unreachable(self.server, error, sent=False)
            raise _AttemptError(failed, may_repeat=_may_pass(error)) from error

    def _put_back(self, connection: Connection) -> None:
        if connection.is_free and len(self._pool) < _KEPT:
            self._pool.append((connection, time.monotonic()))
        else:
            connection.close()

    def _json(self, request: Request, body: bytes) -> Json:
        try:
            found = json.loads(body) if body else {}
        except ValueError:
            found = None
        if not isinstance(found, dict):
            hint = "Is the address that of a tracking server?"
            raise StoreError(f"{self.server.uri} answers {request.path.partition('?')[0]} with something that is no JSON.", hint=hint)
        return found


def _fixed_parts(found: Server) -> Tuple[str, str]:
    """What stands before every path, and the headers of every request."""
    lines = [f"Host: {found.netloc}", f"User-Agent: mlctl/{__version__}", "Accept: */*"]
    if found.authorization:
        lines.append(f"Authorization: {found.authorization}")
    start = found.prefix
    if found.proxy is not None and found.scheme == "http":
        start = found.uri
        if found.proxy.authorization:
            lines.append(f"Proxy-Authorization: {found.proxy.authorization}")
    return start, "".join(f"{line}\r\n" for line in lines)


def query_string(query: Query) -> str:
    """A query as it stands in an address, with its question mark; nothing for an empty one."""
    if not query:
        return ""
    if all(str(value).isalnum() and str(value).isascii() for _, value in query):
        return "?" + "&".join(f"{name}={value}" for name, value in query)
    from urllib.parse import quote

    return "?" + "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query)


def _inflated(head: Head, body: bytes) -> bytes:
    if head.headers.get("content-encoding", "").lower() not in ("gzip", "x-gzip"):
        return body
    import zlib

    try:
        return zlib.decompress(body, 31)
    except zlib.error:
        return b""


def _may_pass(error: Exception) -> bool:
    """Whether trying to connect again may help: not where a name is unknown or a certificate bad."""
    return type(error).__name__ not in ("gaierror", "SSLCertVerificationError", "SSLError", "BadAnswerError", "FileNotFoundError")


def _pause_s(attempt: int, after_s: Optional[float]) -> float:
    """Twice as long each time, and never quite the same: many clients of a server that restarts should not come all at once."""
    if after_s is not None:
        return after_s
    return min(_LONGEST_PAUSE_S, _PAUSE_S * 2.0 ** min(attempt, 10)) * (0.5 + os.urandom(1)[0] / 256)
