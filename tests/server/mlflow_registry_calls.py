"""Calls of MLflow's client about models: logged, registered, moved, found, loaded. Part of `mlflow_calls`, which hands over what it has."""

import tempfile
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

FOREST = "forest é 'x'"


class Doubling(mlflow.pyfunc.PythonModel):
    """A model that needs no library."""

    def predict(self, context, model_input, params=None):
        return [2 * value for value in model_input["x"]]


def make(call, client, *, experiment):
    """All calls; ``call`` notes what each gives."""
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_run(run_name="of models") as run:
        mlflow.log_metric("rmse", 0.5)
    run_id = run.info.run_id
    registered_models(call, client)
    versions(call, client, run_id)
    sources(call, client, run_id)
    stages(call, client)
    aliases(call, client)
    searches(call, client)
    logged(call, client)
    if hasattr(client, "create_logged_model"):
        logged_models(call, client, experiment, run_id)
    endings(call, client)


def registered_models(call, client):
    call("model create", lambda: client.create_registered_model(FOREST, tags={"team": "a é"}, description="trees\n2"))
    call("model create taken", lambda: client.create_registered_model(FOREST))
    call("model create plain", lambda: client.create_registered_model("plain"))
    for name in ("", " ", "a/b", "a:b", ".", "..", None):
        call(f"model create {name!r}", lambda name=name: client.create_registered_model(name))
    call("model create odd tag", lambda: client.create_registered_model("odd tag", tags={"a?b": "1"}))
    call("model create long tag", lambda: client.create_registered_model("long tag", tags={"a": "x" * 100_001}))
    call("model get", lambda: client.get_registered_model(FOREST))
    call("model get unknown", lambda: client.get_registered_model("none"))
    call("model update", lambda: client.update_registered_model(FOREST, "other"))
    call("model update unknown", lambda: client.update_registered_model("none", "other"))
    call("model set tag", lambda: client.set_registered_model_tag(FOREST, "stage", "x" * 20_000))
    call("model set tag again", lambda: client.set_registered_model_tag(FOREST, "stage", "y"))
    call("model set odd tag", lambda: client.set_registered_model_tag(FOREST, "a?b", "y"))
    call("model set tag unknown", lambda: client.set_registered_model_tag("none", "a", "y"))
    call("model set long key", lambda: client.set_registered_model_tag(FOREST, "k" * 251, "y"))
    call("model set long value", lambda: client.set_registered_model_tag(FOREST, "long", "y" * 100_001))
    call("model delete tag", lambda: client.delete_registered_model_tag(FOREST, "team"))
    call("model delete tag absent", lambda: client.delete_registered_model_tag(FOREST, "absent"))
    call("model delete tag unknown", lambda: client.delete_registered_model_tag("none", "absent"))
    call("model changed", lambda: client.get_registered_model(FOREST))
    call("model rename", lambda: client.rename_registered_model("plain", "renamed"))
    call("model rename taken", lambda: client.rename_registered_model("renamed", FOREST))
    call("model rename itself", lambda: client.rename_registered_model("renamed", "renamed"))
    call("model rename bad", lambda: client.rename_registered_model("renamed", "a/b"))
    call("model rename unknown", lambda: client.rename_registered_model("none", "nothing"))
    call("model latest of none", lambda: client.get_latest_versions(FOREST))


