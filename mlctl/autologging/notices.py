"""What autologging has to say: each thing once, through ``logging``, and never as an exception in somebody's training."""

import contextlib
import threading
import warnings
from typing import Any, Iterator, List, Set

_said: Set[str] = set()


def say(text: str, *, silent: bool, once: str = "") -> None:
    """Log a warning (``mlctl.autologging``), unless one of the same kind (``once``; by default the same text) was logged before."""
    kind = once or text
    if silent or kind in _said:
        return
    import logging

    _said.add(kind)
    logging.getLogger(__package__).warning(text)


@contextlib.contextmanager
def guard(what: str, *, silent: bool) -> Iterator[None]:
    """A block of ours inside somebody's training: what goes wrong in it is told once and goes no further."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 -- whatever it is, the training that we watch has nothing to do with it
        say(f"Autologging could not {what}: {type(error).__name__}: {error}", silent=silent, once=f"{what} {type(error).__name__}")


class _Quiet:
    """Hides warnings of the libraries that we call for metrics nobody asked for.

    Filters belong to the process. The first thread that enters saves them and the last that leaves restores them: if each thread did
    so for itself, two that overlap would leave them hidden for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._saved: List[Any] = []

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                block = warnings.catch_warnings()
                block.__enter__()
                self._saved = [block]
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._saved.pop().__exit__(None, None, None)


quiet = _Quiet()
