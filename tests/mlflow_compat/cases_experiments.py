"""Cases: experiments."""

import time

from calls import NOT_TRACKING, TIME, case, client, entities, error, exp, mlflow, own, rows

ALL = entities.ViewType.ALL
DELETED = entities.ViewType.DELETED_ONLY


def made(name, **kwargs):
    found = client.get_experiment(client.create_experiment(name, **kwargs))
    return [found.name, found.lifecycle_stage, found.tags, type(found.experiment_id).__name__]


def deleted(suffix=""):
    found = exp(suffix)
    client.delete_experiment(found)
    return found


def names(**kwargs):
    return [found.name for found in client.search_experiments(**kwargs)]


rows(
    "create_experiment",
    {
        "default one": lambda: [client.get_experiment("0").name, client.get_experiment_by_name("Default").experiment_id],
        "fluent, with tags": lambda: dict(mlflow.get_experiment(mlflow.create_experiment("ce fluent", tags={"a": "1", "b": "2"}))),
        "client, with tags": lambda: made("ce client", tags={"a": "x"}),
        "tags that are not texts": lambda: made("ce tags", tags={"a": 1, "b": None}),
        "location": lambda: (
            client.get_experiment(client.create_experiment("ce located", artifact_location="s3://bucket/where")).artifact_location
        ),
        "unicode, quotes and spaces": lambda: made("é ' \" 名 /x"),
        "name is taken": lambda: [made("ce taken")[0], error(client.create_experiment, "ce taken")],
        "name is taken by a deleted one": lambda: [
            bool(deleted()),
            error(client.create_experiment, "create_experiment: name is taken by a deleted one"),
        ],
        "names differ in case": lambda: [made("ce Case")[0], made("ce case")[0]],
        "empty name": lambda: client.create_experiment(""),
        "None": lambda: client.create_experiment(None),
        "a number": lambda: client.create_experiment(5),
        "500 characters": lambda: len(made("n" * 500)[0]),
        "501 characters": lambda: client.create_experiment("n" * 501),
        "blank": lambda: made("   ")[0],
        "odd tag key": lambda: client.create_experiment("ce odd", tags={"a?b": "1"}),
    },
)


@case("create_experiment: fluent, taken name")
def _():
    mlflow.create_experiment("ce again")
    return error(mlflow.create_experiment, "ce again")


rows(
    "get_experiment",
    {
        "unknown id": lambda: client.get_experiment("987654"),
        "id that is no number": lambda: client.get_experiment("abc"),
        "by unknown name": lambda: client.get_experiment_by_name("nobody"),
        "fluent, unknown id": lambda: mlflow.get_experiment("987654"),
        "fluent, by unknown name": lambda: mlflow.get_experiment_by_name("nobody"),
        "deleted, by id and name": lambda: [
            client.get_experiment(deleted()).lifecycle_stage,
            client.get_experiment_by_name("get_experiment: deleted, by id and name").lifecycle_stage,
        ],
        "dict()": lambda: sorted(set(dict(client.get_experiment(exp()))) - NOT_TRACKING),
        "times": lambda: [
            client.get_experiment(exp()).creation_time > TIME,
            client.get_experiment_by_name("get_experiment: times").last_update_time > TIME,
        ],
    },
)


def renamed(new, suffix=""):
    found = exp(suffix)
    client.rename_experiment(found, new)
    return client.get_experiment(found).name


def restored():
    found = deleted()
    client.restore_experiment(found)
    return client.get_experiment(found).lifecycle_stage


rows(
    "change an experiment",
    {
        "rename": lambda: renamed("ch new name"),
        "rename to the same name": lambda: renamed("change an experiment: rename to the same name"),
        "rename to a taken name": lambda: [made("ch taken")[0], error(renamed, "ch taken")],
        "rename to nothing": lambda: renamed(""),
        "rename a deleted one": lambda: error(client.rename_experiment, deleted(), "ch other"),
        "rename an unknown one": lambda: client.rename_experiment("987654", "x"),
        "delete twice": lambda: error(client.delete_experiment, deleted()),
        "delete an unknown one": lambda: client.delete_experiment("987654"),
        "restore": restored,
        "restore an active one": lambda: error(client.restore_experiment, exp()),
        "restore an unknown one": lambda: client.restore_experiment("987654"),
        "fluent delete": lambda: [mlflow.delete_experiment(found := exp()), mlflow.get_experiment(found).lifecycle_stage],
    },
)


