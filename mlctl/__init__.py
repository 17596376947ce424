"""Run MLproject files and track what they log.

``import mlctl`` costs next to nothing: the functions below, and modules such as ``mlctl.tracking``, are imported when they are first
used.
"""

from typing import TYPE_CHECKING, Any, Dict

from mlctl.version import __version__

if TYPE_CHECKING:
    from mlctl.autologging.libraries import autolog as autolog
    from mlctl.datasets.datasets import log_input as log_input
    from mlctl.datasets.datasets import log_inputs as log_inputs
    from mlctl.errors import MlflowException as MlflowException
    from mlctl.files.images import Image as Image
    from mlctl.models.external import create_external_model as create_external_model
    from mlctl.submitted import run as run
    from mlctl.system_metrics.monitor import disable_system_metrics_logging as disable_system_metrics_logging
    from mlctl.system_metrics.monitor import enable_system_metrics_logging as enable_system_metrics_logging
    from mlctl.system_metrics.monitor import set_system_metrics_node_id as set_system_metrics_node_id
    from mlctl.system_metrics.monitor import set_system_metrics_samples_before_logging as set_system_metrics_samples_before_logging
    from mlctl.system_metrics.monitor import set_system_metrics_sampling_interval as set_system_metrics_sampling_interval
    from mlctl.tracking.client import Client as Client
    from mlctl.tracking.client import MLflowClient as MLflowClient
    from mlctl.tracking.client import MlflowClient as MlflowClient
    from mlctl.tracking.current import get_tracking_uri as get_tracking_uri
    from mlctl.tracking.current import is_tracking_uri_set as is_tracking_uri_set
    from mlctl.tracking.current import set_tracking_uri as set_tracking_uri
    from mlctl.tracking.fluent import ActiveRun as ActiveRun
    from mlctl.tracking.fluent import active_run as active_run
    from mlctl.tracking.fluent import end_run as end_run
    from mlctl.tracking.fluent import last_active_run as last_active_run
    from mlctl.tracking.fluent import start_run as start_run
    from mlctl.tracking.fluent_experiments import create_experiment as create_experiment
    from mlctl.tracking.fluent_experiments import delete_experiment as delete_experiment
    from mlctl.tracking.fluent_experiments import delete_experiment_tag as delete_experiment_tag
    from mlctl.tracking.fluent_experiments import get_experiment as get_experiment
    from mlctl.tracking.fluent_experiments import get_experiment_by_name as get_experiment_by_name
    from mlctl.tracking.fluent_experiments import restore_experiment as restore_experiment
    from mlctl.tracking.fluent_experiments import set_experiment as set_experiment
    from mlctl.tracking.fluent_experiments import set_experiment_tag as set_experiment_tag
    from mlctl.tracking.fluent_experiments import set_experiment_tags as set_experiment_tags
    from mlctl.tracking.fluent_finding import delete_run as delete_run
    from mlctl.tracking.fluent_finding import get_parent_run as get_parent_run
    from mlctl.tracking.fluent_finding import get_run as get_run
    from mlctl.tracking.fluent_finding import restore_run as restore_run
    from mlctl.tracking.fluent_finding import search_experiments as search_experiments
    from mlctl.tracking.fluent_finding import search_runs as search_runs
    from mlctl.tracking.fluent_logging import delete_tag as delete_tag
    from mlctl.tracking.fluent_logging import flush_artifact_async_logging as flush_artifact_async_logging
    from mlctl.tracking.fluent_logging import flush_async_logging as flush_async_logging
    from mlctl.tracking.fluent_logging import log_metric as log_metric
    from mlctl.tracking.fluent_logging import log_metrics as log_metrics
    from mlctl.tracking.fluent_logging import log_outputs as log_outputs
    from mlctl.tracking.fluent_logging import log_param as log_param
    from mlctl.tracking.fluent_logging import log_params as log_params
    from mlctl.tracking.fluent_logging import set_tag as set_tag
    from mlctl.tracking.fluent_logging import set_tags as set_tags
    from mlctl.tracking.fluent_models import delete_logged_model as delete_logged_model
    from mlctl.tracking.fluent_models import delete_logged_model_tag as delete_logged_model_tag
    from mlctl.tracking.fluent_models import finalize_logged_model as finalize_logged_model
    from mlctl.tracking.fluent_models import get_logged_model as get_logged_model
    from mlctl.tracking.fluent_models import initialize_logged_model as initialize_logged_model
    from mlctl.tracking.fluent_models import last_logged_model as last_logged_model
    from mlctl.tracking.fluent_models import log_model_params as log_model_params
    from mlctl.tracking.fluent_models import search_logged_models as search_logged_models
    from mlctl.tracking.fluent_models import set_logged_model_tags as set_logged_model_tags
    from mlctl.tracking.fluent_registry import register_model as register_model
    from mlctl.tracking.fluent_registry import search_model_versions as search_model_versions
    from mlctl.tracking.fluent_registry import search_registered_models as search_registered_models
    from mlctl.tracking.fluent_registry import set_model_version_tag as set_model_version_tag
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

