"""MLproject files: from YAML text to a `Project`, with every slip reported by line and key.

The format is MLflow's (Projects documentation; behaviour of release 3.17 where that is silent). Whatever MLflow loads, this loads to
the same name, environment, entry points, parameters and command text.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl.errors import ProjectError
from mlctl.projects.entities import (
    ERROR,
    WARNING,
    BoundParams,
    DeclaredEnv,
    EntryPoint,
    Finding,
    Parameter,
    Project,
)
from mlctl.projects.report import Report
from mlctl.projects.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl.projects.document import Document, Place

__all__ = [
    "ERROR",
    "WARNING",
    "BoundParams",
    "DeclaredEnv",
    "EntryPoint",
    "Finding",
    "Parameter",
    "Project",
    "check",
    "entry_point",
    "find_file",
    "findings_of",
    "load",
]

_NAMES = ("mlproject", "mlproject.yaml", "mlproject.yml")
_KEYS = ("name", "entry_points", "python_env", "conda_env", "docker_env", "databricks_spark_job")
_ALIASES = {"python": "python_env", "conda": "conda_env", "docker": "docker_env", "environment": "conda_env", "entries": "entry_points"}


def find_file(folder: Path) -> Path | None:
    """The MLproject file of a folder: ``MLproject`` in any case, or else ``MLproject.yaml`` or ``.yml``; None where there is none.

    Raises:
        ProjectError: the folder cannot be read.
    """
    found = _candidates(folder)
    return found[0] if found else None


def load(folder: Path) -> Project:
    """The project in a folder. A folder without an MLproject file is a project without entry points.

    Raises:
        ProjectError: the file is one that MLflow would not load; the message has file, line and key of everything that is wrong.
    """
    project, report = _read(folder)
    report.raise_rejections()
    return project


def check(folder: Path) -> tuple[Finding, ...]:
    """All slips in a project's MLproject file, in the order of the file, whether they keep it from loading or not.

    Raises:
        ProjectError: the folder cannot be read.
    """
    project, report = _read(folder)
    _check_path_defaults(project, report)
    if project.file is None:
        hint = "Scripts can be run without one: `mlctl run . -e train.py`."
        return (Finding("warning", "There is no MLproject file here.", file="MLproject", hint=hint), *report.all())
    return report.all()


def findings_of(project: Project, entry: EntryPoint) -> tuple[Finding, ...]:
    """A project's findings without those about its other entry points."""
    others = tuple(f"entry_points.{name}" for name in project.entry_points if name != entry.name)
    return tuple(found for found in project.findings if not _within(found.key, others))


def _within(key: str, paths: tuple[str, ...]) -> bool:
    return any(key == path or key.startswith(f"{path}.") for path in paths)


def entry_point(project: Project, name: str) -> EntryPoint:
    """An entry point by name; a ``.py``, ``.sh`` or ``.R`` file of the project is one, too.

    Raises:
        ProjectError: there is neither; the message lists what there is.
    """
    if name in project.entry_points:
        return project.entry_points[name]
    suffix = Path(name).suffix
    if suffix in {".py", ".sh"}:
        return _script(project, name, program="python" if suffix == ".py" else os.environ.get("SHELL") or "bash")
    if suffix in {".R", ".r"}:
        return _script(project, name, program="Rscript")
    raise ProjectError(*_no_entry_point(project, name), hint=_meant_entry_point(project, name))


def _no_entry_point(project: Project, name: str) -> tuple[str]:
    if not project.entry_points:
        where = f"{project.file.name} declares none" if project.file else "the folder has no MLproject file"
        return (f"There is no entry point '{name}': {where}.",)
    return (f"There is no entry point '{name}'. There are: {', '.join(project.entry_points)}.",)


def _meant_entry_point(project: Project, name: str) -> str:
    near = nearest(name, project.entry_points)
    if near:
        return f"Did you mean -e {near}?"
    slip = next((found for found in project.findings if "entry_points" in found.hint and "." not in found.key), None)
    if slip and not project.entry_points:
        return f"{slip}. {slip.hint}"
    return "Choose one with -e NAME; a .py, .sh or .R file of the project can be named, too."


def _script(project: Project, name: str, *, program: str) -> EntryPoint:
    inside = os.path.normpath(name)
    if Path(inside).is_absolute() or Path(inside).parts[:1] == (os.pardir,):
        raise ProjectError(f"The script {name!r} is outside the project.", hint="Name it relative to the project folder.")
    if not _is_file(project.folder / inside):
        hint = _meant_script(project, name)
        raise ProjectError(f"There is no entry point and no script '{name}' in the project.", hint=hint)
    argument = f"./{name}" if name.startswith("-") else name
    line = _r_line(argument) if program == "Rscript" else f"{shlex.quote(program)} {shlex.quote(argument)}"
    return EntryPoint(name, line.replace("{", "{{").replace("}", "}}"))


def _r_line(script: str) -> str:
    """How MLflow runs R scripts: by a function of its R package, which makes the arguments parameters."""
    text = script.replace("\\", "\\\\").replace("'", "\\'")
    code = f"mlflow::mlflow_source('{text}')"
    return f"Rscript -e {shlex.quote(code)} --args"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _meant_script(project: Project, name: str) -> str:
    folder = (project.folder / name).parent
    beside = [path.name for path in folder.iterdir() if path.suffix == Path(name).suffix] if folder.is_dir() else []
    near = nearest(Path(name).name, beside)
    if near:
        return f"Did you mean {Path(name).with_name(near)}?"
    return (
        f"Entry points: {', '.join(project.entry_points)}." if project.entry_points else "Scripts are named relative to the project folder."
    )


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _candidates(folder: Path) -> list[Path]:
    try:
        names = os.listdir(folder)  # noqa: PTH208 -- a folder may hold very many files: plain names are faster
    except OSError as error:
        raise ProjectError(f"The project folder {folder} cannot be read: {error.strerror}.") from None
    found = sorted((_NAMES.index(name.lower()), name != "MLproject", name) for name in names if name.lower() in _NAMES)
    return [folder / name for _, _, name in found if not (folder / name).is_dir()]


