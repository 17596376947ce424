"""System metrics: what a run's machine, processes and GPUs are busy with, as points of metrics named ``system/…``.

Names are MLflow's where it has such a metric. Megabytes are 10⁶ bytes. ``cpu_utilization_percentage`` is of all CPUs together;
``process_cpu_utilization_percentage`` is 100 for each CPU that the run's own processes keep busy, as in top(1). The network counts from
when sampling began, without the loopback interface.
"""

import os
import shutil
import sys
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence

from mlctl import process, settings
from mlctl.errors import UsageError
from mlctl.tracking import validation
from mlctl.tracking.entities import SYSTEM_PREFIX, Metric
from mlctl.tracking.store import TrackingStore

SHORTEST_INTERVAL_S = 0.05
_SAMPLES_KEPT = 1000
_MB = 1e6
_ALWAYS_THERE = ("cpu_utilization_percentage", "disk_usage_percentage")  # the second also where the first cannot be measured

Values = Dict[str, float]


class Sampling(NamedTuple):
    """How often a sample is taken (seconds), how many are averaged into a point, and the machine's name among several ("": none)."""

    interval_s: float
    samples: int
    node_id: str


def sampling() -> Sampling:
    """What the settings say.

    Raises:
        UsageError: an interval or a number of samples that cannot be.
        InvalidValueError: the node's name cannot be part of a metric's key.
    """
    interval_s, samples = settings.number("system_metrics_interval_s"), settings.number("system_metrics_samples")
    if interval_s < SHORTEST_INTERVAL_S:
        raise UsageError(
            f"System metrics cannot be sampled every {interval_s:g} s.", hint=f"At least {SHORTEST_INTERVAL_S} s; 10 is usual."
        )
    if samples != int(samples) or samples < 1:
        raise UsageError(f"{samples:g} samples cannot make a point of a system metric.", hint="A whole number from 1; 1 is usual.")
    node_id = settings.value("system_metrics_node_id")
    validation.key(f"{_prefix(node_id)}x", what="system metric")
    return Sampling(interval_s, int(samples), node_id)


def _prefix(node_id: str) -> str:
    return f"{SYSTEM_PREFIX}{node_id}/" if node_id else SYSTEM_PREFIX


def job_variables(run_id: str, *, sampled: bool) -> Dict[str, Optional[str]]:
    """What a job is told, so that its script does not sample the same run too.

    MLflow's own switch is turned off there, because its clients know nothing of this; where it was on, runs that the script starts besides
    the job's own still have system metrics through mlctl.
    """
    if not sampled:
        return {"MLCTL_SYSTEM_METRICS": "false", "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false"}
    found: Dict[str, Optional[str]] = {"MLCTL_SYSTEM_METRICS_RUN": run_id}
    if os.environ.get("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"):
        switch = settings.value("system_metrics")
        found.update(MLCTL_SYSTEM_METRICS=switch, MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING="false")
    return found


class Processes(NamedTuple):
    """Which processes are a run's own: ``members`` lists them now; those that ``reaper`` has collected were members too (None: nobody)."""

    members: Callable[[], Sequence[int]]
    reaper: Optional[int] = None


def own_processes() -> Processes:
    """This process and all that descend from it."""
    return Processes(lambda: [os.getpid(), *process.descendants(os.getpid())])


class Sampler:
    """Measures; each sample says what happened since the one before, the first since the sampler was made.

    ``folder`` is on the disk whose usage counts. ``environ`` says which GPUs the processes may use.
    """

    def __init__(self, processes: Processes, *, folder: str, environ: Mapping[str, str]) -> None:
        from mlctl.system_metrics import gpu as system_gpu

        self._processes = processes
        self._folder = folder
        self._gpus = system_gpu.find(environ)
        self._first = self._before = self._counters(processes.members())

    def sample(self) -> Values:
        """Metrics by name, without prefix; what cannot be measured here is left out."""
        members = self._processes.members()
        now, before, first = self._counters(members), self._before, self._first
        self._before = now
        elapsed = now["at_s"] - before["at_s"]
        found = {**_cpu(now, before), **_memory(now), **self._disk()}
        found.update(_rates(now, before, elapsed))
        for name, counter in (("network_receive_megabytes", "received"), ("network_transmit_megabytes", "sent")):
            if counter in now and counter in first:
                found[name] = max(0.0, now[counter] - first[counter]) / _MB
        found.update(_own(now, before, elapsed))
        for gpu in self._gpus:
            found.update(gpu.sample(members))
        return {name: round(value, 3) for name, value in found.items()}

    def _counters(self, members: Sequence[int]) -> Values:
        if sys.platform.startswith("linux"):
            from mlctl.system_metrics import linux as reader
        else:
            from mlctl.system_metrics import portable as reader  # type: ignore[no-redef]
        return {**reader.machine(), **reader.processes(members, self._processes.reaper)}

    def _disk(self) -> Values:
        try:
            usage = shutil.disk_usage(self._folder)
        except OSError:  # the folder is gone
            return {}
        share = 100 * usage.used / (usage.used + usage.free) if usage.used + usage.free else 0.0  # as df(1): of what users may fill
        return {
            "disk_usage_percentage": share,
            "disk_usage_megabytes": usage.used / _MB,
            "disk_available_megabytes": usage.free / _MB,
        }


