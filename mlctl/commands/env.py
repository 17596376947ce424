"""``mlctl env``: the environments that were built."""

from __future__ import annotations

import re
import time
from typing import Annotated, Any

import typer

from mlctl import render, settings
from mlctl.envs import cache, docker_records
from mlctl.errors import UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="An environment's key, or a unique prefix of it.")]


@app.command("list")
def list_envs() -> render.Result:
    """List the environments that were built, the last used one first."""
    found = [*cache.list_envs(settings.cache_dir()), *docker_records.records(settings.cache_dir())]
    return _listed(found, empty="No environments have been built. `mlctl run` builds what a project asks for.")


@app.command("show")
def show(key: KeyArgument) -> render.Result:
    """Show an environment: its Python, requirements and packages, and the projects that used it."""
    record = cache.show(settings.cache_dir(), key)
    facts = {
        "environment": record.key,
        "folder": record.folder,
        "status": record.status,
        "python": f"{record.python} ({record.interpreter})" if record.python else "",
        "size": render.size(record.size_bytes),
        "built": f"{render.instant(record.created_ms)} by {record.builder}" if record.builder else render.instant(record.created_ms),
        "last used": render.instant(record.last_used_ms) if record.last_used_ms else "",
    }
    lines = [f"{name:<12} {value}" for name, value in facts.items() if value]
    for title, items in (("projects", record.projects), ("requirements", record.requirements), ("packages", record.packages)):
        lines += ["", title, *(f"  {item}" for item in items)] if items else []
    return render.Result(_data(record), text="\n".join(lines), ids=[record.key])


@app.command("remove")
def remove(keys: Annotated[list[str], typer.Argument(metavar="KEY…", help="Keys of environments, or unique prefixes.")]) -> render.Result:
    """Remove environments; the next run that needs one builds it again."""
    where = settings.cache_dir()
    return _listed([docker_records.remove(where, key) if ":" in key else cache.remove(where, key) for key in keys], what="removed")


@app.command("gc")
def gc(
    older_than: Annotated[
        float | None, typer.Option("--older-than", metavar="DAYS", min=0, help="Also those not used for so long.")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option("--max-size", metavar="SIZE", help="Also those used longest ago, until the rest fits: 500M, 20G.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed; remove nothing.")] = False,
) -> render.Result:
    """Remove what half-finished builds left behind, and on request what nobody used for a while."""
    where, limit = settings.cache_dir(), _bytes(max_size) if max_size else None
    found = cache.gc(where, older_than_days=older_than, max_bytes=limit, dry_run=dry_run)
    found += docker_records.gc(where, older_than_days=older_than, dry_run=dry_run)
    return _listed(found, what="to be removed" if dry_run else "removed", empty="There is nothing to remove.")


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise UsageError(f"--max-size {text!r} is no size.", hint="Write it as 500M or 20G.")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def _listed(records: list[cache.EnvRecord], *, what: str = "", empty: str = "") -> render.Result:
    now = time.time() * 1000
    columns = [
        render.Column("key"),
        render.Column("python", rank=1),
        render.Column("status"),
        render.Column("size", show=render.size, right=True),
        render.Column("last used", show=lambda ms: render.age(now - ms), rank=1, right=True),
        render.Column("packages", rank=2, right=True),
        render.Column("projects", rank=3),
    ]
    rows = [
        [item.key, item.python, what or item.status, item.size_bytes, item.last_used_ms, len(item.packages), ", ".join(item.projects)]
        for item in records
    ]
    return render.Result([_data(item) for item in records], render.Table(columns, rows, empty=empty), ids=[item.key for item in records])


def _data(record: cache.EnvRecord) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(record)
