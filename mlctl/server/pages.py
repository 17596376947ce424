"""The web pages: the files that `make ui` has built, kept compressed in memory, and the policy that their browser holds them to."""

from __future__ import annotations

import gzip
import mimetypes
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[1] / "ui" / "static"
START = "index.html"

MAKE = "pip install mlctl brings the pages; in a source checkout, `make ui` builds them."

_POLICY = """
default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self';
font-src 'self'; frame-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'
""".replace("\n", " ").strip()
_SAFETY = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", _POLICY.encode()),
]
_FOR_EVER = (b"cache-control", b"public, max-age=31536000, immutable")
_ASK_FIRST = (b"cache-control", b"no-cache")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8", ".svg": "image/svg+xml"}


class PageFile(NamedTuple):
    """A file as it is sent."""

    body: bytes
    packed: bytes
    headers: list[tuple[bytes, bytes]]


class Pages:
    """The built pages; they are read when the first browser comes."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._files: dict[str, PageFile] | None = None

    def find(self, path: str, *, packed: bool) -> tuple[bytes, list[tuple[bytes, bytes]]] | None:
        """Body and headers of what is at a path; None if nothing is. ``packed`` says whether the browser takes gzip."""
        if self._files is None:
            self._files = _read(self._folder)
        found = self._files.get(path.lstrip("/") or START)
        if found is None:
            return None
        if packed and len(found.packed) < len(found.body):
            return found.packed, [*found.headers, (b"content-encoding", b"gzip")]
        return found.body, found.headers


def are_built(folder: Path = FOLDER) -> bool:
    """Whether there are pages to show."""
    return (folder / START).is_file()


def _read(folder: Path) -> dict[str, PageFile]:
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")}
    return {name: _file(name, path.read_bytes()) for name, path in names.items()}


def _file(name: str, body: bytes) -> PageFile:
    kind = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    lasting = _FOR_EVER if name.startswith("assets/") else _ASK_FIRST  # the name of an asset has a digest of its content
    return PageFile(body, gzip.compress(body, 9), [(b"content-type", kind.encode()), (b"vary", b"accept-encoding"), lasting, *_SAFETY])
