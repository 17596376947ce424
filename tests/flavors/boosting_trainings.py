"""Trains the same boosters under autologging of MODULE (mlflow or mlctl) and writes what their runs hold: MODULE ADDRESS FILE."""

import contextlib
import importlib
import json
import sys
from pathlib import Path

import lightgbm
import numpy as np
import xgboost
from sklearn.datasets import load_diabetes, load_iris

MODULE, ADDRESS, TARGET = sys.argv[1:]
mlflow = importlib.import_module(MODULE)
for flavor in ("xgboost", "lightgbm"):
    importlib.import_module(f"{MODULE}.{flavor}").autolog(log_models=False)
mlflow.set_tracking_uri(ADDRESS)

client = mlflow.MlflowClient()
iris, kinds = load_iris(return_X_y=True, as_frame=True)
iris.columns = [name.replace(" (cm)", "").replace(" ", "_") for name in iris.columns]
sugar, level = load_diabetes(return_X_y=True)
found = {}


def facts(run):
    """What a run holds, in comparable form."""
    files = sorted(file.path for file in client.list_artifacts(run.info.run_id))
    folder = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="", dst_path=f"{TARGET}-{run.info.run_id}"))
    return {
        "status": run.info.status,
        "params": run.data.params,
        "metrics": {key: history(run, key) for key in run.data.metrics},
        "tags": {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.") or key == "mlflow.autologging"},
        "files": files,
        "importances": {file: json.loads((folder / file).read_text()) for file in files if file.endswith(".json")},
        "inputs": sorted((item.dataset.digest, [tag.value for tag in item.tags]) for item in run.inputs.dataset_inputs),
    }


def history(run, key):
    return sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, key))


def training(function):
    """Do a training now, and note what the runs that it made hold."""
    before = {run.info.run_id for run in mlflow.search_runs(output_format="list")}
    function()
    runs = [run for run in mlflow.search_runs(output_format="list") if run.info.run_id not in before]
    found[function.__name__] = [facts(run) for run in sorted(runs, key=lambda run: run.info.start_time)]


def matrices():
    return xgboost.DMatrix(iris[:100], label=kinds[:100]), xgboost.DMatrix(iris[100:], label=kinds[100:])


@training
def xgboost_train():
    data, other = matrices()
    params = {"objective": "multi:softprob", "num_class": 3, "nthread": 1, "eval_metric": ["mlogloss", "merror"], "seed": 1}
    xgboost.train(params, data, num_boost_round=6, evals=[(data, "train"), (other, "test")], verbose_eval=False)


@training
def xgboost_early():
    data = xgboost.DMatrix(sugar[:300], label=level[:300])
    other = xgboost.DMatrix(sugar[300:], label=level[300:])
    params = {"objective": "reg:squarederror", "nthread": 1, "eta": 0.9, "max_depth": 8}
    xgboost.train(params, data, 50, evals=[(other, "other")], early_stopping_rounds=3, verbose_eval=False)


@training
def xgboost_ranking():
    data = xgboost.DMatrix(sugar[:60], label=(level[:60] > 150).astype(int), qid=np.repeat(range(6), 10))
    xgboost.train({"objective": "rank:ndcg", "eval_metric": "ndcg@3", "nthread": 1}, data, 3, evals=[(data, "train")], verbose_eval=False)


@training
def xgboost_within_a_run():
    with mlflow.start_run(run_name="mine"):
        xgboost.train({"nthread": 1}, matrices()[0], 2)


@training
def xgboost_classifier():
    xgboost.XGBClassifier(n_estimators=4, n_jobs=1, random_state=0).fit(iris, kinds, eval_set=[(iris[::2], kinds[::2])], verbose=False)


@training
def xgboost_failing():
    with contextlib.suppress(xgboost.core.XGBoostError):
        xgboost.train({"objective": "no such"}, matrices()[0], 2)


QUIET = {"verbose": -1, "num_threads": 1, "deterministic": True, "min_data_in_leaf": 5}


@training
def lightgbm_train():
    data = lightgbm.Dataset(iris[:100], label=kinds[:100])
    params = {"objective": "multiclass", "num_class": 3, "metric": ["multi_logloss", "multi_error"], **QUIET}
    lightgbm.train(params, data, 6, valid_sets=[data, lightgbm.Dataset(iris[100:], label=kinds[100:])], valid_names=["train", "test"])


@training
def lightgbm_early():
    data = lightgbm.Dataset(sugar[:300], label=level[:300])
    stop = lightgbm.early_stopping(3, verbose=False)
    params = {"objective": "regression", "learning_rate": 0.9, **QUIET}
    lightgbm.train(params, data, 50, valid_sets=[lightgbm.Dataset(sugar[300:], label=level[300:])], callbacks=[stop])


@training
def lightgbm_regressor():
    model = lightgbm.LGBMRegressor(n_estimators=4, n_jobs=1, verbose=-1, random_state=0)
    model.fit(sugar, level, eval_set=[(sugar[::2], level[::2])], eval_names=["half"])


Path(TARGET).write_text(json.dumps(found))
