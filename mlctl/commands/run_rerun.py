"""``mlctl runs rerun``: repeat a run from its record."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from mlctl import planning, render, rerun
from mlctl.commands import github, lookup, running
from mlctl.errors import EnvError
from mlctl.projects.params import parse_assignments

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("rerun")
def rerun_run(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, a unique prefix of it, @last or @last~1.")],
    param_list: Annotated[
        list[str] | None, typer.Option("--param-list", "-P", metavar="NAME=VALUE", help="A parameter with another value; repeatable.")
    ] = None,
    experiment_name: Annotated[str | None, typer.Option(metavar="NAME", help="Another experiment; made if it is new.")] = None,
    run_name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the new run; generated if absent.")] = None,
    env_file: Annotated[
        list[str] | None, typer.Option("--env-file", metavar="FILE", help="A file of variables for the job; repeatable, the last counts.")
    ] = None,
    lock: Annotated[
        bool, typer.Option("--lock/--no-lock", help="Exactly the recorded packages, or what the project's files allow.")
    ] = True,
    ci: github.CiOption = True,
) -> render.Result:
    """Repeat a run: same commit and uncommitted changes, parameters, entry point and packages.

    The code is checked out in a folder of its own: your working tree stays as it is. What could not be made the same is told, and kept in
    the new run's tag `mlctl.rerun.different`. The exit code is the script's own, as with `mlctl run`.
    """
    wishes = rerun.Wishes(parse_assignments(param_list or []), run_name, experiment_name, lock, tuple(env_file or ()))
    with github.reporting(ci, "mlctl runs rerun") as report:
        with lookup.looking() as store:
            found = rerun.repeat(store, store.get_run(lookup.run_id(store, run)), wishes, tell=render.tell)
        try:
            job = planning.plan(found.uri, found.options, tell=render.tell)
            different = [*found.different, *rerun.about_environment(found, job)]
            for remark in different:
                render.tell(f"not the same: {remark}")
            tags = {rerun.OF_TAG: found.run.info.run_id, **({rerun.DIFFERENT_TAG: "\n".join(different)} if different else {})}
            job = replace(job, options=replace(job.options, tags=tags))
            return running.attached(job, ctx.find_root().obj, report=report)
        except EnvError as error:
            raise rerun.with_lock_in_mind(error, found) from None
