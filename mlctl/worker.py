"""Runs one `JobSpec` to its end: starts the command, captures its output, passes signals on, and records how it ended.

A job is ended in three stages, each with its own grace period: interrupt, terminate, kill. They go to the job's process group and to
everything else that descends from it. A job whose mlctl has died is ended too (its life line, a pipe, has closed).
"""

import contextlib
import errno
import os
import selectors
import signal
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from mlctl import process
from mlctl.errors import LaunchError, StoreError
from mlctl.joblog import LogWriter
from mlctl.jobs import FAILED, FINISHED, KILLED, JobSpec, JobState, Streams
from mlctl.tracking.entities import RunTag
from mlctl.tracking.opening import open_store
from mlctl.tracking.store import TrackingStore

HEARTBEAT_S = 10.0
STOP_CHECK_S = 1.0
ORPHAN_GRACE_S = 2.0
LEFTOVER_GRACE_S = 2.0
_GONE_AFTER_KILL_S = 2.0
_POLL_S = 0.02
_CHUNK = 1 << 16

STOP_SIGNALS: Dict[int, str] = {
    signal.SIGINT: "interrupted (Ctrl-C or SIGINT)",
    signal.SIGTERM: "ended by SIGTERM",
    signal.SIGHUP: "ended by SIGHUP: its terminal was closed",
}

EXIT_CODE_TAG = "mlctl.exit_code"
REASON_TAG = "mlctl.status.reason"


class Stage(NamedTuple):
    """A signal, and how long (seconds) the job has before the next one."""

    signum: int
    grace_s: float


class Ending:
    """A job being ended: the stages still to come. ``verdict`` is None where only left-over processes are tidied away."""

    def __init__(self, stages: Sequence[Stage], *, verdict: Optional[JobState]) -> None:
        self.verdict = verdict
        self._stages = list(stages)
        self._deadline = 0.0
        self.given_up = False

    def due(self, now: float) -> bool:
        """Whether the next stage's time has come."""
        return not self.given_up and now >= self._deadline

    def hurry(self) -> None:
        """Go to the next stage at once: the user asked a second time."""
        self._deadline = 0.0

    def next_signal(self, now: float) -> Optional[int]:
        """The signal of the next stage; None when all have been sent and nothing helped."""
        if not self._stages:
            self.given_up = True
            return None
        stage = self._stages.pop(0)
        self._deadline = now + stage.grace_s
        return stage.signum


