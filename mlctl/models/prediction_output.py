"""Predictions into files: JSON as MLflow's servers answer, lines of JSON, CSV, Parquet; chunk by chunk."""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterable

from mlctl.errors import ArgumentError, InvalidValueError, SchemaError
from mlctl.models import json_data
from mlctl.models.prediction_input import STANDARD
from mlctl.models.types import is_array, is_instance


class _Writer:
    """Writes predictions, chunk by chunk: to a file whole or not at all, or to standard output."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._draft = "" if target == STANDARD else f"{target}.{os.getpid()}.partial"
        self._chunks = 0
        self._closed = ""

    def __enter__(self) -> "_Writer":
        try:
            self._stream = open(self._draft, "w", encoding="utf-8", newline="") if self._draft else sys.stdout  # noqa: PTH123
        except OSError as error:
            raise InvalidValueError(f"The output {self._target!r} cannot be written: {error.strerror}.") from None
        return self

    def __exit__(self, *error: object) -> None:
        if self._draft:
            self._stream.close()
            if error[0] is None:
                os.replace(self._draft, self._target)  # noqa: PTH105
        else:
            self._stream.flush()

    def discard(self) -> None:
        """Take away what is not in its place."""
        if self._draft:
            with contextlib.suppress(FileNotFoundError):
                Path(self._draft).unlink()

    def write(self, predictions: Any) -> None:
        """Write what was predicted for a chunk."""
        self._put(predictions, first=self._chunks == 0)
        self._chunks += 1

    def _put(self, predictions: Any, *, first: bool) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """Write what comes after the last chunk."""


class _JsonWriter(_Writer):
    """``{"predictions": …}``, as MLflow's servers answer."""

    def _put(self, predictions: Any, *, first: bool) -> None:
        found = plain(predictions)
        if not isinstance(found, list):
            if not first:
                raise _not_rows(predictions)
            self._stream.write(f'{{"predictions": {_dumped(found)}')
            return
        if not first and self._closed != "]":
            raise _not_rows(predictions)
        self._closed = "]"
        self._stream.write('{"predictions": [' if first else ", " if found else "")
        self._stream.write(", ".join(map(_dumped, found)))

    def finish(self) -> None:
        """Close list and dictionary."""
        self._stream.write(f"{self._closed}}}\n" if self._chunks else '{"predictions": []}\n')


class _LinesWriter(_Writer):
    """A line of JSON for each row."""

    def _put(self, predictions: Any, *, first: bool) -> None:
        self._stream.writelines(f"{_dumped(row)}\n" for row in rows_of(predictions))


class _CsvWriter(_Writer):
    """A row for each row, below the names of the columns."""

    def _put(self, predictions: Any, *, first: bool) -> None:
        frame_of(predictions).to_csv(self._stream, index=False, header=first)


class _ParquetWriter(_Writer):
    """A Parquet file, which is written as it grows."""

    def __enter__(self) -> "_ParquetWriter":
        if not self._draft:
            raise ArgumentError("Parquet is no text.", hint="--output-path names a file.")
        self._file: Any = None
        super().__enter__()
        return self

    def _put(self, predictions: Any, *, first: bool) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        found = pa.Table.from_pandas(frame_of(predictions), preserve_index=False)
        if first:
            self._file = parquet.ParquetWriter(self._draft, found.schema)
        self._file.write_table(found)

    def finish(self) -> None:
        """Write the file's end."""
        if self._file is not None:
            self._file.close()


WRITERS: Dict[str, Callable[[str], _Writer]] = {"json": _JsonWriter, "jsonl": _LinesWriter, "csv": _CsvWriter, "parquet": _ParquetWriter}


def plain(predictions: Any) -> Any:
    """Predictions as JSON holds them: frames as lists of rows, arrays as lists."""
    if is_instance(predictions, "pandas", "Series"):
        return predictions.to_list()
    if is_instance(predictions, "pandas", "DataFrame"):
        return predictions.to_dict(orient="records")
    return predictions.tolist() if is_array(predictions) else predictions


def rows_of(predictions: Any) -> Iterable[Any]:
    """One prediction a row.

    Raises:
        SchemaError: they are no list.
    """
    found = plain(predictions)
    if not isinstance(found, list):
        raise _not_rows(predictions)
    return found


def frame_of(predictions: Any) -> Any:
    """Predictions as a table; what has no name is called ``prediction``, or ``prediction_0``, ``prediction_1``, ….

    Raises:
        SchemaError: they are no list.
    """
    import pandas as pd

    if is_instance(predictions, "pandas", "DataFrame"):
        return predictions
    if is_instance(predictions, "pandas", "Series"):
        return predictions.to_frame("prediction" if predictions.name is None else predictions.name)
    found = rows_of(predictions)
    frame = pd.DataFrame(found)
    if list(frame.columns) == list(range(len(frame.columns))):
        frame.columns = ["prediction"] if len(frame.columns) == 1 else [f"prediction_{number}" for number in frame.columns]
    return frame


def _not_rows(predictions: Any) -> SchemaError:
    return SchemaError(
        f"The model answers with a {type(predictions).__name__}, not with a list of a prediction for each row.",
        hint="Write JSON, and predict all at once: --chunk-rows 0.",
    )


def _dumped(value: Any) -> str:
    return json.dumps(value, default=json_data.jsonable)
