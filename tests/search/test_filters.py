"""The search language: what is understood, and what the error points at."""

import contextlib
import random
import time

import pytest

from mlctl.errors import InvalidValueError
from mlctl.search.filters import EXPERIMENTS, RUNS, Comparison, Conjunction, Negation, Order, parse, parse_order

NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.rmse < 1", ("metric", "rmse", "<", 1)),
        ("metrics.rmse<-1.5e3", ("metric", "rmse", "<", -1500.0)),
        ("metric.a.b.c >= .5", ("metric", "a.b.c", ">=", 0.5)),
        ("metrics.a = 3.", ("metric", "a", "=", 3.0)),
        ("metrics.a = +3", ("metric", "a", "=", 3)),
        ("`metrics`.`a b-c/d:e` != 0", ("metric", "a b-c/d:e", "!=", 0)),
        ('params."it\'s" = "x"', ("param", "it's", "=", "x")),
        ("params.'quoted' = 'x'", ("param", "quoted", "=", "x")),
        ("parameters.été = 'É'", ("param", "été", "=", "É")),
        ("params.1 like '%'", ("param", "1", "LIKE", "%")),
        ("param.in Ilike ''", ("param", "in", "ILIKE", "")),
        ("tags.mlflow.source.type = 'a''b'", ("tag", "mlflow.source.type", "=", "a''b")),
        ('tags.t = "a\'b"', ("tag", "t", "=", "a'b")),
        ("tags.t = 'C:\\'", ("tag", "t", "=", "C:\\")),
        ("tags.t = 'line\nbreak'", ("tag", "t", "=", "line\nbreak")),
        ("tag.t is  Not\tnull", ("tag", "t", "IS NOT NULL", None)),
        ("tag.t IS NULL AND", ("tag", "t", "IS NULL", None)),
        ("run_id IN ('a', \"b\",)", ("attribute", "run_id", "IN", ("a", "b"))),
        ("attributes.run_id not in('a')", ("attribute", "run_id", "NOT IN", ("a",))),
        ("attr.created > 1", ("attribute", "start_time", ">", 1)),
        ("run.Created > 1.0", ("attribute", "start_time", ">", 1.0)),
        ("`Run Name` = 'x'", ("attribute", "run_name", "=", "x")),
        ("\"run_name\" = 'x'", ("attribute", "run_name", "=", "x")),
        ("datasets.name in ('x')", ("dataset", "name", "IN", ("x",))),
        ("start_time < 12345678901234567890", ("attribute", "start_time", "<", 12345678901234567890.0)),
        ("params.alpha > 0.5", ("param", "alpha", ">", 0.5)),
        ("params.alpha = 5", ("param", "alpha", "=", 5)),
        ("tags.alpha != -5", ("tag", "alpha", "!=", -5)),
        ("params.a BETWEEN 1 and 2.5", ("param", "a", "BETWEEN", (1, 2.5))),
        ("metrics.a not between 1 AND 2", ("metric", "a", "NOT BETWEEN", (1, 2))),
        ("params.a in ('x', 'y')", ("param", "a", "IN", ("x", "y"))),
        ("params.a IN (1, 2.5)", ("param", "a", "IN", (1, 2.5))),
        ("metrics.a NOT IN (1,)", ("metric", "a", "NOT IN", (1,))),
        ("tags.a NOT LIKE 'x%'", ("tag", "a", "NOT LIKE", "x%")),
        ("status IN ('RUNNING')", ("attribute", "status", "IN", ("RUNNING",))),
        ("run_name RLIKE '^a(b|c)+$'", ("attribute", "run_name", "RLIKE", "^a(b|c)+$")),
        ("params.a not rlike 'x'", ("param", "a", "NOT RLIKE", "x")),
        ("metrics.a IS NULL", ("metric", "a", "IS NULL", None)),
        ("end_time is not null", ("attribute", "end_time", "IS NOT NULL", None)),
        ("duration > 90s", ("attribute", "duration", ">", 90_000)),
        ("duration between 1.5h AND 2d", ("attribute", "duration", "BETWEEN", (5_400_000, 172_800_000))),
        ("duration < 500", ("attribute", "duration", "<", 500)),
        ("start_time > now", ("attribute", "start_time", ">", NOW)),
        ("start_time > now - 2d", ("attribute", "start_time", ">", NOW - 172_800_000)),
        ("end_time>NOW-1w+30m", ("attribute", "end_time", ">", NOW - 604_800_000 + 1_800_000)),
        ("start_time >= '1970-01-02T00:00Z'", ("attribute", "start_time", ">=", 86_400_000)),
        ("start_time < '1970-01-01 02:30:15.25+02:00'", ("attribute", "start_time", "<", 1_815_250)),
        ("start_time < '1970-01-01T00:00:00 -0030'", ("attribute", "start_time", "<", 1_800_000)),
        ("metrics.a.min < 1", ("metric", "a", "<", 1, "min")),
        ("metrics.a.b.last < 1", ("metric", "a.b", "<", 1, "last")),
        ("metrics.`a b`.count >= 10", ("metric", "a b", ">=", 10, "count")),
        ("metrics.`a.min` < 1", ("metric", "a.min", "<", 1)),
        ("metrics.'a'.mean < 1", ("metric", "a", "<", 1, "mean")),
        ("metrics.min < 1", ("metric", "min", "<", 1)),
        ("params.a.min < 1", ("param", "a.min", "<", 1)),
        ("metrics.a.median < 1", ("metric", "a.median", "<", 1)),
    ],
)
def test_comparison(text, expected):
    entity, key, operator, value, *aggregate = expected
    assert parse(text, RUNS, now_ms=NOW) == Comparison(entity, key, operator, value, 1, *aggregate)


