"""Searches of runs, on every store."""

import math
import random

import pytest
from hostile_values import HOSTILE

from mlctl.errors import InvalidValueError
from mlctl.tracking.entities import ALL, DELETED_ONLY, Metric, RunTag


@pytest.fixture
def fruit(store, make):
    """Four runs that differ in everything; returns their ids by name."""
    ids = {
        "apple": make("apple", start=10, user_id="ada", params={"alpha": "0.5", "opt": "adam"}, metrics={"rmse": 0.7, "r 2": 1.0}),
        "banana": make("banana", start=30, user_id="bob", params={"alpha": "0.1"}, tags={"team": "Red"}, metrics={"rmse": math.nan}),
        "cherry": make("cherry", start=20, user_id="ada", params={"alpha": "0.5", "opt": "Adam"}, tags={"team": "red"}),
        "date": make("date", start=40, params={"opt": "it's"}, tags={"mlflow.source.type": "LOCAL"}, metrics={"rmse": -math.inf}),
    }
    store.update_run(ids["apple"], status="FINISHED", end_time=15)
    store.update_run(ids["cherry"], status="FAILED", end_time=99)
    return ids


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "date banana cherry apple"),
        ("metrics.rmse < 1", "date apple"),
        ("metrics.rmse >= 0.7", "apple"),
        ("metric.rmse = 0.7", "apple"),
        ("metrics.rmse != 0.7", "date banana"),
        ("metrics.rmse > 0 AND metrics.rmse < 0.5", ""),
        ("metrics.rmse != 0", "date banana apple"),
        ("metrics.`r 2` = 1", "apple"),
        ('metrics."r 2" > .5e0', "apple"),
        ("metrics.none != 1", ""),
        ("params.alpha = '0.5'", "cherry apple"),
        ("param.alpha != '0.5'", "banana"),
        ("parameters.alpha LIKE '0.%'", "banana cherry apple"),
        ("parameter.opt LIKE 'a%'", "apple"),
        ("params.opt ILIKE 'a%'", "cherry apple"),
        ('params.opt = "it\'s"', "date"),
        ("params.opt IS NULL", "banana"),
        ("params.opt IS NOT NULL", "date cherry apple"),
        ("params.none IS NULL", "date banana cherry apple"),
        ("params.none = ''", ""),
        ("tags.team = 'red'", "cherry"),
        ("tag.team ilike 'RED'", "banana cherry"),
        ("tags.mlflow.source.type = 'LOCAL'", "date"),
        ("tags.team is null AND params.opt is not null", "date apple"),
        ("run_name = 'apple'", "apple"),
        ("attributes.run_name LIKE '%an%'", "banana"),
        ("attr.`Run name` ILIKE 'DATE'", "date"),
        ("`run name` != 'apple'", "date banana cherry"),
        ("tags.mlflow.runName = 'date'", "date"),
        ("status = 'RUNNING'", "date banana"),
        ("run.status != 'RUNNING'", "cherry apple"),
        ("status LIKE 'F%'", "cherry apple"),
        ("status = 'SOMETHING'", ""),
        ("user_id = 'ada'", "cherry apple"),
        ("user_id = ''", "date"),
        ("start_time >= 20 AND created < 40", "banana cherry"),
        ("Created = 20.0", "cherry"),
        ("start_time > 20.5", "date banana"),
        ("end_time > 0", "cherry apple"),
        ("end_time != 15", "cherry"),
        ("artifact_uri LIKE '%/artifacts/0/%/artifacts'", "date banana cherry apple"),
        ("artifact_uri = 'x'", ""),
        ("datasets.name = 'x'", ""),
        ("dataset.context NOT IN ('x', 'y')", ""),
        ("params.alpha = '0.5' AND metrics.rmse < 1 AND user_id = 'ada' AND ", "apple"),
        ("params.alpha = '0.5'\nAND\tparams.opt='adam'", "apple"),
        ("start_time < 99999999999999999999", "date banana cherry apple"),
    ],
)
def test_filter(fruit, make, text, expected):
    assert make.found(text) == expected.split()


def test_filter_on_ids(fruit, make):
    one, two = fruit["apple"], fruit["date"]
    assert make.found(f"run_id = '{one}'") == ["apple"]
    assert make.found(f"attribute.run_id IN ('{one}', '{two}',)") == ["date", "apple"]
    assert make.found(f"run_id NOT IN ('{one}', '{two}')") == ["banana", "cherry"]
    assert make.found(f"run_id LIKE '{one[:6]}%'") == ["apple"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (["metrics.rmse"], "date apple banana cherry"),
        (["metrics.rmse DESC"], "apple date banana cherry"),
        (["metrics.none desc"], "date banana cherry apple"),
        (["params.opt"], "cherry apple date banana"),
        (["params.opt DESC"], "date apple cherry banana"),
        (["tags.team ASC", "start_time"], "banana cherry apple date"),
        (["params.alpha", "metrics.rmse"], "banana apple cherry date"),
        (["start_time"], "apple cherry banana date"),
        (["attribute.created DESC"], "date banana cherry apple"),
        (["end_time"], "apple cherry date banana"),
        (["end_time DESC"], "cherry apple date banana"),
        (["status"], "cherry apple date banana"),
        (["run_name DESC"], "date cherry banana apple"),
        (["user_id", "run_name"], "date apple cherry banana"),
        (["`metrics`.`r 2`"], "apple date banana cherry"),
        (["artifact_uri", "metrics.rmse"], None),
    ],
)
def test_order(fruit, make, order, expected):
    names = expected.split() if expected else sorted(fruit, key=lambda name: fruit[name])
    assert make.found("", *order) == names


