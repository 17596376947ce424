"""Artifacts over HTTP: uploaded, downloaded, listed and deleted by path (the proxy of MLflow's clients) or by run (its web pages).

By path: everything below ``artifacts`` in the store's folder, which is what an address ``mlflow-artifacts:/…`` names; like MLflow, no
experiment or run of that name has to exist. By run: the run's own artifacts, if they are there. An experiment that keeps them elsewhere
is asked for by run only, and only if its location is a local folder below one that whoever starts the server has named: otherwise
a client could make an experiment at any folder, and read and write it through us.

Nothing here trusts a path: `artifact_paths` looks at its text, and `artifact_tree` opens it.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import msgspec

from mlctl import settings
from mlctl.errors import InvalidValueError, MlctlError
from mlctl.files.places import SCHEME
from mlctl.server import artifact_paths, artifact_requests, requests, streaming
from mlctl.server.artifact_requests import ArtifactRequest
from mlctl.server.artifact_tree import Draft, Names, RefusedError, Tree
from mlctl.server.multipart import SECRET_HEADER, Multipart, too_large
from mlctl.tracking import wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from mlctl.server.s3_tree import ObjectDraft, S3Tree
    from mlctl.sql.store import SqlStore

PAGE_UPLOAD_BYTES = 10 << 20
SLOT_WAIT_S = 20.0  # then the client is told to come back

_PROXY = "/2.0/mlflow-artifacts"
_NO_DOWNLOAD = "Multipart download is not supported for the current artifact repository"  # the client looks for this sentence
_PART = f"{_PROXY}/mpu/part/"
_BOTH = ("/api", "/ajax-api")
_AJAX = ("/ajax-api",)
_API = ("/api",)


class _Place(NamedTuple):
    """A folder or file of artifacts."""

    tree: Tree | S3Tree
    names: Names


class _RunPlace(NamedTuple):
    """Where the artifacts of a run are: as clients are told, and as we find them."""

    uri: str
    tree: Tree | S3Tree
    names: Names


class ArtifactProxy:
    """The artifact routes, as an ASGI application of their own that a larger one mounts.

    ``folders`` are local folders, besides the store's own, in which experiments may keep artifacts that are served by run.

    Raises:
        UsageError: a setting (``uploads_at_once``, ``artifact_max_bytes``) is not a number.
    """

    def __init__(self, store: SqlStore, *, folders: Sequence[str] = ()) -> None:
        self._store = store
        self._own = _tree(f"{store.folder}/artifacts")
        self._folders = tuple(os.path.realpath(folder) for folder in folders)
        self._most_bytes = int(settings.number("artifact_max_bytes"))
        self._multipart = Multipart(self._own, most_bytes=self._most_bytes)
        self._slots = asyncio.Semaphore(max(1, int(settings.number("uploads_at_once"))))
        self._exact: dict[tuple[str, str], Callable[[ArtifactRequest], Awaitable[None]]] = {}
        self._below: dict[tuple[str, str], Callable[[ArtifactRequest], Awaitable[None]]] = {}
        for methods, roots, path, handler in self._table():
            table = self._below if path.endswith("/") else self._exact
            table.update({(method, root + path): handler for method in methods for root in roots})

    def _table(self) -> list[tuple[tuple[str, ...], tuple[str, ...], str, Callable[[ArtifactRequest], Awaitable[None]]]]:
        read = ("GET", "HEAD")
        return [
            (read, _BOTH, f"{_PROXY}/artifacts/", self._download),
            (("PUT",), _BOTH, f"{_PROXY}/artifacts/", self._upload),
            (("DELETE",), _BOTH, f"{_PROXY}/artifacts/", self._delete),
            (("GET",), _BOTH, f"{_PROXY}/artifacts", self._list),
            (("POST",), _BOTH, f"{_PROXY}/mpu/create/", self._create_multipart),
            (("PUT",), _API, _PART, self._receive_part),
            (("POST",), _BOTH, f"{_PROXY}/mpu/complete/", self._complete_multipart),
            (("POST",), _BOTH, f"{_PROXY}/mpu/abort/", self._abort_multipart),
            (("GET",), _BOTH, f"{_PROXY}/presigned/", self._no_multipart_download),
            (("GET",), _BOTH, "/2.0/mlflow/artifacts/list", self._list_run),
            (read, _AJAX, "/2.0/mlflow/get-artifact", self._download_of_run),
            (read, ("",), "/get-artifact", self._download_of_run),
            (("POST",), _AJAX, "/2.0/mlflow/upload-artifact", self._upload_to_run),
            (read, _BOTH, "/2.0/mlflow/logged-models/", self._of_model),
        ]

    def routes(self) -> Iterable[tuple[str, str]]:
        """Method and path of each route; a path that ends in ``/`` is a prefix, and an artifact path follows it."""
        return [*self._exact, *self._below]

    async def handle(self, scope: streaming.Message, receive: streaming.Receive, send: streaming.Send) -> None:
        """Answer one request. A ``root_path`` in front of the route (a static prefix) is not looked at."""
        try:
            handler, request = self._found(scope, receive, send)
            await handler(request)
        except streaming.Disconnected:
            return
        except streaming.TooSlow:
            body = _error("DEADLINE_EXCEEDED", f"Nothing has come for {streaming.SILENCE_S:.0f} seconds.")
            await streaming.answer(send, 408, body, headers=[(b"connection", b"close")])
        except RefusedError as error:
            await streaming.answer(send, error.http_status, _error(error.code, error.message), headers=error.headers)
        except MlctlError as error:
            await _refuse(send, error)

    def _found(
        self, scope: streaming.Message, receive: streaming.Receive, send: streaming.Send
    ) -> tuple[Callable[[ArtifactRequest], Awaitable[None]], ArtifactRequest]:
        raw: bytes = scope["raw_path"].removeprefix(scope.get("root_path", "").encode())
        method, path = scope["method"], raw.decode("latin-1")
        headers = {name.lower(): value for name, value in scope["headers"]}
        base = f"{artifact_requests.scheme(scope, headers)}://{headers.get(b'host', b'').decode('latin-1')}{scope.get('mount', '')}"
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact, ArtifactRequest(method, base, b"", scope["query_string"], headers, receive, send)
        prefix = next((known for verb, known in self._below if verb == method and path.startswith(known)), "")
        if prefix:
            return self._below[method, prefix], ArtifactRequest(
                method, base, raw[len(prefix) :], scope["query_string"], headers, receive, send
            )
        allowed = {verb for verb, known in self._exact if known == path} | {verb for verb, known in self._below if path.startswith(known)}
        if allowed:
            takes = ", ".join(sorted(allowed))
            raise RefusedError(405, "BAD_REQUEST", f"This address takes {takes}.", headers=[(b"allow", takes.encode())])
        raise RefusedError(404, "ENDPOINT_NOT_FOUND", "There is no such route.")

    # ── by path ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _download(self, request: ArtifactRequest) -> None:
        await _send(_Place(self._own, _file_names(artifact_paths.decoded(request.rest))), request)

    async def _upload(self, request: ArtifactRequest) -> None:
        await self._receive(_Place(self._own, _file_names(artifact_paths.decoded(request.rest))), request)
        await streaming.answer(request.send, 200)

    async def _delete(self, request: ArtifactRequest) -> None:
        names = artifact_paths.names(artifact_paths.decoded(request.rest))
        await asyncio.to_thread(self._own.delete, names)
        await streaming.answer(request.send, 200, b"{}")

    async def _list(self, request: ArtifactRequest) -> None:
        names = artifact_paths.names(request.fields().get("path", ""))
        await streaming.answer(request.send, 200, await asyncio.to_thread(_listing, _Place(self._own, names)))

    async def _create_multipart(self, request: ArtifactRequest) -> None:
        asked = requests.from_body(artifact_requests.CreateMultipart, await artifact_requests.small_body(request))
        upload_id, secret = await asyncio.to_thread(self._multipart.create, _target(request, asked.path), asked.num_parts)
        address = f"{request.base}/api{_PART}{upload_id}/"
        headers = {SECRET_HEADER: secret}
        credentials = [{"url": f"{address}{number}", "part_number": number, "headers": headers} for number in range(1, asked.num_parts + 1)]
        await streaming.answer(request.send, 200, msgspec.json.encode({"upload_id": upload_id, "credentials": credentials}))

    async def _receive_part(self, request: ArtifactRequest) -> None:
        upload_id, _, number = request.rest.decode("latin-1").partition("/")
        secret = request.headers.get(SECRET_HEADER.lower().encode(), b"").decode("latin-1")
        names = await asyncio.to_thread(self._multipart.place_of, upload_id, number, secret=secret)
        await self._receive(_Place(self._own, names), request)
        await streaming.answer(request.send, 200, headers=[(b"etag", b'"%s"' % number.encode())])

    async def _complete_multipart(self, request: ArtifactRequest) -> None:
        asked = requests.from_body(artifact_requests.CompleteMultipart, await artifact_requests.small_body(request))
        names, numbers = _target(request, asked.path), [part.part_number for part in asked.parts]
        async with self._slot():
            await asyncio.to_thread(self._multipart.complete, names, asked.upload_id, numbers)
        await streaming.answer(request.send, 200, b"{}")

    async def _abort_multipart(self, request: ArtifactRequest) -> None:
        asked = requests.from_body(artifact_requests.AbortMultipart, await artifact_requests.small_body(request))
        await asyncio.to_thread(self._multipart.abort, _target(request, asked.path), asked.upload_id)
        await streaming.answer(request.send, 200, b"{}")

    async def _no_multipart_download(self, request: ArtifactRequest) -> None:
        artifact_paths.names(artifact_paths.decoded(request.rest))
        raise RefusedError(501, "NOT_IMPLEMENTED", _NO_DOWNLOAD)

    # ── by run ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _list_run(self, request: ArtifactRequest) -> None:
        fields = request.fields()
        below = artifact_paths.names(fields.get("path", ""))
        root = await self._found_root(fields)
        place = _Place(root.tree, (*root.names, *below))
        body = await asyncio.to_thread(_listing, place, prefix=below, root_uri=root.uri)
        await streaming.answer(request.send, 200, body)

    async def _download_of_run(self, request: ArtifactRequest) -> None:
        fields = request.fields()
        below = _file_names(artifact_requests.required(fields, "path"))
        root = await self._found_root(fields)
        await _send(_Place(root.tree, (*root.names, *below)), request, framed="frame" in fields)

    async def _upload_to_run(self, request: ArtifactRequest) -> None:
        fields = request.fields()
        artifact_requests.required(fields, "run_uuid", "run_id")
        below = _file_names(artifact_requests.required(fields, "path"))
        if artifact_requests.length(request) > PAGE_UPLOAD_BYTES:
            raise InvalidValueError("Artifact size is too large. Max size is 10MB.")
        root = await self._found_root(fields)
        await self._receive(_Place(root.tree, (*root.names, *below)), request, limit=PAGE_UPLOAD_BYTES)
        await streaming.answer(request.send, 200)

    async def _of_model(self, request: ArtifactRequest) -> None:
        """A logged model's files: ``ID/artifacts/directories`` lists a folder, ``ID/artifacts/files`` is one of them."""
        model_id, _, what = artifact_paths.decoded(request.rest).partition("/artifacts/")
        fields = request.fields()
        if what == "directories":
            below = artifact_paths.names(fields.get("artifact_directory_path", ""))
            root = self._place_of(self._store.get_logged_model(model_id).artifact_location)
            body = await asyncio.to_thread(_listing, _Place(root.tree, (*root.names, *below)), prefix=below, root_uri=root.uri)
            await streaming.answer(request.send, 200, body)
        elif what == "files":
            below = _file_names(artifact_requests.required(fields, "artifact_file_path"))
            root = self._place_of(self._store.get_logged_model(model_id).artifact_location)
            await _send(_Place(root.tree, (*root.names, *below)), request, framed="frame" in fields)
        else:
            raise RefusedError(404, "ENDPOINT_NOT_FOUND", "There is no such route.")

    async def _found_root(self, fields: dict[str, str]) -> _RunPlace:
        return await asyncio.to_thread(self._root_of, fields) if self._store.shared else self._root_of(fields)

    def _root_of(self, fields: dict[str, str]) -> _RunPlace:
        """Where a run's artifacts are.

        Raises:
            InvalidValueError: no run is named, or its artifacts are not ours to serve.
            NotFoundError: there is no such run.
        """
        return self._place_of(self._store.get_run(artifact_requests.required(fields, "run_id", "run_uuid")).info.artifact_uri)

    def _place_of(self, artifact_uri: str) -> _RunPlace:
        uri = wire.location(artifact_uri, self._store.folder)
        if uri.startswith(wire.PROXY):
            path = uri.removeprefix(wire.PROXY)
            if not path.startswith("/") or path.startswith("//"):  # else it is on another host
                return _RunPlace(uri, self._own, artifact_paths.names(artifact_paths.decoded(path.removeprefix("//").encode())))
        return self._elsewhere(uri)

    def _elsewhere(self, uri: str) -> _RunPlace:
        path = uri if uri.startswith("/") else unquote(uri.removeprefix("file://")) if uri.startswith("file:///") else ""
        if path and ".." not in path.split("/"):
            real = os.path.realpath(path)
            for folder in self._folders:
                if os.path.commonpath((folder, real)) == folder:
                    return _RunPlace(uri, Tree(folder), artifact_paths.names(real[len(folder) :].lstrip("/")))
        raise InvalidValueError("These artifacts are not in a place that this server serves.")

    # ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _receive(self, place: _Place, request: ArtifactRequest, *, limit: int = 0) -> None:
        """Take a body as a file; with a limit it may not be larger, nor empty."""
        if artifact_requests.length(request) > self._most_bytes:
            raise too_large(self._most_bytes)
        async with self._slot():
            upload, size = _Upload(place), 0
            try:
                async for parts, last in streaming.chunks(request.receive):
                    size += sum(map(len, parts))
                    if size > self._most_bytes:
                        raise too_large(self._most_bytes)
                    if limit and size > limit:
                        raise InvalidValueError("Artifact size is too large. Max size is 10MB.")
                    if limit and not size:
                        raise InvalidValueError("Request must specify data.")
                    await asyncio.to_thread(upload.step, parts, last=last)
            finally:
                if upload.is_open:
                    await asyncio.to_thread(upload.close)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        try:
            await (asyncio.wait_for(self._slots.acquire(), SLOT_WAIT_S) if self._slots.locked() else self._slots.acquire())
        except asyncio.TimeoutError:
            message = "The server receives as many artifacts as it may; try again."
            raise RefusedError(429, "REQUEST_LIMIT_EXCEEDED", message, headers=[(b"retry-after", b"1")]) from None
        try:
            yield
        finally:
            self._slots.release()


