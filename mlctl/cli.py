"""The command line: the table of commands, the group that imports one only when it is used, and the process's edge.

This is the only place where errors become messages and exit codes.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import typer

    from mlctl.errors import MlctlError
    from mlctl.render import View

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("mlctl.commands.run", "Run an MLproject from a folder or a git repository."),
    "runs": ("mlctl.commands.runs", "List, show, compare, annotate, follow, stop, delete and restore runs."),
    "artifacts": ("mlctl.commands.artifacts", "List, show, download, upload and delete the files of runs."),
    "experiments": ("mlctl.commands.experiments", "List, show, annotate, create, rename, delete and restore experiments."),
    "registry": ("mlctl.commands.registry", "List, show, register, promote, annotate and delete registered models."),
    "models": ("mlctl.commands.models", "List, show, compare and download models, and predict with them."),
    "project": ("mlctl.commands.project", "Make a project, show or check one."),
    "server": ("mlctl.commands.server", "Serve the store to MLflow clients over their REST API."),
    "ui": ("mlctl.commands.ui", "Open the web pages of the store in a browser."),
    "env": ("mlctl.commands.env", "Build, use and export environments; list, show and remove those that were built."),
    "doctor": ("mlctl.commands.doctor", "Check this machine: engines, interpreters, cache and store."),
    "completion": ("mlctl.commands.completion", "Completion for bash, zsh and fish."),
}

SUBCOMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "runs": {
        "compare": ("mlctl.commands.run_compare", "Params and metrics of runs side by side, differing ones first."),
        "rerun": ("mlctl.commands.run_rerun", "Repeat a run from its record: same commit, parameters and packages."),
        "check": ("mlctl.commands.run_check", "Check conditions on a run; exit code 1 if one does not hold."),
        "report": ("mlctl.commands.run_report", "A report of runs, with what changed against a baseline."),
        "diff": ("mlctl.commands.run_diff", "How one run differs from another: values, code, environment, log."),
        "metrics": ("mlctl.commands.run_metrics", "A run's metrics, or the history of some as table or plot."),
        "tag": ("mlctl.commands.run_edit", "Show, set or delete tags of runs."),
        "note": ("mlctl.commands.run_edit", "Show or write a run's note."),
    },
    "env": {
        "build": ("mlctl.commands.env_use", "Build the environment of a project, ahead of its runs."),
        "exec": ("mlctl.commands.env_use", "Run a command in the environment of a project."),
        "shell": ("mlctl.commands.env_use", "Start a shell in the environment of a project."),
        "export": ("mlctl.commands.env_use", "Print the environment of a project as a lock, requirements or a Dockerfile."),
    },
    "models": {
        "compare": ("mlctl.commands.model_compare", "Params, metrics, signature and requirements of models side by side."),
        "predict": ("mlctl.commands.model_predict", "Predict for a file of rows, in the environment that the model names."),
    },
    "project": {
        "init": ("mlctl.commands.project_init", "Make a new project that runs."),
    },
    "registry": {
        "promote": ("mlctl.commands.registry_promote", "Move a version to a stage or an alias, if conditions hold."),
        "alias": ("mlctl.commands.registry_edit", "Point aliases to a version, remove them, show them."),
        "tag": ("mlctl.commands.registry_edit", "Show, set or delete tags of a model or a version."),
        "describe": ("mlctl.commands.registry_edit", "Show or write the description of a model or a version."),
        "delete": ("mlctl.commands.registry_edit", "Delete a version, or a model with all its versions."),
    },
    "experiments": {
        "tag": ("mlctl.commands.experiment_edit", "Show, set or delete tags of an experiment."),
        "note": ("mlctl.commands.experiment_edit", "Show or write an experiment's note."),
    },
}
"""Commands below a noun that are imported when they are used, unlike those that the noun's own module declares."""

HELP = "Run MLproject files fast, and keep what they log."
EPILOG = "mlctl COMMAND --help tells more. Results go to standard output, messages to standard error."


def main(argv: Sequence[str] | None = None) -> int:
    """Run mlctl with these arguments (default: the process's) and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--version"], ["version"]):
        from mlctl.version import __version__

        sys.stdout.write(f"mlctl {__version__}\n")
        return 0
    if arguments[:1] == ["__complete"]:
        return _complete(arguments[1:])
    try:
        return _guarded(arguments)
    except BrokenPipeError:
        return 141


def _complete(arguments: list[str]) -> int:
    """Answer a shell's completion function; whatever goes wrong, there is nothing to complete."""
    from mlctl.commands import completion_answer

    with contextlib.suppress(Exception):
        sys.stdout.write(completion_answer.answer(arguments, _group))
    return 0


def _guarded(arguments: list[str]) -> int:
    from mlctl import render

    view = render.View(output=_asked_output(arguments))
    command = _command_name(arguments)
    try:
        result = _invoke(arguments, view)
        if isinstance(result, render.Result):
            render.show_result(command, result, view)
            return result.exit_code
        return result if isinstance(result, int) else 0
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- the process's edge: whatever happened becomes a message and a code
        told = _as_ours(error)
        with contextlib.suppress(OSError):  # standard output may be what is broken
            render.show_error(command, told, view)
        return told.exit_code


