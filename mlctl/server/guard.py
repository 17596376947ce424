"""Who may ask: the check in front of every route. What it does not allow is refused.

The host allow-list stops DNS rebinding (a foreign page whose name is made to mean this machine). The origin check and the JSON content
type stop pages of other sites from sending changes with a user's browser. The token, where one is set, stops all who do not have it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

OPEN_PATHS = frozenset({"/health", "/version"})
"""What a probe may ask by any name and without a token: it learns that the server lives, and its version."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_WITH_JSON = frozenset({"POST", "PUT"})
_RAW_BODIES = re.compile(r"/(ajax-)?api/2\.0/(mlflow-artifacts/(artifacts|mpu/part)/|mlflow/upload-artifact\Z)")
_PARTS = "/api/2.0/mlflow-artifacts/mpu/part/"
_LOOPBACK_NAMES = ("localhost", "host.docker.internal")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.\-]+?)\.?(?P<port>:[0-9]{1,5})?\Z")
_KEPT = 256


class Refusal(NamedTuple):
    """Why a request is refused: HTTP status, error code of the API, and a sentence."""

    status: int
    code: str
    message: str


_TWO_HOSTS = Refusal(400, "BAD_REQUEST", "The request must have exactly one Host header.")
_BAD_HOST = Refusal(403, "PERMISSION_DENIED", "This server does not answer to that host name (mlctl server --allowed-hosts allows more).")
_BAD_ORIGIN = Refusal(403, "PERMISSION_DENIED", "Pages of other sites may not change anything here.")
_BAD_TOKEN = Refusal(401, "UNAUTHENTICATED", "A valid token is required: MLFLOW_TRACKING_TOKEN.")
_BAD_TYPE = Refusal(400, "INVALID_PARAMETER_VALUE", "The content type must be application/json.")


class Guard:
    """The check.

    ``hosts`` are the names (with or without a port, or ``*``) that the server answers to; None means this machine's own names and
    private IP addresses. With a ``token``, requests must carry it: as a bearer token, or as user name or password of basic authentication.
    """

    def __init__(self, hosts: Sequence[str] | None, token: str = "") -> None:
        self._hosts = None if hosts is None else frozenset(name.lower().rstrip(".") for name in hosts)
        self._token = token.encode()
        self._known_hosts: dict[bytes, bool] = {}

    def check(self, method: str, path: str, headers: Collection[tuple[bytes, bytes]]) -> Refusal | None:
        """Why a request is refused; None if it is not. ``path`` is without the static prefix, names of headers are in lower case."""
        if path in OPEN_PATHS and method in _READING:
            return None
        found: dict[bytes, bytes] = {}
        for name, value in headers:
            if name == b"host" and name in found:
                return _TWO_HOSTS
            found[name] = value
        host = found.get(b"host", b"")
        if not self._answers_to(host):
            return _BAD_HOST
        changes = method not in _READING
        if changes and _is_foreign(found, host):
            return _BAD_ORIGIN
        if self._token and not self._has_token(found.get(b"authorization", b"")) and not _has_upload(method, path, found):
            return _BAD_TOKEN
        if method in _WITH_JSON and not _is_json(found.get(b"content-type", b"")) and not _RAW_BODIES.match(path):
            return _BAD_TYPE
        return None

    def _answers_to(self, host: bytes) -> bool:
        known = self._known_hosts.get(host)
        if known is None:
            if len(self._known_hosts) >= _KEPT:
                self._known_hosts.clear()
            known = self._known_hosts[host] = self._is_allowed(host.decode("latin-1").lower())
        return known

    def _is_allowed(self, host: str) -> bool:
        match = _HOST.match(host)
        if not match:
            return False
        name = match["name"]
        if self._hosts is None:
            return _is_local(name)
        return bool(self._hosts & {"*", name, f"{name}{match['port'] or ''}"})

    def _has_token(self, given: bytes) -> bool:
        kind, _, rest = given.partition(b" ")
        if kind.lower() == b"bearer":
            return hmac.compare_digest(rest.strip(), self._token)
        if kind.lower() != b"basic":
            return False
        try:
            user, _, password = base64.b64decode(rest.strip(), validate=True).partition(b":")
        except binascii.Error:
            return False
        return hmac.compare_digest(password, self._token) | hmac.compare_digest(user, self._token)


def _has_upload(method: str, path: str, headers: dict[bytes, bytes]) -> bool:
    """Whether a part of a file comes with the secret of its upload instead of the token: whether it is the right one is seen there."""
    return method == "PUT" and path.startswith(_PARTS) and b"x-mlctl-upload" in headers


def _is_local(name: str) -> bool:
    """Whether a name is this machine's own, or an address that no public name can stand for."""
    if name in _LOOPBACK_NAMES or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return address.is_private or address.is_loopback


def _is_foreign(headers: dict[bytes, bytes], host: bytes) -> bool:
    """Whether a browser says that the request comes from a page of another site."""
    origin = headers.get(b"origin")
    if origin is None:
        return headers.get(b"sec-fetch-site") == b"cross-site"
    try:
        parts = urlsplit(origin.decode("latin-1").lower())
        name = parts.hostname or ""
    except ValueError:
        return True
    same = parts.netloc == host.decode("latin-1").lower()
    return parts.scheme not in ("http", "https") or not (same or name == "localhost" or _is_loopback(name))


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_json(content_type: bytes) -> bool:
    return content_type == b"application/json" or content_type.partition(b";")[0].strip().lower() == b"application/json"
