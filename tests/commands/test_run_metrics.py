"""`mlctl runs metrics`: lists, histories and plots."""

import csv
import io
import itertools
import math
import os

import pytest

from mlctl.commands.run_plot import plot


def test_list(mlctl, make_run):
    make_run(metrics={"loss": [3.0, math.nan, 1.0, 2.0], "acc": 0.5, "system/cpu": 1.0, "bad": math.nan})
    found = mlctl.json("runs", "metrics", "@last")["data"]["metrics"]
    assert [row["key"] for row in found] == ["acc", "bad", "loss", "system/cpu"]
    assert found[2] == {"key": "loss", "last": 2.0, "min": 1.0, "max": 3.0, "points": 4, "first_step": 0, "last_step": 3}
    assert found[1] == {"key": "bad", "last": "NaN", "min": None, "max": None, "points": 1, "first_step": 0, "last_step": 0}
    assert mlctl("runs", "metrics", "@last", check=0).stdout.split()[:4] == ["KEY", "LAST", "MIN", "MAX"]


def test_a_run_without_metrics(mlctl, make_run):
    make_run()
    assert "no metrics" in mlctl("runs", "metrics", "@last", check=0).stderr
    assert "no metrics" in mlctl("runs", "metrics", "@last", "--plot", check=124).stderr


def test_history(mlctl, make_run):
    run_id = make_run(metrics={"val_loss": [3.0, math.inf, 0.1 + 0.2], "val_acc": [0.5], "other": 1.0})
    header, *rows = csv.reader(io.StringIO(mlctl("runs", "metrics", run_id, "val_*", "--output", "csv", check=0).stdout))
    assert header == ["key", "step", "value", "timestamp"]
    assert [row[:3] for row in rows] == [
        ["val_acc", "0", "0.5"],
        ["val_loss", "0", "3.0"],
        ["val_loss", "1", "inf"],
        ["val_loss", "2", str(0.1 + 0.2)],
    ]
    data = mlctl.json("runs", "metrics", run_id, "metrics.val_loss", "--last", "2")["data"]["metrics"]
    assert [(point["step"], point["value"]) for point in data[0]["points"]] == [(1, "Infinity"), (2, 0.1 + 0.2)]
    assert "val_loss" in mlctl("runs", "metrics", run_id, "val_los", check=124).stderr


def test_long_histories_are_read_to_their_end(mlctl, make_run):
    make_run(metrics={"loss": [float(step) for step in range(60_000)]})
    (row,) = mlctl.json("runs", "metrics", "@last")["data"]["metrics"]
    assert (row["points"], row["last"], row["min"]) == (60_000, 59_999.0, 0.0)


def test_plots_where_there_is_no_terminal(mlctl, make_run):
    make_run(metrics={"loss": [1 / (step + 1) for step in range(100)], "acc": [0.1, math.nan, 0.9]})
    out = mlctl("runs", "metrics", "@last", "loss", "acc", "--plot", check=0).stdout
    assert "100 points, last 0.01, min 0.01, max 1" in out
    assert "1 not finite" in out
    assert max(map(len, out.splitlines())) <= 80
    assert any("\u2801" <= char <= "\u28ff" for char in out)
    assert mlctl.json("runs", "metrics", "@last", "acc", "--plot")["data"]["metrics"][0]["key"] == "acc"
    ascii_out = mlctl("runs", "metrics", "@last", "loss", "--plot", check=0, env={**os.environ, "PYTHONIOENCODING": "ascii"}).stdout
    assert "*" in ascii_out
    assert ascii_out.isascii()


@pytest.mark.parametrize("columns", [40, 80, 130])
def test_plots_are_as_wide_as_the_terminal(make_run, in_terminal, columns):
    make_run(metrics={"loss": [math.exp(-step / 9) for step in range(300)]})
    out = in_terminal("runs", "metrics", "@last", "--plot", columns=columns).replace("\r", "")
    lines = [line for line in out.splitlines() if "│" in line or "┤" in line or "└" in line]
    assert len(lines) == 11
    assert max(map(len, lines)) == columns


def dots(lines):
    return [line[line.index("┤" if "┤" in line else "│") + 1 :] for line in lines if "┤" in line or "│" in line]


def test_the_curve_has_the_shape_of_the_values():
    rising = dots(plot("m", [(x, x) for x in range(50)], width=40))
    assert rising[0].rstrip()
    assert not rising[0][:20].strip()
    assert rising[-1][:2].strip()
    assert not rising[-1][20:].strip()
    level = dots(plot("m", [(x, 5.0) for x in range(50)], width=40))
    assert sum(bool(line.strip()) for line in level) == 1


def test_a_logarithmic_scale_makes_a_decay_a_straight_line():
    curve = [(float(x), 10.0 ** (-x / 10)) for x in range(100)] + [(100.0, 0.0), (101.0, -1.0)]
    lines = plot("m", curve, width=60, height=5, log=True)
    assert lines[0].startswith("m  102 points, last -1, min -1, max 1")
    columns = [len(line) - len(line.lstrip()) for line in dots(lines)]
    steps = [after - before for before, after in itertools.pairwise(columns)]
    assert max(steps) - min(steps) <= 2
    assert len(plot("m", [(0.0, -1.0)], width=60, log=True)) == 1


def test_gaps():
    curve = [(x, math.nan if 20 <= x < 30 else 1.0) for x in range(50)]
    (line,) = [line for line in dots(plot("m", curve, width=59)) if line.strip()]
    assert " " in line.strip()


@pytest.mark.parametrize(
    "values",
    [[1.0], [math.nan], [math.inf, -math.inf], [1.7e308, -1.7e308], [5e-324, 0.0], [0.0, 0.0], [-1.0, math.nan, -1.0]],
    ids=str,
)
def test_values_of_any_kind(values):
    lines = plot("m", [(step * 10.0**17, value) for step, value in enumerate(values)], width=60)
    assert lines[0].startswith("m  ")
    assert max(map(len, lines)) <= 60 or len(lines) == 1
