"""Model folders that somebody else has made: what leads out of them, makes objects or runs code is refused with a sentence."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mlctl import pyfunc, sklearn
from mlctl.errors import InvalidValueError, MlctlError
from mlctl.models import Model, get_model_info
from mlctl.models.pickles import PickleRefusedError

SCRIPT = """
from pathlib import Path
from mlctl.models import set_model
Path({marker!r}).write_text("ran")
set_model(len)
"""
CODE_MODEL = {"loader_module": "mlflow.pyfunc.loaders.code_model", "model_code_path": "script.py"}


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.fixture
def marker(place):
    """Whoever runs what a model brings makes this."""
    return place / "marker"


@pytest.fixture
def model(place, marker):
    """A function that makes a model's folder, with a script, a bomb and code in it, whose MLmodel file names these flavors."""

    def make(python_function=None, **said):
        folder = place / "a model"
        (folder / "code").mkdir(parents=True)
        (place / "outside").mkdir()
        for where in (folder, place / "outside", place):
            (where / "script.py").write_text(SCRIPT.format(marker=str(marker)))
            (where / "bomb.pkl").write_bytes(pickle.dumps(Bomb(marker)))
        (folder / "code" / "own_loader.py").write_text("def _load_pyfunc(path):\n    return None\n")
        (folder / "link").symlink_to(place / "outside")
        (folder / "link.pkl").symlink_to(place / "outside" / "bomb.pkl")
        flavors = {"python_function": python_function} if python_function else {}
        (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors, **said}))
        return str(folder)

    return make


OUTSIDE = ["../outside", "code/../../outside", "/etc", "link", "..", "C:\\Windows", "code\\..\\..", 7, ["code"]]


@pytest.mark.parametrize("entry", OUTSIDE)
def test_code_outside_of_the_folder_is_not_put_on_the_path(model, entry):
    before = list(sys.path)
    with pytest.raises(InvalidValueError, match="code"):
        pyfunc.load_model(model({**CODE_MODEL, "code": entry}))
    assert sys.path == before


@pytest.mark.parametrize("entry", OUTSIDE)
def test_data_outside_of_the_folder_is_not_loaded(model, entry):
    with pytest.raises(InvalidValueError, match="data"):
        pyfunc.load_model(model({"loader_module": "mlflow.sklearn", "data": entry}))


@pytest.mark.parametrize("entry", ["../bomb.pkl", "/etc/passwd", "link.pkl", "link/bomb.pkl", None])
def test_pickles_outside_of_the_folder_are_not_opened(model, marker, entry):
    folder = model({"loader_module": "mlflow.pyfunc.model", "python_model": entry})
    with pytest.raises(InvalidValueError, match="Python model"):
        pyfunc.load_model(folder)
    said = yaml.safe_load(Path(folder, "MLmodel").read_text())
    said["flavors"]["sklearn"] = {"pickled_model": entry, "serialization_format": "pickle"}
    Path(folder, "MLmodel").write_text(yaml.safe_dump(said))
    with pytest.raises(InvalidValueError, match="model file"):
        sklearn.load_model(folder)
    assert not marker.exists()


def test_the_script_is_the_one_in_the_folder(model, marker, place):
    folder = model({**CODE_MODEL, "model_code_path": "../outside/other.py"})
    (place / "outside" / "other.py").write_text(SCRIPT.format(marker=str(marker)))
    with pytest.raises(MlctlError, match="not there"):
        pyfunc.load_model(folder)
    assert not marker.exists()


@pytest.mark.parametrize("entry", ["../script.py", "link/script.py", "/etc/passwd"])
def test_artifacts_outside_of_the_folder_are_not_given_to_models(model, entry):
    with pytest.raises(InvalidValueError, match="artifact words"):
        pyfunc.load_model(model({**CODE_MODEL, "artifacts": {"words": {"path": entry, "uri": "x"}}}))


@pytest.mark.parametrize("entry", ["../script.py", "link/script.py", "/etc/passwd", 5])
def test_examples_outside_of_the_folder_are_not_read(model, entry):
    folder = model(CODE_MODEL, saved_input_example_info={"artifact_path": entry, "type": "json_object"})
    with pytest.raises(InvalidValueError, match="example"):
        Model.load(folder).load_input_example(folder)


TEXTS = {
    "flavors: !!python/object/apply:os.mkdir [marker]\n": "YAML",
    "flavors: {a: &a [1, 2], b: !!python/name:os.system }\n": "YAML",
    "flavors: [python_function]\n": "flavors",
    "flavors: {python_function: text}\n": "flavors",
    "run_id: 1\n": "flavors",
    "- 1\n": "mapping",
    "flavors: {\n": "YAML",
    "[" * 5000: "YAML",
    "\x00": "YAML",
    "flavors: {}\nsignature: {inputs: 'no JSON'}\n": "(?i)json",
    "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{now}: &{now} [{', '.join([f'*{before}'] * 10)}]\n" for before, now in zip("abcdefgh", "bcdefghi", strict=True))
    + "flavors: {x: {y: *i}}\n": "values",
    "a: &a {a: *a}\nflavors: {}\n": "values",
}


