"""Searches of runs, on every store."""

import math
import random
import re

import pytest
from hostile_values import HOSTILE

from mlctl.errors import InvalidValueError
from mlctl.tracking.entities import ALL, DELETED_ONLY, ExperimentTag, Metric, RunTag


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
        ("artifact_uri LIKE '%/0/%/artifacts'", "date banana cherry apple"),
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


@pytest.mark.parametrize("text", ["metrics.a == 1", "params.a > '5'", "(metrics.a > 1", "a = 'b'", "   ", "params.a = 'x"])
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.rmse < 0 OR params.alpha = '0.1'", "date banana"),
        ("params.alpha = '0.5' AND (user_id = 'bob' OR params.opt = 'adam')", "apple"),
        ("NOT params.alpha = '0.5'", "date banana"),
        ("params.alpha != '0.5'", "banana"),
        ("NOT params.alpha != '0.5'", "date cherry apple"),
        ("NOT (params.alpha = '0.5' AND user_id = 'ada')", "date banana"),
        ("NOT metrics.rmse > 0", "date banana cherry"),
        ("NOT metrics.rmse <= 0", "banana cherry apple"),
        ("NOT end_time > 50", "date banana apple"),
        ("NOT (end_time > 50 OR metrics.rmse > 0)", "date banana"),
        ("end_time IS NULL", "date banana"),
        ("end_time IS NOT NULL", "cherry apple"),
        ("metrics.rmse IS NULL", "cherry"),
        ("metrics.rmse IS NOT NULL AND status = 'RUNNING'", "date banana"),
        ("run_id IS NULL OR status IS NULL OR user_id IS NULL OR start_time IS NULL OR run_name IS NULL", ""),
        ("datasets.name IS NULL AND datasets.context IS NULL", "date banana cherry apple"),
        ("datasets.name IS NOT NULL", ""),
        ("params.alpha > 0.1", "cherry apple"),
        ("params.alpha >= .1 AND params.alpha < 0.2", "banana"),
        ("params.alpha = 0.50", "cherry apple"),
        ("params.alpha != 0.5", "banana"),
        ("params.opt > -1e300", ""),
        ("params.opt != 3", ""),
        ("params.alpha BETWEEN 0 AND 0.1", "banana"),
        ("params.alpha NOT BETWEEN 0 AND 0.1", "cherry apple"),
        ("params.alpha IN (0.1, 7)", "banana"),
        ("params.alpha NOT IN (0.1, 7)", "cherry apple"),
        ("params.alpha IN ('0.1', '0.5')", "banana cherry apple"),
        ("params.opt NOT IN ('adam')", "date cherry"),
        ("NOT params.opt IN ('adam')", "date banana cherry"),
        ("tags.team IN ('Red', 'red')", "banana cherry"),
        ("status IN ('FAILED', 'RUNNING')", "date banana cherry"),
        ("status NOT IN ('FAILED', 'RUNNING')", "apple"),
        ("run_name IN ('apple', 'date', 'none')", "date apple"),
        ("run_name NOT LIKE '%an%'", "date cherry apple"),
        ("tags.team NOT ILIKE 'RED'", ""),
        ("metrics.rmse BETWEEN 0 AND 1", "apple"),
        ("metrics.rmse NOT BETWEEN 0 AND 1", "date banana"),
        ("metrics.rmse IN (0.7)", "apple"),
        ("metrics.rmse NOT IN (0.7)", "date banana"),
        ("start_time BETWEEN 20 AND 30", "banana cherry"),
        ("start_time NOT BETWEEN 20 AND 30", "date apple"),
        ("run_name RLIKE '^(apple|ban)'", "banana apple"),
        ("run_name NOT RLIKE 'an'", "date cherry apple"),
        ("tags.team RLIKE '(?i)^RED$'", "banana cherry"),
        ("params.opt RLIKE '[^a-z]'", "date cherry"),
        ("NOT params.opt RLIKE '^a'", "date banana cherry"),
        ("status RLIKE 'ED$'", "cherry apple"),
        ("artifact_uri RLIKE '/0/[0-9a-f]{32}/artifacts$'", "date banana cherry apple"),
        ("artifact_uri LIKE '%artifacts%' OR artifact_uri RLIKE '^$'", "date banana cherry apple"),
        ("start_time < now - 2w", "date banana cherry apple"),
        ("start_time > now", ""),
        ("start_time < '1970-01-01T00:00:00.020Z'", "apple"),
        ("duration = 5 OR duration = 79", "cherry apple"),
        ("duration > 1d", "date banana"),
        ("duration BETWEEN 0s AND 0.006s", "apple"),
        ("run_name = 'apple' OR run_name = 'banana' OR run_name = 'cherry'", "banana cherry apple"),
        ("(user_id = 'ada' OR user_id = 'bob') AND NOT (params.opt IS NULL)", "cherry apple"),
    ],
)
def test_what_mlflow_has_not(fruit, make, text, expected):
    assert make.found(text) == expected.split()


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *(("5", 5), ("5.0", 5), (" 5", 5), ("+5", 5), ("0.5e1", 5), ("5.", 5), (".5", 0.5), ("-1e-3", -0.001), ("007", 7)),
        *(("9007199254740993", 9007199254740993), ("1e400", math.inf)),
        *(("", None), ("five", None), ("5a", None), ("5 6", None), ("0x10", None), ("1_000", None), ("nan", None), ("inf", None)),
        *(("True", None), ("5,0", None), ("[5]", None), ("\N{ARABIC-INDIC DIGIT FIVE}", None), ("-", None), ("e5", None), ("1e", None)),
    ],
)
def test_what_is_a_number(make, value, number):
    make("it", params={"p": value}, tags={"t": value})
    found = ["it"] if number is not None else []
    assert make.found("params.p > -1e300") == found
    assert make.found("params.p != 123456") == found
    assert make.found("tags.t < 1 OR tags.t >= 1") == found
    assert make.found("params.p NOT BETWEEN 123456 AND 123457") == found
    assert make.found("NOT params.p > -1e300") == ([] if found else ["it"])
    if number is not None and not math.isinf(number):
        assert make.found(f"params.p = {number}") == ["it"]
        assert make.found(f"params.p IN (77, {number})") == ["it"]