def test_equal_runs_are_in_the_order_of_their_ids(make):
    ids = {name: make(name, start=5, metrics={"m": 1.0}) for name in "abcdefgh"}
    expected = sorted(ids, key=lambda name: ids[name])
    assert make.found() == expected
    assert make.found("", "metrics.m DESC") == expected
    assert make.found("", "start_time DESC") == expected
    assert make.found("", "run_id DESC") == expected[::-1]


def test_a_run_without_its_name_tag_is_not_found_by_name(store, make, fruit):
    store.delete_tag(fruit["apple"], "mlflow.runName")
    assert make.found("run_name LIKE '%'") == ["date", "banana", "cherry"]
    assert make.found("", "run_name") == ["apple", "banana", "cherry", "date"]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values(make, value):
    make("it", params={"p": value, "long": value + "x" * 200}, tags={"t": value})
    make("other", params={"p": value + "x", "long": value + "x" * 199 + "y"}, tags={"t": "x" + value})
    quote = '"' if "'" in value else "'"
    assert make.found(f"params.p = {quote}{value}{quote}") == ["it"]
    assert make.found(f"tags.t = {quote}{value}{quote}") == ["it"]
    assert make.found(f"params.p != {quote}{value}{quote}") == ["other"]
    assert make.found(f"params.long = {quote}{value + 'x' * 200}{quote}") == ["it"]


def test_latest_value_counts(store, make):
    run_id = make("it", metrics=[Metric("m", 1.0, 1, 1), Metric("m", 5.0, 2, 2)])
    assert make.found("metrics.m = 5") == ["it"]
    assert make.found("metrics.m = 1") == []
    store.log_batch(run_id, metrics=[Metric("m", 0.0, 3, 3)])
    assert make.found("metrics.m = 5") == []
    assert make.found("metrics.m < 1") == ["it"]


def test_experiments(store, make):
    one, two = store.create_experiment("one"), store.create_experiment("two")
    make("a", experiment=one, start=1, metrics={"m": 1.0})
    make("b", experiment=two, start=2, metrics={"m": 3.0})
    make("c", start=3, metrics={"m": 2.0})
    assert make.found(experiments=[]) == []
    assert make.found(experiments=["77"]) == []
    assert make.found(experiments=[one, "77", one]) == ["a"]
    assert make.found(experiments=[one, two]) == ["b", "a"]
    assert make.found("", "metrics.m DESC", experiments=[one, "0"]) == ["c", "a"]
    assert make.found("metrics.m > 0", experiments=["0", one, two]) == ["c", "b", "a"]
    assert make.found(experiments=["99999999999999999999"]) == []


def test_views(store, make):
    kept, gone = make("kept", start=1), make("gone", start=2)
    store.delete_run(gone)
    assert make.found() == ["kept"]
    assert make.found(view=DELETED_ONLY) == ["gone"]
    assert make.found(view=ALL) == ["gone", "kept"]
    store.restore_run(gone)
    store.delete_run(kept)
    assert make.found() == ["gone"]
    with pytest.raises(InvalidValueError):
        make.found(view="NONE")


def test_runs_come_with_their_data(store, fruit):
    for run in store.search_runs(["0"]):
        assert str(store.get_run(run.info.run_id)) == str(run)


def test_pages(store, make):
    for number in range(23):
        make(f"r{number:02}", start=number, metrics={"m": float(number % 5)} if number % 3 else {}, params={"p": str(number % 2)})
    for text, order in (("", []), ("", ["metrics.m DESC"]), ("params.p = '1'", ["metrics.m"]), ("params.p LIKE '1'", ["params.p"])):
        whole = make.found(text, *order)
        pieces, token = [], None
        while True:
            page = store.search_runs(["0"], filter_string=text, order_by=order, max_results=4, page_token=token)
            assert len(page) == 4 or page.token is None
            pieces += [run.info.run_name for run in page]
            token = page.token
            if token is None:
                break
        assert pieces == whole
    assert store.search_runs(["0"], max_results=23).token is None
    assert store.search_runs(["0"], max_results=22).token is not None


