"""Running a project: the main path, as a list of steps.

resolve the source → read the MLproject file → bind the parameters → plan the environment → create the run → build the environment →
start the job → record how it ended. Up to "create the run" nothing is recorded; from there on whatever goes wrong ends the run as
FAILED (or KILLED) with the reason.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl import inject, masking, provenance, settings
from mlctl.errors import ExistsError, InterruptedRunError, InvalidValueError, MlctlError, StoreError
from mlctl.jobs import FAILED, KILLED, RUNNING, SCHEDULED, JobSpec, JobState, Streams
from mlctl.launchers import base as launchers
from mlctl.planning import Job, RunOptions, plan
from mlctl.recorder import EXIT_CODE_TAG, REASON_TAG
from mlctl.system_metrics import sampling as system
from mlctl.tracking import owners, stopping
from mlctl.tracking.entities import DELETED, Param, RunInfo, RunTag
from mlctl.tracking.opening import is_remote, open_store
from mlctl.worker import STOP_SIGNALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlctl.envs.base import PreparedEnv
    from mlctl.remote.spool import Spool
    from mlctl.tracking.entities import Run
    from mlctl.tracking.store import TrackingStore


@dataclass(frozen=True)
class Outcome:
    """A run that has ended (or, detached, begun): ``state`` is None while it goes on."""

    run_id: str
    experiment_id: str
    artifact_root: str
    duration_ms: int = 0
    state: JobState | None = None


def run_project(
    uri: str, options: RunOptions, *, streams: Streams, tell: Callable[[str], None], on_created: Callable[[str], None] | None = None
) -> Outcome:
    """Run a project to its end.

    Args:
        uri: a folder, or a git repository, with ``#sub/dir`` where the project is not at its top.
        options: what to run and how.
        streams: where the job's output is shown.
        tell: receives progress, one line at a time.
        on_created: called with the run's id as soon as there is one.

    Raises:
        MlctlError: before a run exists, for anything that is wrong with the request; afterwards with ``run_id`` set, once the run
            has been recorded as FAILED.
    """
    return run_job(plan(uri, options, tell=tell), streams=streams, tell=tell, on_created=on_created)


def run_job(job: Job, *, streams: Streams, tell: Callable[[str], None], on_created: Callable[[str], None] | None = None) -> Outcome:
    """Run what has been planned to its end; arguments and errors are those of `run_project`."""
    for note in job.notes:
        tell(note)
    launch = launchers.find(job.options.backend)
    with contextlib.closing(open_store()) as store:
        run = begin(store, job)
        if on_created is not None:
            on_created(run.info.run_id)
        return execute(store, job, run.info, launch=launch, streams=streams, tell=tell)


def run_detached(uri: str, options: RunOptions, *, tell: Callable[[str], None]) -> Outcome:
    """Start a project's run and return; a process of its own builds the environment and sees the run through.

    Raises:
        MlctlError: for anything that is wrong with the request; no run exists then.
    """
    from mlctl.launchers.local import detach

    job = plan(uri, options, tell=tell)
    for note in job.notes:
        tell(note)
    launch = launchers.find(options.backend)
    with contextlib.closing(open_store()) as store:
        run = begin(store, job)
        place = place_of_files(store, run.info)
        uri_of_store = store.uri

    def see_through(ready: Callable[[], None]) -> None:
        with contextlib.closing(open_store(uri_of_store)) as mine, contextlib.suppress(MlctlError):  # the run holds the reason
            mine.set_owner(run.info.run_id, owners.current())
            ready()
            execute(mine, job, run.info, launch=launch, streams=Streams(), tell=lambda _: None)

    detach(see_through)
    return Outcome(run.info.run_id, run.info.experiment_id, place)


def begin(store: TrackingStore, job: Job) -> Run:
    """Record a new run for a job, owned by this process; or take over the one that ``run_id`` names.

    Raises:
        StoreError: the store, or a value that it would have to hold, does not permit it. No run exists then.
    """
    options = job.options
    tags = [RunTag(key, job.masked(value)) for key, value in provenance.tags(job).items()]
    status = RUNNING if job.env_plan.built else SCHEDULED
    if options.run_id:
        return _taken_over(store, options.run_id, status=status, tags=tags)
    return store.create_run(
        experiment_for(store, options),
        run_name=options.run_name or "",
        user_id=provenance.user(),
        start_time=_now_ms(),
        status=status,
        params=[Param(key, job.masked(value)) for key, value in job.bound.logged.items()],
        tags=tags,
        owner=owners.current(),
    )


def execute(
    store: TrackingStore, job: Job, run: RunInfo, *, launch: launchers.Launch, streams: Streams, tell: Callable[[str], None]
) -> Outcome:
    """Build the environment and run the job of a run that has begun; whatever happens, the run ends.

    Raises:
        MlctlError: with ``run_id`` set; the run is FAILED and holds the reason.
    """
    began = time.monotonic()
    with _recorded(store, run.run_id, job):
        files = _spooled(store, run)
        root = Path(files.files if files is not None else store.artifact_root(run))
        prepared = _prepared(store, job, run, root=root, tell=tell)
        spec = job_spec(job, prepared, run=run, root=root, tracking_uri=store.uri, spool=files.folder if files is not None else "")
        state = launch(spec, streams)
    return Outcome(run.run_id, run.experiment_id, place_of_files(store, run), round((time.monotonic() - began) * 1000), state)


def place_of_files(store: TrackingStore, run: RunInfo) -> str:
    """Where a run's artifacts are: a folder of this machine, or an address."""
    try:
        return store.artifact_root(run)
    except StoreError:
        return run.artifact_uri


