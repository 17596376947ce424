"""Models that the real MLflow logs to a server: `models_of_mlflow.py ADDRESS`; prints the ids of models by name, as JSON."""

import json
import logging
import sys
import warnings

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("houses")
rooms = pd.DataFrame({"rooms": np.arange(8.0), "area": np.arange(8.0) * 30, "city": list("abababab")})
numbers = rooms[["rooms", "area"]]
price = numbers["area"] * 2 + 1
found = {}
for depth in (2, 3):
    with mlflow.start_run(run_name=f"depth {depth}"):
        mlflow.log_input(mlflow.data.from_pandas(rooms, source="rooms.csv", name="rooms"), context="training")
        info = mlflow.sklearn.log_model(
            DecisionTreeRegressor(max_depth=depth).fit(numbers, price),
            name="tree",
            signature=infer_signature(numbers if depth == 2 else numbers[["area"]], price),
            input_example=numbers[:2] if depth == 2 else None,
            pip_requirements=["scikit-learn==1.9.0", f"numpy=={depth}.0"],
            registered_model_name="houses",
            serialization_format="cloudpickle",
            params={"depth": depth},
        )
        mlflow.log_metric("rmse", 1 / depth, model_id=info.model_id)
        found[f"tree {depth}"] = info.model_id
mlflow.MlflowClient().set_registered_model_alias("houses", "champion", 1)


class Scaled(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["area"] * params["factor"]


with mlflow.start_run(run_name="function"):
    signature = infer_signature(rooms, price, params={"factor": 2.0, "names": ["x"]})
    found["scaled"] = mlflow.pyfunc.log_model(
        name="scaled", python_model=Scaled(), signature=signature, pip_requirements=["pandas"]
    ).model_id
with mlflow.start_run(run_name="plain"):
    mlflow.log_param("fit", "yes")
    mlflow.sklearn.save_model(
        LinearRegression().fit(numbers, price), "linear", pip_requirements=["scikit-learn"], serialization_format="cloudpickle"
    )
    mlflow.log_artifacts("linear", artifact_path="old style")
    found["run"] = mlflow.active_run().info.run_id
sys.stdout.write(json.dumps(found))
