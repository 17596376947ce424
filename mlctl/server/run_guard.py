"""The guard of a run's own address: it also notes, with the run, which MLflow the run's client is."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from mlctl.errors import StoreError
from mlctl.server.guard import Guard, Refusal
from mlctl.tracking.entities import CLIENT_TAG, RunTag

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlctl.sql.store import SqlStore

_MLFLOW = re.compile(rb"mlflow-python-client/([\w.+-]{1,40})\Z")


class RunGuard(Guard):
    """A guard that lets one run's client in, and gives its run the tag ``mlctl.mlflow`` with the client's version."""

    def __init__(self, token: str, *, store: SqlStore, run_id: str) -> None:
        super().__init__(None, token=token)
        self._store = store
        self._run_id = run_id  # "" once it is noted

    def check(self, method: str, path: str, headers: Collection[tuple[bytes, bytes]]) -> Refusal | None:
        """Why a request is refused; None if it is not."""
        refusal = super().check(method, path, headers)
        if refusal is None and self._run_id:
            self._note(headers)
        return refusal

    def _note(self, headers: Collection[tuple[bytes, bytes]]) -> None:
        agent = next((value for name, value in headers if name == b"user-agent"), b"")
        client = _MLFLOW.match(agent)
        if client is not None:
            with contextlib.suppress(StoreError):  # the request itself will tell what is wrong with the store
                self._store.log_batch(self._run_id, tags=[RunTag(CLIENT_TAG, f"mlflow {client[1].decode()}")])
            self._run_id = ""
