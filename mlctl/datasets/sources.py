"""Where data came from, as MLflow writes it: a type and a small JSON document. Nothing is read until somebody calls ``load()``."""

import json
import os
import re
import sys
from typing import Any, ClassVar, Dict, Optional, Type

from mlctl.errors import ArgumentError, NotFoundError, StoreError
from mlctl.tracking import users

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_STORES = ("s3", "r2", "b2", "gs", "wasbs", "abfss", "ftp", "sftp", "hdfs", "viewfs")
_TIMEOUT_S = 60


class DatasetSource:
    """Base of the sources: ``field`` names the one entry of its JSON document."""

    source_type: ClassVar[str] = ""
    field: ClassVar[str] = ""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DatasetSource) and self.to_dict() == other.to_dict() and self._get_source_type() == other._get_source_type()
        )

    def __hash__(self) -> int:
        return hash(self.to_json())

    def _get_source_type(self) -> str:
        return self.source_type

    def to_dict(self) -> Dict[str, Any]:
        """The JSON document as a dictionary."""
        return {self.field: self._value}

    def to_json(self) -> str:
        """The JSON document."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, source_dict: Dict[str, Any]) -> "DatasetSource":
        """The source of a JSON document.

        Raises:
            ArgumentError: it lacks the entry that it must have.
        """
        if source_dict.get(cls.field) is None:
            raise ArgumentError(f"The source of a dataset lacks {cls.field!r}: {source_dict!r}.")
        return cls(source_dict[cls.field])

    @classmethod
    def from_json(cls, source_json: str) -> "DatasetSource":
        """The source of a JSON document, as text."""
        return cls.from_dict(json.loads(source_json))

    def load(self, dst_path: Optional[str] = None) -> Any:  # noqa: ARG002 -- for those that can
        """Fetch the data; returns the local path.

        Raises:
            ArgumentError: data from there cannot be fetched.
        """
        raise ArgumentError(f"Data of the source type {self._get_source_type()!r} cannot be fetched by mlctl.")


class CodeDatasetSource(DatasetSource):
    """A script that made the data, described by the run's tags of where it came from."""

    source_type = "code"
    field = "tags"

    def __init__(self, tags: Dict[str, str]) -> None:
        super().__init__(tags)


class LocalArtifactDatasetSource(DatasetSource):
    """A file or folder of this machine."""

    source_type = "local"
    field = "uri"

    @property
    def uri(self) -> str:
        """The path, or the ``file:`` address, as it was given."""
        return str(self._value)

    def load(self, dst_path: Optional[str] = None) -> str:
        """The path of the data; with ``dst_path``, a copy in that folder.

        Raises:
            NotFoundError: it is not there any more.
        """
        from mlctl.files.local import LocalArtifacts, local_folder

        path = os.path.abspath(local_folder(self.uri) if self.uri.startswith("file:") else self.uri)  # noqa: PTH100
        if not os.path.exists(path):  # noqa: PTH110
            raise NotFoundError(f"The data {path!r} is not there any more.")
        if dst_path is None:
            return path
        return LocalArtifacts(os.path.dirname(path)).download(os.path.basename(path), os.fspath(dst_path))  # noqa: PTH119, PTH120


class UriDatasetSource(DatasetSource):
    """Data in a bucket or on a file server; its type is the address's scheme."""

    field = "uri"

    @property
    def uri(self) -> str:
        """The address."""
        return str(self._value)

    def _get_source_type(self) -> str:
        return self.uri.partition(":")[0].lower()


class HTTPDatasetSource(DatasetSource):
    """Data of a web server."""

    source_type = "http"
    field = "url"

    def __init__(self, url: str) -> None:
        super().__init__(url)

    @property
    def url(self) -> str:
        """The address."""
        return str(self._value)

    def load(self, dst_path: Optional[str] = None) -> str:
        """Download the file into a folder (by default a new temporary one); returns where it is.

        Raises:
            StoreError: the server does not give it.
        """
        import shutil
        import tempfile
        import urllib.error
        import urllib.parse
        import urllib.request

        name = os.path.basename(urllib.parse.urlsplit(self.url).path) or "dataset_source"  # noqa: PTH119
        folder = tempfile.mkdtemp(prefix="mlctl-") if dst_path is None else os.fspath(dst_path)
        target = os.path.join(folder, name)  # noqa: PTH118
        try:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            with urllib.request.urlopen(self.url, timeout=_TIMEOUT_S) as answer, open(target, "wb") as file:  # noqa: S310, PTH123
                shutil.copyfileobj(answer, file, 1 << 20)
        except (OSError, ValueError) as error:
            raise StoreError(f"The data {self.url} cannot be downloaded: {error}.") from error
        return target


_TYPES: Dict[str, Type[DatasetSource]] = {
    **dict.fromkeys(_STORES, UriDatasetSource),
    "code": CodeDatasetSource,
    "http": HTTPDatasetSource,
    "local": LocalArtifactDatasetSource,
}


def resolved(source: Any) -> DatasetSource:
    """The source that a path, an address, a source or None (this script) means.

    Raises:
        ArgumentError: it is nothing of this kind, or of a scheme that is not known.
    """
    if source is None:
        return CodeDatasetSource(_origin())
    if isinstance(source, DatasetSource):
        return source
    if callable(getattr(source, "to_json", None)) and callable(getattr(source, "_get_source_type", None)):
        return from_json(source.to_json(), source._get_source_type())  # noqa: SLF001 -- one of MLflow's own
    if not isinstance(source, (str, os.PathLike)):
        raise ArgumentError(f"A {type(source).__name__} is not the source of a dataset.", hint="Give a path or an address.")
    text = os.fspath(source)
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else ""
    if scheme in ("http", "https"):
        return HTTPDatasetSource(text)
    if scheme in _STORES:
        return UriDatasetSource(text)
    if scheme not in ("", "file"):
        known = ", ".join(("file", "http", "https", *_STORES))
        raise ArgumentError(f"The source {text!r} of a dataset has a scheme that is not known.", hint=f"A path, or one of: {known}.")
    return LocalArtifactDatasetSource(text)


def from_json(source_json: str, source_type: str) -> DatasetSource:
    """The source that a store holds as a type and a JSON document.

    Raises:
        ArgumentError: the type is not known.
    """
    if source_type not in _TYPES:
        raise ArgumentError(f"The source type {source_type!r} of a dataset is not known.", hint=f"One of: {', '.join(sorted(_TYPES))}.")
    return _TYPES[source_type].from_json(source_json)


def _origin() -> Dict[str, str]:
    script = sys.argv[0] if sys.argv and sys.argv[0] else "<console>"
    return {"mlflow.user": users.current(), "mlflow.source.name": script, "mlflow.source.type": "LOCAL"}
