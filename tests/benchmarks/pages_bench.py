"""Time the web pages in a real Chromium: python tests/benchmarks/pages_bench.py FOLDER (of `pages_store`).

Times go from the navigation, or the last key, to the frame in which the answer is drawn, in ms; the best of three.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path[:0] = [str(Path(__file__).parents[1] / "ui"), str(Path(__file__).parents[1])]

from conftest import FLAGS, serving  # noqa: E402 -- found by the path
from playwright.sync_api import sync_playwright  # noqa: E402

from mlctl.sql.sqlite import SqliteStore  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

TRIES = 3
_DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def _timed(page: Any, act: Callable[[], object], wait: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    wait()
    page.evaluate(_DRAWN)
    return (time.perf_counter() - begin) * 1000


def table(page: Any, address: str) -> dict[str, float]:
    """The table of the largest experiment: first rows, a filter, a far scroll."""
    row = ".grid-lines .grid-row:not(.waiting) .run-link"
    found: dict[str, list[float]] = {"table after navigation": [], "filter": [], "scroll to the middle": []}
    for attempt in range(TRIES):
        page.goto("about:blank")
        found["table after navigation"].append(
            _timed(page, lambda: page.goto(f"{address}/#/experiments/0", wait_until="commit"), lambda: page.wait_for_selector(row))
        )
        middle = "document.querySelector('.grid').scrollTop = document.querySelector('.grid').scrollHeight / 2"
        found["scroll to the middle"].append(
            _timed(
                page,
                lambda middle=middle: page.evaluate(middle),
                lambda: page.wait_for_function("!document.querySelector('.grid-row.waiting')"),
            )
        )
        box = page.get_by_role("combobox", name="Filter runs")
        before = page.locator("[role=status]").first.inner_text()
        box.fill(f"metrics.metric_1 > 0.{attempt + 5} AND params.optimizer = 'sgd'")
        wait = "before => document.querySelector('.actions-bar [role=status]').innerText !== before"
        found["filter"].append(
            _timed(page, lambda box=box: box.press("Enter"), lambda text=wait, before=before: page.wait_for_function(text, arg=before))
        )
    return {name: min(times) for name, times in found.items()}


def main() -> None:
    """Time all."""
    with contextlib.closing(SqliteStore(str(Path(sys.argv[1]).absolute() / "mlctl.db"))) as store, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, bypass_csp=True)
        with serving(store) as address:
            for name, ms in table(page, address).items():
                print(f"{name:32}{ms:9.0f} ms")
        browser.close()


if __name__ == "__main__":
    main()
