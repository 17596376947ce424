"""Artifact paths as clients write them, and whether one may be joined to a folder.

A path is decoded once. What is left is refused if it could mean anything but names below a folder: as it stands, after any number of
further decodings, and after Unicode's compatibility mapping (which makes ``‥`` two dots). No name which a client of MLflow's server can
use is lost (`mlflow.utils.uri.validate_path_is_safe`): images that MLflow 2 logs have names like ``loss%step%12%timestamp%17…``, which must
not be taken for control characters.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_to_bytes

from mlctl.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGE = "Invalid path"
DRAFT = re.compile(r"\..+\.part", re.DOTALL)

_DECODINGS = 5
_LONGEST_NAME = 255  # bytes, on every file system that we meet
_LONGEST = 2048  # bytes: leaves room for the store's own folder in a system's 4096
_DEEPEST = 128
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\\#]")
_FORBIDDEN_ENCODED = re.compile(r"[\x00\\]")
_FOREIGN_START = re.compile(r"/|[A-Za-z]:|file:", re.IGNORECASE)


def decoded(raw: bytes) -> str:
    """The text of a percent-encoded path.

    Raises:
        InvalidValueError: it is not UTF-8.
    """
    try:
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidValueError(MESSAGE) from None


def names(path: str) -> tuple[str, ...]:
    """The names of which a decoded path consists; none for the root itself.

    Raises:
        InvalidValueError: it leaves the root, could be read as a path that does, or has a name that no file here can have.
    """
    if _FORBIDDEN.search(path):
        raise InvalidValueError(MESSAGE)
    for form in _decodings(path):
        if _FORBIDDEN_ENCODED.search(form) or _leaves(form) or _leaves(unicodedata.normalize("NFKC", form)):
            raise InvalidValueError(MESSAGE)
    found = tuple(name for name in path.split("/") if name not in ("", "."))
    sizes = [len(name.encode("utf-8", "surrogatepass")) for name in found]
    if len(found) > _DEEPEST or sum(sizes) + len(sizes) > _LONGEST or max(sizes, default=0) > _LONGEST_NAME:
        raise InvalidValueError("Invalid path: it is too long")
    if any(DRAFT.fullmatch(name) for name in found):
        raise InvalidValueError("Invalid path: names like '.NAME.part' are kept for uploads under way")
    return found


def is_usable(name: str) -> bool:
    """Whether clients can ask for a file of this name; one that cannot be asked for is not listed."""
    try:
        name.encode("utf-8")
        return names(name) == (name,)
    except (UnicodeEncodeError, InvalidValueError):
        return False


def _leaves(path: str) -> bool:
    return bool(_FOREIGN_START.match(path)) or ".." in path.split("/")


def _decodings(path: str) -> Iterator[str]:
    """What a path turns into if somebody further down decodes it, however often."""
    yield path
    for _ in range(_DECODINGS):
        plainer = unquote(path)
        if plainer == path:
            return
        path = plainer
        yield path
    raise InvalidValueError(MESSAGE)
