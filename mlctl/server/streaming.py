"""Bodies in pieces: receiving one as chunks of bounded size, sending a file or a part of it, and the headers that go with a file."""

from __future__ import annotations

import asyncio
import contextlib
import mimetypes
import os
import re
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from email.utils import formatdate
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

CHUNK = 512 << 10  # bytes in memory per transfer, and per step to a thread
SMALL = 256 << 10  # bytes: a file up to this is read in the step that opens it
SILENCE_S = 60.0  # a client that sends nothing for so long has gone

_TEXT = re.compile(
    "txt|log|err|cfg|conf|cnf|cf|ini|properties|prop|hocon|toml|ya?ml|xml|json|js|py3?|csv|tsv|md|rst|ipynb|MLmodel|MLproject"
)
_SINGLE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE | re.ASCII)

SAFETY: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'self'"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_FRAMED = b"""
sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:;
media-src data: blob:; font-src data:; worker-src blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'
""".replace(b"\n", b" ").strip()
"""What a page of a run's may do in a frame of ours: run its own scripts, of no origin, and reach nothing, this server included."""


class Disconnected(Exception):  # noqa: N818 -- what happened, not an error of ours
    """The client has gone before it had sent everything."""


class TooSlow(Exception):  # noqa: N818
    """The client has sent nothing for `SILENCE_S` seconds."""


class Reader(Protocol):
    """What gives the content of a file."""

    def read(self, size: int, first: int) -> bytes:
        """A part of it; nothing if it cannot be read (any more)."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class LocalReader:
    """Reads a file of this machine, by its descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, size: int, first: int) -> bytes:
        """A part of the file; nothing if it cannot be read (any more)."""
        try:
            return os.pread(self._descriptor, size, first)
        except OSError:
            return b""

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


class Facts(Protocol):
    """What an answer says of a file: those of `os.stat_result`, or of an object of S3."""

    @property
    def st_size(self) -> int: ...  # noqa: D102 -- the names of os.stat_result
    @property
    def st_mtime(self) -> float: ...  # noqa: D102
    @property
    def st_mtime_ns(self) -> int: ...  # noqa: D102
    @property
    def st_ino(self) -> int: ...  # noqa: D102


class File(NamedTuple):
    """An open file to send. ``start`` is its first bytes if it has been read already: all of a small one."""

    reader: Reader
    name: str
    facts: Facts
    start: bytes = b""


async def chunks(receive: Receive) -> AsyncIterator[tuple[list[bytes], bool]]:
    """The body of a request, in lists of pieces of about `CHUNK` bytes together, each with whether it is the last.

    Raises:
        Disconnected: it ended before its end.
        TooSlow: the client is silent.
    """
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        body, more = await _next(receive)
        parts.append(body)
        size += len(body)
        if size >= CHUNK or not more:
            yield parts, not more
            parts, size = [], 0


async def _next(receive: Receive) -> tuple[bytes, bool]:
    try:
        message = await asyncio.wait_for(receive(), SILENCE_S)
    except asyncio.TimeoutError:
        raise TooSlow from None
    if message["type"] == "http.disconnect":
        raise Disconnected
    return message.get("body", b""), message.get("more_body", False)


