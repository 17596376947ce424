"""What ``mlctl run --events-fd N`` tells the program that started it: one line of JSON for each event. `mlctl.submitted` reads them."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from mlctl.errors import MlctlError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Events:
    """The events of one run, written to a descriptor (None: to nobody)."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd

    def tell(self, event: str, **data: Any) -> None:
        """Tell of an event: ``created`` (with ``run_id``), ``ended`` (``status``, ``exit_code``, ``reason``) or ``failed`` (an error)."""
        if self._fd is not None:
            with contextlib.suppress(OSError):  # nobody listens any more
                os.write(self._fd, json.dumps({"event": event, **data}).encode() + b"\n")


@contextlib.contextmanager
def telling(fd: int | None) -> Iterator[Events]:
    """The events of a run; an error that leaves the block is one of them."""
    events = Events(fd)
    try:
        yield events
    except MlctlError as error:
        events.tell("failed", **error.to_dict())
        raise
    except KeyboardInterrupt:
        events.tell("failed", code="CANCELLED", message="Interrupted.")
        raise
