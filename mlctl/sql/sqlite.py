"""The embedded store: SQLite in one file, used by many processes, threads and forked workers at once.

Every thread of every process has a connection of its own. Threads of one process take turns to write (a lock, so that none starves);
processes do so through SQLite's own lock, waiting up to ``MLCTL_BUSY_TIMEOUT_S``. A commit is in the operating system's hands when a
call returns: it survives the death of the process, and only a power cut can take the last ones away (``synchronous = NORMAL``).

SQLite must not be taken across a fork: locks are the process's, and a forked copy would believe in ones that it does not have. So all
connections are closed just before a fork and opened anew on both sides when they are needed.
"""

import os
import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING, Any, Callable, ClassVar, ContextManager, Dict, List, Optional, Sequence, Tuple, Type

from mlctl import settings
from mlctl.errors import StoreError
from mlctl.sql import schema, sqlite_file
from mlctl.sql.db import Db
from mlctl.sql.store import SqlStore
from mlctl.tracking.entities import Owner, RunTag

if TYPE_CHECKING:
    from mlctl.search.patterns import Pattern

_PRAGMAS = (
    "synchronous = NORMAL",
    "case_sensitive_like = ON",
    "cache_size = -16000",
    "temp_store = MEMORY",
    "wal_autocheckpoint = 4000",
    "journal_size_limit = 16777216",
)
_FORK_WAIT_S = 5.0

_abandoned: List[sqlite3.Connection] = []  # a forked child keeps its parent's connections: closing one would touch the parent's files


class _Handle:
    """A thread's connection.

    Who works with it holds ``lock``. ``call`` says that a call is under way: if one is when the next begins, an interrupt hit the first
    (or a signal handler calls the store in the middle of it); the first is then undone, and ``serial`` tells it so. ``depth`` counts
    `SqliteStore.transaction` blocks that are open.
    """

    def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
        self.connection = connection
        patterns: Dict[str, Pattern] = {}
        connection.create_function("mlctl_rlike", 2, lambda value, pattern: _matches(patterns, value, pattern))
        self.db = Db(execute=connection.execute, executemany=connection.executemany, folder=folder, patterns=patterns)
        self.lock = threading.RLock()
        self.call = False
        self.serial = 0
        self.depth = 0
        self.closed = False
        self.pid = os.getpid()

    def close(self) -> None:
        self.closed = True
        self.connection.close()

    def undo(self) -> None:
        """Roll back what is open, and forget what was learnt in it."""
        self.db.forget()
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def __del__(self, getpid: Callable[[], int] = os.getpid) -> None:
        if self.closed:
            return
        if self.pid == getpid():
            self.close()
        else:
            _abandoned.append(self.connection)


def _matches(patterns: "Dict[str, Pattern]", value: Any, pattern: str) -> bool:
    """SQLite's ``mlctl_rlike (value, pattern)``; the values are texts, or NULL."""
    found = patterns.get(pattern)
    if found is None:
        from mlctl.search.patterns import Pattern

        found = patterns[pattern] = Pattern(pattern)
    return value is not None and found.search(value)


class _Call:
    """The transaction of one call; inside a `_Block` it is a part of that."""

    __slots__ = ("_handle", "_joined", "_serial", "_store", "_write")

    def __init__(self, store: "SqliteStore", *, write: bool) -> None:
        self._store = store
        self._write = write

    def __enter__(self) -> Db:
        handle = self._handle = self._store.handle()
        self._joined = handle.depth > 0
        if not self._joined:
            if handle.call:
                self._store.recover(handle)
            handle.call = True
            handle = self._handle = self._store.begin(handle, write=self._write)
            self._serial = handle.serial
        return handle.db

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: object) -> None:
        if self._joined:
            return
        if self._serial == self._handle.serial:
            self._store.end(self._handle, error, write=self._write)
        elif error is None:
            raise StoreError("A signal handler used the store in the middle of another call, which was undone.", hint="Repeat that call.")


class _Block:
    """A transaction around many calls."""

    def __init__(self, store: "SqliteStore") -> None:
        self._store = store

    def __enter__(self) -> Db:
        handle = self._handle = self._store.handle()
        if not handle.depth:
            if handle.call:
                self._store.recover(handle)
            handle.call = True
            handle = self._handle = self._store.begin(handle, write=True)
        handle.depth += 1
        return handle.db

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: object) -> None:
        self._handle.depth -= 1
        if not self._handle.depth:
            self._store.end(self._handle, error, write=True)


