"""`mlctl runs compare`."""

import csv
import io
import math
import re

import pytest

from mlctl.commands.run_directions import higher_is_better


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("loss", False),
        ("val_loss", False),
        ("train/rmse", False),
        ("RMSE", False),
        ("validLoss", False),
        ("mean_absolute_error", False),
        ("mae@10", False),
        ("perplexity", False),
        ("brier_score_loss", False),
        ("accuracy", True),
        ("val_acc", True),
        ("roc_auc", True),
        ("training_r2_score", True),
        ("f1", True),
        ("recall_at_10", True),
        ("neg_mean_squared_error", True),
        ("log_likelihood", True),
        ("neg_log_likelihood", False),
        ("score_time", None),
        ("epoch", None),
        ("accuracy_std", None),
        ("alpha", None),
        ("glossary", None),
        ("", None),
    ],
)
def test_what_a_name_says(key, expected):
    assert higher_is_better(key) is expected


def rows(mlctl, *arguments):
    found = mlctl.json("runs", "compare", *arguments)["data"]["rows"]
    return {row["key"]: row for row in found}


def test_differing_ones_come_first_and_the_best_is_marked(mlctl, make_run):
    a = make_run(params={"alpha": "1", "zeta": "1", "same": "x"}, metrics={"rmse": 0.5, "auc": 0.5, "weird": 1.0, "acc": 1.0})
    b = make_run(params={"alpha": "2", "same": "x"}, metrics={"rmse": 0.25, "auc": 0.75, "weird": 2.0, "acc": 1.0})
    found = mlctl.json("runs", "compare", a, b)["data"]
    assert [row["key"] for row in found["rows"] if row["section"] == "params"] == ["alpha", "zeta", "same"]
    by_key = {row["key"]: row for row in found["rows"]}
    assert by_key["zeta"]["values"] == {a: "1", b: None}
    assert by_key["rmse"]["best"] == by_key["auc"]["best"] == [b]
    assert by_key["weird"]["best"] == [], "its name does not say"
    assert by_key["acc"]["best"] == [], "none is better than another"
    assert [run["run_id"] for run in found["runs"]] == [a, b]


def test_not_a_number_is_never_the_best_and_equals_itself(mlctl, make_run):
    a = make_run(metrics={"loss": math.nan, "error": math.nan, "mae": -math.inf})
    b = make_run(metrics={"loss": 2.0, "error": math.nan, "mae": 0.0})
    c = make_run(metrics={"loss": 2.0, "error": math.nan})
    found = rows(mlctl, a, b, c)
    assert found["loss"]["best"] == [b, c]
    assert found["error"]["different"] is False
    assert found["mae"]["best"] == [a]


def test_direction_by_hand(mlctl, make_run):
    a, b = make_run(metrics={"cost": 1.0, "loss": 1.0}), make_run(metrics={"cost": 2.0, "loss": 2.0})
    found = rows(mlctl, a, b, "--lower", "cost", "--higher", "metrics.loss")
    assert found["cost"]["best"] == [a]
    assert found["loss"]["best"] == [b]
    assert "cost" in mlctl("runs", "compare", a, b, "--lower", "costs", check=124).stderr
    assert "--higher" in mlctl("runs", "compare", a, b, "--lower", "cost", "--higher", "cost", check=2).stderr


def test_a_run_beside_itself(mlctl, make_run):
    a = make_run()
    for arguments in ([a], [a, "@last"]):
        assert "two different runs" in mlctl("runs", "compare", *arguments, check=2).stderr


def test_only_what_differs(mlctl, make_run):
    a, b = make_run("n", params={"p": "1", "q": "1"}), make_run("n", params={"p": "1", "q": "2"})
    found = rows(mlctl, a, b, "--only-different")
    assert "p" not in found
    assert "q" in found
    assert "status" not in found


def test_system_metrics_only_when_asked(mlctl, make_run):
    a, b = make_run(metrics={"system/cpu": 1.0}), make_run(metrics={"system/cpu": 2.0})
    assert "system/cpu" not in rows(mlctl, a, b)
    assert "system/cpu" in rows(mlctl, a, b, "--system")


def test_formats(mlctl, make_run):
    a, b = make_run(params={"p": "x" * 100 + "1"}, metrics={"loss": 1 / 3}), make_run(params={"p": "x" * 100 + "2"}, metrics={"loss": 0.5})
    header, *body = csv.reader(io.StringIO(mlctl("runs", "compare", a, b, "--output", "csv", check=0).stdout))
    assert header == ["section", "key", a, b, "best"]
    assert ["params", "p", "x" * 100 + "1", "x" * 100 + "2", ""] in body
    assert ["metrics", "loss", str(1 / 3), "0.5", a] in body
    text = mlctl("runs", "compare", a, b, "--output", "markdown", check=0).stdout
    assert "**0.333333**" in text
    plain = mlctl("runs", "compare", a, b, check=0).stdout
    assert "*0.333333" in plain
    assert "x1" in plain, "where long values differ is in view"
    assert "x2" in plain
    assert mlctl("runs", "compare", a, b, "-q", check=0).stdout.split() == [a, b]


ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("count", [2, 5, 10])
@pytest.mark.parametrize("columns", [60, 80, 130])
def test_terminals(make_run, in_terminal, count, columns):
    ids = [
        make_run(
            f"run-number-{number}",
            params={"alpha": f"{number}.5", "text": "a\nb\t\x1b[31m\u202e日本語"},
            metrics={"loss": 1e-7 * (number + 1)},
        )
        for number in range(count)
    ]
    out = ESCAPES.sub("", in_terminal("runs", "compare", *ids, columns=columns))
    lines = out.replace("\r", "").splitlines()
    assert max(map(_width, lines)) <= columns
    assert {run_id[:8] for run_id in ids} <= set(out.split())
    assert {f"{number}.5" for number in range(count)} <= set(out.split())
    assert "*1e-07" in out.split()
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert {"run", "params", "metrics"} <= {line.strip() for line in lines}


def _width(line):
    from mlctl.render import width

    return width(line)
