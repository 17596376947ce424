"""Gates: conditions on a run, with and without a baseline."""

import json

import pytest


@pytest.fixture
def two(make_run):
    base = make_run("base", params={"alpha": "0.50"}, metrics={"rmse": 0.8, "r2": 0.5, "lost": float("nan"), "my key": 1.0})
    run = make_run(
        "second", params={"alpha": "0.5", "opt": "a'b"}, metrics={"rmse": [0.9, 0.7, 0.75], "r2": 0.4, "nan": float("nan"), "my key": 2}
    )
    return base, run


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("metrics.rmse < 0.8", True),
        ("metrics.rmse < 0.75", False),
        ("rmse < 1", None),
        ("metrics.rmse < 0.8 AND metrics.r2 > 0.3", True),
        ("metrics.rmse < 0.1 OR metrics.r2 > 0.3", True),
        ("NOT metrics.rmse < 0.1", True),
        ("not (metrics.rmse < 0.1 or metrics.r2 < 0.1)", True),
        ("metrics.none < 1", False),
        ("NOT metrics.none < 1", False),
        ("metrics.none < 1 OR metrics.rmse < 0.8", True),
        ("NOT (metrics.none < 1 AND metrics.rmse > 5)", True),
        ("metrics.none IS NULL", True),
        ("metrics.nan < 1", False),
        ("metrics.nan != 1", False),
        ("NOT metrics.nan > 1", False),
        ("metrics.rmse.min < 0.71 AND metrics.rmse.max >= 0.9 AND metrics.rmse.count = 3 AND metrics.rmse.first = 0.9", True),
        ("metrics.none.min < 1", False),
        ("params.alpha = 0.50", True),
        ("params.alpha = '0.50'", False),
        ('params.opt = "a\'b"', True),
        ("params.opt IN ('x', \"a'b\") AND (params.alpha IN (0.5, 1))", True),
        ("metrics.`my key` BETWEEN 1 AND 3 AND status = 'FINISHED'", True),
        ("run_name LIKE 'sec%' AND duration < 1h AND start_time > '2020-01-01'", True),
        ("tags.none IS NULL", True),
        ("tags.none = 'x'", False),
    ],
)
def test_a_condition(mlctl, two, condition, holds):
    code = {True: 0, False: 1, None: 124}[holds]
    found = mlctl.json("runs", "check", two[1], condition, check=code)
    if holds is not None:
        assert found["data"]["passed"] is holds


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("metrics.rmse <= baseline", True),
        ("metrics.rmse <= baseline * 0.9", False),
        ("metrics.rmse <= baseline - 0.04", True),
        ("metrics.rmse <= baseline - 0.06", False),
        ("metrics.r2 >= baseline", False),
        ("metrics.r2 >= baseline / 2 AND metrics.rmse < baseline", True),
        ("metrics.`my key` >= baseline * 2", True),
        ("metrics.rmse.min < baseline", True),
        ("metrics.lost < baseline", False),
        ("NOT metrics.nan < baseline", False),
        ("metrics.rmse < baseline OR metrics.lost > baseline", True),
        ("params.opt != 'baseline' AND metrics.rmse < baseline + 1e-3", True),
    ],
)
def test_a_condition_with_a_baseline(mlctl, two, condition, holds):
    base, run = two
    assert mlctl.json("runs", "check", run, condition, "--baseline", base, check=0 if holds else 1)["data"]["passed"] is holds


def test_a_baseline_without_the_metric_decides_nothing(mlctl, two, make_run):
    poor = make_run("poor", metrics={"r2": 0.1})
    mlctl("runs", "check", two[1], "NOT metrics.rmse > baseline", "--baseline", poor, check=1)