@pytest.fixture
def curves(make):
    """Runs with histories; one has a metric that is called as an aggregate would be."""

    def points(*values):
        return [Metric("loss", value, 100 - step, step) for step, value in enumerate(values)]

    make("down", start=1, metrics=points(5.0, 3.0, 1.0))
    make("up", start=2, metrics=points(0.5, 2.0, 4.0))
    make("broken", start=3, metrics=points(2.0, math.nan))
    make("lost", start=4, metrics=points(math.nan))
    make("none", start=5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.loss.min < 1", "up"),
        ("metrics.loss.min >= 1", "broken down"),
        ("metrics.loss.max > 3", "up down"),
        ("metrics.loss.mean = 3", "down"),
        ("metrics.loss.first > 1", "broken down"),
        ("metrics.loss.last > 1", "up"),
        ("metrics.loss.last != 1", "lost broken up"),
        ("metrics.loss.count >= 2", "broken up down"),
        ("metrics.loss.count = 1", "lost"),
        ("metrics.loss.count < 1", ""),
        ("metrics.loss.count IS NULL", "none"),
        ("metrics.loss.min IS NULL", "none lost"),
        ("metrics.loss.min IS NOT NULL", "broken up down"),
        ("NOT metrics.loss.min < 1", "none lost broken down"),
        ("metrics.loss.min BETWEEN 1 AND 2", "broken down"),
        ("metrics.loss.max IN (4, 5)", "up down"),
        ("metrics.loss.min < 1 OR metrics.`loss`.max = 5", "up down"),
        ("metrics.none.min < 1", ""),
        ("metrics.loss < 1", ""),
    ],
)
def test_aggregates(curves, make, text, expected):
    assert make.found(text) == expected.split()


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("metrics.loss.min", "up down broken none lost"),
        ("metrics.loss.max DESC", "down up broken none lost"),
        ("metrics.loss.last", "down up lost broken none"),
        ("metrics.loss.count DESC", "up down broken lost none"),
        ("metrics.`loss`.first", "up broken down none lost"),
    ],
)
def test_order_by_aggregates(curves, make, order, expected):
    assert make.found("", order) == expected.split()
    assert make.found("", order, max_results=2) == expected.split()[:2]


