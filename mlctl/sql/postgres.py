"""The store in a PostgreSQL database, used by many servers, processes and threads of many machines at once.

A call takes a connection from those that are idle, or opens one; so there are as many as calls are under way at a time. Who writes takes
the advisory lock of writers first, with the statement that begins the transaction: writers take turns, as they do with SQLite, so that
what one of them has looked at stays so until it commits. Readers wait for nobody: each call sees the database as it was when it began.

A connection must not be taken across a fork: a forked child leaves its parent's alone and opens new ones.
"""

import os
import threading
from typing import TYPE_CHECKING, Any, ContextManager, Iterable, List, Optional, Sequence, Type

from mlctl import settings
from mlctl.errors import InvalidValueError, StoreError
from mlctl.sql import postgres_link as link
from mlctl.sql.db import Db, Rows
from mlctl.sql.postgres_words import statement
from mlctl.sql.store import SqlStore

if TYPE_CHECKING:
    from psycopg import Connection

_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_WRITE = f"BEGIN; SELECT pg_advisory_xact_lock({link.WRITERS_LOCK})"

_abandoned: List[Any] = []  # a forked child keeps its parent's connections: closing one would end the parent's session


class _Handle:
    """A connection, and what it has learnt."""

    def __init__(self, connection: "Connection[Any]", folder: str) -> None:
        self.connection = connection
        mark = "SELECT txid_snapshot_xmax(txid_current_snapshot())"  # only what writes takes a number
        self.db = Db(execute=self._execute, executemany=self._executemany, folder=folder, change_mark=mark)
        self.pid = os.getpid()
        self.lost = False  # a signal handler wanted to write in the middle of this one's call

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        return self.connection.execute(statement(sql), values)

    def _executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        listed = list(rows)
        if listed:
            self.connection.cursor().executemany(statement(sql), listed)

    def is_usable(self) -> bool:
        return not self.connection.closed and self.pid == os.getpid()

    def close(self) -> None:
        if self.pid == os.getpid():
            self.connection.close()
        else:
            _abandoned.append(self.connection)

    def __del__(self) -> None:
        if self.is_usable():
            self.connection.close()


class _Call:
    """A transaction: of one call, which inside a block of the same thread is a part of that; or a block, around many calls."""

    def __init__(self, store: "PostgresStore", *, write: bool, block: bool = False) -> None:
        self._store = store
        self._write = write
        self._block = block

    def __enter__(self) -> Db:
        around = self._store.block()
        self._joined = around is not None
        self._handle = around if around is not None else self._store.begin(write=self._write)
        if self._block and not self._joined:
            self._store.enter(self._handle)
        return self._handle.db

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: object) -> None:
        if not self._joined:
            self._store.end(self._handle, error)


class AbsentError(StoreError):
    """There is no store in the database yet, and none was to be made."""