def versions(call, client, run_id):
    source = f"{client.get_run(run_id).info.artifact_uri}/model"
    for index in range(5):
        call(f"version create {index}", lambda: client.create_model_version(FOREST, source, run_id, {"n": "1"}, "link", "text"))
    call("version create elsewhere", lambda: client.create_model_version("renamed", "s3://bucket/model"))
    call("version create in unknown", lambda: client.create_model_version("none", "s3://bucket/model"))
    call("version create odd tag", lambda: client.create_model_version(FOREST, "s3://bucket/model", tags={"a?b": "1"}))
    call("version create unknown run", lambda: client.create_model_version("renamed", "s3://bucket/model", "f" * 32))
    call("version get", lambda: client.get_model_version(FOREST, "1"))
    call("version get int", lambda: client.get_model_version(FOREST, 2))
    for version in ("9", "x", "1.5", "-1", "0", ""):
        call(f"version get {version!r}", lambda version=version: client.get_model_version(FOREST, version))
    call("version get of unknown", lambda: client.get_model_version("none", "1"))
    call("version update", lambda: client.update_model_version(FOREST, "1", "new é"))
    call("version update unknown", lambda: client.update_model_version(FOREST, "9", "new"))
    call("version set tag", lambda: client.set_model_version_tag(FOREST, "1", "a", "b"))
    call("version set tag unknown", lambda: client.set_model_version_tag(FOREST, "9", "a", "b"))
    call("version set odd tag", lambda: client.set_model_version_tag(FOREST, "1", "a?b", "b"))
    call("version set tag by stage", lambda: client.set_model_version_tag(FOREST, key="by stage", value="b", stage="None"))
    call("version delete tag", lambda: client.delete_model_version_tag(FOREST, "1", "n"))
    call("version delete tag absent", lambda: client.delete_model_version_tag(FOREST, "1", "absent"))
    call("version changed", lambda: client.get_model_version(FOREST, "1"))
    call("version download uri", lambda: client.get_model_version_download_uri(FOREST, "1"))
    call("version download uri elsewhere", lambda: client.get_model_version_download_uri("renamed", "1"))
    call("version download uri unknown", lambda: client.get_model_version_download_uri(FOREST, "9"))
    call("version stages", lambda: client.get_model_version_stages(FOREST, "1"))


def sources(call, client, run_id):
    root = client.get_run(run_id).info.artifact_uri
    given = {
        "of another run": (f"{root}/model", "e" * 32),
        "of no run": (f"{root}/model", None),
        "outside the run": (f"{root}/../../other", run_id),
        "encoded": (f"{root}/%2e%2e/other", run_id),
        "encoded twice": (f"{root}/%252e%252e/other", run_id),
        "run address": (f"runs:/{run_id}/model", run_id),
        "run address without the run": (f"runs:/{run_id}/model", None),
        "address of another run": (f"runs:/{'e' * 32}/model", run_id),
        "local": ("/etc/passwd", None),
        "local with run": ("/etc/passwd", run_id),
        "file": ("file:///etc", run_id),
        "relative": ("some/where", None),
        "s3": ("s3://bucket/é/model", None),
        "s3 climbing": ("s3://bucket/a/../b", None),
        "fragment": ("s3://bucket/a#b", None),
        "version": (f"models:/{FOREST}/1", None),
        "unknown version": (f"models:/{FOREST}/99", None),
        "unknown model": ("models:/none/1", None),
        "proxied": ("mlflow-artifacts:/0/x/artifacts/model", None),
    }
    call("sources model", lambda: client.create_registered_model("sources"))
    for label, (source, run) in given.items():
        call(f"source {label}", lambda source=source, run=run: client.create_model_version("sources", source, run))
    call("sources elsewhere", lambda: client.create_registered_model("elsewhere"))
    call("source http", lambda: client.create_model_version("elsewhere", "https://example.org/model").source)
    call("sources elsewhere deleted", lambda: client.delete_registered_model("elsewhere"))
    call("copy version", lambda: client.copy_model_version(f"models:/{FOREST}/1", "copied"))
    call("copy copied", lambda: client.copy_model_version("models:/copied/1", "copied"))
    call("copy unknown", lambda: client.copy_model_version(f"models:/{FOREST}/77", "copied"))
    call("copy is found", lambda: client.get_model_version_download_uri("copied", "2"))


def stages(call, client):
    def move(version, stage, **options):
        return client.transition_model_version_stage(FOREST, version, stage, **options)

    call("stage Staging", lambda: move("1", "Staging"))
    call("stage lower case", lambda: move("2", "production"))
    call("stage same", lambda: move("2", "Production"))
    call("stage archiving", lambda: move("3", "Production", archive_existing_versions=True))
    call("stage archived one", lambda: client.get_model_version(FOREST, "2").current_stage)
    call("stage None", lambda: move("1", "None"))
    call("stage Archived", lambda: move("1", "Archived"))
    call("stage unknown", lambda: move("1", "Nowhere"))
    call("stage of unknown", lambda: move("99", "Staging"))
    call("stage archiving Archived", lambda: move("1", "Archived", archive_existing_versions=True))
    call("stage again", lambda: move("1", "Staging"))
    call("stages latest", lambda: sorted((found.current_stage, found.version) for found in client.get_latest_versions(FOREST)))
    call("stages latest some", lambda: client.get_latest_versions(FOREST, ["Production", "staging"]))
    call("stages latest unknown", lambda: client.get_latest_versions(FOREST, ["Nowhere"]))
    call("stages latest of unknown", lambda: client.get_latest_versions("none"))
    call("stages of the model", lambda: client.get_registered_model(FOREST))