def test_a_metric_that_is_called_like_an_aggregate(curves, make):
    make("odd", start=9, metrics={"loss.min": 7.0, "loss": 8.0}, params={"loss.max": "1"})
    assert make.found("metrics.loss.min < 100") == ["odd"]
    assert make.found("", "metrics.loss.min", max_results=1) == ["odd"]
    assert make.found("metrics.`loss`.min = 8") == ["odd"]
    assert make.found("metrics.`loss.max` > 0") == []
    assert make.found("metrics.loss.max = 8") == ["odd"], "a param of that name is no metric"


def test_duration_is_what_lists_show(store, make):
    run_id = make("long", start=1000)
    store.update_run(run_id, status="FINISHED", end_time=61_000)
    make("going on", start=2000)
    make("unknown", start=0)
    assert make.found("duration = 1m") == ["long"]
    assert make.found("duration > 1d") == ["going on"]
    assert make.found("duration IS NULL") == ["unknown"]
    assert make.found("NOT duration > 1d") == ["long", "unknown"]
    assert make.found("", "duration") == ["long", "going on", "unknown"]
    store.update_run(run_id, status="RUNNING")
    assert make.found("duration > 1d", "run_name") == ["going on", "long"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name = 'one' OR name = 'two'", ["one", "two"]),
        ("NOT name IN ('one', 'Default')", ["two"]),
        ("tags.rank > 1.5 OR name = 'Default'", ["Default", "two"]),
        ("tags.rank BETWEEN 1 AND 2 AND (name RLIKE '^o' OR tags.x IS NOT NULL)", ["one"]),
        ("creation_time > now - 1h AND NOT tags.rank IS NULL", ["one", "two"]),
        ("creation_time < '1980-01-01'", []),
        ("experiment_id IS NOT NULL AND experiment_id NOT IN ('0')", ["one", "two"]),
    ],
)
def test_experiments_speak_the_same_language(store, text, expected):
    store.create_experiment("one", tags=[ExperimentTag("rank", "1")])
    store.create_experiment("two", tags=[ExperimentTag("rank", "2.0")])
    found = store.search_experiments(filter_string=text, order_by=["name"])
    assert sorted(item.name for item in found) == expected


def test_a_pattern_that_explodes_takes_no_time(make):
    make("it", params={"p": "a" * 6000})
    assert make.found("params.p RLIKE '(a+)+(a|aa)*b'") == []
    assert make.found("params.p RLIKE '(a+)+$'") == ["it"]


def test_a_pattern_that_takes_too_long_is_given_up(make):
    dice = random.Random(3)
    for number in range(40):
        make(f"r{number}", params={"p": "".join(dice.choice("ab") for _ in range(6000))})
    with pytest.raises(InvalidValueError, match="takes too long"):
        make.found("params.p RLIKE '(a|b)*a(a|b){450}c'")
    with pytest.raises(InvalidValueError, match="more than 10 regular"):
        make.found(" OR ".join(["params.p RLIKE 'x'"] * 11))


def test_long_lists(make):
    make("it", params={"p": "1234"})
    values = ", ".join(f"'{number}'" for number in range(10_000))
    assert make.found(f"params.p IN ({values})") == ["it"]
    assert make.found(f"params.p IN ({values.replace(chr(39), '')})") == ["it"]
    with pytest.raises(InvalidValueError, match="10000 values"):
        make.found(f"params.p IN ({values}) OR params.p IN ('x')")


