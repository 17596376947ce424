"""The only module of mlctl that starts processes.

Commands are argument lists; a shell sees only a project's own entry-point command. In an environment mapping ``None`` means "unset".
"""

import os
import subprocess
from typing import IO, Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union

Env = Mapping[str, Optional[str]]
Output = Union[int, IO[Any], None]


class Completed(NamedTuple):
    """A finished command: its exit code (negative: the signal that ended it) and what it wrote."""

    code: int
    out: str
    err: str


class Pending:
    """A command under way whose output is collected by `result`."""

    def __init__(self, popen: "subprocess.Popen[bytes]") -> None:
        self._popen = popen

    def result(self, timeout_s: Optional[float] = None) -> Completed:
        """Wait for the end.

        Raises:
            TimeoutError: it did not end in time; it has been killed.
        """
        try:
            out, err = self._popen.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.communicate()
            raise TimeoutError(f"{self._popen.args!r} did not end within {timeout_s} s") from None
        return Completed(self._popen.returncode, _text(out), _text(err))


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


def start(argv: Sequence[str], *, cwd: Optional[str] = None, env: Optional[Env] = None) -> Pending:
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
            stderr=subprocess.PIPE,
        )
    )


def run(argv: Sequence[str], *, cwd: Optional[str] = None, env: Optional[Env] = None, timeout_s: Optional[float] = None) -> Completed:
    """Run a command to its end and return what it wrote.

    Raises:
        OSError: it cannot be started.
        TimeoutError: it did not end in time; it has been killed.
    """
    return start(argv, cwd=cwd, env=env).result(timeout_s)


def shell_argv(command: str) -> List[str]:
    """Argument list that runs an entry-point command as MLflow does: bash where there is one, else sh."""
    for shell in ("/bin/bash", "/usr/bin/bash"):
        if os.path.exists(shell):  # noqa: PTH110 -- a bare stat on the start-up path
            return [shell, "-c", command]
    import shutil

    return [shutil.which("bash") or "/bin/sh", "-c", command]
