"""Cases: the life of runs."""

import contextlib
import os

from calls import TIME, case, client, data, entities, error, exp, mlflow, own, rows, run

PARENT = "mlflow.parentRunId"


def info(run_id):
    found = client.get_run(run_id).info
    return [found.status, found.lifecycle_stage, found.end_time, found.start_time == TIME]


def started(**kwargs):
    mlflow.set_experiment("life of runs")
    with mlflow.start_run(**kwargs) as found:
        pass
    return client.get_run(found.info.run_id)


def tags_of(found):
    hidden = {"mlflow.user", "mlflow.source.name"}
    return {key: value for key, value in sorted(found.data.tags.items()) if key not in hidden}


class ProblemError(Exception):
    """A script's own."""


def status_after(raised):
    """How a run stands after a block that an exception ended (None: nothing did)."""
    mlflow.set_experiment("endings")
    with contextlib.suppress(BaseException), mlflow.start_run() as found:
        if raised is not None:
            raise raised
    return client.get_run(found.info.run_id).info.status


rows(
    "start_run",
    {
        "tags and description": lambda: tags_of(started(run_name="n", tags={"a": 1, "b": None}, description="words")),
        "name": lambda: [started(run_name="my name").info.run_name, started(run_name="é ☃ 'x'").data.tags["mlflow.runName"]],
        "no name": lambda: started().data.tags,
        "name and the tag of the name agree": lambda: started(run_name="x", tags={"mlflow.runName": "x"}).info.run_name,
        "name and the tag of the name disagree": lambda: started(run_name="x", tags={"mlflow.runName": "y"}).info.run_name,
        "only the tag of the name": lambda: started(tags={"mlflow.runName": "y"}).info.run_name,
        "description and its tag": lambda: started(description="a", tags={"mlflow.note.content": "b"}).data.tags,
        "empty name": lambda: started(run_name="").info.run_name != "",
        "status inside": lambda: mlflow.start_run().info.status,
        "twice": lambda: [mlflow.start_run().info.status, error(mlflow.start_run)],
        "experiment that is unknown": lambda: mlflow.start_run(experiment_id="987654"),
        "unknown run": lambda: mlflow.start_run(run_id="0" * 32),
        "unknown parent": lambda: mlflow.start_run(parent_run_id="0" * 32),
        "refused tag key": lambda: started(tags={"a?": "1"}),
        "user and source": lambda: sorted(key for key in started().data.tags if key.startswith("mlflow.")),
        "end time is none inside": lambda: mlflow.start_run().info.end_time,
        "data of the run that is returned": lambda: own(mlflow.start_run(tags={"a": "1"}).data.tags),
    },
)

rows(
    "endings",
    {
        "of a block": lambda: status_after(None),
        "by an exception": lambda: status_after(ProblemError()),
        "by SystemExit(0)": lambda: status_after(SystemExit(0)),
        "by SystemExit(1)": lambda: status_after(SystemExit(1)),
        "by KeyboardInterrupt": lambda: status_after(KeyboardInterrupt()),
        "without a run": mlflow.end_run,
    },
)


@case("endings: end_run with each status")
def _():
    mlflow.set_experiment("endings")
    found = []
    for status in ("FINISHED", "FAILED", "KILLED"):
        started_run = mlflow.start_run()
        mlflow.end_run(status)
        found.append([client.get_run(started_run.info.run_id).info.status, mlflow.active_run()])
    return found


@case("endings: end_run inside the block")
def _():
    mlflow.set_experiment("endings")
    with mlflow.start_run() as found:
        mlflow.end_run("KILLED")
    return client.get_run(found.info.run_id).info.status


@case("endings: an inner run fails, the outer goes on")
def _():
    mlflow.set_experiment("endings")
    with mlflow.start_run() as outer:
        with contextlib.suppress(ProblemError), mlflow.start_run(nested=True) as inner:
            raise ProblemError
        active = mlflow.active_run().info.run_id == outer.info.run_id
    return [active, *(client.get_run(item.info.run_id).info.status for item in (outer, inner))]


@case("endings: end time")
def _():
    found = started()
    return [found.info.end_time >= found.info.start_time, found.info.start_time > TIME]


# ── nested, resumed ──────────────────────────────────────────────────────────────────────────────────────────────────


