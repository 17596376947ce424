"""``mlctl runs``: look at runs, follow them, end them, delete and restore them."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from mlctl import render
from mlctl.commands import lookup, run_columns, run_places
from mlctl.errors import InvalidValueError, LaunchError
from mlctl.tracking import owners, stopping
from mlctl.tracking.entities import ACTIVE_ONLY, ALL, DELETED_ONLY, TERMINAL, Run
from mlctl.tracking.store import TrackingStore

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, a unique prefix of it, @last or @last~1.")]
RunArguments = Annotated[list[str], typer.Argument(metavar="RUN…", help="Ids of runs, unique prefixes of them, @last or @last~1.")]
Experiments = Annotated[
    list[str] | None, typer.Option("--experiment", "--experiment-name", "--experiment-id", "-x", metavar="NAME", help="Only runs of it.")
]

VIEWS = {"active_only": ACTIVE_ONLY, "deleted_only": DELETED_ONLY, "all": ALL}


@app.command("list")
def list_runs(
    experiment: Experiments = None,
    filter_string: Annotated[str, typer.Option("--filter", "-f", metavar="TEXT", help="metrics.rmse < 1 and params.alpha = '5.0'")] = "",
    order_by: Annotated[list[str] | None, typer.Option("--order-by", metavar="KEY [DESC]", help="metrics.rmse, start_time desc")] = None,
    columns: Annotated[str | None, typer.Option("--columns", metavar="A,B", help="Columns, in order; `all` for all of them.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=50000, help="At most so many runs.")] = 100,
    view: Annotated[str, typer.Option("--view", metavar="WHICH", help="active_only, deleted_only or all.")] = "active_only",
    count: Annotated[bool, typer.Option("--count", help="Only say how many runs there are.")] = False,
) -> render.Result:
    """List runs, the newest first."""
    if view not in VIEWS:
        raise InvalidValueError(f"--view {view!r} is not known.", hint=f"One of: {', '.join(VIEWS)}.")
    with lookup.looking() as store:
        ids = lookup.experiment_ids(store, experiment or ())
        if count:
            return _counted(lookup.count(store, ids, filter_string=filter_string, view=VIEWS[view]))
        page = store.search_runs(ids, filter_string=filter_string, order_by=order_by or (), view=VIEWS[view], max_results=limit)
        names = {item.experiment_id: item.name for item in store.search_experiments(view=ALL, max_results=50000)}
        lost = {found for found, owner in store.owners() if owners.looks_lost(owner, now_ms=_now_ms())}
    table = run_columns.table(page, columns, experiments=names, lost=lost)
    notes = (f"there are more: --limit {limit} shows the first {len(page)}",) if page.token else ()
    return render.Result([_data(run, lost) for run in page], table, ids=[run.info.run_id for run in page], notes=notes)


def _counted(count: int) -> render.Result:
    return render.Result({"count": count}, text=str(count), ids=[str(count)])


@app.command("show")
def show(run: RunArgument) -> render.Result:
    """Show everything that is known of a run."""
    with lookup.looking() as store:
        found = store.get_run(lookup.run_id(store, run))
        lost = {item for item, owner in store.owners([found.info.run_id]) if owners.looks_lost(owner, now_ms=_now_ms())}
        experiment = store.get_experiment(found.info.experiment_id).name
        root, files = run_places.root(store, found.info), run_places.files(store, found.info)
    data = {**_data(found, lost), "experiment": experiment, "artifacts": files, "artifact_root": root}
    return render.Result(
        data, text=run_columns.summary(found, experiment=experiment, files=files, lost=bool(lost)), ids=[found.info.run_id]
    )


@app.command("logs")
def logs(
    ctx: typer.Context, run: RunArgument, follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False
) -> render.Result | None:
    """Print what a run printed."""
    with lookup.looking() as store:
        run_id = lookup.run_id(store, run)
        chunks = run_places.log(store, store.get_run(run_id), follow=follow)
        if ctx.find_root().obj.output == "json":
            text = b"".join(chunks).decode("utf-8", "replace")
            return render.Result({"run_id": run_id, "log": text})
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
    return None


@app.command("stop")
def stop(runs: RunArguments) -> render.Result:
    """End runs: their processes are interrupted, then terminated, then killed; the runs are KILLED."""
    with lookup.looking() as store:
        ids = list(dict.fromkeys(lookup.run_id(store, text) for text in runs))
        refused = {run_id: error for run_id in ids for error in [_refusal(store, run_id)] if error}
        ended = {run_id: stopping.wait(store, run_id) for run_id in ids if run_id not in refused}
    slow = [run_id for run_id, status in ended.items() if status not in TERMINAL]
    if slow:
        raise LaunchError(
            f"Asked to stop, but not ended yet: {', '.join(item[:8] for item in slow)}.", hint="`mlctl runs list` shows them."
        )
    if refused:
        others = f"Stopped: {', '.join(item[:8] for item in ended)}." if ended else next(iter(refused.values())).hint
        raise InvalidValueError(" ".join(error.message for error in refused.values()), hint=others)
    return _each(ids, {run_id: f"stopped ({status})" for run_id, status in ended.items()})


def _refusal(store: TrackingStore, run_id: str) -> InvalidValueError | None:
    """Ask for a run to be ended; returns why that cannot be, so that the others are still asked."""
    try:
        stopping.request(store, run_id)
    except InvalidValueError as error:
        return error
    return None


@app.command("delete")
def delete(runs: RunArguments) -> render.Result:
    """Delete runs; `restore` brings them back."""
    with lookup.looking() as store:
        ids = [lookup.run_id(store, text) for text in runs]
        running = [run_id for run_id, _ in store.owners(ids)]
        if running:
            raise InvalidValueError(f"Run {running[0][:8]} is still going on.", hint=f"`mlctl runs stop {running[0][:8]}` ends it.")
        for run_id in ids:
            store.delete_run(run_id)
    return _each(ids, dict.fromkeys(ids, "deleted"))


@app.command("restore")
def restore(runs: RunArguments) -> render.Result:
    """Bring deleted runs back."""
    with lookup.looking() as store:
        ids = [lookup.run_id(store, text) for text in runs]
        for run_id in ids:
            store.restore_run(run_id)
    return _each(ids, dict.fromkeys(ids, "restored"))


def _each(ids: list[str], what: dict[str, str]) -> render.Result:
    data = [{"run_id": run_id, "result": what[run_id]} for run_id in ids]
    table = render.Table([render.Column("run_id"), render.Column("result")], [[run_id, what[run_id]] for run_id in ids])
    return render.Result(data, table, ids=ids)


def _data(run: Run, lost: set[str]) -> dict[str, Any]:
    data = run.to_dictionary()
    for name in ("inputs", "outputs"):  # most runs have none
        if not any(data[name].values()):
            del data[name]
    data["info"]["lost"] = run.info.run_id in lost
    return data


def _now_ms() -> int:
    return int(time.time() * 1000)
