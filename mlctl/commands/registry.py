"""``mlctl registry``: registered models and their versions; look at them, register new ones, see what happened."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Annotated, Any

import typer

from mlctl import render
from mlctl.commands import lookup, notes, registry_names, registry_pages
from mlctl.commands.registry_names import EitherArgument
from mlctl.errors import ExistsError, NotFoundError
from mlctl.tracking import registry
from mlctl.tracking.registry import ModelSource, ModelVersion, RegisteredModel, RegistryEvent
from mlctl.tracking.store import TrackingStore

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

_MODELS_A_PAGE = registry.MODELS_A_PAGE
_VERSIONS_A_PAGE = 10_000


@app.command("list")
def list_models(
    filter_string: Annotated[str, typer.Option("--filter", "-f", metavar="TEXT", help="\"name LIKE 'wine%' AND tags.team = 'x'\"")] = "",
    order_by: Annotated[
        list[str] | None, typer.Option("--order-by", metavar="KEY [DESC]", help="name, last_updated_timestamp DESC")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 1000,
    versions: Annotated[bool, typer.Option("--versions", help="List versions, of all models that the filter leaves.")] = False,
) -> render.Result:
    """List registered models, by name; with --versions their versions, the last changed ones first."""
    with lookup.looking() as store:
        if versions:
            found = _all_versions(store, filter_string, order_by or (), limit)
            return _versions(found)
        models = _all_models(store, filter_string, order_by or (), limit)
    return render.Result(
        [registry_pages.data(item) for item in models], registry_pages.models_table(models), ids=[item.name for item in models]
    )


def _all_models(store: TrackingStore, filter_string: str, order_by: Any, limit: int) -> list[RegisteredModel]:
    found: list[RegisteredModel] = []
    token = None
    while True:
        size = min(_MODELS_A_PAGE, limit - len(found))
        page = store.search_registered_models(filter_string=filter_string, order_by=order_by, max_results=size, page_token=token)
        found, token = [*found, *page], page.token
        if not token or len(found) >= limit:
            return found


def _all_versions(store: TrackingStore, filter_string: str, order_by: Any, limit: int) -> list[ModelVersion]:
    found: list[ModelVersion] = []
    token = None
    while True:
        size = min(_VERSIONS_A_PAGE, limit - len(found))
        page = store.search_model_versions(filter_string=filter_string, order_by=order_by, max_results=size, page_token=token)
        found, token = [*found, *page], page.token
        if not token or len(found) >= limit:
            return found


def _versions(found: list[ModelVersion]) -> render.Result:
    table = registry_pages.versions_table(found, with_names=True)
    return render.Result([registry_pages.data(item) for item in found], table, ids=[registry_names.shown(item) for item in found])


@app.command("show")
def show(
    model: EitherArgument, limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many versions.")] = 20
) -> render.Result:
    """Show a registered model with its versions, the newest first; or a version, with what made it."""
    with lookup.looking() as store:
        named = registry_names.parse(store, model)
        if named.is_version:
            return _version_page(store, registry_names.resolved(store, named))
        return _model_page(store, store.get_registered_model(named.name), limit)


def _model_page(store: TrackingStore, found: RegisteredModel, limit: int) -> render.Result:
    versions = _versions_of(store, found, limit + 1)
    told = (f"there are more than these {limit} versions: --limit N shows N of them",) if len(versions) > limit else ()
    versions = [_with_aliases(item, found) for item in versions[:limit]]
    data = {**registry_pages.data(found), "versions": [registry_pages.data(item) for item in versions]}
    table = registry_pages.versions_table(versions, with_names=False)
    return render.Result(data, table, text=registry_pages.model_page(found) + "\n", ids=[found.name], notes=told)


def _versions_of(store: TrackingStore, model: RegisteredModel, limit: int) -> list[ModelVersion]:
    """Versions of a model, the newest first; only the latest ones of one whose name has both kinds of quotes: filters cannot ask for it."""
    quote = '"' if "'" in model.name else "'"
    if quote in model.name:
        return sorted(model.latest_versions, key=lambda item: -int(item.version))
    return _all_versions(store, f"name = {quote}{model.name}{quote}", ["version_number DESC"], limit)


def _with_aliases(version: ModelVersion, model: RegisteredModel) -> ModelVersion:
    """A version with its aliases, which searches of MLflow's server leave out."""
    return dataclasses.replace(version, aliases=[alias for alias, number in sorted(model.aliases.items()) if number == version.version])


