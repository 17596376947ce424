"""Every error mlctl raises on purpose, and the one table of exit codes.

::

    MlctlError                 120  INTERNAL_ERROR           a defect in mlctl itself
    ├─ UsageError                2  INVALID_PARAMETER_VALUE  the command line is wrong
    ├─ ProjectError            121  INVALID_PROJECT          the MLproject file or an entry point is wrong
    │  └─ ParameterError       121  INVALID_PARAMETER_VALUE  a parameter value does not fit
    ├─ SourceError             122  SOURCE_UNAVAILABLE       a project cannot be fetched
    ├─ EnvError                123  ENVIRONMENT_FAILED       an environment cannot be made
    ├─ StoreError              124  TEMPORARILY_UNAVAILABLE  the tracking store cannot be used
    │  ├─ UnreachableError     124  TEMPORARILY_UNAVAILABLE  a tracking server gives no answer
    │  ├─ NotFoundError        124  RESOURCE_DOES_NOT_EXIST  no such run, experiment, …
    │  ├─ ExistsError          124  RESOURCE_ALREADY_EXISTS  the name is taken
    │  ├─ ConflictError        124  RESOURCE_CONFLICT        somebody else has changed it meanwhile
    │  └─ InvalidValueError    124  INVALID_PARAMETER_VALUE  a key, value or filter is not acceptable
    │     └─ ArgumentError     124  INVALID_PARAMETER_VALUE  … as an argument of a function; a TypeError and ValueError too
    │        └─ SchemaError    124  INVALID_PARAMETER_VALUE  data or params do not fit a model's signature, or a schema is wrong
    ├─ LaunchError             125  LAUNCH_FAILED            a job cannot be started, or its end is not known
    │  └─ ExecutionError       125  RUN_FAILED               a project that a script runs has failed, or cannot be run
    └─ CancelledError        128+n  CANCELLED                signal n (Ctrl-C) ended a command
       └─ InterruptedRunError 128+n  CANCELLED                signal n ended a run before its job had started

Exit codes of ``mlctl``: 0 done; 1 done, and the answer is no (of ``project check``, ``runs check``, ``registry promote``); 2 and 120 to
125 as above; 128 + n ended by signal n; anything else of ``mlctl run`` is the project's own exit code.
"""

from typing import ClassVar, Dict, Optional


class MlctlError(Exception):
    """An error with what was wrong (``message``) and what to do about it (``hint``, may be empty)."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    exit_code: ClassVar[int] = 120
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, error_code: Optional[str] = None, *, hint: str = "", run_id: Optional[str] = None) -> None:
        super().__init__(f"{message} {hint}" if hint else message)  # a script's traceback shows both
        if error_code is not None:  # from a script that raises it as MLflow's exception
            self.code = str(error_code)  # type: ignore[misc]
        self.message = message
        self.hint = hint
        self.run_id = run_id

    @property
    def error_code(self) -> str:
        """The code, as MLflow's exceptions call it."""
        return self.code

    def serialize_as_json(self) -> str:
        """Code and message as JSON, as an answer of a server has them; a method of MLflow's exceptions."""
        import json

        return json.dumps({"error_code": self.code, "message": self.message})

    def get_http_status_code(self) -> int:
        """The status of an answer that tells of this error, as MLflow's exceptions call it."""
        return self.http_status

    def to_dict(self) -> Dict[str, object]:
        """The error as it stands in the JSON envelope."""
        found: Dict[str, object] = {"code": self.code, "message": self.message, "exit_code": self.exit_code, "origin": "mlctl"}
        if self.hint:
            found["hint"] = self.hint
        if self.run_id:
            found["run_id"] = self.run_id
        return found


class UsageError(MlctlError):
    """The command line asks for something contradictory or unknown."""

    code, exit_code, http_status = "INVALID_PARAMETER_VALUE", 2, 400


class ProjectError(MlctlError):
    """An MLproject file, an environment file that it names, or an entry point is wrong."""

    code, exit_code, http_status = "INVALID_PROJECT", 121, 400


class ParameterError(ProjectError):
    """A parameter is missing, or its value does not fit its type."""

    code = "INVALID_PARAMETER_VALUE"


class SourceError(MlctlError):
    """A project cannot be found or fetched."""

    code, exit_code, http_status = "SOURCE_UNAVAILABLE", 122, 400


class EnvError(MlctlError):
    """An environment cannot be made or found."""

    code, exit_code, http_status = "ENVIRONMENT_FAILED", 123, 400


class StoreError(MlctlError):
    """The tracking store cannot be opened, read or written."""

    code, exit_code, http_status = "TEMPORARILY_UNAVAILABLE", 124, 503


class UnreachableError(StoreError):
    """No answer came from a tracking server: it is not there, is cut off, or broke down."""


class NotFoundError(StoreError):
    """A run, experiment, tag or metric that does not exist."""

    code, http_status = "RESOURCE_DOES_NOT_EXIST", 404


class ExistsError(StoreError):
    """A name that is taken already."""

    code, http_status = "RESOURCE_ALREADY_EXISTS", 400


class ConflictError(StoreError):
    """Somebody else has changed meanwhile what was to be changed."""

    code, http_status = "RESOURCE_CONFLICT", 409


class InvalidValueError(StoreError):
    """A key, value, filter or page token that the store does not accept."""

    code, http_status = "INVALID_PARAMETER_VALUE", 400


class ArgumentError(InvalidValueError, TypeError, ValueError):
    """An argument of a kind that a function cannot use. Scripts written for MLflow expect a TypeError or a ValueError there."""


class SchemaError(ArgumentError):
    """Data or params that do not fit a model's signature, data that has no schema, or a schema that makes no sense."""


class LaunchError(MlctlError):
    """A job cannot be started, or how it ended is not known."""

    code, exit_code, http_status = "LAUNCH_FAILED", 125, 500


class ExecutionError(LaunchError):
    """A project that a script runs has failed, or cannot be run."""

    code = "RUN_FAILED"


class CancelledError(MlctlError):
    """A signal ended a command."""

    code, http_status = "CANCELLED", 499

    def __init__(self, message: str, *, signum: int, run_id: Optional[str] = None) -> None:
        super().__init__(message, run_id=run_id)
        self.exit_code = 128 + signum  # type: ignore[misc]  # the one error whose code depends on the case


class InterruptedRunError(CancelledError):
    """A signal ended a run before its job had started."""

    def __init__(self, signum: int, *, run_id: str) -> None:
        super().__init__(f"The run was ended by signal {int(signum)} before its job had started.", signum=signum, run_id=run_id)


MlflowException = MlctlError  # what scripts for MLflow catch and raise
