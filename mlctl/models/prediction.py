"""Predicting for a file of rows: what `mlctl models predict` starts in the model's own environment.

It is told what to do in one JSON argument, and tells how it went in a file.
"""

import contextlib
import inspect
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any, Dict, Optional, Set

from mlctl.errors import MlctlError
from mlctl.flavors.pyfunc import load_model
from mlctl.models.enforcement import enforce_params, enforce_schema
from mlctl.models.prediction_input import READERS, STANDARD, Wanted
from mlctl.models.prediction_output import WRITERS
from mlctl.models.signature import ModelSignature
from mlctl.models.types import is_array

_OFTEN_S = 0.2
_SELDOM_S = 15.0


def main(argument: str) -> int:
    """Do what the argument (`predict`'s keywords as JSON, and ``report``) says; returns the exit code."""
    signal.signal(signal.SIGTERM, _end)
    logging.getLogger(enforce_schema.__module__).addFilter(_Once())
    asked = json.loads(argument)
    report = Path(asked.pop("report"))
    try:
        found: Dict[str, Any] = {"rows": predict(**asked)}
    except MlctlError as error:
        lacking = error.__cause__
        missing = isinstance(lacking, ModuleNotFoundError)
        found = _missing(lacking) if missing else {"error": error.message, "hint": error.hint, "code": error.code}
    except ModuleNotFoundError as error:
        found = _missing(error)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    report.write_text(json.dumps(found), encoding="utf-8")
    return 1 if "error" in found else 0


class _Once(logging.Filter):
    """Lets each message pass once: what is said of one chunk holds for all."""

    def __init__(self) -> None:
        super().__init__()
        self._said: Set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a message is new."""
        new = record.getMessage() not in self._said
        self._said.add(record.getMessage())
        return new


def _end(signum: int, _frame: Any) -> None:
    """End as an error does: half of an output is taken away."""
    raise SystemExit(128 + signum)


def _missing(error: Any) -> Dict[str, Any]:
    return {"error": f"The model needs the package {error.name!r}, which its environment does not have.", "code": "MISSING_PACKAGE"}


def predict(
    model: str, *, source: str, kind: str, target: str, target_kind: str, params: Optional[Dict[str, Any]] = None, chunk_rows: int = 0
) -> int:
    """Predict for a file with the model in a folder, and write what it predicts; returns for how many rows.

    ``-`` as source or target is a standard stream. ``chunk_rows`` 0: all at once.

    Raises:
        MlctlError: the input cannot be read, does not fit the signature, or the predictions cannot be written.
    """
    loaded = load_model(model)
    signature = _signature(loaded)
    wanted = Wanted(None if signature is None else signature.inputs, raw=_has_hints(loaded))
    progress = Progress(shown=target != STANDARD or not sys.stdout.isatty())
    with contextlib.ExitStack() as stack:
        writer = WRITERS[target_kind](target)
        stack.callback(writer.discard)  # a signal may come between making the draft and watching over it
        stack.enter_context(writer)
        for chunk in READERS[kind](source, wanted, chunk_rows):
            writer.write(_predicted(loaded, signature, chunk.data, {**(chunk.params or {}), **(params or {})}))
            progress.advance(_rows(chunk.data), chunk.done)
        writer.finish()
    progress.end()
    return progress.rows


def _signature(loaded: Any) -> Optional[ModelSignature]:
    """What is to be checked here, of mlctl's classes; None where the model has type hints, which it checks itself."""
    found = loaded.metadata.signature
    if found is None or _has_hints(loaded):
        return None
    return ModelSignature.from_dict(found.to_dict())


def _has_hints(loaded: Any) -> bool:
    return bool(getattr(loaded.metadata.signature, "_is_signature_from_type_hint", False))


def _predicted(loaded: Any, signature: Optional[ModelSignature], data: Any, params: Dict[str, Any]) -> Any:
    if signature is not None:
        data = data if signature.inputs is None else enforce_schema(data, signature.inputs)
        params = enforce_params(params, signature.params) or {}
    if params and "params" in inspect.signature(loaded.predict).parameters:
        return loaded.predict(data, params=params)
    return loaded.predict(data)


def _rows(data: Any) -> int:
    if isinstance(data, dict):
        return max((len(value) for value in data.values() if isinstance(value, list) or (is_array(value) and value.ndim)), default=1)
    return len(data) if hasattr(data, "__len__") and not isinstance(data, (str, bytes)) else 1


class Progress:
    """Tells on standard error how far it has come: often in a terminal, seldom elsewhere, and not of what is quickly done."""

    def __init__(self, *, shown: bool) -> None:
        self.rows = 0
        self._live = shown and sys.stderr.isatty()
        self._started = self._told = time.monotonic()

    def advance(self, rows: int, done: Optional[float]) -> None:
        """So many rows more are predicted; ``done`` is the share of the whole."""
        self.rows += rows
        now = time.monotonic()
        if now - self._told >= (_OFTEN_S if self._live else _SELDOM_S):
            self._told = now
            share = "" if done is None else f" ({min(done, 1):.0%})"
            rate = self.rows / max(now - self._started, 1e-9)
            sys.stderr.write(f"{self._start()}predicted {self.rows:,} rows{share}, {rate:,.0f} a second{self._end()}")
            sys.stderr.flush()

    def _start(self) -> str:
        return "\r\x1b[K" if self._live else ""

    def _end(self) -> str:
        return "" if self._live else "\n"

    def end(self) -> None:
        """Take the line away."""
        if self._live and self._told != self._started:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
