"""Looks after one container, as a process of the job: makes it, shows what it prints, passes signals on, says how it ended, removes it.

To `mlctl.worker` this process *is* the job: it has its environment and its streams, it gets its signals, and it ends with its exit code.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl.envs import docker_engine, docker_leftovers, docker_request
from mlctl.errors import EnvError, LaunchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker import DockerClient

    from mlctl.envs.docker_request import Request

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_S = 0.2
_FIRST_LOOK_S = 0.002
_KILLED = 128 + signal.SIGKILL
_HEADER = 8
_NOT_FOUND = (126, 127)
# bash where the image has one, as mlctl and MLflow do outside. The command is an argument, never part of the script.
_SHELL = 'if command -v bash >/dev/null 2>&1; then exec bash -c "$1"; else exec sh -c "$1"; fi'
ALWAYS = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLCTL_TRACKING_URI",
    "MLCTL_TRACKING_TOKEN",
    "NO_PROXY",
    "no_proxy",
    "PYTHONUNBUFFERED",
)
"""What a job has that its container gets, too, besides the names in `docker_request.NAMES_VARIABLE`."""


class Container:
    """One container, from its making to its removal. Use once."""

    def __init__(self, request: Request, command: str, *, cache: Path) -> None:
        self._request = request
        self._command = command
        self._cache = cache
        self._run_id = os.environ.get("MLCTL_RUN_ID", "")
        self._terminal = os.isatty(1) and request.arguments.get("tty", True)
        self._signals: list[int] = []
        self._wake_r, wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        os.set_blocking(wake_w, False)
        signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
        for number in (*_SIGNALS, signal.SIGWINCH):
            signal.signal(number, lambda signum, _frame: self._signals.append(signum))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_SIGNALS, signal.SIGWINCH))
        self._id = ""
        self._has_init = True

    def run(self) -> dict[str, Any]:
        """Run it to its end; returns the verdict.

        Raises:
            EnvError: the engine does not do what it is asked for, or has gone.
        """
        client = docker_engine.connect(self._request.engine)
        mark = docker_leftovers.mark(self._cache, self._run_id, engine=self._request.engine)
        try:
            return self._run(client)
        finally:
            with contextlib.suppress(EnvError):
                if self._id:
                    with docker_engine.told("The container cannot be removed"):
                        docker_leftovers.remove(client, self._id)
                mark.unlink(missing_ok=True)

    def _run(self, client: DockerClient) -> dict[str, Any]:
        with docker_engine.told("The container cannot be made"):
            self._make(client)
        if self._signals:
            return {"exit_code": 128 + self._signals[0], "reason": ""}
        with docker_engine.told(f"The container of the image {self._request.image} cannot be started"):
            stream = client.api.attach_socket(self._id, {"stdout": 1, "stderr": 1, "stream": 1})
            client.api.start(self._id)
        if self._terminal:
            self._signals.append(signal.SIGWINCH)
        with docker_engine.told("The container engine has stopped answering while the job ran"):
            self._show(client, stream)
            state = self._wait(client)
            return self._verdict(client, state)

    def _make(self, client: DockerClient) -> None:
        """With a small first process that passes signals on, if the engine has one: Podman's is a package of its own."""
        from docker.errors import APIError

        try:
            self._id = client.containers.create(self._request.image, **self._arguments()).id or ""
        except APIError as error:
            if "init binary" not in str(error) or "init" in self._request.arguments:
                raise
            self._has_init = False
            self._id = client.containers.create(self._request.image, **self._arguments()).id or ""

    # ── making ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _arguments(self) -> dict[str, Any]:
        request = self._request
        given = dict(request.arguments)
        labels = {**given.pop("labels", {}), docker_leftovers.RUN_LABEL: self._run_id}
        given["tty"] = self._terminal
        given.setdefault("init", self._has_init)
        command = ["/bin/sh", "-c", _SHELL, "mlctl", " ".join([*request.wrapped, self._command])]
        found = {"command": command, "environment": self._environment(), "labels": labels, "mounts": list(request.mounts), "detach": True}
        if request.binds:
            found["volumes"] = list(request.binds)
        return {**given, **found}

    def _environment(self) -> dict[str, str]:
        names = (*ALWAYS, *json.loads(os.environ.get(docker_request.NAMES_VARIABLE, "[]")))
        found = {**self._request.defaults, **{name: os.environ[name] for name in names if name in os.environ}}
        if self._terminal and "TERM" in os.environ:
            found["TERM"] = os.environ["TERM"]
        for name, value in self._request.environment:
            found[name] = os.environ.get(name, "") if value is None else value
        theirs = found.get("PYTHONPATH", "")
        return {**found, "PYTHONPATH": ":".join(filter(None, [self._request.python_path, theirs]))}

    # ── running ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _show(self, client: DockerClient, stream: Any) -> None:
        """Pass on what it prints until it closes its streams."""
        raw = getattr(stream, "_sock", stream)  # over TCP and TLS it is a socket, over a Unix one a reader around it
        raw.settimeout(None)
        rest = b""
        while True:
            self._attend(client)
            ready = select.select([raw, self._wake_r], [], [])[0]
            if self._wake_r in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_r, 512)
            if raw not in ready:
                continue
            chunk = raw.recv(1 << 16)
            if not chunk:
                return
            if self._terminal:
                _write(1, chunk)
            else:
                rest = _unpack(rest + chunk)

    def _attend(self, client: DockerClient) -> None:
        while self._signals:
            signum = self._signals.pop(0)
            if signum == signal.SIGWINCH:
                self._resize(client)
            else:
                self._send(client, signum)

    def _resize(self, client: DockerClient) -> None:
        from docker.errors import APIError

        if self._terminal:
            with contextlib.suppress(APIError, OSError):  # it has ended
                found = os.get_terminal_size(1)
                client.api.resize(self._id, height=found.lines, width=found.columns)

    def _send(self, client: DockerClient, signum: int) -> None:
        """To all processes inside, as to a process group outside; to the first one itself only where it is the job's own."""
        from docker.errors import APIError

        name = signal.Signals(signum).name.removeprefix("SIG")
        try:
            script = f"kill -s {name} -- -1 2>/dev/null || kill -{name} -1"  # shells do not agree on how to write it
            made = client.api.exec_create(self._id, ["/bin/sh", "-c", script], stdout=False, stderr=False)
            client.api.exec_start(made["Id"], detach=True)
            if self._request.arguments.get("init", self._has_init):
                return
        except APIError:  # it has ended, or has no shell
            pass
        with contextlib.suppress(APIError):
            client.api.kill(self._id, signum)

    def _wait(self, client: DockerClient) -> dict[str, Any]:
        """Its state once it has ended: a program may close its streams before."""
        pause = _FIRST_LOOK_S
        while True:
            state: dict[str, Any] = client.api.inspect_container(self._id)["State"]
            if state.get("Status") not in ("created", "running", "paused", "restarting", "removing") or not state.get("Running", False):
                return state
            self._attend(client)
            time.sleep(pause)
            pause = min(_LOOK_S, pause * 2)

    # ── ending ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _verdict(self, client: DockerClient, state: dict[str, Any]) -> dict[str, Any]:
        code = int(state.get("ExitCode", 0))
        if code and state.get("Error"):
            return {
                "exit_code": LaunchError.exit_code,
                "origin": "mlctl",
                "reason": f"the container: {docker_engine.reason(state['Error'])}",
            }
        if state.get("OOMKilled"):
            limit = self._request.arguments.get("mem_limit")
            of = f"its limit of {limit}" if limit else "all that there is"
            return {
                "exit_code": code or _KILLED,
                "reason": f"out of memory: the container used {of} (exit code {code or _KILLED})",
                "told": True,
            }
        lacks = self._lacks(client) if code in _NOT_FOUND else ""
        if lacks:
            return {"exit_code": code, "reason": f"exit code {code}: the image {self._request.image} has no {lacks}", "told": True}
        return {"exit_code": code, "reason": ""}

    def _lacks(self, client: DockerClient) -> str:
        """What the image should have had to run the command; "" where that is something else."""
        if not self._exists(client, "/bin/sh"):
            return "shell (/bin/sh)"
        return "" if self._has_python(client) else "python"

    def _has_python(self, client: DockerClient) -> bool:
        if "python" not in self._command:
            return True
        path = dict(entry.partition("=")[::2] for entry in client.api.inspect_container(self._id)["Config"].get("Env") or ())
        folders = path.get("PATH", "/usr/local/bin:/usr/bin:/bin").split(":")
        wanted = ("python3",) if "python3" in self._command else ("python",)
        return any(self._exists(client, f"{folder}/{name}") for folder in folders for name in wanted)

    def _exists(self, client: DockerClient, path: str) -> bool:
        from docker.errors import APIError

        try:
            stream, _ = client.api.get_archive(self._id, path)
        except APIError:
            return False
        getattr(stream, "close", lambda: None)()
        return True


