"""SQL of owners: who answers for a run that has not ended. Ended runs have no row, so looking at all of them costs next to nothing."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

from mlctl.sql import runs as sql_runs
from mlctl.sql.db import Db
from mlctl.tracking.entities import Owner

_COLUMNS = "SELECT r.run_id, o.host, o.boot_id, o.pid, o.pid_started, o.heartbeat_ms, o.stop_requested FROM owners AS o "
_SELECT = _COLUMNS + "JOIN runs AS r ON r.id = o.run "
_SET = (
    "INSERT INTO owners (run, host, boot_id, pid, pid_started, heartbeat_ms, stop_requested) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (run) DO UPDATE SET host = excluded.host, boot_id = excluded.boot_id, pid = excluded.pid, "
    "pid_started = excluded.pid_started, heartbeat_ms = excluded.heartbeat_ms, stop_requested = excluded.stop_requested"
)


def set_owner(db: Db, run_id: str, owner: Owner) -> None:
    """Make a process the owner of a run, in place of another.

    Raises:
        NotFoundError: there is no such run.
    """
    run = sql_runs.number_of(db, run_id)
    stop = int(owner.stop_requested)
    db.execute(_SET, (run, owner.host, owner.boot_id, owner.pid, owner.pid_started, owner.heartbeat_ms, stop))


def heartbeat(db: Db, run_id: str, now_ms: int) -> bool:
    """Note that the owner lives; returns whether somebody asked it to stop (False where the run has no owner).

    Raises:
        NotFoundError: there is no such run.
    """
    run = sql_runs.number_of(db, run_id)
    db.execute("UPDATE owners SET heartbeat_ms = ? WHERE run = ?", (now_ms, run))
    row = db.one("SELECT stop_requested FROM owners WHERE run = ?", (run,))
    return bool(row and row[0])


def request_stop(db: Db, run_id: str) -> Optional[Owner]:
    """Ask the owner of a run to end it; returns the owner, None where there is none.

    Raises:
        NotFoundError: there is no such run.
    """
    run = sql_runs.number_of(db, run_id)
    db.execute("UPDATE owners SET stop_requested = 1 WHERE run = ?", (run,))
    return _owner_of(db, run)


def _owner_of(db: Db, run: int) -> Optional[Owner]:
    row = db.one(_SELECT + "WHERE o.run = ?", (run,))
    return _entity(row) if row else None


def _entity(row: Sequence[Any]) -> Owner:
    _, host, boot_id, pid, pid_started, heartbeat_ms, stop_requested = row
    return Owner(host, boot_id, pid, pid_started, heartbeat_ms, bool(stop_requested))


def owners(db: Db, run_ids: Optional[Sequence[str]]) -> List[Tuple[str, Owner]]:
    """Owners of unfinished runs by run id, of these runs or of all."""
    found = [(row[0], _entity(row)) for row in db.execute(_SELECT + "ORDER BY o.run", ())]
    wanted = None if run_ids is None else set(run_ids)
    return [pair for pair in found if wanted is None or pair[0] in wanted]


def finish(db: Db, run_id: str, *, status: str, end_ms: int, tags: Dict[str, str], only_owner: Optional[Owner]) -> bool:
    """End a run and its ownership; with ``only_owner`` only if that process owns it, and whether it did is returned.

    Raises:
        InvalidValueError: a value is not acceptable.
        NotFoundError: there is no such run.
    """
    run = sql_runs.number_of(db, run_id)
    if only_owner is not None and not same_process(_owner_of(db, run), only_owner):
        return False
    sql_runs.finish(db, run, status=status, end_ms=end_ms, tags=tags)
    db.execute("DELETE FROM owners WHERE run = ?", (run,))
    return True


def same_process(one: Optional[Owner], other: Owner) -> bool:
    """Whether two owners are the same process of the same boot of the same machine."""
    return one is not None and _identity(one) == _identity(other)


def _identity(owner: Owner) -> Tuple[str, str, int, int]:
    return owner.host, owner.boot_id, owner.pid, owner.pid_started