@case("nested: three levels")
def _():
    mlflow.set_experiment("nested")
    with mlflow.start_run() as a, mlflow.start_run(nested=True) as b, mlflow.start_run(nested=True) as c:
        active = mlflow.active_run().info.run_id
    parents = [client.get_run(item.info.run_id).data.tags.get(PARENT) for item in (a, b, c)]
    return [active == c.info.run_id, parents[0], parents[1] == a.info.run_id, parents[2] == b.info.run_id]


@case("nested: parent_run_id")
def _():
    mlflow.set_experiment("nested")
    with mlflow.start_run() as parent:
        pass
    with mlflow.start_run(parent_run_id=parent.info.run_id) as child:
        pass
    found = mlflow.get_parent_run(child.info.run_id)
    return [found.info.run_id == parent.info.run_id, mlflow.get_parent_run(parent.info.run_id)]


@case("nested: another parent than the active run")
def _():
    mlflow.set_experiment("nested")
    with mlflow.start_run() as other:
        pass
    with mlflow.start_run():
        return error(lambda: mlflow.start_run(nested=True, parent_run_id=other.info.run_id).data.tags[PARENT] == other.info.run_id)


@case("nested: in another experiment than its parent")
def _():
    mlflow.set_experiment("nested")
    other = exp()
    with mlflow.start_run(), mlflow.start_run(experiment_id=other, nested=True) as child:
        return [child.info.experiment_id == other, PARENT in child.data.tags]


@case("nested: parent_run_id without nested, while a run is active")
def _():
    mlflow.set_experiment("nested")
    with mlflow.start_run() as found:
        return error(mlflow.start_run, parent_run_id=found.info.run_id)


@case("nested: a deleted parent")
def _():
    parent = run()
    client.delete_run(parent)
    return error(lambda: mlflow.start_run(parent_run_id=parent).info.status)


@case("resume: a finished run")
def _():
    first = started(run_name="first", tags={"a": "1"})
    with mlflow.start_run(run_id=first.info.run_id, tags={"b": "2"}) as again:
        inside = client.get_run(again.info.run_id).info.status
        mlflow.log_param("p", 1)
    found = client.get_run(first.info.run_id)
    return [
        inside,
        found.info.status,
        found.info.run_name,
        own(found.data.tags),
        found.data.params,
        found.info.start_time == first.info.start_time,
    ]


@case("resume: with a new name")
def _():
    first = started(run_name="first")
    with mlflow.start_run(run_id=first.info.run_id, run_name="second"):
        pass
    return client.get_run(first.info.run_id).info.run_name


@case("resume: with a description")
def _():
    first = started(description="one")
    with mlflow.start_run(run_id=first.info.run_id, description="two"):
        pass
    return client.get_run(first.info.run_id).data.tags["mlflow.note.content"]


@case("resume: a deleted run")
def _():
    mlflow.set_experiment(experiment_id=(there := exp()))
    found = run(there)
    client.delete_run(found)
    return error(mlflow.start_run, run_id=found)


@case("resume: of another experiment than the one that is set")
def _():
    found = run()
    mlflow.set_experiment("resume elsewhere")
    return error(lambda: mlflow.start_run(run_id=found).info.status)


@case("resume: end time while it runs again")
def _():
    first = started()
    with mlflow.start_run(run_id=first.info.run_id):
        return client.get_run(first.info.run_id).info.end_time is not None


@case("resume: named by the environment")
def _():
    mlflow.set_experiment(experiment_id=(there := exp()))
    found = run(there)
    os.environ["MLFLOW_RUN_ID"] = found
    try:
        with mlflow.start_run() as first:
            pass
        with mlflow.start_run() as second:
            return [first.info.run_id == found, second.info.run_id == found]
    finally:
        os.environ.pop("MLFLOW_RUN_ID", None)


# ── which run ────────────────────────────────────────────────────────────────────────────────────────────────────────


@case("which run: none is active")
def _():
    return mlflow.active_run()


@case("which run: logging starts one")
def _():
    mlflow.set_experiment("which run")
    mlflow.log_param("a", 1)
    found = mlflow.active_run()
    mlflow.end_run()
    return [found is not None, client.get_run(found.info.run_id).data.params, client.get_run(found.info.run_id).info.status]


@case("which run: last_active_run")
def _():
    first = started()
    last = mlflow.last_active_run()
    with mlflow.start_run() as active:
        return [last.info.run_id == first.info.run_id, last.info.status, mlflow.last_active_run().info.run_id == active.info.run_id]


