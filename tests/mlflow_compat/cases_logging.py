"""Cases: params, metrics, tags and batches."""

import math

from calls import TIME, case, client, data, entities, error, exp, metric, mlflow, points, rows, run

Param, RunTag = entities.Param, entities.RunTag


def param(key, *values):
    found = run()
    outcomes = [error(client.log_param, found, key, value) for value in values]
    return [outcomes, data(found)["params"]]


def fluent_params(values):
    with mlflow.start_run(experiment_id=exp()) as found:
        mlflow.log_params(values)
    return data(found.info.run_id)["params"]


class Shown:
    def __str__(self):
        return "shown"


rows(
    "params",
    {
        "text": lambda: param("a", "x"),
        "numbers": lambda: fluent_params({"i": 1, "f": 0.1, "e": 1e-20, "big": 10**30, "nan": math.nan, "inf": -math.inf}),
        "other types": lambda: fluent_params({"n": None, "b": True, "l": [1, "a"], "d": {"a": 1}, "t": (1,), "s": Shown(), "y": b"x"}),
        "empty text": lambda: param("a", ""),
        "unicode and newline": lambda: param("a", "é\n☃\t"),
        "same value twice": lambda: param("a", "1", "1", 1),
        "another value": lambda: param("a", "1", "2"),
        "returns the value": lambda: [mlflow.start_run(experiment_id=exp()).info.status, mlflow.log_param("a", 5)],
        "empty key": lambda: param("", "x"),
        "None as key": lambda: error(client.log_param, run(), None, "x"),
        "number as key": lambda: error(client.log_param, run(), 5, "x"),
        "allowed characters": lambda: param("a_b-c.d e/f:é", "x"),
        "refused characters": lambda: [param(key, "x")[0] for key in ("a?", "a(b", "a,b", "a=b", "a\\b", "a@b")],
        "paths that are not plain": lambda: [param(key, "x")[0] for key in ("/a", "a/", "a//b", "../a", "a/../b", "./a", ".", "..")],
        "key of 250": lambda: len(next(iter(param("k" * 250, "x")[1]))),
        "key of 251": lambda: param("k" * 251, "x"),
        "value of 6000": lambda: len(param("a", "v" * 6000)[1]["a"]),
        "value of 6001": lambda: len(param("a", "v" * 6001)[1]["a"]),
        "long value twice": lambda: param("a", "v" * 6005, "v" * 6005)[0],
        "unknown run": lambda: client.log_param("0" * 32, "a", "1"),
        "odd run id": lambda: client.log_param("a b", "a", "1"),
        "250 at once": lambda: len(fluent_params({f"k{number}": number for number in range(250)})),
        "none at once": lambda: fluent_params({}),
        "case matters": lambda: fluent_params({"a": 1, "A": 2}),
        "asynchronous": lambda: [
            mlflow.start_run(experiment_id=exp()).info.status,
            mlflow.log_params({"a": 1}, synchronous=False).wait(),
            mlflow.active_run() and data(mlflow.active_run().info.run_id)["params"],
        ],
        "client returns": lambda: client.log_param(run(), "a", 7),
    },
)


@case("params: one of several is refused")
def _():
    with mlflow.start_run(experiment_id=exp()) as found:
        outcome = error(mlflow.log_params, {"good": 1, "bad?": 2})
    return [outcome, data(found.info.run_id)["params"]]


@case("params: one of several has another value")
def _():
    with mlflow.start_run(experiment_id=exp()) as found:
        mlflow.log_param("a", 1)
        outcome = error(mlflow.log_params, {"b": 1, "a": 2})
    return [outcome, data(found.info.run_id)["params"]]


@case("params: log_params by run_id")
def _():
    found = run()
    mlflow.log_params({"a": 1}, run_id=found)
    return [data(found)["params"], mlflow.active_run()]


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def logged(*values, **kwargs):
    found = run()
    outcomes = [error(client.log_metric, found, "m", value, timestamp=TIME + number, **kwargs) for number, value in enumerate(values)]
    return [outcomes, data(found)["metrics"], points(found, "m")]


def history(*triples):
    """Points as (value, timestamp, step) in the order in which they are logged."""
    found = run()
    for value, timestamp, step in triples:
        client.log_metric(found, "m", value, timestamp, step)
    return [data(found)["metrics"], points(found, "m")]


class Floating:
    def __float__(self):
        return 2.5


def numpy_values():
    import numpy as np

    return logged(np.float32(0.5), np.int64(3), np.array(1.5), np.array([2.5]), np.bool_(True))


