"""Repeating a run from its record: the same code, parameters, entry point and packages, and what could not be made the same."""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl import masking, provenance, settings
from mlctl.envs.base import Lockable
from mlctl.errors import InvalidValueError, MlctlError, NotFoundError, ParameterError, SourceError, StoreError
from mlctl.planning import RunOptions
from mlctl.projects import manifest, source, spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlctl.planning import Job
    from mlctl.projects.source import Source
    from mlctl.tracking.entities import Run
    from mlctl.tracking.store import TrackingStore

OF_TAG = "mlctl.rerun.of"
DIFFERENT_TAG = "mlctl.rerun.different"
_COMMIT = "mlflow.source.git.commit"
_MOST_BYTES = 16 << 20
_MOST_NAMED = 6
_SOLVING_ANEW = ("conda", "mamba", "micromamba")  # what is installed makes of a file what it will


@dataclass(frozen=True)
class Repeat:
    """What repeats a run: a project and how it is run. ``different`` says what is known to be another."""

    run: Run
    uri: str
    options: RunOptions
    packages: tuple[str, ...]
    different: tuple[str, ...]


@dataclass(frozen=True)
class Wishes:
    """What the new run shall have of its own; None: as it was, or generated. ``parameters`` replace those of the same name."""

    parameters: Mapping[str, str]
    run_name: str | None = None
    experiment_name: str | None = None
    with_lock: bool = True
    env_files: tuple[str, ...] = ()


def repeat(store: TrackingStore, run: Run, wishes: Wishes, *, tell: Callable[[str], None]) -> Repeat:
    """Find again what a run was made of.

    Raises:
        InvalidValueError: `mlctl run` did not make it.
        SourceError: its code is lost.
    """
    tags = run.data.tags
    if tags.get("mlflow.source.type") != "PROJECT" or not tags.get("mlflow.source.name"):
        raise InvalidValueError(f"Run {_short(run)} is not a project's: only what `mlctl run` has run can be repeated from its record.")
    diff = _read(store, run, provenance.DIFF_FILE)
    uri, found = _source(run, diff, tell=tell)
    packages = tuple(_read(store, run, provenance.PACKAGES_FILE).decode("utf-8", "replace").split("\n"))
    packages = tuple(line for line in packages if re.fullmatch(r"[\w.-]+==[\w.!+-]+", line))
    lock = tuple(_read(store, run, provenance.LOCK_FILE).decode("utf-8", "replace").splitlines())
    entry = tags.get("mlflow.project.entryPoint", "main")
    parameters = {**_parameters(run, found, entry), **_anchored(wishes.parameters, found, entry)}
    masked = [name for name, value in parameters.items() if masking.MASK in value and name not in wishes.parameters]
    if masked:
        hint = " ".join(f"-P {name}=…" for name in masked)
        raise ParameterError(f"Parameters of run {_short(run)} hold secrets, which are not recorded: {', '.join(masked)}.", hint=hint)
    options = RunOptions(
        entry_point=entry,
        version=tags.get(_COMMIT),
        parameters=parameters,
        experiment_id=None if wishes.experiment_name else run.info.experiment_id,
        experiment_name=wishes.experiment_name,
        env_manager=_manager(tags),
        run_name=wishes.run_name,
        check_types=False,
        diff=diff if tags.get(_COMMIT) else b"",
        lock=(lock or packages) if wishes.with_lock else (),
        env_files=tuple(str(Path(name).absolute()) for name in wishes.env_files),
        caller_folder=tags.get("mlctl.caller", ""),
        docker_args=tuple(json.loads(tags.get("mlctl.docker.args", "[]"))),
        build_image="mlctl.docker.build" in tags,
    )
    different = (*_about_source(store, run, found, diff), *_about_machine(run), *_about_lock(run, packages, asked=wishes.with_lock))
    return Repeat(run, uri, options, packages, different)


def _manager(tags: Mapping[str, str]) -> str | None:
    """The word of --env-manager that the run had; a container is what its project asks for."""
    found = tags.get("mlctl.env.manager") or tags.get("mlflow.project.env", "system")
    return None if found == "docker" else found


def about_environment(repeat: Repeat, job: Job) -> Iterator[str]:
    """How the environment that has been planned differs from the run's."""
    then, now = repeat.run.data.tags.get("mlctl.python", ""), job.env_plan.python
    if then and now and then != now:
        yield f"it ran with Python {then}, and this is {now}"
    missing = sorted({*filter(None, repeat.run.data.tags.get("mlctl.variables", "").split(", "))} - {*job.variables.values})
    if missing:
        yield f"variables that a file had set are not set: {', '.join(missing)} (their values are not recorded; see --env-file)"
    if not repeat.packages or isinstance(job.environment, Lockable):
        return
    if job.env_plan.kind == "system" or job.env_plan.built:
        yield from _package_changes(repeat.packages, job.environment.prepare(lambda _: None).packages)
    else:
        yield f"the {job.env_plan.kind} environment is solved anew from the project's files; `mlctl runs diff` shows what came of that"


def _package_changes(then: tuple[str, ...], now: tuple[str, ...]) -> Iterator[str]:
    old, new = (dict(line.split("==", 1) for line in lines) for lines in (then, now))
    found = [f"{name} {old[name]}, now {new.get(name, 'absent')}" for name in sorted(old) if new.get(name) != old[name]]
    if found:
        more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        yield f"the environment has other packages: {'; '.join(found[:_MOST_NAMED])}{more}"


