"""Digests of data: the same eight characters that MLflow gives the same data."""

import hashlib
import os
import sys
import warnings
from typing import Any, Iterable, Iterator, List, Optional

from mlctl.errors import ArgumentError

_ROWS = 10000  # only so many are looked at
_LENGTH = 8
_PIECE = 1 << 20


def of_frame(frame: Any) -> str:
    """Digest of a pandas.DataFrame: its first rows in columns of texts and numbers, how many rows it has, its columns' names."""
    import numpy as np
    import pandas as pd

    head = frame.head(_ROWS)
    texts = head.columns[[_is_text(frame.iloc[:, index]) for index in range(frame.shape[1])]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # names of several types cannot be sorted, and need not
        chosen = texts.union(head.select_dtypes(include=[np.number]).columns)
    hashes = pd.util.hash_pandas_object(head[chosen]).to_numpy()
    return _md5([hashes, np.int64(len(frame)), *(str(name).encode() for name in frame.columns)])


def _is_text(column: Any) -> bool:
    if column.dtype.kind != "O":
        return not len(column)
    return all(type(value) is str for value in column)


def of_arrays(features: Any, targets: Any = None) -> str:
    """Digest of numpy arrays, or of dictionaries of them: their first elements and their shapes.

    Raises:
        ArgumentError: there are none, or there are texts in them and pandas is not installed.
    """
    elements = list(_elements(features, targets))
    if not elements:
        raise ArgumentError("There is no array to make a digest of.", hint="Give digest=….")
    return _md5(elements)


def _elements(*groups: Any) -> Iterator[Any]:
    import numpy as np

    for group in groups:
        arrays: List[Any] = [] if group is None else [group[name] for name in sorted(group)] if isinstance(group, dict) else [group]
        for array in arrays:
            hashes = _hashes(np.array(array.flat[:_ROWS]))
            yield np.int64(min(array.size, _ROWS)) if hashes is None else hashes
            yield from map(np.int64, array.shape)


def _hashes(array: Any) -> Optional[Any]:
    """A 64-bit number for each element; None where pandas has none."""
    try:
        import pandas as pd
    except ImportError:
        return _mixed(array)
    try:
        return pd.util.hash_array(array)
    except TypeError:
        return None


def _mixed(array: Any) -> Any:
    """What pandas' ``hash_array`` gives for numbers: the finaliser of splitmix64 over their bits."""
    import numpy as np

    if array.dtype.kind == "c" and array.dtype.itemsize <= 16:
        return _mixed(array.real.copy()) + np.uint64(23) * _mixed(array.imag.copy())
    if array.dtype.kind not in "biufmM" or array.dtype.itemsize > 8:
        raise ArgumentError(f"The digest of an array of {array.dtype} needs pandas.", hint="`pip install pandas`, or give digest=….")
    bits = array.view(f"u{array.dtype.itemsize}").astype("u8")
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return bits ^ (bits >> np.uint64(31))


def _md5(elements: Iterable[Any]) -> str:
    found = hashlib.md5() if sys.version_info < (3, 9) else hashlib.md5(usedforsecurity=False)  # noqa: S324 -- MLflow's digest
    for element in elements:
        found.update(element)
    return found.hexdigest()[:_LENGTH]


def of_text(text: str) -> str:
    """Digest of a description of data that is not at hand."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_LENGTH]


def of_files(paths: Iterable[str], *, top: str) -> str:
    """Digest of files: their paths below ``top`` and what is in them. All of it is read."""
    found = hashlib.sha256()
    for path in paths:
        inner = hashlib.sha256()
        with open(path, "rb") as file:  # noqa: PTH123
            for piece in iter(lambda: file.read(_PIECE), b""):
                inner.update(piece)
        name = os.path.relpath(path, top).replace(os.sep, "/")
        found.update(os.fsencode(name) + b"\0" + inner.digest())
    return found.hexdigest()[:_LENGTH]
