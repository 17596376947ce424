"""``mlctl runs tag`` and ``mlctl runs note``: what is added to runs afterwards."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mlctl import render
from mlctl.commands import lookup, notes
from mlctl.errors import InvalidValueError, UsageError
from mlctl.tracking import validation
from mlctl.tracking.entities import NOTE_TAG, Run, RunTag
from mlctl.tracking.store import TrackingStore

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("tag")
def tag(
    words: Annotated[list[str], typer.Argument(metavar="RUN… [KEY=VALUE…]", help="Runs as elsewhere; words with a = are tags to set.")],
    delete: Annotated[list[str] | None, typer.Option("--delete", "-d", metavar="KEY", help="A tag to delete; repeatable.")] = None,
) -> render.Result:
    """Set and delete tags of runs; without any, show the tags that they have.

    All runs are looked up first: a mistake changes nothing.
    """
    named = [word for word in words if "=" not in word]
    new = notes.assignments([word for word in words if "=" in word])
    gone = list(dict.fromkeys(delete or ()))
    _check(named, new, gone)
    with lookup.looking() as store:
        runs = [store.get_run(run_id) for run_id in dict.fromkeys(lookup.run_id(store, text) for text in named)]
        if not new and not gone:
            return _listed(runs)
        for run in runs:
            notes.check_deletable(run.data.tags, gone, what=f"Run {run.info.run_id[:8]}")
        for run in runs:
            _change(store, run.info.run_id, new, gone)
    return _changed(runs, new, gone)


def _check(named: list[str], new: dict[str, str], gone: list[str]) -> None:
    if not named:
        raise UsageError("No run is named.", hint="`mlctl runs tag @last KEY=VALUE` tags the newest run.")
    both = [key for key in gone if key in new]
    if both:
        raise UsageError(f"The tag {both[0]!r} cannot be set and deleted at once.", hint="Leave one of the two out.")
    for key, value in new.items():
        _check_length(f"The value of tag {key!r}", value)


def _check_length(what: str, text: str) -> None:
    """See that nothing would be lost: the store cuts long tags, as MLflow does."""
    if len(text) > validation.TAG_LENGTH:
        raise InvalidValueError(f"{what} has {len(text)} characters; {validation.TAG_LENGTH} are allowed.", hint="Keep it as an artifact.")


def _change(store: TrackingStore, run_id: str, new: dict[str, str], gone: list[str]) -> None:
    if new:
        store.log_batch(run_id, tags=[RunTag(key, value) for key, value in new.items()])
    for key in gone:
        store.delete_tag(run_id, key)


def _listed(runs: list[Run]) -> render.Result:
    rows = [[run.info.run_id, key, value] for run in runs for key, value in sorted(run.data.tags.items())]
    columns = [render.Column("run_id", show=lambda text: text[:8], style="bold"), render.Column("key"), render.Column("value", rank=1)]
    data = [{"run_id": run.info.run_id, "tags": dict(sorted(run.data.tags.items()))} for run in runs]
    return render.Result(data, render.Table(columns, rows, empty="There are no tags."), ids=[run.info.run_id for run in runs])


def _changed(runs: list[Run], new: dict[str, str], gone: list[str]) -> render.Result:
    ids = [run.info.run_id for run in runs]
    data: list[dict[str, Any]] = [{"run_id": run_id, "set": new, "deleted": gone} for run_id in ids]
    done = "; ".join(filter(None, ("set " + ", ".join(new) if new else "", "deleted " + ", ".join(gone) if gone else "")))
    columns = [render.Column("run_id"), render.Column("result", rank=1)]
    return render.Result(data, render.Table(columns, [[run_id, done] for run_id in ids]), ids=ids)


@app.command("note")
def note(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, a unique prefix of it, @last or @last~1.")],
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="The new note; - reads it from standard input.")] = None,
    edit: Annotated[bool, typer.Option("--edit", "-e", help="Write it in $EDITOR.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the note.")] = False,
) -> render.Result:
    """Show a run's note, or write it."""
    request = notes.NoteRequest(text, edit, delete)
    request.check()
    with lookup.looking() as store:
        found = store.get_run(lookup.run_id(store, run))
        old = notes.note(found.data.tags)
        new = request.new_text(old)
        if new is not None and new != old:
            _write(store, found, new)
    return note_result({"run_id": found.info.run_id}, old, new)


def _write(store: TrackingStore, run: Run, text: str) -> None:
    if text:
        _check_length("The note", text)
        store.log_batch(run.info.run_id, tags=[RunTag(NOTE_TAG, text)])
        return
    for key in notes.NOTE_TAGS:
        if key in run.data.tags:
            store.delete_tag(run.info.run_id, key)


def note_result(whose: dict[str, str], old: str, new: str | None) -> render.Result:
    """What to show of a note that was asked for (``new`` is None) or written."""
    ids = list(whose.values())[:1]
    if new is None:
        return render.Result({**whose, "note": old}, text=old, ids=ids, notes=() if old else ("there is no note",))
    done = "unchanged" if new == old else "written" if new else "deleted"
    return render.Result({**whose, "note": new, "result": done}, ids=ids, notes=(f"the note is {done}",))
