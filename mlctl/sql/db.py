"""What the SQL functions see of a database: two calls, and the numbers of keys and runs that this connection has met.

SQL is written once, with ``?`` for values, in the subset that SQLite and PostgreSQL share. The functions of the ``sql_*`` modules
neither begin nor end a transaction: whoever calls them does, so that many writes can share one. Those that write raise for a
caller's mistake before they have written anything: one refused call leaves the others of the transaction whole.
"""

from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ContextManager,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Protocol,
    Sequence,
    Set,
    Tuple,
    Union,
)

if TYPE_CHECKING:
    from mlctl.search.patterns import Pattern

_RUNS_KEPT = 10_000
_CHUNKS = (1, 10, 100, 500)


class Rows(Protocol):
    """The answer to a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows a statement has changed."""
        ...

    def fetchone(self) -> Any:
        """The next row, or None."""
        ...

    def fetchall(self) -> List[Any]:
        """The rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Db:
    """A database inside a transaction.

    ``folder`` is where the store keeps artifacts, ``change_mark`` a statement whose answer on this connection is another after each
    change of the database, whoever made it, ``patterns`` are the regular expressions of the search under way. What is remembered here
    was read or written by this connection; `forget` drops it when a transaction is rolled back.
    """

    __slots__ = ("change_mark", "execute", "executemany", "folder", "key_ids", "key_names", "patterns", "runs")

    def __init__(
        self,
        *,
        execute: Callable[..., Rows],
        executemany: Callable[[str, Iterable[Sequence[Any]]], Any],
        folder: str,
        change_mark: str = "SELECT (SELECT data_version FROM pragma_data_version()), total_changes()",
        patterns: "Optional[Dict[str, Pattern]]" = None,
    ) -> None:
        self.execute = execute
        self.executemany = executemany
        self.folder = folder
        self.change_mark = change_mark
        self.key_ids: Dict[str, int] = {}
        self.key_names: Dict[int, str] = {}
        self.runs: Dict[str, int] = {}
        self.patterns: Dict[str, Pattern] = {} if patterns is None else patterns

    def forget(self) -> None:
        """Remember nothing any more."""
        self.key_ids.clear()
        self.key_names.clear()
        self.runs.clear()

    def key_id(self, name: str) -> int:
        """The number of a key, which gets one now if it has none."""
        number = self.key_ids.get(name)
        if number is None:
            self.execute("INSERT INTO keys (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
            number = int(self.execute("SELECT id FROM keys WHERE name = ?", (name,)).fetchone()[0])
            self._remember(number, name)
        return number

    def names(self, numbers: Set[int]) -> Dict[int, str]:
        """Names of keys by number: at least of those asked for."""
        for number, name in self.select_in("SELECT id, name FROM keys WHERE id IN ({})", sorted(numbers - self.key_names.keys())):
            self._remember(number, name)
        return self.key_names

    def _remember(self, number: int, name: str) -> None:
        self.key_ids[name] = number
        self.key_names[number] = name

    def remember_run(self, run_id: str, number: int) -> None:
        """Keep a run's number for the next call that logs to it."""
        if len(self.runs) >= _RUNS_KEPT:
            self.runs.clear()
        self.runs[run_id] = number

    def one(self, sql: str, values: Sequence[Any]) -> Optional[Tuple[Any, ...]]:
        """The first row of an answer."""
        row: Optional[Tuple[Any, ...]] = self.execute(sql, values).fetchone()
        return row

    def select_in(self, sql: str, numbers: Sequence[Union[int, str]]) -> List[Any]:
        """Rows of a statement whose ``{}`` is a list of numbers (or ids); long lists are asked for in pieces.

        Pieces have one of a few lengths, filled up with their last number, so that prepared statements are found again.
        """
        found: List[Any] = []
        for start in range(0, len(numbers), _CHUNKS[-1]):
            piece = list(numbers[start : start + _CHUNKS[-1]])
            length = next(chunk for chunk in _CHUNKS if chunk >= len(piece))
            piece += piece[-1:] * (length - len(piece))
            found += self.execute(sql.format(",".join("?" * length)), piece).fetchall()
        return found


class Database:
    """What the parts of a store see of it: the ``folder`` in which it keeps artifacts, and a view or a transaction for each call."""

    folder: str

    def _reading(self) -> ContextManager[Db]:
        """One call's view of the database, or the transaction that this thread has open."""
        raise NotImplementedError

    def _writing(self) -> ContextManager[Db]:
        """One call's transaction, or the one that this thread has open."""
        raise NotImplementedError
