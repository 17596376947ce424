"""Cases: searching runs."""

import math

from calls import TIME, case, client, entities, error, exp, metric, mlflow, rows, run

ALL = entities.ViewType.ALL
DELETED = entities.ViewType.DELETED_ONLY

place = {}

TABLE = (
    # name, params, metrics, tags, status
    ("one", {"lr": "0.1", "kind": "tree"}, {"acc": 0.9, "loss": 0.1}, {"team": "a", "odd key": "x"}, "FINISHED"),
    ("two", {"lr": "0.01", "kind": "Tree"}, {"acc": 0.8}, {"team": "b"}, "FAILED"),
    ("three", {"lr": "0.2"}, {"acc": math.nan, "loss": 0.5}, {"team": "a", "mine": "it's"}, "RUNNING"),
    ("four", {"kind": "forest"}, {"loss": -1.5}, {}, "FINISHED"),
    ("five", {"lr": "0.10"}, {"acc": 0.9, "a b": 1.0}, {"team": "A"}, "KILLED"),
)


@case("search_runs: made for the next cases")
def _():
    place["id"] = exp()
    for number, (name, params, metrics, tags, status) in enumerate(TABLE):
        found = run(place["id"], run_name=name, start_time=TIME + number, tags=tags)
        client.log_batch(
            found,
            params=[entities.Param(*pair) for pair in params.items()],
            metrics=[metric(*pair) for pair in metrics.items()],
        )
        if status != "RUNNING":
            client.set_terminated(found, status, TIME + 100 + number)
    gone = run(place["id"], run_name="gone", start_time=TIME + 50)
    client.delete_run(gone)


def names(filter_string="", **kwargs):
    return [found.info.run_name for found in client.search_runs([place["id"]], filter_string, **kwargs)]


FILTERS = (
    "metrics.acc > 0.85",
    "metrics.acc >= 0.9",
    "metrics.acc = 0.9",
    "metrics.acc != 0.9",
    "metrics.acc < 1e0",
    "metrics.loss < 0",
    "metrics.loss <= -1.5",
    "metric.loss > .2",
    'metrics."a b" = 1',
    "metrics.`a b` = 1",
    "metrics.absent > 0",
    "params.lr = '0.1'",
    'params.lr = "0.1"',
    "params.lr != '0.1'",
    "params.lr LIKE '0.1%'",
    "params.kind ILIKE 'TREE'",
    "params.kind LIKE 'tree'",
    "param.kind = 'forest'",
    "parameters.lr IS NULL",
    "params.lr IS NOT NULL",
    "params.lr > '0.1'",
    "params.lr = 0.1",
    "tags.team = 'a'",
    "tags.team != 'a'",
    "tag.team ILIKE 'A'",
    "tags.`odd key` = 'x'",
    'tags.mine = "it\'s"',
    "tags.mine IS NULL",
    "tags.mlflow.runName = 'one'",
    "tags.team IN ('a', 'b')",
    "status = 'FINISHED'",
    "attributes.status != 'FINISHED'",
    "attribute.status LIKE 'F%'",
    "run_name = 'two'",
    "`run name` = 'two'",
    "attributes.`Run name` LIKE 't%'",
    "start_time > 1700000000002",
    "attributes.start_time <= 1700000000001",
    "created < 1700000000001",
    "end_time > 0",
    "end_time = 1700000000100",
    "user_id = 'unknown'",
    "run_id IN ('a', 'b')",
    "artifact_uri LIKE '%artifacts'",
    "metrics.acc > 0.5 AND params.lr = '0.1' AND tags.team = 'a'",
    "metrics.acc > 0.5 and params.kind = 'Tree'",
    "metrics.acc > 0.5 AND",
    "metrics.acc > 0.5\n AND\tmetrics.acc < 0.85",
    "metrics.acc > '0.5'",
    "metrics.acc > x",
    "metrics.acc LIKE '0'",
    "metrics.acc IS NULL",
    "acc > 0.5",
    "metrics acc > 0.5",
    "metrics.acc == 0.5",
    "metrics.acc > 0.5; DROP TABLE runs",
    "0.5 < metrics.acc",
    "unknown.acc > 0.5",
    "Metrics.acc > 0.5",
    "status = FINISHED",
    "status IN ('FINISHED')",
    "experiment_id = '1'",
    "start_time > 'yesterday'",
    "run_id NOT IN ('a')",
    "tags.team = ''",
    "tags.team LIKE '_'",
    "tags.mine = 'it''s'",
    " ",
    "'one'",
)

rows("search_runs filter", {text: lambda text=text: names(text) for text in FILTERS})