rows(
    "metrics",
    {
        "numbers": lambda: logged(1, 0.1, -2, 1e300, 0),
        "booleans": lambda: logged(True, False),
        "texts of numbers": lambda: logged("1.5"),
        "texts": lambda: logged("abc"),
        "None": lambda: logged(None),
        "lists": lambda: logged([1]),
        "NaN": lambda: logged(math.nan),
        "infinite": lambda: [item if not isinstance(item, dict) else sorted(item) for item in logged(math.inf, -math.inf)],
        "latest is NaN": lambda: logged(1.0, math.nan)[1],
        "float()": lambda: logged(Floating()),
        "complex": lambda: logged(1j),
        "NumPy": numpy_values,
        "several elements": lambda: logged(__import__("numpy").array([1.0, 2.0])),
        "by step": lambda: history((1, TIME, 2), (2, TIME, 1), (3, TIME, 3)),
        "same step, later time": lambda: history((1, TIME, 1), (2, TIME + 1, 1)),
        "same step, earlier time": lambda: history((1, TIME + 1, 1), (2, TIME, 1)),
        "same step and time, greater value": lambda: history((2, TIME, 1), (3, TIME, 1), (1, TIME, 1)),
        "greater step, earlier time": lambda: history((1, TIME + 5, 1), (2, TIME, 2)),
        "negative steps": lambda: history((1, TIME, -5), (2, TIME, -3)),
        "the same point twice": lambda: history((1, TIME, 1), (1, TIME, 1)),
        "time 0": lambda: history((1, 0, 0)),
        "negative time": lambda: history((1, -1, 0)),
        "step that is no number": lambda: history((1, TIME, "a")),
        "step that is a float": lambda: error(history, (1, TIME, 1.5)),
        "64-bit steps": lambda: history((1, TIME, 2**63 - 1), (2, TIME, -(2**63))),
        "history's order": lambda: history((1, TIME + 2, 0), (2, TIME, 5), (3, TIME + 1, 3))[1],
        "history of an unknown metric": lambda: points(run(), "nothing"),
        "history of an unknown run": lambda: points("0" * 32, "m"),
        "unknown run": lambda: client.log_metric("0" * 32, "a", 1),
        "odd keys": lambda: [
            error(client.log_metric, run(f, start_time=TIME), key, 1.0)
            for f in [exp()]
            for key in ("a b", "a/b", "a?", "", "/a", "k" * 251)
        ],
        "None as key": lambda: error(client.log_metric, run(), None, 1.0),
        "asynchronous": lambda: [mlflow.start_run(experiment_id=exp()).info.status, mlflow.log_metric("a", 1.0, synchronous=False).wait()],
        "returns": lambda: [mlflow.start_run(experiment_id=exp()).info.status, mlflow.log_metric("a", 1.0), mlflow.log_metrics({"a": 1.0})],
    },
)


@case("metrics: without steps")
def _():
    with mlflow.start_run(experiment_id=exp()) as found:
        for number, value in enumerate((0.6, 0.6, 0.8, 0.7)):
            mlflow.log_metric("acc", value, timestamp=TIME + number)
    return [data(found.info.run_id)["metrics"], points(found.info.run_id, "acc")]


@case("metrics: time and step by default")
def _():
    with mlflow.start_run(experiment_id=exp()) as found:
        mlflow.log_metric("a", 1)
        mlflow.log_metrics({"b": 2, "c": 3}, step=4)
    return [points(found.info.run_id, key) for key in "abc"]


@case("metrics: log_metrics with time and run_id")
def _():
    found = run()
    mlflow.log_metrics({"b": 2, "c": 3}, step=4, timestamp=TIME + 1, run_id=found)
    mlflow.log_metric("d", 5, timestamp=TIME, run_id=found)
    return [mlflow.active_run(), [points(found, key) for key in "bcd"]]


@case("metrics: one of several is no number")
def _():
    with mlflow.start_run(experiment_id=exp()) as found:
        outcome = error(mlflow.log_metrics, {"a": 1.0, "b": "x"})
    return [outcome, data(found.info.run_id)["metrics"]]


@case("metrics: 2500 at once")
def _():
    with mlflow.start_run(experiment_id=exp()) as found:
        mlflow.log_metrics({f"k{number}": number for number in range(2500)})
    return len(data(found.info.run_id)["metrics"])


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def tag(*pairs):
    found = run()
    outcomes = [error(client.set_tag, found, key, value) for key, value in pairs]
    return [outcomes, data(found)["tags"]]


