"""Downloads of ``path`` parameters that are given as http addresses."""

from __future__ import annotations

import http.client
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mlctl.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_S = 60
_CHUNK_BYTES = 1 << 20


class Downloads:
    """The downloads of one run, below one new folder as in MLflow: ``<storage>/<random>/param_<index>/<name>``."""

    def __init__(self, storage_folder: Path | None) -> None:
        self._storage = storage_folder
        self._folder: Path | None = None

    def fetch(self, uri: str, index: int) -> str:
        """Download a file; its local path.

        Raises:
            SourceError: it cannot be downloaded, or not whole.
        """
        try:
            target = self._new_folder(index) / _name(uri)
            _download(uri, target)
        except (OSError, ValueError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            raise SourceError(f"{_without_secrets(uri)} cannot be downloaded: {error}.", hint="Try the address by hand.") from error
        return str(target)

    def _new_folder(self, index: int) -> Path:
        if self._folder is None:
            if self._storage is not None:
                self._storage.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="params-", dir=self._storage))
        folder = self._folder / f"param_{index}"
        folder.mkdir()
        return folder


def download(uri: str, target: Path, *, shown: str, most_bytes: int) -> Path:
    """Download a file to a path and return that. A user name and password in the address go to its own host only.

    Raises:
        SourceError: it cannot be downloaded, not whole, or is larger than ``most_bytes``.
    """
    try:
        _download(_request(uri), target, most_bytes=most_bytes)
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise SourceError(f"{shown} cannot be downloaded: {error}.", hint="Try the address by hand.") from None
    return target


def _request(uri: str) -> urllib.request.Request:
    parts = urlsplit(uri)
    login, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host).geturl())  # noqa: S310 -- http only: see address
    if login:
        from base64 import b64encode

        request.add_unredirected_header("Authorization", f"Basic {b64encode(unquote(login).encode()).decode()}")
    return request


def _download(uri: str | urllib.request.Request, target: Path, *, most_bytes: int | None = None) -> None:
    part = target.with_name(f"{target.name}.part")
    received = 0
    try:
        with urllib.request.urlopen(uri, timeout=_TIMEOUT_S) as answer, part.open("xb") as file:  # noqa: S310 -- http only: see params
            for chunk in _chunks(answer):
                received += len(chunk)
                if most_bytes is not None and received > most_bytes:
                    raise OSError(f"it is larger than {most_bytes} bytes")
                file.write(chunk)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _chunks(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    expected = int(answer.headers.get("Content-Length") or -1)
    received = 0
    while chunk := answer.read(_CHUNK_BYTES):
        received += len(chunk)
        yield chunk
    if 0 <= expected != received:
        raise OSError(f"{received} of {expected} bytes came")


def _name(uri: str) -> str:
    name = unquote(urlsplit(uri).path).rpartition("/")[2]
    return "download" if name in {"", ".", ".."} or os.sep in name or "\0" in name else name[-200:]


def _without_secrets(uri: str) -> str:
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
