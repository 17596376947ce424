"""One case for each flavor and format: how its model is made, logged, and asked. Imported by processes that have the frameworks."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Case:
    """A model and how it is asked; ``options`` gives arguments of ``log_model`` for a module's name, mlctl or mlflow."""

    flavor: str
    make: Callable[[], Any]
    data: Callable[[], Any]
    native: Callable[[Any, Any], Any] = lambda model, data: model.predict(data)
    options: Callable[[str], dict] = lambda module: {}
    params: dict = field(default_factory=dict)  # of a second question to the pyfunc model
    pickled: bool = False  # whether the closed gate keeps it from being loaded


def table() -> pd.DataFrame:
    numbers = np.random.default_rng(7)
    return pd.DataFrame(numbers.normal(size=(30, 3)), columns=["size", "age", "dose"])


def array() -> np.ndarray:
    return table().to_numpy().astype("float32")


def level() -> np.ndarray:
    return (table() @ [1.0, -2.0, 0.5]).to_numpy()


def kind() -> np.ndarray:
    return (level() > 0).astype(int) + (level() > 1.5).astype(int)


# ── XGBoost, LightGBM, CatBoost ──────────────────────────────────────────────────────────────────────────────────────


def xgboost_booster():
    import xgboost

    return xgboost.train({"nthread": 1}, xgboost.DMatrix(table(), label=level()), 4)


def xgboost_native(model, data):
    import xgboost

    return model.predict(xgboost.DMatrix(data))


def xgboost_classifier():
    import xgboost

    return xgboost.XGBClassifier(n_estimators=4, n_jobs=1).fit(table(), kind())


SMALL = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}


def lightgbm_booster():
    import lightgbm

    return lightgbm.train(SMALL, lightgbm.Dataset(table(), label=level()), 4)


def lightgbm_classifier():
    import lightgbm

    return lightgbm.LGBMClassifier(n_estimators=4, n_jobs=1, verbose=-1, min_child_samples=2).fit(table(), kind())


def catboost_regressor():
    import catboost

    return catboost.CatBoostRegressor(iterations=4, thread_count=1, verbose=False, allow_writing_files=False).fit(table(), level())


def catboost_classifier():
    import catboost

    return catboost.CatBoostClassifier(iterations=4, thread_count=1, verbose=False, allow_writing_files=False).fit(table(), kind())


# ── ONNX, statsmodels ────────────────────────────────────────────────────────────────────────────────────────────────


def onnx_model():
    from skl2onnx import to_onnx
    from sklearn.linear_model import LinearRegression

    return to_onnx(LinearRegression().fit(array(), level().astype("float32")), array()[:1])


def onnx_native(model, data):
    import onnxruntime

    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"X": data})[0]


def statsmodels_ols():
    import statsmodels.api as sm

    return sm.OLS(level(), table()).fit()


def statsmodels_series():
    from statsmodels.tsa.ar_model import AutoReg

    return AutoReg(np.sin(np.arange(40.0)), lags=2).fit()


# ── networks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def network():
    import torch
    from flavor_network import Network

    torch.manual_seed(0)
    return Network().eval()


def scripted_network():
    import torch

    return torch.jit.script(network())


def torch_native(model, data):
    import torch

    with torch.no_grad():
        return model(torch.from_numpy(data)).numpy()


def with_signature(module):
    """A signature of tensors, which some formats need."""
    return {"signature": import_module(f"{module}.models").infer_signature(array(), np.zeros((30, 1), dtype="float32"))}


def keras_network():
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def keras_native(model, data):
    return model.predict(data, verbose=0)


def tensorflow_module():
    import tensorflow as tf

    class Scaled(tf.Module):
        def __init__(self):
            super().__init__()
            self.factor = tf.Variable([[1.0], [2.0], [3.0]])

        @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)])
        def __call__(self, x):
            return x @ self.factor

    return Scaled()


def spark_pipeline():
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import LinearRegression

    rows = spark().createDataFrame(table().assign(label=level()))
    return Pipeline(stages=[VectorAssembler(inputCols=["size", "age", "dose"], outputCol="features"), LinearRegression()]).fit(rows)


def spark():
    from pyspark.sql import SparkSession

    quiet = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "1", "spark.driver.bindAddress": "127.0.0.1"}
    builder = SparkSession.builder.master("local[1]")
    for name, value in quiet.items():
        builder = builder.config(name, value)
    found = builder.getOrCreate()
    found.sparkContext.setLogLevel("ERROR")
    return found


def spark_native(model, data):
    return np.array([row.prediction for row in model.transform(spark().createDataFrame(data)).collect()])


def span() -> pd.DataFrame:
    return pd.DataFrame({"start": [40], "end": [44]})


CASES = {
    "xgboost booster": Case("xgboost", xgboost_booster, table, xgboost_native, params={"output_margin": True, "unknown": 1}),
    "xgboost estimator": Case("xgboost", xgboost_classifier, table, options=lambda _: {"model_format": "json"}),
    "lightgbm booster": Case("lightgbm", lightgbm_booster, table),
    "lightgbm estimator": Case("lightgbm", lightgbm_classifier, table),
    "lightgbm pickled": Case(
        "lightgbm", lightgbm_classifier, table, options=lambda _: {"serialization_format": "cloudpickle"}, pickled=True
    ),
    "onnx": Case("onnx", onnx_model, array, onnx_native),
    "onnx threads": Case(
        "onnx",
        onnx_model,
        array,
        onnx_native,
        options=lambda _: {
            "onnx_execution_providers": ["CPUExecutionProvider"],
            "onnx_session_options": {"intra_op_num_threads": 1, "execution_mode": "sequential"},
            "save_as_external_data": False,
        },
    ),
    "statsmodels": Case("statsmodels", statsmodels_ols, table, pickled=True),
    "statsmodels series": Case("statsmodels", statsmodels_series, span, lambda model, data: model.predict(start=40, end=44), pickled=True),
    "catboost regressor": Case("catboost", catboost_regressor, table),
    "catboost classifier": Case("catboost", catboost_classifier, table, options=lambda _: {"format": "json"}),
    "pytorch exported": Case("pytorch", network, array, torch_native, lambda _: {"input_example": array()[:2]}),
    "pytorch pickled": Case(
        "pytorch", network, array, torch_native, lambda _: {"serialization_format": "pickle"}, {"scale": 2.0}, pickled=True
    ),
    "pytorch scripted": Case("pytorch", scripted_network, array, torch_native, lambda _: {"serialization_format": "pickle"}, pickled=True),
    "keras": Case("keras", keras_network, array, keras_native, with_signature),
    "keras exported": Case(
        "keras",
        keras_network,
        array,
        lambda model, data: np.asarray(model.serve(data) if hasattr(model, "serve") else model.predict(data, verbose=0)),
        lambda module: {**with_signature(module), "save_exported_model": True},
    ),
    "tensorflow keras": Case("tensorflow", keras_network, array, keras_native, with_signature),
    "tensorflow module": Case("tensorflow", tensorflow_module, array, lambda model, data: model(data).numpy(), with_signature),
    "spark": Case("spark", spark_pipeline, table, spark_native),
}
