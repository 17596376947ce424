"""Promotion: under conditions, against what is there, and by several at once."""

import contextlib
import time
from pathlib import Path

import pytest

from mlctl.tracking.entities import Metric
from mlctl.tracking.logged_models import LoggedModelStatus
from mlctl.tracking.opening import open_store
from mlctl.tracking.registry import ModelSource


@pytest.fixture
def opened(place):
    with contextlib.closing(open_store()) as store:
        yield store


@pytest.fixture
def wine(make_run, opened):
    """Versions 1, 2 and 3 with an rmse of 0.9, 0.8 and 0.7: the first is in Production, the second in Staging."""
    opened.create_registered_model("wine")
    for number in range(1, 4):
        metrics = {"rmse": [2.0, 1 - number / 10], **({"r2": 0.5} if number > 1 else {}), "nan": float("nan")}
        run_id = make_run(params={"alpha": str(number)}, metrics=metrics, tags={"approved": "yes"})
        opened.create_model_version("wine", ModelSource("s3://bucket/model", run_id))
    opened.transition_model_version("wine", "1", "Production")
    opened.transition_model_version("wine", "2", "Staging")
    return "wine"


def stages(store, name="wine"):
    found = store.search_model_versions(filter_string=f"name = '{name}'", order_by=["version_number"])
    return [version.current_stage for version in found]


UP = ("registry", "promote", "wine", "--from", "Staging", "--to", "Production")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("metrics.rmse < baseline", True),
        ("metrics.rmse < baseline * 0.85", False),
        ("metrics.rmse < 0.85 AND metrics.rmse.max = 2", True),
        ("metrics.rmse < 0.5", False),
        ("NOT metrics.rmse >= baseline", True),
        ("params.alpha = '2' AND tags.approved = 'yes' AND status = 'FINISHED'", True),
        ("params.alpha = '1'", False),
        ("metrics.r2 > baseline", False),  # which has none
        ("NOT metrics.r2 > baseline", False),
        ("metrics.none < baseline", False),
        ("metrics.nan < 1", False),
    ],
)
def test_a_condition(mlctl, wine, opened, condition, holds):
    found = mlctl.json(*UP, "--if", condition, check=0 if holds else 1)["data"]
    assert (found["name"], found["version"], found["from"], found["to"]) == ("wine", "2", "Staging", "Production")
    assert (found["passed"], found["result"]) == (holds, "promoted" if holds else "refused")
    assert found["baseline"]["version"] == "1"
    assert stages(opened) == (["Archived", "Production", "None"] if holds else ["Production", "Staging", "None"])


def test_a_refusal_says_why(mlctl, wine):
    done = mlctl(*UP, "--if", "metrics.rmse < 1", "--if", "metrics.rmse < baseline - 0.2", check=1)
    head, _, *rows = done.stdout.splitlines()
    assert head == "wine/2: Staging → Production  refused; version 1 stays"
    assert rows[0].split("  ")[0] == "passed"
    assert " ".join(rows[1].split()) == "FAILED metrics.rmse < baseline - 0.2 metrics.rmse = 0.8 metrics.rmse < 0.7"
    assert mlctl(*UP, "--if", "metrics.rmse < 0", "-q", check=1).stdout == "wine/2\n"


def test_a_first_version_has_no_baseline(mlctl, wine, opened):
    opened.transition_model_version("wine", "1", "Archived")
    mlctl(*UP, "--if", "metrics.rmse < baseline AND metrics.rmse < 0.5", check=1)
    mlctl(*UP, "--if", "tags.none = 'x' OR NOT metrics.rmse > baseline", check=1)
    done = mlctl(*UP, "--if", "metrics.rmse < baseline", "--if", "NOT (metrics.rmse > baseline)", check=0)
    assert "no version is in Production" in done.stderr
    assert "metrics.rmse < baseline" in done.stdout.splitlines()[2].partition("metrics.rmse = 0.8")[2]
    assert stages(opened) == ["Archived", "Production", "None"]


