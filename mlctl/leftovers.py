"""What a job leaves that is no process of this machine: ended by a command of its own, and what its attendant has said of its end."""

import contextlib
import json
import os
from typing import Optional

from mlctl import process
from mlctl.jobs import FAILED, FINISHED, JobSpec, JobState

_END_S = 30.0


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
