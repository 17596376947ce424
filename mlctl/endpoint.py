"""A run's own address for MLflow clients: open before the job starts, served only once somebody calls.

The listening socket costs a job nothing. With the first connection a server is started on it, in a process of its own, which takes only
this run's token and ends with the run. `mlctl.worker` watches the socket; the server itself is not part of the bundle.
"""

import errno
import os
import signal
import socket
import sys
import time
from typing import Dict, List, NamedTuple, Optional, Sequence

from mlctl import process
from mlctl.jobs import JobSpec
from mlctl.tracking import opening

TOKEN_VARIABLE = "MLCTL_ENDPOINT_TOKEN"  # noqa: S105 -- a variable's name
STORE_VARIABLE = "MLCTL_ENDPOINT_STORE"
ADDRESS_VARIABLE = "MLCTL_ENDPOINT_ADDRESS"
RUN_VARIABLE = "MLCTL_ENDPOINT_RUN"
USER = "mlctl"
LOOPBACK = "127.0.0.1"
_IP_FREEBIND = 15
_BACKLOG = 128
_STARTS = 3
_STOP_S = 5.0
_POLL_S = 0.02


class Place(NamedTuple):
    """Where a run listens: an address of this machine, what the job calls it, and whether the job has this machine's files at all."""

    host: str = LOOPBACK
    name: str = LOOPBACK
    contained: bool = False


def place_for(spec: JobSpec) -> Place:
    """The loopback, or for a job in a container an address that it can reach."""
    host = spec.endpoint_host or LOOPBACK
    return Place(host, spec.endpoint_name or host, spec.contained)


class RunEndpoint:
    """The address of one run. ``server_argv`` is the command that serves a listening socket whose descriptor is its last argument.

    It listens at a `Place`.
    """

    def __init__(self, server_argv: Sequence[str], *, store_uri: str, run_id: str, place: Optional[Place] = None) -> None:
        self._argv = list(server_argv)
        self._store_uri = store_uri
        self._run_id = run_id
        self._token = os.urandom(24).hex()
        self._starts_left = _STARTS
        self.pid: Optional[int] = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._place = place or Place()
        self._bind()
        self._socket.listen(_BACKLOG)

    def _bind(self) -> None:
        """Also to the address of a bridge that comes up with its first container (Podman's): Linux lets a socket wait for it."""
        try:
            self._socket.bind((self._place.host, 0))
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL or not sys.platform.startswith("linux"):
                raise
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
            self._socket.bind((self._place.host, 0))

    def fileno(self) -> int:
        """Descriptor of the listening socket; readable when a client knocks."""
        return self._socket.fileno()

    def variables(self, environ: Dict[str, str]) -> Dict[str, Optional[str]]:
        """What the job is told, so that any MLflow client in it finds its way here, and past any proxy.

        The user name and password are there because a client prefers those to the token, and may have others in its credentials file.
        """
        direct = [name for name in (environ.get("NO_PROXY") or environ.get("no_proxy") or "").split(",") if name]
        no_proxy = ",".join([*direct, self._place.name])
        address = f"http://{self._place.name}:{self._socket.getsockname()[1]}"
        return {
            "MLFLOW_TRACKING_URI": address,
            **(
                self._instead_of_database(address)
                if self._place.contained or opening.is_database(self._store_uri)
                else self._beside_file(address)
            ),
            "MLFLOW_TRACKING_TOKEN": self._token,
            "MLFLOW_TRACKING_USERNAME": USER,
            "MLFLOW_TRACKING_PASSWORD": self._token,
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }

    def _beside_file(self, address: str) -> Dict[str, Optional[str]]:
        """Scripts that log through mlctl open the store itself."""
        return {ADDRESS_VARIABLE: address, STORE_VARIABLE: self._store_uri}

    def _instead_of_database(self, address: str) -> Dict[str, Optional[str]]:
        """They log here too: a job is told no database's password and need not have its driver, and a container has no file of ours."""
        own = {"MLCTL_TRACKING_URI": address, "MLCTL_TRACKING_TOKEN": self._token}
        return {**own, "MLCTL_TRACKING_USERNAME": None, "MLCTL_TRACKING_PASSWORD": None}

    def serve(self) -> bool:
        """Start the server; False when it has been started too often in vain.

        Raises:
            OSError: it cannot be started.
        """
        if not self._starts_left:
            return False
        self._starts_left -= 1
        fd = self.fileno()
        popen = process.start_job(
            [*self._argv, str(fd)],
            cwd="/",  # Python puts its working directory on the path: it must not be the project's
            env={TOKEN_VARIABLE: self._token, STORE_VARIABLE: opening.private(self._store_uri), RUN_VARIABLE: self._run_id},
            stdin=process.NOTHING,
            stdout=process.NOTHING,
            stderr=process.NOTHING,
            keep_fds=(fd,),
        )
        popen.returncode = 0  # the worker reaps every child itself
        self.pid = popen.pid
        return True

    def close(self) -> None:
        """End the server, its open requests first, and close the address."""
        self._socket.close()
        if self.pid is None:
            return
        process.send(signal.SIGTERM, pids=[self.pid])
        deadline = time.monotonic() + _STOP_S
        while not _ended(self.pid):
            if time.monotonic() > deadline:
                process.send(signal.SIGKILL, pids=[self.pid])
            time.sleep(_POLL_S)

    def besides(self, pids: Sequence[int]) -> List[int]:
        """The process ids without the server's."""
        return [pid for pid in pids if pid != self.pid]


def _ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
