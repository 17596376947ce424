"""Each flavor with its real library: a model that mlctl logged is loaded and asked in mlflow, and the reverse."""

import json
import os
from pathlib import Path

import pytest
import yaml
from flavor_runs import process

PROCESS = Path(__file__).with_name("flavor_process.py")

LIGHT = (
    "xgboost booster",
    "xgboost estimator",
    "lightgbm booster",
    "lightgbm estimator",
    "lightgbm pickled",
    "onnx",
    "onnx threads",
    "statsmodels",
    "statsmodels series",
)
HEAVY = {
    "catboost": ("catboost regressor", "catboost classifier"),
    "pytorch": ("pytorch exported", "pytorch pickled", "pytorch scripted"),
    "keras": ("keras", "keras exported", "tensorflow keras", "tensorflow module"),
    "spark": ("spark",),
}
PICKLED = {"lightgbm pickled", "statsmodels", "statsmodels series", "pytorch pickled", "pytorch scripted"}
WITH_PARAMS = {"xgboost booster", "pytorch pickled"}
MODULES = ("mlctl", "mlflow")

CASES = [pytest.param("light", name, id=name, marks=pytest.mark.engine("flavors")) for name in LIGHT]
CASES += [pytest.param(group, name, id=name, marks=pytest.mark.engine("flavors-heavy")) for group, names in HEAVY.items() for name in names]


class Exchange:
    """The models of a group of cases, logged by both; what both said when asked, each model by each."""

    def __init__(self, group, folder):
        self.folder = folder
        self._python = os.environ["MLCTL_FLAVORS" if group == "light" else "MLCTL_FLAVORS_HEAVY"]
        self._names = LIGHT if group == "light" else HEAVY[group]
        self.written = self._run("written", "write", folder)
        self.read = {module: self._run(module, "read", module, folder) for module in MODULES}

    def _run(self, result, task, *arguments):
        process(self._python, "-W", "ignore", PROCESS, task, *arguments, *self._names, folder=self.folder)
        return json.loads((self.folder / f"{result}.json").read_text())

    def model(self, module, name):
        """The folder of a model."""
        return next(path.parent for path in (self.folder / module / name).rglob("MLmodel"))


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    """A function that gives the exchange of a group, made when it is first asked for."""
    made = {}

    def give(group):
        if group not in made:
            made[group] = Exchange(group, tmp_path_factory.mktemp(group))
        return made[group]

    return give


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("group", "name"), CASES)
def test_predictions_are_identical(exchange, group, name):
    found = exchange(group)
    written = found.written[name]
    assert isinstance(written, dict), written
    assert {module: written[module] for module in MODULES} == dict.fromkeys(MODULES, "written")
    with_params = set()
    for reader in MODULES:
        for writer in MODULES:
            answers = found.read[reader][name][writer]
            assert isinstance(answers, dict), f"written by {writer}, read by {reader}: {answers}"
            assert answers["native"] == written["expected"], (writer, reader)
            assert answers["pyfunc"] == written["expected"], (writer, reader)
            with_params.add(json.dumps(answers.get("params")))
    assert len(with_params) == 1
    assert (with_params == {"null"}) == (name not in WITH_PARAMS)


CHANGING = ("artifact_path", "model_id", "model_size_bytes", "model_uuid", "run_id", "utc_time_created")
FILES_OF_OURS = {"registered_model_meta"}  # MLflow's note of where a model was downloaded from


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("group", "name"), CASES)
def test_folders_are_mlflows(exchange, group, name):
    ours, theirs = (exchange(group).model(module, name) for module in MODULES)
    assert files(ours) == files(theirs)
    ours, theirs = (yaml.safe_load((folder / "MLmodel").read_text()) for folder in (ours, theirs))
    for facts in (ours, theirs):
        for key in CHANGING:
            facts.pop(key, None)
    for facts in (ours, theirs):
        trusted = facts["flavors"].get("lightgbm", {}).get("skops_trusted_types")
        if trusted:
            facts["flavors"]["lightgbm"]["skops_trusted_types"] = sorted(trusted)
    assert ours == theirs


DISTRIBUTIONS = {"xgboost": "xgboost-cpu", "onnx": "onnxruntime", "pytorch": "torch", "spark": "pyspark"}


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("group", "name"), CASES)
def test_the_framework_is_required_in_its_version(exchange, group, name):
    flavor = name.partition(" ")[0]
    lines = (exchange(group).model("mlctl", name) / "requirements.txt").read_text().splitlines()
    names = [line.partition("==")[0] for line in lines]
    assert {"mlflow", DISTRIBUTIONS.get(flavor, flavor)} <= set(names)
    assert len(set(names)) == len(names)
    assert all(line.partition("==")[2] for line in lines)
    assert ("skops" in names) == (name == "lightgbm estimator")


def files(folder):
    """The files of a model; those of Spark have random names."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - FILES_OF_OURS
    return {path for path in found if not path.startswith("sparkml/")} | {"sparkml" for path in found if path.startswith("sparkml/")}


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("group", "name"), CASES)
def test_a_closed_gate_keeps_pickles_out_and_nothing_else(exchange, group, name):
    for answers in exchange(group).read["mlctl"][name]["closed"].values():
        if name in PICKLED:
            assert "MLCTL_ALLOW_PICKLE=true" in answers
        else:
            assert answers == exchange(group).written[name]["expected"]
