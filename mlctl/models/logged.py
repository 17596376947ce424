"""Logging a model: it becomes a logged model of the experiment (MLflow 3), made by the active run, with its files beside those of runs."""

import os
import re
import tempfile
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from mlctl.errors import InvalidValueError
from mlctl.tracking.client import MlflowClient
from mlctl.tracking.entities import LoggedModelOutput, Metric
from mlctl.tracking.fluent import active_run, run_id_or_start
from mlctl.tracking.fluent_experiments import current_id
from mlctl.tracking.fluent_models import remember
from mlctl.tracking.fluent_registry import register_model
from mlctl.tracking.logged_models import LoggedModel

_PLAIN_NAME = re.compile(r"[^/:.%\"']+\Z")
_MOST_LINKED = 200


def log(
    make: Callable[..., Any],
    artifact_path: Optional[str],
    flavor: Any,
    *,
    name: Optional[str] = None,
    registered_model_name: Optional[str] = None,
    await_registration_for: Optional[int] = None,
    metadata: Optional[Dict[str, Any]] = None,
    run_id: Optional[str] = None,
    model_type: Optional[str] = None,
    params: Optional[Mapping[str, Any]] = None,
    tags: Optional[Mapping[str, Any]] = None,
    step: int = 0,
    model_id: Optional[str] = None,
    resources: Any = None,
    auth_policy: Any = None,
    prompts: Optional[List[str]] = None,
    **save_options: Any,
) -> Any:
    """Save a model with a flavor (a module with ``save_model``) and keep it as a logged model under a name; returns its `ModelInfo`.

    ``make`` is the class `mlctl.models.Model`, by which callers come here.

    With ``artifact_path``, MLflow's older argument, a run is started if none is active. A path that can be no name (``models/best``) is
    kept as older versions of MLflow kept it: among the run's files. ``model_id`` names a logged model that was made before.

    Raises:
        InvalidValueError: what is logged or how is not acceptable.
    """
    given = name if name is not None else artifact_path
    run = run_id or _run(start=name is None and artifact_path is not None)
    shared = {"resources": resources, "auth_policy": auth_policy, "prompts": prompts}
    if name is None and artifact_path is not None and model_id is None and not _PLAIN_NAME.match(artifact_path.strip("/")):
        info = _among_files(make, str(run), artifact_path.strip("/"), flavor, {**save_options, "metadata": metadata}, shared)
        if registered_model_name:
            version = register_model(info.model_uri, registered_model_name)
            info = info._replace(registered_model_version=version.version)
        return info
    client = MlflowClient()
    logged = _logged_model(client, run, given.strip("/") if given else None, model_id, model_type=model_type, params=params, tags=tags)
    remember(logged.model_id)
    try:
        model = make(logged.artifact_location, run, model_uuid=logged.model_id, model_id=logged.model_id, metadata=metadata, **shared)
        _save(client.store.model_artifacts(logged), flavor, model, save_options)
    except BaseException:
        client.finalize_logged_model(logged.model_id, "FAILED")
        raise
    logged = client.finalize_logged_model(logged.model_id, "READY")
    if run:
        client.log_outputs(run, [LoggedModelOutput(logged.model_id, step)])
        _link_metrics(client, run, logged.model_id)
    info = model.get_model_info(logged)
    if registered_model_name:
        version = register_model(info.model_uri, registered_model_name)
        info = info._replace(registered_model_version=version.version)
    return info


def _run(*, start: bool) -> Optional[str]:
    found = active_run()
    if found is not None:
        return str(found.info.run_id)
    return run_id_or_start() if start else None


def _logged_model(
    client: MlflowClient, run: Optional[str], name: Optional[str], model_id: Optional[str], *, model_type: Any, params: Any, tags: Any
) -> LoggedModel:
    if model_id is not None:
        if params:
            client.log_model_params(model_id, params)
        if tags:
            client.set_logged_model_tags(model_id, tags)
        return client.get_logged_model(model_id)
    experiment = client.get_run(run).info.experiment_id if run else current_id()
    return client.create_logged_model(experiment, name, run, tags, params, model_type)


def _save(files: Any, flavor: Any, model: Any, options: Mapping[str, Any]) -> None:
    with tempfile.TemporaryDirectory(prefix="mlctl-") as scratch:
        folder = os.path.join(scratch, "model")  # noqa: PTH118
        flavor.save_model(path=folder, mlflow_model=model, **options)
        files.put_folder(folder)


def _among_files(make: Callable[..., Any], run: str, path: str, flavor: Any, options: Mapping[str, Any], shared: Mapping[str, Any]) -> Any:
    if not path or ".." in path.split("/"):
        raise InvalidValueError(f"The artifact path {path!r} is no path inside the run.")
    client, model = MlflowClient(), make(path, run, **shared)
    with tempfile.TemporaryDirectory(prefix="mlctl-") as scratch:
        folder = os.path.join(scratch, "model")  # noqa: PTH118
        flavor.save_model(path=folder, mlflow_model=model, **options)
        client.log_artifacts(run, folder, path)
    return model.get_model_info()._replace(model_uri=f"runs:/{run}/{path}")


def _link_metrics(client: MlflowClient, run: str, model_id: str) -> None:
    """Make the latest points of the run's metrics the model's, too, as MLflow does: models are searched by them."""
    keys = list(client.get_run(run).data.metrics)[:_MOST_LINKED]
    points: List[Metric] = []
    for key in keys:
        history = client.get_metric_history(run, key)
        if history:
            last = max(history, key=_order)
            points.append(Metric(last.key, last.value, last.timestamp, last.step, model_id))
    if points:
        client.store.log_batch(run, metrics=points)


def _order(point: Metric) -> Tuple[int, int, float]:
    return point.step, point.timestamp, 0.0 if point.value != point.value else point.value
