"""Real MLproject files and synthetic probes: what MLflow's own parser makes of them, this one makes of them, too.

The files are not part of the repository: MLCTL_CORPUS names their folder (``oracle.json`` and ``projects/``), MLCTL_PROBES the probes.
"""

import json
import os
import re
from pathlib import Path

import pytest

from mlctl.errors import MlctlError, ProjectError
from mlctl.projects import command, params, spec

ORACLE = json.loads((Path(os.environ["MLCTL_CORPUS"]) / "oracle.json").read_text()) if os.environ.get("MLCTL_CORPUS") else {"projects": {}}
PROBES = json.loads(Path(os.environ["MLCTL_PROBES"]).read_text()) if os.environ.get("MLCTL_PROBES") else []

# Deliberate differences. (Where MLflow raises an AttributeError, a KeyError or an IndexError, this raises a sentence: not listed.)
IMPROVED = {
    "type float, given abc": "types are checked; --no-type-check gives MLflow's command",
    "attr {a.x}": "refused: only plain names are put in, not attributes of a value",
    "index {a[0]}": "refused: only plain names are put in, not parts of a value",
    "conv {a!r:>8}": "refused: only plain names are put in, not formats",
    "int param name": "a declared name can be used, also where it is a number",
    "name list": "a name is text: a list becomes its text, with a warning",
}


def environment(project):
    """The environment in the oracle's terms."""
    kind = {"none": "python_env", "databricks_spark_job": None}.get(project.env.kind, project.env.kind)
    path = os.path.relpath(project.env.file, project.folder) if project.env.file else None
    docker = project.env.options if project.env.kind == "docker_env" else None
    spark = project.env.options if project.env.kind == "databricks_spark_job" else None
    return kind, path, docker, spark


def computed(entry, given):
    """The command as MLflow computes it without a storage folder: ``path`` values stay as they are."""
    missing = [name for name, parameter in entry.parameters.items() if parameter.required and name not in given]
    if missing:
        raise ProjectError(f"missing: {missing}")
    values = {name: given.get(name, parameter.default) for name, parameter in entry.parameters.items()}
    return command.substitute(entry, values, extra={name: value for name, value in given.items() if name not in values})


@pytest.mark.engine("corpus")
@pytest.mark.parametrize("name", [name for name, found in ORACLE["projects"].items() if found["accepted"]])
def test_accepted(name):
    expected = ORACLE["projects"][name]
    folder = Path(os.environ["MLCTL_CORPUS"]) / "projects" / name
    project = spec.load(folder)
    assert project.name == expected["name"]
    assert environment(project) == (
        expected["env_type"],
        expected["env_config_path"],
        expected["docker_env"],
        expected["databricks_spark_job"],
    )
    assert list(project.entry_points) == list(expected["entry_points"])
    for entry_name, wanted in expected["entry_points"].items():
        entry = project.entry_points[entry_name]
        assert entry.command == wanted["command"]
        assert parameters(entry) == {
            key: (value["type"], value["default"], value["default_pytype"]) for key, value in wanted["parameters"].items()
        }
        assert [parameter.name for parameter in entry.parameters.values() if parameter.required] == wanted["required"]
        assert_command(entry, {}, wanted.get("default_command"))
        if "filled_params" in wanted:
            assert_command(entry, wanted["filled_params"], wanted.get("filled_command"))
    assert not [found for found in spec.check(folder) if found.level == "error" and found not in project.findings]


def parameters(entry):
    """Parameters in the oracle's terms."""
    return {name: (parameter.type, parameter.default, type(parameter.default).__name__) for name, parameter in entry.parameters.items()}


def assert_command(entry, given, expected):
    """The command is MLflow's, or there is an error where MLflow has one. So says `params.bind`, too, where no path must exist."""
    if expected is None:
        with pytest.raises(ProjectError):
            computed(entry, given)
        return
    assert computed(entry, given) == expected
    if not any(parameter.type == "path" for parameter in entry.parameters.values()):
        bound = params.bind(entry, given, caller_folder=Path.cwd(), project_folder=Path.cwd(), check_types=False)
        assert command.render(entry, bound) == expected


@pytest.mark.engine("corpus")
@pytest.mark.parametrize("name", [name for name, found in ORACLE["projects"].items() if not found["accepted"]])
def test_rejected(name):
    folder = Path(os.environ["MLCTL_CORPUS"]) / "projects" / name
    with pytest.raises(ProjectError) as caught:
        spec.load(folder)
    assert re.match(r"MLproject:[1-9][0-9]*: ", caught.value.message)
    assert caught.value.hint
    assert "error" in {found.level for found in spec.check(folder)}


@pytest.mark.engine("corpus")
def test_no_noise():
    """Most real files are right, and are told so."""
    folders = [Path(os.environ["MLCTL_CORPUS"]) / "projects" / name for name in ORACLE["projects"]]
    assert sum(not spec.check(folder) for folder in folders) > len(folders) / 2


def outcome(probe, folder, *, check_types=True):
    """What becomes of a probe, in the probes' own words."""
    (folder / "MLproject").write_text(probe["MLproject"], encoding="utf-8")
    try:
        project = spec.load(folder)
    except ProjectError as error:
        return f"LOADERR {error.message}"
    kind = "python_env" if project.env.kind == "none" else project.env.kind
    loaded = f"loaded name={project.name!r} env={kind}"
    if not project.entry_points:
        return loaded
    entry = next(iter(project.entry_points.values()))
    try:
        bound = params.bind(entry, probe["parameters"], caller_folder=folder, project_folder=folder, check_types=check_types)
        if probe["case"].startswith("path default missing"):  # a probe without a storage folder: nothing is resolved
            return f"{loaded} cmd={computed(entry, probe['parameters'])!r}"
        return f"{loaded} cmd={command.render(entry, bound)!r}"
    except MlctlError as error:
        return f"{loaded} CMDERR {error.message}"


def stage(text):
    """The part of an outcome that two parsers can have in common: everything up to the words of an error."""
    return re.sub(r"(LOADERR|CMDERR).*", r"\1", text, flags=re.DOTALL)


@pytest.mark.engine("probes")
@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe["case"])
def test_probe(probe, tmp_path):
    (tmp_path / "no").mkdir()
    (tmp_path / "no" / "such").touch()
    found = outcome(probe, tmp_path)
    assert "LOADERR" not in found or re.match(r"LOADERR MLproject:[1-9]", found)
    assert (stage(found) != stage(probe["mlflow"])) == (probe["case"] in IMPROVED), f"{found} instead of {probe['mlflow']}"
    if probe["case"] == "type float, given abc":
        assert stage(outcome(probe, tmp_path, check_types=False)) == stage(probe["mlflow"])


@pytest.mark.engine("probes")
def test_improvements():
    """Every deliberate difference is one of a probe."""
    assert set(IMPROVED) <= {probe["case"] for probe in PROBES}
