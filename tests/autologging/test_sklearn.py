"""Autologging beside real trainings of scikit-learn, in the Python that has it: what is logged, and what must not be disturbed."""

import os
import subprocess
import textwrap
from pathlib import Path

import pytest

from mlctl.tracking.opening import open_store

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.engine("mlflow")

BEGINNING = """
import numpy as np
import mlctl as mlflow
import mlctl.sklearn
from sklearn.datasets import load_iris
x, y = load_iris(return_X_y=True)
"""


@pytest.fixture
def script(place):
    """A function that runs a script in the Python that has scikit-learn; returns the process that ended."""

    def run(code, *, options=(), beginning=BEGINNING, check=0, **env):
        path = place / "script.py"
        path.write_text(beginning + textwrap.dedent(code))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **env}
        done = subprocess.run(
            [os.environ["MLCTL_MLFLOW"], *options, str(path)], capture_output=True, text=True, env=environment, check=False, timeout=120
        )
        assert done.returncode == check, done.stderr
        return done

    return run


@pytest.fixture
def runs(place):
    """A function that returns the runs of the store, oldest first."""
    return lambda: sorted(open_store().search_runs(["0"]), key=lambda run: run.info.start_time)


def files(run):
    return {file.path for file in open_store().artifacts(run.info).list()}


SEED = """
import mlctl as mlflow
import mlctl.sklearn
import numpy as np
from sklearn.ensemble import RandomForestRegressor

params = {"n_estimators": 4, "random_state": 42}

mlflow.sklearn.autolog()

run_name = 'autologging model example'
with mlflow.start_run(run_name=run_name) as run:
    rfr = RandomForestRegressor(
        **params).fit(np.array([[0, 1, 0], [0, 1, 0], [0, 1, 0]]), [1, 1, 1])
    print(f"run_id: {run.info.run_id}")

mlflow.sklearn.autolog(disable=True)
"""


def test_the_users_own_example(script, runs):
    done = script(SEED, beginning="")
    assert done.stderr == ""
    (run,) = runs()
    assert done.stdout == f"run_id: {run.info.run_id}\n"
    assert run.info.status == "FINISHED"
    assert run.data.params["n_estimators"] == "4"
    assert run.data.metrics["training_r2_score"] == 1.0
    assert run.data.tags["estimator_class"] == "sklearn.ensemble._forest.RandomForestRegressor"
    assert "mlflow.autologging" not in run.data.tags  # the run is the script's
    assert files(run) == {"estimator.html"}


SNAPSHOT = """
import sys, types
def everything():
    found = {}
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "sklearn":
            for key, value in list(vars(module).items()):
                found[name, key] = value
                if isinstance(value, type):
                    found.update({(name, key, inner): item for inner, item in vars(value).items()})
                    found.update({(name, key, inner, "fn"): item.fn for inner, item in vars(value).items() if hasattr(item, "fn")})
    return found
from sklearn.utils import all_estimators
classes = [kind for _, kind in all_estimators()]
import sklearn.metrics, sklearn.model_selection
before = everything()
"""


def test_turning_it_off_restores_every_function(script):
    script(
        SNAPSHOT
        + """
hooks = list(sys.meta_path)
mlflow.sklearn.autolog()
during = everything()
changed = {key for key in during if during[key] is not before.get(key)}
assert len([key for key in changed if key[2:3] == ("fit",)]) > 100, len(changed)
mlflow.sklearn.autolog()  # once more: nothing is wrapped twice
again = everything()
assert again.keys() == during.keys()
from mlctl.autologging.patches import is_replacement, original_of
assert not [key for key, value in again.items() if is_replacement(original_of(value))]
mlflow.sklearn.autolog(disable=True)
after = everything()
assert after.keys() == before.keys(), after.keys() ^ before.keys()
assert all(after[key] is before[key] for key in before)
assert sys.meta_path == hooks
"""
    )


