"""Where artifacts can be, beside a server: a folder of this machine, or a bucket of S3."""

from mlctl.files.local import LocalArtifacts, local_folder
from mlctl.tracking.store import ArtifactStore

SCHEME = "s3://"


def at(uri: str) -> ArtifactStore:
    """The files below an address: a path, ``file:…`` or ``s3://bucket/path``.

    Raises:
        StoreError: it is somewhere else, or what is needed to reach it is not installed.
    """
    if uri.startswith(SCHEME):
        from mlctl.files.s3 import S3Artifacts

        return S3Artifacts(uri)
    return LocalArtifacts(local_folder(uri))