def test_a_metric_of_that_name_is_no_aggregate():
    known = {"loss.min"}
    assert parse("metrics.loss.min < 1", RUNS, is_metric=known.__contains__) == Comparison("metric", "loss.min", "<", 1, 1)
    assert parse("metrics.loss.max < 1", RUNS, is_metric=known.__contains__) == Comparison("metric", "loss", "<", 1, 1, "max")
    assert parse("metrics.`loss`.min < 1", RUNS, is_metric=known.__contains__) == Comparison("metric", "loss", "<", 1, 1, "min")
    assert parse_order(["metrics.loss.min"], RUNS, is_metric=known.__contains__) == [Order("metric", "loss.min", descending=False)]


def test_a_date_without_a_zone_is_local_time(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert parse("start_time > '1970-01-01'", RUNS).value == -9 * 3_600_000
        assert parse("start_time > '1970-01-01 10:00'", RUNS).value == 3_600_000
    finally:
        monkeypatch.undo()
        time.tzset()


def shape(node):
    """A tree as nested tuples of the keys it compares."""
    if isinstance(node, Comparison):
        return node.key
    if isinstance(node, Negation):
        return ("not", shape(node.part))
    return ("and" if isinstance(node, Conjunction) else "or", *map(shape, node.parts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a} OR {b} AND {c}", ("or", "a", ("and", "b", "c"))),
        ("({a} or {b}) and {c}", ("and", ("or", "a", "b"), "c")),
        ("NOT {a} AND {b}", ("and", ("not", "a"), "b")),
        ("not ({a} AND {b})", ("not", ("and", "a", "b"))),
        ("NOT NOT {a}", ("not", ("not", "a"))),
        ("((({a})))", "a"),
        ("{a} OR ({b} OR {c}) OR NOT {d}", ("or", "a", ("or", "b", "c"), ("not", "d"))),
        ("metrics.a BETWEEN 1 AND 2 AND {b} AND", ("and", "a", "b")),
        ("{a} AND ({b})AND", ("and", "a", "b")),
    ],
)
def test_trees(text, expected):
    assert shape(parse(text.format(**{key: f"metrics.{key} > 1" for key in "abcd"}), RUNS)) == expected


def test_and():
    found = parse(" params.a = 'x'and metrics.b>1\n  And\ttags.c IS NULL ", RUNS)
    assert isinstance(found, Conjunction)
    assert [(part.entity, part.key, part.column) for part in found.parts] == [("param", "a", 2), ("metric", "b", 20), ("tag", "c", 38)]


