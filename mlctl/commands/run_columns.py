"""How runs look to people: the columns of the list, and the page of one run."""

from __future__ import annotations

import difflib
import time
from typing import TYPE_CHECKING, Any

from mlctl import render
from mlctl.errors import InvalidValueError
from mlctl.tracking.entities import SYSTEM_PREFIX, TERMINAL, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MOST_DEFAULT_COLUMNS = 24


def table(runs: Sequence[Run], asked: str | None, *, experiments: Mapping[str, str], lost: set[str]) -> render.Table:
    """Runs as a table of the asked columns, or of those that tell them apart.

    Raises:
        InvalidValueError: a column that no run has.
    """
    fixed = _fixed(experiments, lost)
    data = _data_columns(runs)
    if asked is None:
        several = len({run.info.experiment_id for run in runs}) > 1
        names = ["run_id", "name", *(["experiment"] if several else []), "status", "started", "duration", *data]
        names = [name for name in names if not name.startswith(("tags.", f"metrics.{SYSTEM_PREFIX}"))][:_MOST_DEFAULT_COLUMNS]
    elif asked == "all":
        names = [*fixed, *data]
    else:
        names = [name.strip() for name in asked.split(",") if name.strip()]
    known = {**fixed, **data}
    chosen = [_known(name, known) for name in names]
    rows = [[value(run) for _, value in chosen] for run in runs]
    return render.Table([column for column, _ in chosen], rows, empty="There are no runs here. `mlctl run .` makes one.")


def _fixed(experiments: Mapping[str, str], lost: set[str]) -> dict[str, tuple[render.Column, Callable[[Run], Any]]]:
    now = time.time() * 1000
    column = render.Column
    return {
        "run_id": (column("run_id", show=lambda text: text[:8], style="bold"), lambda run: run.info.run_id),
        "name": (column("name", rank=1), lambda run: run.info.run_name),
        "experiment": (column("experiment", rank=2), lambda run: experiments.get(run.info.experiment_id, run.info.experiment_id)),
        "status": (column("status", style="status"), lambda run: "LOST" if run.info.run_id in lost else run.info.status),
        "started": (column("started", show=lambda ms: render.age(now - ms), rank=1, right=True), lambda run: run.info.start_time),
        "duration": (column("duration", show=render.duration, rank=1, right=True), lambda run: duration_ms(run, now)),
        "ended": (column("ended", show=render.instant, rank=3), lambda run: run.info.end_time),
        "user": (column("user", rank=3), lambda run: run.info.user_id),
        "entry_point": (column("entry_point", rank=3), lambda run: run.data.tags.get("mlflow.project.entryPoint")),
        "source": (column("source", rank=3), lambda run: run.data.tags.get("mlflow.source.name")),
        "commit": (column("commit", show=lambda text: text[:8], rank=3), lambda run: run.data.tags.get("mlflow.source.git.commit")),
        "exit_code": (column("exit_code", rank=3, right=True), lambda run: run.data.tags.get("mlctl.exit_code")),
        "artifact_uri": (column("artifact_uri", rank=3), lambda run: run.info.artifact_uri),
    }


def _data_columns(runs: Sequence[Run]) -> dict[str, tuple[render.Column, Callable[[Run], Any]]]:
    found: dict[str, tuple[render.Column, Callable[[Run], Any]]] = {}
    for key in _keys(runs, "params"):
        found[f"params.{key}"] = (render.Column(key, rank=3, right=True), _reader("params", key))
    for key in _keys(runs, "metrics"):
        column = render.Column(key, show=render.amount, rank=2, right=True, style="cyan")
        found[f"metrics.{key}"] = (column, _reader("metrics", key))
    for key in _keys(runs, "tags"):
        found[f"tags.{key}"] = (render.Column(key, rank=3), _reader("tags", key))
    return found


def _reader(kind: str, key: str) -> Callable[[Run], Any]:
    return lambda run: getattr(run.data, kind).get(key)