def _unpack(data: bytes) -> bytes:
    """Write the whole frames of a stream that has standard output and error in one; returns what is left."""
    while len(data) >= _HEADER:
        size = int.from_bytes(data[4:_HEADER], "big")
        if len(data) < _HEADER + size:
            break
        _write(2 if data[0] == 2 else 1, data[_HEADER : _HEADER + size])
        data = data[_HEADER + size :]
    return data


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    with contextlib.suppress(OSError):  # nobody reads any more: the worker ends the job if it is to end
        while view:
            view = view[os.write(fd, view) :]


def main() -> None:
    """As a program: the arguments are the file of a request and, last, the job's command."""
    os._exit(attend(sys.argv))


def attend(argv: Sequence[str]) -> int:
    """Attend to a container; ``argv`` ends as that of `main`. Returns the exit code."""
    path = Path(next(word for word in argv if word.endswith(docker_request.SUFFIX)))
    request = docker_request.read(path)
    verdict_path = docker_request.verdict_path(str(path))
    try:
        verdict = Container(request, argv[-1], cache=path.parent.parent).run()
    except EnvError as error:
        verdict = {"exit_code": LaunchError.exit_code, "origin": "mlctl", "reason": error.message, "told": True}
    if verdict.pop("told", False):
        _write(2, f"mlctl: {verdict['reason']}\n".encode())
    docker_request.write_verdict(verdict_path, verdict)
    return int(verdict["exit_code"])
