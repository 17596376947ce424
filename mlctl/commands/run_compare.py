"""``mlctl runs compare``: params and metrics of runs side by side."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from mlctl import render
from mlctl.commands import lookup, run_columns, run_directions, run_values
from mlctl.errors import UsageError
from mlctl.tracking.entities import SYSTEM_PREFIX, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_LONGEST = 60  # characters of a value that people see


_SECTIONS = ("run", "params", "metrics")


class Row(NamedTuple):
    """A key with each run's value (None: the run has none), and which of them are the best."""

    section: str
    key: str
    values: list[Any]
    different: bool
    best: list[bool]


@app.command("compare")
def compare(
    ctx: typer.Context,
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN…", help="Ids of runs, unique prefixes of them, @last or @last~1.")],
    only_different: Annotated[bool, typer.Option("--only-different", "-d", help="Leave out what all have in common.")] = False,
    lower: Annotated[list[str] | None, typer.Option("--lower", metavar="KEY", help="Of this metric lower is better.")] = None,
    higher: Annotated[list[str] | None, typer.Option("--higher", metavar="KEY", help="Of this metric higher is better.")] = None,
    system: Annotated[bool, typer.Option("--system", help="System metrics too.")] = False,
) -> render.Result:
    """Compare runs: params and metrics side by side, differing ones first.

    The best value of a metric is marked where its name tells whether lower is better (loss, error, rmse, …) or higher (accuracy, auc, f1,
    …); --lower and --higher say it for others.
    """
    with lookup.looking() as store:
        found = [store.get_run(run_id) for run_id in dict.fromkeys(lookup.run_id(store, text) for text in runs)]
    if len(found) < 2:
        raise UsageError("Comparing takes two different runs or more.", hint="`mlctl runs show RUN` shows a single one.")
    asked = run_directions.asked(found, lower or (), higher or ())
    rows = [row for row in _rows(found, asked) if system or not row.key.startswith(SYSTEM_PREFIX)]
    rows = sorted(rows, key=lambda row: (_SECTIONS.index(row.section), not row.different))
    if only_different:
        rows = [row for row in rows if row.different]
    table = _machine_table(found, rows) if ctx.find_root().obj.output == "csv" else _table(found, rows)
    return render.Result(_data(found, rows), table, ids=[run.info.run_id for run in found])


def _rows(runs: Sequence[Run], asked: Mapping[str, bool]) -> list[Row]:
    found = [_row("run", name, [show(run) for run in runs]) for name, show in _ABOUT.items()]
    for section in ("params", "metrics"):
        data: list[Mapping[str, Any]] = [getattr(run.data, section) for run in runs]
        for key in sorted({key for values in data for key in values}):
            row = _row(section, key, [values.get(key) for values in data])
            higher = asked.get(key, run_directions.higher_is_better(key)) if section == "metrics" else None
            found.append(row if higher is None or not row.different else row._replace(best=_best(row.values, higher=higher)))
    return found


def _row(section: str, key: str, values: list[Any]) -> Row:
    different = len({repr(value) for value in values}) > 1  # as text: NaN equals itself
    return Row(section, key, values, different, [False] * len(values))


def _best(values: Sequence[float | None], *, higher: bool) -> list[bool]:
    numbers = [value for value in values if value is not None and value == value]  # noqa: PLR0124 -- NaN is never the best
    best = (max if higher else min)(numbers) if numbers else None
    return [value is not None and value == best for value in values]


def _duration(run: Run) -> str | None:
    length = run_columns.duration_ms(run, time.time() * 1000)
    return None if length is None else render.duration(length)


_ABOUT: dict[str, Callable[[Run], Any]] = {
    "name": lambda run: run.info.run_name,
    "status": lambda run: run.info.status,
    "started": lambda run: render.instant(run.info.start_time) if run.info.start_time else None,
    "duration": _duration,
}


def _table(runs: Sequence[Run], rows: Sequence[Row]) -> render.Table:
    columns = [render.Column("section", section=True), render.Column("key")]
    columns += [render.Column(run.info.run_id, show=run_values.shown, head=run.info.run_id[:8], right=True, style="status") for run in runs]
    cells = [[row.section, row.key, *map(_cell, run_values.legible(row.values, longest=_LONGEST), row.best)] for row in rows]
    faint = frozenset(number for number, row in enumerate(rows) if not row.different)
    return render.Table(columns, cells, empty="There is no difference.", pinned=2, faint=faint)


def _machine_table(runs: Sequence[Run], rows: Sequence[Row]) -> render.Table:
    ids = [run.info.run_id for run in runs]
    cells = [[row.section, row.key, *row.values, " ".join(_best_ids(ids, row))] for row in rows]
    return render.Table([render.Column(name) for name in ("section", "key", *ids, "best")], cells)


def _best_ids(ids: Sequence[str], row: Row) -> list[str]:
    return [run_id for run_id, best in zip(ids, row.best, strict=True) if best]


def _cell(value: Any, best: bool) -> Any:  # noqa: FBT001 -- called by map
    return render.Best(value) if best else value


def _data(runs: Sequence[Run], rows: Sequence[Row]) -> dict[str, Any]:
    ids = [run.info.run_id for run in runs]
    return {
        "runs": [run.info.to_dictionary() for run in runs],
        "rows": [
            {
                "section": row.section,
                "key": row.key,
                "values": dict(zip(ids, row.values, strict=True)),
                "different": row.different,
                "best": _best_ids(ids, row),
            }
            for row in rows
        ],
    }
