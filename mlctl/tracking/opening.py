"""Where the store is, and opening it."""

import os
import re
from typing import NoReturn, Optional

from mlctl import settings
from mlctl.errors import StoreError
from mlctl.tracking.store import TrackingStore

FOLDER = "mlruns"
FILE = "mlctl.db"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")
_DATABASE = re.compile(r"postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
_ELSEWHERE = ("databricks", "databricks-uc", "uc")


def open_store(uri: Optional[str] = None, *, create: bool = True) -> TrackingStore:
    """Open the store that ``uri`` names, else the settings, else the nearest ``mlruns/mlctl.db`` at or above the current folder.

    Where there is none, one is made; with ``create=False`` nothing is: reading then finds no experiments and no runs. A server
    (``http://…``) is not asked before the store's first call; a database (``postgresql://…``) is.

    Raises:
        StoreError: the address is not one that this version can use, or the store cannot be opened.
    """
    address = settings.value("tracking_uri", flag=uri)
    if is_remote(address):
        from mlctl.remote.store import HttpStore

        return HttpStore(address)
    if is_database(address):
        from mlctl.sql import postgres

        return postgres.open_store(address, create=create)
    from mlctl.sql.sqlite import SqliteStore

    return SqliteStore(locate(uri), create=create)


def is_remote(uri: str) -> bool:
    """Whether an address names a server."""
    return uri[:8].lower().startswith(("http://", "https://"))


def is_database(uri: str) -> bool:
    """Whether an address names a database of PostgreSQL."""
    return _DATABASE.match(uri) is not None


def is_far(uri: str) -> bool:
    """Whether a store is reached over a network."""
    return is_remote(uri) or is_database(uri)


def private(uri: str) -> str:
    """The address of a store with the password that this process was given with it, for a process of its own."""
    if not is_database(uri):
        return uri
    from mlctl.sql import postgres_link

    return postgres_link.private(uri)


def locate(uri: Optional[str] = None) -> str:
    """Absolute path of the database file that `open_store` opens; it need not exist.

    Raises:
        StoreError: the address is not one that this version can use.
    """
    found = settings.resolve("tracking_uri", flag=uri)
    if found.value:
        return _path_of(found.value, found.source)
    try:
        here = os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        raise StoreError("The current folder does not exist any more.", hint="Change to one that does.") from None
    return _nearest(here) or os.path.join(here, FOLDER, FILE)  # noqa: PTH118


def _path_of(uri: str, source: str) -> str:
    """The database file of an address: ``sqlite:///FILE``, ``file:…``, or a plain path."""
    scheme = _SCHEME.match(uri)
    kind = scheme.group(1).lower() if scheme else "path"
    if kind == "sqlite" and uri[7:10] == "///" and uri[10:] not in ("", ":memory:"):
        return _absolute(uri[10:])
    if kind == "file":
        return _file_of(_path_of_file_uri(uri))
    if kind != "path" or uri in _ELSEWHERE:
        _refuse(uri, source)
    return _file_of(uri)


def _path_of_file_uri(uri: str) -> str:
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise StoreError(f"{uri} names a file of another machine ({parts.netloc}).", hint="A local folder has three slashes: file:///…")
    return unquote(parts.path)


def _refuse(uri: str, source: str) -> NoReturn:
    where = "" if source in ("flag", "default") else f" ({source})"
    hint = (
        "Use a server (http://…), postgresql://… or a local store: MLCTL_TRACKING_URI=./mlruns (a folder), a path that ends in .db, "
        "sqlite:///…, file:///…"
    )
    raise StoreError(f"The tracking address {re.sub('//[^/]*@', '//', uri)!r}{where} is not supported by this version of mlctl.", hint=hint)


def _file_of(path: str) -> str:
    """The database file: the path itself if it ends in .db or is a file, else the one in that folder."""
    absolute = _absolute(path)
    if absolute.endswith(".db") or os.path.isfile(absolute):  # noqa: PTH113
        return absolute
    return os.path.join(absolute, FILE)  # noqa: PTH118


def _absolute(path: str) -> str:
    found = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 -- pathlib is slower to import
    return "/" + found.lstrip("/") if found.startswith("//") else found


def _nearest(folder: str) -> Optional[str]:
    """The nearest store at or above a folder, as long as folders lie on the same file system and have the same owner."""
    home = os.stat(folder)  # noqa: PTH116
    while True:
        candidate = os.path.join(folder, FOLDER, FILE)  # noqa: PTH118
        if os.path.isfile(candidate):  # noqa: PTH113
            return candidate
        above = os.path.dirname(folder)  # noqa: PTH120
        if above == folder:
            return None
        found = os.stat(above)  # noqa: PTH116
        if (found.st_dev, found.st_uid) != (home.st_dev, home.st_uid):
            return None
        folder = above
