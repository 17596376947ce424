"""``projects.run``: a training script starts the run of a project, which is `mlctl run` in a process of its own.

The command tells of the run on a descriptor of its own (``--events-fd``), one line of JSON for each event: ``created``, ``ended`` or
``failed``. It stays in the script's process group, so that Ctrl-C and whoever ends the script reach it, too.
"""

import atexit
import contextlib
import json
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Optional, Union

from mlctl import process, settings
from mlctl.errors import ExecutionError
from mlctl.jobs import FAILED, FINISHED, KILLED, RUNNING
from mlctl.tracking import current, fluent, fluent_experiments, opening
from mlctl.tracking.entities import PARENT_TAG

if TYPE_CHECKING:
    import subprocess

_GIVEN = Mapping[str, Any]


class SubmittedRun:
    """A project's run that was started from here; `run` makes it."""

    def __init__(self, popen: "subprocess.Popen[bytes]", events: "_Events") -> None:
        self._popen = popen
        self._events = events
        self._pid = os.getpid()

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self._events.seen["created"]["run_id"])

    def wait(self) -> bool:
        """Wait for the end; whether the run is FINISHED. An interrupt (Ctrl-C) ends the run, too."""
        try:
            self._popen.wait()
        except KeyboardInterrupt:
            self.cancel()
            raise
        return self.get_status() == FINISHED

    def get_status(self) -> str:
        """RUNNING, FINISHED, FAILED or KILLED."""
        if self._popen.poll() is None:
            return RUNNING
        self._events.close()
        if "ended" in self._events.seen:
            return str(self._events.seen["ended"]["status"])
        return KILLED if self._error().get("code") == "CANCELLED" else FAILED

    def cancel(self) -> None:
        """End the run as KILLED, with whatever it has started, and wait for that; nothing happens to one that has ended."""
        if self._popen.poll() is None:
            process.send(signal.SIGTERM, pids=[self._popen.pid])
            self._popen.wait()

    def _error(self) -> Dict[str, Any]:
        return self._events.seen.get("failed", {})

    def _failure(self) -> ExecutionError:
        """Why it has not finished, as an error to raise."""
        status, error = self.get_status(), self._error()
        reason = error.get("message") or self._events.seen.get("ended", {}).get("reason") or "its mlctl process was killed"
        return ExecutionError(f"Run {self.run_id} is {status}: {reason}", hint=error.get("hint", ""), run_id=self.run_id)

    def _is_mine(self) -> bool:
        """Whether this process started it, and not one that this process was forked from."""
        return self._pid == os.getpid()


def run(
    uri: str,
    entry_point: str = "main",
    version: Optional[str] = None,
    parameters: Optional[_GIVEN] = None,
    docker_args: Optional[_GIVEN] = None,
    experiment_name: Optional[str] = None,
    experiment_id: Optional[str] = None,
    backend: str = "local",
    backend_config: Union[str, _GIVEN, None] = None,
    storage_dir: Optional[str] = None,
    synchronous: bool = True,  # noqa: FBT001, FBT002 -- MLflow's signature
    run_id: Optional[str] = None,
    run_name: Optional[str] = None,
    env_manager: Optional[str] = None,
    build_image: bool = False,  # noqa: FBT001, FBT002
    docker_auth: Optional[_GIVEN] = None,
) -> SubmittedRun:
    """Run a project from a folder or a git repository, as a child of the active run if there is one.

    With ``synchronous=False`` it returns as soon as the run exists, what the project prints is only kept in the run's log, and the
    script's end waits for the run's.

    Raises:
        ExecutionError: the project cannot be run, or (synchronous) its run has not finished; its ``run_id`` says whether there is a run.
    """
    options: Dict[str, Any] = {
        "entry-point": entry_point,
        "version": version,
        "param-list": _assignments(parameters),
        "docker-args": [name if value is True else f"{name}={value}" for name, value in (docker_args or {}).items()],
        "experiment-name": experiment_name,
        "experiment-id": experiment_id if experiment_id or experiment_name else _experiment(),
        "backend": backend,
        "backend-config": json.dumps(backend_config) if isinstance(backend_config, Mapping) else backend_config,
        "storage-dir": storage_dir,
        "run-id": run_id,
        "run-name": run_name,
        "env-manager": env_manager,
        "tag": [] if run_id else _parent(),
    }
    submitted = _submit([*_flags(options), *(["--build-image"] if build_image else [])], uri, shown=synchronous, docker_auth=docker_auth)
    if not synchronous:
        _unfinished.append(submitted)
    elif not submitted.wait():
        raise submitted._failure()  # noqa: SLF001
    return submitted


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