def test_nothing():
    assert parse("", RUNS) is None


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("metrics.a == 1", 11, "Write = for =="),
        ("metrics.a <> 1", 11, "Write != for <>"),
        ("metrics.a-b < 1", 10, "back-ticks"),
        ("metrics.a-5 < 1", 10, "back-ticks"),
        ("metrics.a/b < 1", 10, "back-ticks"),
        ("params.a b = 'x'", 10, "back-ticks"),
        ("metrics.a < '1'", 13, "a number without quotes"),
        ("metrics.a < nan", 13, "a number without quotes"),
        ("metrics.a < 0x1", 13, "a number without quotes"),
        ("metrics.a < 1 2", 15, "AND, OR or the end"),
        ("metrics.a IS 5", 14, "NULL"),
        ("metrics.a BETWEEN 1", 20, "AND and the upper bound"),
        ("metrics.a BETWEEN 1, 2", 20, "AND and the upper bound"),
        ("metrics.a BETWEEN '1' AND 2", 19, "a number without quotes"),
        ("params.a BETWEEN 'a' AND 'b'", 18, "a number without quotes"),
        ("metrics.a NOT 5", 11, "BETWEEN"),
        ("metrics.a NOT > 5", 11, "NOT"),
        ("metrics.a LIKE 'x'", 11, "BETWEEN"),
        ("metrics.a IN ('x')", 15, "a number without quotes"),
        ("metrics.a-2d < 1", 10, "back-ticks"),
        ("params.a = x", 12, "a text in quotes"),
        ("params.a = `x`", 12, "a text in quotes"),
        ("params.a = 'x", 12, "not closed"),
        ("params.`a = 'x'", 7, "right after the dot"),
        ("params.a > 'x'", 12, "a number without quotes"),
        ("params.a > 'x'", 12, "LIKE"),
        ("params.a IN ('x', 5)", 19, "a text in quotes"),
        ("params.a IN (5, 'x')", 17, "a number without quotes"),
        ("params.a IS NOT 5", 17, "NULL"),
        ("params.a =", 11, "the end"),
        ("params.a", 9, "the end"),
        ("params.a = 'x' OR", 18, "a name"),
        ("params.a = 'x' OR OR params.b = 'y'", 19, "a name"),
        ("OR params.a = 'x'", 1, "a name"),
        ("a OR b", 1, "artifact_uri"),
        ("params.a = 'x' AND AND params.b = 'y'", 20, "AND"),
        ("AND params.a = 'x'", 1, "AND"),
        ("NOT", 4, "a name"),
        ("params.a = 'x' NOT params.b = 'y'", 16, "AND, OR or the end"),
        ("(params.a = 'x'", 16, "the one at column 1"),
        ("(params.a = 'x' AND)", 20, "a name"),
        ("params.a = 'x')", 15, "AND, OR or the end"),
        ("()", 2, "a name"),
        ("(params.a) = 'x'", 10, "after params.a"),
        ("params.a RLIKE '[a'", 19, "more of the regular expression"),
        ("params.a RLIKE 'a(?=b)'", 19, "plain group"),
        (r"params.a RLIKE '(a)\1'", 20, "no back-references"),
        ("params.a RLIKE 5", 16, "a text in quotes"),
        ("metrics.a RLIKE 'x'", 11, "BETWEEN"),
        ("metrics.`a`.median < 1", 12, ".min"),
        ("metrics.`a` .min < 1", 13, "right after the dot"),
        ("params.`a`.min < 1", 11, "right after the dot"),
        ("start_time > now - 2", 20, "its unit"),
        ("start_time > now - 2y", 20, "its unit"),
        ("start_time > now - -2d", 20, "its unit"),
        ("start_time > tomorrow", 14, "now - 2d"),
        ("start_time > '2026-13-01'", 14, "a date such as"),
        ("start_time > '2026-02-30'", 14, "a date such as"),
        ("start_time > 'yesterday'", 14, "a date such as"),
        ("start_time > 2d", 14, "now - 2d"),
        ("start_time LIKE '2026%'", 12, "BETWEEN"),
        ("metrics.a > now", 13, "a number"),
        ("metrics.a > 2d", 13, "a number"),
        ("duration > '2h'", 12, "90s"),
        ("duration > 2y", 12, "90s"),
        ("params.a = 'x';", 15, ";"),
        ("params.a = 'x' -- y", 16, "--"),
        ("5 < metrics.a", 1, "5"),
        ("'a' = params.a", 1, "'a'"),
        ("foo.a = 'x'", 1, "before the dot"),
        ("PARAMS.a = 'x'", 1, "before the dot"),
        ("rmse < 1", 1, "metrics.KEY"),
        ("attribute.length > 1", 1, "start_time"),
        ("experiment_id = '1'", 1, "run_id"),
        ("params . a = 'x'", 8, "right after the dot"),
        ("params.\n  a = 'x'", 7, "right after the dot"),
        ("run_id IN ()", 12, "a text in quotes"),
        ("run_id IN ('a' 'b')", 16, "a comma"),
        ("run_id IN ('a', 5)", 17, "a text in quotes"),
        ("run_id IN 'a'", 11, "a list"),
        ("run_id IN ('a'", 15, "the end"),
        ("run_name BETWEEN 'a' AND 'b'", 10, "IN"),
        ("datasets.size = 'x'", 1, "digest"),
        ("   ", 4, "empty filter"),
        ("start_time = '5'", 14, "a number without quotes"),
        ("NOT " * 51 + "metrics.a > 1", 201, "50 parentheses"),
        ("(" * 51 + "metrics.a > 1" + ")" * 51, 51, "50 parentheses"),
    ],
)
def test_errors_point_at_the_column(text, column, said):
    with pytest.raises(InvalidValueError) as caught:
        parse(text, RUNS)
    assert f"at column {column}:" in caught.value.message
    assert said in caught.value.message + caught.value.hint
    *_, shown, pointer = caught.value.hint.splitlines()
    assert pointer == " " * (min(column, 60) + 1) + "^"
    assert len(shown) == len(text[max(0, column - 60) :][:100]) + 2