class PostgresStore(SqlStore):
    """A tracking store in a PostgreSQL database.

    ``artifacts`` is the folder or address (``s3://…``) below which the store keeps artifacts from now on; empty: where it keeps them, which
    for a new store is ``mlruns`` in the current folder.

    Raises:
        AbsentError: there is no store in it, and ``create`` is false.
        StoreError: the database cannot be reached or used, or belongs to something else.
    """

    shared = True

    def __init__(self, uri: str, *, create: bool = True, artifacts: str = "") -> None:
        self.uri = link.plain(uri)
        self._busy_s = settings.number("busy_timeout_s")
        self._start()
        connection = link.connect(self.uri, busy_s=self._busy_s)
        try:
            self._open(connection, link.look(connection, self.uri), create=create, artifacts=artifacts)
        except BaseException as error:
            connection.close()
            self._explain(error)
            raise
        self._idle.append(_Handle(connection, self.folder))

    def _open(self, connection: "Connection[Any]", facts: link.Facts, *, create: bool, artifacts: str) -> None:
        if not facts.is_store and not create:
            raise AbsentError(f"There is no store in {self.uri}.")
        self.read_only = facts.read_only
        if artifacts or not facts.is_store or not link.is_current(connection, self.uri):
            self._prepare(connection, artifacts)
        self.folder = link.artifacts_of(connection)

    def _prepare(self, connection: "Connection[Any]", artifacts: str) -> None:
        if self.read_only:
            raise StoreError(f"{self.uri} has no tables of this mlctl yet and cannot be written.", hint="Open it once where it can be.")
        link.prepare(connection, self.uri, artifacts=artifacts.rstrip("/"), default=os.path.abspath("mlruns"))  # noqa: PTH100

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: List[_Handle] = []
        self._local = threading.local()

    def transaction(self) -> ContextManager[Db]:
        """One transaction for many calls of this store in this thread; see `SqlStore.transaction`.

        Raises:
            StoreError: the store cannot be written.
        """
        self._require_writable()
        return _Call(self, write=True, block=True)

    def _reading(self) -> ContextManager[Db]:
        return _Call(self, write=False)

    def _writing(self) -> ContextManager[Db]:
        self._require_writable()
        return _Call(self, write=True)

    def _require_writable(self) -> None:
        if self.read_only:
            raise StoreError(f"The store {self.uri} cannot be written by this user.", hint="Grant it the rights, or name another user.")

    def close(self) -> None:
        """Close the connections that are idle; the next call opens one again."""
        idle, self._idle = self._idle, []
        for handle in idle:
            handle.close()

    def block(self) -> Optional[_Handle]:
        """The connection of the block of calls that this thread is in."""
        handle: Optional[_Handle] = getattr(self._local, "block", None)
        return handle if handle is not None and handle.is_usable() and not handle.lost else None

    def enter(self, handle: _Handle) -> None:
        """A block of calls of this thread begins."""
        self._local.block = handle

    def begin(self, *, write: bool) -> _Handle:
        """Begin a transaction; who writes has the turn then. A connection that broke while it was idle is replaced.

        Raises:
            StoreError: others wrote for too long, or the database cannot be reached.
        """
        if self._pid != os.getpid():
            _abandoned.extend(self._idle)
            self._start()
        if write:
            self._interrupt_own()
        while True:
            known = self._taken()
            handle = known or _Handle(link.connect(self.uri, busy_s=self._busy_s), self.folder)
            if write:
                self._local.writing = handle
            try:
                handle.connection.execute(_WRITE if write else _READ)
            except BaseException as error:
                broken = handle.connection.closed
                self._local.writing = None
                handle.close()
                if known is not None and broken and isinstance(error, Exception):
                    continue
                self._explain(error)
                raise
            return handle

    def _taken(self) -> Optional[_Handle]:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _interrupt_own(self) -> None:
        """Undo this thread's own write, if one is under way: a signal handler that wanted to write would wait for it for ever."""
        handle: Optional[_Handle] = getattr(self._local, "writing", None)
        if handle is not None and handle.is_usable():
            handle.lost = True
            handle.close()

    def end(self, handle: _Handle, error: Optional[BaseException]) -> None:
        """Commit, or after an error undo everything.

        Raises:
            StoreError: the commit failed, or the error was one of PostgreSQL's.
        """
        if handle.pid != os.getpid():
            return  # forked inside the transaction, which is the parent's
        self._local.writing = self._local.block = None
        if handle.lost:
            hint = "Repeat that call."
            raise StoreError("A signal handler used the store in the middle of another call, which was undone.", hint=hint) from error
        failed = self._finish(handle, error)
        if handle.connection.closed:
            handle.close()
        else:
            with self._lock:
                self._idle.append(handle)
        if failed is not None:
            self._explain(failed)
            if failed is not error:
                raise failed

    def _finish(self, handle: _Handle, error: Optional[BaseException]) -> Optional[BaseException]:
        """End the transaction; returns what went wrong."""
        if error is None:
            try:
                if handle.connection.execute("COMMIT").statusmessage == "COMMIT":
                    return None
                error = StoreError(f"The store {self.uri} has undone a transaction in which something had failed.")
            except BaseException as failed:  # noqa: BLE001 -- an interrupt too leaves the connection unusable
                error = failed
        handle.db.forget()
        try:
            if not handle.connection.closed:
                handle.connection.execute("ROLLBACK")
        except BaseException:  # noqa: BLE001
            handle.close()
        return error

    def _explain(self, error: BaseException) -> None:
        """Raise the error of ours that one of PostgreSQL's means; do nothing about others."""
        import psycopg

        if isinstance(error, (psycopg.Error, UnicodeEncodeError)):
            raise link.explain(error, self.uri, self._busy_s) from error
        if isinstance(error, OverflowError):
            raise InvalidValueError("A number does not fit in 64 bits.") from error


def open_store(uri: str, *, create: bool = True, artifacts: str = "") -> SqlStore:
    """The store in a database; with ``create=False``, where there is none, one without runs that cannot be written.

    Raises:
        StoreError: the database cannot be reached or used, or belongs to something else.
    """
    try:
        return PostgresStore(uri, create=create, artifacts=artifacts)
    except AbsentError:
        from mlctl.sql.sqlite import SqliteStore

        return SqliteStore.absent(link.plain(uri))
