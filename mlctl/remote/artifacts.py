"""Files of a run that are with its server, over the artifact proxy of MLflow's API. Streamed both ways: memory does not depend on sizes."""

import os
import posixpath
from typing import Iterator, List, Optional

from mlctl.errors import InvalidValueError, NotFoundError, StoreError
from mlctl.files import local as artifacts
from mlctl.remote.address import PORTS, Server
from mlctl.remote.connection import CHUNK
from mlctl.remote.transport import Request, Transport
from mlctl.tracking.entities import FileInfo
from mlctl.tracking.store import ArtifactStore

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
_SCHEME = "mlflow-artifacts:"
_FILE_TYPE = "application/octet-stream"
_SEE = "`mlctl artifacts list RUN -r` shows what a run has."


def path_at(server: Server, uri: str) -> Optional[str]:
    """The path below the server's proxy that an artifact address names; None where it names another place.

    Raises:
        StoreError: it names another server's proxy: credentials for this one are not for that.
    """
    own = f"{server.uri}{PROXY}/"
    if uri.startswith(own):
        return uri[len(own) :].strip("/")
    if not uri.startswith(_SCHEME):
        return None
    rest = uri[len(_SCHEME) :]
    if not rest.startswith("//") or rest.startswith("///"):
        return rest.strip("/")
    place, _, path = rest[2:].partition("/")
    if place.lower() not in (server.netloc, f"{server.netloc}:{PORTS[server.scheme]}"):
        raise StoreError(f"The artifacts are at {uri}, with another server than {server.uri}.")
    return path.strip("/")


def at(transport: Transport, uri: str) -> ArtifactStore:
    """The files at an address that a server tells: with it, in a local folder, or in a bucket.

    Raises:
        StoreError: they are elsewhere.
    """
    path = path_at(transport.server, uri)
    if path is not None:
        return HttpArtifacts(transport, uri, root=path)
    from mlctl.files import places

    return places.at(uri)


