"""``mlctl runs check``: a gate; exit code 1 when a run does not hold what it must."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from mlctl import render
from mlctl.commands import github, lookup, run_conditions
from mlctl.errors import UsageError
from mlctl.tracking import stopping
from mlctl.tracking.entities import TERMINAL, Run
from mlctl.tracking.store import TrackingStore

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("check")
def check(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, a unique prefix of it, @last or @last~1.")],
    conditions: Annotated[list[str], typer.Argument(metavar="CONDITION…", help='"metrics.rmse < 0.8"; the language of --filter.')],
    baseline: Annotated[str | None, typer.Option(metavar="RUN", help="The run that `baseline` stands for in conditions.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the run has ended.")] = False,
    ci: github.CiOption = True,
) -> render.Result:
    """Check conditions on a run; the exit code is 0 if all hold, and 1 if not.

    They are written as in `runs list --filter`. A comparison with a metric that is missing or NaN does not hold, not even after NOT.
    With --baseline RUN, `baseline` stands for that run's value of the same metric: "metrics.rmse <= baseline * 1.05".
    """
    with github.reporting(ci, "mlctl runs check") as report, lookup.looking() as store:
        if baseline is not None and not any("baseline" in text for text in conditions):
            raise UsageError("No condition says `baseline`.", hint='Write, for instance, "metrics.rmse <= baseline * 1.05".')
        found = _ended(store, lookup.run_id(store, run), wait=wait)
        checker = run_conditions.Checker(store, found, store.get_run(lookup.run_id(store, baseline)) if baseline else None)
        checks = [checker.check(text) for text in conditions]
        _report(report, found, checks)
    passed = all(item.passed for item in checks)
    notes = () if found.info.status in TERMINAL else (f"run {found.info.run_id[:8]} has not ended: these are its values so far",)
    return render.Result(_data(found, checks), _table(checks), ids=[found.info.run_id], notes=notes, exit_code=0 if passed else 1)


def _ended(store: TrackingStore, run_id: str, *, wait: bool) -> Run:
    while wait and not stopping.is_over(store, run_id):
        time.sleep(stopping.pause_s(store))
    return store.get_run(run_id)


def _table(checks: list[run_conditions.Check]) -> render.Table:
    rows = [["passed" if item.passed else "FAILED", item.text, item.values()] for item in checks]
    return render.Table([render.Column("result"), render.Column("condition"), render.Column("values")], rows)


def _data(run: Run, checks: list[run_conditions.Check]) -> dict[str, Any]:
    return {
        "run_id": run.info.run_id,
        "run_name": run.info.run_name,
        "status": run.info.status,
        "passed": all(item.passed for item in checks),
        "checks": [
            {"condition": item.text, "passed": item.passed, "comparisons": [verdict._asdict() for verdict in item.comparisons]}
            for item in checks
        ],
    }


def _report(report: github.Report, run: Run, checks: list[run_conditions.Check]) -> None:
    if not report.on:
        return
    for item in checks:
        if not item.passed:
            report.error(f"{item.text} does not hold: {item.values()}")
    report.outputs({"run_id": run.info.run_id, "passed": str(all(item.passed for item in checks)).lower()})
    rows = [["✅" if item.passed else "❌", github.code(item.text), github.text(item.values())] for item in checks]
    title = f"### Checks of run {github.text(run.info.run_name)} {github.code(run.info.run_id[:8])}"
    report.summary("\n".join([title, "", *github.table(["", "condition", "values"], rows)]))
