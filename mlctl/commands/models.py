"""``mlctl models``: list, show and download models; what predicts with them and compares them is in modules of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlctl import render
from mlctl.commands import lookup, model_pages, model_places
from mlctl.errors import UsageError
from mlctl.tracking.entities import ALL
from mlctl.tracking.logged_models import LoggedModel, ModelOrder

if TYPE_CHECKING:
    from mlctl.tracking.store import TrackingStore

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help=model_places.HELP)]
Experiments = Annotated[
    list[str] | None, typer.Option("--experiment", "--experiment-name", "--experiment-id", "-x", metavar="NAME", help="Only models of it.")
]
_PAGE = 100


@app.command("list")
def list_models(
    experiment: Experiments = None,
    run: Annotated[str, typer.Option("--run", "-r", metavar="RUN", help="Only models that this run has made.")] = "",
    filter_string: Annotated[str, typer.Option("--filter", "-f", metavar="TEXT", help="\"metrics.rmse < 1 AND params.depth = '5'\"")] = "",
    order_by: Annotated[
        list[str] | None, typer.Option("--order-by", metavar="KEY [DESC]", help="metrics.rmse, creation_timestamp DESC")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=50000, help="At most so many models.")] = 100,
) -> render.Result:
    """List logged models, the newest first; `mlctl registry list` lists the registered ones."""
    orders = [_order(text) for text in order_by or ()]
    with lookup.looking() as store:
        ids = lookup.experiment_ids(store, experiment or ())
        wanted = " AND ".join(filter(None, [filter_string, f"source_run_id = '{lookup.run_id(store, run)}'" if run else ""]))
        found, more = _search(store, ids, wanted, orders, limit)
        names = {item.experiment_id: item.name for item in store.search_experiments(view=ALL, max_results=50000)}
    notes = (f"there are more: --limit {limit} shows the first {len(found)}",) if more else ()
    return render.Result(
        [model_pages.data(item) for item in found],
        model_pages.table(found, experiments=names),
        ids=[item.model_id for item in found],
        notes=notes,
    )


def _search(
    store: TrackingStore, ids: list[str], filter_string: str, orders: list[ModelOrder], limit: int
) -> tuple[list[LoggedModel], bool]:
    """So many models at most, and whether there are more."""
    found: list[LoggedModel] = []
    token = None
    while True:
        size = min(_PAGE, limit - len(found))
        page = store.search_logged_models(ids, filter_string=filter_string, order_by=orders, max_results=size, page_token=token)
        found, token = [*found, *page], page.token
        if token is None or len(found) >= limit:
            return found, token is not None


def _order(text: str) -> ModelOrder:
    key, _, direction = text.strip().rpartition(" ") if " " in text.strip() else (text.strip(), "", "")
    if direction.upper() not in ("", "ASC", "DESC"):
        raise UsageError(f"--order-by {text!r}: {direction!r} is neither ASC nor DESC.", hint="As in --order-by 'metrics.rmse DESC'.")
    return ModelOrder(key, direction.upper() != "DESC")


@app.command("show")
def show(model: ModelArgument) -> render.Result:
    """Show a model: flavors, signature, requirements, size, what made it and what became of it."""
    with model_places.looking(model) as (place,):
        page = model_pages.page(place, model_places.mlmodel(place))
    return render.Result(page.data, page.signature, text=page.text, ids=[page.data["uri"]])


@app.command("download")
def download(
    model: ModelArgument,
    to: Annotated[str, typer.Option("--to", "-d", "--dst-path", metavar="FOLDER", help="Where to; a new folder here by default.")] = "",
) -> render.Result:
    """Copy a model's files into a folder of this machine: what is then in FOLDER is the model."""
    with model_places.looking(model) as (place,):
        model_places.mlmodel(place)
        target = model_places.copied(place, to or model_places.folder_name(place))
    data = {"uri": place.uri, "downloaded_to": str(target)}
    return render.Result(data, text=f"{place.uri} → {target}", ids=[str(target)])