def _read(folder: Path) -> tuple[Project, Report]:
    folder = folder.absolute()
    found = _candidates(folder)
    if not found:
        from mlctl.projects import declared_env

        return Project(folder, env=declared_env.picked_up(folder)), Report("")
    report = Report(found[0].name)
    _check_name(found, report)
    return _read_file(folder, found[0], report), report


def _check_name(found: list[Path], report: Report) -> None:
    name = found[0].name
    if name.lower() != _NAMES[0]:
        hint = "Rename it to MLproject."
        report.findings.append(Finding(WARNING, f"MLflow does not find a file named {name}.", file=name, hint=hint))
    elif len(found) > 1:
        ignored = " and ".join(path.name for path in found[1:])
        report.findings.append(Finding(WARNING, f"{name} is used; {ignored} beside it is ignored.", file=name, hint="Remove one."))


def _read_file(folder: Path, file: Path, report: Report) -> Project:
    from mlctl.projects import document

    text = document.read(file)
    parsed = text if isinstance(text, Finding) else document.parse(text, file=file.name)
    if isinstance(parsed, Finding):
        report.add_rejection(parsed)
        return Project(folder, file)
    if not isinstance(parsed.root.value, dict):
        _reject_root(parsed.root, report)
        return Project(folder, file)
    return _project(folder, file, parsed, report)


def _reject_root(root: Place, report: Report) -> None:
    if root.value is None:
        report.reject(replace(root, line=1), "The file is empty.", hint="Give it at least name: and entry_points:")
    else:
        report.reject(root, "The file is not a mapping of keys to values.", hint="It starts with keys such as name: and entry_points:")


def _project(folder: Path, file: Path, parsed: Document, report: Report) -> Project:
    from mlctl.projects import declared_entries, declared_env

    fields = parsed.root.fields()
    _check_top_level(fields, parsed, report)
    env = declared_env.read(fields, folder, report)
    entries = declared_entries.read(fields.get("entry_points"), parsed.lines, report)
    if env.kind == declared_env.SPARK:
        _refuse_paths(fields["entry_points"], entries, report) if entries else None
    elif not entries:
        _warn_no_entries(fields, report)
    name = fields["name"].value if "name" in fields else None
    return Project(
        folder,
        file,
        name=name if name is None or isinstance(name, str) else str(name),
        env=env,
        entry_points=entries,
        findings=tuple(sorted(report.findings, key=lambda found: found.line)),
    )


def _check_top_level(fields: Mapping[str, Place], parsed: Document, report: Report) -> None:
    from mlctl.projects import unknown_keys

    for repeated in parsed.repeated:
        message = f"The key stands in line {repeated.first_line} already; the last one counts."
        report.findings.append(Finding(WARNING, message, report.file, repeated.line, repeated.path, "Remove one of them."))
    unknown_keys.warn(fields, _KEYS, report, aliases=_ALIASES)
    for key, place in fields.items():
        if key not in _KEYS and (key in {"command", "parameters"} or (isinstance(place.value, dict) and "command" in place.value)):
            report.warn(place, f"{key} is ignored at the top level.", hint="Indent it below entry_points.")
    if "name" in fields and not isinstance(fields["name"].value, (str, type(None))):
        report.warn(fields["name"], "The name is not text.", hint=f'Quote it: name: "{fields["name"].source or "my project"}"')


def _warn_no_entries(fields: Mapping[str, Place], report: Report) -> None:
    place = fields.get("entry_points")
    if place is None or place.value == {}:
        message = "The file has no entry points; only scripts can be run, such as -e train.py."
        report.findings.append(Finding(WARNING, message, report.file, place.line if place else 0, "entry_points"))


def _refuse_paths(place: Place, entries: Mapping[str, EntryPoint], report: Report) -> None:
    for entry in entries.values():
        for parameter in entry.parameters.values():
            if parameter.type == "path":
                message = f"A Spark job cannot have a parameter of type path, such as {parameter.name}."
                report.add_rejection(Finding(ERROR, message, report.file, parameter.line, place.path, "Declare it as uri or string."))


def _check_path_defaults(project: Project, report: Report) -> None:
    for entry in project.entry_points.values():
        for parameter in entry.parameters.values():
            if parameter.type == "path" and isinstance(parameter.default, str) and not _found(project, parameter.default):
                report.findings.append(_missing_default(entry, parameter, file=report.file))


def _found(project: Project, default: Any) -> bool:
    from mlctl.projects.kinds import scheme

    try:
        return bool(scheme(default)) or (project.folder / default).exists()
    except (OSError, ValueError):
        return False


def _missing_default(entry: EntryPoint, parameter: Parameter, *, file: str) -> Finding:
    return Finding(
        WARNING,
        f"The default {parameter.default!r} is not in the project; it must exist where the project is started from.",
        file,
        parameter.line,
        f"entry_points.{entry.name}.parameters.{parameter.name}",
        "Write paths with /." if "\\" in parameter.default else "Declare it as string if the script makes it itself.",
    )