@pytest.mark.parametrize("text", TEXTS)
def test_descriptions_that_are_none(place, marker, text):
    Path("MLmodel").write_text(text)
    with pytest.raises(InvalidValueError, match=TEXTS[text]):
        get_model_info(str(place))
    assert not marker.exists()


def test_descriptions_without_end(place):
    with Path("MLmodel").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InvalidValueError, match="16 MB"):
        Model.load(place)


def test_descriptions_that_are_links(place):
    (place / "model").mkdir()
    (place / "secret.yaml").write_text("flavors: {}\n")
    (place / "model" / "MLmodel").symlink_to(place / "secret.yaml")
    with pytest.raises(InvalidValueError, match="leads out"):
        Model.load(place / "model")


@pytest.mark.parametrize("loader", ["os", "mlflow.no_such_flavor", "mlflow.pyfunc.model.x", "..os", "", None, 3])
def test_loaders_that_are_none(model, loader):
    with pytest.raises(InvalidValueError):
        pyfunc.load_model(model({"loader_module": loader}))


WITH_CODE = {
    "a pickle": {"loader_module": "mlflow.pyfunc.model", "python_model": "bomb.pkl"},
    "a script": CODE_MODEL,
    "code": {"loader_module": "mlflow.sklearn", "code": "code"},
    "a loader of its own": {"loader_module": "own_loader"},
}


@pytest.mark.parametrize("variable", ["MLCTL_ALLOW_PICKLE", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"])
@pytest.mark.parametrize("kind", WITH_CODE)
def test_a_closed_gate(model, marker, monkeypatch, kind, variable):
    monkeypatch.setenv(variable, "false")
    with pytest.raises(PickleRefusedError, match="not allowed here") as refused:
        pyfunc.load_model(model(WITH_CODE[kind]))
    assert "MLCTL_ALLOW_PICKLE=true" in refused.value.hint
    assert not marker.exists()


def test_an_open_gate(model, marker):
    assert pyfunc.load_model(model(CODE_MODEL)).predict("four") == 4
    assert marker.exists()


def test_code_that_is_to_be_found_is_asked_for(place):
    with pytest.raises(InvalidValueError, match="code_paths") as refused:
        pyfunc.save_model(place / "new", python_model=len, infer_code_paths=True)
    assert "code_paths=" in refused.value.hint
    assert not (place / "new").exists()


SKOPS = """
import functools, os, sys
import skops.io
from pathlib import Path
from sklearn.ensemble import RandomForestRegressor
from sklearn.preprocessing import FunctionTransformer
import mlctl.sklearn as ours
from mlctl.models.pickles import PickleRefusedError

os.environ["MLCTL_ALLOW_PICKLE"] = "false"
ours.save_model(RandomForestRegressor(3).fit([[1.0], [2.0]], [1.0, 2.0]), "forest")
assert len(ours.load_model("forest").predict([[1.0]])) == 1
for name, harm in (("builtins.exec", exec), ("os.system", os.system), ("numpy.save", __import__("numpy").save)):
    try:
        ours.save_model(FunctionTransformer(harm), name)
        raise SystemExit("saved")
    except PickleRefusedError:
        raise SystemExit("wrong error") from None
    except Exception as error:
        assert "trusted" in str(error), error
    file = Path("forest", "model.skops")
    skops.io.dump(FunctionTransformer(functools.partial(harm, "x = 1")), file)
    trusted = skops.io.get_untrusted_types(file=file)
    said = Path("forest", "MLmodel").read_text()
    listed = "\\n    - ".join(["- sklearn.tree._tree.Tree", *trusted])
    Path("forest", "MLmodel").write_text(said.replace("- sklearn.tree._tree.Tree", listed))
    try:
        ours.load_model("forest")
        raise SystemExit(f"loaded {name}")
    except PickleRefusedError as error:
        pass
    Path("forest", "MLmodel").write_text(said)
    try:
        ours.load_model("forest")
        raise SystemExit(f"loaded {name} undeclared")
    except Exception as error:
        assert type(error).__name__ == "InvalidValueError", error
Path("forest", "model.skops").write_bytes(b"no archive")
try:
    ours.load_model("forest")
except Exception as error:
    assert type(error).__name__ == "InvalidValueError", error
print("refused")
"""


@pytest.mark.engine("mlflow")
def test_types_that_a_model_wants_trusted(place):
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), "PYTHONPATH": str(Path(__file__).parents[2])}
    argv = [os.environ["MLCTL_MLFLOW"], "-c", SKOPS]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr[-3000:]