def _version_page(store: TrackingStore, found: ModelVersion) -> render.Result:
    run = registry_pages.run_of(store, found)
    data: dict[str, Any] = {**registry_pages.data(found), "location": store.model_version_location(found.name, found.version)}
    if run is not None:
        data["run"] = {
            "run_id": run.info.run_id,
            "run_name": run.info.run_name,
            "params": run.data.params,
            "metrics": run.data.metrics,
            "datasets": [item.dataset.to_dictionary() for item in run.inputs.dataset_inputs],
        }
    return render.Result(data, text=registry_pages.version_page(found, run), ids=[registry_names.shown(found)])


@app.command("register")
def register(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="runs:/RUN/PATH (@last is a run, too), models:/m-…, or an address.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model's name; it is made if need be.")],
    tags: Annotated[list[str] | None, typer.Option("--tag", "-t", metavar="KEY=VALUE", help="A tag of the version; repeatable.")] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="A description of the version.")] = None,
    aliases: Annotated[list[str] | None, typer.Option("--alias", "-a", metavar="ALIAS", help="Point an alias to it; repeatable.")] = None,
) -> render.Result:
    """Register a model: make the next version of NAME from it."""
    registry.model_name(name)
    checked = notes.assignments(tags or ())
    for alias in aliases or ():
        registry.alias(alias)
    with lookup.looking() as store:
        given = _source(store, source)
        with contextlib.suppress(ExistsError):
            store.create_registered_model(name)
        made = store.create_model_version(name, given, tags=list(checked.items()), description=description)
        for alias in aliases or ():
            store.set_registered_model_alias(name, alias, made.version)
        found = store.get_model_version(name, made.version)
    table = render.Table([render.Column(key) for key in ("name", "version", "source")], [[name, found.version, found.source]])
    return render.Result({**registry_pages.data(found), "result": "registered"}, table, ids=[registry_names.shown(found)])


def _source(store: TrackingStore, text: str) -> ModelSource:
    """Where the version comes from; of a run's address, the run may be written as elsewhere, and there must be something at its path.

    Raises:
        NotFoundError: there is no such run, or it has no such model.
    """
    from mlctl.tracking import fluent_registry

    if text[:5].lower() != "runs:":
        return fluent_registry.source_of(store, text)
    run, _, path = text[5:].lstrip("/").partition("/")
    run_id = lookup.run_id(store, run)
    found = fluent_registry.source_of(store, f"runs:/{run_id}/{path}")
    if not found.model_id and not _has_files(store, run_id, path):
        raise NotFoundError(f"Run {run_id[:8]} has no model {path!r}.", hint=_models_of(store, run_id))
    return found


def _has_files(store: TrackingStore, run_id: str, path: str) -> bool:
    files = store.artifacts(store.get_run(run_id).info)
    return bool(files.list(path)) or any(item.path == path for item in files.list(path.rpartition("/")[0]))


def _models_of(store: TrackingStore, run_id: str) -> str:
    run = store.get_run(run_id)
    condition = f"source_run_id = '{run_id}'"
    names = [item.name for item in store.search_logged_models([run.info.experiment_id], filter_string=condition, max_results=20)]
    if not names:
        return f"It has made none. Its files: mlctl artifacts list {run_id[:8]}"
    return f"It has made: {', '.join(dict.fromkeys(names))}. Its files: mlctl artifacts list {run_id[:8]}"


@app.command("history")
def history(
    model: EitherArgument,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="The last N events only.")] = None,
) -> render.Result:
    """Show what has happened to a model, or to one version: what, when and by whom, the newest last."""
    with lookup.looking() as store:
        named = registry_names.parse(store, model)
        number = registry_names.resolved(store, named).version if named.is_version and not named.version else named.version
        events = store.registry_history(named.name)
    shown = [event for event in events if not number or event.version == number]
    shown = shown[-limit:] if limit else shown
    table = render.Table(_EVENT_COLUMNS, [_event_row(event) for event in shown], empty="Nothing has happened yet.")
    return render.Result([event.to_dictionary() for event in shown], table, ids=[named.name])


_EVENT_COLUMNS = [
    render.Column("time", show=render.instant),
    render.Column("user", rank=1),
    render.Column("version", right=True),
    render.Column("action"),
    render.Column("before", rank=1, head="FROM"),
    render.Column("after", rank=1, head="TO"),
]


def _event_row(event: RegistryEvent) -> list[Any]:
    return [event.timestamp, event.user_id or None, event.version, event.action, event.before or None, event.after or None]
