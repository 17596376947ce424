"""Jobs on this machine: the worker runs in a fork of this process, in a session of its own.

Two processes watch each other. The worker holds one end of a life line; when this process dies, however, the worker ends the job and
records it. When the worker dies, this process ends whatever is left of the job and records it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlctl import leftovers, process
from mlctl.errors import LaunchError, StoreError
from mlctl.jobs import FAILED, JobSpec, JobState, Streams
from mlctl.recorder import REASON_TAG
from mlctl.tracking import owners
from mlctl.tracking.entities import RunTag
from mlctl.tracking.opening import open_store
from mlctl.worker import STOP_SIGNALS, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LEFT_ALONE_S = 2.0


def launch(spec: JobSpec, streams: Streams) -> JobState:
    """Run a job here, to its end.

    Raises:
        LaunchError: the worker died, so that how the job ended is not known; the run has been recorded as FAILED.
    """
    life_r, life_w = os.pipe()
    result_r, result_w = os.pipe()
    process.become_subreaper()

    def work() -> int:
        os.close(life_w)
        os.close(result_r)
        return _work(spec, streams, life_r, result_w)

    with _signals_held_back():
        worker = process.fork_worker(work)
        before = _pass_signals_to(worker)
    os.close(life_r)
    os.close(result_w)
    try:
        state = _result(result_r)
        os.waitpid(worker, 0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(life_w)
        os.close(result_r)
    if state is None:
        _end_what_is_left(spec)
        raise LaunchError("The process that ran the job was killed; the job has been ended and its run is FAILED.", run_id=spec.run_id)
    return state


def detach(work: Callable[[Callable[[], None]], None]) -> int:
    """Run ``work`` in a process of its own that has no terminal; return its id once it has called what it was given.

    Raises:
        LaunchError: it ended before it said that it was ready.
    """
    ready_r, ready_w = os.pipe()

    def in_child() -> int:
        os.close(ready_r)
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nothing, fd)
        work(lambda: os.close(ready_w) if os.write(ready_w, b"1") else None)
        return 0

    child = process.fork_worker(in_child)
    os.close(ready_w)
    try:
        if not os.read(ready_r, 1):
            raise LaunchError("The detached process ended before it could take the run over.")
    finally:
        os.close(ready_r)
    return child


def _work(spec: JobSpec, streams: Streams, life_fd: int, result_fd: int) -> int:
    import json

    state = Worker(spec, streams, life_fd=life_fd).run()
    with contextlib.suppress(OSError):  # nobody is left to be told
        os.write(result_fd, json.dumps(asdict(state)).encode())
    return 0


def _result(fd: int) -> JobState | None:
    import json

    text = b"".join(iter(lambda: os.read(fd, 1 << 16), b""))
    return JobState(**json.loads(text)) if text else None


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Signals wait until both processes are ready for them; the worker lets them in itself."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _pass_signals_to(worker: int) -> dict[int, Any]:
    """From now on send the worker what this process is sent; returns the handlers there were."""

    def pass_on(signum: int, _frame: object) -> None:
        process.send(signum, pids=[worker])

    before = {number: signal.getsignal(number) for number in (*STOP_SIGNALS, signal.SIGWINCH)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, pass_on)
    return before


def _end_what_is_left(spec: JobSpec) -> None:
    process.send(signal.SIGTERM, pids=process.descendants(os.getpid()))
    deadline = time.monotonic() + _LEFT_ALONE_S
    while _reap() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send(signal.SIGKILL, pids=process.descendants(os.getpid()))
    leftovers.end(spec, killed=True)
    with contextlib.suppress(StoreError):  # the next look at the store settles it
        store = open_store(spec.tracking_uri, create=False)
        tags = [RunTag(REASON_TAG, "the process that ran it was killed")]
        store.finish_run(spec.run_id, status=FAILED, end_time=int(time.time() * 1000), tags=tags, only_owner=owners.current())
        if spec.spool:
            from mlctl.remote.spool import Spool

            Spool(spec.spool).hand_over(store)
        store.close()


def _reap() -> bool:
    """Collect ended children; False when there are none left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True
