"""Trains the same estimators under autologging of MODULE (mlflow or mlctl) and writes what their runs hold: MODULE ADDRESS FILE."""

import csv
import importlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics, model_selection
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor, StackingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

MODULE, ADDRESS, TARGET = sys.argv[1:]
mlflow = importlib.import_module(MODULE)
importlib.import_module(f"{MODULE}.sklearn")
mlflow.set_tracking_uri(ADDRESS)
mlflow.sklearn.autolog(log_models=False)

client = mlflow.MlflowClient()
iris_x, iris_y = load_iris(return_X_y=True)
two_x, two_y = iris_x[iris_y > 0], iris_y[iris_y > 0]
sugar_x, sugar_y = load_diabetes(return_X_y=True)
frame = pd.DataFrame({"size": sugar_x[:, 0], "age": sugar_x[:, 1], "kind": np.where(sugar_x[:, 2] > 0, "a", "b")})
weights = np.linspace(0.5, 1.5, len(iris_y))
found = {}


def facts(run):
    """What a run holds, in comparable form."""
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    return {
        "status": run.info.status,
        "params": run.data.params,
        "metrics": run.data.metrics,
        "tags": {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.") or key == "mlflow.autologging"},
        "files": sorted(files),
        "inputs": [described(item) for item in run.inputs.dataset_inputs],
        "calls": json.loads(content(run, "metric_info.json")) if "metric_info.json" in files else None,
        "table": table(content(run, "cv_results.csv")) if "cv_results.csv" in files else None,
    }


def described(item):
    data = item.dataset
    source = json.loads(data.source)["tags"].keys() if data.source else []
    tags = {tag.key: tag.value for tag in item.tags}
    return [data.name, data.digest, data.source_type, sorted(source), data.schema, data.profile, tags]


def content(run, name):
    with tempfile.TemporaryDirectory() as folder:
        return Path(client.download_artifacts(run.info.run_id, name, folder)).read_text()


def table(text):
    rows = list(csv.reader(text.splitlines()))
    timed = {index for index, name in enumerate(rows[0]) if "time" in name}
    return [[cell for index, cell in enumerate(row) if index not in timed] for row in rows]


def case(name, train):
    """Train in an experiment of its own, and note the runs that come of it, parents first, children as they rank."""
    experiment = mlflow.set_experiment(name).experiment_id
    try:
        train()
    except Exception as error:  # noqa: BLE001 -- the estimators' own
        found[name] = {"raised": type(error).__name__}
    runs = client.search_runs([experiment])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    ids = [run.info.run_id for run in parents]
    noted = found.setdefault(name, {})
    noted["runs"] = sorted((facts(run) for run in parents), key=lambda item: json.dumps(item["params"], sort_keys=True))
    noted["children"] = sorted((facts(run) for run in children), key=lambda item: json.dumps(item["params"], sort_keys=True))
    noted["children of"] = sorted({ids.index(run.data.tags["mlflow.parentRunId"]) for run in children})
    return runs


def inside_a_run():
    with mlflow.start_run(tags={"mine": "yes"}):
        RandomForestRegressor(n_estimators=4, random_state=42).fit(sugar_x, sugar_y)
        mlflow.log_metric("own", 1.0)


def twice_in_a_run():
    with mlflow.start_run():
        Ridge(alpha=1.0).fit(sugar_x, sugar_y)
        Ridge(alpha=1.0).fit(sugar_x[:100], sugar_y[:100])


def evaluated():
    model = RandomForestClassifier(n_estimators=5, random_state=1).fit(two_x[::2], two_y[::2])
    held_x, held_y = two_x[1::2], two_y[1::2]
    predicted = model.predict(held_x)
    metrics.accuracy_score(held_y, predicted)
    metrics.accuracy_score(held_y, predicted, normalize=False)
    metrics.f1_score(y_true=held_y, y_pred=predicted, pos_label=2, average="binary")
    model.score(held_x, held_y)
    model.score(held_x[:10], held_y[:10])
    chances = model.predict_proba(held_x)
    metrics.roc_auc_score(held_y, chances[:, 1])  # a part of a prediction is another object
    metrics.mean_absolute_error([1.0], [2.0])  # nothing to do with the model


def failing():
    LogisticRegression().fit(iris_x, iris_y[:10])


def prepared_and_folded():
    StandardScaler().fit(iris_x)
    OneHotEncoder().fit_transform(iris_x)
    model_selection.cross_val_score(SVC(), iris_x, iris_y)


def columns():
    prepare = ColumnTransformer([("kind", OneHotEncoder(), ["kind"]), ("rest", StandardScaler(), ["size", "age"])])
    Pipeline([("prepare", prepare), ("model", Ridge(alpha=0.5))]).fit(frame, pd.Series(sugar_y, name="progress"))


SEARCH = {"max_depth": [1, 2, 3, 4], "criterion": ["gini", "entropy"]}

case("linear regression", lambda: LinearRegression().fit(sugar_x, sugar_y))
case("forest in a run", inside_a_run)
case("twice in a run", twice_in_a_run)
case("logistic regression", lambda: LogisticRegression(max_iter=500).fit(iris_x, iris_y))
case("two classes", lambda: LogisticRegression().fit(two_x, two_y))
case("weights", lambda: DecisionTreeClassifier(max_depth=2, random_state=0).fit(iris_x, iris_y, sample_weight=weights))
case("text labels", lambda: LinearSVC(random_state=0).fit(two_x, np.where(two_y == 2, "yes", "no")))
case("no targets", lambda: KMeans(3, random_state=0, n_init=1).fit(iris_x))
case("fit_predict", lambda: KMeans(3, random_state=0, n_init=1).fit_predict(iris_x))
case("fit_transform", lambda: PCA(2).fit_transform(iris_x))
case("pipeline", lambda: make_pipeline(StandardScaler(), PCA(2), SVC(C=2)).fit(iris_x, iris_y))
case("columns of a frame", columns)
case("stacked", lambda: StackingClassifier([("a", SVC()), ("b", KNeighborsClassifier())], cv=2).fit(iris_x, iris_y))
case("several outputs", lambda: MultiOutputClassifier(KNeighborsClassifier()).fit(iris_x, np.c_[iris_y, iris_y > 0]))
case("grid search", lambda: GridSearchCV(DecisionTreeClassifier(random_state=0), SEARCH, cv=3).fit(iris_x, iris_y))
case(
    "grid search in processes, two scores",
    lambda: GridSearchCV(SVC(), {"C": [1, 2]}, cv=2, n_jobs=2, scoring=["f1_macro", "accuracy"], refit="accuracy").fit(iris_x, iris_y),
)
case(
    "randomised search over a pipeline",
    lambda: RandomizedSearchCV(
        make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [0.1, 1.0, 10.0]}, n_iter=3, random_state=0, cv=2
    ).fit(sugar_x, sugar_y),
)
case("search without refit", lambda: GridSearchCV(SVC(), {"C": [1, 2]}, cv=2, refit=False).fit(iris_x, iris_y))
case("evaluated", evaluated)
case("failing", failing)
case("prepared and folded", prepared_and_folded)

mlflow.sklearn.autolog(max_tuning_runs=2, log_datasets=False, extra_tags={"team": "a"}, pos_label=2, log_models=False)
case("options", lambda: GridSearchCV(DecisionTreeClassifier(random_state=0), SEARCH, cv=3).fit(two_x, two_y))
mlflow.sklearn.autolog(exclusive=True, log_models=False)
case("exclusive", inside_a_run)
mlflow.sklearn.autolog(disable=True)
case("off", inside_a_run)

Path(TARGET).write_text(json.dumps(found))