@case("change an experiment: runs go and come with it")
def _():
    found = exp()
    ids = [client.create_run(found, start_time=TIME + n).info.run_id for n in range(3)]
    client.delete_run(ids[0])
    client.delete_experiment(found)
    stages = [client.get_run(item).info.lifecycle_stage for item in ids]
    client.restore_experiment(found)
    return [stages, [client.get_run(item).info.lifecycle_stage for item in ids]]


@case("change an experiment: no run in a deleted one")
def _():
    return error(client.create_run, deleted())


@case("change an experiment: no tag on a deleted one")
def _():
    return error(client.set_experiment_tag, deleted(), "a", "b")


# ── set_experiment ───────────────────────────────────────────────────────────────────────────────────────────────────


def chosen(*args, **kwargs):
    found = mlflow.set_experiment(*args, **kwargs)
    with mlflow.start_run() as run:
        return [found.name, type(found).__name__, run.info.experiment_id == found.experiment_id]


rows(
    "set_experiment",
    {
        "new name": lambda: chosen("se new"),
        "known name": lambda: [chosen("se known"), chosen("se known")],
        "by id": lambda: chosen(experiment_id=exp()),
        "unknown id": lambda: mlflow.set_experiment(experiment_id="987654"),
        "name and id": lambda: mlflow.set_experiment("x", "0"),
        "nothing": mlflow.set_experiment,
        "empty name": lambda: mlflow.set_experiment(""),
        "deleted, by name": lambda: [bool(deleted()), error(mlflow.set_experiment, "set_experiment: deleted, by name")],
        "deleted, by id": lambda: error(mlflow.set_experiment, experiment_id=deleted()),
        "while a run is active": lambda: [mlflow.start_run().info.experiment_id is not None, mlflow.set_experiment("se active").name],
        "start_run with another id": lambda: [
            mlflow.set_experiment("se other").name,
            mlflow.start_run(experiment_id="0").info.experiment_id,
        ],
    },
)

# ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def tagged(*pairs):
    found = exp()
    for key, value in pairs:
        client.set_experiment_tag(found, key, value)
    return client.get_experiment(found).tags


@case("experiment tags: fluent")
def _():
    mlflow.set_experiment("et fluent")
    mlflow.set_experiment_tag("one", 1)
    mlflow.set_experiment_tags({"two": 2, "mlflow.note.content": "text", "MLflow.note.content": "other"})
    return mlflow.get_experiment_by_name("et fluent").tags


@case("experiment tags: fluent, deleted")
def _():
    mlflow.set_experiment("et fluent gone")
    mlflow.set_experiment_tags({"a": "1", "b": "2"})
    mlflow.delete_experiment_tag("a")
    return [mlflow.get_experiment_by_name("et fluent gone").tags, error(mlflow.delete_experiment_tag, "a")]


rows(
    "experiment tags",
    {
        "overwritten": lambda: tagged(("a", "1"), ("a", "2")),
        "not a text": lambda: tagged(("a", 1.5), ("b", None), ("c", [1])),
        "empty value": lambda: tagged(("a", "")),
        "empty key": lambda: tagged(("", "x")),
        "odd key": lambda: tagged(("a/b c-d.e:f", "x")),
        "refused key": lambda: tagged(("a?b", "x")),
        "key of 250": lambda: len(tagged(("k" * 250, "x"))),
        "key of 251": lambda: tagged(("k" * 251, "x")),
        "value of 20000": lambda: len(tagged(("a", "v" * 20000))["a"]),
        "value of 20001": lambda: tagged(("a", "v" * 20001)),
        "unknown experiment": lambda: client.set_experiment_tag("987654", "a", "b"),
        "delete": lambda: [
            client.set_experiment_tag(found := exp(), "a", "1"),
            client.delete_experiment_tag(found, "a"),
            client.get_experiment(found).tags,
        ],
        "delete an absent one": lambda: client.delete_experiment_tag(exp(), "a"),
    },
)

