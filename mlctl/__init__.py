"""Run MLproject files and track what they log.

``import mlctl`` costs next to nothing: the functions below, and modules such as ``mlctl.tracking``, are imported when they are first
used.
"""

from typing import TYPE_CHECKING, Any, Dict

from mlctl.version import __version__

if TYPE_CHECKING:
    from mlctl.autologging.libraries import autolog as autolog
    from mlctl.submitted import run as run
    from mlctl.tracking.client import Client as Client
    from mlctl.tracking.client import MLflowClient as MLflowClient
    from mlctl.tracking.client import MlflowClient as MlflowClient
    from mlctl.tracking.fluent import ActiveRun as ActiveRun
    from mlctl.tracking.fluent import active_run as active_run
    from mlctl.tracking.fluent import end_run as end_run
    from mlctl.tracking.fluent import log_metric as log_metric
    from mlctl.tracking.fluent import log_metrics as log_metrics
    from mlctl.tracking.fluent import log_param as log_param
    from mlctl.tracking.fluent import log_params as log_params
    from mlctl.tracking.fluent import set_tag as set_tag
    from mlctl.tracking.fluent import set_tags as set_tags
    from mlctl.tracking.fluent import start_run as start_run
    from mlctl.tracking.images import Image as Image
    from mlctl.tracking.run_files import get_artifact_uri as get_artifact_uri
    from mlctl.tracking.run_files import load_table as load_table
    from mlctl.tracking.run_files import log_artifact as log_artifact
    from mlctl.tracking.run_files import log_artifacts as log_artifacts
    from mlctl.tracking.run_files import log_dict as log_dict
    from mlctl.tracking.run_files import log_figure as log_figure
    from mlctl.tracking.run_files import log_image as log_image
    from mlctl.tracking.run_files import log_stream as log_stream
    from mlctl.tracking.run_files import log_table as log_table
    from mlctl.tracking.run_files import log_text as log_text
    from mlctl.tracking.system_monitor import disable_system_metrics_logging as disable_system_metrics_logging
    from mlctl.tracking.system_monitor import enable_system_metrics_logging as enable_system_metrics_logging
    from mlctl.tracking.system_monitor import set_system_metrics_node_id as set_system_metrics_node_id
    from mlctl.tracking.system_monitor import set_system_metrics_samples_before_logging as set_system_metrics_samples_before_logging
    from mlctl.tracking.system_monitor import set_system_metrics_sampling_interval as set_system_metrics_sampling_interval

_CLIENT = "mlctl.tracking.client"
_FLUENT = "mlctl.tracking.fluent"
_FILES = "mlctl.tracking.run_files"
_SYSTEM = "mlctl.tracking.system_monitor"

_NAMES: "Dict[str, str]" = {
    "ActiveRun": _FLUENT,
    "active_run": _FLUENT,
    "end_run": _FLUENT,
    "log_metric": _FLUENT,
    "log_metrics": _FLUENT,
    "log_param": _FLUENT,
    "log_params": _FLUENT,
    "set_tag": _FLUENT,
    "set_tags": _FLUENT,
    "start_run": _FLUENT,
    "Client": _CLIENT,
    "MLflowClient": _CLIENT,
    "MlflowClient": _CLIENT,
    "Image": "mlctl.tracking.images",
    "log_artifact": _FILES,
    "log_table": _FILES,
    "log_image": _FILES,
    "load_table": _FILES,
    "get_artifact_uri": _FILES,
    "log_artifacts": _FILES,
    "log_dict": _FILES,
    "log_figure": _FILES,
    "log_stream": _FILES,
    "log_text": _FILES,
    # system metrics
    "disable_system_metrics_logging": _SYSTEM,
    "enable_system_metrics_logging": _SYSTEM,
    "set_system_metrics_node_id": _SYSTEM,
    "set_system_metrics_samples_before_logging": _SYSTEM,
    "set_system_metrics_sampling_interval": _SYSTEM,
    # projects
    "run": "mlctl.submitted",
    # autologging
    "autolog": "mlctl.autologging.libraries",
}
"""Where each name is; its module is imported when the name is first used."""

__all__ = ["__version__", *_NAMES]  # noqa: PLE0604 -- the table holds texts


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _NAMES:
        found = globals()[name] = getattr(import_module(_NAMES[name]), name)
        return found
    if not name.startswith("_"):
        try:
            return import_module(f"{__name__}.{name}")  # `import mlctl` makes mlctl.tracking usable too
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> "list[str]":
    return sorted(__all__)
