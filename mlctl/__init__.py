"""Run MLproject files and track what they log."""

from mlctl.version import __version__

__all__ = ["__version__"]
