"""The access log: a line of JSON per answered request, gathered and written a few times a second."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import msgspec

_WAIT_S = 0.1
_MOST_LINES = 1000

_encode = msgspec.json.Encoder().encode


class AccessLog:
    """Writes to a file descriptor; one event loop may use it. A write for each line would cost a fifth of a small request."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: list[bytes] = []

    def __call__(self, entry: dict[str, Any]) -> None:
        """Note a request."""
        self._lines.append(_encode({"time": round(time.time(), 3), **entry}))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(_WAIT_S, self.flush)
        elif len(self._lines) >= _MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what has been gathered; whoever read it may have gone."""
        lines, self._lines = self._lines, []
        rest = b"\n".join([*lines, b""]) if lines else b""
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            return
