"""Metrics of a training that goes on: points by step, written to the run in batches, at least once a second while points come."""

import threading
import time
from typing import Any, List, Mapping, Optional

from mlctl.autologging.notices import guard
from mlctl.autologging.trainings import log_points
from mlctl.tracking.entities import Metric

_WAIT_S = 1.0
_AT_ONCE = 500


class Series:
    """The metrics of one training; ``model_id`` is the logged model that they are metrics of, too."""

    def __init__(self, run_id: str, *, model_id: Optional[str], silent: bool) -> None:
        self._run_id = run_id
        self._model_id = model_id
        self._silent = silent
        self._points: List[Metric] = []
        self._written = time.monotonic()
        self._lock = threading.Lock()

    def add(self, metrics: Mapping[str, Any], step: int) -> None:
        """Note what was measured at a step; what is no number is left out."""
        now = int(time.time() * 1000)
        for name, value in metrics.items():
            number = _number(value)
            if number is not None:
                self._points.append(Metric(str(name), number, now, step, self._model_id))
        if len(self._points) >= _AT_ONCE or time.monotonic() - self._written > _WAIT_S:
            self.write()

    def write(self) -> None:
        """Write what has been noted."""
        with self._lock, guard("log metrics of a training", silent=self._silent):
            points, self._points = self._points, []
            self._written = time.monotonic()
            if points:
                log_points(self._run_id, points, silent=self._silent)


def _number(value: Any) -> Optional[float]:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
