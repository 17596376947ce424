"""Pictures of the pages for docs/images/ui, light and dark: python tests/ui/screenshots.py [NAME…]."""

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from conftest import FLAGS, serving  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from sample_models import register  # noqa: E402
from sample_run import dress  # noqa: E402
from sample_store import fill  # noqa: E402

from mlctl.sql.sqlite import SqliteStore  # noqa: E402

IMAGES = HERE.parents[1] / "docs" / "images" / "ui"
WIDTH, HEIGHT = 1280, 760
PAGES = {
    "experiments": "experiments",
    "runs": "experiments/{experiment}",
    "charts": "experiments/{experiment}?tab=charts",
    "scatter": "experiments/{experiment}?tab=charts&kind=scatter&sx=metrics.accuracy&sy=metrics.loss",
    "parallel": "experiments/{experiment}?tab=charts&kind=parallel",
    "groups": "experiments/{experiment}?group=params.optimizer",
    "run": "experiments/{experiment}/runs/{run}",
    "run-metrics": "experiments/{experiment}/runs/{run}?tab=metrics",
    "run-log": "experiments/{experiment}/runs/{run}?tab=log",
    "run-artifacts": "experiments/{experiment}/runs/{run}?tab=artifacts&file=model%2FMLmodel",
    "models": "models",
    "model": "models/digit-reader",
    "model-version": "models/digit-reader/versions/2?file=MLmodel",
}


def main():
    os.environ["LOGNAME"] = "ada"  # who the history of models names
    wanted = sys.argv[1:] or list(PAGES)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(SqliteStore(f"{folder}/mlctl.db")) as store,
        sync_playwright() as driver,
    ):
        names = fill(store)
        dress(store, names["run"])
        register(store, names["experiment"], names["run"])
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        with serving(store) as address:
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, locale="en-GB", timezone_id="UTC"
                )
                page = context.new_page()
                for name in wanted:
                    page.goto("about:blank")
                    page.goto(f"{address}/#/{PAGES[name].format(**names)}")
                    page.wait_for_timeout(900)
                    page.screenshot(path=IMAGES / f"{name}-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    main()
