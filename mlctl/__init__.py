"""Run MLproject files and track what they log.

``import mlctl`` costs next to nothing: the functions below are imported when they are first used.
"""

from typing import TYPE_CHECKING, Any

from mlctl.version import __version__

if TYPE_CHECKING:
    from mlctl.tracking.fluent import (
        ActiveRun,
        active_run,
        end_run,
        log_artifact,
        log_artifacts,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        set_tag,
        set_tags,
        start_run,
    )

__all__ = [
    "ActiveRun",
    "__version__",
    "active_run",
    "end_run",
    "log_artifact",
    "log_artifacts",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "set_tag",
    "set_tags",
    "start_run",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mlctl.tracking import fluent

    return getattr(fluent, name)


def __dir__() -> "list[str]":
    return sorted(__all__)
