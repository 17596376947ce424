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

from conftest import FLAGS, serving  # noqa: E402
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
    """The table of the largest experiment: first rows, a far scroll, a filter."""
    row = ".grid-lines .grid-row:not(.waiting) .run-link"
    middle = "document.querySelector('.grid').scrollTop = document.querySelector('.grid').scrollHeight / 2"
    full = "!document.querySelector('.grid-row.waiting')"
    other = "before => document.querySelector('.actions-bar [role=status]').innerText !== before"
    page.goto("about:blank")
    found = {"table after navigation": _timed(page, lambda: _go(page, address, "experiments/0"), lambda: page.wait_for_selector(row))}
    found["scroll to the middle"] = _timed(page, lambda: page.evaluate(middle), lambda: page.wait_for_function(full))
    box = page.get_by_role("combobox", name="Filter runs")
    before = page.locator("[role=status]").first.inner_text()
    box.fill("metrics.metric_1 > 0.7 AND params.optimizer = 'sgd'")
    found["filter"] = _timed(page, lambda: box.press("Enter"), lambda: page.wait_for_function(other, arg=before))
    return found


def curves(page: Any, address: str) -> dict[str, float]:
    """A long metric, and many curves over one another."""
    experiment = next(item.experiment_id for item in STORE[0].search_experiments() if item.name == "curves")
    found = {}
    for name, key, points in (("1,000,000 points", "long", 1_000_000), ("100 runs of 10,000 points", "loss", 990_000)):
        page.goto("about:blank")
        place = f"experiments/{experiment}?tab=charts&metrics={key}&runs=100&filter=metrics.{key}%20IS%20NOT%20NULL"
        drawn = f"[...document.querySelectorAll('[data-points]')].some(plot => +plot.dataset.points >= {points})"
        found[name] = _timed(page, lambda place=place: _go(page, address, place), lambda drawn=drawn: page.wait_for_function(drawn))
    return found


def _go(page: Any, address: str, place: str) -> None:
    page.goto(f"{address}/#/{place}", wait_until="commit")


STORE: list[SqliteStore] = []


def main() -> None:
    """Time all."""
    with contextlib.closing(SqliteStore(str(Path(sys.argv[1]).absolute() / "mlctl.db"))) as store, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, bypass_csp=True)
        with serving(store) as address:
            STORE.append(store)
            rounds = [{**table(page, address), **curves(page, address)} for _ in range(TRIES)]
            for name in rounds[0]:
                print(f"{name:32}{min(found[name] for found in rounds):9.0f} ms")
        browser.close()


if __name__ == "__main__":
    main()
