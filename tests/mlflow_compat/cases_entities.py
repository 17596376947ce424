"""Cases: entities, names and small things of the API."""

import os
from pathlib import Path

from calls import ADDRESS, NOT_TRACKING, TIME, case, client, entities, error, exceptions, exp, metric, mlflow, rows, run

SHOWN = {
    "Metric": lambda: entities.Metric("m", 1.5, TIME, 2),
    "Param": lambda: entities.Param("p", "v"),
    "RunTag": lambda: entities.RunTag("t", "v"),
    "ExperimentTag": lambda: entities.ExperimentTag("t", "v"),
    "FileInfo": lambda: entities.FileInfo("a/b", False, 5),
    "Dataset": lambda: entities.Dataset("n", "d", "local", "{}", None, None),
    "InputTag": lambda: entities.InputTag("k", "v"),
}


def shown(entity):
    own = [
        [name, value]
        for name, value in sorted(dict(entity).items())
        if name not in ("model_id", "dataset_name", "dataset_digest", "run_id")
    ]
    return [type(entity).__name__, own]


rows("entities", {f"{name} as pairs": lambda make=make: shown(make()) for name, make in SHOWN.items()})
rows("entities", {f"{name} is equal": lambda make=make: [make() == make(), make() != make(), make() == 5] for name, make in SHOWN.items()})

rows(
    "entities",
    {
        "view types": lambda: [entities.ViewType.ACTIVE_ONLY, entities.ViewType.DELETED_ONLY, entities.ViewType.ALL],
        "view type as text": lambda: [entities.ViewType.to_string(entities.ViewType.ALL), entities.ViewType.from_string("deleted_only")],
        "statuses": lambda: [
            [name, entities.RunStatus.from_string(name)] for name in ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
        ],
        "status as text": lambda: [
            entities.RunStatus.to_string(entities.RunStatus.FAILED),
            entities.RunStatus.is_terminated(entities.RunStatus.FINISHED),
            entities.RunStatus.is_terminated(entities.RunStatus.RUNNING),
        ],
        "unknown status": lambda: error(entities.RunStatus.from_string, "GONE"),
        "stages": lambda: [entities.LifecycleStage.ACTIVE, entities.LifecycleStage.DELETED],
        "run of a run": lambda: sorted(dict(client.get_run(run()))),
        "info as pairs": lambda: sorted(name for name in dict(client.get_run(run()).info) if name != "run_uuid"),
        "experiment as pairs": lambda: sorted(set(dict(client.get_experiment("0"))) - NOT_TRACKING),
        "data of a run to_dictionary": lambda: client.get_run(run(tags={"a": "1"})).data.to_dictionary()["tags"]["a"],
        "metric of the history": lambda: shown(_history()[0]),
        "repr of a run has its id": lambda: (found := run()) in repr(client.get_run(found)),
        "run id in text": lambda: [len(found := run()), found.isalnum()],
        "equality of a run's info": lambda: client.get_run(found := run()).info == client.get_run(found).info,
    },
)


def _history():
    found = run()
    client.log_batch(found, metrics=[metric("m", 1.0, step=3)])
    return client.get_metric_history(found, "m")


rows(
    "exceptions",
    {
        "is the API's own": lambda: isinstance(_caught(client.get_run, "0" * 32), exceptions.MlflowException),
        "message": lambda: "0" * 32 in str(_caught(client.get_run, "0" * 32)),
        "code": lambda: _caught(client.get_experiment, "987654").error_code,
        "status of HTTP": lambda: [
            _caught(client.get_run, "0" * 32).get_http_status_code(),
            _caught(client.create_experiment, "").get_http_status_code(),
        ],
        "JSON": lambda: "RESOURCE_DOES_NOT_EXIST" in _caught(client.get_run, "0" * 32).serialize_as_json(),
        "start_run twice is an Exception of any kind": lambda: [
            mlflow.start_run(experiment_id=exp()).info.status,
            isinstance(_caught(mlflow.start_run), Exception),
        ],
        "raised by a script": lambda: str(exceptions.MlflowException("text")),
    },
)


def _caught(function, *args):
    try:
        function(*args)
    except Exception as error:  # noqa: BLE001 -- which one it is, is the question
        return error
    raise AssertionError("no error")


rows(
    "addresses",
    {
        "get_tracking_uri": lambda: mlflow.get_tracking_uri() == ADDRESS,
        "is set": mlflow.is_tracking_uri_set,
        "client's own": lambda: mlflow.MlflowClient(ADDRESS).get_experiment("0").name,
        "client is also called": lambda: [
            mlflow.tracking.MlflowClient is mlflow.MlflowClient,
            mlflow.client.MlflowClient is mlflow.MlflowClient,
        ],
        "set by the client's address": lambda: (
            mlflow.MlflowClient(tracking_uri=ADDRESS).search_experiments(filter_string="name = 'Default'")[0].experiment_id
        ),
    },
)


@case("addresses: another store for a while")
def _():
    Path("another").mkdir()
    mlflow.set_tracking_uri(f"sqlite:///{Path('another/store.db').absolute()}")
    try:
        there = [found.name for found in mlflow.search_experiments()]
        mlflow.create_experiment("over there")
    finally:
        mlflow.set_tracking_uri(ADDRESS)
    return [there, mlflow.get_experiment_by_name("over there")]


@case("experiment named by the environment")
def _():
    os.environ["MLFLOW_EXPERIMENT_NAME"] = "by environment"
    try:
        return [mlflow.get_experiment_by_name("by environment")]
    finally:
        del os.environ["MLFLOW_EXPERIMENT_NAME"]
