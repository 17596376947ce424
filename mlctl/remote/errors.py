"""What goes wrong between a client and a server, as errors of mlctl's tree."""

from typing import Any, Dict, Optional, Type

from mlctl.errors import ConflictError, ExistsError, InvalidValueError, NotFoundError, StoreError, UnreachableError
from mlctl.remote.address import Server

_SHOWN = 300

CLASSES: Dict[str, Type[StoreError]] = {
    "RESOURCE_DOES_NOT_EXIST": NotFoundError,
    "NOT_FOUND": NotFoundError,
    "RESOURCE_ALREADY_EXISTS": ExistsError,
    "ALREADY_EXISTS": ExistsError,
    "RESOURCE_CONFLICT": ConflictError,
    "INVALID_PARAMETER_VALUE": InvalidValueError,
    "BAD_REQUEST": InvalidValueError,
    "INVALID_STATE": InvalidValueError,
}


class NoRouteError(StoreError):
    """The server does not have what was asked of it."""


def refused(server: Server, path: str, *, status: int, headers: Dict[str, str], body: bytes) -> StoreError:
    """The error that an answer stands for."""
    found = _object(body)
    code, message = str(found.get("error_code", "")), found.get("message", found.get("detail"))  # files of MLflow's server: detail
    if code in CLASSES and isinstance(message, str):
        return _told(CLASSES[code], message, found.get("hint"))
    if status == 400 and isinstance(message, str):
        return InvalidValueError(_printable(message))
    said = _printable(message if isinstance(message, str) else _text(headers, body))
    if status in (401, 403, 407):
        hint = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, say who you are."
        return StoreError(f"{server.uri} does not let you do that ({status}){_because(said)}", hint=hint if status != 407 else "")
    if 300 <= status < 400:
        target = _printable(headers.get("location", "another address"))
        return StoreError(f"{server.uri} sends callers on to {target}.", hint="Use the address that it names.")
    if status in (404, 405, 501) and (not code or code in ("ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED")):
        hint = "Is the address that of a tracking server, with its whole path?"
        return NoRouteError(f"{server.uri} has nothing at {path} ({status}).", hint=hint)
    return StoreError(f"{server.uri} failed ({status}{' ' + _printable(code) if code else ''}){_because(said)}")


def _told(kind: Type[StoreError], message: str, hint: Any) -> StoreError:
    """An error in the server's words; a server of ours says which of them are the hint."""
    if isinstance(hint, str) and hint and message.endswith(f" {hint}"):
        return kind(_printable(message[: -len(hint) - 1]), hint=_printable(hint))
    return kind(_printable(message))


def unreachable(server: Server, error: Exception, *, sent: bool) -> UnreachableError:
    """The error for a server that did not answer."""
    via = f" through the proxy {server.proxy.host}:{server.proxy.port}" if server.proxy is not None else ""
    start = f"The tracking server {server.uri} cannot be reached{via}" if not sent else f"The tracking server {server.uri} gave no answer"
    return UnreachableError(f"{start}: {_why(error)}.", hint=_advice(error, sent=sent))


def _why(error: Exception) -> str:
    if type(error).__name__ in ("timeout", "TimeoutError"):
        return "nothing came in time"
    if type(error).__name__ == "SSLCertVerificationError":
        return f"its certificate is not good: {getattr(error, 'verify_message', '')}"
    return str(getattr(error, "strerror", None) or error)


def _advice(error: Exception, *, sent: bool) -> str:
    if type(error).__name__ == "SSLCertVerificationError":
        return "MLFLOW_TRACKING_SERVER_CERT_PATH names the certificates that you trust."
    if sent:
        return "It is not known whether the request was carried out."
    return "Is it running, and is MLCTL_TRACKING_URI (or MLFLOW_TRACKING_URI) right?"


def _object(body: bytes) -> Dict[str, Any]:
    import json

    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(headers: Dict[str, str], body: bytes) -> str:
    """What a body says to people; pages in HTML say nothing that helps."""
    return "" if "html" in headers.get("content-type", "") or body.startswith(b"<") else body[:_SHOWN].decode("utf-8", "replace").strip()


def _because(said: str) -> str:
    return f": {said}" if said else "."


def _printable(text: Optional[str]) -> str:
    """A text from elsewhere, without what could steer a terminal."""
    return "".join(character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}" for character in text or "")