def aliases(call, client):
    call("alias set", lambda: client.set_registered_model_alias(FOREST, "best", "1"))
    call("alias set again", lambda: client.set_registered_model_alias(FOREST, "best", "2"))
    call("alias set number", lambda: client.set_registered_model_alias(FOREST, "7", "2"))
    for name in ("latest", "LATEST", "v1", "V12", "a b", "é", "x" * 256, "a@b", "v1a"):
        call(f"alias set {name}", lambda name=name: client.set_registered_model_alias(FOREST, name, "2"))
    call("alias set unknown version", lambda: client.set_registered_model_alias(FOREST, "none", "99"))
    call("alias set unknown model", lambda: client.set_registered_model_alias("none", "best", "1"))
    call("alias set no number", lambda: client.set_registered_model_alias(FOREST, "none", "x"))
    call("alias get", lambda: client.get_model_version_by_alias(FOREST, "best"))
    call("alias get latest", lambda: client.get_model_version_by_alias(FOREST, "latest"))
    call("alias get unknown", lambda: client.get_model_version_by_alias(FOREST, "none"))
    call("alias get of unknown", lambda: client.get_model_version_by_alias("none", "best"))
    call("alias of the model", lambda: dict(client.get_registered_model(FOREST))["aliases"])
    call("alias in versions", lambda: client.get_model_version(FOREST, "2").aliases)
    call("alias delete", lambda: client.delete_registered_model_alias(FOREST, "7"))
    call("alias delete absent", lambda: client.delete_registered_model_alias(FOREST, "7"))
    call("alias delete of unknown", lambda: client.delete_registered_model_alias("none", "7"))
    call("alias and delete version", lambda: client.delete_model_version(FOREST, "2"))
    call("alias of a deleted version", lambda: client.get_model_version_by_alias(FOREST, "best"))
    call("version deleted", lambda: client.get_model_version(FOREST, "2"))
    call("version delete again", lambda: client.delete_model_version(FOREST, "2"))
    call("version after deleted", lambda: client.create_model_version(FOREST, "s3://bucket/next").version)


MODEL_FILTERS = [
    "",
    f'name = "{FOREST}"',
    "name LIKE 'fo%'",
    "name ILIKE 'FO%'",
    "name != 'renamed'",
    "name IN ('renamed', 'copied')",
    "name NOT IN ('renamed', 'copied')",
    "tags.stage = 'y'",
    "tags.stage LIKE 'y%' AND name LIKE '%e%'",
    "tag.stage != 'z'",
    "attribute.name = 'renamed'",
    "attributes.name = 'renamed'",
    "tags.none = 'x'",
    "nonsense = 'x'",
    "name > 'a'",
    "name = renamed",
    "name = 'a' OR name = 'b'",
    "name IS NULL",
    "tags.`mlflow.prompt.is_prompt` = 'true'",
]
VERSION_FILTERS = [
    "",
    f'name = "{FOREST}"',
    f'name = "{FOREST}" AND version_number > 3',
    f'name = "{FOREST}" AND version_number IN (1, 3)',
    "version_number = '1'",
    "version_number <= 1",
    "run_id = 'none'",
    "run_id IN ('none', 'other')",
    "run_id LIKE '%'",
    "source_path LIKE 's3://%'",
    "source_path = 's3://bucket/next'",
    "name ILIKE 'SOURCES'",
    "tags.n = '1' AND tags.n != '2'",
    "tags.a = 'b'",
    "tags.n ILIKE '1'",
    "current_stage = 'Production'",
    "version = 1",
    "nonsense = 1",
    "name = 'a' OR name = 'b'",
    "name = ''",
]


