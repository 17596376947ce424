"""The only module of mlctl that starts processes.

Commands are argument lists; a shell sees only a project's own entry-point command. In an environment mapping ``None`` means "unset".
"""

import contextlib
import os
import signal
import subprocess
import sys
from typing import IO, Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

Env = Mapping[str, Optional[str]]
Output = Union[int, IO[Any], None]
NOTHING = subprocess.DEVNULL


class Completed(NamedTuple):
    """A finished command: its exit code (negative: the signal that ended it) and what it wrote."""

    code: int
    out: str
    err: str


class Pending:
    """A command under way whose output is collected by `result`."""

    def __init__(self, popen: "subprocess.Popen[bytes]", *, group: bool = False) -> None:
        self._popen = popen
        self._group = popen.pid if group else None

    def result(self, timeout_s: Optional[float] = None) -> Completed:
        """Wait for the end.

        Raises:
            TimeoutError: it did not end in time; it has been killed.
        """
        try:
            out, err = self._popen.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self._kill()
            self._popen.communicate()
            raise TimeoutError(f"{self._popen.args!r} did not end within {timeout_s} s") from None
        except KeyboardInterrupt:
            if self._group is not None:  # the terminal's interrupt did not reach a group of its own
                self._kill()
            raise
        return Completed(self._popen.returncode, _text(out), _text(err))

    def _kill(self) -> None:
        if self._group is None:
            self._popen.kill()
        else:
            send(signal.SIGKILL, group=self._group)

    def head(self, limit_bytes: int) -> bytes:
        """The first bytes of standard output; the command is killed if it has more to say. For commands without error output."""
        with self._popen as popen:
            assert popen.stdout is not None
            found: bytes = popen.stdout.read(limit_bytes)
            if len(found) == limit_bytes:
                self._kill()
        return found

    def error_lines(self) -> Iterator[str]:
        """Lines of standard error as they come, progress lines that end in a carriage return too. `result` still tells the exit code."""
        assert self._popen.stderr is not None
        rest = b""
        while True:
            chunk = os.read(self._popen.stderr.fileno(), 1 << 13)
            *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
            yield from (_text(line) for line in lines if line)
            if not chunk:
                break
        if rest:
            yield _text(rest)


def _text(raw: Optional[bytes]) -> str:
    return (raw or b"").decode("utf-8", "replace")


def environment(changes: Env, base: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """The caller's environment with changes laid over it; ``None`` removes a variable."""
    merged = dict(os.environ if base is None else base)
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged


def start(argv: Sequence[str], *, cwd: Optional[str] = None, env: Optional[Env] = None, stderr: Output = subprocess.PIPE) -> Pending:
    """Start a command without standard input, collecting its output.

    Raises:
        OSError: it cannot be started.
    """
    return Pending(
        subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=environment(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    )


def run(argv: Sequence[str], *, cwd: Optional[str] = None, env: Optional[Env] = None, timeout_s: Optional[float] = None) -> Completed:
    """Run a command to its end and return what it wrote.

    Raises:
        OSError: it cannot be started.
        TimeoutError: it did not end in time; it has been killed.
    """
    return start(argv, cwd=cwd, env=env).result(timeout_s)


def converse(argv: Sequence[str], *, env: Optional[Env] = None) -> int:
    """Run a command that talks to the user at this terminal, such as an editor or a shell; returns its exit code, 128 + n for signal n.

    The terminal's interrupt reaches it directly and is left to it; a request to end is passed on.

    Raises:
        OSError: it cannot be started.
    """
    popen = subprocess.Popen(list(argv), env=environment(env or {}))
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, signal.SIG_IGN if number in (signal.SIGINT, signal.SIGQUIT) else lambda signum, _: popen.send_signal(signum))
    try:
        code = popen.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def shell_argv(command: str) -> List[str]:
    """Argument list that runs an entry-point command as MLflow does: bash where there is one, else sh."""
    for shell in ("/bin/bash", "/usr/bin/bash"):
        if os.path.exists(shell):  # noqa: PTH110 -- a bare stat on the start-up path
            return [shell, "-c", command]
    import shutil

    return [shutil.which("bash") or "/bin/sh", "-c", command]


# ── jobs: process groups that end as one ────────────────────────────────────────────────────────────────────────────────

_HELD_BACK = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH)
_KEPT_BYTES = 1 << 18
_POLITE_S = 3.0
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _prctl() -> Optional[Callable[[int, int], None]]:
    """Linux's prctl(2), or None elsewhere. Loaded before a fork: the child must not import anything."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    return lambda option, argument: libc.prctl(option, argument, 0, 0, 0)


def become_subreaper() -> None:
    """From now on orphans among this process's descendants become its children, so that none can get away (Linux only)."""
    prctl = _prctl()
    if prctl is not None:
        prctl(_PR_SET_CHILD_SUBREAPER, 1)


