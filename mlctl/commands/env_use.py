"""``mlctl env``: the environment of a project, built, used or written down, without a run."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from mlctl import process, render, settings, surroundings
from mlctl.envs import export as exporting
from mlctl.envs import files
from mlctl.errors import EnvError, UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

Uri = Annotated[str, typer.Argument(metavar="URI", help="A project, as `mlctl run` takes it.")]
Command = Annotated[list[str], typer.Argument(metavar="COMMAND…", help="The command and its arguments.")]
Version = Annotated[str | None, typer.Option("--version", "-v", metavar="VERSION", help="Branch, tag or commit of a git project.")]
Manager = Annotated[str | None, typer.Option("--env-manager", metavar="KIND", help="As for `mlctl run`.")]
WithoutMlflow = Annotated[bool, typer.Option("--without-mlflow", help="Do not install mlflow.")]
EnvFile = Annotated[list[str] | None, typer.Option("--env-file", metavar="FILE", help="A file of variables; repeatable.")]
NoEnvFile = Annotated[bool, typer.Option("--no-env-file", help="Do not read the project's .env file.")]
Format = Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help=f"{', '.join(exporting.FORMATS)}.")]


@app.command("build")
def build(uri: Uri = ".", version: Version = None, env_manager: Manager = None, without_mlflow: WithoutMlflow = False) -> render.Result:
    """Build the environment of a project, ahead of its runs: for the cache of a CI job, or while making an image."""
    found = surroundings.prepare(_request(uri, version, env_manager, without_mlflow=without_mlflow), tell=render.tell)
    prepared, planned = found.prepared, found.plan
    data = {
        "kind": prepared.kind,
        "key": planned.key or os.path.basename(prepared.folder),  # noqa: PTH119 -- "" stays ""
        "python": prepared.python,
        "folder": prepared.folder,
        "was_there": planned.built,
        "packages": list(prepared.packages),
    }
    what = "was there already" if planned.built else "built"
    lines = [f"{data['key']} {what}: {prepared.folder}" if prepared.folder else "Nothing is built for it: it runs in this machine's own."]
    return render.Result(data, text="\n".join(lines), ids=[str(data["key"])] if data["key"] else [])


@app.command("exec", context_settings={"allow_interspersed_args": False})
def execute(
    uri: Uri,
    command: Command,
    version: Version = None,
    env_manager: Manager = None,
    without_mlflow: WithoutMlflow = False,
    env_file: EnvFile = None,
    no_env_file: NoEnvFile = False,
) -> int:
    """Run a command in the environment of a project, in the current folder: mlctl env exec URI -- python -V.

    Options of mlctl stand before URI. The exit code is the command's own.
    """
    wanted = _request(uri, version, env_manager, without_mlflow=without_mlflow, env_file=env_file, no_env_file=no_env_file)
    return _run(surroundings.prepare(wanted, tell=render.tell), command[1:] if command[0] == "--" else command)


@app.command("shell")
def shell(
    uri: Uri = ".",
    version: Version = None,
    env_manager: Manager = None,
    without_mlflow: WithoutMlflow = False,
    env_file: EnvFile = None,
    no_env_file: NoEnvFile = False,
) -> int:
    """Start a shell ($SHELL) in the environment of a project, in the current folder; `exit` leaves it."""
    wanted = _request(uri, version, env_manager, without_mlflow=without_mlflow, env_file=env_file, no_env_file=no_env_file)
    found = surroundings.prepare(wanted, tell=render.tell)
    program = os.environ.get("SHELL") or "/bin/sh"
    if Path(program).name != "bash":
        return _run(found, [program])
    return _run(found, [program, "--rcfile", str(_rc_file(found)), "-i"])


@app.command("export")
def export(
    uri: Uri = ".",
    version: Version = None,
    env_manager: Manager = None,
    without_mlflow: WithoutMlflow = False,
    format_: Format = "lock",
) -> render.Result:
    """Print the environment of a project, built if need be, with every package pinned.

    lock is a python_env.yaml that a project can name, and of a conda environment an explicit list for conda; requirements is for pip;
    dockerfile makes an image with the project in it.
    """
    if format_ not in exporting.FORMATS:
        raise UsageError(f"There is no format {format_!r}.", hint=f"Formats: {', '.join(exporting.FORMATS)}.")
    found = surroundings.prepare(_request(uri, version, env_manager, without_mlflow=without_mlflow), tell=render.tell)
    if found.prepared.lock and format_ == "lock":
        text = found.prepared.lock
        return render.Result({"format": format_, "python": found.prepared.python, "text": text}, text=text.rstrip("\n"))
    frozen = exporting.freeze(found.prepared, project=found.project.folder, requirements=found.plan.requirements)
    of = f"{found.source.uri}{f' at {found.source.commit}' if found.source.commit else ''}"
    text = exporting.write(frozen, format_, comment=f"The environment of {of}, written by `mlctl env export --format {format_}`.")
    data = {"format": format_, "python": frozen.python, "options": list(frozen.options), "requirements": list(frozen.lines), "text": text}
    return render.Result(data, text=text.rstrip("\n"))


def _request(
    uri: str,
    version: str | None,
    env_manager: str | None,
    *,
    without_mlflow: bool,
    env_file: list[str] | None = None,
    no_env_file: bool = False,
) -> surroundings.Request:
    without = without_mlflow or bool(settings.value("without_mlflow"))
    return surroundings.Request(uri, version, env_manager, without, tuple(env_file or ()), not no_env_file)


def _run(found: surroundings.Surroundings, command: list[str]) -> int:
    try:
        return process.converse(found.argv(command), env=found.environment())
    except OSError as error:
        raise EnvError(
            f"{command[0]!r} cannot be run in the environment: {error.strerror}.", hint=f"Its programs: {_programs(found)}"
        ) from None


def _programs(found: surroundings.Surroundings) -> str:
    return ", ".join(found.prepared.path_prefix) or "those of PATH"


def _rc_file(found: surroundings.Surroundings) -> Path:
    """A start-up file for bash: the user's own, whose changes of PATH would hide the environment, and then the environment again."""
    folder = ":".join(found.prepared.path_prefix)
    file = settings.cache_dir() / "shell" / f"{found.plan.key or found.prepared.kind}.bashrc"
    again = f"PATH={shlex.quote(folder)}:$PATH\n" if folder else ""
    files.write(file, f'[ -r ~/.bashrc ] && . ~/.bashrc\n{again}PS1="(mlctl) $PS1"\n')
    return file
