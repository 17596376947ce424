"""Which of MLflow's modules there are, and where their names come from.

A name is looked up when it is used, and then kept by its module. What is not listed does not exist, and its error says what to do.
"""

import sys
from importlib import import_module
from typing import Any, Dict, List, Mapping

API_VERSION = "3.17.2"  # the release whose names, arguments and results mlctl's are compared with

_DATA = "mlctl.data"
_ENTITIES = "mlctl.entities"

MODULES: Dict[str, str] = {
    "mlflow": "mlctl",
    "mlflow.artifacts": "mlctl.artifacts",
    "mlflow.catboost": "mlctl.catboost",
    "mlflow.client": "mlctl.client",
    "mlflow.data": _DATA,
    "mlflow.data.code_dataset_source": _DATA,
    "mlflow.data.dataset": _DATA,
    "mlflow.data.dataset_source": _DATA,
    "mlflow.data.http_dataset_source": _DATA,
    "mlflow.data.meta_dataset": _DATA,
    "mlflow.data.numpy_dataset": _DATA,
    "mlflow.data.pandas_dataset": _DATA,
    "mlflow.entities": _ENTITIES,
    "mlflow.entities.dataset": _ENTITIES,
    "mlflow.entities.dataset_input": _ENTITIES,
    "mlflow.entities.experiment": _ENTITIES,
    "mlflow.entities.experiment_tag": _ENTITIES,
    "mlflow.entities.file_info": _ENTITIES,
    "mlflow.entities.input_tag": _ENTITIES,
    "mlflow.entities.lifecycle_stage": _ENTITIES,
    "mlflow.entities.logged_model": _ENTITIES,
    "mlflow.entities.logged_model_input": _ENTITIES,
    "mlflow.entities.logged_model_parameter": _ENTITIES,
    "mlflow.entities.logged_model_status": _ENTITIES,
    "mlflow.entities.logged_model_tag": _ENTITIES,
    "mlflow.entities.model_registry": _ENTITIES,
    "mlflow.entities.logged_model_output": _ENTITIES,
    "mlflow.entities.metric": _ENTITIES,
    "mlflow.entities.param": _ENTITIES,
    "mlflow.entities.run": _ENTITIES,
    "mlflow.entities.run_data": _ENTITIES,
    "mlflow.entities.run_info": _ENTITIES,
    "mlflow.entities.run_inputs": _ENTITIES,
    "mlflow.entities.run_outputs": _ENTITIES,
    "mlflow.entities.run_status": _ENTITIES,
    "mlflow.entities.run_tag": _ENTITIES,
    "mlflow.entities.source_type": _ENTITIES,
    "mlflow.entities.view_type": _ENTITIES,
    "mlflow.exceptions": "mlctl.exceptions",
    "mlflow.keras": "mlctl.keras",
    "mlflow.lightgbm": "mlctl.lightgbm",
    "mlflow.models": "mlctl.models",
    "mlflow.models.model": "mlctl.models.model",
    "mlflow.models.signature": "mlctl.models.signature",
    "mlflow.onnx": "mlctl.onnx",
    "mlflow.projects": "mlctl.projects",
    "mlflow.projects.submitted_run": "mlctl.projects",
    "mlflow.pyfunc": "mlctl.pyfunc",
    "mlflow.pyfunc.model": "mlctl.flavors.pyfunc_model",
    "mlflow.pytorch": "mlctl.pytorch",
    "mlflow.pyfunc.utils": "",
    "mlflow.sklearn": "mlctl.sklearn",
    "mlflow.spark": "mlctl.spark",
    "mlflow.statsmodels": "mlctl.statsmodels",
    "mlflow.tensorflow": "mlctl.tensorflow",
    "mlflow.tracking": "mlctl.tracking",
    "mlflow.tracking.client": "mlctl.client",
    "mlflow.tracking.context": "",
    "mlflow.tracking.context.registry": "",
    "mlflow.tracking.fluent": "mlctl",
    "mlflow.types": "mlctl.types",
    "mlflow.types.schema": "mlctl.models.schema",
    "mlflow.utils": "",
    "mlflow.utils.mlflow_tags": "",
    "mlflow.utils.validation": "",
    "mlflow.version": "",
    "mlflow.xgboost": "mlctl.xgboost",
}
"""Each module, and the module of mlctl that its names come from ("": only from the table below)."""