@pytest.mark.parametrize(
    "token", ["x", "====", "e30=", "W10=", "eyJvZmZzZXQiOiAwfQ==", "eyJvZmZzZXQiOiAiMSJ9", "eyJvZmZzZXQiOiAtMX0=", "\N{SNOWMAN}"]
)
def test_bad_tokens(store, token):
    for search in (lambda: store.search_runs(["0"], page_token=token), lambda: store.metric_history("x", "m", page_token=token)):
        with pytest.raises(InvalidValueError, match="token"):
            search()


@pytest.mark.parametrize("size", [0, -5, 50001, None, "10", 2.0, True])
def test_bad_page_sizes(store, size):
    with pytest.raises(InvalidValueError, match="max_results"):
        store.search_runs(["0"], max_results=size)


@pytest.mark.parametrize("text", ["metrics.a == 1", "params.a = 5", "(metrics.a > 1)", "a = 'b'", "   ", "params.a = 'x"])
def test_bad_filters_name_the_column(make, text):
    with pytest.raises(InvalidValueError, match=r"column \d+"):
        make.found(text)


@pytest.mark.parametrize(
    "order", [["start_time", "attribute.created"], ["foo"], ["datasets.name"], ["metrics.a b"], [""], ["start_time NULLS LAST"]]
)
def test_bad_orders(make, order):
    with pytest.raises(InvalidValueError):
        make.found("", *order)


def test_many_conditions(make):
    make("it", params={"p": "1"})
    assert make.found(" AND ".join(["params.p = '1'"] * 200)) == ["it"]
    with pytest.raises(InvalidValueError, match="200"):
        make.found(" AND ".join(["params.p = '1'"] * 201))


TESTS = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    ">=": lambda one, other: one >= other,
}


class TestAgainstPlainPython:
    """Searches of random runs find what a search written in plain Python finds, in the same order."""

    @pytest.fixture
    def crowd(self, store, make, monkeypatch):
        from mlctl.tracking import sql_search

        monkeypatch.setattr(sql_search, "RARE", 5)  # so that searches begin everywhere
        dice = random.Random(11)
        for number in range(150):
            metrics = {key: dice.choice([0.0, 1.0, -1.0, 2.5, math.nan, math.inf]) for key in ("m", "n") if dice.random() < 0.7}
            params = {key: dice.choice(["a", "b", "A", "ab"]) for key in ("p", "q") if dice.random() < 0.7}
            make(f"r{number}", start=dice.randrange(40), metrics=metrics, params=params, tags={"t": dice.choice("xyz")})
        return store.search_runs(["0"])

    @staticmethod
    def clause(dice):
        if dice.random() < 0.5:
            key, operator, value = dice.choice("mn"), dice.choice(list(TESTS)), dice.choice([0.0, 1.0, 2.0])
            return (
                f"metrics.{key} {operator} {value}",
                lambda run: key in run.data.metrics and TESTS[operator](run.data.metrics[key], value),
            )
        key, operator, value = dice.choice("pqt"), dice.choice(["=", "!="]), dice.choice(["a", "b", "x", "none"])
        kind = "tags" if key == "t" else "params"
        return (
            f"{kind}.{key} {operator} '{value}'",
            lambda run: key in getattr(run.data, kind) and TESTS[operator](getattr(run.data, kind)[key], value),
        )

    @staticmethod
    def sort(runs, key, descending):
        def rank(run):
            value = run.data.metrics.get(key)
            absent = 2 if value is None else int(math.isnan(value))
            return absent, 0 if absent else (-value if descending else value), -run.info.start_time, run.info.run_id

        return sorted(runs, key=rank)

    def test_random_searches(self, store, crowd):
        dice = random.Random(12)
        for _ in range(150):
            clauses = [self.clause(dice) for _ in range(dice.randrange(4))]
            expected = [run for run in crowd if all(test(run) for _, test in clauses)]
            order = []
            if dice.random() < 0.6:
                key, descending = dice.choice("mn"), dice.random() < 0.5
                order = [f"metrics.{key}{' DESC' if descending else ''}"]
                expected = self.sort(expected, key, descending)
            size = dice.choice([1, 3, 10, 1000])
            text = " AND ".join(clause for clause, _ in clauses)
            found = store.search_runs(["0"], filter_string=text, order_by=order, max_results=size)
            assert [run.info.run_name for run in found] == [run.info.run_name for run in expected[:size]], (text, order)


def test_a_run_that_joins_others_is_found_by_its_parent(store, make):
    parent = make("parent")
    for number in range(3):
        make(f"child{number}", start=number, tags={"mlflow.parentRunId": parent})
    assert make.found(f"tags.mlflow.parentRunId = '{parent}'") == ["child2", "child1", "child0"]
    store.log_batch(parent, tags=[RunTag("mlflow.parentRunId", "nobody")])
    assert make.found("tags.`mlflow.parentRunId` = 'nobody'") == ["parent"]
