"""The tracking store: whether it can be opened, is whole, is of this version, and lies where a store may lie."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from typing import TYPE_CHECKING

from mlctl.doctor.findings import NOTE, OK, WRONG, Finding, size
from mlctl.errors import MlctlError, StoreError
from mlctl.sql import schema, sqlite_file
from mlctl.tracking import opening

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOPIC = "store"
_LARGE_LOG_BYTES = 256 << 20
_LITTLE_BYTES = 256 << 20
_BUSY_S = 5.0


def look() -> Iterator[Finding]:
    """Findings about the store that commands would use here. No store is made, and nothing is recorded."""
    try:
        with contextlib.closing(opening.open_store(create=False)) as store:
            uri = store.uri
            if not opening.is_far(uri):
                yield from _local(opening.locate())
                return
            store.get_experiment("0")
    except StoreError as error:
        yield Finding(_TOPIC, "address", WRONG, error.message, error.hint or "`mlctl experiments list` shows more.")
        return
    yield Finding(_TOPIC, "address", OK, f"{uri} answers")


def _local(path: str) -> Iterator[Finding]:
    if not os.path.exists(path):  # noqa: PTH110
        yield Finding(_TOPIC, "address", NOTE, f"there is none yet: {path} is made when something is recorded")
    else:
        yield Finding(_TOPIC, "address", OK, f"{path}, {size(os.path.getsize(path))}")  # noqa: PTH202
        yield _database(path)
        yield _write_ahead_log(path)
        writable = sqlite_file.is_writable(path)
        yield Finding(
            _TOPIC,
            "permissions",
            OK if writable else NOTE,
            "can be written" if writable else "can only be read",
            "" if writable else "chmod, chown",
        )
    yield from _disk(path)


def _database(path: str) -> Finding:
    try:
        with contextlib.closing(sqlite_file.connect(path, sqlite_file.reading_options(path), busy_s=_BUSY_S)) as connection:
            version = sqlite_file.identify(connection, path)
            said = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
            runs = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
    except StoreError as error:
        return Finding(_TOPIC, "database", WRONG, error.message, error.hint)
    except sqlite3.Error as error:
        told = sqlite_file.explain(error, path, _BUSY_S)
        return Finding(_TOPIC, "database", WRONG, told.message, told.hint)
    if said != ["ok"]:
        return Finding(
            _TOPIC, "database", WRONG, f"it is damaged: {'; '.join(said)}", f"Restore it from a backup, or: sqlite3 {path} .recover"
        )
    newest = schema.MIGRATIONS[-1].version
    older = "" if version == newest else f", brought to {newest} by the next command that writes"
    return Finding(_TOPIC, "database", OK, f"whole, tables of version {version}{older}, {runs} runs")


def _write_ahead_log(path: str) -> Finding:
    try:
        log = os.path.getsize(f"{path}-wal")  # noqa: PTH202
    except OSError:
        log = 0
    if log < _LARGE_LOG_BYTES:
        return Finding(_TOPIC, "write-ahead log", OK, size(log))
    return Finding(_TOPIC, "write-ahead log", NOTE, f"{size(log)}: some process keeps reading", "It is folded in when that has ended.")


def _disk(path: str) -> Iterator[Finding]:
    try:
        sqlite_file.check_place(path)
        yield Finding(_TOPIC, "file system", OK, "of this machine, or allowed")
    except MlctlError as error:
        yield Finding(_TOPIC, "file system", WRONG, error.message, error.hint)
    folder = os.path.dirname(path)  # noqa: PTH120
    while not os.path.isdir(folder):  # noqa: PTH112
        folder = os.path.dirname(folder)  # noqa: PTH120
    free = shutil.disk_usage(folder).free
    status = WRONG if free < 1 << 20 else NOTE if free < _LITTLE_BYTES else OK
    yield Finding(_TOPIC, "free space", status, size(free), "" if status == OK else "Make room: runs cannot be recorded on a full disk.")