class Worker:
    """One job on this machine. Use once: ``Worker(spec, streams).run()``."""

    def __init__(self, spec: JobSpec, streams: Streams, *, life_fd: Optional[int] = None) -> None:
        self._spec = spec
        self._streams = streams
        self._life_fd = life_fd
        self._log = LogWriter(spec.log_path, spec.log_max_bytes) if spec.log_path else None
        self._selector = selectors.DefaultSelector()
        self._store: Optional[TrackingStore] = None
        self._forwarders: List[Callable[[], bool]] = []
        self._signals: List[int] = []
        self._job = 0
        self._code: Optional[int] = None
        self._ending: Optional[Ending] = None
        self._next_beat = time.monotonic() + HEARTBEAT_S
        self._next_check = time.monotonic() + STOP_CHECK_S

    def run(self) -> JobState:
        """Run the job to its end and record it. Never raises for what the job does.

        Returns:
            How it ended, as recorded; `LaunchError`'s exit code where the command could not be started at all.
        """
        self._listen()
        try:
            self._start()
        except (OSError, LaunchError) as error:
            return self._record(JobState(FAILED, LaunchError.exit_code, "mlctl", f"The command could not be started: {error}"))
        while not self._is_over():
            self._wait()
        self._drain()
        return self._record(self._verdict())

    # ── starting ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _listen(self) -> None:
        wake_r, wake_w = os.pipe()
        os.set_blocking(wake_r, False)
        os.set_blocking(wake_w, False)
        signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for signum in STOP_SIGNALS:
            if signal.getsignal(signum) != signal.SIG_IGN:
                signal.signal(signum, lambda number, _: self._signals.append(number))
        self._selector.register(wake_r, selectors.EVENT_READ, lambda: _read(wake_r))
        if self._life_fd is not None:
            self._selector.register(self._life_fd, selectors.EVENT_READ, self._on_orphaned)

    def _start(self) -> None:
        process.become_subreaper()
        sources, ends = _pseudo_terminal(self._streams.out_fd) if self._streams.terminal else _pipes()
        try:
            popen = process.start_job(
                [*self._spec.argv_prefix, *process.shell_argv(self._spec.command)],
                cwd=self._spec.cwd,
                env={"PYTHONUNBUFFERED": os.environ.get("PYTHONUNBUFFERED", "1"), **self._spec.env},
                stdin=None if self._streams.out_fd is not None else process.NOTHING,
                stdout=ends[0],
                stderr=ends[1],
            )
        finally:
            for fd in set(ends):
                os.close(fd)
        popen.returncode = 0  # the worker reaps every child itself, orphans included
        self._job = popen.pid
        for fd, shown_on in zip(sources, (self._streams.out_fd, self._streams.err_fd)):  # noqa: B905 -- a terminal is one source; 3.8 has no strict
            os.set_blocking(fd, False)
            self._forwarders.append(self._forwarder(fd, shown_on))
            self._selector.register(fd, selectors.EVENT_READ, self._forwarders[-1])

    def _forwarder(self, source: int, shown_on: Optional[int]) -> Callable[[], bool]:
        shown, open_ = [shown_on], [True]

        def forward() -> bool:
            """Pass on what there is; False when there is nothing more for now."""
            data = _read(source) if open_[0] else None
            if data is None:
                return False
            if not data:
                self._selector.unregister(source)
                os.close(source)
                open_[0] = False
                return False
            if self._log is not None:
                self._log.write(data)
            if shown[0] is not None and not _write(shown[0], data):
                shown[0] = None
            return True

        return forward

    # ── the loop ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wait(self) -> None:
        for key, _ in self._selector.select(self._timeout()):
            key.data()
        self._reap()
        while self._signals:
            self._on_signal(self._signals.pop(0))
        now = time.monotonic()
        if now >= self._next_check:
            self._look_at_store(now)
        if self._ending is not None and self._ending.due(now):
            self._advance(self._ending, now)

    def _timeout(self) -> float:
        if self._ending is not None or self._code is not None:
            return _POLL_S
        return max(0.0, self._next_check - time.monotonic())

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._job:
                    self._code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

    def _is_over(self) -> bool:
        if self._code is None:
            return self._ending is not None and self._ending.given_up
        if self._ending is None:
            if not process.group_lives(self._job):
                return True
            self._ending = Ending([Stage(signal.SIGTERM, LEFTOVER_GRACE_S), Stage(signal.SIGKILL, _GONE_AFTER_KILL_S)], verdict=None)
            self._note("the command has ended; ending the processes it left behind")
        if self._ending.given_up:
            return True
        return not process.group_lives(self._job) and not self._runaways()

    def _runaways(self) -> List[int]:
        """Descendants outside the job's group; they are only looked for when the run is being stopped."""
        stopping = self._ending is not None and self._ending.verdict is not None
        return process.descendants(os.getpid()) if stopping else []

    def _advance(self, ending: Ending, now: float) -> None:
        signum = ending.next_signal(now)
        if signum is not None:
            process.send(signum, group=self._job, pids=self._runaways() if signum != signal.SIGINT else ())

    def _look_at_store(self, now: float) -> None:
        self._next_check = now + STOP_CHECK_S
        with contextlib.suppress(StoreError):  # the store may be busy or its disk full: the job goes on
            store = self._open_store()
            if now >= self._next_beat:
                self._next_beat = now + HEARTBEAT_S
                stop = store.heartbeat(self._spec.run_id, int(time.time() * 1000))
            else:
                stop = any(owner.stop_requested for _, owner in store.owners([self._spec.run_id]))
            if stop and self._ending is None:
                self._end_job(JobState(KILLED, 128 + signal.SIGTERM, "mlctl", "stopped by `mlctl runs stop`"))

    # ── ending ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _on_signal(self, signum: int) -> None:
        if self._ending is not None and self._ending.verdict is not None:
            self._ending.hurry()
        else:
            self._end_job(JobState(KILLED, 128 + signum, "mlctl", self._why(signum)))

    def _why(self, signum: int) -> str:
        with contextlib.suppress(StoreError):
            if any(owner.stop_requested for _, owner in self._open_store().owners([self._spec.run_id])):
                return "stopped by `mlctl runs stop`"
        return STOP_SIGNALS[signum]

    def _on_orphaned(self) -> None:
        assert self._life_fd is not None
        self._selector.unregister(self._life_fd)
        verdict = JobState(FAILED, 128 + signal.SIGKILL, "mlctl", "the mlctl process that ran it was killed")
        self._ending = Ending([Stage(signal.SIGTERM, ORPHAN_GRACE_S), Stage(signal.SIGKILL, _GONE_AFTER_KILL_S)], verdict=verdict)

    def _end_job(self, verdict: JobState) -> None:
        self._note(verdict.reason)
        stages = [
            Stage(signal.SIGINT, self._spec.interrupt_grace_s),
            Stage(signal.SIGTERM, self._spec.terminate_grace_s),
            Stage(signal.SIGKILL, _GONE_AFTER_KILL_S),
        ]
        if self._code is not None:  # the command itself has ended: nothing is left to interrupt politely
            stages = stages[1:]
        self._ending = Ending(stages, verdict=verdict)

    def _drain(self) -> None:
        for forward in self._forwarders:
            while forward():
                pass
        if self._log is not None:
            self._log.close()

    def _verdict(self) -> JobState:
        if self._ending is not None and self._ending.verdict is not None:
            return self._ending.verdict
        code = self._code or 0
        if code < 0:
            return JobState(FAILED, 128 - code, "script", f"ended by signal {-code} ({_signal_name(-code)})")
        return JobState(FAILED if code else FINISHED, code, "script", f"exit code {code}" if code else "")

    def _record(self, state: JobState) -> JobState:
        try:
            store = self._open_store()
            status = state.status
            if status == FINISHED:
                said = store.get_run(self._spec.run_id).info.status
                status = said if said in (FAILED, KILLED) else FINISHED
            tags = [RunTag(EXIT_CODE_TAG, str(state.exit_code))]
            tags += [RunTag(REASON_TAG, state.reason)] if state.reason else []
            store.finish_run(self._spec.run_id, status=status, end_time=int(time.time() * 1000), tags=tags)
        except StoreError as error:
            reason = f"The run ended ({state.status}, exit code {state.exit_code}), but that could not be recorded: {error.message}"
            return JobState(state.status, state.exit_code or StoreError.exit_code, "mlctl", reason)
        return JobState(status, state.exit_code, state.origin, state.reason)

    def _open_store(self) -> TrackingStore:
        if self._store is None:
            self._store = open_store(self._spec.tracking_uri, create=False)
        return self._store

    def _note(self, text: str) -> None:
        if self._log is not None:
            self._log.note(text)


def _signal_name(signum: int) -> str:
    try:
        return signal.Signals(signum).name
    except ValueError:
        return "unknown"


def _read(fd: int) -> Optional[bytes]:
    """What can be read now: None nothing yet, empty at the end (a closed terminal says EIO)."""
    try:
        return os.read(fd, _CHUNK)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EIO:
            return b""
        raise


def _write(fd: int, data: bytes) -> bool:
    """Write all of it; False when nobody reads any more."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            time.sleep(_POLL_S)
        except OSError:
            return False
    return True


def _pipes() -> Tuple[Tuple[int, ...], Tuple[int, int]]:
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    return (out_r, err_r), (out_w, err_w)


def _pseudo_terminal(like_fd: Optional[int]) -> Tuple[Tuple[int, ...], Tuple[int, int]]:
    """A terminal of the size of the real one, which leaves line ends alone: the real one translates them."""
    import fcntl
    import termios

    master, slave = os.openpty()
    settings = termios.tcgetattr(slave)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    if like_fd is not None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(slave, termios.TIOCSWINSZ, fcntl.ioctl(like_fd, termios.TIOCGWINSZ, b"\0" * 8))
    return (master,), (slave, slave)