class HttpArtifacts:
    """The files of one run; see `mlctl.tracking.store.ArtifactStore`. ``root`` is the run's folder below the proxy."""

    def __init__(self, transport: Transport, uri: str, *, root: str) -> None:
        self.uri = uri
        self._transport = transport
        self._root = root

    def put_file(self, local_path: str, artifact_path: Optional[str] = None) -> None:
        """Send a file.

        Raises:
            NotFoundError: there is no such local file.
            InvalidValueError: the artifact path is not acceptable.
            StoreError: it cannot be read or sent.
        """
        if not os.path.isfile(local_path):  # noqa: PTH113 -- pathlib is not needed to log
            raise NotFoundError(f"There is no file {os.fspath(local_path)!r} to log.", hint=f"Relative paths start at {_here()}.")
        self._put(local_path, posixpath.join(_plain(artifact_path), os.path.basename(local_path)))  # noqa: PTH119

    def _put(self, local_path: str, path: str) -> None:
        try:
            size = os.stat(local_path).st_size  # noqa: PTH116
            request = Request("PUT", self._address(path), lambda: _content(local_path, size), size, _FILE_TYPE)
            self._transport.call(request)
        except _LocalError as error:
            raise StoreError(f"{local_path} cannot be sent: {error}.") from error
        except OSError as error:
            raise StoreError(f"{local_path} cannot be read: {error.strerror}.") from error

    def put_folder(self, local_dir: str, artifact_path: Optional[str] = None) -> int:
        """Send the files of a folder, with those of its sub-folders; returns how many. Symbolic links are followed, but not in a circle.

        Raises:
            NotFoundError: there is no such local folder, or a link in it leads nowhere; everything else has been sent then.
            InvalidValueError: the artifact path is not acceptable.
            StoreError: one cannot be read or sent; those before it have been.
        """
        top, above = os.fspath(local_dir), _plain(artifact_path)
        if not os.path.isdir(top):  # noqa: PTH112
            raise NotFoundError(f"There is no folder {top!r} to log.", hint=f"Relative paths start at {_here()}.")
        found = list(artifacts.files_below(top))
        lost = [path for path in found if not os.path.exists(path)]  # noqa: PTH110
        for path in found:
            if path not in lost:
                self._put(path, posixpath.join(above, os.path.relpath(path, top).replace(os.sep, "/")))
        if lost:
            raise NotFoundError(f"The link {lost[0]!r} leads nowhere; the other {len(found) - len(lost)} files have been kept.")
        return len(found)

    def list(self, path: str = "") -> List[FileInfo]:
        """What a folder holds; nothing for a file or what is not there."""
        plain = _plain(path)
        whole = posixpath.join(self._root, plain) if plain else self._root
        found = self._transport.get(PROXY, [("path", whole)]).get("files", [])
        return sorted([_info(item, plain) for item in found], key=lambda item: item.path)

    def read(self, path: str) -> Iterator[bytes]:
        """A file's content, in pieces.

        Raises:
            NotFoundError: there is no such file.
        """
        plain = _plain(path)
        if not plain:
            raise _absent(path)
        try:
            yield from self._transport.stream(Request("GET", self._address(plain), accepts_gzip=False))
        except NotFoundError:
            raise _absent(path) from None
        except InvalidValueError as error:
            raise (_absent(path) if self._found(plain) else error) from None  # a folder is not a file

    def download(self, path: str, folder: str) -> str:
        """Copy a file or folder (empty: everything) to the same path below a local folder.

        Raises:
            NotFoundError: there is no such file or folder.
            StoreError: the copy cannot be written.
        """
        plain = _plain(path)
        known = FileInfo("", is_dir=True) if not plain else self._found(plain)
        if known is None:
            raise _absent(path)
        try:
            for item in self._below(known):
                self._copy(item, folder)
        except OSError as error:
            raise StoreError(f"The artifact {path!r} cannot be copied to {folder}: {error}.") from error
        return os.path.join(folder, *plain.split("/")) if plain else folder  # noqa: PTH118

    def delete(self, path: str) -> None:
        """Remove a file or folder.

        Raises:
            NotFoundError: there is no such file or folder.
            InvalidValueError: it is the root.
        """
        plain = _plain(path)
        if not plain:
            raise InvalidValueError("The root of a run's artifacts cannot be deleted.", hint="Name a file or folder in it.")
        if self._found(plain) is None:
            raise _absent(path)
        self._transport.call(Request("DELETE", self._address(plain)))

    # ── underneath ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _address(self, path: str) -> str:
        from urllib.parse import quote

        try:
            return f"{PROXY}/{quote(self._root, safe='/%:')}{'/' + quote(path) if path else ''}"
        except UnicodeEncodeError:
            raise InvalidValueError(f"The artifact path {path!r} has a character that is no Unicode.") from None

    def _found(self, plain: str) -> Optional[FileInfo]:
        above = posixpath.dirname(plain)
        return next((item for item in self.list(above) if item.path == plain), None)

    def _below(self, item: FileInfo) -> Iterator[FileInfo]:
        """A file, or a folder and everything in it."""
        yield item
        if item.is_dir:
            for inner in self.list(item.path):
                yield from self._below(inner)

    def _copy(self, item: FileInfo, folder: str) -> None:
        target = os.path.join(folder, *item.path.split("/"))  # noqa: PTH118
        if item.is_dir:
            os.makedirs(target, exist_ok=True)  # noqa: PTH103
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        draft = os.path.join(os.path.dirname(target), f".{os.urandom(8).hex()}.part")  # noqa: PTH118, PTH120
        try:
            with open(draft, "wb") as file:  # noqa: PTH123
                file.writelines(self.read(item.path))
            os.replace(draft, target)  # noqa: PTH105
        except BaseException:
            if os.path.exists(draft):  # noqa: PTH110
                os.unlink(draft)  # noqa: PTH108
            raise


class _LocalError(Exception):
    """A local file is not what it was when its sending began."""


def _content(local_path: str, size: int) -> Iterator[bytes]:
    """A file's content, as long as it was said to be: what is appended meanwhile is left out.

    Raises:
        _LocalError: it cannot be read, or has become shorter.
    """
    left = size
    try:
        with open(local_path, "rb") as file:  # noqa: PTH123
            while left:
                part = file.read(min(CHUNK, left))
                if not part:
                    break
                left -= len(part)
                yield part
    except OSError as error:
        raise _LocalError(error.strerror or str(error)) from error
    if left:
        raise _LocalError("it became shorter meanwhile")


def _plain(path: Optional[str]) -> str:
    """An artifact path in its plainest form; empty for the root.

    Raises:
        InvalidValueError: it leaves the root, or could be read so on another system.
    """
    plain = "/".join(artifacts.names(path or ""))
    if "\\" in plain:
        raise InvalidValueError(f"The artifact path {path!r} has a backslash, which no server takes.", hint="Use slashes.")
    return plain


def _info(found: "dict[str, object]", folder: str) -> FileInfo:
    """A line of a listing.

    Raises:
        StoreError: its name would lead elsewhere on this machine.
    """
    name, is_dir, size = str(found.get("path", "")), bool(found.get("is_dir")), found.get("file_size")
    if not name or name in (".", "..") or "/" in name or "\0" in name or os.sep in name:
        raise StoreError(f"The server lists an artifact with the name {name!r}, which is no name.")
    return FileInfo(posixpath.join(folder, name), is_dir, None if is_dir else int(str(size or 0)))


def _absent(path: str) -> NotFoundError:
    return NotFoundError(f"There is no artifact {path!r}.", hint=_SEE)


def _here() -> str:
    return os.getcwd()  # noqa: PTH109
