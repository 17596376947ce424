"""``mlctl experiments``: look at experiments, make, rename, delete and restore them."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from mlctl import render
from mlctl.commands import lookup, notes, run_columns
from mlctl.errors import InvalidValueError
from mlctl.tracking.entities import ACTIVE_ONLY, ALL, DELETED_ONLY, Experiment
from mlctl.tracking.store import TrackingStore

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

ExperimentArgument = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="An experiment's name or id.")]
VIEWS = {"active_only": ACTIVE_ONLY, "deleted_only": DELETED_ONLY, "all": ALL}


@app.command("list")
def list_experiments(
    filter_string: Annotated[str, typer.Option("--filter", "-f", metavar="TEXT", help="name LIKE 'wine%'")] = "",
    order_by: Annotated[list[str] | None, typer.Option("--order-by", metavar="KEY [DESC]", help="name, creation_time desc")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=50000, help="At most so many.")] = 1000,
    view: Annotated[str, typer.Option("--view", metavar="WHICH", help="active_only, deleted_only or all.")] = "active_only",
) -> render.Result:
    """List experiments, the newest first."""
    if view not in VIEWS:
        raise InvalidValueError(f"--view {view!r} is not known.", hint=f"One of: {', '.join(VIEWS)}.")
    with lookup.looking() as store:
        page = store.search_experiments(filter_string=filter_string, order_by=order_by or (), view=VIEWS[view], max_results=limit)
    now = time.time() * 1000
    columns = [
        render.Column("experiment_id", right=True),
        render.Column("name"),
        render.Column("lifecycle_stage", rank=2),
        render.Column("created", show=lambda ms: render.age(now - ms), rank=1, right=True),
        render.Column("artifact_location", rank=3),
    ]
    rows = [[item.experiment_id, item.name, item.lifecycle_stage, item.creation_time, item.artifact_location] for item in page]
    return render.Result([item.to_dictionary() for item in page], render.Table(columns, rows), ids=[item.experiment_id for item in page])


@app.command("show")
def show(experiment: ExperimentArgument) -> render.Result:
    """Show an experiment."""
    with lookup.looking() as store:
        found = lookup.experiment(store, experiment)
        newest = store.search_runs([found.experiment_id], max_results=1)
    facts = {
        "experiment": f"{found.name} ({found.experiment_id})",
        "lifecycle": found.lifecycle_stage,
        "created": render.instant(found.creation_time) if found.creation_time else None,
        "newest run": f"{newest[0].info.run_id} {newest[0].info.run_name}" if newest else None,
        "artifacts": found.artifact_location,
    }
    lines = [f"{name:<12} {value}" for name, value in facts.items() if value]
    if notes.note(found.tags):
        lines += ["", notes.note(found.tags)]
    lines += run_columns.section("tags", {key: value for key, value in found.tags.items() if key not in notes.NOTE_TAGS})
    return render.Result(found.to_dictionary(), text="\n".join(lines), ids=[found.experiment_id])


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name; unique, also among deleted ones.")],
    artifact_location: Annotated[
        str, typer.Option(metavar="FOLDER", help="Where its artifacts go; in the store's folder by default.")
    ] = "",
) -> render.Result:
    """Make an experiment."""
    with lookup.looking(create=True) as store:
        return _done(store, store.create_experiment(name, artifact_location=artifact_location), "created")


@app.command("rename")
def rename(experiment: ExperimentArgument, new_name: Annotated[str, typer.Argument(metavar="NEW_NAME")]) -> render.Result:
    """Give an experiment another name."""
    with lookup.looking() as store:
        found = lookup.experiment(store, experiment)
        store.rename_experiment(found.experiment_id, new_name)
        return _done(store, found.experiment_id, "renamed")


@app.command("delete")
def delete(experiment: ExperimentArgument) -> render.Result:
    """Delete an experiment and its runs; `restore` brings them back."""
    with lookup.looking() as store:
        found = lookup.experiment(store, experiment)
        store.delete_experiment(found.experiment_id)
        return _done(store, found.experiment_id, "deleted")


@app.command("restore")
def restore(experiment: ExperimentArgument) -> render.Result:
    """Bring a deleted experiment and its runs back."""
    with lookup.looking() as store:
        found = lookup.experiment(store, experiment)
        store.restore_experiment(found.experiment_id)
        return _done(store, found.experiment_id, "restored")


def _done(store: TrackingStore, experiment_id: str, what: str) -> render.Result:
    found: Experiment = store.get_experiment(experiment_id)
    data: dict[str, Any] = {**found.to_dictionary(), "result": what}
    table = render.Table([render.Column(name) for name in ("experiment_id", "name", "result")], [[experiment_id, found.name, what]])
    return render.Result(data, table, ids=[experiment_id])
