"""What surrounds the pages: files and their policy, themes, a lost server, places that are none."""

import contextlib

import pytest
from conftest import serving

from mlctl.sql.sqlite import SqliteStore

pytestmark = pytest.mark.engine("chromium")


def test_the_files_have_a_strict_policy_and_are_kept(site):
    answer = site.page.request.get(site.address + "/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-cache"
    script = answer.text().split('src="./')[1].split('"')[0]
    answer = site.page.request.get(f"{site.address}/{script}")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"


def test_the_javascript_of_the_first_page_is_small(site):
    sizes = []
    site.page.on("response", lambda answer: sizes.append(int(answer.headers.get("content-length", 0))) if ".js" in answer.url else None)
    site.open()
    site.page.wait_for_selector("table.list")
    assert 1000 < sum(sizes) < 100_000


def test_colours_are_chosen_and_stay(site):
    page = site.open()
    assert page.get_attribute("html", "data-theme") == "light"
    page.get_by_role("button", name="Dark colours").click()
    assert page.get_attribute("html", "data-theme") == "dark"
    site.open()
    assert page.get_attribute("html", "data-theme") == "dark"
    site.accessible()


def test_a_place_that_is_none(site):
    page = site.open("no/such/place")
    assert page.get_by_text("There is no such page").is_visible()


def test_a_lost_server_is_said_and_recovered_from(chromium, tmp_path):
    page = chromium.new_page()
    with contextlib.closing(SqliteStore(str(tmp_path / "mlctl.db"))) as store:
        with serving(store) as address:
            page.goto(address)
            page.get_by_role("link", name="Default").wait_for()
        page.get_by_text("The server does not answer").wait_for()
        assert page.get_by_role("link", name="Default").is_visible()
        store.create_experiment("made meanwhile")
        with serving(store, port=int(address.rsplit(":", 1)[1])):
            page.get_by_role("link", name="made meanwhile").wait_for(timeout=10_000)
            assert not page.get_by_text("The server does not answer").is_visible()
            page.close()
