"""One side's work for models_bench: SIDE FOLDER, by a Python that has scikit-learn and the side's package. Prints ms by row as JSON.

SIDE is ``mlctl`` or ``mlflow``: both are called by the same names, and log to an SQLite database in FOLDER. The format is the same, too.
"""

import importlib
import json
import sys
import time

from sklearn.ensemble import RandomForestRegressor

PARAMS = {"n_estimators": 4, "random_state": 42}
FORMAT = "cloudpickle"


def main():
    side, folder = sys.argv[1:]
    api, found = importlib.import_module(side), {}
    flavor, pyfunc = importlib.import_module(f"{side}.sklearn"), importlib.import_module(f"{side}.pyfunc")
    api.set_tracking_uri(f"sqlite:///{folder}/{side}.db")
    forest = RandomForestRegressor(**PARAMS).fit([[0, 1, 0]], [1])
    with api.start_run() as run:
        api.log_params(PARAMS)
        for row in ("log_model", "log_model again"):
            begin = time.perf_counter()
            flavor.log_model(forest, artifact_path="sklearn-model", serialization_format=FORMAT)
            found[row] = (time.perf_counter() - begin) * 1000
    for row in ("load_model", "load_model again"):
        begin = time.perf_counter()
        model = pyfunc.load_model(f"runs:/{run.info.run_id}/sklearn-model")
        found[row] = (time.perf_counter() - begin) * 1000
    assert model.predict([[0, 1, 0]])[0] == 1.0
    print(json.dumps(found))


main()
