"""What a launcher is to the runner: something that starts the worker on a `JobSpec` somewhere and says how it ended.

``LAUNCHERS`` is the plug-point: name → ``module:function`` of type `Launch`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from mlctl.errors import UsageError

if TYPE_CHECKING:
    from mlctl.jobs import JobSpec, JobState, Streams

LAUNCHERS = {"local": "mlctl.launchers.local:launch"}


class Launch(Protocol):
    """Run a job to its end.

    Raises:
        LaunchError: it could not be started, or how it ended is not known.
    """

    def __call__(self, spec: JobSpec, streams: Streams) -> JobState:
        """Start the worker on ``spec`` and wait for its end."""
        ...


def find(name: str) -> Launch:
    """The launcher of that name.

    Raises:
        UsageError: there is none; the message lists the valid names.
    """
    try:
        module, _, attribute = LAUNCHERS[name].partition(":")
    except KeyError:
        raise UsageError(f"There is no backend {name!r}.", hint=f"Backends: {', '.join(sorted(LAUNCHERS))}.") from None
    return cast("Launch", getattr(import_module(module), attribute))
