"""What a model's folder may hold: a folder that somebody else has made is not trusted further than its own files."""

import os
from pathlib import Path
from typing import Any, Union

from mlctl.errors import InvalidValueError, NotFoundError


def inside(folder: Union[str, Path], entry: Any, *, what: str) -> str:
    """The path of a file or folder that an MLmodel file names, which must lie in the model's folder, links followed.

    Raises:
        InvalidValueError: it is no relative path, or leads out of the folder.
        NotFoundError: it is not there.
    """
    if not isinstance(entry, str) or not entry:
        raise InvalidValueError(f"The MLmodel file says {entry!r} where the {what} should stand.")
    root = os.path.realpath(folder)
    if os.path.isabs(entry) or "\\" in entry or ".." in entry.split("/"):  # noqa: PTH117
        raise InvalidValueError(f"The MLmodel file names {entry!r} as the {what}, which is no path inside the model's folder.")
    found = os.path.realpath(os.path.join(root, entry))  # noqa: PTH118
    if found != root and not found.startswith(root + os.sep):
        raise InvalidValueError(f"{entry!r}, the model's {what}, is a link that leads out of the model's folder.")
    if not os.path.exists(found):  # noqa: PTH110
        raise NotFoundError(f"The model's {what} is not there: {entry!r}.")
    return found


def size_bytes(folder: Union[str, Path]) -> int:
    """How many bytes the files of a folder have together; links are not followed."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            total += os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118
    return total
