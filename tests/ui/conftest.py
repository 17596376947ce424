"""A real Chromium on real pages of a real server."""

import contextlib
import shutil
import socket
import sys
import threading
from pathlib import Path

import pytest
import uvicorn

from mlctl.server.app import App
from mlctl.server.artifacts import ArtifactProxy
from mlctl.server.guard import Guard
from mlctl.sql.sqlite import SqliteStore

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
QUICK_MS = 5_000


@contextlib.contextmanager
def serving(store, port=0):
    """The address of a server of a store, in a thread."""
    app = App(store, artifacts=ArtifactProxy(store), guard=Guard(None))
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        bound.listen(128)
        options = {"loop": "uvloop", "http": "httptools", "ws": "none", "lifespan": "off", "log_config": None, "access_log": False}
        server = uvicorn.Server(uvicorn.Config(app, timeout_graceful_shutdown=1, **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="module")
def chromium():
    """The browser of a file of tests: while playwright is there, an event loop runs, which other files could not bear."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


class Site:
    """A page of the browser, and the server that it looks at. What goes wrong in the page, or leaves this machine, is noted."""

    def __init__(self, page, address, store):
        self.page, self.address, self.store = page, address, store
        self.errors, self.foreign = [], []
        page.set_default_timeout(QUICK_MS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: None if self._is_own(request.url) else self.foreign.append(request.url))

    def _is_own(self, url):
        return url.startswith((self.address, "data:", "blob:", "about:"))

    def open(self, where=""):
        """Go to a place behind the `#`, with all state new."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}/#/{where}")
        self.page.wait_for_selector("main h1, main .empty")
        return self.page

    def check(self):
        """Nothing went wrong, and nobody else was asked."""
        assert self.errors == []
        assert self.foreign == []

    def accessible(self):
        """No serious finding of axe on what is shown."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
        serious = [finding for finding in found if finding["impact"] in ("serious", "critical")]
        told = [
            (finding["id"], [(node["html"][:200], node["failureSummary"][-200:]) for node in finding["nodes"][:3]]) for finding in serious
        ]
        assert told == []


def _site(browser, store, **options):
    stack = contextlib.ExitStack()
    address = stack.enter_context(serving(store))
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB", timezone_id="UTC", **options)
    stack.callback(context.close)
    return stack, Site(context.new_page(), address, store)


@pytest.fixture
def site(chromium, tmp_path):
    """Pages of a new store of its own."""
    with contextlib.closing(SqliteStore(str(tmp_path / "mlctl.db"))) as store:
        stack, found = _site(chromium, store)
        with stack:
            yield found
            found.check()