def _tags() -> Mapping[str, Any]:
    return {
        "MLFLOW_ARTIFACT_LOCATION": "mlflow.artifactLocation",
        "MLFLOW_AUTOLOGGING": "mlflow.autologging",
        "MLFLOW_DATASET_CONTEXT": "mlflow.data.context",
        "MLFLOW_DOCKER_IMAGE_ID": "mlflow.docker.image.id",
        "MLFLOW_DOCKER_IMAGE_URI": "mlflow.docker.image.uri",
        "MLFLOW_EXPERIMENT_PRIMARY_METRIC_GREATER_IS_BETTER": "mlflow.experiment.primaryMetric.greaterIsBetter",
        "MLFLOW_EXPERIMENT_PRIMARY_METRIC_NAME": "mlflow.experiment.primaryMetric.name",
        "MLFLOW_GIT_BRANCH": "mlflow.source.git.branch",
        "MLFLOW_GIT_COMMIT": "mlflow.source.git.commit",
        "MLFLOW_GIT_DIFF": "mlflow.source.git.diff",
        "MLFLOW_GIT_DIRTY": "mlflow.source.git.dirty",
        "MLFLOW_GIT_REPO_URL": "mlflow.source.git.repoURL",
        "MLFLOW_LOGGED_ARTIFACTS": "mlflow.loggedArtifacts",
        "MLFLOW_LOGGED_IMAGES": "mlflow.loggedImages",
        "MLFLOW_PARENT_RUN_ID": "mlflow.parentRunId",
        "MLFLOW_PROJECT_BACKEND": "mlflow.project.backend",
        "MLFLOW_PROJECT_ENTRY_POINT": "mlflow.project.entryPoint",
        "MLFLOW_PROJECT_ENV": "mlflow.project.env",
        "MLFLOW_RUN_NAME": "mlflow.runName",
        "MLFLOW_RUN_NOTE": "mlflow.note.content",
        "MLFLOW_SOURCE_NAME": "mlflow.source.name",
        "MLFLOW_SOURCE_TYPE": "mlflow.source.type",
        "MLFLOW_USER": "mlflow.user",
    }


def _limits() -> Mapping[str, Any]:
    from mlctl.tracking import validation

    batch = dict(validation.BATCH_LIMITS)
    return {
        "MAX_BATCH_LOG_REQUEST_SIZE": 1_000_000,
        "MAX_DATASETS_PER_BATCH": 1000,
        "MAX_ENTITIES_PER_BATCH": validation.BATCH_TOTAL,
        "MAX_ENTITY_KEY_LENGTH": validation.KEY_LENGTH,
        "MAX_EXPERIMENT_NAME_LENGTH": validation.EXPERIMENT_NAME_LENGTH,
        "MAX_EXPERIMENT_TAG_KEY_LENGTH": validation.KEY_LENGTH,
        "MAX_EXPERIMENT_TAG_VAL_LENGTH": validation.EXPERIMENT_TAG_LENGTH,
        "MAX_METRICS_PER_BATCH": batch["metrics"],
        "MAX_PARAMS_TAGS_PER_BATCH": batch["params"],
        "MAX_PARAM_VAL_LENGTH": validation.PARAM_LENGTH,
        "MAX_TAG_VAL_LENGTH": validation.TAG_LENGTH,
    }


def _context() -> Mapping[str, Any]:
    return {"resolve_tags": _resolve_tags}


def _pyfunc_utils() -> Mapping[str, Any]:
    return {"pyfunc": import_module("mlctl.flavors.pyfunc_model").pyfunc}


def _version() -> Mapping[str, Any]:
    return {"VERSION": import_module("mlflow").__version__}


_TABLES = {
    "mlflow.pyfunc.utils": _pyfunc_utils,
    "mlflow.tracking.context.registry": _context,
    "mlflow.utils.mlflow_tags": _tags,
    "mlflow.utils.validation": _limits,
    "mlflow.version": _version,
}


def attribute(module: str, name: str) -> Any:
    """A name of a module, a module below it included.

    Raises:
        AttributeError: there is no such name.
    """
    inner = f"{module}.{name}"
    if inner in MODULES:
        return import_module(inner)
    if name.startswith("_") or name not in listed(module):
        raise AttributeError(absent(inner))
    table = _TABLES.get(module)
    found = table()[name] if table is not None else getattr(import_module(MODULES[module]), name)
    setattr(sys.modules[module], name, found)
    return found


def listed(module: str) -> List[str]:
    """The names of a module, without those of modules below it."""
    table = _TABLES.get(module)
    if table is not None:
        return sorted(table())
    if not MODULES[module]:
        return []
    source = import_module(MODULES[module])
    names = getattr(source, "__all__", None) or dir(source)
    return [name for name in names if not name.startswith("_") and not isinstance(vars(source).get(name), type(sys))]


def is_package(module: str) -> bool:
    """Whether there are modules below it."""
    return any(name.startswith(f"{module}.") for name in MODULES)


def absent(name: str) -> str:
    """What to say of a name that there is not."""
    return f"{name} is not in mlctl's stand-in; add mlflow to the environment"


def _resolve_tags(tags: Any = None, ignore: Any = None) -> Dict[str, Any]:  # noqa: ARG001 -- MLflow's signature
    """The tags of a new run made by a client: where it comes from, and what is given."""
    from mlctl.tracking import fluent_source

    return {**fluent_source.tags(), **(tags or {})}
