"""Conditions on a version of a registered model, in the language of ``runs check``.

They are asked of the run that made the version. A metric that was logged for the version's own logged model stands in for the run's,
which may have made several models. ``baseline`` is the same metric of the version that is to be replaced.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from mlctl.commands import registry_pages, run_conditions
from mlctl.errors import NotFoundError
from mlctl.tracking.entities import Run, RunData, RunInfo

if TYPE_CHECKING:
    from mlctl.tracking.registry import ModelVersion
    from mlctl.tracking.store import TrackingStore

_NO_RUN = Run(RunInfo("", "", "", "FINISHED", 0, None), RunData())


def checker(store: TrackingStore, version: ModelVersion, present: ModelVersion | None) -> run_conditions.Checker:
    """A checker of conditions on a version. Without a ``present`` one, comparisons with ``baseline`` are left out of them.

    Raises:
        NotFoundError: nothing is known of where the version comes from.
    """
    run, measured = _subject(store, version)
    if run is _NO_RUN and not measured:
        raise NotFoundError(
            f"{version.name}/{version.version} comes from no run that is there: there is nothing to check.",
            hint="A version that is registered from runs:/RUN/PATH or models:/m-ID has one.",
        )
    baseline = _overlaid(*_subject(store, present)) if present else None
    return run_conditions.Checker(store, _overlaid(run, measured), baseline, leave_out=True, replaced=frozenset(measured))


def _overlaid(run: Run, measured: dict[str, float]) -> Run:
    return dataclasses.replace(run, data=dataclasses.replace(run.data, metrics={**run.data.metrics, **measured}))


def _subject(store: TrackingStore, version: ModelVersion) -> tuple[Run, dict[str, float]]:
    """A version's run, and the last values of metrics that were logged for its logged model."""
    run = registry_pages.run_of(store, version) or _NO_RUN
    model_id = version.model_id or _model_of(version.source or "")
    return run, _measured(store, model_id) if model_id else {}


def _model_of(source: str) -> str:
    """The logged model of a source; MLflow's server tells a version's only so."""
    return source[len("models:/") :].partition("/")[0] if source.startswith("models:/m-") else ""


def _measured(store: TrackingStore, model_id: str) -> dict[str, float]:
    try:
        points = store.get_logged_model(model_id).metrics or []
    except NotFoundError:
        return {}
    return {point.key: point.value for point in sorted(points, key=lambda point: (point.timestamp, point.step))}