rows(
    "get_run",
    {
        "unknown": lambda: mlflow.get_run("0" * 32),
        "client, unknown": lambda: client.get_run("0" * 32),
        "odd id": lambda: client.get_run("../x"),
        "None": lambda: client.get_run(None),
        "deleted": lambda: [client.delete_run(found := run()), client.get_run(found).info.lifecycle_stage],
        "parent of an unknown run": lambda: mlflow.get_parent_run("0" * 32),
        "info": lambda: {
            key: value for key, value in dict(client.get_run(run(run_name="n")).info).items() if key not in ("user_id", "artifact_uri")
        },
        "data": lambda: sorted(dict(client.get_run(run()).data)),
        "to_dictionary": lambda: {key: sorted(value) for key, value in client.get_run(run()).to_dictionary().items()},
    },
)

# ── client ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def made(**kwargs):
    found = client.get_run(run(**kwargs))
    return [found.info.status, found.info.run_name, found.info.start_time, found.info.end_time, dict(sorted(found.data.tags.items()))]


def updated(**kwargs):
    found = run(run_name="before")
    client.update_run(found, **kwargs)
    got = client.get_run(found)
    return [got.info.status, got.info.run_name, got.data.tags["mlflow.runName"], got.info.end_time]


def terminated(*args, **kwargs):
    found = run()
    client.set_terminated(found, *args, **kwargs)
    return info(found)


rows(
    "client runs",
    {
        "create": made,
        "create with a name": lambda: made(run_name="a name"),
        "create with tags": lambda: made(tags={"a": 1, "mlflow.runName": "tagged"}),
        "create with name and tag": lambda: made(run_name="a", tags={"mlflow.runName": "b"}),
        "create with refused tag": lambda: made(tags={"": "x"}),
        "create in an unknown experiment": lambda: client.create_run("987654"),
        "create in a wrong experiment": lambda: client.create_run("abc"),
        "create at 0": lambda: client.get_run(run(start_time=1)).info.start_time,
        "update status": lambda: updated(status="FAILED"),
        "update name": lambda: updated(name="after"),
        "update both": lambda: updated(status="FINISHED", name="after"),
        "update nothing": updated,
        "update to SCHEDULED": lambda: updated(status="SCHEDULED"),
        "update to an unknown status": lambda: updated(status="GONE"),
        "update to an empty name": lambda: updated(name=""),
        "update an unknown run": lambda: client.update_run("0" * 32, name="x"),
        "update a deleted run": lambda: [client.delete_run(found := run()), error(client.update_run, found, name="x")],
        "terminate": terminated,
        "terminate with status": lambda: terminated("FAILED"),
        "terminate at a time": lambda: terminated("KILLED", TIME + 5),
        "terminate with an unknown status": lambda: terminated("GONE"),
        "terminate an unknown run": lambda: client.set_terminated("0" * 32),
        "terminate twice": lambda: [
            client.set_terminated(found := run(), "FAILED", TIME + 1),
            client.set_terminated(found, "FINISHED", TIME + 2),
            info(found),
        ],
        "delete": lambda: [client.delete_run(found := run()), info(found)],
        "delete twice": lambda: [client.delete_run(found := run()), error(client.delete_run, found)],
        "delete an unknown run": lambda: client.delete_run("0" * 32),
        "restore": lambda: [client.delete_run(found := run()), client.restore_run(found), info(found)],
        "restore an active run": lambda: error(client.restore_run, run()),
        "restore an unknown run": lambda: client.restore_run("0" * 32),
        "fluent delete": lambda: [mlflow.delete_run(found := run()), info(found)],
        "rename by the tag": lambda: [client.set_tag(found := run(), "mlflow.runName", "by tag"), client.get_run(found).info.run_name],
        "get_parent_run": lambda: client.get_parent_run(run()),
    },
)


@case("client runs: nothing is written to a deleted run")
def _():
    found = run()
    client.delete_run(found)
    calls = [
        error(client.log_param, found, "a", "1"),
        error(client.log_metric, found, "a", 1.0),
        error(client.set_tag, found, "a", "1"),
        error(client.log_batch, found, metrics=[entities.Metric("m", 1.0, 1, 0)]),
        error(client.delete_tag, found, "mlflow.runName"),
        error(client.set_terminated, found),
    ]
    return [calls, data(found)]


@case("client runs: status of an active run, from outside")
def _():
    with mlflow.start_run(experiment_id=exp()) as found:
        client.set_terminated(found.info.run_id, "KILLED", TIME)
        inside = client.get_run(found.info.run_id).info.status
    return [inside, client.get_run(found.info.run_id).info.status]
