"""``mlctl doctor``: what is there, what is missing, what is wrong, and what to do about it."""

from __future__ import annotations

import typer

from mlctl import render, settings
from mlctl.doctor import engines, places, store
from mlctl.doctor.findings import OK, WRONG, Finding

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor() -> render.Result:
    """Check this machine: engines, interpreters, what environments would use, cache and store. Exit code 1 if something is wrong."""
    cache = settings.cache_dir()
    found = [*engines.look(), *places.environments(cache), *places.pythons(cache), *places.cache_folder(cache), *store.look()]
    wrong = sum(finding.status == WRONG for finding in found)
    columns = [
        render.Column("topic", section=True),
        render.Column("name"),
        render.Column("status"),
        render.Column("found"),
        render.Column("fix", show=lambda text: text or "", rank=1),
    ]
    rows = [[finding.topic, finding.name, finding.status, finding.found, finding.hint] for finding in found]
    faint = frozenset(number for number, finding in enumerate(found) if finding.status == OK)
    return render.Result(
        [_data(finding) for finding in found],
        render.Table(columns, rows, faint=faint),
        notes=[f"{wrong} thing{'s are' if wrong > 1 else ' is'} wrong"] if wrong else [],
        exit_code=1 if wrong else 0,
    )


def _data(finding: Finding) -> dict[str, str]:
    return {"topic": finding.topic, "name": finding.name, "status": finding.status, "found": finding.found, "fix": finding.hint}