def test_deep_trees(make):
    make("it", params={"p": "1"})
    assert make.found("NOT (" * 24 + "params.p = '1'" + ")" * 24) == ["it"]
    assert make.found(" OR ".join(["(params.p = '1' AND NOT params.p = '2')"] * 100)) == ["it"]


TESTS = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


def is_number(text):
    return re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*", text, re.IGNORECASE | re.ASCII) is not None


class Clauses:
    """Random filters, each with the function of a run (and its history of the metric m) that it means."""

    def __init__(self, dice):
        self.dice = dice

    def tree(self, depth=0):
        kind = self.dice.choice(["and", "or", "not", "leaf", "leaf"]) if depth < 4 else "leaf"
        if kind == "leaf":
            return self.leaf()
        if kind == "not":
            text, test = self.tree(depth + 1)
            return f"NOT ({text})", lambda run: not test(run)
        parts = [self.tree(depth + 1) for _ in range(self.dice.randrange(2, 4))]
        every = all if kind == "and" else any
        return f" {kind.upper()} ".join(f"({text})" for text, _ in parts), lambda run: every(test(run) for _, test in parts)

    def leaf(self):
        return self.dice.choice([self.metric, self.aggregate, self.text, self.number, self.absent, self.between, self.listed, self.time])()

    def metric(self):
        key, operator, value = self.dice.choice("mn"), self.dice.choice(list(TESTS)), self.dice.choice([0.0, 1.0, 2.0])
        return f"metrics.{key} {operator} {value}", lambda run: key in run.data.metrics and TESTS[operator](run.data.metrics[key], value)

    def aggregate(self):
        name, operator, value = (
            self.dice.choice(["min", "max", "count", "mean"]),
            self.dice.choice(list(TESTS)),
            self.dice.choice([0, 1, 2]),
        )

        def test(run):
            points = run.history
            numbers = points if name == "count" else [point for point in points if not math.isnan(point)]
            functions = {"min": min, "max": max, "count": len, "mean": lambda found: sum(found) / len(found)}
            found = functions[name](numbers) if numbers else None
            return found is not None and not math.isnan(found) and TESTS[operator](found, value)

        return f"metrics.m.{name} {operator} {value}", test

    def pair(self):
        key = self.dice.choice("pqt")
        kind = "tags" if key == "t" else "params"
        return f"{kind}.{key}", lambda run: getattr(run.data, kind).get(key)

    def text(self):
        name, get = self.pair()
        operator, value = self.dice.choice(["=", "!=", "RLIKE", "NOT RLIKE", "LIKE"]), self.dice.choice(["a", "b", "x", "5", "none"])
        tests = {
            **TESTS,
            "RLIKE": lambda one, other: other in one,
            "NOT RLIKE": lambda one, other: other not in one,
            "LIKE": lambda one, other: one.startswith(other),
        }
        written = f"{value}%" if operator == "LIKE" else value
        return f"{name} {operator} '{written}'", lambda run: get(run) is not None and tests[operator](get(run), value)

    def number(self):
        (name, get), operator, value = self.pair(), self.dice.choice(list(TESTS)), self.dice.choice([0.5, 5, 70])
        return (
            f"{name} {operator} {value}",
            lambda run: get(run) is not None and is_number(get(run)) and TESTS[operator](float(get(run)), value),
        )

    def absent(self):
        if self.dice.random() < 0.3:
            return "end_time IS NULL", lambda run: run.info.end_time is None
        name, get = self.pair()
        return (
            (f"{name} IS NULL", lambda run: get(run) is None)
            if self.dice.random() < 0.5
            else (f"{name} IS NOT NULL", lambda run: get(run) is not None)
        )

    def between(self):
        low, high = self.dice.choice([-1, 0, 1]), self.dice.choice([0.5, 1, 2])
        negated = self.dice.random() < 0.3
        return (
            f"metrics.n {'NOT ' * negated}BETWEEN {low} AND {high}",
            lambda run: "n" in run.data.metrics and (low <= run.data.metrics["n"] <= high) != negated,
        )

    def listed(self):
        (name, get), negated = self.pair(), self.dice.random() < 0.3
        values = self.dice.sample(["a", "b", "A", "5", "x", "y"], 2)
        return (
            f"{name} {'NOT ' * negated}IN ({', '.join(map(repr, values))})",
            lambda run: get(run) is not None and (get(run) in values) != negated,
        )

    def time(self):
        name, operator, value = self.dice.choice(["start_time", "end_time"]), self.dice.choice(list(TESTS)), self.dice.randrange(40)
        return (
            f"{name} {operator} {value}",
            lambda run: getattr(run.info, name) is not None and TESTS[operator](getattr(run.info, name), value),
        )