def test_metrics_of_the_logged_model_go_first(mlctl, wine, opened, make_run):
    """Of the two models of a run each has an rmse of its own."""
    run_id = make_run(metrics={"rmse": 0.1, "r2": 0.9})
    for rmse in (0.5, 0.95):
        model = opened.create_logged_model("0", name="tree", source_run_id=run_id)
        opened.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        opened.log_batch(run_id, metrics=[Metric("rmse", rmse, 2_000_000_000_000, 1, model.model_id)])
        opened.create_model_version("wine", ModelSource(f"models:/{model.model_id}", run_id, model.model_id))
    up = ("registry", "promote", "--to", "Production", "--if", "metrics.rmse < baseline", "--if", "metrics.r2 BETWEEN 0.8 AND 1")
    (check, _) = mlctl.json(*up, "wine/5", check=1)["data"]["checks"]
    assert [item["actual"] for item in check["comparisons"]] == [0.95]
    mlctl(*up, "wine/4", check=0)
    mlctl(*up[:4], "--if", "metrics.rmse IN (0.95)", "--if", "metrics.rmse NOT BETWEEN 0 AND 0.9", "wine/5", "--dry-run", check=0)
    (check,) = mlctl.json(*up[:6], "wine/3", check=1)["data"]["checks"]
    assert check["comparisons"][0]["text"] == "metrics.rmse < 0.5"


def test_a_logged_model_without_a_run(mlctl, wine, opened, make_run):
    model = opened.create_logged_model("0", name="tree")
    opened.log_batch(make_run(), metrics=[Metric("rmse", 0.6, 1, 0, model.model_id)])
    opened.create_model_version("wine", ModelSource(f"models:/{model.model_id}", "", model.model_id))
    up = ("registry", "promote", "wine/4", "--to", "Production")
    mlctl(*up, "--if", "params.alpha = '1'", check=1)
    mlctl(*up, "--if", "metrics.rmse.min < 1", check=1)
    mlctl(*up, "--if", "metrics.rmse < baseline", check=0)


def test_a_version_that_comes_from_nowhere(mlctl, opened):
    opened.create_registered_model("far")
    opened.create_model_version("far", ModelSource("s3://bucket/model"))
    assert "comes from no run" in mlctl("registry", "promote", "far/1", "--to", "Staging", "--if", "metrics.rmse < 1", check=124).stderr
    mlctl("registry", "promote", "far/1", "--to", "Staging", check=0)


def test_places(mlctl, wine, opened):
    mlctl("registry", "promote", "wine/3", "--to", "production", "--keep", check=0)
    assert stages(opened) == ["Production", "Staging", "Production"]
    again = mlctl.json("registry", "promote", "wine/3", "--to", "Production", "--if", "metrics.rmse < baseline")
    assert again["data"]["result"] == "unchanged"
    mlctl("registry", "promote", "wine", "--from", "Production", "--to", "None", check=0)
    assert stages(opened) == ["Production", "Staging", "None"]
    dry = mlctl.json(*UP, "--dry-run")
    assert dry["data"]["result"] == "would be promoted"
    assert stages(opened) == ["Production", "Staging", "None"]
    mlctl("registry", "promote", "wine/1", "--to", "Archived", check=0)
    assert stages(opened) == ["Archived", "Staging", "None"]


def test_aliases(mlctl, wine, opened):
    mlctl("registry", "promote", "wine/1", "--to", "@champion", "--if", "metrics.rmse < baseline", check=0)
    opened.set_registered_model_alias("wine", "next", "2")
    up = ("registry", "promote", "wine", "--from", "@next", "--to", "@champion", "--if")
    assert mlctl(*up, "metrics.rmse < baseline - 0.5", check=1).stdout.startswith("wine/2: @next → @champion  refused; version 1 stays")
    assert mlctl(*up, "metrics.rmse < baseline", check=0).stdout.startswith("wine/2: @next → @champion  promoted, in place of version 1")
    assert opened.get_registered_model("wine").aliases == {"champion": "2", "next": "2"}
    assert mlctl.json(*up, "metrics.rmse < baseline")["data"]["result"] == "unchanged"
    assert stages(opened) == ["Production", "Staging", "None"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("wine", "--to", "Production"), 2),
        (("wine/2",), 2),
        (("wine", "--from", "Archived", "--to", "Production"), 124),
        (("wine", "--from", "@none", "--to", "Production"), 124),
        (("wine/3", "--from", "Staging", "--to", "Production"), 124),
        (("wine/2", "--to", "Nowhere"), 124),
        (("wine/2", "--to", "@v3"), 124),
        (("wine/2", "--to", "Production", "--if", "metrics.rmse <"), 124),
        (("wine/2", "--to", "Production", "--if", ""), 124),
        (("wine/2", "--to", "Production", "--if", "params.alpha < baseline"), 2),
        (("none/1", "--to", "Production"), 124),
    ],
)
def test_mistakes_change_nothing(mlctl, wine, opened, arguments, code):
    assert mlctl("registry", "promote", *arguments, check=code).stderr.startswith("mlctl: error: ")
    assert stages(opened) == ["Production", "Staging", "None"]


