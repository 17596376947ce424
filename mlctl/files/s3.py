"""Files of a run in a bucket of S3, by ``s3://bucket/path``. Streamed both ways; large ones go and come in parts, several at a time."""

import os
import posixpath
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator, List, Optional, Tuple

from mlctl.errors import InvalidValueError, NotFoundError, StoreError
from mlctl.files import local, s3_bucket
from mlctl.tracking.entities import FileInfo

_PIECE = 1 << 20
_AT_ONCE = 8


class S3Artifacts:
    """The files of one run; see `mlctl.tracking.store.ArtifactStore`."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._bucket = s3_bucket.Bucket(uri)

    def put_file(self, local_path: str, artifact_path: Optional[str] = None) -> None:
        """Send a file.

        Raises:
            NotFoundError: there is no such local file.
            InvalidValueError: the artifact path is not acceptable.
            StoreError: it cannot be read or sent.
        """
        path = os.fspath(local_path)
        if not os.path.isfile(path):  # noqa: PTH113
            raise NotFoundError(f"There is no file {path!r} to log.", hint=f"Relative paths start at {os.getcwd()}.")  # noqa: PTH109
        self._put(path, posixpath.join(_plain(artifact_path), os.path.basename(path)))  # noqa: PTH119

    def _put(self, local_path: str, path: str) -> None:
        where, extra = self._bucket, s3_bucket.upload_args(path)
        try:
            with s3_bucket.told(where.name, path):
                where.client.upload_file(local_path, where.name, where.key(path), ExtraArgs={**extra, **where.owner})
        except OSError as error:
            raise StoreError(f"{local_path} cannot be read: {error.strerror or error}.") from error

    def put_folder(self, local_dir: str, artifact_path: Optional[str] = None) -> int:
        """Send the files of a folder, with those of its sub-folders; returns how many. Symbolic links are followed, but not in a circle.

        Raises:
            NotFoundError: there is no such local folder, or a link in it leads nowhere; everything else has been sent then.
            InvalidValueError: the artifact path is not acceptable.
            StoreError: one cannot be read or sent; others have been.
        """
        top, above = os.fspath(local_dir), _plain(artifact_path)
        if not os.path.isdir(top):  # noqa: PTH112
            raise NotFoundError(f"There is no folder {top!r} to log.", hint=f"Relative paths start at {os.getcwd()}.")  # noqa: PTH109
        found = list(local.files_below(top))
        lost = [path for path in found if not os.path.exists(path)]  # noqa: PTH110
        pairs = [(path, posixpath.join(above, os.path.relpath(path, top).replace(os.sep, "/"))) for path in found if path not in lost]
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(lambda pair: self._put(*pair), pairs))
        if lost:
            raise NotFoundError(f"The link {lost[0]!r} leads nowhere; the other {len(pairs)} files have been kept.")
        return len(found)

    def list(self, path: str = "") -> List[FileInfo]:
        """What a folder holds, by path; nothing for a file or what is not there."""
        plain = _plain(path)
        with s3_bucket.told(self._bucket.name, path):
            found = s3_bucket.names_below(list(self._bucket.listed(plain)))
        return [FileInfo(posixpath.join(plain, name), size < 0, None if size < 0 else size) for name, size, _ in found]

    def read(self, path: str) -> Iterator[bytes]:
        """A file's content, in pieces.

        Raises:
            NotFoundError: there is no such file.
        """
        plain = _plain(path)
        with s3_bucket.told(self._bucket.name, path):
            if not plain:
                raise _absent(path)
            yield from self._bucket.client.get_object(**self._bucket.of(plain))["Body"].iter_chunks(_PIECE)

    def download(self, path: str, folder: str) -> str:
        """Copy a file or folder (empty: everything) to the same path below a local folder; returns where it then is.

        Raises:
            NotFoundError: there is no such file or folder.
            StoreError: the copy cannot be written.
        """
        plain = _plain(path)
        target = os.path.join(folder, *plain.split("/")) if plain else folder  # noqa: PTH118
        try:
            with s3_bucket.told(self._bucket.name, path):
                pairs = list(self._copies(plain, target))
                for _, to in pairs:
                    os.makedirs(os.path.dirname(to), exist_ok=True)  # noqa: PTH103, PTH120
                with ThreadPoolExecutor(_AT_ONCE) as threads:
                    list(threads.map(lambda pair: self._fetch(*pair), pairs))
                if not plain:
                    os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        except OSError as error:
            raise StoreError(f"The artifact {path!r} cannot be copied to {folder}: {error.strerror or error}.") from error
        return target

    def _copies(self, plain: str, target: str) -> Iterator[Tuple[str, str]]:
        """Paths of objects, and where each is to go."""
        found = False
        for inner, _ in self._bucket.below(plain):
            found = True
            yield posixpath.join(plain, inner), os.path.join(target, *local.names(inner))  # noqa: PTH118
        if plain and not found:
            self._bucket.head(plain)
            yield plain, target

    def _fetch(self, path: str, target: str) -> None:
        where = self._bucket
        where.client.download_file(where.name, where.key(path), target, ExtraArgs=where.owner or None)

    def delete(self, path: str) -> None:
        """Remove a file or folder.

        Raises:
            NotFoundError: there is no such file or folder.
            InvalidValueError: it is the root.
        """
        plain = _plain(path)
        if not plain:
            raise InvalidValueError("The root of a run's artifacts cannot be deleted.", hint="Name a file or folder in it.")
        with s3_bucket.told(self._bucket.name, path):
            if not self._bucket.remove(plain):
                raise _absent(path)


def _plain(path: Optional[str]) -> str:
    """An artifact path in its plainest form; empty for the root.

    Raises:
        InvalidValueError: it leaves the root, or has a character that is no Unicode.
    """
    plain = "/".join(local.names(path or ""))
    try:
        plain.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidValueError(f"The artifact path {path!r} has a character that is no Unicode.") from None
    return plain


def _absent(path: str) -> NotFoundError:
    return NotFoundError(f"There is no artifact {path!r}.", hint="`mlctl artifacts list RUN -r` shows what a run has.")
