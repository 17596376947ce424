"""A job's captured output: one bounded file, written live, and read back (also while it grows).

The first three quarters of the bound are written as they come; of what follows only the end is kept, and appended when the job has
ended, behind a note that says how much was left out.
"""

import os
import time
from typing import BinaryIO, Callable, Iterator, Optional

_HEAD_SHARE = 0.75
_CHUNK = 1 << 16


class LogWriter:
    """Writes a job's log. An error of the file system ends the capture, never the job; `problem` then says why."""

    def __init__(self, path: str, max_bytes: int) -> None:
        self.problem = ""
        self.left_out = 0
        self._room = int(max_bytes * _HEAD_SHARE)
        self._tail_bound = max_bytes - self._room
        self._tail = bytearray()
        self._file: Optional[BinaryIO] = None
        try:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)  # noqa: PTH103, PTH120 -- pathlib is not needed to run a job
            self._file = open(path, "ab", buffering=0)  # noqa: PTH123, SIM115
        except OSError as error:
            self.problem = error.strerror or str(error)

    def write(self, data: bytes) -> None:
        """Take what the job printed."""
        head, rest = data[: self._room], data[self._room :]
        if head:
            self._room -= len(head)
            self._put(head)
        if rest:
            self._keep(rest)

    def note(self, text: str) -> None:
        """Add a line of mlctl's own, whatever the bound."""
        self._put(f"[mlctl: {text}]\n".encode())

    def close(self) -> None:
        """Append the kept end and close the file."""
        self._trim()
        if self.left_out:
            self.note(f"{self.left_out} bytes left out here; MLCTL_LOG_MAX_BYTES sets the bound")
        self._put(bytes(self._tail))
        self._tail.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _keep(self, data: bytes) -> None:
        self._tail += data
        if len(self._tail) > 2 * self._tail_bound:  # seldom: moving the rest to the front costs its length
            self._trim()

    def _trim(self) -> None:
        too_much = max(0, len(self._tail) - self._tail_bound)
        del self._tail[:too_much]
        self.left_out += too_much

    def _put(self, data: bytes) -> None:
        if self._file is None or not data:
            return
        try:
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            self.problem = error.strerror or str(error)
            self._file.close()
            self._file = None


def read(path: str) -> Iterator[bytes]:
    """The log as it stands, in chunks; nothing where there is none."""
    try:
        file = open(path, "rb")  # noqa: PTH123, SIM115
    except OSError:
        return
    with file:
        yield from iter(lambda: file.read(_CHUNK), b"")


def follow(path: str, is_over: Callable[[], bool], *, poll_s: float = 0.1) -> Iterator[bytes]:
    """The log as it grows, until ``is_over`` says that the run has ended and all has been read."""
    while not os.path.exists(path):  # noqa: PTH110
        if is_over():
            return
        time.sleep(poll_s)
    with open(path, "rb") as file:  # noqa: PTH123
        while True:
            over = is_over()
            data = file.read(_CHUNK)
            while data:
                yield data
                data = file.read(_CHUNK)
            if over:
                return
            time.sleep(poll_s)
