"""Counters of a Linux machine and of processes, as the kernel tells them (see proc(5)). What it does not tell is left out."""

import contextlib
import os
import time
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

_SECTOR = 512  # the unit of /proc/diskstats, whatever the device's own sectors are
_KIB = 1024
_CHANGES = (OSError, ValueError, IndexError, KeyError)  # a file that is not there, is gone by now, or looks otherwise


def machine() -> Dict[str, float]:
    """Seconds and bytes: the CPUs' time busy and altogether, memory, what disks and network have moved since boot, and when it was read."""
    found = {"at_s": time.monotonic()}
    parts: Tuple[Callable[[], Dict[str, float]], ...] = (_cpu, _memory, _disks, _network)
    for part in parts:
        with contextlib.suppress(*_CHANGES):
            found.update(part())
    return found


def processes(members: Sequence[int], reaper: Optional[int]) -> Dict[str, float]:
    """CPU seconds that some processes (and children that they or ``reaper`` have collected) have used, and their memory in bytes.

    Nothing where none of the processes can be read, or all of them have just ended.
    """
    used_s = _times(reaper)[1] if reaper is not None else 0.0
    memory = 0.0
    seen = False
    for pid in members:
        with contextlib.suppress(*_CHANGES):
            used_s += sum(_times(pid))
            held = _memory_of(pid)
            memory += held
            seen = seen or held > 0  # one that has ended and waits to be collected holds nothing, which says nothing about the run
    return {"own_cpu_s": used_s, "own_memory": memory} if seen else {}


def _lines(path: str) -> List[str]:
    with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 -- pathlib is not needed to run a job
        return file.read().splitlines()


def _cpu() -> Dict[str, float]:
    ticks = [int(text) for text in _lines("/proc/stat")[0].split()[1:9]]  # guests' time, in the ninth and tenth, is in the first two too
    idle = sum(ticks[3:5])  # idle, and waiting for a disk
    per_second = os.sysconf("SC_CLK_TCK")
    return {"cpu_busy_s": (sum(ticks) - idle) / per_second, "cpu_total_s": sum(ticks) / per_second}


def _memory() -> Dict[str, float]:
    facts = {line.split(":")[0]: int(line.split()[1]) * _KIB for line in _lines("/proc/meminfo")[:5]}
    return {"memory_used": facts["MemTotal"] - facts["MemAvailable"], "memory_total": facts["MemTotal"]}


def _disks() -> Dict[str, float]:
    """Sums over real devices: partitions, and devices stacked upon others, would count the same bytes again."""
    rows = [line.split() for line in _lines("/proc/diskstats")]
    real = [row for row in rows if os.path.exists(f"/sys/block/{row[2].replace('/', '!')}/device")]  # noqa: PTH110
    if not real:
        return {}
    return {"disk_read": sum(int(row[5]) for row in real) * _SECTOR, "disk_written": sum(int(row[9]) for row in real) * _SECTOR}


def _network() -> Dict[str, float]:
    """Sums over real interfaces (a bridge would count the same bytes again); over all but loopback where none is real: in a container."""
    rows = {name.strip(): fields.split() for name, _, fields in (line.partition(":") for line in _lines("/proc/net/dev")[2:])}
    real = [row for name, row in rows.items() if os.path.exists(f"/sys/class/net/{name}/device")]  # noqa: PTH110
    chosen = real or [row for name, row in rows.items() if name != "lo"]
    return {"received": sum(int(row[0]) for row in chosen), "sent": sum(int(row[8]) for row in chosen)}


def _times(pid: int) -> Tuple[float, float]:
    """CPU seconds of a process, and of children that it has collected."""
    fields = _lines(f"/proc/{pid}/stat")[-1].rsplit(")", 1)[1].split()
    user, system, children_user, children_system = (int(text) / os.sysconf("SC_CLK_TCK") for text in fields[11:15])
    return user + system, children_user + children_system


def _memory_of(pid: int) -> float:
    """Memory of a process; what it shares counts in proportion, so that forked workers are not counted several times."""
    with contextlib.suppress(OSError):
        for amount in _proportional(pid):
            return amount
    return int(_lines(f"/proc/{pid}/statm")[0].split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _proportional(pid: int) -> Iterator[float]:
    for line in _lines(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Pss:"):
            yield int(line.split()[1]) * _KIB