rows(
    "tags",
    {
        "types": lambda: tag(("a", 1), ("b", None), ("c", True), ("d", {"x": 1}), ("e", 0.5)),
        "overwritten": lambda: tag(("a", 1), ("a", 2)),
        "empty value": lambda: tag(("a", "")),
        "empty key": lambda: tag(("", "x")),
        "odd keys": lambda: tag(("a b/c:d", "1"), ("a?", "2"), ("..", "3")),
        "key of 251": lambda: tag(("k" * 251, "x")),
        "value of 8000": lambda: len(tag(("a", "v" * 8000))[1]["a"]),
        "value of 8001": lambda: len(tag(("a", "v" * 8001))[1]["a"]),
        "unknown run": lambda: client.set_tag("0" * 32, "a", "1"),
        "delete": lambda: [client.set_tag(found := run(), "a", "1"), client.delete_tag(found, "a"), data(found)["tags"]],
        "delete an absent one": lambda: client.delete_tag(run(), "a"),
        "delete of an unknown run": lambda: client.delete_tag("0" * 32, "a"),
        "system tags": lambda: [client.set_tag(found := run(), "mlflow.user", "somebody"), client.get_run(found).data.tags["mlflow.user"]],
        "name": lambda: [client.set_tag(found := run(run_name="a"), "mlflow.runName", "b"), client.get_run(found).info.run_name],
        "name deleted": lambda: [client.delete_tag(found := run(run_name="a"), "mlflow.runName"), client.get_run(found).info.run_name],
        "note": lambda: [
            client.set_tag(found := run(), "mlflow.note.content", "é\n**b**"),
            client.get_run(found).data.tags["mlflow.note.content"],
        ],
        "returns": lambda: [
            client.set_tag(run(), "a", "b"),
            mlflow.start_run(experiment_id=exp("x")).info.status,
            mlflow.set_tag("a", "b"),
            mlflow.set_tags({"c": 1}),
        ],
    },
)


@case("tags: fluent")
def _():
    with mlflow.start_run(experiment_id=exp()) as found:
        mlflow.set_tag("env", "dev")
        mlflow.set_tags({"some": False, "project": "xyz", "n": 3})
        mlflow.delete_tag("project")
        absent = error(mlflow.delete_tag, "project")
    return [absent, data(found.info.run_id)["tags"]]


@case("tags: one of several is refused")
def _():
    with mlflow.start_run(experiment_id=exp()) as found:
        outcome = error(mlflow.set_tags, {"good": 1, "bad?": 2})
    return [outcome, data(found.info.run_id)["tags"]]


@case("tags: 250 at once")
def _():
    with mlflow.start_run(experiment_id=exp()) as found:
        mlflow.set_tags({f"k{number}": number for number in range(250)})
    return len(data(found.info.run_id)["tags"])


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def batch(**kwargs):
    found = run()
    outcome = error(client.log_batch, found, **kwargs)
    return [outcome, data(found)]


def counts(**kwargs):
    outcome, found = batch(**kwargs)
    return [outcome, {name: len(values) for name, values in found.items()}]


def many(kind, count):
    return [kind(f"k{number}", str(number)) for number in range(count)]


def many_metrics(count):
    return [metric(f"k{number}", float(number)) for number in range(count)]


rows(
    "batches",
    {
        "of each": lambda: batch(metrics=[metric("m", 1.0)], params=[Param("p", "1")], tags=[RunTag("t", "1")]),
        "empty": batch,
        "1000 metrics": lambda: counts(metrics=many_metrics(1000)),
        "1001 metrics": lambda: counts(metrics=many_metrics(1001)),
        "100 params": lambda: counts(params=many(Param, 100)),
        "101 params": lambda: counts(params=many(Param, 101)),
        "101 tags": lambda: counts(tags=many(RunTag, 101)),
        "1001 together": lambda: counts(metrics=many_metrics(950), params=many(Param, 51)),
        "a key twice among params": lambda: batch(params=[Param("a", "1"), Param("a", "2")]),
        "a param twice with one value": lambda: batch(params=[Param("a", "1"), Param("a", "1")]),
        "a key twice among tags": lambda: batch(tags=[RunTag("a", "1"), RunTag("a", "2")]),
        "points of one key": lambda: batch(metrics=[metric("m", 1.0, step=2), metric("m", 5.0, step=1), metric("m", 3.0, step=2)]),
        "refused key": lambda: batch(metrics=[metric("good", 1.0), metric("bad?", 1.0)], tags=[RunTag("t", "1")]),
        "refused value": lambda: batch(metrics=[metric("m", "x")], params=[Param("p", "1")]),
        "values that are no texts": lambda: batch(params=[Param("p", 5)], tags=[RunTag("t", 5)]),
        "long values": lambda: [
            len(value)
            for part in batch(params=[Param("p", "v" * 7000)], tags=[RunTag("t", "v" * 9000)])[1].values()
            for value in part.values()
        ],
        "unknown run": lambda: client.log_batch("0" * 32, params=[Param("a", "1")]),
        "dictionaries": lambda: error(client.log_batch, run(), params=[{"key": "a", "value": "1"}]),
    },
)


@case("batches: a param with another value")
def _():
    found = run()
    client.log_param(found, "a", "1")
    outcome = error(client.log_batch, found, metrics=[metric("m", 1.0)], params=[Param("b", "1"), Param("a", "2")])
    return [outcome, data(found)["params"]]