ORDERS = (
    ["metrics.acc"],
    ["metrics.acc DESC"],
    ["metrics.loss ASC", "metrics.acc DESC"],
    ["params.lr"],
    ["params.lr DESC"],
    ["params.kind asc"],
    ["tags.team", "start_time ASC"],
    ["tags.`odd key` DESC"],
    ["start_time"],
    ["start_time ASC"],
    ["attributes.start_time DESC"],
    ["end_time"],
    ["end_time DESC"],
    ["status", "run_name"],
    ["run_name DESC"],
    ["metrics.absent"],
    [],
    ["size"],
    ["metrics.acc UP"],
    [""],
    ["metrics.acc DESC NULLS LAST"],
    ["experiment_id"],
)

rows("search_runs order", {repr(order): lambda order=order: names(order_by=order) for order in ORDERS})

rows(
    "search_runs",
    {
        "views": lambda: [names(run_view_type=view) for view in (DELETED, ALL)],
        "no experiments": lambda: [list(client.search_runs([])), error(client.search_runs, ["987654"])],
        "experiment that is no number": lambda: client.search_runs(["abc"]),
        "one result": lambda: names(max_results=1),
        "0 results": lambda: names(max_results=0),
        "50001 results": lambda: names(max_results=50001),
        "bad token": lambda: names(page_token="garbage"),
        "an id alone": lambda: error(lambda: [found.info.run_name for found in client.search_runs(place["id"])]),
        "data of what is found": lambda: [
            [found.data.params, found.data.metrics, found.info.status] for found in client.search_runs([place["id"]], "run_name = 'one'")
        ],
        "fluent, list": lambda: [
            found.info.run_name for found in mlflow.search_runs([place["id"]], output_format="list", order_by=["start_time"])
        ],
        "fluent, by names": lambda: [
            found.info.run_name
            for found in mlflow.search_runs(
                experiment_names=["search_runs: made for the next cases"], filter_string="metrics.acc > 0.85", output_format="list"
            )
        ],
        "fluent, unknown name": lambda: error(lambda: list(mlflow.search_runs(experiment_names=["nobody"], output_format="list"))),
        "fluent, ids and names": lambda: mlflow.search_runs([place["id"]], experiment_names=["x"]),
        "fluent, unknown format": lambda: mlflow.search_runs([place["id"]], output_format="table"),
        "fluent, at most 2": lambda: [
            found.info.run_name for found in mlflow.search_runs([place["id"]], max_results=2, output_format="list")
        ],
        "fluent, experiment that is set": lambda: [
            mlflow.set_experiment(experiment_id=place["id"]).name,
            len(mlflow.search_runs(output_format="list")),
        ],
    },
)


@case("search_runs: pages")
def _():
    pages, token = [], None
    while token is not None or not pages:
        page = client.search_runs([place["id"]], order_by=["start_time"], max_results=2, page_token=token)
        pages.append([found.info.run_name for found in page])
        token = page.token
    return pages


@case("search_runs: several experiments")
def _():
    other = exp()
    run(other, run_name="elsewhere", start_time=TIME + 10)
    return [found.info.run_name for found in client.search_runs([place["id"], other], order_by=["start_time DESC"], max_results=3)]


@case("search_runs: latest value counts")
def _():
    found = run(run_name="steps")
    for step, value in enumerate((5.0, 9.0, 1.0)):
        client.log_metric(found, "m", value, TIME, step)
    there = [client.get_run(found).info.experiment_id]
    return [len(client.search_runs(there, text)) for text in ("metrics.m > 8", "metrics.m = 1")]


@case("search_runs: NaN in comparisons")
def _():
    return [names(f"metrics.acc {operator} 0") for operator in ("=", "!=", "<", ">", ">=", "<=")]


# ── DataFrame ────────────────────────────────────────────────────────────────────────────────────────────────────────


def frame(**kwargs):
    found = mlflow.search_runs([place["id"]], **kwargs)
    known = {"run_id", "experiment_id", "artifact_uri"}
    first = list(found.columns)[:6]
    found = found[[*first, *sorted(found.columns[6:])]]  # MLflow has metrics in any order
    shown = found[[name for name in found.columns if name not in known]]
    return [list(found.columns), [str(kind) for kind in found.dtypes], [[str(cell) for cell in row] for row in shown.to_numpy().tolist()]]


rows(
    "search_runs table",
    {
        "all": lambda: frame(order_by=["start_time"]),
        "some": lambda: frame(filter_string="tags.team = 'a'"),
        "none": lambda: [list(found.columns) for found in [mlflow.search_runs([place["id"]], filter_string="tags.team = 'zz'")]],
        "shape": lambda: list(mlflow.search_runs([place["id"]], run_view_type=ALL).shape),
        "of no experiments": lambda: list(mlflow.search_runs([]).shape),
    },
)


@case("search_runs table: all experiments")
def _():
    return len(mlflow.search_runs(search_all_experiments=True, filter_string="run_name = 'one' AND params.lr = '0.1'"))


@case("search_runs table: experiment ids are texts")
def _():
    found = mlflow.search_runs([place["id"]])
    return [type(found["experiment_id"][0]).__name__, found["experiment_id"][0] == place["id"], len(found["run_id"][0])]
