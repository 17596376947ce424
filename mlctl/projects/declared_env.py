"""The environment part of an MLproject file: which kind, which file, which docker or Spark settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl.projects.entities import DeclaredEnv
from mlctl.projects.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl.projects.document import Place
    from mlctl.projects.report import Report

PYTHON = "python_env"
CONDA = "conda_env"
DOCKER = "docker_env"
SPARK = "databricks_spark_job"
_BUILDS = ("build",)  # what makes an image need no name
_EXCLUSIVE = (DOCKER, PYTHON, CONDA)
_PICKED_UP = ((PYTHON, "python_env.yaml"), (CONDA, "conda.yaml"))
_THIS_FOLDER = "<MLFLOW_PROJECT_DIRECTORY>/"
_SPARK_SETTINGS: Mapping[str, Any] = {"python_file": None, "parameters": [], "python_libraries": []}


def read(fields: Mapping[str, Place], folder: Path, report: Report) -> DeclaredEnv:
    """The environment that a file names, or else the one whose file lies in the project folder."""
    named = [fields[key] for key in _EXCLUSIVE if key in fields]
    if len(named) > 1:
        keys = " and ".join(place.path for place in named)
        report.reject(named[-1], f"A project has one environment; {keys} are both given.", hint="Keep one of them.")
        return DeclaredEnv()
    spark = fields.get(SPARK)
    if spark is not None and spark.value is not None:
        return _spark(spark, fields, report)
    for place in named:
        if place.value:
            return _docker(place, report) if place.path == DOCKER else _file(place, folder, report)
        report.warn(place, f"{place.path} is empty and counts as absent.", hint="Remove the line, or fill it in.")
    return picked_up(folder)


def picked_up(folder: Path) -> DeclaredEnv:
    """The environment of a project that names none: python_env.yaml, then conda.yaml in its folder, then none."""
    for kind, name in _PICKED_UP:
        if (folder / name).exists():
            return DeclaredEnv(kind, folder / name, declared=False)
    return DeclaredEnv()


def _file(place: Place, folder: Path, report: Report) -> DeclaredEnv:
    kind = place.path
    if not isinstance(place.value, str):
        report.reject(
            place,
            f"{kind} takes the name of a file, not {_shape(place.value)}.",
            hint=f"Put these lines into a file and name it: {kind}: {'conda.yaml' if kind == CONDA else 'python_env.yaml'}",
        )
        return DeclaredEnv(kind)
    file = folder / place.value.removeprefix(_THIS_FOLDER)
    if not _exists(file):
        report.reject(place, f"The {kind} file {place.value!r} does not exist in the project.", hint=_likely_file(place.value, folder))
    elif file.is_dir():
        report.warn(place, f"{place.value!r} is a folder, not an environment file.")
    elif file.suffix not in {".yaml", ".yml"}:
        report.warn(
            place,
            f"{kind} names {place.value!r}, which does not look like an environment file in YAML.",
            hint=f"A requirements file goes into python_env.yaml, under dependencies: - -r {place.value}" if file.suffix == ".txt" else "",
        )
    return DeclaredEnv(kind, file)


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except (OSError, ValueError):  # a name too long, or one with a NUL
        return False


def _likely_file(wanted: str, folder: Path) -> str:
    if "\\" in wanted and _exists(folder / wanted.replace("\\", "/")):
        return f"Write {wanted.replace(chr(92), '/')}, with /."
    beside = sorted(path.name for path in folder.iterdir() if path.suffix in {".yaml", ".yml"} and path.is_file())
    near = nearest(Path(wanted).stem, {Path(name).stem for name in beside})
    found = next((name for name in beside if Path(name).stem == near), "")
    return f"Did you mean {found}?" if found else "The name is relative to the project folder."


def _shape(value: Any) -> str:
    if isinstance(value, dict):
        return "settings"
    return "a list" if isinstance(value, list) else f"{value!r}"


def _docker(place: Place, report: Report) -> DeclaredEnv:
    if not isinstance(place.value, dict):
        report.reject(
            place, f"docker_env takes settings, not {_shape(place.value)}.", hint=f"Write docker_env: {{image: {_image(place.value)}}}"
        )
        return DeclaredEnv(DOCKER)
    fields = place.fields()
    if not (fields["image"].value if "image" in fields else any(fields[key].value for key in _BUILDS if key in fields)):
        near = nearest("image", [key for key in fields if key != "image"], aliases={})
        report.reject(
            fields.get("image", place), "docker_env has no image.", hint=f"Did you mean image for {near}?" if near else "Add image: NAME"
        )
    _docker_volumes(fields.get("volumes"), report)
    _docker_environment(fields.get("environment"), report)
    return DeclaredEnv(DOCKER, options=place.value)


def _image(value: Any) -> str:
    return value if isinstance(value, str) else "NAME"


def _docker_volumes(place: Place | None, report: Report) -> None:
    if place is None or not place.value:
        return
    if not isinstance(place.value, list) or not all(isinstance(item, str) for item in place.value):
        report.reject(place, "volumes must be a list of texts.", hint='Write volumes: ["/host/path:/container/path"]')


def _docker_environment(place: Place | None, report: Report) -> None:
    if place is None or not place.value:
        return
    hint = 'Write environment: ["COPIED_FROM_HERE", ["NAME", "value"]]'
    if not isinstance(place.value, list) or not all(isinstance(item, (str, list)) for item in place.value):
        report.reject(place, "environment must be a list of names, or of pairs of name and value.", hint=hint)
        return
    for item in place.value:
        if isinstance(item, list) and (len(item) != 2 or not all(isinstance(part, str) for part in item)):
            report.warn(place, f"{item!r} is not a pair of texts.", hint=hint)


def _spark(place: Place, fields: Mapping[str, Place], report: Report) -> DeclaredEnv:
    if not isinstance(place.value, dict):
        report.reject(place, f"{SPARK} takes settings, not {_shape(place.value)}.", hint=f"Write {SPARK}: {{python_file: train.py}}")
        return DeclaredEnv(SPARK)
    options = {key: place.value.get(key, default) for key, default in _SPARK_SETTINGS.items()}
    for other in _EXCLUSIVE:
        if other in fields:
            report.reject(fields[other], f"{other} cannot be given together with {SPARK}.", hint="Keep one of them.")
    entries = fields.get("entry_points")
    has_entries = entries is not None and bool(entries.value)
    if options["python_file"] is None and not has_entries:
        report.reject(place, f"{SPARK} needs a python_file, or the project needs entry_points.")
    if options["python_file"] is not None and has_entries:
        report.reject(place, "python_file and entry_points exclude each other.", hint="Keep one of them.")
    return DeclaredEnv(SPARK, options=options)
