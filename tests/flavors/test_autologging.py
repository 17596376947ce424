"""What autologging of boosters must not disturb, and what it logs besides: the model with its signature."""

import json

import pytest

from mlctl.tracking.opening import open_store

pytestmark = pytest.mark.engine("flavors")

BEGINNING = """
import sys
import numpy as np
import mlctl as mlflow
numbers = np.random.default_rng(0)
x = numbers.normal(size=(80, 3)); y = x @ [1.0, 2.0, -1.0]
import pandas as pd
frame = pd.DataFrame(x, columns=["size", "age", "dose"])
"""


@pytest.fixture
def runs(place):
    """A function that returns the runs of the store, oldest first."""
    return lambda: sorted(open_store().search_runs(["0"]), key=lambda run: run.info.start_time)


def test_turning_it_off_restores_every_function(script):
    script(
        BEGINNING
        + """
import xgboost, lightgbm
def everything():
    found = {}
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("xgboost", "lightgbm"):
            for key, value in list(vars(module).items()):
                found[name, key] = value
                if isinstance(value, type):
                    found.update({(name, key, inner): item for inner, item in vars(value).items()})
    return found
before, hooks = everything(), list(sys.meta_path)
mlflow.autolog()
during = everything()
changed = {key for key in during if during[key] is not before.get(key)}
assert ("xgboost", "train") in changed and ("lightgbm.sklearn", "train") in changed and ("xgboost", "DMatrix", "__init__") in changed
assert ("xgboost", "XGBClassifier", "fit") in changed and ("lightgbm", "LGBMRegressor", "fit") in changed, changed
mlflow.autolog()
assert everything().keys() == during.keys()
mlflow.autolog(disable=True)
after = everything()
assert after.keys() == before.keys(), after.keys() ^ before.keys()
assert not [key for key in before if after[key] is not before[key]]
assert sys.meta_path == hooks
"""
    )


def test_turned_on_before_the_import(script, runs):
    script(
        BEGINNING
        + """
import mlctl.xgboost, mlctl.lightgbm
mlflow.xgboost.autolog(log_models=False)
mlflow.lightgbm.autolog(log_models=False)
assert "xgboost" not in sys.modules and "lightgbm" not in sys.modules
import xgboost, lightgbm
xgboost.train({"nthread": 1}, xgboost.DMatrix(x, label=y), 2)
lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(x, label=y), 2)
mlflow.xgboost.autolog(disable=True)
mlflow.lightgbm.autolog(disable=True)
assert xgboost.sklearn.train is xgboost.train and not hasattr(xgboost.train, "__mlctl__")
xgboost.train({"nthread": 1}, xgboost.DMatrix(x, label=y), 2)
"""
    )
    found = runs()
    assert [run.data.tags["mlflow.autologging"] for run in found] == ["xgboost", "lightgbm"]
    assert [run.data.params["num_boost_round"] for run in found] == ["2", "2"]


def test_models_are_the_same_with_it_and_arguments_stay_as_they_are(script):
    script(
        BEGINNING
        + """
import xgboost, lightgbm
def trained():
    callbacks = [xgboost.callback.EarlyStopping(2)]
    data, other = xgboost.DMatrix(x[:60], label=y[:60]), xgboost.DMatrix(x[60:], label=y[60:])
    seen = {}
    known = {"nthread": 1, "eta": 0.9}
    one = xgboost.train(known, data, 20, evals=[(other, "o")], callbacks=callbacks, evals_result=seen, verbose_eval=False)
    assert len(callbacks) == 1
    stops = [lightgbm.early_stopping(2, verbose=False)]
    known = {"verbose": -1, "num_threads": 1, "learning_rate": 0.9}
    sets = [lightgbm.Dataset(x[60:], label=y[60:])]
    two = lightgbm.train(known, lightgbm.Dataset(x[:60], label=y[:60]), 20, valid_sets=sets, callbacks=stops)
    assert len(stops) == 1
    three = xgboost.XGBRegressor(n_estimators=3, n_jobs=1).fit(frame, y)
    four = lightgbm.LGBMRegressor(n_estimators=3, n_jobs=1, verbose=-1).fit(frame, y)
    texts = [bytes(one.save_raw()), two.model_to_string(), bytes(three.get_booster().save_raw()), four.booster_.model_to_string()]
    return texts, seen, three.__dict__.keys(), four.__dict__.keys()
plain = trained()
mlflow.autolog()
assert trained() == plain
"""
    )


def test_exceptions_pass_unchanged_and_mark_the_run(script, runs):
    script(
        BEGINNING
        + """
import xgboost
mlflow.autolog(silent=True)
problem = ValueError("mine")
def goal(*_):
    raise problem
for error in (problem, KeyboardInterrupt()):
    problem = error
    try:
        xgboost.train({"nthread": 1}, xgboost.DMatrix(x, label=y), 2, obj=goal)
    except BaseException as found:
        assert found is error
    else:
        raise AssertionError
"""
    )
    assert [run.info.status for run in runs()] == ["FAILED", "KILLED"]


def test_a_store_out_of_reach_stops_no_training(script):
    done = script(
        BEGINNING
        + """
import xgboost
mlflow.autolog()
mlflow.set_tracking_uri("http://127.0.0.1:1")
assert xgboost.train({"nthread": 1}, xgboost.DMatrix(x, label=y), 2).num_boosted_rounds() == 2
assert xgboost.XGBRegressor(n_estimators=2, n_jobs=1).fit(x, y).score(x, y) > 0
"""
    )
    assert "Autologging could not start logging a training" in done.stderr


def test_within_a_search_or_a_pipeline_it_is_no_training_of_its_own(script, runs):
    script(
        BEGINNING
        + """
import xgboost
from sklearn.model_selection import GridSearchCV
mlflow.autolog(log_models=False)
GridSearchCV(xgboost.XGBRegressor(n_estimators=2, n_jobs=1), {"max_depth": [1, 2]}, cv=2).fit(x, y)
"""
    )
    found = [run for run in runs() if "mlflow.parentRunId" not in run.data.tags]
    assert len(found) == 1
    assert found[0].data.tags["estimator_name"] == "GridSearchCV"


def test_the_model_is_logged_with_its_signature_and_an_example(script, runs):
    done = script(
        BEGINNING
        + """
import json, xgboost, lightgbm
mlflow.autolog(log_input_examples=True)
xgboost.train({"nthread": 1}, xgboost.DMatrix(frame, label=y), 2, evals=[(xgboost.DMatrix(frame, label=y), "all")], verbose_eval=False)
xgboost.XGBRegressor(n_estimators=2, n_jobs=1).fit(frame, y)
lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(frame, label=y), 2)
lightgbm.LGBMRegressor(n_estimators=2, n_jobs=1, verbose=-1).fit(frame, y)
found = {}
for model in reversed(mlflow.search_logged_models(output_format="list")):
    loaded = mlflow.pyfunc.load_model(f"models:/{model.model_id}")
    found[model.model_id] = {
        "status": str(model.status),
        "inputs": loaded.metadata.signature.inputs.to_dict(),
        "example": sorted(loaded.input_example.columns),
        "metrics": [[metric.key, metric.step] for metric in model.metrics or []],
        "numbers": len(loaded.predict(frame)),
    }
print(json.dumps(list(found.values())))
"""
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 4, done.stderr
    for model in found:
        assert model["status"] == "READY"
        assert [column["name"] for column in model["inputs"]] == ["size", "age", "dose"]
        assert model["example"] == ["age", "dose", "size"]
        assert model["numbers"] == 80
    assert ["all-rmse", 1] in found[0]["metrics"]
