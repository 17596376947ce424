"""``mlctl registry alias``, ``tag``, ``describe`` and ``delete``: what is changed of registered models and versions."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mlctl import render
from mlctl.commands import lookup, notes, registry_names, registry_pages
from mlctl.commands.notes import NoteRequest
from mlctl.commands.registry_names import EitherArgument, Named
from mlctl.errors import NotFoundError, UsageError
from mlctl.tracking import registry
from mlctl.tracking.registry import SERVING, ModelVersion, RegisteredModel
from mlctl.tracking.store import TrackingStore

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_KEYS = "A tag to delete; repeatable."


def _found(store: TrackingStore, named: Named) -> RegisteredModel | ModelVersion:
    return registry_names.resolved(store, named) if named.is_version else store.get_registered_model(named.name)


def _shown(item: RegisteredModel | ModelVersion) -> str:
    return registry_names.shown(item) if isinstance(item, ModelVersion) else item.name


# ── aliases ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command("alias")
def alias(
    model: EitherArgument,
    aliases: Annotated[list[str] | None, typer.Argument(metavar="[ALIAS…]", help="Aliases to point to the version.")] = None,
    delete: Annotated[list[str] | None, typer.Option("--delete", "-d", metavar="ALIAS", help="An alias to remove; repeatable.")] = None,
) -> render.Result:
    """Point aliases to a version, from wherever they point; remove some; without any, show the aliases of a model."""
    new, gone = list(dict.fromkeys(aliases or ())), list(dict.fromkeys(delete or ()))
    for each in new:
        registry.alias(each)
    if set(new) & set(gone):
        raise UsageError(f"The alias {min(set(new) & set(gone))!r} cannot be set and removed at once.", hint="Leave one of the two out.")
    with lookup.looking() as store:
        named = registry_names.parse(store, model)
        version = registry_names.version(store, model) if new else None
        _check_aliases(store.get_registered_model(named.name), gone)
        for each in new:
            store.set_registered_model_alias(named.name, each, version.version if version else "")
        for each in gone:
            store.delete_registered_model_alias(named.name, each)
        found = dict(sorted(store.get_registered_model(named.name).aliases.items()))
    data = {"name": named.name, "aliases": found, "set": new, "deleted": gone}
    columns = [render.Column("alias"), render.Column("version", right=True)]
    return render.Result(data, render.Table(columns, [list(item) for item in found.items()], "There are no aliases."), ids=list(found))


def _check_aliases(model: RegisteredModel, gone: list[str]) -> None:
    missing = next((each for each in gone if each not in model.aliases), None)
    if missing is not None:
        known = ", ".join(sorted(model.aliases))
        raise NotFoundError(f"The registered model {model.name!r} has no alias {missing!r}.", hint=f"It has: {known or 'none'}.")


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command("tag")
def tag(
    model: EitherArgument,
    words: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE…]", help="Tags to set.")] = None,
    delete: Annotated[list[str] | None, typer.Option("--delete", "-d", metavar="KEY", help=_KEYS)] = None,
) -> render.Result:
    """Set and delete tags of a model or a version; without any, show those that it has."""
    new, gone = notes.assignments(words or ()), list(dict.fromkeys(delete or ()))
    both = next((key for key in gone if key in new), None)
    if both is not None:
        raise UsageError(f"The tag {both!r} cannot be set and deleted at once.", hint="Leave one of the two out.")
    for key, value in new.items():
        registry.tag(key, value)
    with lookup.looking() as store:
        item = _found(store, registry_names.parse(store, model))
        notes.check_deletable(item.tags, gone, what=_shown(item))
        _change_tags(store, item, new, gone)
        tags = {key: value for key, value in {**item.tags, **new}.items() if key not in gone}
    data = {**_whose(item), "tags": dict(sorted(tags.items())), "set": new, "deleted": gone}
    columns = [render.Column("key"), render.Column("value", rank=1)]
    rows = [list(each) for each in sorted(tags.items())]
    return render.Result(data, render.Table(columns, rows, "There are no tags."), ids=[_shown(item)])


def _change_tags(store: TrackingStore, item: RegisteredModel | ModelVersion, new: dict[str, str], gone: list[str]) -> None:
    for key, value in new.items():
        if isinstance(item, ModelVersion):
            store.set_model_version_tag(item.name, item.version, key, value)
        else:
            store.set_registered_model_tag(item.name, key, value)
    for key in gone:
        if isinstance(item, ModelVersion):
            store.delete_model_version_tag(item.name, item.version, key)
        else:
            store.delete_registered_model_tag(item.name, key)


def _whose(item: RegisteredModel | ModelVersion) -> dict[str, Any]:
    return {"name": item.name, **({"version": item.version} if isinstance(item, ModelVersion) else {})}


# ── descriptions ─────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command("describe")
def describe(
    model: EitherArgument,
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="The description; - reads it from standard input.")] = None,
    edit: Annotated[bool, typer.Option("--edit", "-e", help="Write it in $EDITOR.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the description.")] = False,
) -> render.Result:
    """Show the description of a model or a version, or write it."""
    request = NoteRequest(text, edit, delete)
    request.check()
    with lookup.looking() as store:
        item = _found(store, registry_names.parse(store, model))
        old = item.description or ""
        new = request.new_text(old)
        if new is not None and new != old:
            _write(store, item, new)
    return _description(item, old, new)


def _write(store: TrackingStore, item: RegisteredModel | ModelVersion, text: str) -> None:
    if isinstance(item, ModelVersion):
        store.update_model_version(item.name, item.version, text)
    else:
        store.update_registered_model(item.name, text)


def _description(item: RegisteredModel | ModelVersion, old: str, new: str | None) -> render.Result:
    data, ids = {**_whose(item), "description": old if new is None else new}, [_shown(item)]
    if new is None:
        return render.Result(data, text=old, ids=ids, notes=() if old else ("there is no description",))
    done = "unchanged" if new == old else "written" if new else "deleted"
    return render.Result({**data, "result": done}, ids=ids, notes=(f"the description is {done}",))


# ── deleting ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command("delete")
def delete(
    model: EitherArgument,
    force: Annotated[bool, typer.Option("--force", help="Also one that is in Staging or Production, or has an alias.")] = False,
) -> render.Result:
    """Delete a version, whose number is not given again, or a model with all its versions and its history, for good.

    The files and the run that a version came from stay where they are.
    """
    with lookup.looking() as store:
        item = _found(store, registry_names.parse(store, model))
        if not force:
            _check_unused(item)
        if isinstance(item, ModelVersion):
            store.delete_model_version(item.name, item.version)
        else:
            store.delete_registered_model(item.name)
    table = render.Table([render.Column("model"), render.Column("result")], [[_shown(item), "deleted"]])
    return render.Result({**registry_pages.data(item), "result": "deleted"}, table, ids=[_shown(item)])


def _check_unused(item: RegisteredModel | ModelVersion) -> None:
    versions = [item] if isinstance(item, ModelVersion) else item.latest_versions
    uses = [f"version {each.version} is in {each.current_stage}" for each in versions if each.current_stage in SERVING]
    if isinstance(item, ModelVersion):
        uses += [f"the alias {each!r} points to it" for each in sorted(item.aliases)]
    else:
        uses += [f"the alias {each!r} points to version {version}" for each, version in sorted(item.aliases.items())]
    if uses:
        raise UsageError(f"{_shown(item)} is in use: {', '.join(uses)}.", hint="--force deletes it all the same.")