def job_spec(job: Job, prepared: PreparedEnv, *, run: RunInfo, root: Path, tracking_uri: str, spool: str) -> JobSpec:
    """Fold a prepared environment and a run into what a launcher starts. In a run of a server, MLflow clients log straight to that."""
    return JobSpec(
        run_id=run.run_id,
        command=job.command,
        cwd=str(job.project.folder),
        tracking_uri=tracking_uri,
        env={
            **inject.job_variables(prepared, run, tracking_uri=tracking_uri, own=job.variables.values),
            **system.job_variables(run.run_id, sampled=job.sampling is not None),
            **({"MLCTL_WITHOUT_MLFLOW": "1"} if job.options.without_mlflow else {}),  # for the projects that it runs itself
        },
        argv_prefix=prepared.argv_prefix,
        log_path=str(root / provenance.FOLDER / provenance.LOG_FILE),
        log_max_bytes=int(settings.number("log_max_bytes")),
        interrupt_grace_s=settings.number("interrupt_grace_s"),
        terminate_grace_s=settings.number("terminate_grace_s"),
        endpoint_argv=() if is_remote(tracking_uri) else (sys.executable, "-m", "mlctl.server.serving"),
        spool=spool,
        system_interval_s=job.sampling.interval_s if job.sampling else 0.0,
        system_samples=job.sampling.samples if job.sampling else 1,
        secrets=job.variables.secrets,
        system_node_id=job.sampling.node_id if job.sampling else "",
        contained=prepared.inside,
        endpoint_host=prepared.endpoint_host,
        endpoint_name=prepared.endpoint_name,
        end_argv=prepared.end_argv,
        attendant=prepared.attendant,
        verdict_path=prepared.verdict_path,
    )


def experiment_for(store: TrackingStore, options: RunOptions) -> str:
    """Id of the experiment that new runs go to: by id, by name (made if it is new), or the default one.

    Raises:
        StoreError: the experiment does not exist, or is deleted.
    """
    by_flag = bool(options.experiment_id or options.experiment_name)
    name = options.experiment_name or ("" if by_flag else settings.value("experiment_name"))
    if name:
        return _experiment_named(store, name)
    experiment_id = options.experiment_id or settings.value("experiment_id") or "0"
    experiment = store.get_experiment(experiment_id)
    if experiment.lifecycle_stage == DELETED:
        raise _deleted(experiment.name)
    return experiment.experiment_id


# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _taken_over(store: TrackingStore, run_id: str, *, status: str, tags: list[RunTag]) -> Run:
    owners.settle(store, now_ms=_now_ms())
    if store.owners([run_id]):
        raise InvalidValueError(f"Run {run_id[:8]} is still going on.", hint=f"`mlctl runs stop {run_id[:8]}` ends it.")
    run = store.get_run(run_id)
    store.log_batch(run_id, tags=tags)  # first: if anything is refused, the run is as it was
    for key in run.data.tags.keys() & {REASON_TAG, EXIT_CODE_TAG}:  # of its last time
        store.delete_tag(run_id, key)
    store.update_run(run_id, status=status)
    store.set_owner(run_id, owners.current())
    return run


