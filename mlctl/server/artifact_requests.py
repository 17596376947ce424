"""What requests for artifacts say: their bodies of JSON, their queries and headers."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs

from mlctl.errors import InvalidValueError
from mlctl.server import requests, streaming
from mlctl.server.artifact_tree import RefusedError

MOST_JSON_BYTES = 8 << 20
_FIELDS = 64


class CreateMultipart(requests.Body, kw_only=True):
    """mpu/create; of the path, which is one on the client's machine, the last name counts."""

    path: str
    num_parts: int = 1


class UploadedPart(requests.Body, kw_only=True):
    """A part that the client has sent."""

    part_number: int
    etag: str = ""
    url: str = ""


class CompleteMultipart(requests.Body, kw_only=True):
    """mpu/complete."""

    path: str
    upload_id: str
    parts: list[UploadedPart] = []  # noqa: RUF012 -- msgspec copies it


class AbortMultipart(requests.Body, kw_only=True):
    """mpu/abort."""

    path: str
    upload_id: str


class ArtifactRequest(NamedTuple):
    """A request for an artifact route; ``rest`` is what follows the route's prefix, still encoded, ``base`` what is before the route."""

    method: str
    base: str
    rest: bytes
    query: bytes
    headers: dict[bytes, bytes]
    receive: streaming.Receive
    send: streaming.Send

    def fields(self) -> dict[str, str]:
        """The query, decoded once; of a key given twice the first counts."""
        try:
            found = parse_qs(self.query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
        except ValueError:
            raise InvalidValueError("The query string cannot be read.") from None
        return {key: values[0] for key, values in found.items()}


def scheme(scope: streaming.Message, headers: dict[bytes, bytes]) -> str:
    """How the client has reached us. Whoever lies about it with a header is told a useless address, and nobody else is."""
    told = headers.get(b"x-forwarded-proto", b"").decode("latin-1")
    return told if told in ("http", "https") else str(scope.get("scheme", "http"))


async def small_body(request: ArtifactRequest) -> bytes:
    """A body of JSON, whole.

    Raises:
        RefusedError: it is too large.
    """
    body = b""
    async for parts, _ in streaming.chunks(request.receive):
        body += b"".join(parts)
        if len(body) > MOST_JSON_BYTES:
            raise RefusedError(413, "BAD_REQUEST", "The request's body is too large.")
    return body


def required(fields: dict[str, str], *keys: str) -> str:
    """The first of these fields that is not empty.

    Raises:
        InvalidValueError: none of them is there.
    """
    for key in keys:
        if fields.get(key):
            return fields[key]
    raise InvalidValueError(f"Request must specify {keys[0]}.")


def length(request: ArtifactRequest) -> int:
    """How many bytes the client says that it sends; 0 if it does not say."""
    told = request.headers.get(b"content-length", b"0")
    return int(told) if told.isdigit() and len(told) < 20 else 0