class _Upload:
    """A file on its way in. Steps are taken in threads; `close` waits for one that is under way, and no other begins after it."""

    def __init__(self, place: _Place) -> None:
        self._place = place
        self._draft: Draft | ObjectDraft | None = None
        self._lock = threading.Lock()
        self.is_open = True

    def step(self, parts: Sequence[bytes], *, last: bool) -> None:
        """Write, and after the last part put the file in its place."""
        with self._lock:
            if not self.is_open:
                return
            if self._draft is None:
                self._draft = self._place.tree.draft(self._place.names)
            self._draft.write(parts)
            if last:
                self._draft.commit()
                self._end()

    def close(self) -> None:
        """Give up what is not in its place."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        self.is_open = False
        draft, self._draft = self._draft, None
        if draft is not None:
            draft.close()


def _tree(place: str) -> Tree | S3Tree:
    """The files below a folder of this machine, or below an address of S3."""
    if not place.startswith(SCHEME):
        return Tree(place)
    from mlctl.server.s3_tree import S3Tree

    return S3Tree(place)


async def _send(place: _Place, request: ArtifactRequest, *, framed: bool = False) -> None:
    file = await asyncio.to_thread(_opened, place, whole=request.method == "GET")
    await streaming.send_file(file, request.headers, method=request.method, receive=request.receive, send=request.send, framed=framed)


def _opened(place: _Place, *, whole: bool) -> streaming.File:
    opened, facts = place.tree.open(place.names)
    reader = streaming.LocalReader(opened) if isinstance(opened, int) else opened
    start = reader.read(facts.st_size, 0) if whole and facts.st_size <= streaming.SMALL else b""
    return streaming.File(reader, place.names[-1], facts, start)


def _listing(place: _Place, *, prefix: Names = (), root_uri: str = "") -> bytes:
    """A folder as JSON: names below ``prefix``, sizes of files that are not empty."""
    files = []
    for entry in place.tree.entries(place.names):
        line: dict[str, Any] = {"path": "/".join((*prefix, entry.name)), "is_dir": entry.is_dir}
        files.append({**line, "file_size": entry.size} if entry.size else line)
    head = {"root_uri": root_uri} if root_uri else {}
    return msgspec.json.encode({**head, "files": files} if files else head)


def _file_names(path: str) -> Names:
    """The names of a path that must be a file's."""
    found = artifact_paths.names(path)
    if not found or path.endswith("/"):
        raise InvalidValueError("The artifact path is a directory; it must end in the name of a file.")
    return found


def _target(request: ArtifactRequest, path: str) -> Names:
    """The place of a file whose folder is in the address, and whose name is the last of a path on the client's machine."""
    folder = artifact_paths.names(artifact_paths.decoded(request.rest))
    (name,) = _file_names(re.split(r"[/\\]", path)[-1])
    return artifact_paths.names("/".join((*folder, name)))


async def _refuse(send: streaming.Send, error: MlctlError) -> None:
    """Answer with an error. That the store itself fails is told in our words: its own may name files of this machine."""
    message = error.message if error.http_status < 500 else "The tracking store cannot be used at the moment."
    await streaming.answer(send, error.http_status, _error(error.code, message))


def _error(code: str, message: str) -> bytes:
    return msgspec.json.encode({"error_code": code, "message": message})