def test_every_condition_is_reported_with_its_values(mlctl, two):
    done = mlctl("runs", "check", two[1], "metrics.rmse < 0.8", "metrics.r2 > 0.9 OR metrics.none > 1", check=1)
    lines = done.stdout.splitlines()
    assert "passed" in lines[1]
    assert "metrics.rmse = 0.75" in lines[1]
    assert "FAILED" in lines[2]
    assert "metrics.r2 = 0.4, metrics.none = missing" in lines[2]
    data = mlctl.json("runs", "check", two[1], "metrics.r2 > 0.9 OR metrics.nan > 1", check=1)["data"]["checks"][0]
    assert [item["holds"] for item in data["comparisons"]] == [False, None]
    assert [item["text"] for item in data["comparisons"]] == ["metrics.r2 > 0.9", "metrics.nan > 1"]
    assert mlctl("runs", "check", two[1], "metrics.rmse < 0.8", "--quiet", check=0).stdout.strip() == two[1]


def test_what_is_wrong_is_told(mlctl, two):
    wrong = mlctl("runs", "check", two[1], "metrics.rmse <", check=124)
    assert "column 15" in wrong.stderr
    assert "--baseline" in mlctl("runs", "check", two[1], "metrics.rmse < baseline", check=2).stderr
    assert "baseline" in mlctl("runs", "check", two[1], "metrics.rmse < 1", "--baseline", two[0], check=2).stderr
    assert "only metrics" in mlctl("runs", "check", two[1], "params.alpha < baseline", "--baseline", two[0], check=2).stderr


def test_wait(mlctl, project):
    project(
        "entry_points:\n  main:\n    command: python main.py\n", main__py="import mlctl, time\ntime.sleep(1)\nmlctl.log_metric('m', 1)\n"
    )
    mlctl("run", "project", "--detach", check=0)
    early = mlctl("runs", "check", "@last", "metrics.m = 1", check=1)
    assert "has not ended" in early.stderr
    mlctl("runs", "check", "@last", "metrics.m = 1", "--wait", check=0)


def test_a_report(mlctl, two):
    base, run = two
    text = mlctl("runs", "report", run, "--baseline", base, check=0).stdout
    assert "0.75 ▼ 6.25 % (better)" in text
    assert "0.4 ▼ 20 % (worse)" in text
    assert "2 ▲ 100 %" in text
    markdown = mlctl("runs", "report", run, "--baseline", base, "--higher", "my key", "--output", "markdown", check=0).stdout
    assert "### Run second: FINISHED" in markdown
    assert f"| metric | `{base[:8]}` (baseline) | `{run[:8]}` |" in markdown
    assert "| `rmse` | 0.8 | 🟢 0.75 ▼ 6.25 % (better) |" in markdown
    assert "| `r2` | 0.5 | 🔴 0.4 ▼ 20 % (worse) |" in markdown
    assert "| `my key` | 1 | 🟢 2 ▲ 100 % (better) |" in markdown
    assert "| `nan` |  | nan |" in markdown
    data = mlctl.json("runs", "report", run, "--baseline", base)["data"]
    assert data["baseline"]["run_id"] == base
    assert data["runs"][0]["metrics"]["rmse"]["verdict"] == "better"
    assert data["runs"][0]["metrics"]["rmse"]["percent"] == pytest.approx(-6.25)
    assert data["runs"][0]["metrics"]["nan"]["value"] == "NaN"


def test_a_report_without_a_baseline_of_several_runs(mlctl, two):
    found = mlctl("runs", "report", *two, "--output", "csv", check=0).stdout
    assert found.splitlines()[0] == f"section,key,{two[0]},{two[1]}"
    assert "metrics,rmse,0.8,0.75" in found
    assert json.loads(mlctl("runs", "report", *two, "--output", "json").stdout)["data"]["baseline"] is None


def test_markdown_of_hostile_names(mlctl, make_run):
    run = make_run("a | b <img src=x> `c`\n# d", params={"p": "x`|`y\nz"}, metrics={"m": 1.0})
    text = mlctl("runs", "report", run, "--output", "markdown", check=0).stdout
    assert "<img" not in text
    rows = [line for line in text.splitlines() if line.startswith("| `p`")]
    assert rows == ["| `p` | `` x`\\|`y z `` |"]