def searches(call, client):
    def models(**options):
        return [found.name for found in client.search_registered_models(**options)]

    def found(**options):
        return [(version.name, version.version) for version in client.search_model_versions(**options)]

    for text in MODEL_FILTERS:
        call(f"search models {text}", lambda text=text: models(filter_string=text))
    for order in (
        ["name DESC"],
        ["last_updated_timestamp DESC"],
        ["timestamp"],
        ["name", "name"],
        ["nonsense"],
        ["creation_timestamp"],
        ["name x"],
    ):
        call(
            f"search models by {order}",
            lambda order=order: models(order_by=order) if order[0].startswith("n") else len(models(order_by=order)),
        )
    first = client.search_registered_models(max_results=2)
    call("search models pages", lambda: [models(max_results=2), models(max_results=2, page_token=first.token)])
    call("search models 1001", lambda: models(max_results=1001))
    call("search models -1", lambda: models(max_results=-1))
    call("search models token", lambda: models(page_token="!!"))
    call("search models all", lambda: [_with_sorted_versions(item) for item in client.search_registered_models()])
    for text in VERSION_FILTERS:
        call(f"search versions {text}", lambda text=text: sorted(found(filter_string=text)))
    orders = (
        ["name", "version_number DESC"],
        ["version_number", "name"],
        ["name DESC"],
        ["creation_timestamp", "name"],
        ["nonsense"],
        ["run_id"],
    )
    for order in orders:
        call(
            f"search versions by {order}",
            lambda order=order: found(order_by=order) if "time" not in order[0] else len(found(order_by=order)),
        )
    page = client.search_model_versions(max_results=3, order_by=["name"])
    call(
        "search versions pages",
        lambda: [found(max_results=3, order_by=["name"]), found(max_results=3, order_by=["name"], page_token=page.token)],
    )
    for size in (0, -1, 200_001):
        call(f"search versions {size}", lambda size=size: found(max_results=size))
    call("search versions token", lambda: found(page_token="!!"))
    call("search versions all", lambda: sorted(client.search_model_versions(f'name = "{FOREST}"'), key=lambda item: item.version))
    call("search fluent", lambda: sorted(found.name for found in mlflow.search_registered_models()))
    call("search fluent versions", lambda: len(mlflow.search_model_versions(max_results=4)))


def _with_sorted_versions(model):
    """A registered model with its latest versions in an order, which those of MLflow's searches have not."""
    return {**dict(model), "latest_versions": sorted(model.latest_versions, key=lambda version: version.version)}


def loaded(uri):
    """What the model of an address makes of a row."""
    import pandas as pd

    return list(mlflow.pyfunc.load_model(uri).predict(pd.DataFrame({"x": [1.0, 2.5]})))


def logged(call, client):
    """A model is logged by path (as both generations of clients can), registered, and loaded by every address."""
    options = {"python_model": Doubling(), "pip_requirements": ["numpy"]}
    with mlflow.start_run(run_name="logging") as run:
        call("log_model path", lambda: mlflow.pyfunc.log_model("doubling", **options) and None)
        call("log_model registered", lambda: mlflow.pyfunc.log_model("second", registered_model_name="logged", **options) and None)
    run_id = run.info.run_id
    uri = f"runs:/{run_id}/doubling"
    call("registered by log_model", lambda: _without_source(client.get_model_version("logged", "1")))
    call("register", lambda: _without_source(mlflow.register_model(uri, "logged", tags={"a": "b"})))
    call("register new", lambda: _without_source(mlflow.register_model(uri, "logged anew")))
    call("register unknown run", lambda: mlflow.register_model(f"runs:/{'e' * 32}/doubling", "logged"))
    call("register version", lambda: _without_source(mlflow.register_model("models:/logged/1", "logged")))
    client.transition_model_version_stage("logged", "2", "Staging")
    client.set_registered_model_alias("logged", "champion", "1")
    for address in (
        uri,
        "models:/logged/1",
        "models:/logged/2",
        "models:/logged/Staging",
        "models:/logged@champion",
        "models:/logged/latest",
    ):
        label = "runs:/" if address == uri else address
        call(f"load {label}", lambda address=address: loaded(address))
    for address in ("models:/logged/99", "models:/logged@none", "models:/logged/Production", "models:/nobody/1", "models:/logged/x"):
        call(f"load {address}", lambda address=address: loaded(address))
    call("load of the run's second", lambda: loaded(f"runs:/{run_id}/second"))
    with tempfile.TemporaryDirectory() as folder:
        call(
            "download by version",
            lambda: sorted(item.name for item in Path(mlflow.artifacts.download_artifacts("models:/logged/1", dst_path=folder)).iterdir()),
        )
    call("run with models", lambda: sorted(item.path for item in client.list_artifacts(run_id, "doubling")))


