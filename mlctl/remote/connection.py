"""One connection to a server, and the part of HTTP/1.1 that a client of it needs (RFC 9112), on a plain socket.

The standard library's own client costs 30 ms to import, as much as a whole command that lists runs, and half of each request's time. What
is read here is framed strictly: an answer that does not say where it ends, or says it in two ways, is refused.
"""

import os
import socket
from typing import Any, BinaryIO, Dict, Iterable, Iterator, List, NamedTuple, Optional, Union

from mlctl.remote.address import Server, Tls

Body = Union[bytes, Iterable[bytes]]

CONNECT_S = 10.0
CHUNK = 1 << 18

_LONGEST_LINE = 1 << 16
_MOST_HEADERS = 200
_NO_BODY = (204, 304)


class BadAnswerError(Exception):
    """What came is not an answer of HTTP, or not a whole one. ``nothing`` says that not a byte of it had come."""

    def __init__(self, message: str, *, nothing: bool = False) -> None:
        super().__init__(message)
        self.nothing = nothing


class Head(NamedTuple):
    """How an answer begins: its status, and its headers by their names in lower case."""

    status: int
    headers: Dict[str, str]


class Connection:
    """A connection. One request at a time: `send`, `head`, then `body` or `whole`; `is_free` says whether another may follow.

    Raises:
        OSError: the server, or the proxy on the way to it, cannot be reached.
        BadAnswerError: the proxy does not answer as one.
    """

    def __init__(self, server: Server, *, timeout_s: float) -> None:
        self.pid = os.getpid()
        self.is_free = False
        self._server = server
        self._length: Optional[int] = 0  # what is left of the answer's body; None: it says itself where it ends
        self._chunked = False
        self._keeps = False
        place = server.proxy or server
        host: Any = place.host.encode(
            "ascii"
        )  # as text it would be looked up by the rules of international names, whose tables load for 3 ms
        self._socket = socket.create_connection((host, place.port), min(CONNECT_S, timeout_s))
        self._file: BinaryIO = self._socket.makefile("rb")
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if server.scheme == "https":
                self._secure(server)
            self._socket.settimeout(timeout_s)
        except BaseException:
            self.close()
            raise

    def _secure(self, server: Server) -> None:
        if server.proxy is not None:
            target = f"{server.netloc if server.port != 443 else server.netloc + ':443'}"
            granted = f"Proxy-Authorization: {server.proxy.authorization}\r\n" if server.proxy.authorization else ""
            self.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{granted}\r\n".encode("ascii"))
            status = self.head("CONNECT").status
            if status != 200:
                raise BadAnswerError(f"the proxy {server.proxy.host}:{server.proxy.port} answers {status}")
        self._file.close()
        self._socket = _context(server.tls).wrap_socket(self._socket, server_hostname=server.host)
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        """Let go of it; in a child of the process that made it, the other's connection goes on."""
        self.is_free = False
        self._file.close()
        self._socket.close()

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self.close()

    def is_stale(self) -> bool:
        """Whether the server has closed it, or said something that nobody asked for."""
        import select

        if not hasattr(select, "poll"):
            return bool(select.select([self._socket], [], [], 0)[0])
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLPRI)
        return bool(poll.poll(0))

    # ── one request and its answer ───────────────────────────────────────────────────────────────────────────────────

    def send(self, head: bytes, body: Body = b"") -> None:
        """Send a request's head, with the empty line, and its body.

        Raises:
            OSError: it cannot be sent.
        """
        self.is_free = False
        if isinstance(body, bytes):
            self._socket.sendall(head + body if len(body) < CHUNK else head)
            body = [] if len(body) < CHUNK else [body]
        else:
            self._socket.sendall(head)
        for part in body:
            self._socket.sendall(part)

    def head(self, method: str) -> Head:
        """How the answer to a request begins.

        Raises:
            OSError: nothing comes.
            BadAnswerError: what comes is no answer.
        """
        while True:
            version, status = self._status()
            headers = self._headers()
            if not 100 <= status < 200:
                break
        self._frame(method, version, Head(status, headers))
        return Head(status, headers)

    def _status(self) -> "tuple[bytes, int]":
        line = self._line(nothing=True)
        version, _, rest = line.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit() or rest[3:4].strip():
            raise BadAnswerError(f"it begins with {line[:40]!r}")
        return version, int(rest[:3])

    def _line(self, *, nothing: bool = False) -> bytes:
        line = self._file.readline(_LONGEST_LINE + 1)
        if not line.endswith(b"\n"):
            raise BadAnswerError("it is not whole" if line or not nothing else "the connection was closed", nothing=nothing and not line)
        return line.rstrip(b"\r\n")

    def _headers(self) -> Dict[str, str]:
        found: Dict[str, str] = {}
        for _ in range(_MOST_HEADERS):
            line = self._line()
            if not line:
                return found
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or not name or name != name.strip():
                raise BadAnswerError("a line of its head is no header")
            key, text = name.lower(), value.strip()
            found[key] = f"{found[key]}, {text}" if key in found else text
        raise BadAnswerError(f"it has more than {_MOST_HEADERS} headers")

    def _frame(self, method: str, version: bytes, head: Head) -> None:
        """Find out where the answer ends."""
        coding, length = head.headers.get("transfer-encoding", "").lower(), head.headers.get("content-length")
        self._chunked, self._length = False, 0
        self._keeps = version != b"HTTP/1.0" and "close" not in head.headers.get("connection", "").lower()
        if method in ("HEAD", "CONNECT") or head.status in _NO_BODY:
            pass
        elif coding:
            if coding != "chunked" or length is not None:
                raise BadAnswerError("it says in two ways where it ends")
            self._chunked, self._length = True, None
        elif length is not None:
            self._length = _only_number(length)
        else:
            self._length, self._keeps = None, False
        if self._length == 0:
            self.is_free = self._keeps

    def body(self) -> Iterator[bytes]:
        """The answer's body, in pieces.

        Raises:
            OSError: it stops coming.
            BadAnswerError: it ends too early.
        """
        if self._chunked:
            yield from self._chunks()
        elif self._length is None:
            yield from iter(lambda: self._file.read1(CHUNK), b"")  # type: ignore[attr-defined]
        else:
            while self._length:
                yield self._some(self._length)
        self.is_free = self._keeps

    def _some(self, left: int) -> bytes:
        data: bytes = self._file.read1(min(CHUNK, left))  # type: ignore[attr-defined]
        if not data:
            raise BadAnswerError("it is not whole")
        self._length = left - len(data)
        return data

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = self._line().partition(b";")[0].strip()
            if not size or size.strip(b"0123456789abcdefABCDEF") or len(size) > 16:
                raise BadAnswerError(f"a chunk has the size {size[:20]!r}")
            self._length = int(size, 16)
            if not self._length:
                break
            while self._length:
                yield self._some(self._length)
            if self._line():
                raise BadAnswerError("a chunk is longer than it says")
        self._headers()  # trailers

    def whole(self) -> bytes:
        """All of the answer's body.

        Raises:
            OSError: it stops coming.
            BadAnswerError: it ends too early.
        """
        if self._chunked or not self._length:
            parts: List[bytes] = list(self.body())
            return b"".join(parts)
        data = self._file.read(self._length)
        if len(data) != self._length:
            raise BadAnswerError("it is not whole")
        self.is_free = self._keeps
        return data


def _only_number(text: str) -> int:
    numbers = {part.strip() for part in text.split(",")}
    number = numbers.pop()
    if numbers or not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise BadAnswerError(f"its length is {text[:40]!r}")
    return int(number)


_contexts: Dict[Tls, "object"] = {}


def _context(tls: Tls):  # type: ignore[no-untyped-def]  # noqa: ANN202 -- ssl.SSLContext, and ssl is imported where it is needed
    """How a TLS connection is made; reading the system's certificates takes 20 ms, so once.

    Raises:
        OSError: a file of certificates cannot be read.
    """
    import ssl

    if tls not in _contexts:
        context = ssl.create_default_context(cafile=tls.authorities or None)
        if tls.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if tls.client:
            context.load_cert_chain(tls.client)
        _contexts[tls] = context
    return _contexts[tls]