def _keys(runs: Sequence[Run], kind: str) -> list[str]:
    seen: dict[str, None] = {}
    for run in runs:
        seen.update(dict.fromkeys(getattr(run.data, kind)))
    return list(seen)


def _known(name: str, known: Mapping[str, Any]) -> tuple[render.Column, Callable[[Run], Any]]:
    aliases = {"id": "run_id", "run_name": "name", "start_time": "started", "end_time": "ended", "age": "started"}
    for candidate in (name, aliases.get(name, ""), f"params.{name}", f"metrics.{name}"):
        if candidate in known:
            found: tuple[render.Column, Callable[[Run], Any]] = known[candidate]
            return found
    if name.startswith(("params.", "metrics.", "tags.")):  # a key that just these runs lack
        return render.Column(name.partition(".")[2], rank=2), lambda _: None
    close = difflib.get_close_matches(name, known, n=3)
    raise InvalidValueError(
        f"There is no column {name!r}.", hint=f"Close to it: {', '.join(close)}." if close else f"Columns: {', '.join(known)}."
    )


def duration_ms(run: Run, now: float) -> float | None:
    """How long a run took, or has taken until ``now`` (ms); None where its start is not known."""
    if not run.info.start_time:
        return None
    end = run.info.end_time if run.info.status in TERMINAL else None  # a run that goes on again has the end of its last time
    return (end or now) - run.info.start_time


def summary(run: Run, *, experiment: str, files: Sequence[Mapping[str, Any]], lost: bool) -> str:
    """One run as text: what it is, then its params, metrics, tags and files."""
    from mlctl.commands import notes

    info, tags = run.info, run.data.tags
    status = "LOST (no sign of life from the machine that runs it)" if lost else info.status
    reason = tags.get("mlctl.status.reason")
    length = duration_ms(run, time.time() * 1000)
    facts: dict[str, str | None] = {
        "run": f"{info.run_id}  {info.run_name}",
        "status": f"{status}: {reason}" if reason else status,
        "experiment": f"{experiment} ({info.experiment_id})",
        "started": f"{render.instant(info.start_time)} by {info.user_id or 'unknown'}" if info.start_time else None,
        "duration": render.duration(length) if length is not None else None,
        "source": tags.get("mlflow.source.name"),
        "commit": _commit(tags),
        "command": tags.get("mlctl.command"),
        "environment": " ".join(
            filter(None, [tags.get("mlflow.project.env", "system"), tags.get("mlctl.env.key"), tags.get("mlctl.python")])
        ),
        "lifecycle": info.lifecycle_stage if info.lifecycle_stage != "active" else None,
        "artifacts": info.artifact_uri,
    }
    lines = [f"{name:<12} {value}" for name, value in facts.items() if value]
    if notes.note(tags):
        lines += ["", notes.note(tags)]
    lines += section("params", run.data.params)
    metrics = {key: render.amount(value) for key, value in run.data.metrics.items()}
    lines += section("metrics", {key: text for key, text in metrics.items() if not key.startswith(SYSTEM_PREFIX)})
    lines += section("system metrics", {key[len(SYSTEM_PREFIX) :]: text for key, text in metrics.items() if key.startswith(SYSTEM_PREFIX)})
    lines += section(
        "tags", {key: value for key, value in tags.items() if not key.startswith(("mlflow.", "mlctl.")) and key not in notes.NOTE_TAGS}
    )
    lines += section("files", {str(file["path"]): render.size(file["file_size"]) for file in files})
    return "\n".join(lines)


def _commit(tags: Mapping[str, str]) -> str | None:
    commit = tags.get("mlflow.source.git.commit")
    return f"{commit} (with uncommitted changes)" if commit and tags.get("mlctl.git.dirty") == "true" else commit


def section(title: str, values: Mapping[str, str]) -> list[str]:
    """Keys and values below a title, after an empty line; nothing where there are none."""
    if not values:
        return []
    from mlctl.commands import run_values

    width = min(40, max(map(render.width, values)))
    return ["", title, *(f"  {key}{' ' * (width - render.width(key))}  {run_values.shown(value)}" for key, value in sorted(values.items()))]