def _without_source(version):
    """A version without where it comes from, which a store of MLflow 3 names by a new id each time."""
    found = dict(version)
    return {key: found[key] for key in found if key not in ("source", "model_id")} | {"source": found["source"].partition(":")[0]}


def logged_models(call, client, experiment, run_id):
    """What only MLflow 3 has."""
    from mlflow.entities import LoggedModelStatus

    model = call("logged create", lambda: client.create_logged_model(experiment, "tree", run_id, {"a": "b"}, {"depth": "3"}, "kind"))
    call("logged create unnamed", lambda: client.create_logged_model(experiment).status)
    call("logged create bad", lambda: client.create_logged_model(experiment, "a/b"))
    call("logged create in unknown", lambda: client.create_logged_model("31337", "tree"))
    call("logged get", lambda: client.get_logged_model(model.model_id))
    call("logged get unknown", lambda: client.get_logged_model("m-" + "1" * 32))
    call("logged tags", lambda: client.set_logged_model_tags(model.model_id, {"c": "d é", "a": "e"}))
    call("logged delete tag", lambda: client.delete_logged_model_tag(model.model_id, "a"))
    call("logged delete tag absent", lambda: client.delete_logged_model_tag(model.model_id, "absent"))
    call("logged params", lambda: client.log_model_params(model.model_id, {"width": "4"}))
    call("logged finalize", lambda: client.finalize_logged_model(model.model_id, LoggedModelStatus.READY))
    with mlflow.start_run(run_name="measured"):
        call("logged metric", lambda: mlflow.log_metric("rmse", 0.25, step=3, timestamp=11, model_id=model.model_id))
        call("logged metrics", lambda: mlflow.log_metrics({"rmse": 0.5, "mae": 0.125}, step=4, timestamp=12, model_id=model.model_id))
    call("logged measured", lambda: client.get_logged_model(model.model_id))
    finds = [
        "",
        "name = 'tree'",
        "metrics.rmse < 0.3",
        "params.depth = '3'",
        "tags.c LIKE 'd%'",
        "name LIKE 'tr%'",
        "metric.rmse > 1",
        "nonsense =",
    ]
    for text in finds:
        call(
            f"logged search {text}",
            lambda text=text: sorted(item.name for item in client.search_logged_models([experiment], text) if item.params),
        )
    by_metric = [{"field_name": "metrics.rmse", "ascending": False}]
    call("logged search by", lambda: client.search_logged_models([experiment], "name = 'tree'", order_by=by_metric))
    call("logged search fluent", lambda: sorted(map(str, mlflow.search_logged_models([experiment], "name = 'tree'").columns)))
    call("logged register", lambda: _without_source(mlflow.register_model(f"models:/{model.model_id}", "from logged")))
    call("logged version", lambda: client.get_model_version("from logged", "1"))
    call("logged version uri", lambda: client.get_model_version_download_uri("from logged", "1"))
    call("logged is told", lambda: client.get_logged_model(model.model_id).tags["mlflow.modelVersions"])
    call("logged register unknown", lambda: client.create_model_version("from logged", "models:/m-" + "1" * 32, model_id="m-" + "1" * 32))
    call("logged version of a copy", lambda: client.copy_model_version("models:/from logged/1", "from logged"))
    call("logged external", lambda: mlflow.create_external_model("external", tags={"a": "b"}, params={"c": "d"}).status)
    call("logged delete", lambda: client.delete_logged_model(model.model_id))
    call("logged deleted", lambda: client.get_logged_model(model.model_id))
    call("logged delete unknown", lambda: client.delete_logged_model("m-" + "1" * 32))


def endings(call, client):
    call("model delete", lambda: client.delete_registered_model("sources"))
    call("model delete again", lambda: client.delete_registered_model("sources"))
    call("model deleted", lambda: client.search_model_versions("name = 'sources'"))
    call("model made anew", lambda: client.create_model_version(client.create_registered_model("sources").name, "s3://bucket/x").version)
    call("load deleted", lambda: _raises(lambda: loaded("models:/sources/9")))


def _raises(function):
    try:
        function()
    except MlflowException as error:
        return error.error_code
    return None
