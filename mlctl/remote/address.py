"""Where a tracking server is and how it is reached: its address, credentials, certificates, and a proxy on the way.

Credentials may stand in the address or in variables. They never stand in `Server.uri`, which is what messages and records show; those of
an address are remembered in this process, so that its plain form reaches the same server again.
"""

import os
import re
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from mlctl import settings
from mlctl.errors import StoreError

PORTS = {"http": 80, "https": 443}

_ADDRESS = re.compile(
    r"(?i:(https?))://(?:([^/?#]*)@)?(\[[0-9a-fA-F:.%]+\]|[\w.\-]+)(?::([0-9]{0,5}))?(/[\w.~%!$&'()*+,;=:@/\-]*)?\Z", re.ASCII
)
_LOOPBACK = re.compile(r"localhost|127\.[0-9.]+|::1|.*\.localhost")

_given: Dict[str, str] = {}
"""Authorization by plain address, as addresses of this process had it."""


class Tls(NamedTuple):
    """How a server proves who it is, and the client too: files of certificates, empty for the system's own and for none."""

    insecure: bool = False
    authorities: str = ""
    client: str = ""


class Proxy(NamedTuple):
    """An HTTP proxy; ``authorization`` is the header that it wants, or empty."""

    host: str
    port: int
    authorization: str = ""


class Server(NamedTuple):
    """A tracking server. ``prefix`` is the path in front of every route, ``authorization`` the header's value or empty."""

    scheme: str
    host: str
    port: int
    prefix: str = ""
    authorization: str = ""
    tls: Tls = Tls()
    proxy: Optional[Proxy] = None

    @property
    def netloc(self) -> str:
        """Host and port as they stand in an address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def uri(self) -> str:
        """The address, without credentials."""
        return f"{self.scheme}://{self.netloc}{self.prefix}"


def server(address: str) -> Server:
    """The server that an address names, with what the environment says of how to reach it.

    Raises:
        StoreError: the address cannot be read, or settings contradict each other. No message has credentials in it.
    """
    match = _ADDRESS.match(address)
    port = int(match[4]) if match and match[4] else 0
    if not match or port > 65535:
        plain = re.sub(r"//[^/]*@", "//", address)
        raise StoreError(f"{plain!r} is not an address of a server.", hint="Write http://HOST:PORT or https://HOST/PATH.")
    scheme, host = match[1].lower(), match[3].strip("[]").lower()
    found = Server(scheme, host, port or PORTS[scheme], (match[5] or "").rstrip("/"))
    if match[2] is not None:
        _given[found.uri] = _basic(*map(_unquoted, _pair(match[2])))
    authorization = _given.get(found.uri) or _from_settings()
    return found._replace(authorization=authorization, tls=_tls() if scheme == "https" else Tls(), proxy=_proxy(found, os.environ))


def credentials(authorization: str) -> Dict[str, str]:
    """The variables from which MLflow's clients, and mlctl's, take an authorization."""
    kind, _, rest = authorization.partition(" ")
    if kind == "Bearer":
        return {"TOKEN": rest}
    if kind == "Basic":
        import binascii

        username, _, password = binascii.a2b_base64(rest).decode("utf-8", "replace").partition(":")
        return {"USERNAME": username, "PASSWORD": password}
    return {}


def _from_settings() -> str:
    user, word, secret = [settings.resolve(f"tracking_{name}") for name in ("username", "password", "token")]
    token_is_nearer = secret.source.startswith("MLCTL_") and not user.source.startswith("MLCTL_")
    if user.value and word.value and not token_is_nearer:
        return _basic(user.value, word.value)
    token = secret.value
    if any(ord(character) < 33 or ord(character) > 126 for character in token):
        raise StoreError("The tracking token has characters that no token has.", hint="See MLCTL_TRACKING_TOKEN, MLFLOW_TRACKING_TOKEN.")
    return f"Bearer {token}" if token else ""


def _basic(username: str, password: str) -> str:
    import binascii

    text = binascii.b2a_base64(f"{username}:{password}".encode("utf-8", "surrogateescape"), newline=False)
    return f"Basic {text.decode('ascii')}"


def _pair(userinfo: str) -> Tuple[str, str]:
    username, _, password = userinfo.partition(":")
    return username, password


def _unquoted(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote

    return unquote(text)


def _tls() -> Tls:
    insecure = settings.value("tracking_insecure_tls").lower() in ("true", "1")
    authorities, client = settings.value("tracking_server_cert"), settings.value("tracking_client_cert")
    if insecure and authorities:
        hint = "Unset MLFLOW_TRACKING_INSECURE_TLS or MLFLOW_TRACKING_SERVER_CERT_PATH."
        raise StoreError("The server's certificate is to be checked, and not to be checked.", hint=hint)
    return Tls(insecure, authorities, client)


def _proxy(found: Server, environ: Mapping[str, str]) -> Optional[Proxy]:
    """The proxy that the environment names for a server, unless NO_PROXY excepts it. Loopback addresses have none."""
    names = (f"{found.scheme}_proxy", f"{found.scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    named = next((environ[name] for name in names if environ.get(name)), "")
    if not named or _LOOPBACK.fullmatch(found.host) or _is_direct(found, environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        return None
    match = _ADDRESS.match(named if "://" in named else f"http://{named}")
    if not match or match[1].lower() != "http":
        plain = re.sub(r"//[^/]*@", "//", named)
        raise StoreError(f"The proxy {plain!r} cannot be used.", hint="mlctl knows proxies with http:// only; NO_PROXY excepts hosts.")
    authorization = _basic(*map(_unquoted, _pair(match[2]))) if match[2] else ""
    return Proxy(match[3].strip("[]"), int(match[4] or 80), authorization)


def _is_direct(found: Server, no_proxy: str) -> bool:
    for entry in filter(None, (text.strip().lower() for text in no_proxy.split(","))):
        if entry == "*" or ("/" in entry and _is_within(found.host, entry)):
            return True
        name, _, port = entry.rpartition(":") if re.search(r"[^:]:[0-9]+\Z", entry) else (entry, "", "")
        name = name.strip("[]").lstrip(".")
        if (found.host == name or found.host.endswith(f".{name}")) and port in ("", str(found.port)):
            return True
    return False


def _is_within(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