# ── search ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@case("search_experiments: made for the next cases")
def _():
    for number, name in enumerate(("sx alpha", "sx beta", "SX Gamma", "sx%odd")):
        client.set_experiment_tag(client.create_experiment(name), "kind", "even" if number % 2 == 0 else "odd")
        time.sleep(0.003)  # made at different moments, as far as a clock of milliseconds can tell
    client.set_experiment_tag(client.get_experiment_by_name("sx beta").experiment_id, "only", "here")
    client.delete_experiment(client.create_experiment("sx gone"))


SX = "name ILIKE 'sx%'"
rows(
    "search_experiments",
    {
        "equal": lambda: names(filter_string="name = 'sx alpha'"),
        "not equal": lambda: names(filter_string=f"{SX} AND name != 'sx alpha'", order_by=["name"]),
        "LIKE": lambda: names(filter_string="name LIKE 'sx %'", order_by=["name"]),
        "ILIKE": lambda: names(filter_string="name ILIKE 'sx g%'"),
        "attribute prefix": lambda: names(filter_string="attribute.name = 'sx beta'"),
        "tag": lambda: names(filter_string=f"tags.kind = 'even' AND {SX}", order_by=["name"]),
        "tag not equal": lambda: names(filter_string=f"tags.kind != 'even' AND {SX}", order_by=["name"]),
        "tag IS NULL": lambda: names(filter_string=f"tags.only IS NULL AND {SX}", order_by=["name"]),
        "tag IS NOT NULL": lambda: names(filter_string="tags.only IS NOT NULL AND name LIKE 'sx%'"),
        "deleted only": lambda: names(filter_string=SX, view_type=DELETED),
        "all": lambda: names(filter_string=SX, view_type=ALL, order_by=["name DESC"]),
        "newest first": lambda: names(filter_string=SX),
        "by name": lambda: names(filter_string=SX, order_by=["name ASC"]),
        "by id, descending": lambda: names(filter_string=SX, order_by=["experiment_id DESC"]),
        "by creation": lambda: names(filter_string=SX, order_by=["creation_time ASC", "name"]),
        "by two": lambda: names(filter_string=SX, order_by=["name DESC", "experiment_id ASC"]),
        "by a tag": lambda: names(order_by=["tags.kind"]),
        "by an unknown field": lambda: names(order_by=["size"]),
        "unknown field": lambda: names(filter_string="size = 'x'"),
        "no filter language": lambda: names(filter_string="name is good"),
        "numbers for a name": lambda: names(filter_string="name = 5"),
        "0 results": lambda: names(max_results=0),
        "negative results": lambda: names(max_results=-1),
        "bad token": lambda: client.search_experiments(page_token="garbage"),
        "fluent": lambda: [found.name for found in mlflow.search_experiments(filter_string=SX, max_results=2, order_by=["name"])],
        "fluent, deleted": lambda: [found.name for found in mlflow.search_experiments(view_type=DELETED, filter_string=SX)],
    },
)


@case("search_experiments: pages")
def _():
    pages, token = [], None
    while token is not None or not pages:
        page = client.search_experiments(filter_string=SX, order_by=["name"], max_results=3, page_token=token)
        pages.append([found.name for found in page])
        token = page.token
    return pages


@case("search_experiments: by id")
def _():
    alpha, beta = (client.get_experiment_by_name(f"sx {name}").experiment_id for name in ("alpha", "beta"))
    return [
        names(filter_string=f"experiment_id = '{alpha}'"),
        names(filter_string=f"experiment_id IN ('{alpha}', '{beta}')", order_by=["name"]),
    ]


@case("search_experiments: entity")
def _():
    (found,) = client.search_experiments(filter_string="name = 'sx beta'")
    return [own(found.tags), found.name, found.lifecycle_stage]
