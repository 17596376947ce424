"""The files of an SQLite store: how one comes to be, whose it is, what its errors mean, and the space kept for a last word."""

import os
import re
import sqlite3
import time
from typing import Callable, NamedTuple, Optional, Sequence, Tuple, TypeVar

from mlctl import settings
from mlctl.errors import InvalidValueError, StoreError
from mlctl.sql import schema

RESERVE_BYTES = 512 << 10
"""Size of the file that is given up when a run's end has to be written to a full disk."""

PAGE_BYTES = 2048
"""Page size. Each commit copies whole pages to the log: half of SQLite's default gives a third more commits a second."""

_OLDEST_SQLITE = (3, 24, 0)
_LITTLE_SPACE = 64 << 10
_PATIENCE_S = 1.0  # while opening
_ROUND_MS = 2  # how long SQLite itself waits, afterwards
_MOUNTS = "/proc/self/mountinfo"
_NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "gpfs", "glusterfs", "beegfs", "fuse.sshfs", "fuse.glusterfs")
)

T = TypeVar("T")


class Meaning(NamedTuple):
    """What an error of SQLite says to a user; ``{path}`` and ``{busy_s}`` are filled in."""

    fragments: Tuple[str, ...]
    message: str
    hint: str


_FULL = Meaning(("full",), "The disk that holds {path} is full.", "Make room; what was logged before is safe.")
_BUSY = Meaning(
    ("locked", "locking protocol", "busy"),
    "Other processes kept writing to {path} for {busy_s:g} s.",
    "Wait longer: MLCTL_BUSY_TIMEOUT_S=300. If it stays so, a process that holds the store is stopped.",
)
_MEANINGS = (
    _FULL,
    _BUSY,
    Meaning(("readonly",), "The store {path} cannot be written.", "Check the permissions of the file and its folder."),
    Meaning(("unable to open",), "The store {path} cannot be opened.", "Check that the file exists and the permissions of its folder."),
    Meaning(("not a database", "malformed"), "{path} is not a whole SQLite database.", "Restore it from a backup, or move it away."),
)


def explain(error: Exception, path: str, busy_s: float) -> StoreError:
    """The error of ours for one of SQLite's (or for a value that it cannot hold)."""
    if isinstance(error, UnicodeEncodeError):
        return InvalidValueError(f"A text has a character that is no Unicode: {error.object[error.start]!r}.")
    if isinstance(error, OverflowError):
        return InvalidValueError("A number does not fit in 64 bits.")
    if is_full(error, path):
        return StoreError(_FULL.message.format(path=path), hint=_FULL.hint)
    for meaning in _MEANINGS:
        if any(fragment in str(error) for fragment in meaning.fragments):
            return StoreError(meaning.message.format(path=path, busy_s=busy_s), hint=meaning.hint)
    return StoreError(f"The store {path} cannot be used: {error}.")


def is_full(error: Optional[BaseException], path: str) -> bool:
    """Whether an error of SQLite comes from a full disk; it also shows as an I/O error, or as a file that cannot be made."""
    if not isinstance(error, sqlite3.Error):
        return False
    if "full" in str(error):
        return True
    return ("I/O" in str(error) or "unable to open" in str(error)) and _free_bytes(path) < _LITTLE_SPACE


def _free_bytes(path: str) -> int:
    try:
        found = os.statvfs(os.path.dirname(path))  # noqa: PTH120 -- a plain path on the start-up path
    except OSError:
        return _LITTLE_SPACE
    return found.f_bavail * found.f_frsize