def command() -> List[str]:
    """The argument list that starts mlctl: inside a job the one that runs the job, else that of this environment."""
    told = settings.value("command")
    return list(map(str, json.loads(told))) if told else [sys.executable, "-m", "mlctl"]


def _assignments(given: Optional[_GIVEN]) -> List[str]:
    return [f"{name}={value}" for name, value in (given or {}).items()]


def _flags(options: _GIVEN) -> List[str]:
    """Options as words of the command line, each in one, so that no value is taken for an option."""
    found: List[str] = []
    for name, value in options.items():
        found += [f"--{name}={item}" for item in (value if isinstance(value, list) else [value]) if item is not None]
    return found


def _experiment() -> Optional[str]:
    """The experiment that this script's own new runs go to."""
    return fluent_experiments.current_id()


def _parent() -> List[str]:
    active = fluent.active_run()
    return [f"{PARENT_TAG}={active.info.run_id}"] if active is not None else []


def _store_uri() -> str:
    """The script's own store: an address with the credentials in it, a file's without any dependence on the current folder."""
    address = current.address()
    return address if opening.is_far(address) else current.current_store().uri


def _submit(flags: List[str], uri: str, *, shown: bool, docker_auth: Optional[_GIVEN]) -> SubmittedRun:
    """Start the command and wait until it has made the run.

    Raises:
        ExecutionError: it ended without one.
    """
    events_r, events_w = os.pipe()
    argv = [*command(), "run", f"--events-fd={events_w}", *flags, "--", str(uri)]
    output = None if shown else process.NOTHING
    env = {"MLCTL_TRACKING_URI": _store_uri(), "MLCTL_OUTPUT": None}
    if docker_auth:
        env["MLCTL_DOCKER_AUTH"] = json.dumps(dict(docker_auth))  # no argument: those can be seen by all
    try:
        popen = process.start_beside(argv, env=env, stdout=output, stderr=output, keep_fds=(events_w,))
    except OSError as error:
        os.close(events_r)
        raise ExecutionError(f"mlctl cannot be started: {error}.", hint="MLCTL_COMMAND names it, as a JSON list of words.") from error
    finally:
        os.close(events_w)
    events = _Events(events_r)
    try:
        events.wait_for("created")
    except KeyboardInterrupt:
        SubmittedRun(popen, events).cancel()
        events.close()
        raise
    if "created" in events.seen:
        return SubmittedRun(popen, events)
    code = popen.wait()
    events.close()
    failed = events.seen.get("failed", {})
    raise ExecutionError(failed.get("message") or f"mlctl ended with exit code {code}.", hint=failed.get("hint", ""))


class _Events:
    """What a command tells on its descriptor, by the name of the event."""

    def __init__(self, fd: int) -> None:
        self.seen: Dict[str, Dict[str, Any]] = {}
        self._fd = fd
        self._rest = b""
        self._lock = threading.Lock()
        self._open = True

    def wait_for(self, name: str) -> None:
        """Read until there was such an event, or until there can be no more."""
        while name not in self.seen and self._read():
            pass

    def close(self) -> None:
        """Read what is left, once the command has ended."""
        with self._lock:
            if not self._open:
                return
            os.set_blocking(self._fd, False)  # another process may hold the other end still
            with contextlib.suppress(BlockingIOError):
                while self._read():
                    pass
            os.close(self._fd)
            self._open = False

    def _read(self) -> bool:
        chunk = os.read(self._fd, 1 << 16)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            found = json.loads(line)
            self.seen[found["event"]] = found
        return bool(chunk)


# ── the script's end ─────────────────────────────────────────────────────────────────────────────────────────────────

_unfinished: List[SubmittedRun] = []


@atexit.register
def _end_with_script() -> None:
    """The script's end waits for the runs that it did not wait for; one that was interrupted ends them."""
    mine = [submitted for submitted in _unfinished if submitted._is_mine()]  # noqa: SLF001
    if issubclass(getattr(sys, "last_type", None) or Exception, KeyboardInterrupt):
        _cancel(mine)
        return
    try:
        for submitted in mine:
            submitted.wait()
    except KeyboardInterrupt:
        _cancel(mine)


def _cancel(submitted: Iterable[SubmittedRun]) -> None:
    for each in submitted:
        each.cancel()