def _experiment_named(store: TrackingStore, name: str) -> str:
    found = store.get_experiment_by_name(name)
    if found is None:
        with contextlib.suppress(ExistsError):  # another run made it just now
            return store.create_experiment(name)
        found = store.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage == DELETED:
        raise _deleted(name)
    return found.experiment_id


def _deleted(name: str) -> StoreError:
    return StoreError(f"The experiment {name!r} is deleted.", hint=f"`mlctl experiments restore {name!r}` brings it back.")


def _spooled(store: TrackingStore, run: RunInfo) -> Spool | None:
    """Where mlctl's own files of a run wait for their server; None where they are written to their place.

    Raises:
        StoreError: the run's artifacts are in a place that neither mlctl nor the server can write.
    """
    place = place_of_files(store, run)
    if Path(place).is_absolute() and (not store.shared or place != run.artifact_uri):
        return None
    from mlctl.remote import spool

    store.artifacts(run)
    return spool.create(store.uri, run.run_id)


def _prepared(store: TrackingStore, job: Job, run: RunInfo, *, root: Path, tell: Callable[[str], None]) -> PreparedEnv:
    provenance.write_file(root, provenance.DIFF_FILE, masking.masked_bytes(job.facts.diff if job.facts else b"", job.variables.secrets))
    provenance.write_file(root, provenance.MANIFEST_FILE, job.manifest)
    prepared = job.environment.prepare(tell)
    provenance.write_file(root, provenance.PACKAGES_FILE, "".join(f"{line}\n" for line in prepared.packages).encode())
    provenance.write_file(root, provenance.LOCK_FILE, prepared.lock.encode())
    if prepared.python and prepared.python != job.env_plan.python:
        store.log_batch(run.run_id, tags=[RunTag("mlctl.python", prepared.python)])
    if prepared.tags:
        store.log_batch(run.run_id, tags=[RunTag(key, value) for key, value in prepared.tags.items()])
    if not job.env_plan.built:
        store.update_run(run.run_id, status=RUNNING)
    if inject.is_too_old(prepared.python):
        tell(f"Python {prepared.python} is too old for `import mlctl`; the project runs without it")
    return prepared


class _Stopped(KeyboardInterrupt):
    """A signal that ends the run before its job has started."""

    def __init__(self, signum: int) -> None:
        self.signum = signum


@contextlib.contextmanager
def _recorded(store: TrackingStore, run_id: str, job: Job) -> Iterator[None]:
    """Whatever ends the block early ends the run too, with the reason."""
    with _signals_raised():
        try:
            yield
        except _Stopped as stop:
            _finish(store, run_id, status=KILLED, reason=_why(store, run_id, stop.signum))
            raise InterruptedRunError(stop.signum, run_id=run_id) from None
        except MlctlError as error:
            error.run_id = error.run_id or run_id
            _finish(store, run_id, status=FAILED, reason=job.masked(error.message))
            raise
        except OSError as error:
            _finish(store, run_id, status=FAILED, reason=str(error))
            raise StoreError(f"The run's files cannot be written: {error}.", run_id=run_id) from error


def _why(store: TrackingStore, run_id: str, signum: int) -> str:
    with contextlib.suppress(StoreError):
        if stopping.is_requested(store, run_id):
            return stopping.STOPPED
    return f"ended by {signal.Signals(signum).name} before its job had started"


@contextlib.contextmanager
def _signals_raised() -> Iterator[None]:
    """Until the job runs, a signal ends this process by an exception; the launcher then takes over.

    One is enough: later ones do not disturb the tidying up.
    """

    def stop(signum: int, _frame: object) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise _Stopped(signum)

    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _finish(store: TrackingStore, run_id: str, *, status: str, reason: str) -> None:
    with contextlib.suppress(StoreError):  # the next look at the store settles it
        store.finish_run(run_id, status=status, end_time=_now_ms(), tags=[RunTag(REASON_TAG, reason)], only_owner=owners.current())
        if store.shared:
            _hand_over(store, run_id)


def _hand_over(store: TrackingStore, run_id: str) -> None:
    from mlctl.remote import spool

    left = spool.find(run_id)
    if left is not None:
        left.hand_over(store)


def _now_ms() -> int:
    return int(time.time() * 1000)
