"""What `mlctl run` and `mlctl runs rerun` share: a planned project run to its end, shown, and told to GitHub Actions."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from mlctl import render, runner
from mlctl.commands import github, lookup
from mlctl.errors import StoreError
from mlctl.jobs import FINISHED, Streams
from mlctl.tracking.entities import SYSTEM_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlctl.planning import Job

_MOST_METRICS = 500
_LOG_LINES = 20
_LOG_BYTES = 1 << 16


def attached(job: Job, view: render.View, *, report: github.Report, on_created: Callable[[str], None] | None = None) -> render.Result:
    """Run a job to its end and return what is shown; the result's data hold how it ended."""
    outcome = runner.run_job(job, streams=streams(view), tell=render.tell, on_created=on_created)
    state = outcome.state
    assert state is not None
    ending = f" ({state.reason})" if state.reason else ""
    if not view.machine:
        render.tell(f"run {outcome.run_id[:8]} {state.status} in {render.duration(outcome.duration_ms)}{ending}")
    data = {"run_id": outcome.run_id, "experiment_id": outcome.experiment_id, "status": state.status, "exit_code": state.exit_code}
    data |= {"origin": state.origin, "reason": state.reason, "duration_ms": outcome.duration_ms, "artifact_root": outcome.artifact_root}
    _tell_github(report, data)
    return render.Result(data=data, ids=[outcome.run_id], table=row(data) if view.machine else None, exit_code=state.exit_code)


def row(data: dict[str, Any]) -> render.Table:
    """The data of one run as a table."""
    return render.Table([render.Column(name) for name in data], [list(data.values())])


def streams(view: render.View) -> Streams:
    """Standard output stays free for a program that reads it: the script's own output then goes to standard error."""
    if view.machine:
        return Streams(out_fd=2, err_fd=2, terminal=sys.stderr.isatty())
    return Streams(out_fd=1, err_fd=2, terminal=sys.stdout.isatty() and sys.stderr.isatty())


def _tell_github(report: github.Report, data: dict[str, Any]) -> None:
    if not report.on:
        return
    from mlctl.commands import run_places, run_reports

    try:
        with lookup.looking() as store:
            run = store.get_run(data["run_id"])
            log = _end_of_log(b"".join(run_places.log(store, run, follow=False))) if data["status"] != FINISHED else ""
    except StoreError as error:
        render.tell(f"GitHub is not told of the run: {error.message}")
        return
    metrics = {key: value for key, value in sorted(run.data.metrics.items()) if not key.startswith(SYSTEM_PREFIX)}
    shown = dict(list(metrics.items())[:_MOST_METRICS])
    outputs = {"run_id": run.info.run_id, "run_name": run.info.run_name, "experiment_id": run.info.experiment_id}
    outputs |= {"status": data["status"], "exit_code": str(data["exit_code"]), "artifact_path": data["artifact_root"]}
    outputs["metrics"] = json.dumps({key: _number(value) for key, value in shown.items()}, ensure_ascii=False)
    outputs |= {name: str(_number(shown[key])) for key, name in github.output_names(list(shown), prefix="metric_").items()}
    report.outputs(outputs)
    if data["status"] != FINISHED or data["exit_code"]:
        report.error(f"Run {run.info.run_id[:8]} is {data['status']}: {data['reason'] or data['exit_code']}\n{log}".rstrip())
    report.summary(run_reports.Report([run], None, directions={}).markdown())


def _number(value: float) -> float | str:
    if value - value == 0:
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124


def _end_of_log(log: bytes) -> str:
    return "\n".join(log[-_LOG_BYTES:].decode("utf-8", "replace").splitlines()[-_LOG_LINES:])
