"""What is to be run: a project resolved and checked, before anything is built or recorded. This is all of ``--dry-run``."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl import inject, masking, settings, variables
from mlctl.envs import selection
from mlctl.envs.base import Lockable
from mlctl.errors import UsageError
from mlctl.jobs import RUNNING
from mlctl.launchers import base as launchers
from mlctl.projects import git, manifest, params, source, spec
from mlctl.projects.command import render
from mlctl.system_metrics import sampling as system
from mlctl.tracking.entities import RunInfo
from mlctl.tracking.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlctl.envs.base import Environment, EnvPlan


@dataclass(frozen=True)
class RunOptions:
    """How a project is run; the names and meanings are those of ``mlflow run``.

    ``diff``, ``lock`` and ``caller_folder`` repeat a run: uncommitted changes of its version, exact packages (``name==version``) of its
    environment, and where relative ``path`` parameters start ("": the current folder).
    """

    entry_point: str = "main"
    version: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    experiment_name: str | None = None
    experiment_id: str | None = None
    backend: str = "local"
    env_manager: str | None = None
    storage_dir: str | None = None
    run_id: str | None = None
    run_name: str | None = None
    check_types: bool = True
    without_mlflow: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    system_metrics: bool | None = None
    env_files: tuple[str, ...] = ()
    project_env_file: bool = True
    diff: bytes = b""
    lock: tuple[str, ...] = ()
    caller_folder: str = ""
    docker_args: tuple[str, ...] = ()
    build_image: bool = False


@dataclass(frozen=True)
class Job:
    """A project resolved and checked, ready to be recorded and run. Nothing has been built or written for it."""

    options: RunOptions
    source: source.Source
    project: spec.Project
    entry: spec.EntryPoint
    bound: params.BoundParams
    command: str
    environment: Environment
    env_plan: EnvPlan
    facts: git.GitFacts | None
    notes: tuple[str, ...] = ()
    sampling: system.Sampling | None = None
    variables: variables.Variables = field(default_factory=variables.Variables)
    manifest: bytes = b""

    def masked(self, text: str) -> str:
        """A text as it may be recorded and shown: without values of secret variables."""
        return masking.masked(text, self.variables.secrets)


def plan(uri: str, options: RunOptions, *, tell: Callable[[str], None], dry_run: bool = False) -> Job:
    """Resolve and check everything that can be known before a run is recorded.

    Raises:
        MlctlError: something is wrong with the source, the project, a parameter or the environment.
    """
    if options.experiment_id and options.experiment_name:
        raise UsageError("Both --experiment-id and --experiment-name were given.", hint="Give one of them.")
    launchers.find(options.backend)
    sampling = _sampling(options)
    here = Path(options.caller_folder) if options.caller_folder else _current_folder()
    cache = settings.cache_dir()
    found = source.resolve(uri, version=options.version, tell=tell, cache=cache, diff=options.diff)
    pending = git.facts(found.folder) if found.digest is None else git.PendingFacts(None, "")
    project = spec.load(found.folder)
    entry = spec.entry_point(project, options.entry_point)
    storage = settings.value("storage_dir", flag=options.storage_dir)
    bound = params.bind(
        entry,
        options.parameters,
        caller_folder=here,
        project_folder=project.folder,
        check_types=options.check_types,
        storage_folder=Path(storage) if storage else None,
        fetch=_not_fetched if dry_run else None,
    )
    own = variables.collect(project.folder, [here / name for name in options.env_files], with_project=options.project_env_file)
    containers = selection.Containers(options.docker_args, options.build_image, lambda: inject.bundle_folder(cache), own.values)
    environment = selection.choose(
        project, env_manager=options.env_manager, cache=cache, without_mlflow=options.without_mlflow, containers=containers
    )
    if options.lock and isinstance(environment, Lockable):
        environment.lock(options.lock)
    planned = environment.plan()
    findings = map(str, spec.findings_of(project, entry))
    notes = (*findings, *bound.notes, *planned.notes, *own.notes)
    command, facts = render(entry, bound), pending.result()
    files = manifest.of(found.folder) if found.in_place and facts is None and not dry_run else b""
    return Job(options, found, project, entry, bound, command, environment, planned, facts, notes, sampling, own, files)


def _sampling(options: RunOptions) -> system.Sampling | None:
    """How system metrics are sampled; None where they are not wanted."""
    on = options.system_metrics if options.system_metrics is not None else settings.switch("system_metrics")
    return None if on is False else system.sampling()


def _not_fetched(uri: str, _index: int) -> str:
    """A dry run downloads nothing: the command shows the address."""
    return uri


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("The current folder does not exist any more.", hint="Change to one that does.") from None


def planned_variables(job: Job) -> dict[str, str | None]:
    """Variables that the job would get, as far as they are known before there is a run."""
    with contextlib.closing(open_store(create=False)) as store:
        uri = store.uri
    run = RunInfo("(its run)", "(its experiment)", "", RUNNING, 0, None)
    found = {**dict.fromkeys(sorted(job.variables.values), masking.MASK), **inject.run_variables(run, tracking_uri=uri)}
    name = "CONDA_PREFIX" if job.env_plan.kind == "conda" else "VIRTUAL_ENV"
    return {**found, name: job.env_plan.folder} if job.env_plan.folder else found
