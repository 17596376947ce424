"""``mlctl server``: the tracking store over MLflow's REST API, and the web pages."""

from __future__ import annotations

from typing import Annotated

import typer

from mlctl import render, settings
from mlctl.errors import LaunchError, UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def server(
    host: Annotated[str, typer.Option("--host", "-h", metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", metavar="PORT", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 5000,
    backend_store_uri: Annotated[
        str | None, typer.Option("--backend-store-uri", "--store", metavar="URI", help="The store; found as by every command.")
    ] = None,
    artifacts_destination: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Where a store in a database keeps artifacts: a folder or s3://BUCKET/PATH.")
    ] = None,
    static_prefix: Annotated[str, typer.Option(metavar="/PATH", help="Path in front of every route.")] = "",
    allowed_hosts: Annotated[str | None, typer.Option(metavar="A,B", help="Host names that clients may call this server by.")] = None,
    allow_remote_without_login: Annotated[
        bool, typer.Option("--allow-remote-without-login", help="Listen beyond this machine; all who reach it may read and change all.")
    ] = False,
    access_log: Annotated[bool, typer.Option("--access-log/--no-access-log", help="A line of JSON per request on standard error.")] = True,
) -> render.Result:
    """Serve the tracking store to MLflow clients until Ctrl-C or SIGTERM."""
    token = _checked_token(settings.value("server_token"))
    if static_prefix and (not static_prefix.startswith("/") or static_prefix.endswith("/")):
        raise UsageError(
            f"--static-prefix {static_prefix!r} does not fit.", hint="It begins with a slash and does not end with one: /mlctl."
        )
    from mlctl.server import serving

    serving.check_address(host, allow_remote=allow_remote_without_login or bool(token))
    try:
        bound = serving.listen(host, port)
    except OSError as error:
        raise LaunchError(f"{host}:{port} cannot be listened on: {error.strerror}.", hint="`--port 0` takes a free port.") from None
    address = serving.address(host, bound, static_prefix)
    hosts = [name.strip() for name in allowed_hosts.split(",") if name.strip()] if allowed_hosts else None
    serving.serve_store(
        bound,
        backend_store_uri,
        static_prefix=static_prefix,
        hosts=hosts,
        token=token,
        access_log=access_log,
        artifacts=settings.value("artifacts_destination", flag=artifacts_destination),
        on_ready=lambda uri: render.tell(f"serving {uri} at {address}; MLFLOW_TRACKING_URI={address}"),
    )
    return render.Result({"address": address})


def _checked_token(token: str) -> str:
    if not token.isascii() or any(character.isspace() or not character.isprintable() for character in token):
        raise UsageError("MLCTL_SERVER_TOKEN has characters that no token has.", hint="openssl rand -hex 24 makes one.")
    return token
