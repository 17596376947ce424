"""``mlctl experiments tag`` and ``mlctl experiments note``: what is added to experiments afterwards."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mlctl import render
from mlctl.commands import lookup, notes, run_edit
from mlctl.errors import UsageError
from mlctl.tracking.entities import NOTE_TAG, ExperimentTag

app = typer.Typer(rich_markup_mode=None, add_completion=False)

ExperimentArgument = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="An experiment's name or id.")]


@app.command("tag")
def tag(
    experiment: ExperimentArgument,
    words: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE…]", help="Tags to set.")] = None,
    delete: Annotated[list[str] | None, typer.Option("--delete", "-d", metavar="KEY", help="A tag to delete; repeatable.")] = None,
) -> render.Result:
    """Set and delete tags of an experiment; without any, show the tags that it has."""
    new, gone = notes.assignments(words or ()), list(dict.fromkeys(delete or ()))
    both = [key for key in gone if key in new]
    if both:
        raise UsageError(f"The tag {both[0]!r} cannot be set and deleted at once.", hint="Leave one of the two out.")
    with lookup.looking() as store:
        found = lookup.experiment(store, experiment)
        notes.check_deletable(found.tags, gone, what=f"The experiment {found.name!r}")
        for key, value in new.items():
            store.set_experiment_tag(found.experiment_id, ExperimentTag(key, value))
        for key in gone:
            store.delete_experiment_tag(found.experiment_id, key)
        tags = dict(sorted(store.get_experiment(found.experiment_id).tags.items()))
    data: dict[str, Any] = {"experiment_id": found.experiment_id, "name": found.name, "tags": tags, "set": new, "deleted": gone}
    table = render.Table(
        [render.Column("key"), render.Column("value", rank=1)], [list(item) for item in tags.items()], "There are no tags."
    )
    return render.Result(data, table, ids=[found.experiment_id])


@app.command("note")
def note(
    experiment: ExperimentArgument,
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="The new note; - reads it from standard input.")] = None,
    edit: Annotated[bool, typer.Option("--edit", "-e", help="Write it in $EDITOR.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the note.")] = False,
) -> render.Result:
    """Show an experiment's note, or write it."""
    request = notes.NoteRequest(text, edit, delete)
    request.check()
    with lookup.looking() as store:
        found = lookup.experiment(store, experiment)
        old = notes.note(found.tags)
        new = request.new_text(old)
        if new:
            store.set_experiment_tag(found.experiment_id, ExperimentTag(NOTE_TAG, new))
        elif new is not None:
            for key in notes.NOTE_TAGS:
                if key in found.tags:
                    store.delete_experiment_tag(found.experiment_id, key)
    return run_edit.note_result({"experiment_id": found.experiment_id}, old, new)
