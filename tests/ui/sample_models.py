"""A registry as a team has it: models with versions, stages, aliases and logged models with files. For tests and pictures."""

import tempfile
from pathlib import Path

from sample_run import MODEL

from mlctl.tracking.registry import ModelSource

DESCRIPTION = "Reads a digit from a picture of 28 × 28.\n\nAsk **vision** before a new version goes to production."  # noqa: RUF001


def register(store, experiment, run, name="digit-reader"):
    """Three versions of one model, and a model without any; returns the ids of the logged models."""
    ids = [_logged(store, experiment, run, f"reader-{number}") for number in range(3)]
    store.create_registered_model(name, description=DESCRIPTION)
    for model_id in ids:
        store.create_model_version(name, ModelSource(f"models:/{model_id}", run, model_id), description="wider at the end")
    store.transition_model_version(name, "1", "Production")
    store.transition_model_version(name, "2", "Staging")
    store.transition_model_version(name, "2", "Production", archive_existing=True)
    store.transition_model_version(name, "3", "Staging")
    store.set_registered_model_alias(name, "champion", "2")
    store.set_registered_model_alias(name, "challenger", "3")
    store.create_registered_model("wine-quality", description="Elastic net")
    return ids


def _logged(store, experiment, run, name):
    made = store.create_logged_model(experiment, name=name, source_run_id=run, model_type="classifier")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "MLmodel")
        source.write_text(MODEL, encoding="utf-8")
        store.model_artifacts(made).put_file(str(source), "")
    store.finalize_logged_model(made.model_id, "READY")
    return made.model_id
