"""``mlctl runs report``: runs for a reader, with what changed against a baseline, as text, Markdown or JSON."""

from __future__ import annotations

from typing import Annotated

import typer

from mlctl import render
from mlctl.commands import github, lookup, run_directions, run_reports

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("report")
def report(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Ids of runs, unique prefixes of them, @last or @last~1.")],
    baseline: Annotated[str | None, typer.Option(metavar="RUN", help="The run that the others are measured against.")] = None,
    lower: Annotated[list[str] | None, typer.Option("--lower", metavar="KEY", help="Of this metric lower is better.")] = None,
    higher: Annotated[list[str] | None, typer.Option("--higher", metavar="KEY", help="Of this metric higher is better.")] = None,
    system: Annotated[bool, typer.Option("--system", help="System metrics too.")] = False,
    title: Annotated[str, typer.Option(metavar="TEXT", help="Heading of the report.")] = "",
    ci: github.CiOption = True,
) -> render.Result:
    """Report runs: what they are, params, metrics, and each metric's change against a baseline.

    ▲ and ▼ say whether a metric rose or fell; (better) or (worse) follows where its name, --lower or --higher tells which is which.
    """
    with github.reporting(ci, "mlctl runs report") as told, lookup.looking() as store:
        ids = list(dict.fromkeys(lookup.run_id(store, text) for text in runs))
        base = store.get_run(lookup.run_id(store, baseline)) if baseline else None
        found = [store.get_run(run_id) for run_id in ids if base is None or run_id != base.info.run_id]
        known = run_directions.asked([*found, *([base] if base else [])], lower or (), higher or ())
        made = run_reports.Report(found, base, directions=known, system=system, title=title)
        told.summary(made.markdown())
    return render.Result(made.data(), made.table(), ids=ids, markdown=made.markdown())