# ── several at once ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_of_those_who_promote_a_version_at_once_wins(mlctl, wine, opened):
    processes = [mlctl.start(*UP, "--if", "metrics.rmse < baseline") for _ in range(4)]
    codes = sorted((process.communicate(timeout=60), process.returncode)[1] for process in processes)
    assert codes == [0, 124, 124, 124]
    assert stages(opened) == ["Archived", "Production", "None"]
    moves = [(event.version, event.before, event.after) for event in opened.registry_history("wine") if event.action == "stage"]
    assert moves[2:] == [("1", "Production", "Archived"), ("2", "Staging", "Production")]


@pytest.mark.engine("linux")
@pytest.mark.parametrize("to", ["Production", "@champion"])
def test_what_the_condition_was_checked_against_must_still_be_there(mlctl, wine, opened, to):
    """While version 2 is checked against version 1, somebody puts version 3 there."""
    opened.set_registered_model_alias("wine", "champion", "1")
    with opened.transaction():
        opened.transition_model_version("wine", "3", "Production", archive_existing=True)
        opened.set_registered_model_alias("wine", "champion", "3")
        late = mlctl.start("registry", "promote", "wine/2", "--to", to, "--if", "metrics.rmse < baseline")
        _wait_until_it_waits(late.pid)
    _, told = late.communicate(timeout=60)
    assert late.returncode == 124
    assert "version 3, where version 1 was" in told
    assert stages(opened) == ["Archived", "Staging", "Production"]
    assert opened.get_registered_model("wine").aliases == {"champion": "3"}


def _wait_until_it_waits(pid):
    """Until a process that has the store open sleeps again and again, as SQLite does that waits for the lock."""
    asleep, end = 0, time.monotonic() + 10
    while asleep < 3 and time.monotonic() < end:
        files = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
        sleeps = Path(f"/proc/{pid}/wchan").read_text() == "hrtimer_nanosleep"
        asleep += sleeps and any(name.endswith("mlctl.db") for name in files)
        time.sleep(0.05)


# ── elsewhere ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_with_a_server(mlctl, wine, opened, served):
    served()
    mlctl(*UP, "--if", "metrics.rmse < baseline - 0.5", check=1)
    assert mlctl.json(*UP, "--if", "metrics.rmse < baseline")["data"]["result"] == "promoted"
    assert stages(opened) == ["Archived", "Production", "None"]
    mlctl("registry", "promote", "wine/3", "--to", "@champion", check=0)
    mlctl("registry", "promote", "wine/3", "--from", "Staging", "--to", "Production", check=124)
    processes = [mlctl.start("registry", "promote", "wine/3", "--to", "Production") for _ in range(3)]
    codes = [(process.communicate(timeout=60), process.returncode)[1] for process in processes]
    assert set(codes) <= {0, 124}
    assert 0 in codes
    moves = [(event.version, event.before, event.after, bool(event.user_id)) for event in opened.registry_history("wine")]
    assert moves[-2:] == [("2", "Production", "Archived", True), ("3", "None", "Production", True)]


def test_github_hears_of_it(mlctl, wine, place, monkeypatch):
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(place / name))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    done = mlctl(*UP, "--if", "metrics.rmse < baseline - 0.5", check=1)
    assert (
        "::error title=mlctl registry promote::metrics.rmse < baseline - 0.5 does not hold: metrics.rmse = 0.8" in done.stdout + done.stderr
    )
    assert "❌" in (place / "GITHUB_STEP_SUMMARY").read_text()
    mlctl(*UP, "--if", "metrics.rmse < baseline", check=0)
    assert "| ✅ | `metrics.rmse < baseline` |" in (place / "GITHUB_STEP_SUMMARY").read_text()
    outputs = (place / "GITHUB_OUTPUT").read_text().splitlines()
    assert [outputs[number] for number in (1, 4, 7, 16)] == ["wine", "2", "false", "true"]