def test_exceptions_pass_unchanged_and_mark_the_run(script, runs):
    done = script(
        """
        from sklearn.base import BaseEstimator, ClassifierMixin
        from sklearn.pipeline import make_pipeline
        mlflow.sklearn.autolog()
        problem = ValueError("mine")
        class Bad(ClassifierMixin, BaseEstimator):
            def __init__(self, kind=None):
                self.kind = kind
            def fit(self, x, y):
                raise self.kind
        for error in (problem, KeyboardInterrupt(), SystemExit(3)):
            try:
                make_pipeline(Bad(error)).fit(x, y)
            except BaseException as caught:
                print(caught is error, caught.__context__, mlflow.active_run())
        """
    )
    assert done.stdout.splitlines() == ["True None None"] * 3
    assert done.stderr == ""
    assert [run.info.status for run in runs()] == ["FAILED", "KILLED", "FAILED"]
    assert runs()[0].data.params["memory"] == "None"


def test_a_store_that_cannot_be_used_disturbs_nobody(script, place):
    (place / "other.db").write_bytes(b"no database" * 100)
    done = script(
        """
        from sklearn.linear_model import LogisticRegression
        mlflow.sklearn.autolog()
        for _ in range(3):
            model = LogisticRegression(max_iter=300).fit(x, y)
        assert model.score(x, y) > 0.9
        """,
        MLCTL_TRACKING_URI=str(place / "other.db"),
    )
    assert done.stderr.startswith("Autologging could not start logging a training: StoreError")
    assert done.stderr.count("Autologging") == 1


def test_the_store_breaks_half_way(script, runs):
    done = script(
        """
        from sklearn.linear_model import LogisticRegression
        from mlctl.tracking.current import current_store
        mlflow.sklearn.autolog()
        kind = type(current_store())
        write, kind.log_batch = kind.log_batch, lambda *_, **__: 1 / 0
        model = LogisticRegression(max_iter=300).fit(x, y)
        assert model.score(x, y) > 0.9
        kind.log_batch = write
        """
    )
    assert "could not log what a training starts from: ZeroDivisionError" in done.stderr
    assert [run.info.status for run in runs()] == ["FINISHED"]


def test_copies_pickles_processes_and_threads(script, runs):
    done = script(
        """
        import copy, pickle
        from joblib import parallel_backend
        from sklearn import metrics
        from sklearn.base import clone
        from sklearn.model_selection import GridSearchCV
        from sklearn.svm import SVC
        mlflow.sklearn.autolog(max_tuning_runs=0)
        model = SVC(C=2).fit(x, y)
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), clone(model).set_params(C=3)):
            assert vars(other).keys() <= vars(model).keys()
        scoring = metrics.make_scorer(metrics.f1_score, average="macro")
        assert pickle.loads(pickle.dumps(metrics.f1_score)) is metrics.f1_score
        for backend in ("loky", "threading", "multiprocessing"):
            with parallel_backend(backend, n_jobs=2):
                GridSearchCV(SVC(), {"C": [1, 2, 3]}, cv=2, scoring=scoring).fit(x, y)
        """
    )
    assert done.stderr == ""
    assert [run.data.tags["estimator_name"] for run in runs()] == ["SVC"] + ["GridSearchCV"] * 3


def test_threads_and_forks_of_the_script_have_runs_of_their_own(script, runs):
    done = script(
        """
        import os, threading
        from multiprocessing.pool import ThreadPool
        from sklearn.svm import SVC
        mlflow.sklearn.autolog()
        def train(c):
            SVC(C=c).fit(x, y)
        with ThreadPool(3) as pool:
            pool.map(train, [1, 2, 3])
        thread = threading.Thread(target=train, args=(4,))
        thread.start()
        thread.join()
        child = os.fork()
        if not child:
            train(5)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """
    )
    assert done.stderr == ""
    assert sorted(run.data.params["C"] for run in runs()) == ["1", "2", "3", "4", "5"]
    assert {run.info.status for run in runs()} == {"FINISHED"}