def connect(path: str, options: str, *, busy_s: float, pragmas: Sequence[str] = ()) -> sqlite3.Connection:
    """Open a database file in autocommit mode; ``options`` are those of an SQLite URI, such as ``mode=rw``.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    uri = f"file:{quoted}?{options}"
    patience_s = min(busy_s, _PATIENCE_S)
    connection = sqlite3.connect(uri, uri=True, timeout=patience_s, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA busy_timeout = {_ROUND_MS}")
    except BaseException:
        connection.close()
        raise
    return connection


def begin(connection: sqlite3.Connection, *, write: bool, busy_s: float) -> None:
    """Begin a transaction that has the database's lock, waiting for other processes if need be.

    Raises:
        sqlite3.Error: the others took too long, or the database cannot be used.
    """
    if write:
        patiently(lambda: connection.execute("BEGIN IMMEDIATE"), busy_s)
    else:
        connection.execute("BEGIN")
        patiently(lambda: connection.execute("SELECT 1 FROM runs LIMIT 0"), busy_s)


def patiently(action: Callable[[], T], busy_s: float) -> T:
    """Do something, again and again while other processes hold the database.

    SQLite itself waits for a moment only, a millisecond at a time. Left to wait for long it would ask ten times a second, and hardly ever
    find the gap between two writes of a process that writes all the time; nor would Ctrl-C be heard.

    Raises:
        sqlite3.Error: the others took too long, or it cannot be done.
    """
    deadline = time.monotonic() + busy_s
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if time.monotonic() >= deadline or not any(word in str(error) for word in _BUSY.fragments):
                raise


def make(path: str) -> None:
    """Make a new, complete store at a path where there is none; another process may do the same at the same time.

    The database is finished under another name and then linked into place, so that nobody ever opens half a store.

    Raises:
        StoreError: the folder or the file cannot be made.
    """
    check_sqlite()
    check_place(path)
    draft = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.new"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        try:
            _fill(draft)
            if _place(draft, path):
                keep_reserve(path)
        finally:
            for suffix in ("", "-wal", "-shm"):
                _remove(draft + suffix)
    except sqlite3.Error as error:
        raise explain(error, path, 0) from error
    except OSError as error:
        raise StoreError(f"The store {path} cannot be made: {error.strerror}.", hint="Choose another place: MLCTL_TRACKING_URI") from error


def check_sqlite() -> None:
    """Refuse an SQLite library that lacks what the store's SQL needs.

    Raises:
        StoreError: it is older than 3.24 (2018).
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreError(f"This Python has SQLite {sqlite3.sqlite_version}; the store needs 3.24 or newer.", hint="Use another Python.")


def check_place(path: str) -> None:
    """Refuse to make a store on a network file system, where the locks of two machines may not see each other.

    Raises:
        StoreError: it is one, and the setting ``network_store`` does not allow it.
    """
    folder = os.path.dirname(path)  # noqa: PTH120
    while not os.path.exists(folder):  # noqa: PTH110
        folder = os.path.dirname(folder)  # noqa: PTH120
    if os.major(os.stat(folder).st_dev):  # noqa: PTH116
        return  # a device of this machine: spares a look at the table of mounts
    kind = _file_system(os.path.realpath(folder))
    if kind in _NETWORK and not settings.switch("network_store"):
        raise StoreError(
            f"{path} would be on a network file system ({kind}): two machines that log there can damage the store.",
            hint="Name a local place: MLCTL_TRACKING_URI=/local/place; or run `mlctl server` and name its address."
            " If only this machine uses it: MLCTL_NETWORK_STORE=1",
        )


def _file_system(folder: str) -> str:
    """The kind of file system that a folder is on; empty where that is not known."""
    best = ("", "")
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as lines:  # noqa: PTH123
            for line in lines:
                before, _, after = line.partition(" - ")
                point = _unescaped(before.split(" ")[4])
                if (folder == point or folder.startswith(point.rstrip("/") + "/")) and len(point) >= len(best[0]):
                    best = point, after.split(" ", 1)[0]
    except (OSError, IndexError):  # no Linux
        return ""
    return best[1]


def _unescaped(point: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), point)


