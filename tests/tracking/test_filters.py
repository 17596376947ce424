"""The search language: what is understood, and what the error points at."""

import pytest

from mlctl.errors import InvalidValueError
from mlctl.tracking.filters import EXPERIMENTS, RUNS, Comparison, Conjunction, Order, parse, parse_order


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
    ],
)
def test_comparison(text, expected):
    assert parse(text, RUNS) == Comparison(*expected, column=1)


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
        ("metrics.a < 1 2", 15, "AND or the end"),
        ("metrics.a IS NULL", 11, "="),
        ("metrics.a BETWEEN 1 AND 2", 11, "BETWEEN"),
        ("params.a = 5", 12, "a text in quotes"),
        ("params.a = x", 12, "a text in quotes"),
        ("params.a = `x`", 12, "a text in quotes"),
        ("params.a = 'x", 12, "not closed"),
        ("params.`a = 'x'", 7, "right after the dot"),
        ("params.a > 'x'", 10, "LIKE"),
        ("params.a IN ('x')", 10, "IN"),
        ("params.a IS NOT 5", 17, "NULL"),
        ("params.a =", 11, "the end"),
        ("params.a", 9, "the end"),
        ("params.a = 'x' OR params.b = 'y'", 16, "Only AND"),
        ("params.a = 'x' AND AND params.b = 'y'", 20, "AND"),
        ("AND params.a = 'x'", 1, "AND"),
        ("NOT params.a = 'x'", 1, "NOT"),
        ("(params.a = 'x')", 1, "("),
        ("params.a = 'x';", 15, ";"),
        ("params.a = 'x' -- y", 16, "--"),
        ("5 < metrics.a", 1, "5"),
        ("'a' = params.a", 1, "'a'"),
        ("foo.a = 'x'", 1, "before the dot"),
        ("PARAMS.a = 'x'", 1, "before the dot"),
        ("rmse < 1", 1, "metrics.KEY"),
        ("attribute.duration > 1", 1, "start_time"),
        ("experiment_id = '1'", 1, "run_id"),
        ("params . a = 'x'", 8, "right after the dot"),
        ("params.\n  a = 'x'", 7, "right after the dot"),
        ("run_id IN ()", 12, "a text in quotes"),
        ("run_id IN ('a' 'b')", 16, "a comma"),
        ("run_id IN ('a', 5)", 17, "a text in quotes"),
        ("run_id IN 'a'", 11, "a list"),
        ("run_id IN ('a'", 15, "the end"),
        ("run_name IN ('a')", 10, "IN"),
        ("datasets.size = 'x'", 1, "digest"),
        ("   ", 4, "empty filter"),
        ("start_time = '5'", 14, "a number without quotes"),
    ],
)
def test_errors_point_at_the_column(text, column, said):
    with pytest.raises(InvalidValueError) as caught:
        parse(text, RUNS)
    assert f"at column {column}:" in caught.value.message
    assert said in caught.value.message + caught.value.hint
    *_, shown, pointer = caught.value.hint.splitlines()
    assert pointer == " " * (column + 1) + "^"
    assert len(shown) == len(text) + 2


def test_the_pointer_of_a_long_filter_stays_near():
    text = " AND ".join(f"params.p{number} = 'x'" for number in range(50)) + " AND params.z > 'x'"
    with pytest.raises(InvalidValueError) as caught:
        parse(text, RUNS)
    *_, shown, pointer = caught.value.hint.splitlines()
    assert len(shown) <= 102
    assert shown[pointer.index("^") :].startswith("> 'x'")


@pytest.mark.parametrize(
    "text", ["'" * 5000, "\\'" * 5000, '"' + "a" * 50000, "`" * 3000, "(" * 5000, "-" * 5000, "params.a = '" + "''" * 5000]
)
def test_nonsense_is_refused_quickly(text):
    with pytest.raises(InvalidValueError):
        parse(text, RUNS)


def test_experiments_have_a_grammar_of_their_own():
    assert parse("experiment_id IN ('1', '-2')", EXPERIMENTS) == Comparison("attribute", "experiment_id", "IN", ("1", "-2"), 1)
    for text in ("experiment_id = 'x'", "creation_time = 1.5", "metrics.a > 1", "attributes.name = 'x'", "name IN ('x')"):
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
    ],
)
def test_bad_order(items):
    with pytest.raises(InvalidValueError):
        parse_order(items, RUNS)


def test_bad_order_lists_what_can_be_sorted_by():
    with pytest.raises(InvalidValueError, match=r"metrics\.KEY.*params\.KEY.*start_time"):
        parse_order(["duration"], RUNS)
