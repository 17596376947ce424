"""A folder of a bucket of S3, or of what speaks its protocol: boto3's client, keys, listings, and what its errors mean.

Where the service is and how to sign are boto3's own affair (``AWS_…`` variables, profiles, roles of machines); beside those the variables
count that MLflow has for its artifacts: ``MLFLOW_S3_ENDPOINT_URL`` and so on, see `mlctl.settings`.
"""

import contextlib
import json
import mimetypes
import os
import threading
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple
from urllib.parse import unquote, urlsplit

from mlctl import settings
from mlctl.errors import InvalidValueError, NotFoundError, StoreError

_ABSENT = ("404", "NoSuchKey", "NotFound")
_MEANINGS = {
    "NoSuchBucket": ("There is no bucket {bucket!r}.", "Make it, or name another: s3://BUCKET/PATH."),
    "AccessDenied": (
        "The bucket {bucket!r} does not let these credentials in.",
        "See AWS_ACCESS_KEY_ID, AWS_PROFILE and the bucket's policy.",
    ),
    "403": ("The bucket {bucket!r} does not let these credentials in.", "See AWS_ACCESS_KEY_ID, AWS_PROFILE and the bucket's policy."),
    "InvalidAccessKeyId": ("{bucket!r} does not know these credentials.", "See AWS_ACCESS_KEY_ID and AWS_PROFILE."),
    "SignatureDoesNotMatch": ("{bucket!r} does not know these credentials.", "See AWS_SECRET_ACCESS_KEY and AWS_PROFILE."),
}
_REMOVED_AT_ONCE = 1000

_clients: Dict[Tuple[Any, ...], Any] = {}
_making = threading.Lock()


class Item(NamedTuple):
    """An object below a folder, or (``size`` -1) a folder; ``name`` has no slash, ``modified_s`` are seconds since the epoch."""

    name: str
    size: int
    modified_s: float = 0.0


class Bucket:
    """What is below an address ``s3://bucket/prefix``. Threads may share it.

    Raises:
        StoreError: boto3 is not installed, or the address names no bucket.
    """

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        self.name = parts.netloc
        self.prefix = unquote(parts.path).strip("/") if "%" in parts.path else parts.path.strip("/")
        if not self.name:
            raise StoreError(f"{uri!r} names no bucket.", hint="Write s3://BUCKET/PATH.")
        self.client = _client()
        owner = settings.value("s3_expected_bucket_owner")
        self.owner = {"ExpectedBucketOwner": owner} if owner else {}

    def key(self, path: str) -> str:
        """The key of a path below the address."""
        return "/".join(filter(None, (self.prefix, path)))

    def of(self, path: str) -> Dict[str, Any]:
        """Bucket and key, as the client wants them."""
        return {"Bucket": self.name, "Key": self.key(path), **self.owner}

    def listed(self, path: str) -> Iterator[Item]:
        """What is in a folder, without what its sub-folders hold."""
        above = self.key(path) + "/" if self.key(path) else ""
        for page in self._pages(above, Delimiter="/"):
            for folder in page.get("CommonPrefixes", ()):
                yield Item(folder["Prefix"][len(above) : -1], -1)
            for found in page.get("Contents", ()):
                if found["Key"] != above:
                    yield Item(found["Key"][len(above) :], found["Size"], found["LastModified"].timestamp())

    def below(self, path: str) -> Iterator[Tuple[str, int]]:
        """Paths, below the folder, and sizes of all objects in it and in its sub-folders."""
        above = self.key(path) + "/" if self.key(path) else ""
        for page in self._pages(above):
            for found in page.get("Contents", ()):
                if not found["Key"].endswith("/"):
                    yield found["Key"][len(above) :], found["Size"]

    def _pages(self, prefix: str, **options: Any) -> Iterator[Dict[str, Any]]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix, **options, **self.owner)
        yield from pages

    def head(self, path: str) -> Dict[str, Any]:
        """An object's facts.

        Raises:
            NotFoundError: there is none, in `told`.
        """
        found: Dict[str, Any] = self.client.head_object(**self.of(path))
        return found

    def remove(self, path: str) -> int:
        """Remove an object, and all objects below that path; returns how many there were."""
        keys = [self.key(f"{path}/{inner}") for inner, _ in self.below(path)]
        with contextlib.suppress(NotFoundError), told(self.name, path):
            self.head(path)
            keys.append(self.key(path))
        for start in range(0, len(keys), _REMOVED_AT_ONCE):
            objects = [{"Key": key} for key in keys[start : start + _REMOVED_AT_ONCE]]
            answer = self.client.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True}, **self.owner)
            for failed in answer.get("Errors", ()):
                raise StoreError(f"{failed.get('Key')} cannot be removed from {self.name}: {failed.get('Message')}.")
        return len(keys)