def start_job(
    argv: Sequence[str],
    *,
    cwd: str,
    env: Env,
    stdin: Output = None,
    stdout: Output = None,
    stderr: Output = None,
    keep_fds: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Start a command as the leader of a new session; on Linux it is killed when the calling thread's process dies.

    ``keep_fds`` stay open in it: an flock(2) that one of them holds lasts as long as the command.

    Raises:
        OSError: it cannot be started.
    """
    prctl = _prctl()

    def in_child() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=environment(env),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        pass_fds=keep_fds,
        preexec_fn=in_child,  # noqa: PLW1509 -- the callers have one thread
    )


def fork_job(work: Callable[[], int], *, env: Env, stdout: int, stderr: int) -> int:
    """As `start_job`, but the job is ``work`` in a fork of this process, which has imported what it needs; returns its process id.

    No signal reaches it before it lets them in; its standard input is empty. The caller must have one thread.
    """
    prctl = _prctl()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)

    def in_child() -> int:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in enumerate((nothing, stdout, stderr)):
            os.dup2(source, target)
        os.closerange(3, 1 << 16)  # the worker's own ends of everything
        wanted = environment(env)
        os.environ.clear()
        os.environ.update(wanted)
        return work()

    try:
        return fork_worker(in_child)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def start_beside(
    argv: Sequence[str], *, env: Env, stdout: Output = None, stderr: Output = None, keep_fds: Sequence[int] = ()
) -> "subprocess.Popen[bytes]":
    """Start a command in the caller's own process group: signals to the group reach it, too. The caller may have threads.

    Raises:
        OSError: it cannot be started.
    """
    for stream in (sys.stdout, sys.stderr):  # what the caller has said comes before what the command says
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    return subprocess.Popen(list(argv), env=environment(env), stdout=stdout, stderr=stderr, pass_fds=keep_fds)


def start_alone(argv: Sequence[str], *, cwd: str, env: Env) -> Pending:
    """Start a command that cannot ask anything (it has no terminal) and that ends together with whatever it has started.

    Raises:
        OSError: it cannot be started.
    """
    pipe = subprocess.PIPE
    return Pending(start_job(argv, cwd=cwd, env=env, stdin=NOTHING, stdout=pipe, stderr=pipe), group=True)


def follow(
    argv: Sequence[str],
    *,
    cwd: str,
    env: Env,
    keep_fds: Sequence[int] = (),
    show_fd: Optional[int] = None,
    each_line: Optional[Callable[[str], None]] = None,
) -> Completed:
    """Run a long command to its end; it ends together with whatever it has started, also when the caller is interrupted.

    With ``show_fd``, a terminal, it gets a terminal of its own whose output is seen there as it comes and returned as ``err``. Without,
    ``each_line`` receives the lines of its standard error as they come; its standard output is then thrown away.

    Raises:
        OSError: it cannot be started.
    """
    if show_fd is None:
        pipe = subprocess.PIPE
        out_to = pipe if each_line is None else NOTHING
        with _ended_with_caller(argv, cwd=cwd, env=env, stdin=NOTHING, stdout=out_to, stderr=pipe, keep_fds=keep_fds) as popen:
            if each_line is None:
                out, err = popen.communicate()
                return Completed(popen.returncode, _text(out), _text(err))
            for line in Pending(popen).error_lines():
                each_line(line)
            return Completed(popen.wait(), "", "")
    shown, own = terminal_like(show_fd)
    try:
        with _ended_with_caller(argv, cwd=cwd, env=env, stdin=NOTHING, stdout=own, stderr=own, keep_fds=keep_fds) as popen:
            os.close(own)
            source, shown, own = shown, -1, -1
            err = _relay(popen, source, show_fd)  # which closes it
            return Completed(popen.wait(), "", _text(err))
    finally:
        for fd in (shown, own):
            if fd >= 0:
                os.close(fd)


@contextlib.contextmanager
def _ended_with_caller(argv: Sequence[str], **options: Any) -> "Iterator[subprocess.Popen[bytes]]":
    """Start a job, and end its group if the block is left before it has ended. An interrupt meanwhile waits until there is a job to end.

    Raises:
        OSError: it cannot be started.
    """
    held: List[int] = []
    before = _hold_interrupts(held)
    try:
        popen = start_job(argv, **options)
    except BaseException:
        _let_interrupts_come(before, held)
        raise
    try:
        _let_interrupts_come(before, held)
        yield popen
    finally:
        if popen.poll() is None:
            send(signal.SIGTERM, group=popen.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                popen.wait(_POLITE_S)
            send(signal.SIGKILL, group=popen.pid)
            popen.wait()
        for stream in (popen.stdout, popen.stderr):
            if stream is not None:
                stream.close()


def _hold_interrupts(held: List[int]) -> Any:
    """Note interrupts instead of raising them; returns what handled them before (None: they are ignored, or not this thread's)."""
    import threading

    before = signal.getsignal(signal.SIGINT)
    if before in (None, signal.SIG_IGN) or threading.current_thread() is not threading.main_thread():
        return None
    return signal.signal(signal.SIGINT, lambda signum, _frame: held.append(signum))


def _let_interrupts_come(before: Any, held: Sequence[int]) -> None:
    if before is not None:
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)


def terminal_like(fd: Optional[int]) -> Tuple[int, int]:
    """Both ends of a new terminal, ours and a command's, that is as large as another one."""
    shown, own = os.openpty()
    if fd is not None:
        copy_size(fd, own)
    return shown, own


def copy_size(source: int, target: int) -> None:
    """Make a terminal as large as another one; nothing happens where either is none."""
    import fcntl
    import termios

    with contextlib.suppress(OSError):
        fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, bytes(8)))