def _cpu(now: Values, before: Values) -> Values:
    if "cpu_total_s" not in now or "cpu_total_s" not in before or now["cpu_total_s"] <= before["cpu_total_s"]:
        return {}
    busy, total = now["cpu_busy_s"] - before["cpu_busy_s"], now["cpu_total_s"] - before["cpu_total_s"]
    return {"cpu_utilization_percentage": min(100.0, max(0.0, 100 * busy / total))}


def _memory(now: Values) -> Values:
    if not now.get("memory_total"):
        return {}
    return {
        "system_memory_usage_megabytes": now["memory_used"] / _MB,
        "system_memory_usage_percentage": 100 * now["memory_used"] / now["memory_total"],
    }


def _rates(now: Values, before: Values, elapsed_s: float) -> Values:
    names = {"disk_read_megabytes_per_second": "disk_read", "disk_write_megabytes_per_second": "disk_written"}
    if elapsed_s <= 0:
        return {}
    known = {name: counter for name, counter in names.items() if counter in now and counter in before}
    return {name: max(0.0, now[counter] - before[counter]) / _MB / elapsed_s for name, counter in known.items()}


def _own(now: Values, before: Values, elapsed_s: float) -> Values:
    if "own_memory" not in now or elapsed_s <= 0:
        return {}
    spent_s = now["own_cpu_s"] - before.get("own_cpu_s", now["own_cpu_s"])
    return {
        "process_cpu_utilization_percentage": max(0.0, 100 * spent_s / elapsed_s),
        "process_memory_usage_megabytes": now["own_memory"] / _MB,
    }


class Recorder:
    """Samples become points of a run: some are averaged into one, and the points are numbered on from where the run's last ones ended."""

    def __init__(self, run_id: str, sampler: Sampler, how: Sampling, *, store: Callable[[], TrackingStore]) -> None:
        self._run_id = run_id
        self._sampler = sampler
        self._how = how
        self._store = store
        self._samples: List[Values] = []
        self._step: Optional[int] = None

    def tick(self, now_ms: int) -> None:
        """Take a sample, and log a point of each metric when there are enough. What cannot be logged goes into the next point.

        Raises:
            StoreError: the store cannot be used now.
        """
        self._samples = [*self._samples[-_SAMPLES_KEPT:], self._sampler.sample()]
        if len(self._samples) < self._how.samples:
            return
        if self._step is None:
            self._step = next_step(self._store(), self._run_id, self._how.node_id)
        prefix = _prefix(self._how.node_id)
        points = [Metric(prefix + name, value, now_ms, self._step) for name, value in average(self._samples).items()]
        self._store().log_batch(self._run_id, metrics=points)
        self._samples = []
        self._step += 1


def average(samples: Sequence[Values]) -> Values:
    """The mean of each metric over the samples that have it; of those that only grow, the last."""
    found: Values = {}
    for name in dict.fromkeys(name for sample in samples for name in sample):
        values = [sample[name] for sample in samples if name in sample]
        found[name] = values[-1] if name.startswith("network_") else round(sum(values) / len(values), 3)
    return found


def next_step(store: TrackingStore, run_id: str, node_id: str) -> int:
    """The step after the last that a run has of this machine's metrics; 0 for a run that has none."""
    known = store.get_run(run_id).data.metrics
    key = next((key for key in (_prefix(node_id) + name for name in _ALWAYS_THERE) if key in known), None)
    if key is None:
        return 0
    page = store.metric_history(run_id, key, max_results=validation.PAGE_SIZE)
    last = max(point.step for point in page)
    while page.token:
        page = store.metric_history(run_id, key, max_results=validation.PAGE_SIZE, page_token=page.token)
        last = max([last, *(point.step for point in page)])
    return last + 1