class Remembered:
    """A run, with all values of its metric m."""

    def __init__(self, run, store):
        self.info, self.data = run.info, run.data
        self.history = [point.value for point in store.metric_history(run.info.run_id, "m")]


class TestAgainstPlainPython:
    """Searches of random runs find what a search written in plain Python finds, in the same order."""

    @pytest.fixture
    def crowd(self, store, make, monkeypatch):
        from mlctl.sql import search as sql_search

        monkeypatch.setattr(sql_search, "RARE", 5)  # so that searches begin everywhere
        dice = random.Random(11)
        for number in range(150):
            metrics = [
                Metric(key, dice.choice([0.0, 1.0, -1.0, 2.5, math.nan, math.inf]), step, step)
                for key in ("m", "n")
                if dice.random() < 0.7
                for step in range(dice.choice([1, 1, 3]))
            ]
            params = {key: dice.choice(["a", "b", "A", "ab", "5", "0.50", "7e1", " 5"]) for key in ("p", "q") if dice.random() < 0.7}
            run_id = make(f"r{number}", start=dice.randrange(40), metrics=metrics, params=params, tags={"t": dice.choice("xyz5")})
            if dice.random() < 0.5:
                store.update_run(run_id, status="FINISHED", end_time=dice.randrange(40))
        return [Remembered(run, store) for run in store.search_runs(["0"])]

    @staticmethod
    def sort(runs, key, descending):
        def rank(run):
            value = run.data.metrics.get(key)
            absent = 2 if value is None else int(math.isnan(value))
            return absent, 0 if absent else (-value if descending else value), -run.info.start_time, run.info.run_id

        return sorted(runs, key=rank)

    def test_random_searches(self, store, crowd):
        dice = random.Random(12)
        for _ in range(400):
            text, test = Clauses(dice).tree() if dice.random() < 0.9 else ("", lambda _: True)
            expected = [run for run in crowd if test(run)]
            order = []
            if dice.random() < 0.6:
                key, descending = dice.choice("mn"), dice.random() < 0.5
                order = [f"metrics.{key}{' DESC' if descending else ''}"]
                expected = self.sort(expected, key, descending)
            size = dice.choice([1, 3, 10, 1000])
            found = store.search_runs(["0"], filter_string=text, order_by=order, max_results=size)
            assert [run.info.run_name for run in found] == [run.info.run_name for run in expected[:size]], (text, order)


def test_a_run_that_joins_others_is_found_by_its_parent(store, make):
    parent = make("parent")
    for number in range(3):
        make(f"child{number}", start=number, tags={"mlflow.parentRunId": parent})
    assert make.found(f"tags.mlflow.parentRunId = '{parent}'") == ["child2", "child1", "child0"]
    store.log_batch(parent, tags=[RunTag("mlflow.parentRunId", "nobody")])
    assert make.found("tags.`mlflow.parentRunId` = 'nobody'") == ["parent"]
