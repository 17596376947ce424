"""The pages of models: registered ones, their versions, and logged ones."""

import pytest
from sample_models import register

from mlctl.tracking.entities import RunTag

pytestmark = pytest.mark.engine("chromium")

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def models(site):
    """A run, and the ids of the models that it has logged; three versions of digit-reader."""
    run = site.store.create_run("0", user_id="ada", start_time=1, run_name="first", tags=[RunTag("a", "b")]).info.run_id
    return run, register(site.store, "0", run)


def test_a_model_is_created_described_renamed_and_deleted(site):
    page = site.open("models")
    page.get_by_text("mlctl registry register").wait_for()
    page.get_by_role("button", name="New model").click()
    page.get_by_role("textbox", name="Name").fill("first & <b>only")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("link", name="first & <b>only").click()
    page.get_by_text("No versions yet").wait_for()
    page.get_by_role("button", name="Edit the description").click()
    page.get_by_role("textbox", name="Description").fill(HOSTILE)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("region", name="Description").get_by_text(HOSTILE).wait_for()
    assert page.locator("main img, main b").count() == 0
    page.get_by_role("button", name="Actions for this model").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Name").fill("second")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="second").wait_for()
    assert site.store.get_registered_model("second").description == HOSTILE
    site.accessible()
    page.get_by_role("button", name="Actions for this model").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("No registered models").wait_for()


def test_promotion_and_aliases(site, models):
    page = site.open("models")
    row = page.get_by_role("row", name="digit-reader")
    row.get_by_text("@champion 2").wait_for()
    row.get_by_role("link", name="digit-reader").click()
    page.get_by_role("button", name="stage of version 3").click()
    page.get_by_role("button", name="Move to Production").click()
    page.get_by_role("dialog").get_by_role("button", name="Move to Production").click()
    page.get_by_role("row", name="Version 3").get_by_text("Production").wait_for()
    page.get_by_role("row", name="Version 2").get_by_text("Archived").wait_for()
    page.get_by_role("region", name="History").get_by_text("Staging → Production").first.wait_for()
    page.get_by_role("button", name="Add an alias to version 3").click()
    page.get_by_role("textbox", name="Alias").fill("champion")
    page.keyboard.press("Enter")
    page.get_by_role("row", name="Version 3").get_by_text("@champion").wait_for()
    page.get_by_role("button", name="Remove alias challenger").click()
    page.get_by_role("button", name="Remove alias challenger").wait_for(state="detached")
    assert site.store.get_registered_model("digit-reader").aliases == {"champion": "3"}
    assert site.store.get_model_version("digit-reader", "2").current_stage == "Archived"


def test_a_version_leads_to_its_run_and_files(site, models):
    run, ids = models
    page = site.open("models/digit-reader/versions/2?file=MLmodel")
    page.get_by_role("cell", name="height").wait_for()
    assert ids[1] in page.get_by_role("region", name="Summary").inner_text()
    site.accessible()
    page.get_by_role("link", name=run).click()
    page.get_by_role("heading", name="first").wait_for()


def test_logged_models(site, models):
    page = site.open("models?view=logged")
    page.get_by_label("Search models").fill("reader-1")
    page.get_by_role("link", name="reader-0").wait_for(state="detached")
    page.get_by_role("link", name="reader-1").click()
    page.get_by_role("region", name="Summary").get_by_text(models[1][1], exact=True).wait_for()
    page.get_by_role("button", name="MLmodel").click()
    page.get_by_role("cell", name="height").wait_for()
    site.page.set_viewport_size({"width": 380, "height": 700})
    for place in ("models", "models/digit-reader", "models/digit-reader/versions/1", f"experiments/0/models/{models[1][1]}"):
        page = site.open(place)
        page.locator("main table, main dl").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 380


def test_a_promotion_that_somebody_else_has_overtaken_is_refused(site, models):
    page = site.open("models/digit-reader/versions/3")
    page.get_by_role("button", name="stage of version 3").click()
    page.get_by_role("button", name="Move to Production").click()
    site.store.transition_model_version("digit-reader", "3", "Archived")
    page.get_by_role("dialog").get_by_role("button", name="Move to Production").click()
    page.locator(".toast.bad").wait_for()
    assert site.store.get_model_version("digit-reader", "3").current_stage == "Archived"
    site.errors.clear()  # the browser notes the answer 409
