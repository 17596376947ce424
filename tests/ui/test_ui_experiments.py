"""The page of experiments: each action, as a person does it."""

import pytest

from mlctl.tracking.entities import ExperimentTag

pytestmark = pytest.mark.engine("chromium")


def act(page, name, action):
    page.get_by_role("button", name=f"Actions for {name}").click()
    page.get_by_role("button", name=action, exact=True).click()


def test_create_rename_delete_and_restore(site):
    page = site.open()
    page.get_by_role("button", name="New experiment").click()
    page.get_by_role("textbox", name="Name").fill("first try")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="first try").wait_for()
    act(page, "first try", "Rename")
    page.get_by_role("textbox", name="Name").fill("second try")
    page.get_by_role("button", name="Rename", exact=True).click()
    page.get_by_role("link", name="second try").wait_for()
    assert site.store.get_experiment_by_name("second try") is not None
    act(page, "second try", "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("link", name="second try").wait_for(state="detached")
    page.get_by_role("button", name="Deleted").click()
    act(page, "second try", "Restore")
    page.get_by_text("Nothing has been deleted").wait_for()
    assert site.store.get_experiment_by_name("second try").lifecycle_stage == "active"


def test_a_name_that_is_taken_is_told(site):
    site.store.create_experiment("taken")
    page = site.open()
    page.get_by_role("button", name="New experiment").click()
    page.get_by_role("textbox", name="Name").fill("taken")
    page.keyboard.press("Enter")
    page.locator(".toast.bad").wait_for()
    assert "taken" in page.locator(".toast.bad").inner_text()
    assert page.get_by_role("dialog").is_visible()
    site.errors.clear()  # the browser notes the answer 400


def test_note_and_tags(site):
    page = site.open()
    act(page, "Default", "Note")
    page.get_by_role("textbox", name="Note").fill("what we tried\nand more")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("cell", name="what we tried").wait_for()
    act(page, "Default", "Tags")
    page.get_by_role("textbox", name="Key").fill("team")
    page.get_by_role("textbox", name="Value").fill("vision")
    page.get_by_role("button", name="Set tag").click()
    page.get_by_text("team: vision").first.wait_for()
    tags = site.store.get_experiment("0").tags
    assert tags == {"mlflow.note.content": "what we tried\nand more", "team": "vision"}
    act(page, "Default", "Tags")
    page.get_by_role("button", name="Remove tag team").click()
    page.get_by_text("team: vision").first.wait_for(state="detached")


def test_search_is_in_the_address(site):
    for name in ("wine", "iris"):
        site.store.create_experiment(name)
    page = site.open()
    page.get_by_label("Search experiments").fill("WI")
    page.get_by_role("link", name="iris").wait_for(state="detached")
    assert "search=WI" in page.url
    page.reload()
    page.get_by_role("link", name="wine").wait_for()
    assert not page.get_by_role("link", name="iris").is_visible()


def test_new_runs_appear_by_themselves(site):
    page = site.open()
    page.get_by_role("row", name="Default").get_by_text("none yet").wait_for()
    site.store.create_run("0", user_id="ada", start_time=1)
    page.get_by_text("1 running").wait_for()


def test_markup_is_text(site):
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    site.store.create_experiment(hostile, tags=[ExperimentTag("mlflow.note.content", hostile), ExperimentTag("markup", hostile)])
    page = site.open()
    page.get_by_role("link", name=hostile).wait_for()
    assert page.locator("main img, main script").count() == 0
    site.accessible()


def test_it_is_readable_at_the_width_of_a_phone(site):
    site.page.set_viewport_size({"width": 380, "height": 700})
    page = site.open()
    page.get_by_role("link", name="Default").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