def _relay(popen: "subprocess.Popen[bytes]", source: int, show_fd: int) -> bytes:
    """Copy what a command writes to its terminal until it ends; returns the last part of it."""
    import select

    seen = b""
    try:
        while True:
            ready = select.select([source], [], [], 0.1)[0]
            if not ready and popen.poll() is not None:
                return seen
            chunk = os.read(source, 1 << 16) if ready else b""
            if ready and not chunk:
                return seen
            with contextlib.suppress(OSError):
                os.write(show_fd, chunk)
            seen = (seen + chunk)[-_KEPT_BYTES:]
    except OSError:  # a terminal that all writers have closed says EIO
        return seen
    finally:
        os.close(source)


def fork_worker(work: Callable[[], int]) -> int:
    """Fork; the child runs ``work`` in a session of its own and exits with what it returns. Returns the child's process id.

    Nothing of the caller's is run in the child afterwards: no ``finally``, no ``atexit``, no buffered output.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 120
    try:
        os.setsid()
        code = work()
    except BaseException:  # noqa: BLE001 -- the edge of a process: whatever happened is printed, then the process ends
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code)


def _parents() -> Dict[int, int]:
    """Parent of each process on this machine that can be seen (Linux; empty elsewhere)."""
    found = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208 -- a thousand entries: plain names are faster
            if name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    found[int(name)] = int(file.read().rsplit(b")", 1)[1].split()[1])
    return found


def descendants(root: int) -> List[int]:
    """Process ids below ``root``, nearest first, whatever sessions and groups they moved to (Linux; empty elsewhere)."""
    children: Dict[int, List[int]] = {}
    for pid, parent in _parents().items():
        children.setdefault(parent, []).append(pid)
    found: List[int] = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(0), [])
        found += below
        queue += below
    return found


def send(signum: int, *, group: Optional[int] = None, pids: Sequence[int] = ()) -> None:
    """Send a signal to a process group and to single processes; those that are gone are passed over."""
    if group is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signum)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signum)


def group_of(pid: int) -> int:
    """The process group of a process; 0 where it is gone."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def group_lives(group: int) -> bool:
    """Whether a process group has a member left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