def upload_args(path: str) -> Dict[str, Any]:
    """What goes with an upload: the media type by the name, and what ``MLFLOW_S3_UPLOAD_EXTRA_ARGS`` says.

    Raises:
        InvalidValueError: that is not a JSON object.
    """
    kind, encoding = mimetypes.guess_type(path)
    found = {name: value for name, value in (("ContentType", kind), ("ContentEncoding", encoding)) if value}
    text = settings.value("s3_upload_extra_args")
    try:
        given = json.loads(text) if text else {}
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise InvalidValueError(f"MLFLOW_S3_UPLOAD_EXTRA_ARGS is no JSON object: {text!r}.", hint='{"ServerSideEncryption": "aws:kms"}')
    return {**found, **given}


def _client() -> Any:
    """The client of this process for the settings as they are now."""
    wanted = tuple(settings.value(f"s3_{name}") for name in ("endpoint_url", "ignore_tls", "addressing_style"))
    own = tuple(
        os.environ.get(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "ENDPOINT_URL")
    )
    with _making:
        known = (os.getpid(), *wanted, *own)
        if known not in _clients:
            _clients[known] = _made(*wanted)
        return _clients[known]


def _made(endpoint: str, ignore_tls: str, style: str) -> Any:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise StoreError("Artifacts in s3://… need boto3.", hint='pip install "mlctl[s3]"') from None
    config = Config(signature_version="s3v4", s3={"addressing_style": style or "auto"})
    verify = {"verify": False} if ignore_tls.lower() in ("true", "1") else {}
    region = {} if os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or not endpoint else {"region_name": "us-east-1"}
    try:
        return boto3.session.Session().client("s3", endpoint_url=endpoint or None, config=config, **verify, **region)
    except (BotoCoreError, ValueError) as error:
        raise StoreError(f"S3 cannot be used: {error}.", hint="See AWS_PROFILE, MLFLOW_S3_ENDPOINT_URL.") from error


@contextlib.contextmanager
def told(bucket: str, path: str) -> Iterator[None]:
    """Turn an error of boto3 into one of ours.

    Raises:
        NotFoundError: there is no such object.
        StoreError: the service cannot be reached, or does not let us.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _meaning(error.response.get("Error", {}), bucket, path) from error
    except Boto3Error as error:
        cause = error.__context__
        if isinstance(cause, ClientError):
            raise _meaning(cause.response.get("Error", {}), bucket, path) from error
        raise StoreError(f"The bucket {bucket!r} cannot be used: {error}.") from error
    except BotoCoreError as error:
        hint = "See AWS_ACCESS_KEY_ID and AWS_PROFILE for credentials, MLFLOW_S3_ENDPOINT_URL for a service other than AWS."
        raise StoreError(f"The bucket {bucket!r} cannot be reached: {error}.", hint=hint) from error


def _meaning(said: Dict[str, Any], bucket: str, path: str) -> StoreError:
    code = str(said.get("Code", ""))
    if code in _ABSENT:
        return NotFoundError(f"There is no artifact {path!r}.", hint="`mlctl artifacts list RUN -r` shows what a run has.")
    if code in _MEANINGS:
        message, hint = _MEANINGS[code]
        return StoreError(message.format(bucket=bucket), hint=hint)
    return StoreError(f"The bucket {bucket!r} cannot be used: {said.get('Message') or code}.")


def names_below(found: List[Item]) -> List[Item]:
    """A listing by name; of an object and a folder of one name, the folder."""
    return sorted({item.name: item for item in sorted(found, key=lambda item: -item.size)}.values())
