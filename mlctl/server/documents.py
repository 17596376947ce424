"""The JSON of runs, kept in the process. A run's version in the database says whether what is kept still holds."""

from __future__ import annotations

import threading
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from mlctl.errors import NotFoundError
from mlctl.sql import datasets as sql_datasets
from mlctl.sql import runs as sql_runs
from mlctl.tracking import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlctl.sql.db import Db
    from mlctl.tracking.entities import RunInputs, RunOutputs

KEPT_BYTES = 8 << 20

_VERSION = "SELECT id, version FROM runs WHERE run_id = ?"
_VERSIONS = "SELECT id, run_id, version FROM runs WHERE id IN ({})"

encode = msgspec.json.Encoder().encode


class Documents:
    """The kept JSON, the oldest given up first."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._limit = kept_bytes
        self._kept: dict[str, tuple[int, bytes]] = {}
        self._size = 0
        self._lock = threading.Lock()

    def one(self, db: Db, run_id: str) -> bytes:
        """A run, active or deleted.

        Raises:
            NotFoundError: there is no such run.
        """
        row = db.one(_VERSION, (run_id,))
        if row is None:
            raise NotFoundError(f"There is no run with the id {run_id!r}.")
        kept = self._kept.get(run_id)
        if kept is not None and kept[0] == row[1]:
            return kept[1]
        return self._make(db, [(row[0], run_id, row[1])])[0]

    def many(self, db: Db, numbers: Sequence[int]) -> list[bytes]:
        """Runs by their numbers, in that order."""
        rows = {row[0]: row for row in db.select_in(_VERSIONS, numbers)}
        found: dict[int, bytes] = {}
        for number, run_id, version in rows.values():
            kept = self._kept.get(run_id)
            if kept is not None and kept[0] == version:
                found[number] = kept[1]
        absent = [rows[number] for number in numbers if number not in found]
        found.update(zip([row[0] for row in absent], self._make(db, absent), strict=True))
        return [found[number] for number in numbers]

    def _make(self, db: Db, rows: Sequence[tuple[int, str, int]]) -> list[bytes]:
        numbers = [row[0] for row in rows]
        parts = zip(sql_runs.details(db, numbers), sql_datasets.inputs_of(db, numbers), sql_datasets.outputs_of(db, numbers), strict=True)
        made = [encode(_document(found, inputs, outputs, folder=db.folder)) for found, inputs, outputs in parts]
        with self._lock:
            for (_, run_id, version), text in zip(rows, made, strict=True):
                self._keep(run_id, version, text)
        return made

    def _keep(self, run_id: str, version: int, text: bytes) -> None:
        before = self._kept.pop(run_id, None)
        self._kept[run_id] = (version, text)
        self._size += len(text) - (len(before[1]) if before else 0)
        while self._size > self._limit:
            oldest = next(iter(self._kept))
            self._size -= len(self._kept.pop(oldest)[1])


def _document(found: sql_runs.RunDetails, inputs: RunInputs, outputs: RunOutputs, *, folder: str) -> dict[str, Any]:
    return {
        "info": wire.run_info(found.info, folder=folder),
        "data": wire.run_data(found.metrics, params=found.params, tags=found.tags),
        "inputs": wire.run_inputs(inputs),
        "outputs": wire.run_outputs(outputs),
    }


def page_of(name: str, items: Sequence[bytes], *, token: str | None) -> bytes:
    """A page of encoded items; what is empty is left out."""
    end = b'"next_page_token":%s}' % encode(token) if token else b"}"
    if not items:
        return b"{" + end
    # Long pages are put together once: each copy of one is megabytes.
    return b"".join([b'{"%s":[' % name.encode(), b",".join(items) if len(items) > 1 else items[0], b"]," if token else b"]", end])


_NAN = float("nan")


class _Point(msgspec.Struct, gc=False):
    key: str
    value: Any
    timestamp: int
    step: int


def encoded_points(key: str, rows: Iterable[tuple[float | None, int, int]]) -> bytes:
    """Points of one metric as JSON, with commas between them."""
    points = [_Point(key, _NAN if value is None else value, timestamp, step) for value, timestamp, step in rows]
    for point in points:
        if not isfinite(point.value):
            point.value = wire.number(point.value)
    return encode(points)[1:-1]
