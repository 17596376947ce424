"""Charts over runs: what is drawn, zoom, options in the address, layouts."""

import pytest
from sample_store import fill

pytestmark = pytest.mark.engine("chromium")


@pytest.fixture
def charts(site):
    """The charts of the experiment that has runs."""
    site.ids = fill(site.store, runs=6, points=3000)
    site.where = f"experiments/{site.ids['experiment']}?tab=charts"
    site.open(site.where)
    site.page.wait_for_selector(".chart canvas")
    return site


def chart(page, metric):
    return page.locator("figure.chart", has=page.get_by_role("heading", name=metric, exact=True))


def test_lines_in_buckets_and_exact_on_zoom(charts):
    page = charts.page
    loss = chart(page, "loss")
    loss.get_by_text("18,000 points, in buckets").wait_for()
    assert "best" in loss.inner_text()
    box = loss.locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 50, steps=4)
    page.mouse.up()
    loss.get_by_role("button", name="Show all of loss").wait_for()
    loss.locator(".faint", has_not_text="in buckets").first.wait_for()
    loss.get_by_role("button", name="Show all of loss").click()
    loss.get_by_text("18,000 points, in buckets").wait_for()
    charts.accessible()


def test_options_are_in_the_address(charts):
    page = charts.page
    page.get_by_role("button", name="Log", exact=True).click()
    page.get_by_label("X axis").select_option("relative")
    page.get_by_label("Smooth").fill("0.6")
    for part in ("log=1", "x=relative", "smooth=0.6"):
        assert part in page.url
    page.reload()
    page.wait_for_selector(".chart canvas")
    assert page.get_by_label("X axis").input_value() == "relative"


def test_scatter_bars_and_parallel_coordinates(charts):
    page = charts.page
    page.get_by_role("button", name="Scatter").click()
    page.get_by_label("Across").select_option("metrics.loss")
    page.get_by_label("Up", exact=True).select_option("metrics.accuracy")
    page.get_by_role("img", name="accuracy by loss").wait_for()
    assert page.locator(".dot").count() == 6
    page.get_by_role("button", name="Bars").click()
    page.get_by_role("img", name="accuracy of each run").wait_for()
    assert page.locator(".drawn rect").count() == 6
    page.get_by_role("button", name="Parallel").click()
    page.get_by_role("img", name="Parallel coordinates").wait_for()
    assert page.locator(".thread").count() == 6


def test_a_layout_is_kept_under_a_name(charts):
    page = charts.page
    page.get_by_role("button", name="Bars").click()
    page.get_by_role("button", name="Layouts").click()
    page.get_by_label("Name of the layout").fill("my bars")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="my bars").first.wait_for()
    charts.open(charts.where)
    page.get_by_role("button", name="Layouts").click()
    page.get_by_role("button", name="my bars").first.click()
    page.locator(".drawn rect").first.wait_for()
    assert "kind=bars" in page.url
