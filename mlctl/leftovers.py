"""Jobs that are no processes of this machine: who attends to one here, what that says of its end, and ending what is left of it."""

import contextlib
import json
import os
import sys
from typing import Callable, Optional

from mlctl import process
from mlctl.jobs import FAILED, FINISHED, JobSpec, JobState

_END_S = 30.0


def attendant(spec: JobSpec) -> Optional[Callable[[], int]]:
    """What attends to a job, where this process has imported it already: a fork of this one need not do that again."""
    module = sys.modules.get(spec.attendant) if spec.attendant else None
    return None if module is None else lambda: int(module.attend([*spec.argv_prefix, spec.command]))


def end(spec: JobSpec, *, killed: bool) -> None:
    """Have the rest of a job ended whose own process was ``killed``: it could not do that any more."""
    if killed and spec.end_argv:
        with contextlib.suppress(OSError, TimeoutError):  # the next look at the store tries again
            process.run([*spec.end_argv, spec.run_id], cwd="/", timeout_s=_END_S)


def verdict(spec: JobSpec) -> Optional[JobState]:
    """How the job ended, as its attendant has written it down; None where there is none, or it has not."""
    if not spec.verdict_path:
        return None
    try:
        with open(spec.verdict_path, encoding="utf-8") as file:  # noqa: PTH123 -- the bundle avoids pathlib on this path
            found = json.load(file)
        os.unlink(spec.verdict_path)  # noqa: PTH108
    except (OSError, ValueError):
        return None
    code, reason = int(found["exit_code"]), str(found.get("reason", ""))
    return JobState(FAILED if code else FINISHED, code, str(found.get("origin", "script")), reason or (f"exit code {code}" if code else ""))