def _fill(draft: str) -> None:
    connection = connect(draft, "mode=rwc", busy_s=0, pragmas=(f"page_size = {PAGE_BYTES}", "journal_mode = MEMORY", "synchronous = OFF"))
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        _apply(connection, schema.MIGRATIONS)
        now_ms = time.time_ns() // 1_000_000
        connection.execute(schema.FIRST_ROWS, (now_ms, now_ms))
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    descriptor = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _place(draft: str, path: str) -> bool:
    """Give a finished database its name, unless another process was first; returns whether we were."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError:
        return _place_without_links(draft, path)
    return True


def _place_without_links(draft: str, path: str) -> bool:
    """As `_place`, on file systems that have no hard links: renaming would replace another's store, so makers take turns."""
    import fcntl

    with open(f"{path}.lock", "ab") as turn:  # noqa: PTH123 -- a plain path on the start-up path
        fcntl.flock(turn, fcntl.LOCK_EX)
        if os.path.exists(path):  # noqa: PTH110
            return False
        os.rename(draft, path)  # noqa: PTH104
    return True


def _remove(path: str) -> bool:
    try:
        os.unlink(path)  # noqa: PTH108
    except OSError:
        return False
    return True


def identify(connection: sqlite3.Connection, path: str) -> int:
    """The version of a store's tables.

    Raises:
        StoreError: the file is a database of something else, or of a newer mlctl.
        sqlite3.Error: it is no database.
    """
    if _pragma(connection, "application_id") != schema.APPLICATION_ID:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        if "alembic_version" in tables:
            hint = "Keep it for MLflow and name another place: MLCTL_TRACKING_URI=./mlruns"
            raise StoreError(f"{path} is a database of MLflow's own; mlctl does not write to it.", hint=hint)
        raise StoreError(f"{path} is not a store of mlctl.", hint="Name another place: MLCTL_TRACKING_URI=./mlruns")
    version = _pragma(connection, "user_version")
    if version > schema.MIGRATIONS[-1].version:
        known = schema.MIGRATIONS[-1].version
        raise StoreError(f"{path} was made by a newer mlctl: its tables have version {version}, known are {known}.", hint="Upgrade mlctl.")
    return version


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def migrate(connection: sqlite3.Connection, migrations: Optional[Sequence[schema.Migration]] = None) -> None:
    """Bring the tables up to date, in one transaction; safe when several processes do so at once.

    Raises:
        sqlite3.Error: it cannot be done; nothing has changed.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _pragma(connection, "user_version")
        _apply(connection, [step for step in (migrations or schema.MIGRATIONS) if step.version > version])
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _apply(connection: sqlite3.Connection, migrations: Sequence[schema.Migration]) -> None:
    for step in migrations:
        for statement in schema.statements(step, schema.SQLITE):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {step.version}")


def keep_reserve(path: str) -> None:
    """Set aside the space for a run's end, if it is not, and if there is plenty of space."""
    reserve = f"{path}-reserve"
    if os.path.exists(reserve) or _free_bytes(path) < 4 * RESERVE_BYTES:  # noqa: PTH110
        return
    try:
        descriptor = os.open(reserve, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError:
        return
    try:
        _allocate(descriptor)
    except OSError:
        _remove(reserve)
    finally:
        os.close(descriptor)


def _allocate(descriptor: int) -> None:
    allocate: Optional[Callable[[int, int, int], None]] = getattr(os, "posix_fallocate", None)
    if allocate is not None:
        allocate(descriptor, 0, RESERVE_BYTES)
    else:
        os.write(descriptor, bytes(RESERVE_BYTES))


def drop_reserve(path: str) -> bool:
    """Give the reserved space back to the disk; returns whether there was any."""
    return _remove(f"{path}-reserve")


def is_writable(path: str) -> bool:
    """Whether this process may write to a store: to its file, and to the folder, which holds the write-ahead log."""
    return os.access(path, os.W_OK) and os.access(os.path.dirname(path), os.W_OK)  # noqa: PTH120


def reading_options(path: str) -> str:
    """How to open a store that cannot be written: as it lies there, unless another process writes to it now."""
    try:
        logged = os.path.getsize(f"{path}-wal") > 0  # noqa: PTH202
    except OSError:
        logged = False
    return "mode=ro" if logged else "immutable=1"
