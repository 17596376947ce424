"""Data to predict for, from files: in chunks where the format has rows, so that a file may be larger than memory."""

import contextlib
import json
import os
import sys
from typing import IO, Any, Callable, Dict, Iterator, List, NamedTuple, Optional

from mlctl.errors import ArgumentError, InvalidValueError, NotFoundError
from mlctl.models import json_data
from mlctl.models.schema import Schema
from mlctl.models.types import DataType

STANDARD = "-"
"""Instead of a file: the standard stream."""


class Wanted(NamedTuple):
    """What the model takes: a schema, if it has one; ``raw`` where JSON's own lists and dictionaries are what it wants."""

    schema: Optional[Schema] = None
    raw: bool = False


class Chunk(NamedTuple):
    """Some of the input; ``done`` is the share of it that is read (None: not known)."""

    data: Any
    params: Optional[Dict[str, Any]] = None
    done: Optional[float] = None


@contextlib.contextmanager
def _opened(source: str) -> "Iterator[IO[bytes]]":
    if source == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        stream = open(source, "rb")  # noqa: PTH123, SIM115
    except OSError as error:
        raise NotFoundError(f"The input {source!r} cannot be read: {error.strerror}.") from None
    with stream:
        yield stream


def _csv(source: str, wanted: Wanted, chunk_rows: int) -> Iterator[Chunk]:
    import pandas as pd

    with _opened(source) as stream:
        whole = os.fstat(stream.fileno()).st_size if source != STANDARD else 0
        try:
            frames = pd.read_csv(stream, chunksize=chunk_rows or None, dtype=_texts(wanted.schema), keep_default_na=True)
            for frame in frames if chunk_rows else [frames]:
                yield Chunk(_cast(frame, wanted.schema), done=stream.tell() / whole if whole else None)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise InvalidValueError(
                f"The input is not CSV: {str(error).strip()}.", hint="The first line has the names of the columns."
            ) from None


def _texts(schema: Optional[Schema]) -> Optional[Dict[Any, Any]]:
    """Columns that stay as they are written: else 007 would become 7."""
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return None
    return {name: str for name, kind in schema.input_types_dict().items() if kind in (DataType.string, DataType.binary)}


def _cast(frame: Any, schema: Optional[Schema]) -> Any:
    """A frame of text with the schema's dates and bytes; other values are as pandas found them, and are checked by the model."""
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return frame
    parsed = [spec for spec in schema if spec.name in frame.columns and spec.type in (DataType.datetime, DataType.binary)]
    for spec in (*parsed, *_wider(frame, schema)):
        frame = json_data.cast_frame(frame, Schema([spec]))
    return frame


def _wider(frame: Any, schema: Schema) -> List[Any]:
    """Columns of numbers that become those of the schema without a loss: CSV does not say of which type they are."""
    return [spec for spec in schema if spec.name in frame.columns and _holds(spec.type, frame[spec.name])]


def _holds(wanted: Any, series: Any) -> bool:
    if series.dtype.kind == "i":
        small = bool(((series >= -(2**31)) & (series < 2**31)).all())
        return wanted in (DataType.float, DataType.double) or (wanted is DataType.integer and small)
    return series.dtype.kind == "f" and wanted is DataType.float


def _parquet(source: str, wanted: Wanted, chunk_rows: int) -> Iterator[Chunk]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError:
        raise ArgumentError("Reading Parquet needs pyarrow in the model's environment.", hint="Give CSV or JSON.") from None
    with _opened(source) as stream:
        try:
            file = parquet.ParquetFile(_seekable(stream))
            total, seen = file.metadata.num_rows, 0
            for batch in file.iter_batches(batch_size=chunk_rows or max(total, 1)):
                seen += batch.num_rows
                yield Chunk(batch.to_pandas(), done=seen / total)
        except ArrowInvalid as error:
            raise InvalidValueError(f"The input is not Parquet: {str(error).rstrip('.')}.") from None


def _seekable(stream: "IO[bytes]") -> Any:
    import io

    return stream if stream.seekable() else io.BytesIO(stream.read())


def _lines(source: str, wanted: Wanted, chunk_rows: int) -> Iterator[Chunk]:
    from itertools import islice

    with _opened(source) as stream:
        numbered = ((number, line) for number, line in enumerate(stream, 1) if line.strip())
        while True:
            rows = [_parsed(line, f"Line {number} of the input") for number, line in islice(numbered, chunk_rows or None)]
            if not rows:
                return
            yield Chunk(json_data.frame_from_records(rows, wanted.schema))


def _json(source: str, wanted: Wanted, chunk_rows: int) -> Iterator[Chunk]:
    with _opened(source) as stream:
        found = _parsed(stream.read(), "The input")
    params = found.pop("params", None) if isinstance(found, dict) and set(found) & set(json_data.FORMATS) else None
    if params is not None and not isinstance(params, dict):
        raise InvalidValueError("The params of the input are no dictionary.")
    yield Chunk(_request(found, wanted), params)


def _request(found: Any, wanted: Wanted) -> Any:
    """The data of a document: a request as servers take it, pandas' orient "split", or a list of rows."""
    if wanted.raw and isinstance(found, (dict, list)):
        return found.get("inputs", found.get("instances", found)) if isinstance(found, dict) else found
    if isinstance(found, dict) and set(found) & set(json_data.FORMATS):
        return json_data.from_request(found, wanted.schema)
    if isinstance(found, dict) and "data" in found and set(found) <= {"columns", "index", "data"}:
        return json_data.frame_from_split(found, wanted.schema)
    if isinstance(found, list) and all(isinstance(row, dict) for row in found):
        return json_data.frame_from_records(found, wanted.schema)
    if isinstance(found, list):
        return json_data.from_inputs(found, wanted.schema)
    raise InvalidValueError(
        "The input is JSON, but no data that a model takes.",
        hint=f"It has one of the keys {', '.join(json_data.FORMATS)}; or is a list of rows, or what pandas calls 'split'.",
    )


def _parsed(text: bytes, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidValueError(f"{what} is not JSON: {error}.") from None


READERS: Dict[str, Callable[[str, Wanted, int], Iterator[Chunk]]] = {
    "csv": _csv,
    "parquet": _parquet,
    "json": _json,
    "jsonl": _lines,
}
