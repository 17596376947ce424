"""Runs one `JobSpec` to its end: starts the command, captures its output, passes signals on, and records how it ended.

A job is ended in three stages, each with its own grace period: interrupt, terminate, kill. They go to the job's process group and to
everything else that descends from it. A job whose mlctl has died is ended too (its life line, a pipe, has closed).
"""

import contextlib
import math
import os
import selectors
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Sequence

from mlctl import endpoint, leftovers, process, recorder
from mlctl.ending import Ending, Stage
from mlctl.endpoint import RunEndpoint
from mlctl.errors import LaunchError, StoreError
from mlctl.forwarding import POLL_S, Forwarder, pipes, pseudo_terminal, read
from mlctl.joblog import LogWriter
from mlctl.jobs import FAILED, FINISHED, KILLED, JobSpec, JobState, Streams
from mlctl.tracking import stopping
from mlctl.tracking.opening import is_far, open_store
from mlctl.tracking.store import TrackingStore

if TYPE_CHECKING:
    from mlctl.lookout import Lookout
    from mlctl.masking import Masker
    from mlctl.system_metrics.sampling import Recorder

HEARTBEAT_S = 10.0
STOP_CHECK_S = 1.0
FIRST_LOOK_S = 1.0  # system metrics: a job that is shorter pays nothing for them
ORPHAN_GRACE_S = 2.0
LEFTOVER_GRACE_S = 2.0
_GONE_AFTER_KILL_S = 2.0

