"""``mlctl project init``: a new project that runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from mlctl import render
from mlctl.errors import UsageError
from mlctl.projects import skeleton

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.callback()
def project() -> None:
    """Projects."""


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The project's folder, made if need be.")] = Path(),
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name of the project; the folder's if absent.")] = None,
    env: Annotated[
        str, typer.Option("--env", metavar="KIND", help="virtualenv, conda, docker, or system: the Python that is first on PATH.")
    ] = "virtualenv",
) -> render.Result:
    """Make a new project that runs: MLproject, environment, a script that logs, its test, README. Nothing is overwritten."""
    if env not in skeleton.KINDS:
        raise UsageError(f"There is no kind of environment {env!r} for a new project.", hint=f"Kinds: {', '.join(skeleton.KINDS)}.")
    where = folder.absolute()
    made = skeleton.make(where, name=" ".join((name or where.name or "project").split()), kind=env)
    lines = [*(str(path.relative_to(where)) for path in made), "", f"Run it: mlctl run {shlex.quote(str(folder))}"]
    return render.Result({"folder": str(where), "files": [path.name for path in made]}, text="\n".join(lines), ids=[str(where)])
