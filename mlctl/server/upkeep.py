"""What a server asks of its SQLite file beyond what every process does: little memory, and checkpoints that nobody waits for.

A checkpoint copies the write-ahead log into the database, and waits for the disk. In a thread, most of it is copied while writing goes
on; then, with the writes held, the few pages that have come meanwhile: only a log that has been copied to its end is begun anew.
SQLite's own checkpoint, inside a commit, stays as the last resort.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from mlctl.sql import sqlite_file

if TYPE_CHECKING:
    from mlctl.sql.db import Db
    from mlctl.sql.sqlite import SqliteStore

EVERY_CHANGES = 3000
"""Rows changed between two checkpoints: each costs one to three pages of 2 KB."""

_LAST_RESORT_PAGES = 16_000
_LOOP_CACHE_KB = 8_000
_READER_CACHE_KB = 2_000  # long reads go past every page once


def prepare_reader(store: SqliteStore) -> None:
    """Make this thread's connection one for long reads."""
    with store.reading() as db:
        db.execute(f"PRAGMA cache_size = -{_READER_CACHE_KB}")


class Upkeep:
    """The checkpoints of one store. It is made, and asked what is `due`, by the thread that writes; `copy_log` is for another."""

    def __init__(self, store: SqliteStore) -> None:
        self._path = store.path
        self._done_at = 0
        with store.reading() as db:
            db.execute(f"PRAGMA cache_size = -{_LOOP_CACHE_KB}")
            db.execute(f"PRAGMA wal_autocheckpoint = {_LAST_RESORT_PAGES}")

    def due(self, db: Db) -> bool:
        """Whether enough has been written since the last time this was true."""
        row = db.one("SELECT total_changes()", ())
        changes = int(row[0]) if row else 0
        if 0 <= changes - self._done_at < EVERY_CHANGES:
            return False
        self._done_at = changes
        return True

    def copy_log(self) -> None:
        """Copy what can be copied; what cannot, because others read or copy, is left for the next time."""
        with contextlib.suppress(sqlite3.Error), contextlib.closing(self._connect()) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _connect(self) -> sqlite3.Connection:
        return sqlite_file.connect(self._path, "mode=rw", busy_s=0, pragmas=("synchronous = NORMAL",))
