"""MLproject files: reading them, binding their parameters, and fetching the projects that hold them. For scripts: ``projects.run``.

In a script's environment there is only this file of the package, and what it names.
"""

from typing import Any, Dict

_NAMES: Dict[str, str] = {
    "SubmittedRun": "mlctl.submitted",
    "run": "mlctl.submitted",
}


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_NAMES[name]), name)


def __dir__() -> "list[str]":
    return sorted(_NAMES)
