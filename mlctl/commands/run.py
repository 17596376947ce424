"""``mlctl run``: run an MLproject. The options are those of ``mlflow run``, and a few more."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mlctl import render, runner, settings
from mlctl.commands import github, lookup, run_events, running
from mlctl.errors import UsageError
from mlctl.planning import RunOptions, plan, planned_variables
from mlctl.projects.params import parse_assignments

app = typer.Typer(rich_markup_mode=None, add_completion=False)

Parameters = Annotated[
    list[str] | None, typer.Option("--param-list", "-P", metavar="NAME=VALUE", help="A parameter of the entry point; repeatable.")
]
Uri = Annotated[str, typer.Argument(metavar="URI", help="A folder, a git repository or a zip file; #sub/dir names a folder inside.")]
EnvFiles = Annotated[
    list[str] | None, typer.Option("--env-file", metavar="FILE", help="A file of variables for the job; repeatable, the last counts.")
]
Version = Annotated[str | None, typer.Option("--version", "-v", metavar="VERSION", help="Branch, tag or commit of a git project.")]
EnvManager = Annotated[str | None, typer.Option(metavar="KIND", help="local, virtualenv (uv), rattler, conda, mamba or micromamba.")]
SystemMetrics = Annotated[
    bool | None, typer.Option("--system-metrics/--no-system-metrics", help="Sample the CPU, memory, disk, network and GPUs.")
]
NoEnvFile = Annotated[bool, typer.Option("--no-env-file", help="Do not read the project's .env file.")]


@app.command()
def run(
    ctx: typer.Context,
    uri: Uri = ".",
    param_list: Parameters = None,
    entry_point: Annotated[str, typer.Option("--entry-point", "-e", metavar="NAME", help="Entry point, or a script.")] = "main",
    version: Version = None,
    experiment_name: Annotated[str | None, typer.Option(metavar="NAME", help="Experiment of the run; made if it is new.")] = None,
    experiment_id: Annotated[str | None, typer.Option(metavar="ID", help="Experiment of the run, by id.")] = None,
    run_name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the run; generated if absent.")] = None,
    env_file: EnvFiles = None,
    no_env_file: NoEnvFile = False,
    env_manager: EnvManager = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="A tag of the run; repeatable.")] = None,
    system_metrics: SystemMetrics = None,
    without_mlflow: Annotated[bool, typer.Option("--without-mlflow", help="Do not install mlflow; `import mlflow` finds mlctl's.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be run; build and record nothing.")] = False,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return at once; the run goes on in the background.")] = False,
    no_type_check: Annotated[bool, typer.Option("--no-type-check", help="Pass parameters on as they are, as MLflow does.")] = False,
    backend: Annotated[str, typer.Option("--backend", "-b", metavar="NAME", help="Where the job runs: local.")] = "local",
    backend_config: Annotated[str | None, typer.Option("--backend-config", "-c", metavar="FILE", help="JSON text or file.")] = None,
    storage_dir: Annotated[str | None, typer.Option(metavar="DIR", help="Where remote `path` parameters are downloaded to.")] = None,
    run_id: Annotated[str | None, typer.Option(metavar="ID", help="Use this run instead of a new one.")] = None,
    docker_args: Annotated[
        list[str] | None,
        typer.Option("--docker-args", "-A", metavar="NAME=VALUE", help="Option of `docker run`, without dashes; repeatable."),
    ] = None,
    build_image: Annotated[bool, typer.Option("--build-image", help="Put the project's code into an image; else it is mounted.")] = False,
    ci: github.CiOption = True,
    events_fd: Annotated[int | None, typer.Option("--events-fd", hidden=True)] = None,
) -> render.Result:
    """Run an MLproject from a folder or a git repository.

    The exit code is the script's own; 120 to 125 are mlctl's, 128+n a signal, 2 a wrong command line.
    """
    ci = ci and events_fd is None
    with github.reporting(ci, "mlctl run") as report, run_events.telling(events_fd) as events:
        _refuse_what_has_no_meaning(backend_config)
        options = RunOptions(
            entry_point=entry_point,
            version=version,
            parameters=parse_assignments(param_list or []),
            experiment_name=experiment_name,
            experiment_id=experiment_id,
            backend=backend,
            env_manager=env_manager,
            storage_dir=storage_dir,
            run_id=_full_run_id(run_id),
            run_name=run_name,
            check_types=not no_type_check,
            without_mlflow=without_mlflow or bool(settings.value("without_mlflow")),
            tags=_tags(tag or []),
            system_metrics=system_metrics,
            env_files=tuple(env_file or ()),
            project_env_file=not no_env_file,
            docker_args=tuple(docker_args or ()),
            build_image=build_image,
        )
        how = _plan if dry_run else _detached if detach else _attached
        return how(uri, options, ctx.find_root().obj, events, report)


def _full_run_id(text: str | None) -> str | None:
    if not text:
        return None
    with lookup.looking() as store:
        return lookup.run_id(store, text)


def _tags(given: list[str]) -> dict[str, str]:
    """Tags from texts of the form ``key=value``; of one that is given twice the last counts, as when a script sets it."""
    pairs = [text.partition("=") for text in given]
    wrong = [text for text, (key, equals, _) in zip(given, pairs, strict=True) if not key or not equals]
    if wrong:
        raise UsageError(f"--tag {wrong[0]!r} is not of the form KEY=VALUE.", hint="Write --tag team=vision; an empty value is --tag team=")
    return {key: value for key, _, value in pairs}


def _refuse_what_has_no_meaning(backend_config: str | None) -> None:
    if backend_config:
        raise UsageError("The local backend takes no --backend-config.", hint="Leave it out: it is the only backend of this version.")


def _attached(uri: str, options: RunOptions, view: render.View, events: run_events.Events, report: github.Report) -> render.Result:
    def tell_id(run_id: str) -> None:
        events.tell("created", run_id=run_id)

    found = running.attached(plan(uri, options, tell=render.tell), view, report=report, on_created=tell_id)
    events.tell("ended", **{name: found.data[name] for name in ("status", "exit_code", "reason")})
    return found


def _detached(uri: str, options: RunOptions, view: render.View, events: run_events.Events, report: github.Report) -> render.Result:
    outcome = runner.run_detached(uri, options, tell=render.tell)
    events.tell("created", run_id=outcome.run_id)
    if not view.machine:
        render.tell(f"run {outcome.run_id[:8]} goes on in the background; `mlctl runs logs -f {outcome.run_id[:8]}` follows it")
    data: dict[str, Any] = {"run_id": outcome.run_id, "experiment_id": outcome.experiment_id, "status": "RUNNING"}
    data["artifact_root"] = outcome.artifact_root
    report.outputs({"run_id": outcome.run_id, "experiment_id": outcome.experiment_id, "status": "RUNNING"})
    return render.Result(data=data, ids=[outcome.run_id], text=outcome.run_id, table=running.row(data) if view.machine else None)


def _plan(uri: str, options: RunOptions, _view: render.View, _events: run_events.Events, _report: github.Report) -> render.Result:
    job = plan(uri, options, tell=render.tell, dry_run=True)
    planned, variables = job.env_plan, planned_variables(job)
    parameters = {name: job.masked(value) for name, value in job.bound.logged.items()}
    data = {
        "project": str(job.project.folder),
        "source": job.source.uri,
        "commit": job.source.commit or (job.facts.commit if job.facts else None),
        "entry_point": job.entry.name,
        "command": job.masked(job.command),
        "parameters": parameters,
        "environment": {name: getattr(planned, name) for name in ("kind", "key", "python", "folder", "built")},
        "requirements": list(planned.requirements),
        "channels": list(planned.channels),
        "variables": variables,
        "container": planned.container,
    }
    lines = [f"{name:<12} {value}" for name, value in data.items() if isinstance(value, str)]
    lines.append(
        f"{'environment':<12} {planned.kind} {planned.key} {'(built)' if planned.built else '(to be built)'} {planned.python}".rstrip()
    )
    lines += [f"  {line}" for line in planned.requirements]
    lines += (
        ["container", *(f"  {name:<12} {value}" for name, value in (planned.container or {}).items() if value)] if planned.container else []
    )
    lines += ["channels", *(f"  {url}" for url in planned.channels)] if planned.channels else []
    lines += ["parameters", *(f"  {name} = {value}" for name, value in parameters.items())]
    lines += ["variables", *(f"  {name}={'(unset)' if value is None else value}" for name, value in variables.items())]
    return render.Result(data=data, text="\n".join(lines), notes=job.notes, table=None)
