"""What an environment is to the runner: something with a key that can be prepared.

The plug-point is ``ENVIRONMENTS`` in `mlctl.envs.selection`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class PreparedEnv:
    """What a job needs to run inside an environment.

    ``env`` is laid over the caller's environment (None unsets); ``path_prefix`` goes in front of PATH and ``path_suffix`` behind it;
    ``argv_prefix`` in front of the shell. ``packages`` are ``name==version`` lines, sorted; ``python`` is the interpreter's version or "".
    ``lock`` is the text of a file that says how to get exactly this environment again ("" where there is none).

    One that is ``inside`` something has neither this machine's files nor its addresses: ``endpoint_host`` is where the run listens for it,
    under the name ``endpoint_name`` ("": the same), and ``server_host`` is what it has to call this machine. ``end_argv``,
    ``attendant`` and ``verdict_path`` are those of `mlctl.jobs.JobSpec`; ``tags`` are recorded with the run.
    """

    kind: str
    env: Mapping[str, str | None] = field(default_factory=dict)
    path_prefix: tuple[str, ...] = ()
    path_suffix: tuple[str, ...] = ()
    argv_prefix: tuple[str, ...] = ()
    python: str = ""
    packages: tuple[str, ...] = ()
    folder: str = ""
    lock: str = ""
    inside: bool = False
    endpoint_host: str = ""
    endpoint_name: str = ""
    server_host: str = ""
    end_argv: tuple[str, ...] = ()
    attendant: str = ""
    verdict_path: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EnvPlan:
    """What ``--dry-run`` tells of an environment: nothing has been built for it.

    ``key`` is the content hash of everything that decides the result ("" where nothing is built), ``channels`` are where conda
    packages come from, ``notes`` say what was chosen and why. ``manager`` is the word of --env-manager that chooses the same where the
    kind is not that word. ``container`` describes the container that the job would run in.
    """

    kind: str
    key: str = ""
    python: str = ""
    folder: str = ""
    built: bool = True
    requirements: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    manager: str = ""
    container: Mapping[str, Any] | None = None


class Environment(Protocol):
    """One kind of environment, bound to one project."""

    def plan(self) -> EnvPlan:
        """Resolve without building.

        Raises:
            EnvError: it can be known already that this cannot be built.
            ProjectError: an environment file is wrong.
        """
        ...

    def prepare(self, tell: Callable[[str], None]) -> PreparedEnv:
        """Build if need be (``tell`` receives progress lines) and return how to run inside.

        Raises:
            EnvError: it cannot be built; the message holds the resolver's own reason.
        """
        ...


@runtime_checkable
class Lockable(Protocol):
    """An environment that can be built with exact versions: those that a run has recorded."""

    def lock(self, packages: Sequence[str]) -> None:
        """From now on only these versions will do. An environment that has them already is used as it is.

        They are ``name==version``, or the lines of `PreparedEnv.lock` where a run has recorded one.
        """
        ...
