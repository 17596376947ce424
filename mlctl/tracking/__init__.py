"""The tracking store: entities, the search language, and the stores that hold them. Standard library only.

`mlctl.tracking.MlflowClient` and the functions around the address are here for MLflow's scripts, imported when they are first used.
"""

from typing import TYPE_CHECKING, Any, Dict

if TYPE_CHECKING:
    from mlctl.tracking.client import Client as Client
    from mlctl.tracking.client import MLflowClient as MLflowClient
    from mlctl.tracking.client import MlflowClient as MlflowClient
    from mlctl.tracking.current import get_tracking_uri as get_tracking_uri
    from mlctl.tracking.current import is_tracking_uri_set as is_tracking_uri_set
    from mlctl.tracking.current import set_tracking_uri as set_tracking_uri

_NAMES: "Dict[str, str]" = {
    "Client": "mlctl.tracking.client",
    "MLflowClient": "mlctl.tracking.client",
    "MlflowClient": "mlctl.tracking.client",
    "get_tracking_uri": "mlctl.tracking.current",
    "is_tracking_uri_set": "mlctl.tracking.current",
    "set_tracking_uri": "mlctl.tracking.current",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _NAMES:
        found = globals()[name] = getattr(import_module(_NAMES[name]), name)
        return found
    if name in ("client", "fluent"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> "list[str]":
    return sorted(_NAMES)
