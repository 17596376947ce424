"""Lets an environment that mlctl has built import mlctl's modules, behind everything of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PTH_FILE = "zz_mlctl.pth"  # the last of its folder by name: what it appends comes behind everything that other .pth files add
PTH_LINE = (
    "import sys, os; _d = os.environ.get('MLCTL_BUNDLE'); "
    "_d and sys.version_info >= (3, 8) and _d not in sys.path and os.path.isdir(_d) and sys.path.append(_d)\n"
)


def write(folder: Path) -> Path | None:
    """Write the file into an environment; returns its site-packages folder, None where it has none."""
    site = next(iter(sorted(folder.glob("lib/*/site-packages"))), None)
    if site is not None:
        (site / PTH_FILE).write_text(PTH_LINE, "ascii")
    return site