async def answer(send: Send, status: int, body: bytes = b"", *, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """A whole answer; JSON, if it has a body."""
    length = (b"content-length", str(len(body)).encode())
    kind = [(b"content-type", b"application/json")] if body else []
    await send({"type": "http.response.start", "status": status, "headers": [length, *kind, *SAFETY, *headers]})
    await send({"type": "http.response.body", "body": body})


async def send_file(file: File, request: dict[bytes, bytes], *, method: str, receive: Receive, send: Send, framed: bool = False) -> None:
    """Answer with a file: 200, 206 with a part of it, 304 or 416; for HEAD the headers alone. Closes the file."""
    try:
        headers, size = (framed_headers if framed else file_headers)(file.name, file.facts), file.facts.st_size
        if _is_known(request, file.facts):
            await _start(send, 304, [pair for pair in headers if pair[0] in (b"etag", b"last-modified", b"cache-control")])
            await send({"type": "http.response.body"})
            return
        first, end, status = _wanted(request, file.facts) if method == "GET" else (0, size, 200)
        if status != 200:
            headers.append((b"content-range", f"bytes {f'{first}-{end - 1}' if status == 206 else '*'}/{size}".encode()))
        await _start(send, status, [*headers, (b"content-length", str(end - first).encode())])
        await _send_part(file, first, end if method == "GET" else first, receive=receive, send=send)
    finally:
        file.reader.close()


async def _start(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _send_part(file: File, first: int, end: int, *, receive: Receive, send: Send) -> None:
    if end <= max(first, len(file.start)):
        await send({"type": "http.response.body", "body": file.start[first:end]})
        return
    gone = asyncio.ensure_future(_gone(receive))
    try:
        while first < end and not gone.done():
            body = await asyncio.to_thread(file.reader.read, min(CHUNK, end - first), first)
            if not body:
                return  # cut short while it was sent: the answer stays incomplete, and the client sees that
            first += len(body)
            await send({"type": "http.response.body", "body": body, "more_body": first < end})
    finally:
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def file_headers(name: str, facts: Facts) -> Headers:
    """Headers of a file's answer but its length: never shown by a browser, never guessed at, never run."""
    return [
        (b"content-type", media_type(name).encode("latin-1")),
        (b"content-disposition", disposition(name).encode("ascii")),
        (b"accept-ranges", b"bytes"),
        (b"etag", etag(facts).encode()),
        (b"last-modified", formatdate(facts.st_mtime, usegmt=True).encode()),
        (b"cache-control", b"no-cache"),
        *SAFETY,
    ]


def framed_headers(name: str, facts: Facts) -> Headers:
    """Headers of a page (HTML) that is shown in a frame; of anything else those of a download."""
    found = file_headers(name, facts)
    if media_type(name) != "text/html":
        return found
    replaced = (b"content-disposition", b"content-security-policy", b"content-type")
    kept = [pair for pair in found if pair[0] not in replaced]
    return [*kept, (b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", _FRAMED)]


def etag(facts: Facts) -> str:
    """A tag that changes with the file: a replaced one has another inode, a rewritten one another time."""
    return f'"{facts.st_mtime_ns:x}-{facts.st_size:x}-{facts.st_ino:x}"'


def media_type(name: str) -> str:
    """The media type of a file, by its name; what MLflow shows as text is text/plain."""
    stem, dot, extension = name.rpartition(".")
    if _TEXT.fullmatch(extension if dot and stem else name):
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def disposition(name: str) -> str:
    """The Content-Disposition of a download, RFC 6266: a plain name for all, and the true one in UTF-8 where they differ."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[\x00-\x1f\x7f]", "", plain) or "download"
    shown = plain if re.fullmatch(r"[\w!#$&+.^`|~-]+", plain, re.ASCII) else '"' + re.sub(r'(["\\])', r"\\\1", plain) + '"'
    encoded = "" if plain == name else "; filename*=UTF-8''" + quote(name, safe="!#$&+-.^_`|~")
    return f"attachment; filename={shown}{encoded}"


def _is_known(request: dict[bytes, bytes], facts: Facts) -> bool:
    """Whether the client has this very file already."""
    known = request.get(b"if-none-match", b"").decode("latin-1")
    return known.strip() == "*" or etag(facts) in [tag.strip().removeprefix("W/") for tag in known.split(",")]


def _wanted(request: dict[bytes, bytes], facts: Facts) -> tuple[int, int, int]:
    """First byte, end and status for what a GET asks for: all of a file unless it names one range that can be understood."""
    size = facts.st_size
    match = _SINGLE_RANGE.fullmatch(request.get(b"range", b"").decode("latin-1"))
    if match is None or match[1] == match[2] == "" or not _is_same(request, facts):
        return 0, size, 200
    if not match[1]:
        first, end = max(0, size - int(match[2])), size
    else:
        first, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < first:
            return 0, size, 200
    return (first, end, 206) if first < end else (0, 0, 416)


def _is_same(request: dict[bytes, bytes], facts: Facts) -> bool:
    """Whether a range is of the file that the client has a part of; without If-Range it does not care."""
    told = request.get(b"if-range", b"").decode("latin-1").strip()
    return told in ("", etag(facts), formatdate(facts.st_mtime, usegmt=True))
