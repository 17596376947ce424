"""SQL of tables of runs, as pages show them: only the columns that are asked for, and groups with aggregates."""

from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from mlctl.errors import InvalidValueError
from mlctl.sql.db import Db

PARENT = "mlflow.parentRunId"
MOST_COLUMNS = 200
_SEEN = 500
"""Newest runs, and oldest ones, in which keys are looked for."""
_PROBES = 500
"""Values of a key that are looked at for one of these experiments' runs."""
_MOST_PROBED = 300
"""Keys that are looked for so."""

_INFO = "SELECT id, run_id, name, status, start_ms, end_ms, experiment_id, user_id, deleted_ms FROM runs WHERE id IN ({})"
_STATES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_VALUES = {
    "params": "SELECT run, key, value, 0 FROM params",
    "tags": "SELECT run, key, value, 0 FROM tags",
    "metrics": "SELECT run, key, value, nan FROM latest",
}


class Column(NamedTuple):
    """A param, tag or metric."""

    kind: str
    key: str


def column(text: str) -> Column:
    """A column's name, such as ``metrics.loss``.

    Raises:
        InvalidValueError: it is none.
    """
    kind, _, key = text.partition(".")
    if kind not in _VALUES or not key:
        raise InvalidValueError(f"{text!r} is no column.", hint="Columns are params.NAME, metrics.NAME and tags.NAME.")
    return Column(kind, key)


def number(value: float, nan: int) -> Any:
    """A number as JSON has it: what JSON has no number for is a text."""
    if nan:
        return "NaN"
    return value if abs(value) != float("inf") else ("Infinity" if value > 0 else "-Infinity")


def rows(db: Db, numbers: Sequence[int], columns: Sequence[Column]) -> List[List[Any]]:
    """Runs by number, in that order.

    Each is its id, name, status, start, end, experiment, user, whether it is deleted, its parent, its number of children, then the columns.
    """
    infos = {row[0]: row for row in db.select_in(_INFO, numbers)}
    wanted = [*columns, Column("tags", PARENT)]
    cells = values(db, numbers, wanted)
    children = _children(db, [row[1] for row in infos.values()])
    found = []
    for run in numbers:
        if run in infos:
            _, run_id, name, status, start, end, experiment, user, deleted = infos[run]
            head = [run_id, name, _STATES.get(status, ""), start, end, str(experiment), user, bool(deleted)]
            found.append([*head, cells.get((run, wanted[-1])), children.get(run_id, 0), *(cells.get((run, item)) for item in columns)])
    return found


def values(db: Db, numbers: Sequence[int], columns: Iterable[Column]) -> Dict[Tuple[int, Column], Any]:
    """What runs have in columns; what a run has not is left out."""
    asked = list(dict.fromkeys(columns))
    ids = {name: key for key, name in db.select_in("SELECT id, name FROM keys WHERE name IN ({})", sorted({item.key for item in asked}))}
    found: Dict[Tuple[int, Column], Any] = {}
    for kind, sql in _VALUES.items():
        keys = {ids[item.key]: item for item in asked if item.kind == kind and item.key in ids}
        if not keys:
            continue
        listed = ", ".join(map(str, keys))
        for run, key, value, nan in db.select_in(f"{sql} WHERE run IN ({{}}) AND key IN ({listed})", numbers):
            found[run, keys[key]] = number(value, nan) if kind == "metrics" else value
    return found


def _children(db: Db, run_ids: Sequence[str]) -> Dict[str, int]:
    key = db.one("SELECT id FROM keys WHERE name = ?", (PARENT,))
    if key is None or not run_ids:
        return {}
    start = "substr(value, 1, 64)"  # as the index has it
    sql = f"SELECT {start}, count(*) FROM tags WHERE key = {key[0]} AND {start} IN ({{}}) GROUP BY {start}"
    return dict(db.select_in(sql, run_ids))


def keys(db: Db, experiment_ids: Sequence[int]) -> Dict[str, List[str]]:
    """Names of params, metrics and tags of some experiments' runs.

    Looked for in their newest and oldest runs; a key that none of these has is found if one of its first values is of such a run.
    """
    listed = ", ".join(map(str, sorted(set(experiment_ids)))) or "NULL"
    among = f"SELECT id FROM runs WHERE experiment_id IN ({listed})"
    edges = [f"{among} ORDER BY start_ms {way}, run_id LIMIT {_SEEN}" for way in ("DESC", "ASC")]
    seen = sorted({row[0] for sql in edges for row in db.execute(sql, ()).fetchall()})
    found: Dict[str, List[str]] = {}
    for kind, sql in _VALUES.items():
        table = sql.rpartition(" ")[2]
        known = {row[0] for row in db.select_in(f"SELECT DISTINCT key FROM {table} WHERE run IN ({{}})", seen)}
        if len(seen) >= 2 * _SEEN:
            known |= _probed(db, table, among, known)
        names = db.names(known)
        found[kind] = sorted(names[key] for key in known)
    return found


def _probed(db: Db, table: str, among: str, known: "set[int]") -> "set[int]":
    others = [row[0] for row in db.execute("SELECT id FROM keys ORDER BY id", ()).fetchall() if row[0] not in known]
    sql = f"SELECT 1 FROM (SELECT run FROM {table} WHERE key = ? LIMIT {_PROBES}) AS some WHERE run IN ({among}) LIMIT 1"
    return {key for key in others[:_MOST_PROBED] if db.one(sql, (key,)) is not None}


def groups(db: Db, numbers: Sequence[int], by: Column, columns: Sequence[Column]) -> List[Dict[str, Any]]:
    """Runs by a param, metric or tag: its value (None: absent), how many runs, and least, mean and greatest of each metric."""
    metrics = [item for item in columns if item.kind == "metrics"]
    cells = values(db, numbers, [by, *metrics])
    members: Dict[Optional[Any], List[int]] = {}
    for run in numbers:
        members.setdefault(cells.get((run, by)), []).append(run)
    found = [
        {"value": value, "runs": len(runs), "metrics": [_spread(cells, runs, item) for item in metrics]} for value, runs in members.items()
    ]
    return sorted(found, key=lambda group: -group["runs"])


def _spread(cells: Dict[Tuple[int, Column], Any], runs: Sequence[int], item: Column) -> Optional[List[float]]:
    numbers = [value for value in (cells.get((run, item)) for run in runs) if isinstance(value, (int, float))]
    return [min(numbers), sum(numbers) / len(numbers), max(numbers)] if numbers else None
