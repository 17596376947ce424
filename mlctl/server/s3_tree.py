"""The files below an address of S3, as the artifact routes use them: what `artifact_tree` does with folders, done with objects.

An object appears whole or not at all. A folder is where there are objects below it. All methods block.

Raises:
    RefusedError: the service does not let us, or cannot be reached.
"""

from __future__ import annotations

import posixpath
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl.errors import InvalidValueError, NotFoundError, StoreError
from mlctl.files import s3_bucket
from mlctl.server import artifact_paths
from mlctl.server.artifact_tree import Entry, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlctl.server.artifact_tree import Names

PART_BYTES = 8 << 20
"""Size of the first parts of a large object."""

_DOUBLED_AFTER = 2000  # parts: of the 10,000 that are allowed, each 2000 are twice as large as those before, which makes 490 GB

_LEAST_COPIED = 5 << 20  # a smaller part than this must be the last
_STALE_S = 24 * 3600


class Facts(NamedTuple):
    """What the answer to a download says of an object, by the names of `os.stat_result`."""

    st_size: int
    st_mtime: float
    st_ino: int

    @property
    def st_mtime_ns(self) -> int:
        """When it was made, in ns since the epoch."""
        return int(self.st_mtime * 1_000_000_000)


@contextmanager
def _told(bucket: str, path: str) -> Iterator[None]:
    try:
        with s3_bucket.told(bucket, path):
            yield
    except (NotFoundError, InvalidValueError):
        raise
    except StoreError as error:
        raise RefusedError(503, "TEMPORARILY_UNAVAILABLE", "The server cannot reach its artifacts.") from error


class ObjectReader:
    """The content of an object, read from front to back in one answer; whoever goes elsewhere gets another."""

    def __init__(self, bucket: s3_bucket.Bucket, path: str, etag: str) -> None:
        self._bucket = bucket
        self._path = path
        self._etag = etag
        self._body: Any = None
        self._at = -1

    def read(self, size: int, first: int) -> bytes:
        """A part; nothing if it cannot be read (any more)."""
        if first != self._at:
            self.close()
            with suppress(NotFoundError, RefusedError), _told(self._bucket.name, self._path):
                found = self._bucket.client.get_object(**self._bucket.of(self._path), Range=f"bytes={first}-", IfMatch=self._etag)
                self._body, self._at = found["Body"], first
        if self._body is None:
            return b""
        try:
            part: bytes = self._body.read(size)
        except Exception:  # noqa: BLE001 -- whatever broke the connection: the answer stays incomplete, and the client sees that
            return b""
        self._at += len(part)
        return part

    def close(self) -> None:
        """Let go of the answer."""
        if self._body is not None:
            self._body.close()
        self._body, self._at = None, -1


class S3Tree:
    """The files below ``s3://bucket/prefix``; see `mlctl.server.artifact_tree.Tree`."""

    def __init__(self, uri: str) -> None:
        self._bucket = s3_bucket.Bucket(uri)

    def open(self, names: Names) -> tuple[ObjectReader, Facts]:
        """What reads an object, and its facts.

        Raises:
            NotFoundError: there is no such object.
        """
        path = "/".join(names)
        try:
            with _told(self._bucket.name, path):
                found = self._bucket.head(path)
        except NotFoundError:
            if self._is_folder(path):
                raise InvalidValueError("The artifact path is a directory.") from None
            raise
        number = int.from_bytes(found["ETag"].encode()[:16], "big")
        return ObjectReader(self._bucket, path, found["ETag"]), Facts(found["ContentLength"], found["LastModified"].timestamp(), number)

    def _is_folder(self, path: str) -> bool:
        with _told(self._bucket.name, path):
            return next(self._bucket.below(path), None) is not None

    def entries(self, names: Names) -> list[Entry]:
        """What is in a folder, by name; nothing if it is a file or is not there. Left out: names that no client can ask for."""
        path = "/".join(names)
        with _told(self._bucket.name, path):
            found = s3_bucket.names_below([item for item in self._bucket.listed(path) if artifact_paths.is_usable(item.name)])
        return [Entry(name, is_dir=size < 0, size=max(0, size)) for name, size, _ in found]

    def delete(self, names: Names) -> None:
        """Remove an object, and all below it; nothing happens if there is none."""
        if not names:
            raise InvalidValueError("Invalid path: the root of all artifacts cannot be deleted")
        path = "/".join(names)
        with _told(self._bucket.name, path):
            self._bucket.remove(path)

    def content(self, names: Names) -> bytes:
        """All of a small object.

        Raises:
            NotFoundError: there is no such object.
        """
        path = "/".join(names)
        with _told(self._bucket.name, path):
            found: bytes = self._bucket.client.get_object(**self._bucket.of(path))["Body"].read()
        return found

    def write(self, names: Names, content: bytes) -> None:
        """Make an object, or replace it."""
        path = "/".join(names)
        with _told(self._bucket.name, path):
            self._bucket.client.put_object(**self._bucket.of(path), Body=content)

    def remove_stale(self, names: Names, now_s: float) -> None:
        """Remove what in a folder has not been changed for a day."""
        path = "/".join(names)
        with _told(self._bucket.name, path):
            for item in list(self._bucket.listed(path)):
                inside = posixpath.join(path, item.name)
                newest = max((found.modified_s for found in self._bucket.listed(inside)), default=now_s)
                if now_s - newest > _STALE_S:
                    self._bucket.remove(inside)

    def draft(self, names: Names) -> ObjectDraft:
        """An object on its way, which takes its place when it is committed."""
        if not names:
            raise InvalidValueError("The artifact path is a directory.")
        return ObjectDraft(self._bucket, "/".join(names))