def _as_ours(error: BaseException) -> MlctlError:
    from mlctl.errors import CancelledError, MlctlError

    if isinstance(error, MlctlError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return CancelledError("Interrupted.", signum=2)
    if isinstance(error, OSError):
        return MlctlError(f"The operating system refused: {error}.")
    import traceback

    traceback.print_exception(error)
    return MlctlError(f"This is a defect in mlctl: {error!r}.", hint="Please report it with the lines above.")


def _invoke(arguments: list[str], view: View) -> Any:
    """Run a command. Not by the group's own `main`, which turns Ctrl-C and broken pipes into exits that say nothing."""
    import typer

    click_error = cast("type[Exception]", typer.BadParameter.__mro__[2])  # ClickException, wherever this release of Typer keeps it
    group = _group()
    try:
        with group.make_context("mlctl", arguments, obj=view) as context:
            return group.invoke(context)
    except typer.Exit as stop:
        return stop.exit_code
    except click_error as error:
        raise _usage_error(error) from None
    except typer.Abort:
        raise KeyboardInterrupt from None


def _usage_error(error: Any) -> MlctlError:
    from mlctl.errors import UsageError

    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "mlctl"
    return UsageError(error.format_message(), hint=f"`{path} --help` lists what it takes.")


def _asked_output(arguments: Sequence[str]) -> str:
    """The output format, read ahead of the parser: its own errors must come in that format too."""
    found = os.environ.get("MLCTL_OUTPUT", "")
    for index, word in enumerate(arguments):
        if word == "--":
            break
        if word == "--output" and index + 1 < len(arguments):
            found = arguments[index + 1]
        elif word.startswith("--output="):
            found = word.partition("=")[2]
    return found


def _command_name(arguments: Sequence[str]) -> str:
    names = [word for word in arguments[:2] if not word.startswith("-")]
    if not names or names[0] not in COMMANDS or names[0] == "run":
        names = names[:1]
    return " ".join(names)


def _group() -> Any:
    from typer.core import TyperOption

    version = TyperOption(
        param_decls=["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
    )
    return _lazy_group({}, COMMANDS, _load, name="mlctl", help=HELP, epilog=EPILOG, params=[version])


def _lazy_group(eager: dict[str, Any], lazy: dict[str, tuple[str, str]], load: Callable[[str], Any], **attributes: Any) -> Any:
    """A group with some commands that are there already, and some that ``load`` imports when they are used, not when they are listed."""
    from typer.core import TyperGroup

    class LazyGroup(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
            return [*eager, *lazy]

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
            return _with_shared_options(load(cmd_name)) if cmd_name in lazy else eager.get(cmd_name)

        def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
            rows = [(name, command.get_short_help_str(limit=80)) for name, command in eager.items()]
            with formatter.section("Commands"):
                formatter.write_dl(rows + [(name, text) for name, (_, text) in lazy.items()])

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            self.commands = cast("Any", dict.fromkeys([*eager, *lazy]))  # names alone, for "did you mean"
            return super().resolve_command(ctx, args)

    return LazyGroup(rich_markup_mode=None, no_args_is_help=True, **attributes)


def _show_version(ctx: typer.Context, _param: Any, value: bool) -> None:  # noqa: FBT001 -- the parser's own signature
    if value:
        ctx.exit(main(["--version"]))


def _load(name: str) -> Any:
    import typer

    module = import_module(COMMANDS[name][0])
    command = cast("Any", typer.main.get_command(module.app))
    command.name = name
    command.help = command.help or COMMANDS[name][1]
    if name not in SUBCOMMANDS:
        return command
    eager = {child: _with_shared_options(found) for child, found in command.commands.items()}
    return _lazy_group(eager, SUBCOMMANDS[name], lambda child: _load_below(name, child), name=name, help=command.help)


def _load_below(noun: str, name: str) -> Any:
    import typer

    module = import_module(SUBCOMMANDS[noun][name][0])
    return cast("Any", typer.main.get_group(module.app)).commands[name]


def _with_shared_options(command: Any) -> Any:
    """Give each leaf below ``command`` the options that every command has."""
    from typer.core import TyperOption

    for child in getattr(command, "commands", {}).values():
        _with_shared_options(child)
    if not hasattr(command, "commands"):
        command.params += [
            TyperOption(
                param_decls=["--output"],
                metavar="FORMAT",
                expose_value=False,
                callback=_choose_output,
                help="json, csv, plain, table, or a format of tabulate's (markdown, html, latex, …).",
            ),
            TyperOption(param_decls=["--quiet", "-q"], is_flag=True, expose_value=False, callback=_choose_quiet, help="Print ids only."),
        ]
    return command


def _choose_output(ctx: typer.Context, _param: Any, value: str | None) -> None:
    from mlctl.render import check_format

    view = ctx.find_root().obj
    chosen = value or os.environ.get("MLCTL_OUTPUT", "")  # not what was read ahead: that may have been another option's value
    view.output = check_format(chosen) if chosen else ""


def _choose_quiet(ctx: typer.Context, _param: Any, value: bool) -> None:  # noqa: FBT001 -- the parser's own signature
    ctx.find_root().obj.quiet = value


def _make_streams_safe() -> None:
    """Whatever the caller closed leads nowhere (else the next file would take its place); what cannot be encoded is shown escaped."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            with contextlib.suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 -- positional only
            setattr(sys, name, open(fd, "r" if fd == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    if sys.stdout.errors != "backslashreplace":
        cast("Any", sys.stdout).reconfigure(errors="backslashreplace")


def entry() -> NoReturn:
    """The console script.

    Short-lived as it is, the process does without the garbage collector and without taking itself apart at the end: together that is a
    quarter of the time of a small command. Whatever needs an orderly end (files, the store) has had it when `main` returns.
    """
    gc.disable()
    _make_streams_safe()
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