def test_the_pointer_of_a_long_filter_stays_near():
    text = " AND ".join(f"params.p{number} = 'x'" for number in range(50)) + " AND params.z < 'x'"
    with pytest.raises(InvalidValueError) as caught:
        parse(text, RUNS)
    *_, shown, pointer = caught.value.hint.splitlines()
    assert len(shown) <= 102
    assert shown[pointer.index("^") :].startswith("'x'")


@pytest.mark.parametrize(
    "text",
    [
        "NOT " * 50000,
        "metrics.a > 1 OR " * 5000,
        "(metrics.a > 1 AND " * 5000,
        "'" * 5000,
        "\\'" * 5000,
        '"' + "a" * 50000,
        "`" * 3000,
        "(" * 5000,
        "-" * 5000,
        "params.a = '" + "''" * 5000,
    ],
)
def test_nonsense_is_refused_quickly(text):
    with pytest.raises(InvalidValueError):
        parse(text, RUNS)


def test_random_words_are_understood_or_refused():
    dice = random.Random(2)
    words = [
        *("params.a", "metrics.m.min", "metrics.`m`", ".max", "run_id", "start_time", "duration", "name", "=", "!=", "<>", "LIKE", "RLIKE"),
        *("IN", "NOT", "BETWEEN", "IS", "NULL", "AND", "OR", "(", ")", ",", "1", "-2", "'a'", "'(b'", "'['", "'2026-11-01'", "now", "- 2d"),
        *("+3h", "1e999", "99999999999999999999w", "`x", "'", '"', ".", "\n", "é", "DESC"),
    ]
    understood = 0
    for _ in range(20_000):
        text = " ".join(dice.choice(words) for _ in range(dice.randrange(1, 9)))
        for grammar in (RUNS, EXPERIMENTS):
            for understand in (lambda: parse(text, grammar), lambda: parse_order([text], grammar)):  # noqa: B023 -- called at once
                with contextlib.suppress(InvalidValueError):
                    understand()
                    understood += 1
    assert understood > 100


def test_experiments_have_a_grammar_of_their_own():
    assert parse("experiment_id IN ('1', '-2')", EXPERIMENTS) == Comparison("attribute", "experiment_id", "IN", ("1", "-2"), 1)
    assert parse("name IN ('x') OR NOT (creation_time < now - 1d)", EXPERIMENTS) is not None
    for text in ("experiment_id = 'x'", "creation_time = 1.5", "metrics.a > 1", "attributes.name = 'x'", "experiment_id > '1'"):
        with pytest.raises(InvalidValueError):
            parse(text, EXPERIMENTS)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("metrics.rmse", ("metric", "rmse", False)),
        ("metrics.`a b` DESC", ("metric", "a b", True)),
        ('params."desc" desc', ("param", "desc", True)),
        ("tags.mlflow.user aSc", ("tag", "mlflow.user", False)),
        ("created", ("attribute", "start_time", False)),
        ("attribute.end_time desc", ("attribute", "end_time", True)),
        ("duration DESC", ("attribute", "duration", True)),
        ("metrics.loss.min", ("metric", "loss", False, "min")),
        ("metrics.`loss`.max DESC", ("metric", "loss", True, "max")),
        ("metrics.`loss.min`", ("metric", "loss.min", False)),
    ],
)
def test_order(item, expected):
    assert parse_order([item], RUNS) == [Order(*expected)]


@pytest.mark.parametrize(
    "items",
    [
        [""],
        ["  "],
        ["rmse"],
        ["`run name`"],
        ["datasets.name"],
        ["metrics.a DOWN"],
        ["metrics.a DESC metrics.b"],
        ["metrics.a, metrics.b"],
        ["start_time NULLS LAST"],
        ["'start_time'"],
        ["metrics.a", "metric.a DESC"],
        ["created", "start_time"],
        ["metrics.a.min", "metrics.`a`.min DESC"],
        ["metrics.a.min max"],
    ],
)
def test_bad_order(items):
    with pytest.raises(InvalidValueError):
        parse_order(items, RUNS)


def test_bad_order_lists_what_can_be_sorted_by():
    with pytest.raises(InvalidValueError, match=r"metrics\.KEY.*params\.KEY.*start_time"):
        parse_order(["length"], RUNS)
