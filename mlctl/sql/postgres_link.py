"""A connection to PostgreSQL: how it is made, whose database it leads to, and what its errors mean.

An address may have a password in it. It never stands in what messages and records show (`plain`); it is remembered in this process, so
that the plain address reaches the same database again.
"""

import re
from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Optional, Sequence, Tuple

from mlctl.errors import InvalidValueError, StoreError
from mlctl.sql import postgres_words as words
from mlctl.sql import schema
from mlctl.sql.experiments import now_ms
from mlctl.sql.filters import Like, Regex

if TYPE_CHECKING:
    from psycopg import Connection

WRITERS_LOCK = 0x6D6C6374
"""The advisory lock of whoever writes: the letters ``mlct``."""

_MIGRATIONS_LOCK = WRITERS_LOCK + 1
_CONNECT_S = 10
_STATEMENTS_KEPT = 500
_SCHEME = re.compile(r"postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=[?&])password=[^&]*&?")
_FACTS = "SELECT pg_is_in_recovery(), current_setting('server_encoding')"
_TABLES = (  # from the table of tables, not by to_regclass(), which may remember that another session's was not there
    "SELECT relname FROM pg_class WHERE relname IN ('alembic_version', 'mlctl_store', 'experiments', 'runs') AND pg_table_is_visible(oid)"
)
_STORE = "CREATE TABLE mlctl_store (version INTEGER NOT NULL, artifacts TEXT NOT NULL)"

_given: Dict[str, str] = {}
"""Addresses as they were given, by their plain form."""


class Meaning(NamedTuple):
    """What an error of PostgreSQL says to a user; ``{uri}`` and ``{busy_s}`` are filled in."""

    codes: Tuple[str, ...]
    message: str
    hint: str
    kind: type = StoreError


_MEANINGS = (
    Meaning(
        ("55P03",),
        "Others kept writing to {uri} for {busy_s:g} s.",
        "Wait longer: MLCTL_BUSY_TIMEOUT_S=300. If it stays so, a session that holds the store is stuck: see pg_stat_activity.",
    ),
    Meaning(("42501", "25006"), "The store {uri} cannot be written by this user.", "Grant it the rights, or name another user."),
    Meaning(("53100",), "The disk that holds {uri} is full.", "Make room; what was logged before is safe."),
    Meaning(("53300",), "The database {uri} takes no more connections.", "Raise its max_connections, or let clients use `mlctl server`."),
    Meaning(("22003", "22P03"), "A number does not fit in 64 bits.", "", InvalidValueError),
    Meaning(("22021", "22P05"), "A text has a character that the database cannot keep.", "", InvalidValueError),
    Meaning(
        ("2201B",), "The regular expression takes too long for PostgreSQL: {text}.", "There, {{m,n}} goes up to 255.", InvalidValueError
    ),
)


def plain(uri: str) -> str:
    """An address without its password, which this process remembers."""
    shown = _PASSWORD.sub("", re.sub(r"^([^/]*//[^/@:]*):[^/@]*@", r"\1@", uri)).rstrip("?&")
    shown = _SCHEME.sub("postgresql://", shown, count=1)
    if shown != uri:
        _given[shown] = uri
    return shown


def private(uri: str) -> str:
    """A plain address as it was given to this process."""
    return _given.get(uri, uri)


def connect(uri: str, *, busy_s: float) -> "Connection[Any]":
    """A connection in autocommit mode.

    Raises:
        StoreError: psycopg is not installed, or the database cannot be reached.
    """
    try:
        import psycopg
    except ImportError:
        raise StoreError(f"The store {plain(uri)} needs psycopg.", hint='pip install "mlctl[postgres]"') from None
    address = _SCHEME.sub("postgresql://", private(uri), count=1)
    try:
        connection = psycopg.connect(address, autocommit=True, cursor_factory=psycopg.RawCursor, **_defaults(address))
    except (psycopg.Error, UnicodeError) as error:
        raise explain(error, plain(uri), busy_s) from error
    connection.prepare_threshold = 2
    connection.prepared_max = _STATEMENTS_KEPT
    _adapt(connection)
    connection.execute(
        f"SET lock_timeout = {max(1, round(busy_s * 1000))}; SET jit = off"
    )  # a filter's conditions would be compiled, in seconds
    return connection


def _defaults(address: str) -> Dict[str, Any]:
    found: Dict[str, Any] = {"application_name": "mlctl", "connect_timeout": _CONNECT_S, "client_encoding": "utf8"}
    return {name: value for name, value in found.items() if f"{name}=" not in address}


