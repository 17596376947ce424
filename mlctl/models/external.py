"""Logged models whose files are elsewhere: what is kept here is their params, tags and metrics, and an MLmodel file that says so."""

import os
import tempfile
from typing import Any, Mapping, Optional

from mlctl.models.model import FILE, Model
from mlctl.models.signature import infer_signature
from mlctl.tracking.client import MlflowClient
from mlctl.tracking.fluent_models import initialize_logged_model
from mlctl.tracking.logged_models import LoggedModel

IS_EXTERNAL = "mlflow.model.isExternal"
"""The tag, and the key in the MLmodel file's metadata, that MLflow marks such models with."""


def create_external_model(
    name: Optional[str] = None,
    source_run_id: Optional[str] = None,
    tags: Optional[Mapping[str, Any]] = None,
    params: Optional[Mapping[str, Any]] = None,
    model_type: Optional[str] = None,
    experiment_id: Optional[str] = None,
) -> LoggedModel:
    """Make a logged model, which is READY at once, of a model whose files mlctl does not keep; made by the active run, if there is one.

    Raises:
        InvalidValueError: the name, a tag or a param is not acceptable.
    """
    made = initialize_logged_model(name, source_run_id, {**(tags or {}), IS_EXTERNAL: "true"}, params, model_type, experiment_id)
    model = Model(
        artifact_path=made.artifact_location,
        run_id=made.source_run_id,
        model_uuid=made.model_id,
        model_id=made.model_id,
        signature=infer_signature(model_input=True, model_output=True),
        metadata={IS_EXTERNAL: True},
    )
    client = MlflowClient()
    with tempfile.TemporaryDirectory(prefix="mlctl-") as folder:
        model.save(os.path.join(folder, FILE))  # noqa: PTH118
        client.log_model_artifacts(made.model_id, folder)
    return client.finalize_logged_model(made.model_id, "READY")
