"""How registered models and versions look to people: the tables, and the page of one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mlctl import render
from mlctl.commands import run_columns
from mlctl.errors import NotFoundError
from mlctl.tracking.registry import STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl.tracking.entities import Run
    from mlctl.tracking.registry import ModelVersion, RegisteredModel
    from mlctl.tracking.store import TrackingStore


def newest(model: RegisteredModel) -> str:
    """The highest version of a model; empty where it has none."""
    return max((item.version for item in model.latest_versions), key=int, default="")


def models_table(models: Sequence[RegisteredModel]) -> render.Table:
    """Registered models, with what is in use of each."""
    now = time.time() * 1000
    columns = [
        render.Column("name", style="bold"),
        render.Column("latest", right=True),
        render.Column("staging", right=True),
        render.Column("production", right=True),
        render.Column("aliases", rank=1),
        render.Column("updated", show=lambda ms: render.age(now - ms), rank=1, right=True),
        render.Column("description", rank=2),
    ]
    rows = [
        [
            model.name,
            newest(model) or None,
            _in_stage(model, "Staging"),
            _in_stage(model, "Production"),
            ", ".join(f"{alias}→{version}" for alias, version in sorted(model.aliases.items())) or None,
            model.last_updated_timestamp,
            _first_line(model.description),
        ]
        for model in models
    ]
    return render.Table(columns, rows, empty="There are no registered models here. `mlctl registry register` makes one.")


def versions_table(versions: Sequence[ModelVersion], *, with_names: bool) -> render.Table:
    """Versions, of one model or (``with_names``) of several."""
    now = time.time() * 1000
    columns = [
        *([render.Column("name", style="bold")] if with_names else []),
        render.Column("version", right=True),
        render.Column("stage"),
        render.Column("aliases", rank=1),
        render.Column("run_id", show=lambda text: text[:8], rank=1),
        render.Column("created", show=lambda ms: render.age(now - ms), rank=1, right=True),
        render.Column("user", rank=2),
        render.Column("source", rank=2),
        render.Column("description", rank=3),
    ]
    rows = [[*([item.name] if with_names else []), *_version_row(item)] for item in versions]
    return render.Table(columns, rows, empty="There are no versions.")


def _version_row(item: ModelVersion) -> list[Any]:
    return [
        item.version,
        item.current_stage,
        ", ".join(sorted(item.aliases)) or None,
        item.run_id or None,
        item.creation_timestamp,
        item.user_id,
        item.source,
        _first_line(item.description),
    ]


def model_page(model: RegisteredModel) -> str:
    """A registered model as text, without its versions."""
    used = [(stage, _in_stage(model, stage)) for stage in STAGES[1:]]
    stages = ", ".join(f"{stage} {version}" for stage, version in used if version)
    facts = {
        "model": model.name,
        "latest": newest(model),
        "stages": stages,
        "aliases": ", ".join(f"{alias} {version}" for alias, version in sorted(model.aliases.items())),
        **_times(model),
    }
    return "\n".join([*_lines(facts), *_described(model)])


def version_page(version: ModelVersion, run: Run | None) -> str:
    """A version as text, with what the run that made it logged and used."""
    facts = {
        "version": f"{version.name}/{version.version}",
        "stage": version.current_stage,
        "aliases": ", ".join(sorted(version.aliases)),
        "source": version.source,
        "logged model": version.model_id,
        **_run_facts(version, run),
        **_times(version),
        "by": version.user_id,
    }
    lines = [*_lines(facts), *_described(version)]
    if run is not None:
        lines += run_columns.section("params of the run", run.data.params)
        lines += run_columns.section("metrics of the run", {key: render.amount(value) for key, value in run.data.metrics.items()})
    return "\n".join(lines)


def run_of(store: TrackingStore, version: ModelVersion) -> Run | None:
    """The run that a version comes from, if it is known and still there."""
    if not version.run_id:
        return None
    try:
        return store.get_run(version.run_id)
    except NotFoundError:
        return None


def datasets(run: Run) -> list[str]:
    """The data that a run used, as text: name, digest, what for."""
    found = []
    for item in run.inputs.dataset_inputs:
        context = next((tag.value for tag in item.tags if tag.key == "mlflow.data.context"), "")
        found.append(f"{item.dataset.name} ({item.dataset.digest}){f' for {context}' if context else ''}")
    return found


def _run_facts(version: ModelVersion, run: Run | None) -> dict[str, str | None]:
    if run is None:
        return {"run": f"{version.run_id} (it is not there any more)" if version.run_id else None}
    return {
        "run": f"{run.info.run_id}  {run.info.run_name}",
        "commit": run.data.tags.get("mlflow.source.git.commit"),
        "data": ", ".join(datasets(run)),
    }


def _times(item: RegisteredModel | ModelVersion) -> dict[str, str | None]:
    created, updated = item.creation_timestamp, item.last_updated_timestamp
    return {
        "created": render.instant(created) if created else None,
        "updated": render.instant(updated) if updated and updated != created else None,
    }


def _lines(facts: dict[str, str | None]) -> list[str]:
    return [f"{name:<12} {value}" for name, value in facts.items() if value]


def _described(item: RegisteredModel | ModelVersion) -> list[str]:
    text = ["", item.description] if item.description else []
    return text + run_columns.section("tags", item.tags)


def _in_stage(model: RegisteredModel, stage: str) -> str | None:
    return next((item.version for item in model.latest_versions if item.current_stage == stage), None)


def _first_line(text: str | None) -> str | None:
    return text.strip().partition("\n")[0] if text and text.strip() else None


def data(item: RegisteredModel | ModelVersion) -> dict[str, Any]:
    """A registered model or version for JSON."""
    found = item.to_dictionary()
    if "latest_versions" in found:
        found["latest_versions"] = [data(version) for version in found["latest_versions"]]
    return found