class SqliteStore(SqlStore):
    """A tracking store in an SQLite file.

    Where there is no file, one is made with ``create``; without it the store is empty, cannot be written, and leaves no trace.

    Raises:
        StoreError: the file cannot be opened or made, or belongs to something else.
    """

    def __init__(self, path: str, *, create: bool = True) -> None:
        self.path = path
        self.folder = os.path.dirname(path)  # noqa: PTH120
        self.uri = f"sqlite:///{path}"
        self._busy_s = settings.number("busy_timeout_s")
        if create and not os.path.exists(path):  # noqa: PTH110 -- a bare stat on the start-up path
            sqlite_file.make(path)
        self._absent = not os.path.exists(path)  # noqa: PTH110
        self.read_only = self._absent or not sqlite_file.is_writable(path)
        self._start()
        _watch_forks(self)
        try:
            self._check()
        except (sqlite3.Error, StoreError) as error:
            self.close()
            self._explain(error)
            raise

    @classmethod
    def absent(cls, uri: str) -> "SqliteStore":
        """What stands for a store elsewhere that is not there: it is empty, and cannot be written."""
        store = cls(f"{os.devnull}/none", create=False)
        store.path = store.uri = uri
        return store

    def _start(self) -> None:
        self._pid = os.getpid()
        self._local = threading.local()
        self._handles: weakref.WeakSet[_Handle] = weakref.WeakSet()
        self._turn = threading.RLock()
        self._opening = threading.RLock()

    def _check(self) -> None:
        sqlite_file.check_sqlite()
        connection = self.handle().connection
        version = sqlite_file.patiently(lambda: sqlite_file.identify(connection, self.path), self._busy_s)
        if version < schema.MIGRATIONS[-1].version:
            if self.read_only:
                raise StoreError(f"{self.path} has tables of an older mlctl and cannot be written.", hint="Open it once where it can be.")
            sqlite_file.patiently(lambda: sqlite_file.migrate(connection), self._busy_s)

    def transaction(self) -> ContextManager[Db]:
        """One transaction for many calls of this store in this thread; see `SqlStore.transaction`.

        Raises:
            StoreError: the store cannot be written.
        """
        self._require_writable()
        return _Block(self)

    def _reading(self) -> ContextManager[Db]:
        return _Call(self, write=False)

    def _writing(self) -> ContextManager[Db]:
        if self.read_only:
            self._require_writable()
        return _Call(self, write=True)

    def _require_writable(self) -> None:
        if self._absent:
            raise StoreError(f"There is no store at {self.path}.", hint="`mlctl run` makes one, and so does `mlctl experiments create`.")
        if self.read_only:
            raise StoreError(f"The store {self.path} cannot be written.", hint="Check the permissions of the file and its folder.")

    def finish_run(
        self, run_id: str, *, status: str, end_time: int, tags: Sequence[RunTag] = (), only_owner: Optional[Owner] = None
    ) -> bool:
        """End an owned run; on a full disk the reserved space is given up for it."""
        try:
            done = super().finish_run(run_id, status=status, end_time=end_time, tags=tags, only_owner=only_owner)
        except StoreError as error:
            if not sqlite_file.is_full(error.__cause__, self.path) or not sqlite_file.drop_reserve(self.path):
                raise
            return super().finish_run(run_id, status=status, end_time=end_time, tags=tags, only_owner=only_owner)
        sqlite_file.keep_reserve(self.path)
        return done

    def close(self) -> None:
        """Close the connections of this process; the next call opens one again."""
        if self._pid != os.getpid():
            self._start()
        with self._opening:
            self._local = threading.local()
            handles = list(self._handles)
        for handle in handles:
            with handle.lock:
                handle.close()

    def handle(self) -> _Handle:
        """This thread's connection."""
        if self._pid != os.getpid():
            self._start()
        handle: Optional[_Handle] = getattr(self._local, "handle", None)
        if handle is None or handle.closed:
            handle = self._open()
        return handle

    def begin(self, handle: _Handle, *, write: bool) -> _Handle:
        """Begin a transaction: a turn among the threads, the connection's lock, the database's; returns the connection that has it.

        Raises:
            StoreError: other writers held the database for too long, or it cannot be used.
        """
        try:
            if write:
                self._take_turn()
            handle.lock.acquire()
            while handle.closed:  # another thread closed it, to fork or for good, while this one waited
                handle.lock.release()
                handle = self.handle()
                handle.call = True
                handle.lock.acquire()
            sqlite_file.begin(handle.connection, write=write, busy_s=self._busy_s)
        except BaseException as error:
            self.recover(handle)
            self._explain(error)
            raise
        return handle

    def end(self, handle: _Handle, error: Optional[BaseException], *, write: bool) -> None:
        """Commit, or after an error undo everything.

        Raises:
            StoreError: the commit failed, or the error was one of SQLite's.
        """
        if handle.pid != self._pid or self._pid != os.getpid():
            return  # forked inside the transaction, which is the parent's
        try:
            if error is None:
                handle.connection.execute("COMMIT")
            else:
                handle.undo()
        except sqlite3.Error as failed:
            handle.undo()
            error = failed
        finally:
            handle.lock.release()
            if write:
                self._turn.release()
            handle.call = False
        if error is not None:
            self._explain(error)

    def recover(self, handle: _Handle) -> None:
        """Let go of everything that this thread holds, however far an interrupted call had come."""
        for lock in (handle.lock, self._turn):
            try:
                while True:
                    lock.release()
            except RuntimeError:
                pass  # not held, or not any more
        if not handle.closed:
            handle.undo()
        handle.serial += 1
        handle.call = False

    def _take_turn(self) -> None:
        if not self._turn.acquire(timeout=max(self._busy_s, 0.001)):
            raise sqlite_file.explain(sqlite3.OperationalError("busy"), self.path, self._busy_s)

    def _explain(self, error: BaseException) -> None:
        """Raise the error of ours that one of SQLite's means; do nothing about others."""
        if isinstance(error, (sqlite3.Error, UnicodeEncodeError, OverflowError)):
            raise sqlite_file.explain(error, self.path, self._busy_s) from error

    def _open(self) -> _Handle:
        with self._opening:
            handle = _Handle(self._connect(), self.folder)
            self._local.handle = handle
            self._handles.add(handle)
            return handle

    def _connect(self) -> sqlite3.Connection:
        if self._absent:
            return _empty()
        options = sqlite_file.reading_options(self.path) if self.read_only else "mode=rw"
        try:
            return sqlite_file.connect(self.path, options, busy_s=self._busy_s, pragmas=_PRAGMAS)
        except sqlite3.Error as error:
            raise sqlite_file.explain(error, self.path, self._busy_s) from error

    def before_fork(self) -> Tuple[bool, bool]:
        """Close every connection that no transaction is using; returns which locks are held until `after_fork`."""
        turn = self._turn.acquire(timeout=_FORK_WAIT_S)  # first: a writer that has it may want to open a connection
        opening = self._opening.acquire(timeout=_FORK_WAIT_S)
        for handle in list(self._handles):
            if handle.lock.acquire(timeout=_FORK_WAIT_S):
                if not handle.closed and not handle.connection.in_transaction:
                    handle.close()
                handle.lock.release()
        return opening, turn

    def after_fork(self, held: Tuple[bool, bool]) -> None:
        """Go on in the process that forked."""
        for lock, is_held in zip((self._opening, self._turn), held):  # noqa: B905 -- Python 3.8
            if is_held:
                lock.release()


def _empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    sqlite_file.migrate(connection)
    connection.execute(schema.FIRST_ROWS, (0, 0))
    connection.execute("PRAGMA query_only = ON")
    return connection


class _Forks:
    """What the hooks around a fork remember; they can be registered once and never be taken back."""

    lock = threading.RLock()
    stores: ClassVar["weakref.WeakSet[SqliteStore]"] = weakref.WeakSet()
    watched = False
    held: ClassVar[List[Tuple[SqliteStore, Tuple[bool, bool]]]] = []


def _watch_forks(store: SqliteStore) -> None:
    with _Forks.lock:
        _Forks.stores.add(store)
        if not _Forks.watched and hasattr(os, "register_at_fork"):
            _Forks.watched = True
            os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)


def _before_fork() -> None:
    _Forks.lock.acquire()
    _Forks.held = [(store, store.before_fork()) for store in list(_Forks.stores)]


def _after_fork() -> None:
    for store, held in _Forks.held:
        store.after_fork(held)
    _in_child()


def _in_child() -> None:
    _Forks.held = []
    _Forks.lock.release()