def test_warnings_as_errors_and_a_silent_call(script, runs):
    done = script(
        """
        import warnings
        from sklearn.dummy import DummyClassifier
        before = list(warnings.filters)
        mlflow.sklearn.autolog(silent=True)
        DummyClassifier(strategy="constant", constant=1).fit(x, y)  # its precision is not defined, which scikit-learn warns of
        with mlflow.start_run():
            DummyClassifier(strategy="prior").fit(x, y)
            DummyClassifier(strategy="uniform").fit(x, y)
        assert warnings.filters == before
        """,
        options=("-W", "error::UserWarning", "-W", "error::FutureWarning"),
    )
    assert done.stderr == ""
    assert {"training_precision_score", "training_log_loss"} <= runs()[0].data.metrics.keys()


def test_several_trainings_in_one_run(script, runs):
    done = script(
        """
        from sklearn.svm import SVC
        mlflow.sklearn.autolog()
        with mlflow.start_run():
            SVC(C=1).fit(x, y)
            SVC(C=2).fit(x[:120], y[:120])
        """
    )
    assert done.stderr.count("Autologging left out") == 1
    assert "'C'" in done.stderr
    (run,) = runs()
    assert run.data.params["C"] == "1"
    assert run.data.tags["estimator_name"] == "SVC"
    assert len(open_store().metric_history(run.info.run_id, "training_score")) == 2


def test_what_predicting_may_cost(script, runs):
    done = script(
        """
        import time
        from sklearn.base import BaseEstimator, ClassifierMixin
        from sklearn.pipeline import make_pipeline
        class Slow(ClassifierMixin, BaseEstimator):
            def fit(self, x, y):
                self.classes_ = np.unique(y)
                return self
            def predict(self, x):
                time.sleep(len(x) / 1000)
                return np.zeros(len(x), int)
        mlflow.sklearn.autolog()
        make_pipeline(Slow()).fit(np.tile(x, (100, 1)), np.tile(y, 100))
        make_pipeline(Slow()).fit(x, y)
        """,
        MLCTL_AUTOLOG_BUDGET_S="1",
        MLCTL_AUTOLOG_FIGURES="0",
    )
    assert "Training metrics of Pipeline are left out: predicting its 15000 rows would take about" in done.stderr
    many, few = runs()
    assert not many.data.metrics
    assert few.data.metrics["training_score"] == pytest.approx(1 / 3)
    assert files(many) == files(few) == {"estimator.html"}


def test_data_that_a_training_may_overwrite(script, runs):
    script(
        """
        from sklearn.linear_model import LinearRegression
        mlflow.sklearn.autolog()
        LinearRegression(copy_X=False).fit(x * 2 + 5, y)
        LinearRegression(copy_X=True).fit(x * 2 + 5, y)
        """
    )
    first, second = (run.data.metrics for run in runs())
    assert first == pytest.approx(second, abs=1e-12)


def test_preparation_and_folds_are_no_trainings(script, runs):
    done = script(
        """
        from sklearn.feature_selection import RFECV
        from sklearn.model_selection import cross_val_score, learning_curve  # before the call
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC
        mlflow.sklearn.autolog()
        StandardScaler().fit_transform(x)
        chosen = RFECV(SVC(kernel="linear"), cv=2).fit_transform(x, y)
        cross_val_score(SVC(), x, y)
        learning_curve(SVC(), x, y, cv=2, shuffle=True, random_state=0)
        make_pipeline(StandardScaler(), SVC(C=7)).fit(x, y)
        """
    )
    assert done.stderr == ""
    assert [run.data.params["svc__C"] for run in runs()] == ["7"]


