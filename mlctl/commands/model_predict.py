"""``mlctl models predict``: predictions for a file of rows."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from mlctl import predictions, render, settings
from mlctl.commands import model_places
from mlctl.errors import UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False)

KINDS = ("csv", "json", "jsonl", "parquet")
_ENDINGS = {"ndjson": "jsonl", "pq": "parquet"}
_STANDARD = "-"
_CHUNK_ROWS = 50_000


@app.command("predict")
def predict(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="[MODEL]", help=model_places.HELP)] = "",
    model_uri: Annotated[str, typer.Option("--model-uri", "-m", metavar="MODEL", help="The same, as an option.")] = "",
    source: Annotated[
        str, typer.Option("--input-path", "-i", metavar="FILE", help="Rows to predict for; standard input by default.")
    ] = _STANDARD,
    target: Annotated[str, typer.Option("--output-path", "-o", metavar="FILE", help="Where to; standard output by default.")] = _STANDARD,
    kind: Annotated[
        str,
        typer.Option("--content-type", "-t", metavar="KIND", help=f"{', '.join(KINDS)}; by default what the file's name says, or json."),
    ] = "",
    target_kind: Annotated[str, typer.Option("--output-type", metavar="KIND", help="The same for what is written.")] = "",
    params: Annotated[
        list[str] | None, typer.Option("--param", "-P", metavar="NAME=VALUE", help="A param of the prediction; values are JSON, or text.")
    ] = None,
    env_manager: Annotated[
        str, typer.Option("--env-manager", metavar="KIND", help="As for `mlctl run`; `local` is this machine's own Python.")
    ] = "virtualenv",
    without_mlflow: Annotated[
        bool | None, typer.Option("--without-mlflow/--with-mlflow", help="Whether mlflow is left out; by default where it is not needed.")
    ] = None,
    env: Annotated[list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="A variable for the model; repeatable.")] = None,
    chunk_rows: Annotated[
        int, typer.Option("--chunk-rows", min=0, metavar="N", help="Predict so many rows at a time; 0: all at once.")
    ] = _CHUNK_ROWS,
) -> render.Result | None:
    """Predict for the rows of a file with a model, in the environment that the model names.

    CSV, Parquet and lines of JSON are read in chunks and may be larger than memory. JSON is a request as MLflow's servers take it
    (dataframe_split, dataframe_records, inputs, instances; with params), a list of rows, or what pandas calls "split".
    """
    text = _named(model, model_uri)
    request = predictions.Request(
        _existing(source),
        _kind(kind, source, "--content-type"),
        target,
        _kind(target_kind, target, "--output-type"),
        _params(params or ()),
        chunk_rows,
    )
    own = dict(_pair(item, "--env") for item in env or ())
    view = ctx.find_root().obj
    with model_places.looking(text) as (place,):
        mlmodel = model_places.mlmodel(place)
        with model_places.at_hand(place) as folder:
            without = _without_mlflow(folder, mlmodel, env_manager) if without_mlflow is None else without_mlflow
            prepared = predictions.environment(folder, env_manager=env_manager, without_mlflow=without, tell=render.tell)
            if target == _STANDARD and view.output == "json":
                return _in_envelope(place.uri, folder, request, prepared=prepared, variables=own)
            started = time.monotonic()
            rows = predictions.predict(folder, request, prepared=prepared, variables=own)
    if target == _STANDARD:
        return None
    seconds = time.monotonic() - started
    data = {"model": place.uri, "rows": rows, "output_path": target, "seconds": round(seconds, 3)}
    return render.Result(data, text=f"{rows:,} rows → {target} ({render.duration(seconds * 1000)})", ids=[target])


def _in_envelope(uri: str, folder: Path, request: predictions.Request, **how: Any) -> render.Result:
    """The predictions as a part of mlctl's own JSON."""
    with tempfile.TemporaryDirectory(prefix="mlctl-predict-") as scratch:
        file = Path(scratch, "predictions.json")
        rows = predictions.predict(
            folder, predictions.Request(request.source, request.kind, str(file), "json", request.params, request.chunk_rows), **how
        )
        found = json.loads(file.read_text("utf-8"))
    return render.Result({"model": uri, "rows": rows, **found})


def _without_mlflow(folder: Path, mlmodel: dict[str, Any], env_manager: str) -> bool:
    """Whether mlflow is left out where the user does not say it; of this machine's own environment nothing can be."""
    if env_manager in ("local", "system"):
        return False
    return predictions.needs_no_mlflow(folder, mlmodel) or bool(settings.value("without_mlflow"))


def _named(model: str, model_uri: str) -> str:
    if bool(model) == bool(model_uri):
        raise UsageError("Name one model.", hint="`mlctl models predict MODEL --input-path FILE`; --model-uri is the same as MODEL.")
    return model or model_uri


def _existing(source: str) -> str:
    if source != _STANDARD and not Path(source).is_file():
        raise UsageError(f"There is no file {source!r} to predict for.", hint="--input-path names a CSV, JSON or Parquet file.")
    return source


def _kind(given: str, path: str, option: str) -> str:
    """The format that is asked for, or that a file's name tells."""
    ending = Path(path).suffix.removeprefix(".").lower()
    found = given or _ENDINGS.get(ending, ending)
    if not given and found not in KINDS:
        return "json"
    if found not in KINDS:
        raise UsageError(f"{option} {given!r} is not known.", hint=f"One of: {', '.join(KINDS)}.")
    return found


def _params(given: Any) -> dict[str, Any]:
    return {name: _value(text) for name, text in (_pair(item, "--param") for item in given)}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"{option} {text!r} is not NAME=VALUE.")
    return name, value