# ── code ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _source(run: Run, diff: bytes, *, tell: Callable[[str], None]) -> tuple[str, Source]:
    """The project and the address that led to it: where it came from, else the repository's remote.

    Raises:
        SourceError: it is nowhere, or its uncommitted changes do not apply.
    """
    commit, cache = run.data.tags.get(_COMMIT), settings.cache_dir()
    reasons = []
    for uri in _addresses(run):
        try:
            return uri, source.resolve(uri, version=commit, tell=tell, cache=cache, diff=diff if commit else b"")
        except SourceError as error:
            reasons.append(error.message)
            if "do not apply" in error.message:
                break
    if commit is None:
        raise SourceError(f"The project of run {_short(run)} is lost, and it was in no git repository. {reasons[0]}")
    if "do not apply" in reasons[-1]:
        raise SourceError(f"Run {_short(run)} cannot be repeated. {reasons[-1]}")
    hint = "A clone that still has the commit can be run: mlctl run CLONE --version " + commit[:12]
    raise SourceError(f"Commit {commit[:12]} of run {_short(run)} is lost.\n" + "\n".join(f"  {each}" for each in reasons), hint=hint)


def _addresses(run: Run) -> Iterator[str]:
    name, remote = run.data.tags["mlflow.source.name"], run.data.tags.get("mlflow.source.git.repoURL")
    yield name
    base, _, subdir = name.partition("#")
    if remote and remote != base:
        yield f"{remote}#{subdir}" if subdir else remote


def _about_source(store: TrackingStore, run: Run, found: Source, diff: bytes) -> Iterator[str]:
    tags = run.data.tags
    if tags.get(_COMMIT):
        untracked = tags.get("mlctl.git.untracked")
        if untracked:
            yield f"files that git did not track are not recorded: {untracked}"
        elif tags.get("mlctl.git.dirty") == "true" and not diff:
            yield "there were uncommitted changes, which are not recorded"
        if tags.get("mlctl.git.diff.note"):
            yield f"not all uncommitted changes are recorded: {tags['mlctl.git.diff.note']}"
        return
    if tags.get("mlctl.source.sha256"):  # of a zip file
        if getattr(found, "digest", None) != tags["mlctl.source.sha256"]:
            yield "the zip file has changed since"
        return
    recorded = _read(store, run, provenance.MANIFEST_FILE)
    if not recorded:
        yield "the project's folder is in no git repository, and its files were not recorded: nobody knows whether they have changed since"
        return
    names = manifest.changed(found.folder, recorded)
    if names:
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        yield f"the project's folder is in no git repository and has changed since: {', '.join(names[:_MOST_NAMED])}{more}"


def _about_machine(run: Run) -> Iterator[str]:
    host, system = run.data.tags.get("mlctl.host"), run.data.tags.get("mlctl.platform")
    if host and host != os.uname().nodename:
        yield f"it ran on {host}, and this is {os.uname().nodename}"
    if system and system != provenance.platform():
        yield f"it ran on {system}, and this is {provenance.platform()}"


def _about_lock(run: Run, packages: tuple[str, ...], *, asked: bool) -> Iterator[str]:
    if not asked:
        yield "packages are those that the project's files allow now (--no-lock)"
    elif not packages and run.data.tags.get("mlflow.project.env"):
        yield "the packages of its environment are not recorded: it is built from the project's files anew"
    elif (manager := run.data.tags.get("mlctl.env.manager", "")) in _SOLVING_ANEW:
        yield f"where its environment is gone, {manager} solves it anew: it cannot be told the recorded packages"


# ── parameters ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _parameters(run: Run, found: Source, entry_point: str) -> dict[str, str]:
    """The parameters that the command was given, of all that the run has: a script logs others itself."""
    params = run.data.params
    with contextlib.suppress(KeyError, ValueError):
        names = json.loads(run.data.tags["mlctl.parameters"])
        return {name: params[name] for name in names if name in params}
    command = run.data.tags.get("mlctl.command", "")
    declared = spec.entry_point(spec.load(found.folder), entry_point).parameters
    return {name: value for name, value in params.items() if name in declared or f"--{name} " in command}


def _anchored(given: Mapping[str, str], found: Source, entry_point: str) -> dict[str, str]:
    """New values; a relative path starts at the current folder, although the recorded ones start elsewhere."""
    if not given:
        return {}
    declared = spec.entry_point(spec.load(found.folder), entry_point).parameters
    values = dict(given)
    for name, value in given.items():
        if name in declared and declared[name].type == "path" and Path(value).exists():
            values[name] = str(Path(value).absolute())
    return values


def _read(store: TrackingStore, run: Run, name: str) -> bytes:
    """One of mlctl's own files of a run; empty where there is none, or where it cannot be read."""
    found = bytearray()
    try:
        for piece in store.artifacts(run.info).read(f"{provenance.FOLDER}/{name}"):
            found += piece
            if len(found) > _MOST_BYTES:
                return b""
    except (NotFoundError, StoreError):
        return b""
    return bytes(found)


def _short(run: Run) -> str:
    return run.info.run_id[:8]


def with_lock_in_mind(error: MlctlError, repeat: Repeat) -> MlctlError:
    """An error of building the environment, with what to do where the lock is to blame."""
    if repeat.options.lock and error.exit_code == 123:
        error.message = f"The packages of run {_short(repeat.run)} cannot be installed again. {error.message}"
        error.hint = "--no-lock takes what the project's files allow now."
    return error
