"""The store that this process logs to, and its address."""

import contextlib
import os
import sys
from typing import Any, Dict, Tuple

from mlctl import settings
from mlctl.errors import StoreError
from mlctl.tracking import opening
from mlctl.tracking.entities import CLIENT_TAG, RunTag
from mlctl.tracking.store import TrackingStore

_VARIABLE = "MLCTL_TRACKING_URI"

_stores: Dict[str, TrackingStore] = {}
_given: Tuple[str, str] = ("", "")  # the address as set_tracking_uri was given it, and as the variable holds it


def current_store() -> TrackingStore:
    """The store that this process logs to, as the settings name it now.

    Raises:
        StoreError: the store cannot be used.
    """
    return store_at(address())


def address() -> str:
    """The address as the settings name it now; inside a job, MLflow's variable counts if the script has changed it."""
    found = settings.resolve("tracking_uri")
    job = settings.value("endpoint_store")
    if job and found == (job, _VARIABLE):
        named = os.environ.get("MLFLOW_TRACKING_URI")
        return named if named and named != settings.value("endpoint_address") else job
    return found.value


def store_at(uri: str) -> TrackingStore:
    """The store of an address (empty: the default one), opened once per process: a relative one stays where it first led.

    Raises:
        StoreError: the store cannot be used.
    """
    if uri not in _stores:
        if uri and uri.rstrip("/") == settings.value("endpoint_address"):  # there is a server for MLflow's clients only
            _stores[uri] = store_at(settings.value("endpoint_store"))
        else:
            _stores[uri] = opening.open_store(uri or None)
            _note_stand_in(_stores[uri])
    return _stores[uri]


def _note_stand_in(store: TrackingStore) -> None:
    """A job's run tells that its script logs through mlctl's stand-in for mlflow."""
    version, run_id = getattr(sys.modules.get("mlflow"), "STAND_IN", ""), settings.value("run_id")
    if version and run_id:
        with contextlib.suppress(StoreError):  # another store, which does not have that run
            store.log_batch(run_id, tags=[RunTag(CLIENT_TAG, version)])


def set_tracking_uri(uri: Any) -> None:
    """Log to another store from now on: a folder, a file, ``sqlite:///…``, ``file:…``, ``postgresql://…`` or ``http(s)://…``.

    Processes that this one starts log there too: the address goes into the environment, made absolute. Empty or None: the default again.
    """
    global _given  # noqa: PLW0603 -- as much the process's as the environment is
    text = "" if uri is None else os.fspath(uri)
    _given = (text, absolute(text) if text else "")
    if text:
        os.environ[_VARIABLE] = _given[1]
    else:
        os.environ.pop(_VARIABLE, None)


def get_tracking_uri() -> str:
    """The address of the store that this process logs to, as it was set where it was; nothing is opened or made."""
    found = address()
    if found and found == _given[1]:
        return _given[0]
    return found or (_stores[""].uri if "" in _stores else f"sqlite:///{opening.locate()}")


def is_tracking_uri_set() -> bool:
    """Whether the address was set, by a call or a variable."""
    return bool(settings.value("tracking_uri"))


def absolute(uri: str) -> str:
    """An address without any dependence on the current folder; one that cannot be understood stays, for the store to refuse."""
    if opening.is_far(uri):
        return uri
    try:
        return f"sqlite:///{opening.locate(uri)}"
    except StoreError:
        return uri