_CLIENT = "mlctl.tracking.client"
_CURRENT = "mlctl.tracking.current"
_FLUENT = "mlctl.tracking.fluent"
_EXPERIMENTS = "mlctl.tracking.fluent_experiments"
_FINDING = "mlctl.tracking.fluent_finding"
_LOGGING = "mlctl.tracking.fluent_logging"
_FILES = "mlctl.tracking.run_files"
_MODELS = "mlctl.tracking.fluent_models"
_REGISTRY = "mlctl.tracking.fluent_registry"
_SYSTEM = "mlctl.system_metrics.monitor"

_NAMES: "Dict[str, str]" = {
    "Client": _CLIENT,
    "MLflowClient": _CLIENT,
    "MlflowClient": _CLIENT,
    "Image": "mlctl.files.images",
    "MlflowException": "mlctl.errors",
    "get_tracking_uri": _CURRENT,
    "is_tracking_uri_set": _CURRENT,
    "set_tracking_uri": _CURRENT,
    "ActiveRun": _FLUENT,
    "active_run": _FLUENT,
    "end_run": _FLUENT,
    "last_active_run": _FLUENT,
    "start_run": _FLUENT,
    "create_experiment": _EXPERIMENTS,
    "delete_experiment": _EXPERIMENTS,
    "delete_experiment_tag": _EXPERIMENTS,
    "get_experiment": _EXPERIMENTS,
    "get_experiment_by_name": _EXPERIMENTS,
    "restore_experiment": _EXPERIMENTS,
    "set_experiment": _EXPERIMENTS,
    "set_experiment_tag": _EXPERIMENTS,
    "set_experiment_tags": _EXPERIMENTS,
    "delete_run": _FINDING,
    "get_parent_run": _FINDING,
    "get_run": _FINDING,
    "restore_run": _FINDING,
    "search_experiments": _FINDING,
    "search_runs": _FINDING,
    "delete_tag": _LOGGING,
    "flush_artifact_async_logging": _LOGGING,
    "flush_async_logging": _LOGGING,
    "log_metric": _LOGGING,
    "log_metrics": _LOGGING,
    "log_outputs": _LOGGING,
    "log_param": _LOGGING,
    "log_params": _LOGGING,
    "set_tag": _LOGGING,
    "set_tags": _LOGGING,
    "log_input": "mlctl.datasets.datasets",
    "log_inputs": "mlctl.datasets.datasets",
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
    # logged models
    "create_external_model": "mlctl.models.external",
    "delete_logged_model": _MODELS,
    "delete_logged_model_tag": _MODELS,
    "finalize_logged_model": _MODELS,
    "get_logged_model": _MODELS,
    "initialize_logged_model": _MODELS,
    "last_logged_model": _MODELS,
    "log_model_params": _MODELS,
    "search_logged_models": _MODELS,
    "set_logged_model_tags": _MODELS,
    # the registry
    "register_model": _REGISTRY,
    "search_model_versions": _REGISTRY,
    "search_registered_models": _REGISTRY,
    "set_model_version_tag": _REGISTRY,
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
