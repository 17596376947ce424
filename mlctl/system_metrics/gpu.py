"""Metrics of a run's own NVIDIA GPUs, through the driver's library (NVML), which is there wherever the driver is: no package is needed.

The functions and structures are those of NVIDIA's "NVML API Reference Guide".
"""

import contextlib
import ctypes
from typing import Any, Dict, List, Mapping, Optional, Sequence

_LIBRARY = "libnvidia-ml.so.1"
_SUCCESS = 0
_UUID_LENGTH = 96
_PROCESSES = 256
_MB = 1e6


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Process(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint),
        ("memory", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


class Gpu:
    """One GPU. ``index`` is NVML's, as in nvidia-smi. A ``shared`` one counts from when one of the run's processes uses it."""

    def __init__(self, nvml: Any, index: int, handle: ctypes.c_void_p, *, shared: bool = False) -> None:
        self.index = index
        self._nvml = nvml
        self._handle = handle
        self._ours = not shared

    def uuid(self) -> str:
        """Its identifier, such as ``GPU-8932f937-…``."""
        text = ctypes.create_string_buffer(_UUID_LENGTH)
        return text.value.decode() if self._ask("nvmlDeviceGetUUID", text, ctypes.c_uint(_UUID_LENGTH)) else ""

    def pids(self) -> List[int]:
        """Processes that compute on it, as far as the driver tells."""
        found, count = (_Process * _PROCESSES)(), ctypes.c_uint(_PROCESSES)
        for version in ("_v3", "_v2"):  # drivers before and since 510
            if self._ask(f"nvmlDeviceGetComputeRunningProcesses{version}", ctypes.byref(count), found):
                return [item.pid for item in found[: count.value]]
        return []

    def sample(self, members: Sequence[int]) -> Dict[str, float]:
        """Its metrics; nothing as long as it is not one of the run's own."""
        self._ours = self._ours or not set(members).isdisjoint(self.pids())
        if not self._ours:
            return {}
        found = {**self._memory(), **self._utilization(), **self._power()}
        return {f"gpu_{self.index}_{name}": value for name, value in found.items()}

    def _memory(self) -> Dict[str, float]:
        memory = _Memory()
        if not self._ask("nvmlDeviceGetMemoryInfo", ctypes.byref(memory)) or not memory.total:
            return {}
        return {"memory_usage_megabytes": memory.used / _MB, "memory_usage_percentage": 100 * memory.used / memory.total}

    def _utilization(self) -> Dict[str, float]:
        rates = _Utilization()
        return {"utilization_percentage": rates.gpu} if self._ask("nvmlDeviceGetUtilizationRates", ctypes.byref(rates)) else {}

    def _power(self) -> Dict[str, float]:
        used, limit = ctypes.c_uint(), ctypes.c_uint()
        if not self._ask("nvmlDeviceGetPowerUsage", ctypes.byref(used)):
            return {}
        found = {"power_usage_watts": used.value / 1000}
        if self._ask("nvmlDeviceGetEnforcedPowerLimit", ctypes.byref(limit)) and limit.value:
            found["power_usage_percentage"] = 100 * used.value / limit.value
        return found

    def _ask(self, function: str, *arguments: Any) -> bool:
        """Whether the driver answered; older ones lack functions, and some GPUs what a function asks for."""
        try:
            return bool(getattr(self._nvml, function)(self._handle, *arguments) == _SUCCESS)
        except AttributeError:
            return False


def find(environ: Mapping[str, str]) -> List[Gpu]:
    """The GPUs that a run may use; none where there is no driver.

    Those that ``CUDA_VISIBLE_DEVICES`` names. Where it is not set: in a container all that are in it (process ids of the host tell
    nothing there), else any, as soon as one of the run's processes computes on it.
    """
    nvml = _library()
    if nvml is None:
        return []
    named = environ.get("CUDA_VISIBLE_DEVICES")
    shared = named is None and environ.get("NVIDIA_VISIBLE_DEVICES") is None
    gpus = _all(nvml, shared=shared)
    return gpus if named is None else _named(gpus, named)


def _library() -> Any:
    try:
        nvml = ctypes.CDLL(_LIBRARY)
        return nvml if nvml.nvmlInit_v2() == _SUCCESS else None
    except (OSError, AttributeError):
        return None


def _all(nvml: Any, *, shared: bool) -> List[Gpu]:
    count = ctypes.c_uint()
    with contextlib.suppress(AttributeError):
        nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
    found = []
    for index in range(count.value):
        handle = ctypes.c_void_p()
        if nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)) == _SUCCESS:
            found.append(Gpu(nvml, index, handle, shared=shared))
    return found


def _named(gpus: Sequence[Gpu], text: str) -> List[Gpu]:
    """Those that a value of CUDA_VISIBLE_DEVICES names: indices or UUIDs, also abbreviated, up to the first that is neither."""
    found: List[Gpu] = []
    for name in (part.strip() for part in text.split(",")):
        gpu = _one(gpus, name)
        if gpu is None:
            break
        if gpu not in found:
            found.append(gpu)
    return found


def _one(gpus: Sequence[Gpu], name: str) -> Optional[Gpu]:
    if name.isdigit():
        return next((gpu for gpu in gpus if gpu.index == int(name)), None)
    if name.startswith("MIG-GPU-"):  # a part of a GPU: MIG-GPU-<UUID>/<instance>/<instance>
        name = name[4:].split("/", maxsplit=1)[0]
    fitting = [gpu for gpu in gpus if name.startswith("GPU-") and gpu.uuid().startswith(name)]
    return fitting[0] if len(fitting) == 1 else None
