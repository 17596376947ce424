"""What a job prints, on its way from the job's end of a pipe or terminal to its log and to whoever watches."""

import errno
import os
import select
from typing import TYPE_CHECKING, Callable, Optional, Tuple

from mlctl import process
from mlctl.joblog import LogWriter

if TYPE_CHECKING:
    from mlctl.masking import Masker

POLL_S = 0.02
_CHUNK = 1 << 16
_SHOWN_AT_ONCE = 4096  # what a pipe that is ready for writing takes without a wait (PIPE_BUF)


class Forwarder:
    """One of a job's streams.

    ``while_waiting`` is called again and again while a slow reader makes us wait; when it says False nobody needs to see the rest any
    more. ``on_end`` is called once, before the source is closed. ``masker`` keeps secrets out of the log.
    """

    def __init__(
        self,
        source: int,
        shown_on: Optional[int],
        *,
        log: Optional[LogWriter],
        while_waiting: Callable[[], bool],
        on_end: Callable[[int], None],
        masker: "Optional[Masker]" = None,
    ) -> None:
        os.set_blocking(source, False)
        self._source: Optional[int] = source
        self._shown_on = shown_on
        self._log = log
        self._while_waiting = while_waiting
        self._on_end = on_end
        self._masker = masker

    def forward(self) -> bool:
        """Pass on what there is; False when there is nothing more for now."""
        data = read(self._source) if self._source is not None else None
        if data is None:
            return False
        if not data:
            self._close()
            return False
        if self._log is not None:
            self._log.write(data if self._masker is None else self._masker.feed(data))
        if self._shown_on is not None and not self._show(self._shown_on, data):
            self._shown_on = None
        return True

    def finish(self) -> None:
        """Write to the log what was held back, because a secret may have begun like that."""
        if self._log is not None and self._masker is not None:
            self._log.write(self._masker.finish())

    def _close(self) -> None:
        assert self._source is not None
        self._on_end(self._source)
        os.close(self._source)
        self._source = None

    def _show(self, fd: int, data: bytes) -> bool:
        """Write all of it; False when nobody reads any more. A reader who makes us wait does not keep us from looking after the job."""
        view = memoryview(data)
        while view:
            try:
                if select.select((), (fd,), (), POLL_S)[1]:
                    view = view[os.write(fd, view[:_SHOWN_AT_ONCE]) :]
                    continue
            except BlockingIOError:
                pass
            except OSError:
                return False
            if not self._while_waiting():
                return False
        return True


def read(fd: int) -> Optional[bytes]:
    """What can be read now: None nothing yet, empty at the end (a closed terminal says EIO)."""
    try:
        return os.read(fd, _CHUNK)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EIO:
            return b""
        raise


def pipes() -> Tuple[Tuple[int, ...], Tuple[int, int]]:
    """Two pipes: our ends, and the job's standard output and error."""
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    return (out_r, err_r), (out_w, err_w)


def pseudo_terminal(like_fd: Optional[int]) -> Tuple[Tuple[int, ...], Tuple[int, int]]:
    """A terminal of the size of the real one, which leaves line ends alone: the real one translates them."""
    import termios

    master, slave = process.terminal_like(like_fd)
    settings = termios.tcgetattr(slave)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    return (master,), (slave, slave)