STOP_SIGNALS: Dict[int, str] = {
    signal.SIGINT: "interrupted (Ctrl-C or SIGINT)",
    signal.SIGTERM: "ended by SIGTERM",
    signal.SIGHUP: "ended by SIGHUP: its terminal was closed",
}


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
        self._finishing: List[Callable[[], None]] = []
        self._signals: List[int] = []
        self._terminal: Optional[int] = None  # our end of the job's terminal
        self._resized = False
        self._wake_fd = -1
        self._job = 0
        self._code: Optional[int] = None
        self._ending: Optional[Ending] = None
        self._endpoint: Optional[RunEndpoint] = None
        if spec.endpoint_argv:
            self._endpoint = RunEndpoint(
                spec.endpoint_argv, store_uri=spec.tracking_uri, run_id=spec.run_id, place=endpoint.place_for(spec)
            )
        self._lookout: Optional[Lookout] = None
        self._next_beat = time.monotonic() + HEARTBEAT_S
        self._recorder: Optional[Recorder] = None
        self._next_sample = time.monotonic() + FIRST_LOOK_S if spec.system_interval_s else math.inf
        self._next_check = time.monotonic()  # at once: a store that is open can still be written when the disk is full

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
        if is_far(self._spec.tracking_uri):
            from mlctl.lookout import Lookout

            self._lookout = Lookout(self._open_store(), self._spec.run_id, wake=self._look_again, also=self._sample)
            self._lookout.start()
        while not self._is_over():
            self._wait()
        verdict = self._verdict()
        leftovers.end(self._spec, killed=self._code is None or self._code < 0)
        self._drain()
        if self._endpoint is not None:
            self._endpoint.close()
        return self._record(verdict)

    # ── starting ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _listen(self) -> None:
        wake_r, wake_w = os.pipe()
        self._wake_fd = wake_w
        os.set_blocking(wake_r, False)
        os.set_blocking(wake_w, False)
        signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for signum in STOP_SIGNALS:
            if signal.getsignal(signum) != signal.SIG_IGN:
                signal.signal(signum, lambda number, _: self._signals.append(number))
        signal.signal(signal.SIGWINCH, self._on_resize)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)  # held back by the launcher until now
        self._selector.register(wake_r, selectors.EVENT_READ, lambda: read(wake_r))
        if self._life_fd is not None:
            self._selector.register(self._life_fd, selectors.EVENT_READ, self._on_orphaned)
        self._watch_endpoint()

    def _watch_endpoint(self) -> None:
        if self._endpoint is not None:
            self._selector.register(self._endpoint, selectors.EVENT_READ, self._on_client)

    def _on_client(self) -> None:
        assert self._endpoint is not None
        self._selector.unregister(self._endpoint)
        try:
            served = self._endpoint.serve()
        except OSError:
            served = False
        if not served:
            self._note("the address for MLflow clients cannot be served")

    def _job_environment(self) -> Dict[str, Optional[str]]:
        env: Dict[str, Optional[str]] = {"PYTHONUNBUFFERED": os.environ.get("PYTHONUNBUFFERED", "1"), **self._spec.env}
        return {**env, **self._endpoint.variables(process.environment(env))} if self._endpoint is not None else env

    def _start(self) -> None:
        process.become_subreaper()
        sources, ends = pseudo_terminal(self._streams.out_fd) if self._streams.terminal else pipes()
        try:
            self._job = self._begin(ends)
        finally:
            for fd in set(ends):
                os.close(fd)
        self._terminal = sources[0] if self._streams.terminal else None
        for fd, shown_on in zip(sources, (self._streams.out_fd, self._streams.err_fd)):  # noqa: B905 -- a terminal is one source; 3.8 has no strict
            forwarder = Forwarder(
                fd, shown_on, log=self._log, while_waiting=self._attend_while_waiting, on_end=self._on_output_end, masker=self._masker()
            )
            self._finishing.append(forwarder.finish)
            self._forwarders.append(forwarder.forward)
            self._selector.register(fd, selectors.EVENT_READ, forwarder.forward)

    def _begin(self, ends: Sequence[int]) -> int:
        """Start the command; returns its process id."""
        env, work = self._job_environment(), leftovers.attendant(self._spec)
        if work is not None:
            return process.fork_job(work, env=env, stdout=ends[0], stderr=ends[1])
        popen = process.start_job(
            [*self._spec.argv_prefix, *process.shell_argv(self._spec.command)],
            cwd=self._spec.cwd,
            env=env,
            stdin=None if self._streams.out_fd is not None else process.NOTHING,
            stdout=ends[0],
            stderr=ends[1],
        )
        popen.returncode = 0  # the worker reaps every child itself, orphans included
        return popen.pid

    def _masker(self) -> "Optional[Masker]":
        """What keeps the job's secrets out of its log; a stream's own, for it comes in pieces."""
        if not self._spec.secrets:
            return None
        from mlctl.masking import Masker

        return Masker(self._spec.secrets)

    def _on_output_end(self, source: int) -> None:
        self._selector.unregister(source)
        self._terminal = None

    # ── the loop ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wait(self) -> None:
        ready = [key.data for key, _ in self._selector.select(self._timeout())]
        for act in sorted(ready, key=lambda act: act in self._forwarders):  # the job's output last: showing it may take long
            act()
        self._attend()

    def _attend_while_waiting(self) -> bool:
        """Look after the job although its output cannot be shown yet; False when it was told to end and has ended."""
        if self._code is not None and self._ending is not None and self._ending.verdict is not None:
            return False
        for key, _ in self._selector.select(0):
            if key.data not in self._forwarders:
                key.data()
        self._attend()
        return True

    def _attend(self) -> None:
        """Everything but the job's output: its end, signals, the store, the stages of its ending."""
        self._reap()
        if self._resized:
            self._pass_size_on()
        while self._signals:
            self._on_signal(self._signals.pop(0))
        now = time.monotonic()
        if now >= self._next_check:
            self._look_at_store(now)
        if self._lookout is None:
            self._sample(now)
        if self._ending is not None and self._ending.due(now):
            self._advance(self._ending, now)

    def _timeout(self) -> float:
        if self._ending is not None or self._code is not None:
            return POLL_S
        own = self._next_check if self._lookout is not None else min(self._next_check, self._next_sample)
        return max(0.0, own - time.monotonic())

    def _on_resize(self, _signum: int, _frame: object) -> None:
        self._resized = True

    def _pass_size_on(self) -> None:
        """The job's terminal belongs to no session, so its processes have to be told."""
        self._resized = False
        if self._terminal is not None and self._streams.out_fd is not None:
            process.copy_size(self._streams.out_fd, self._terminal)
            process.send(signal.SIGWINCH, group=self._job)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._job:
                    self._code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                elif self._endpoint is not None and pid == self._endpoint.pid:
                    self._endpoint.pid = None
                    self._watch_endpoint()

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
        found = [pid for pid in process.descendants(os.getpid()) if process.group_of(pid) != self._job] if stopping else []
        return self._besides_endpoint(found)

    def _besides_endpoint(self, pids: List[int]) -> List[int]:
        return self._endpoint.besides(pids) if self._endpoint is not None else pids

    def _advance(self, ending: Ending, now: float) -> None:
        signum = ending.next_signal(now)
        if signum is not None:
            process.send(signum, group=self._job, pids=self._runaways() if signum != signal.SIGINT else ())

    def _look_at_store(self, now: float) -> None:
        self._next_check = now + STOP_CHECK_S
        if self._is_stop_requested(now) and self._ending is None:
            self._end_job(JobState(KILLED, 128 + signal.SIGTERM, "mlctl", stopping.STOPPED))

    def _is_stop_requested(self, now: float) -> bool:
        if self._lookout is not None:
            return self._lookout.stop_requested
        with contextlib.suppress(StoreError):  # the store may be busy or its disk full: the job goes on
            store = self._open_store()
            if now >= self._next_beat:
                self._next_beat = now + HEARTBEAT_S
                return store.heartbeat(self._spec.run_id, int(time.time() * 1000))
            return stopping.is_requested(store, self._spec.run_id)
        return False

    def _look_again(self) -> None:
        """Wake the loop, from another thread."""
        self._next_check = 0.0
        with contextlib.suppress(OSError):
            os.write(self._wake_fd, b"\0")

    def _sample(self, now: float) -> None:
        """Measure what the job does, if it is time for that; whatever goes wrong with it does not disturb the job."""
        if now < self._next_sample or self._code is not None:
            return
        self._next_sample = now + self._spec.system_interval_s
        try:
            if self._recorder is None:
                self._recorder = self._make_recorder()
            else:
                self._recorder.tick(int(time.time() * 1000))
        except StoreError:  # busy, or its disk full: the next point may be logged
            return
        except Exception as error:  # noqa: BLE001 -- the job is worth more than its measurements, whatever is wrong with them
            self._next_sample = math.inf
            self._note(f"system metrics are no longer sampled: {error!r}")

    def _make_recorder(self) -> "Recorder":
        from mlctl.system_metrics import sampling as system

        here = os.getpid()
        own = system.Processes(lambda: self._besides_endpoint(process.descendants(here)), reaper=here)
        sampler = system.Sampler(own, folder=self._spec.cwd, environ=process.environment(self._spec.env))
        how = system.Sampling(self._spec.system_interval_s, self._spec.system_samples, self._spec.system_node_id)
        return system.Recorder(self._spec.run_id, sampler, how, store=self._open_store)

    # ── ending ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _on_signal(self, signum: int) -> None:
        if self._ending is not None and self._ending.verdict is not None:
            self._ending.hurry()
        else:
            self._end_job(JobState(KILLED, 128 + signum, "mlctl", self._why(signum)))

    def _why(self, signum: int) -> str:
        if self._lookout is not None:  # the job is ended now; whether somebody asked for it is found out when that is recorded
            return STOP_SIGNALS[signum]
        with contextlib.suppress(StoreError):
            if stopping.is_requested(self._open_store(), self._spec.run_id):
                return stopping.STOPPED
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
        for finish in self._finishing:
            finish()
        if self._log is not None:
            self._log.close()

    def _verdict(self) -> JobState:
        if self._ending is not None and self._ending.verdict is not None:
            return self._ending.verdict
        told = leftovers.verdict(self._spec)
        if told is not None:
            return told
        code = self._code or 0
        if code < 0:
            return JobState(FAILED, 128 - code, "script", f"ended by signal {-code} ({_signal_name(-code)})")
        return JobState(FAILED if code else FINISHED, code, "script", f"exit code {code}" if code else "")

    def _record(self, state: JobState) -> JobState:
        if self._lookout is not None:
            self._lookout.stop()
        return recorder.record(self._spec, replace(state, reason=self._reason(state)), opened=self._open_store)

    def _reason(self, state: JobState) -> str:
        cut = f"the log is not complete: {self._log.problem}" if self._log is not None and self._log.problem else ""
        return "; ".join(filter(None, (state.reason, cut)))

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
