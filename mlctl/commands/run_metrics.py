"""``mlctl runs metrics``: a run's metrics, and the history of some of them."""

from __future__ import annotations

import difflib
import fnmatch
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlctl import render
from mlctl.commands import lookup, run_plot
from mlctl.errors import NotFoundError
from mlctl.tracking.entities import SYSTEM_PREFIX, Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl.tracking.store import TrackingStore

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_PAGE = 25000


@app.command("metrics")
def metrics(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, a unique prefix of it, @last or @last~1.")],
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY…]", help="Metrics whose history is shown; 'val_*' fits several.")
    ] = None,
    last: Annotated[int | None, typer.Option("--last", "-n", min=1, metavar="N", help="Only the last N points of each metric.")] = None,
    plot: Annotated[bool, typer.Option("--plot", "-p", help="Draw curves.")] = False,
    log: Annotated[bool, typer.Option("--log", help="Draw them on a logarithmic scale.")] = False,
) -> render.Result:
    """List a run's metrics; with KEYs, show their points as a table, by step, or as curves."""
    with lookup.looking() as store:
        run_id = lookup.run_id(store, run)
        known, plot = _known(store, run_id), plot or log
        chosen = _chosen(known, keys or (["*"] if plot else []), run_id)
        histories = {key: history(store, run_id, key)[-(last or 0) :] for key in chosen or known}
    if not chosen:
        return _listed(run_id, histories, shortened=last is not None)
    data = [{"key": key, "points": [_point(point) for point in points]} for key, points in histories.items()]
    text = "\n".join(_plots(histories, log=log)) if plot and not ctx.find_root().obj.machine else ""
    table = None if text else _points_table(histories)
    return render.Result({"run_id": run_id, "metrics": data}, table, text=text, ids=[run_id])


def history(store: TrackingStore, run_id: str, key: str) -> list[Metric]:
    """All points of a metric, by step and time."""
    page = store.metric_history(run_id, key, max_results=_PAGE)
    found = list(page)
    while page.token:
        page = store.metric_history(run_id, key, max_results=_PAGE, page_token=page.token)
        found += page
    return sorted(found, key=lambda point: (point.step, point.timestamp))


def _known(store: TrackingStore, run_id: str) -> list[str]:
    """Keys of a run's metrics, those of the system last."""
    return sorted(store.get_run(run_id).data.metrics, key=lambda key: (key.startswith(SYSTEM_PREFIX), key))


def _chosen(known: Sequence[str], asked: Sequence[str], run_id: str) -> list[str]:
    """The metrics that keys and patterns name, each once.

    Raises:
        NotFoundError: one names none, or the run has no metrics at all.
    """
    if asked and not known:
        raise NotFoundError(f"Run {run_id[:8]} has no metrics.", hint="`mlctl runs show` shows what it has.")
    found: dict[str, None] = {}
    for text in (word.removeprefix("metrics.") if word not in known else word for word in asked):
        fitting = [text] if text in known else [key for key in known if fnmatch.fnmatchcase(key, text)]
        if not fitting:
            close = difflib.get_close_matches(text, known, n=3)
            listed = ", ".join(close or known[:8])
            raise NotFoundError(
                f"Run {run_id[:8]} has no metric {text!r}.", hint=f"Close to it: {listed}." if close else f"It has: {listed}."
            )
        found.update(dict.fromkeys(fitting))
    return list(found)


def _listed(run_id: str, histories: dict[str, list[Metric]], *, shortened: bool) -> render.Result:
    rows = [[key, *_summary(points)] for key, points in histories.items()]
    names = ("last", "min", "max", "points", "first_step", "last_step")
    shows = dict.fromkeys(("last", "min", "max"), render.amount)
    ranks = {"first_step": 3, "last_step": 2, "min": 1, "max": 1}
    columns = [render.Column("key"), *(render.Column(name, show=shows.get(name), right=True, rank=ranks.get(name, 0)) for name in names)]
    data = {"run_id": run_id, "metrics": [dict(zip(("key", *names), row, strict=True)) for row in rows]}
    notes = ("of the last points of each metric only",) if shortened and rows else ()
    return render.Result(data, render.Table(columns, rows, empty="The run has no metrics."), ids=[run_id], notes=notes)


def _summary(points: Sequence[Metric]) -> list[Any]:
    """Last value, least and greatest (NaN left out), how many, first and last step."""
    values = [point.value for point in points if point.value == point.value]
    return [points[-1].value, min(values, default=None), max(values, default=None), len(points), points[0].step, points[-1].step]


def _points_table(histories: dict[str, list[Metric]]) -> render.Table:
    columns = [
        render.Column("key", section=True),
        render.Column("step", right=True),
        render.Column("value", show=lambda value: f"{value:.10g}", right=True, style="cyan"),
        render.Column("timestamp", show=render.instant, head="time", right=True, rank=1),
    ]
    return render.Table(columns, [[key, point.step, point.value, point.timestamp] for key, points in histories.items() for point in points])


def _point(point: Metric) -> dict[str, Any]:
    return {"step": point.step, "value": point.value, "timestamp": point.timestamp}


def _plots(histories: dict[str, list[Metric]], *, log: bool) -> list[str]:
    width = render.terminal_width()
    lines: list[str] = []
    for key, points in histories.items():
        stepless = len({point.step for point in points}) == 1  # logged without steps: one after the other
        curve = [(float(number if stepless else point.step), point.value) for number, point in enumerate(points)]
        lines += [*([""] if lines else []), *run_plot.plot(key, curve, width=width, what="point" if stepless else "step", log=log)]
    return lines