def test_without_pandas_and_matplotlib(script, runs):
    done = script(
        """
        import sys
        class Absent:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("pandas", "matplotlib"):
                    raise ModuleNotFoundError(name, name=name)
        sys.meta_path.insert(0, Absent())
        import numpy as np
        import mlctl.sklearn
        from sklearn.datasets import load_iris
        from sklearn.model_selection import GridSearchCV
        from sklearn.svm import SVC
        x, y = load_iris(return_X_y=True)
        mlctl.sklearn.autolog()
        GridSearchCV(SVC(), {"C": [1, 2]}, cv=2).fit(x, y)
        assert "pandas" not in sys.modules
        """,
        beginning="",
    )
    assert done.stderr == ""
    assert len(runs()) == 3
    parent = next(run for run in runs() if "mlflow.parentRunId" not in run.data.tags)
    assert files(parent) == {"cv_results.csv", "estimator.html"}
    assert parent.inputs.dataset_inputs[0].dataset.digest == "2bf3ace3"  # as with pandas


def test_generic_autologging(script, runs):
    done = script(
        """
        import sys
        import mlctl
        mlctl.autolog(extra_tags={"by": "all"})
        assert "sklearn" not in sys.modules
        from sklearn.datasets import load_iris
        from sklearn.svm import SVC
        from sklearn.metrics import accuracy_score  # imported after the call: watched
        x, y = load_iris(return_X_y=True)
        model = SVC(C=1).fit(x, y)
        predicted = model.predict(x)
        accuracy_score(y, predicted)
        import mlctl.sklearn
        mlctl.sklearn.autolog(extra_tags={"by": "name"})
        mlctl.autolog(extra_tags={"by": "all"})
        SVC(C=2).fit(x, y)
        mlctl.autolog(disable=True, exclude_flavors=["sklearn"])
        SVC(C=3).fit(x, y)
        mlctl.autolog(disable=True)
        SVC(C=4).fit(x, y)
        assert not [hook for hook in sys.meta_path if type(hook).__module__.startswith("mlctl")]
        """,
        beginning="",
    )
    assert done.stderr == ""
    assert [(run.data.params["C"], run.data.tags["by"]) for run in runs()] == [("1", "all"), ("2", "name"), ("3", "name")]
    assert runs()[0].data.metrics["accuracy_score_x"] > 0.9


@pytest.mark.parametrize("call", ["max_tuning_runs=-1", "extra_tags=['a']"])
def test_arguments_that_make_no_sense(script, call):
    done = script(f"mlflow.sklearn.autolog({call})", beginning="import mlctl as mlflow, mlctl.sklearn\n", check=1)
    assert "mlctl.errors.InvalidValueError" in done.stderr.splitlines()[-1]


def test_the_model_is_logged(script, runs, place):
    """With signature, example and the run's metrics; of a search the best candidate, too; nothing if it is not wanted."""
    script(
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV
        mlflow.sklearn.autolog(log_input_examples=True, registered_model_name="iris")
        with mlflow.start_run() as run:
            LogisticRegression(max_iter=500).fit(x, y)
        found = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
        assert len(found.predict(x[:3])) == 3
        assert tuple(found.metadata.signature.inputs.inputs[0].shape) == (-1, 4)
        assert found.input_example.shape == (5, 4)
        (model,) = mlflow.search_logged_models(output_format="list", filter_string="metrics.training_score > 0.9")
        assert model.source_run_id == run.info.run_id and model.status == "READY", model
        mlflow.sklearn.autolog(log_model_signatures=False)
        with mlflow.start_run() as run:
            GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0]}).fit(x, y)
        names = {name: mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/{name}") for name in ("model", "best_estimator")}
        assert [type(found).__name__ for found in names.values()] == ["GridSearchCV", "LogisticRegression"]
        assert mlflow.models.Model.load(f"runs:/{run.info.run_id}/model").signature is None
        mlflow.sklearn.autolog(log_models=False)
        with mlflow.start_run() as run:
            LogisticRegression(max_iter=500).fit(x, y)
        """
    )
    assert len(open_store().search_logged_models(["0"])) == 3
    assert [version.name for version in open_store().search_model_versions()] == ["iris"]
