"""How a job is ended: in stages, each a signal and a time to obey it."""

import time
from typing import NamedTuple, Optional, Sequence

from mlctl.jobs import JobState

_SAME_REQUEST_S = 0.2


class Stage(NamedTuple):
    """A signal, and how long (seconds) the job has before the next one."""

    signum: int
    grace_s: float


class Ending:
    """A job being ended: the stages still to come. ``verdict`` is None where only left-over processes are tidied away."""

    def __init__(self, stages: Sequence[Stage], *, verdict: Optional[JobState]) -> None:
        self.verdict = verdict
        self._stages = list(stages)
        self._began = time.monotonic()
        self._deadline = 0.0
        self.given_up = False

    def due(self, now: float) -> bool:
        """Whether the next stage's time has come."""
        return not self.given_up and now >= self._deadline

    def hurry(self) -> None:
        """Go to the next stage at once: the user asked a second time. One request may arrive twice, as a signal and through the store."""
        if time.monotonic() - self._began > _SAME_REQUEST_S:
            self._deadline = 0.0

    def next_signal(self, now: float) -> Optional[int]:
        """The signal of the next stage; None when all have been sent and nothing helped."""
        if not self._stages:
            self.given_up = True
            return None
        stage = self._stages.pop(0)
        self._deadline = now + stage.grace_s
        return stage.signum
