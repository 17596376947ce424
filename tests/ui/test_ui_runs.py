"""The page of runs: what is shown, and each action, as a person does it."""

import pytest
from sample_store import fill

from mlctl.tracking.entities import Metric, Param

pytestmark = pytest.mark.engine("chromium")

NAMES = ".grid-lines .run-link"


@pytest.fixture
def runs(site):
    """The page of the experiment that has runs."""
    site.ids = fill(site.store, runs=16, points=3)
    site.where = f"experiments/{site.ids['experiment']}"
    site.open(site.where)
    site.page.wait_for_selector(NAMES)
    return site


def told(page):
    return page.locator(".actions-bar [role=status]").inner_text()


def choose(page, count):
    boxes = page.get_by_role("checkbox", name="Choose")
    for index in range(count):
        boxes.nth(index).click()


def test_the_table_shows_runs_with_metrics_and_params(runs):
    page = runs.page
    assert told(page) == "16 runs"
    heads = page.get_by_role("columnheader").all_inner_texts()
    assert {"Run", "Status", "accuracy", "loss", "optimizer"} <= set(heads)
    assert page.get_by_text("Running").is_visible()
    runs.accessible()


def test_a_filter_with_completion_and_its_error(runs):
    page = runs.page
    box = page.get_by_role("combobox", name="Filter runs")
    box.fill("opti")
    page.get_by_role("option", name="params.optimizer", exact=True).click()
    assert box.input_value() == "params.optimizer "
    page.locator(".filter-error").wait_for()
    box.press_sequentially("= 'sgd'")
    box.press("Enter")
    page.get_by_text("5 runs").wait_for()
    assert "filter=" in page.url
    assert not page.locator(".filter-error").is_visible()
    page.reload()
    page.get_by_text("5 runs").wait_for()
    runs.errors.clear()  # the browser notes the answer 400


def test_sorting_by_a_metric(runs):
    page = runs.page
    page.get_by_role("columnheader", name="loss").get_by_role("button").click()
    page.wait_for_selector("[role=columnheader][aria-sort=descending] >> text=loss")
    found = runs.store.search_runs([runs.ids["experiment"]], order_by=["metrics.loss DESC"])
    page.locator(NAMES).first.get_by_text(found[0].info.run_name, exact=True).wait_for()
    assert page.locator(NAMES).all_inner_texts()[:3] == [run.info.run_name for run in found[:3]]


def test_groups_with_aggregates_lead_to_their_runs(runs):
    page = runs.page
    page.get_by_label("Group by").select_option("params.optimizer")
    row = page.get_by_role("row", name="sgd")
    row.wait_for()
    assert row.get_by_role("cell").nth(1).inner_text() == "5"
    runs.accessible()
    row.get_by_role("button", name="sgd").click()
    page.get_by_text("5 runs").wait_for()


def test_nested_runs_open_below_their_parent(runs):
    page = runs.page
    page.get_by_role("button", name="Nested").click()
    page.get_by_text("12 runs").wait_for()
    page.get_by_role("button", name="Runs under").first.click()
    page.locator(".depth-1").nth(1).wait_for()


def test_tag_delete_and_restore(runs):
    page, experiment = runs.page, runs.ids["experiment"]
    choose(page, 2)
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("textbox", name="Key").fill("checked")
    page.get_by_role("textbox", name="Value").fill("yes")
    page.get_by_role("button", name="Set tag").click()
    page.get_by_text("Tagged 2 runs").wait_for()
    assert len(runs.store.search_runs([experiment], filter_string="tags.checked = 'yes'")) == 2
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("14 runs").wait_for()
    page.get_by_role("button", name="Deleted").click()
    page.get_by_text("2 runs", exact=True).wait_for()
    choose(page, 2)
    page.get_by_role("button", name="Restore").click()
    page.get_by_text("No deleted runs").wait_for()
    assert len(runs.store.search_runs([experiment])) == 16


def test_csv_of_the_chosen_runs(runs):
    page = runs.page
    choose(page, 3)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("run_id,name,status,start_time")


def test_a_stop_is_asked_for(runs):
    page = runs.page
    choose(page, 1)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Asked 1 run to stop").wait_for()


def test_pinned_runs_stay_on_top_and_hidden_ones_are_dimmed(runs):
    page = runs.page
    last = page.locator(NAMES).last.inner_text()
    page.get_by_role("button", name=f"Pin {last}").click()
    page.locator(".grid-row.pinned").get_by_text(last).wait_for()
    page.locator(".grid-lines").get_by_role("button", name=f"Hide {last}").click()
    assert page.locator(".grid-row.dimmed").count() == 2
    page.reload()
    page.locator(".grid-row.pinned").get_by_text(last).wait_for()


def test_columns_are_chosen_and_stay(runs):
    page = runs.page
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="params.optimizer").click()
    page.keyboard.press("Escape")
    page.get_by_role("columnheader", name="optimizer").wait_for(state="detached")
    page.reload()
    page.get_by_role("columnheader", name="accuracy").wait_for()
    assert page.get_by_role("columnheader", name="optimizer").count() == 0


def test_new_runs_and_metrics_appear_by_themselves(runs):
    page = runs.page
    run = runs.store.create_run(runs.ids["experiment"], user_id="ada", start_time=4_000_000_000_000).info
    page.get_by_text("17 runs").wait_for()
    runs.store.log_batch(run.run_id, metrics=[Metric("loss", 0.12345, 1, 1)])
    page.get_by_text("0.12345").wait_for()


def test_markup_in_names_and_values_is_text(site):
    hostile = "<img src=x onerror=alert(1)>"
    site.store.create_run("0", user_id=hostile, run_name=hostile, start_time=1, params=[Param("p", hostile)])
    page = site.open("experiments/0")
    page.locator(NAMES).get_by_text(hostile).wait_for()
    assert page.locator("main img").count() == 0


def test_an_experiment_without_runs_teaches_the_next_command(site):
    page = site.open("experiments/0")
    page.get_by_text("mlctl run . --experiment-name 'Default'").wait_for()
    site.accessible()


def test_a_long_table_scrolls_without_blank_rows(site):
    with site.store.transaction():
        for number in range(3000):
            site.store.create_run("0", user_id="ada", run_name=f"run {number}", start_time=1000 + number)
    page = site.open("experiments/0")
    page.get_by_text("3,000 runs").wait_for()
    page.locator(".grid").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    page.get_by_role("link", name="run 0", exact=True).wait_for()
    assert page.locator(".grid-row").count() < 100
