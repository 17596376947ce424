"""The routes of the web pages: rows, groups, keys, curves, and the mark of a change."""

import json

import pytest

from mlctl.tracking.entities import Metric, Param

OWN = "/api/2.0/mlctl/"


@pytest.fixture
def served(serve_app, tmp_path):
    """A client of a server with a store of its own, and that store."""
    from mlctl.sql.sqlite import SqliteStore

    client = serve_app()
    with_close = SqliteStore(str(tmp_path / "mlctl.db"))
    yield client, with_close
    with_close.close()


def ask(client, name, **fields):
    reply = client.send("POST", OWN + name, body=json.dumps(fields), headers={"Content-Type": "application/json"})
    return reply.json if reply.status == 200 else reply


def state(client):
    return client.send("GET", OWN + "changes").json["state"]


def test_a_change_by_anybody_changes_the_mark_and_reading_does_not(served):
    client, store = served
    before = state(client)
    ask(client, "runs/table", experiment_ids=["0"])
    assert state(client) == before
    run = store.create_run("0", user_id="ada", start_time=1).info.run_id
    by_another = state(client)
    assert by_another != before
    client.ok("runs/set-tag", run_id=run, key="a", value="b")
    assert state(client) != by_another


def test_rows_have_the_columns_asked_for(served):
    client, store = served
    first = store.create_run("0", user_id="ada", start_time=1, params=[Param("lr", "0.1")]).info.run_id
    second = store.create_run("0", user_id="ada", start_time=2).info.run_id
    store.log_batch(second, metrics=[Metric("loss", float("nan"), 1, 0), Metric("top", float("inf"), 1, 0)])
    found = ask(client, "runs/table", experiment_ids=["0"], columns=["params.lr", "metrics.loss", "metrics.top", "tags.none"])
    assert found["total"] == 2
    assert [row[0] for row in found["rows"]] == [second, first]
    assert [row[10:] for row in found["rows"]] == [[None, "NaN", "Infinity", None], ["0.1", None, None, None]]
    assert ask(client, "runs/table", experiment_ids=["0"], columns=["nonsense"]).status == 400
    assert ask(client, "runs/keys", experiment_ids=["0"]) == {"params": ["lr"], "metrics": ["loss", "top"], "tags": ["mlflow.runName"]}


def test_groups_have_counts_and_spreads(served):
    client, store = served
    for value, loss in (("a", 1.0), ("a", 3.0), ("b", 5.0)):
        run = store.create_run("0", user_id="ada", start_time=1, params=[Param("kind", value)]).info.run_id
        store.log_batch(run, metrics=[Metric("loss", loss, 1, 0)])
    found = ask(client, "runs/groups", experiment_ids=["0"], by="params.kind", columns=["metrics.loss"])
    assert found["groups"] == [
        {"value": "a", "runs": 2, "metrics": [[1.0, 2.0, 3.0]]},
        {"value": "b", "runs": 1, "metrics": [[5.0, 5.0, 5.0]]},
    ]


@pytest.mark.parametrize("at", [lambda step: step * 10, lambda _: 7, lambda step: (5000 - step) * 10])
def test_a_long_curve_keeps_its_extremes_and_is_exact_on_zoom(served, at):
    client, store = served
    run = store.create_run("0", user_id="ada", start_time=1).info.run_id
    values = [step % 10 / 10 for step in range(5000)]
    values[1234], values[4321] = 99.0, -99.0
    for start in range(0, 5000, 1000):
        store.log_batch(run, metrics=[Metric("loss", values[step], at(step), step) for step in range(start, start + 1000)])
    [whole] = ask(client, "metrics/series", run_ids=[run], keys=["loss"], buckets=100)["series"]
    steps, _, _, least, greatest = whole["columns"]
    assert (whole["total"], whole["exact"]) == (5000, False)
    assert steps == sorted(steps)
    assert (min(least), max(greatest)) == (-99.0, 99.0)
    [part] = ask(client, "metrics/series", run_ids=[run], keys=["loss"], buckets=100, first=1200, last=1300)["series"]
    assert part["exact"]
    assert part["columns"][0] == list(range(1200, 1301))
    assert part["columns"][2] == values[1200:1301]