def _adapt(connection: "Connection[Any]") -> None:
    """Texts as they are kept, and every integer with 64 bits: else a statement would be planned for each size."""
    from psycopg.types.numeric import Int8Dumper
    from psycopg.types.string import StrDumper, TextLoader

    class Text(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(words.kept(obj))

    class LikeText(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(words.kept(words.like(str(obj))))

    class RegexText(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(words.kept(words.regular_expression(str(obj))))

    class Given(TextLoader):
        def load(self, data: Any) -> Any:
            return words.given(str(super().load(data)))

    for kind, dumper in ((str, Text), (Like, LikeText), (Regex, RegexText), (int, Int8Dumper)):
        connection.adapters.register_dumper(kind, dumper)
    connection.adapters.register_loader("text", Given)


class Facts(NamedTuple):
    """What is in a database."""

    is_store: bool
    read_only: bool


def look(connection: "Connection[Any]", uri: str) -> Facts:
    """What the database is.

    Raises:
        StoreError: it is something else's, or its texts are not UTF-8.
    """
    row = connection.execute(_FACTS).fetchone()
    assert row is not None
    standby, encoding = row
    tables = {name for (name,) in connection.execute(_TABLES)}
    is_store = "mlctl_store" in tables
    other = "postgresql://…/ANOTHER_DATABASE, or ?options=-csearch_path%3DA_SCHEMA for tables beside these."
    if "alembic_version" in tables:
        raise StoreError(f"{uri} is a database of MLflow's own; mlctl does not write to it.", hint=f"Name another: {other}")
    if tables and not is_store:
        raise StoreError(f"{uri} has tables of something else.", hint=f"Name another: {other}")
    if encoding != "UTF8":
        raise StoreError(f"The texts of {uri} are {encoding}, not UTF-8.", hint="CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0")
    may_write = is_store and connection.execute("SELECT has_table_privilege('runs', 'INSERT')").fetchone()
    return Facts(is_store, standby or (is_store and not (may_write and may_write[0])))


def prepare(connection: "Connection[Any]", uri: str, *, artifacts: str, default: str) -> None:
    """Make the tables, or bring them up to date, in one transaction; safe when several processes do so at once.

    ``artifacts`` is where artifacts are from now on; empty: where they are, which for a new store is ``default``.

    Raises:
        StoreError: the tables are a newer mlctl's.
        psycopg.Error: it cannot be done; nothing has changed.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock($1)", (_MIGRATIONS_LOCK,))
        if not look(connection, uri).is_store:
            _make(connection, artifacts or default)
        version = _version(connection, uri)
        steps = [step for step in schema.MIGRATIONS if step.version > version]
        _apply(connection, steps)
        if version == 0:
            now = now_ms()
            connection.execute(words.statement(schema.FIRST_ROWS), (now, now))
        if steps:
            connection.execute("UPDATE mlctl_store SET version = $1", (steps[-1].version,))
        if artifacts:
            connection.execute("UPDATE mlctl_store SET artifacts = $1 WHERE artifacts <> $1", (artifacts,))


def _make(connection: "Connection[Any]", artifacts: str) -> None:
    connection.execute(words.definition(_STORE))
    connection.execute("INSERT INTO mlctl_store (version, artifacts) VALUES (0, $1)", (artifacts,))
    known = {row[0] for row in connection.execute("SELECT collname FROM pg_collation WHERE collencoding IN (-1, 6)")}
    collation = next(name for name in words.COLLATIONS if name in known)
    for function in words.FUNCTIONS:
        connection.execute(function.replace("{collation}", collation))


def _version(connection: "Connection[Any]", uri: str) -> int:
    row = connection.execute("SELECT version FROM mlctl_store").fetchone()
    version, known = int(row[0]) if row else 0, schema.MIGRATIONS[-1].version
    if version > known:
        raise StoreError(f"{uri} was made by a newer mlctl: its tables have version {version}, known are {known}.", hint="Upgrade mlctl.")
    return version


def _apply(connection: "Connection[Any]", steps: Sequence[schema.Migration]) -> None:
    for step in steps:
        for statement in schema.statements(step, words.WORDS):
            connection.execute(words.definition(statement))


def is_current(connection: "Connection[Any]", uri: str) -> bool:
    """Whether the tables are those of this mlctl.

    Raises:
        StoreError: they are a newer one's.
    """
    return _version(connection, uri) == schema.MIGRATIONS[-1].version


def artifacts_of(connection: "Connection[Any]") -> str:
    """Where the store keeps artifacts."""
    row = connection.execute("SELECT artifacts FROM mlctl_store").fetchone()
    return str(row[0]) if row else ""


def explain(error: Exception, uri: str, busy_s: float) -> StoreError:
    """The error of ours for one of PostgreSQL's (or for a value that it cannot hold)."""
    if isinstance(error, UnicodeEncodeError):
        return InvalidValueError(f"A text has a character that is no Unicode: {error.object[error.start]!r}.")
    code: Optional[str] = getattr(error, "sqlstate", None)
    text = _first_line(error)
    for meaning in _MEANINGS:
        if code in meaning.codes:
            found: StoreError = meaning.kind(meaning.message.format(uri=uri, busy_s=busy_s, text=text), hint=meaning.hint.format())
            return found
    if code is None or code.startswith(("08", "57P", "28", "3D")):
        return StoreError(f"The database {uri} cannot be reached: {text}.", hint="Check the address, the user and its password.")
    return StoreError(f"The store {uri} cannot be used: {text}.")


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return re.sub(r"password=\S+", "password=…", lines[0]).rstrip(".") if lines else type(error).__name__
