"""Who answers for a run: naming this process as the owner, proving another one gone, and ending the runs of those that are.

FAILED is written only where the owner is provably gone: a process of this machine, this boot and this process namespace that is not
there any more, or (in a store that other machines do not share) one of an earlier boot of this machine. Of an owner elsewhere only its
silence is known: its run is shown as lost and left alone. ``boot_id`` of an `Owner` therefore holds three names: of the boot, of the
process namespace, and of the machine.
"""

import functools
import os
from typing import List, Tuple

from mlctl.tracking.entities import STATUSES, TERMINAL, Owner, RunInfo, RunTag
from mlctl.tracking.store import TrackingStore

REASON_TAG = "mlctl.status.reason"

STOPPED = "stopped by `mlctl runs stop`"
"""Why a run is KILLED whose owner was asked to stop."""

LOST_AFTER_MS = 60_000
"""Silence after which an owner elsewhere is taken for lost."""

_FAILED, _KILLED = STATUSES[3:]
_STATE, _STARTED = 0, 19  # places in /proc/<pid>/stat after the command's name


def current(*, now_ms: int = 0) -> Owner:
    """This process as an owner; ``now_ms`` (0: the clock) is its first heartbeat."""
    if not now_ms:
        import time

        now_ms = time.time_ns() // 1_000_000
    pid = os.getpid()
    return Owner(host=_host(), boot_id=_boot_id(), pid=pid, pid_started=_process(pid)[1], heartbeat_ms=now_ms)


def _host() -> str:
    return os.uname().nodename


@functools.lru_cache(maxsize=1)
def _boot_id() -> str:
    """Names of the boot, the process namespace and the machine, as far as the system tells them."""
    return "/".join((_line("/proc/sys/kernel/random/boot_id"), _namespace(), _line("/etc/machine-id")))


def _line(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 -- pathlib is slower to import
            return file.readline().strip()
    except (OSError, ValueError):
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid").strip("pid:[]")  # noqa: PTH115 -- pid:[4026531836]
    except OSError:
        return ""


def _process(pid: int) -> Tuple[str, int]:
    """State and start time of a process in clock ticks since boot; ("", 0) where they cannot be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()
        return fields[_STATE].decode(), int(fields[_STARTED])
    except (OSError, IndexError, ValueError):
        return "", 0


def is_here(owner: Owner) -> bool:
    """Whether an owner is, or was, a process that this one could see: same machine, boot and process namespace."""
    return owner.host == _host() and owner.boot_id == _boot_id()


def is_surely(owner: Owner) -> bool:
    """Whether the process here that has the owner's number is the owner: it started when the owner did.

    What a store says that others write to must not make this process send signals to anything else.
    """
    return owner.pid > 1 and owner.pid_started > 0 and _process(owner.pid)[1] == owner.pid_started


def is_gone(owner: Owner) -> bool:
    """Whether an owner is proved to run no more."""
    if owner.host != _host():
        return False
    boot, namespace, machine = _names(owner.boot_id)
    my_boot, my_namespace, my_machine = _names(_boot_id())
    if machine != my_machine:
        return False
    if boot != my_boot:
        return bool(boot and my_boot)
    return namespace == my_namespace and _is_dead(owner.pid, owner.pid_started)


def _names(boot_id: str) -> Tuple[str, str, str]:
    boot, _, rest = boot_id.partition("/")
    namespace, _, machine = rest.partition("/")
    return boot, namespace, machine


def _is_dead(pid: int, started: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it exists and belongs to somebody else
    state, found = _process(pid)
    return state in ("Z", "X") or bool(started and found and started != found)


def looks_lost(owner: Owner, *, now_ms: int) -> bool:
    """Whether an owner that is not seen to live has been silent for long; of one that sends no heartbeats, whether it is gone."""
    if not owner.heartbeat_ms:
        return is_gone(owner)
    return now_ms - owner.heartbeat_ms > LOST_AFTER_MS and (not is_here(owner) or is_gone(owner))


def settle(store: TrackingStore, *, now_ms: int) -> List[str]:
    """End the runs whose owner is gone, as FAILED (as KILLED if it was asked to stop) with the reason; returns their ids.

    A run that has ended already, though its owner did not say so, keeps its status. Costs as much as there are unfinished owned runs.
    A store that cannot be written is left as it is.
    """
    if store.read_only:
        return []
    gone = [(run_id, owner) for run_id, owner in store.owners() if is_gone(owner) and (not store.shared or _is_of_this_boot(owner))]
    return [run_id for run_id, owner in gone if _settle_one(store, run_id, owner, now_ms)]


def _is_of_this_boot(owner: Owner) -> bool:
    """Whether an owner ran here for certain. Machines that share a server may have the same names (copies of one image); boots do not."""
    boot = _names(owner.boot_id)[0]
    return bool(boot) and boot == _names(_boot_id())[0]


def _settle_one(store: TrackingStore, run_id: str, owner: Owner, now_ms: int) -> bool:
    info = store.get_run(run_id).info
    end_time = owner.heartbeat_ms or now_ms
    if info.status in TERMINAL:
        store.finish_run(run_id, status=info.status, end_time=info.end_time or end_time, only_owner=owner)
        return False
    status, reason = (_KILLED, STOPPED) if owner.stop_requested else (_FAILED, _reason(owner, info))
    tags = [RunTag(REASON_TAG, reason)]
    return store.finish_run(run_id, status=status, end_time=max(end_time, info.start_time), tags=tags, only_owner=owner)


def _reason(owner: Owner, info: RunInfo) -> str:
    if _names(owner.boot_id)[0] != _names(_boot_id())[0]:
        return f"{owner.host} was restarted while the run was {info.status}"
    return f"process {owner.pid} on {owner.host}, which ran it, ended without saying so"
