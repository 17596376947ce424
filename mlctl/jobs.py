"""What layers hand to each other when a project runs: frozen values that survive JSON.

An environment turns a project into a ``PreparedEnv`` (see `mlctl.envs.base`); the runner folds it into a ``JobSpec``; a launcher
starts `mlctl.worker` on that somewhere.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Dict, Optional, Tuple

RUNNING = "RUNNING"
SCHEDULED = "SCHEDULED"
FINISHED = "FINISHED"
FAILED = "FAILED"
KILLED = "KILLED"


@dataclass(frozen=True)
class JobSpec:
    """One job: a shell command, where it runs, and the run that it belongs to.

    ``env`` is laid over the environment of the process that starts the job; ``None`` unsets a variable. ``log_path`` receives what
    the job prints, at most ``log_max_bytes`` of it. Grace periods are in seconds.

    ``endpoint_argv`` is the command that serves the run's own address to MLflow clients (empty: it has none). ``spool`` is the folder of
    files that go to the server when the job has ended (empty: they are where they belong); see `mlctl.remote.spool`.

    ``secrets`` are texts that the log must not have; see `mlctl.masking`.

    A ``contained`` job has neither this machine's files nor its loopback: its run listens at ``endpoint_host`` and is called
    ``endpoint_name`` there ("": the same). ``end_argv`` is a command that ends whatever is left of a job whose own process was killed; it
    gets the run's id as its last argument. ``verdict_path`` is a file in which that process may say how the job ended.
    ``attendant`` names the module which ``argv_prefix`` starts: where it has been imported, a fork does.

    System metrics are sampled every ``system_interval_s`` seconds (0: never); see `mlctl.system_metrics.sampling.Sampling`.
    """

    run_id: str
    command: str
    cwd: str
    tracking_uri: str
    env: Dict[str, Optional[str]] = field(default_factory=dict)
    argv_prefix: Tuple[str, ...] = ()
    log_path: str = ""
    log_max_bytes: int = 32 << 20
    interrupt_grace_s: float = 10.0
    terminate_grace_s: float = 5.0
    endpoint_argv: Tuple[str, ...] = ()
    system_interval_s: float = 0.0
    system_samples: int = 1
    system_node_id: str = ""
    spool: str = ""
    secrets: Tuple[str, ...] = field(default=(), repr=False)
    contained: bool = False
    endpoint_host: str = ""
    endpoint_name: str = ""
    end_argv: Tuple[str, ...] = ()
    attendant: str = ""
    verdict_path: str = ""

    def to_json(self) -> str:
        """The spec as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "JobSpec":
        """The spec that `to_json` wrote."""
        found = json.loads(text)
        found.update({name: tuple(found[name]) for name in ("argv_prefix", "endpoint_argv", "secrets", "end_argv")})
        return cls(**found)


@dataclass(frozen=True)
class JobState:
    """How a job stands or ended.

    ``exit_code`` is what ``mlctl run`` exits with; ``origin`` says whose code it is: ``script`` or ``mlctl``. ``reason`` is empty
    where the status says it all.
    """

    status: str
    exit_code: int = 0
    origin: str = "script"
    reason: str = ""


@dataclass(frozen=True)
class Streams:
    """Where a job's output is shown while it runs, as file descriptors (None: nowhere).

    ``terminal`` gives the job a terminal of its own, so that progress bars and colours behave; both streams are then one.
    """

    out_fd: Optional[int] = None
    err_fd: Optional[int] = None
    terminal: bool = False
