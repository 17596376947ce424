"""Folders of models that somebody made to have something else run, or read, when they are loaded."""

import pytest

LIGHT = """
import os, pathlib, shutil
import numpy as np, xgboost, lightgbm
import mlctl as mlflow
import mlctl.xgboost, mlctl.lightgbm, mlctl.pyfunc
from mlctl.errors import MlctlError

x = np.arange(40.0).reshape(20, 2)
mlflow.xgboost.save_model(xgboost.train({"nthread": 1}, xgboost.DMatrix(x, label=x[:, 0]), 1), "booster")
mlflow.lightgbm.save_model(lightgbm.LGBMRegressor(n_estimators=1, n_jobs=1, verbose=-1).fit(x, x[:, 0]), "estimator")

def refused(flavor, source, old, new):
    shutil.rmtree("hostile", ignore_errors=True)
    shutil.copytree(source, "hostile")
    file = pathlib.Path("hostile/MLmodel")
    text = file.read_text()
    assert old in text, text
    file.write_text(text.replace(old, new))
    for load in (flavor.load_model, mlflow.pyfunc.load_model):
        try:
            load("hostile")
        except MlctlError as error:
            print(error.message)
        else:
            raise AssertionError(new)

for name in ("subprocess.Popen", "builtins.exit", "antigravity.fly", "nothing"):
    refused(mlflow.xgboost, "booster", "xgboost.core.Booster", name)
for path in ("../outside.ubj", "/etc/hostname", "absent.ubj"):
    refused(mlflow.xgboost, "booster", "data: model.ubj", f"data: {path}")
os.environ["MLCTL_ALLOW_PICKLE"] = "false"
mlflow.lightgbm.load_model("estimator").predict(x)
refused(mlflow.lightgbm, "estimator", "- collections.OrderedDict", "- os.system")
refused(mlflow.lightgbm, "estimator", "serialization_format: skops", "serialization_format: cloudpickle")
"""


@pytest.mark.engine("flavors")
def test_classes_files_and_types_that_are_none_of_the_models(script):
    said = script(LIGHT).stdout.splitlines()
    assert len(said) == 18
    assert [line for line in said if "Popen" in line or "antigravity" in line]


HEAVY = """
import io, os, pathlib, pickle, shutil, zipfile
import numpy as np, torch
import mlctl as mlflow
import mlctl.pytorch, mlctl.pyfunc
from flavor_network import Network
from mlctl.errors import MlctlError

class Evil:
    def __reduce__(self):
        return (os.system, ("touch pwned",))

example = torch.ones(2, 3)
mlflow.pytorch.save_model(Network().eval(), "exported", input_example=example)
assert mlflow.pyfunc.load_model("exported").predict(np.ones((5, 3), dtype="float32")).shape == (5, 1)
os.environ["MLCTL_ALLOW_PICKLE"] = "false"
mlflow.pytorch.load_model("exported")

def refused(member, change):
    shutil.rmtree("hostile", ignore_errors=True)
    shutil.copytree("exported", "hostile")
    with zipfile.ZipFile("exported/data/model.pt2") as before, zipfile.ZipFile("hostile/data/model.pt2", "w") as after:
        assert [name for name in before.namelist() if name.endswith(member)], before.namelist()
        for name in before.namelist():
            after.writestr(name, change(before.read(name)) if name.endswith(member) else before.read(name))
    try:
        mlflow.pytorch.load_model("hostile")
    except MlctlError as error:
        assert "holds pickles" in error.message
    else:
        raise AssertionError(member)
    assert not os.path.exists("pwned")

evil = io.BytesIO()
torch.save(Evil(), evil)
refused("sample_inputs/model.pt", lambda _: evil.getvalue())
refused("weights/model_weights_config.json", lambda text: text.replace(b'"use_pickle": false', b'"use_pickle": true'))
refused("weights/model_weights_config.json", lambda text: text.replace(b'"weight_0"', b'"opaque_obj_0"'))
"""


@pytest.mark.engine("flavors-heavy")
def test_pickles_hidden_in_an_exported_program(script):
    script(HEAVY, engine="MLCTL_FLAVORS_HEAVY")