class ObjectDraft:
    """An object on its way: a small one in memory, a larger one in parts that S3 keeps out of sight."""

    def __init__(self, bucket: s3_bucket.Bucket, path: str) -> None:
        self._bucket = bucket
        self._path = path
        self._buffer = bytearray()
        self._upload = ""
        self._parts: list[dict[str, Any]] = []

    def write(self, parts: Sequence[bytes]) -> None:
        """Append."""
        for part in parts:
            self._buffer += part
        while len(self._buffer) >= (size := PART_BYTES << len(self._parts) // _DOUBLED_AFTER):
            with memoryview(self._buffer) as whole:
                part_bytes = bytes(whole[:size])
            del self._buffer[:size]
            self._send(part_bytes)

    def append(self, tree: S3Tree, names: Names) -> int:
        """Append another object of the same bucket; returns its size. A large one is copied by S3 itself.

        Raises:
            NotFoundError: there is no such object.
        """
        reader, facts = tree.open(names)
        try:
            if facts.st_size >= _LEAST_COPIED and (not self._buffer or len(self._buffer) >= _LEAST_COPIED):
                self._copy("/".join(names))
                return facts.st_size
            for first in range(0, facts.st_size, PART_BYTES):
                self.write([reader.read(min(PART_BYTES, facts.st_size - first), first)])
        finally:
            reader.close()
        return facts.st_size

    def _copy(self, path: str) -> None:
        if self._buffer:
            self._send(bytes(self._buffer))
            self._buffer.clear()
        with _told(self._bucket.name, self._path):
            source = {"Bucket": self._bucket.name, "Key": self._bucket.key(path)}
            found = self._bucket.client.upload_part_copy(**self._next(), CopySource=source)
        self._parts.append({"PartNumber": len(self._parts) + 1, "ETag": found["CopyPartResult"]["ETag"]})

    def _send(self, content: bytes) -> None:
        with _told(self._bucket.name, self._path):
            found = self._bucket.client.upload_part(**self._next(), Body=content)
        self._parts.append({"PartNumber": len(self._parts) + 1, "ETag": found["ETag"]})

    def _next(self) -> dict[str, Any]:
        """Where the next part goes."""
        if not self._upload:
            self._upload = self._bucket.client.create_multipart_upload(**self._bucket.of(self._path), **s3_bucket.upload_args(self._path))[
                "UploadId"
            ]
        return {**self._bucket.of(self._path), "UploadId": self._upload, "PartNumber": len(self._parts) + 1}

    def commit(self) -> None:
        """Put the object in its place, whole, instead of one that is there."""
        client, where = self._bucket.client, self._bucket.of(self._path)
        if not self._upload:
            with _told(self._bucket.name, self._path):
                client.put_object(**where, Body=bytes(self._buffer), **s3_bucket.upload_args(self._path))
            return
        if self._buffer:
            self._send(bytes(self._buffer))
        with _told(self._bucket.name, self._path):
            client.complete_multipart_upload(**where, UploadId=self._upload, MultipartUpload={"Parts": self._parts})
        self._upload = ""

    def close(self) -> None:
        """Let go of it; what has not been committed is gone."""
        self._buffer.clear()
        if self._upload:
            with suppress(Exception):
                self._bucket.client.abort_multipart_upload(**self._bucket.of(self._path), UploadId=self._upload)
            self._upload = ""
