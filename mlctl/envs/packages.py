"""Installed packages, read from the names of their metadata folders: no interpreter is started and no metadata is parsed."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_EGG_PYTHON = re.compile(r"-py\d.*$")


def scan(folders: Iterable[str]) -> tuple[str, ...]:
    """``name==version`` of all packages in folders of a ``sys.path``, sorted; of two versions the one that is imported counts.

    Names are in their normal form (PEP 503). Folders that do not exist are passed over.
    """
    found: dict[str, str] = {}
    for folder in folders:
        try:
            entries = os.listdir(folder)  # noqa: PTH208 -- thousands of names
        except OSError:
            continue
        for entry in entries:
            name, version = package(entry)
            if version:
                found.setdefault(name, version)
    return tuple(sorted(f"{name}=={version}" for name, version in found.items()))


def package(entry: str) -> tuple[str, str]:
    """Name and version that a metadata folder tells, or two empty texts for any other entry."""
    if entry.endswith(".dist-info"):
        name, _, version = entry[: -len(".dist-info")].rpartition("-")
    elif entry.endswith(".egg-info"):
        name, _, version = _EGG_PYTHON.sub("", entry[: -len(".egg-info")]).partition("-")
    else:
        return "", ""
    return re.sub(r"[-_.]+", "-", name).lower(), version if name else ""
