"""Counters where there is no /proc: as psutil tells them, if it is installed. Times in seconds, amounts in bytes, as in `system_linux`."""

import time
from typing import Any, Dict, Optional, Sequence


def machine() -> Dict[str, float]:
    """The CPUs' time busy and altogether, memory, what disks and network have moved, and when it was read; the last only without psutil."""
    found = {"at_s": time.monotonic()}
    psutil = _psutil()
    if psutil is None:
        return found
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)  # guests' time is in the others too
    memory = psutil.virtual_memory()
    found.update(cpu_busy_s=total - idle, cpu_total_s=total, memory_used=memory.total - memory.available, memory_total=memory.total)
    disks = psutil.disk_io_counters()
    if disks is not None:  # a machine without disks
        found.update(disk_read=disks.read_bytes, disk_written=disks.write_bytes)
    network = [row for name, row in psutil.net_io_counters(pernic=True).items() if name not in ("lo", "lo0")]
    found.update(received=sum(row.bytes_recv for row in network), sent=sum(row.bytes_sent for row in network))
    return found


def processes(members: Sequence[int], reaper: Optional[int]) -> Dict[str, float]:
    """CPU seconds that some processes (and children that they or ``reaper`` have collected) have used, and their memory in bytes."""
    psutil = _psutil()
    if psutil is None:
        return {}
    used_s, memory, seen = 0.0, 0.0, False
    for pid in {*members, *([] if reaper is None else [reaper])}:
        try:
            found = psutil.Process(pid)
            times, resident = found.cpu_times(), found.memory_info().rss
        except psutil.Error:  # gone, or another user's
            continue
        used_s += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        if pid in members:
            used_s += times.user + times.system
            memory += resident
            seen = True
    return {"own_cpu_s": used_s, "own_memory": memory} if seen else {}


def _psutil() -> Any:
    try:
        import psutil  # type: ignore[import-untyped]
    except ImportError:
        return None
    return psutil
