"""``mlctl ui``: the web pages of the store, in a browser."""

from __future__ import annotations

import errno
import os
import sys
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from mlctl import render, settings
from mlctl.errors import LaunchError, UsageError

if TYPE_CHECKING:
    import socket

app = typer.Typer(rich_markup_mode=None, add_completion=False)

TRIED = 20


@app.command()
def ui(
    backend_store_uri: Annotated[
        str | None, typer.Option("--backend-store-uri", "--store", metavar="URI", help="The store; found as by every command.")
    ] = None,
    host: Annotated[str, typer.Option("--host", "-h", metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", metavar="PORT", min=0, max=65535, help="Port to listen on; the next free one if it is taken.")
    ] = 5000,
    artifacts_destination: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Where a store in a database keeps artifacts: a folder or s3://BUCKET/PATH.")
    ] = None,
    allow_remote_without_login: Annotated[
        bool, typer.Option("--allow-remote-without-login", help="Listen beyond this machine; all who reach it may read and change all.")
    ] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
) -> render.Result:
    """Show the store's runs in a browser, until Ctrl-C or SIGTERM."""
    from mlctl.server import pages, serving

    if not pages.are_built():
        raise UsageError("This mlctl has no web pages.", hint=pages.MAKE)
    serving.check_address(host, allow_remote=allow_remote_without_login)
    bound = _listen(host, port)
    address = serving.address(host, bound)

    def ready(uri: str) -> None:
        render.tell(f"{uri} at {address} (Ctrl-C ends it)")
        if browser and _has_browser():
            webbrowser.open(address)

    artifacts = settings.value("artifacts_destination", flag=artifacts_destination)
    serving.serve_store(bound, backend_store_uri, artifacts=artifacts, on_ready=ready)
    return render.Result({"address": address})


def _listen(host: str, port: int) -> socket.socket:
    """The port asked for, or the next one that is free, which is then said.

    Raises:
        LaunchError: none is free, or the address is not this machine's.
    """
    from mlctl.server import serving

    for tried in range(port, min(port + TRIED, 65536)):
        try:
            bound = serving.listen(host, tried)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise LaunchError(f"{host}:{tried} cannot be listened on: {error.strerror}.", hint="Take another --host.") from None
            continue
        if tried != port:
            render.tell(f"port {port} is taken; this is port {tried}")
        return bound
    raise LaunchError(f"The ports {port} to {port + TRIED - 1} are all taken.", hint="`--port 0` takes a free port.")


def _has_browser() -> bool:
    """Whether a window can be opened: without a display, a browser of text would take this terminal."""
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
