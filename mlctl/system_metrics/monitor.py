"""System metrics of runs that a script starts, sampled by a thread of the script; and the functions that ask for them, named as MLflow's.

The thread never keeps the script alive nor disturbs it. It ends with the run, and stays behind when the script forks: the parent goes on.
"""

import os
import threading
import time
from typing import Dict, Optional

from mlctl import settings
from mlctl.errors import MlctlError
from mlctl.system_metrics import sampling as system
from mlctl.tracking.store import TrackingStore

_PATIENCE_S = 5.0
_monitors: Dict[str, "Monitor"] = {}


class Monitor(threading.Thread):
    """Samples for one run until `finish`, or until the run is not RUNNING any more."""

    def __init__(self, store: TrackingStore, run_id: str, how: system.Sampling) -> None:
        super().__init__(name=f"mlctl-system-metrics-{run_id[:8]}", daemon=True)
        self._store = store
        self._run_id = run_id
        self._how = how
        self._over = threading.Event()

    def run(self) -> None:
        """The thread's work; whatever goes wrong ends it and is passed over: measuring must not break what is measured."""
        try:
            sampler = system.Sampler(system.own_processes(), folder=_folder(), environ=os.environ)
            recorder = system.Recorder(self._run_id, sampler, self._how, store=lambda: self._store)
            while not self._over.wait(self._how.interval_s):
                self._tick(recorder)
        except Exception:  # noqa: BLE001 -- the edge of a thread
            return

    def _tick(self, recorder: system.Recorder) -> None:
        try:
            if self._store.get_run(self._run_id).info.status != "RUNNING":
                self._over.set()
            elif not self._over.is_set():
                recorder.tick(int(time.time() * 1000))
        except MlctlError:  # the store is busy or not to be reached: the next time may be better
            return

    def finish(self) -> None:
        """End the thread, and wait until it no longer logs."""
        self._over.set()
        if threading.current_thread() is not self:
            self.join(_PATIENCE_S)


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:  # the current folder does not exist any more
        return os.sep


def begin(store: TrackingStore, run_id: str, how: system.Sampling) -> None:
    """Start sampling for a run; nothing happens where that is being done already, by this process or by the worker of ``mlctl run``."""
    if run_id in _monitors or settings.value("system_metrics_run") == run_id:
        return
    monitor = Monitor(store, run_id, how)
    _monitors[run_id] = monitor
    monitor.start()


def finish(run_id: str) -> None:
    """End the sampling for a run, if there is any."""
    monitor = _monitors.pop(run_id, None)
    if monitor is not None:
        monitor.finish()


def enable_system_metrics_logging() -> None:
    """Sample system metrics for every run that is started from now on, except with ``start_run(log_system_metrics=False)``."""
    _set("system_metrics", "true")


def disable_system_metrics_logging() -> None:
    """Sample none for runs that are started from now on, except with ``start_run(log_system_metrics=True)``."""
    _set("system_metrics", "false")


def set_system_metrics_sampling_interval(interval: Optional[float]) -> None:
    """Seconds from one sample to the next; None: 10."""
    _set("system_metrics_interval_s", interval)


def set_system_metrics_samples_before_logging(samples: Optional[int]) -> None:
    """How many samples are averaged into one point; None: 1."""
    _set("system_metrics_samples", samples)


def set_system_metrics_node_id(node_id: Optional[str]) -> None:
    """This machine's name among several that log to one run: its metrics are then ``system/<node_id>/…``; None: no name."""
    _set("system_metrics_node_id", node_id)


def _set(name: str, value: object) -> None:
    """In the environment, as in MLflow: what the script starts follows it too."""
    for variable in settings.SETTINGS[name].variables:
        os.environ.pop(variable, None)
    if value is not None:
        os.environ[settings.SETTINGS[name].variables[0]] = str(value)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_monitors.clear)
