"""One table of settings: each resolves to a value and where it came from. Nothing here is read at import."""

import os
from pathlib import Path
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from mlctl.errors import UsageError


class Setting(NamedTuple):
    """A row of the table: the variables that set it, in order, its default, and what it means."""

    variables: Tuple[str, ...]
    default: str
    meaning: str


class Resolved(NamedTuple):
    """A setting's value and its source (a variable's name, ``flag`` or ``default``)."""

    value: str
    source: str


SETTINGS: Dict[str, Setting] = {
    "tracking_uri": Setting(
        ("MLCTL_TRACKING_URI", "MLFLOW_TRACKING_URI"), "", "the store: a folder, a file, sqlite:///…, postgresql://… or http://…"
    ),
    "server_token": Setting(("MLCTL_SERVER_TOKEN",), "", "the token without which `mlctl server` answers nobody"),
    "artifacts_destination": Setting(
        ("MLCTL_ARTIFACTS_DESTINATION", "MLFLOW_ARTIFACTS_DESTINATION"),
        "",
        "where a server on a database keeps artifacts: a folder or s3://…",
    ),
    "tracking_username": Setting(("MLCTL_TRACKING_USERNAME", "MLFLOW_TRACKING_USERNAME"), "", "user name for a server, with a password"),
    "tracking_password": Setting(("MLCTL_TRACKING_PASSWORD", "MLFLOW_TRACKING_PASSWORD"), "", "password for a server"),
    "tracking_token": Setting(("MLCTL_TRACKING_TOKEN", "MLFLOW_TRACKING_TOKEN"), "", "token for a server, where no user name is set"),
    "tracking_insecure_tls": Setting(
        ("MLCTL_TRACKING_INSECURE_TLS", "MLFLOW_TRACKING_INSECURE_TLS"),
        "",
        "whether a server's certificate is not checked (true: it is not)",
    ),
    "tracking_server_cert": Setting(
        ("MLCTL_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_SERVER_CERT_PATH"), "", "file of certificates that a server's must come from"
    ),
    "tracking_client_cert": Setting(
        ("MLCTL_TRACKING_CLIENT_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH"), "", "file with the client's own certificate and key"
    ),
    "http_timeout_s": Setting(
        ("MLCTL_HTTP_TIMEOUT_S", "MLFLOW_HTTP_REQUEST_TIMEOUT"), "120", "seconds in which a server has to send something"
    ),
    "http_patience_s": Setting(
        ("MLCTL_HTTP_PATIENCE_S",), "60", "seconds for which a request that may be repeated is, when a server that has answered is gone"
    ),
    "s3_endpoint_url": Setting(("MLCTL_S3_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL"), "", "the service behind s3://…, where it is not AWS"),
    "s3_ignore_tls": Setting(
        ("MLCTL_S3_IGNORE_TLS", "MLFLOW_S3_IGNORE_TLS"), "", "whether its certificate is not checked (true: it is not)"
    ),
    "s3_addressing_style": Setting(
        ("MLCTL_S3_ADDRESSING_STYLE", "MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE"), "auto", "where a bucket's name stands: path, virtual or auto"
    ),
    "s3_upload_extra_args": Setting(
        ("MLCTL_S3_UPLOAD_EXTRA_ARGS", "MLFLOW_S3_UPLOAD_EXTRA_ARGS"), "", "what goes with every upload to s3://…, as a JSON object"
    ),
    "s3_expected_bucket_owner": Setting(
        ("MLCTL_S3_EXPECTED_BUCKET_OWNER", "MLFLOW_S3_EXPECTED_BUCKET_OWNER"), "", "the AWS account that must own a bucket"
    ),
    "experiment_name": Setting(("MLCTL_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_NAME"), "", "experiment of new runs, by name"),
    "experiment_id": Setting(("MLCTL_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_ID"), "", "experiment of new runs, by id"),
    "run_id": Setting(("MLCTL_RUN_ID", "MLFLOW_RUN_ID"), "", "the run that a script joins"),
    "command": Setting(("MLCTL_COMMAND",), "", "the mlctl that `projects.run` starts, as a JSON list of words; a job is told by its mlctl"),
    "run_context": Setting(("MLCTL_RUN_CONTEXT", "MLFLOW_RUN_CONTEXT"), "", "tags of a script's new runs, as a JSON object"),
    "joined_run_id": Setting(("MLCTL_JOINED_RUN_ID",), "", "the run that a script has joined: what it starts does not join it again"),
    "cache_dir": Setting(("MLCTL_CACHE_DIR",), "", "environments, git mirrors and checkouts; default ~/.cache/mlctl"),
    "no_uv": Setting(("MLCTL_NO_UV",), "", "whether environments are filled by pip although uv is there (any text: yes)"),
    "without_mlflow": Setting(("MLCTL_WITHOUT_MLFLOW",), "", "whether projects are installed without mlflow (any text: yes)"),
    "conda_channel_alias": Setting(
        ("MLCTL_CONDA_CHANNEL_ALIAS", "CONDA_CHANNEL_ALIAS"), "https://conda.anaconda.org", "the address that names of channels stand below"
    ),
    "conda_channels": Setting(("MLCTL_CONDA_CHANNELS", "CONDA_CHANNELS"), "conda-forge", "channels of conda files that name none"),
    "conda_default_channels": Setting(
        ("MLCTL_CONDA_DEFAULT_CHANNELS", "CONDA_DEFAULT_CHANNELS"),
        "https://repo.anaconda.com/pkgs/main,https://repo.anaconda.com/pkgs/r",
        "the channels that `defaults` stands for",
    ),
    "conda_channel_priority": Setting(
        ("MLCTL_CONDA_CHANNEL_PRIORITY", "CONDA_CHANNEL_PRIORITY"), "flexible", "flexible, strict or disabled, as in conda"
    ),
    "conda_home": Setting(
        ("MLCTL_CONDA_HOME", "MLFLOW_CONDA_HOME"), "", "folder of an installed conda, whose programs are in bin/; uses it"
    ),
    "conda_create_env_cmd": Setting(
        ("MLCTL_CONDA_CREATE_ENV_CMD", "MLFLOW_CONDA_CREATE_ENV_CMD"), "", "the program beside conda that makes environments, such as mamba"
    ),
    "endpoint_address": Setting(("MLCTL_ENDPOINT_ADDRESS",), "", "the address for MLflow clients of the run that a job belongs to"),
    "endpoint_store": Setting(("MLCTL_ENDPOINT_STORE",), "", "the store behind that address"),
    "git_token": Setting(("MLCTL_GIT_TOKEN",), "", "token for private repositories on the host that MLCTL_GIT_HOST names"),
    "git_host": Setting(("MLCTL_GIT_HOST",), "github.com", "the host that MLCTL_GIT_TOKEN is for"),
    "github_token": Setting(("GITHUB_TOKEN", "GH_TOKEN"), "", "token for private repositories on github.com"),
    "zip_max_bytes": Setting(("MLCTL_ZIP_MAX_BYTES",), str(4 << 30), "size bound of a zip project, packed and unpacked, bytes"),
    "storage_dir": Setting(("MLCTL_STORAGE_DIR", "MLFLOW_TMP_DIR"), "", "where remote `path` parameters are downloaded to"),
    "output": Setting(("MLCTL_OUTPUT",), "", "default of --output"),
    "ci": Setting(("MLCTL_CI",), "", "whether GitHub Actions is told of runs and checks (0: no)"),
    "log_max_bytes": Setting(("MLCTL_LOG_MAX_BYTES",), str(32 << 20), "size bound of a run's captured log, bytes"),
    "interrupt_grace_s": Setting(("MLCTL_INTERRUPT_GRACE_S",), "10", "seconds from the interrupt to the terminate signal"),
    "terminate_grace_s": Setting(("MLCTL_TERMINATE_GRACE_S",), "5", "seconds from the terminate to the kill signal"),
    "uploads_at_once": Setting(("MLCTL_UPLOADS_AT_ONCE",), "16", "artifacts that a server receives at a time; more have to wait"),
    "artifact_max_bytes": Setting(("MLCTL_ARTIFACT_MAX_BYTES",), str(1 << 40), "size bound of an artifact that a server receives, bytes"),
    "system_metrics": Setting(
        ("MLCTL_SYSTEM_METRICS", "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"),
        "",
        "whether runs have system metrics; default: those of mlctl run",
    ),
    "system_metrics_interval_s": Setting(
        ("MLCTL_SYSTEM_METRICS_INTERVAL_S", "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"), "10", "seconds between samples of system metrics"
    ),
    "system_metrics_samples": Setting(
        ("MLCTL_SYSTEM_METRICS_SAMPLES", "MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING"), "1", "samples averaged into a point"
    ),
    "system_metrics_node_id": Setting(
        ("MLCTL_SYSTEM_METRICS_NODE_ID", "MLFLOW_SYSTEM_METRICS_NODE_ID"), "", "the machine's name in the keys of system metrics"
    ),
    "system_metrics_run": Setting(("MLCTL_SYSTEM_METRICS_RUN",), "", "the run whose system metrics are sampled from outside of the script"),
    "autolog_budget_s": Setting(("MLCTL_AUTOLOG_BUDGET_S",), "10", "seconds that metrics of training data, or all figures, may take"),
    "autolog_figures": Setting(("MLCTL_AUTOLOG_FIGURES",), "1", "whether autologging draws figures (0: no)"),
    "hide_schema_details": Setting(
        ("MLCTL_HIDE_SCHEMA_DETAILS", "MLFLOW_DISABLE_SCHEMA_DETAILS"), "", "whether errors leave out how data does not fit a signature"
    ),
    "allow_pickle": Setting(
        ("MLCTL_ALLOW_PICKLE", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"),
        "true",
        "whether models may be unpickled, or run code that they bring",
    ),
    "network_store": Setting(("MLCTL_NETWORK_STORE",), "", "whether a store may be made on a network file system (1: yes)"),
    "busy_timeout_s": Setting(("MLCTL_BUSY_TIMEOUT_S",), "60", "seconds to wait for another process that writes to the store"),
}


def resolve(name: str, *, flag: Optional[str] = None, environ: Optional[Mapping[str, str]] = None) -> Resolved:
    """Value of a setting: the flag, else the first variable that is set and not empty, else the default.

    Raises:
        KeyError: there is no such setting (a defect).
    """
    setting = SETTINGS[name]
    if flag:
        return Resolved(flag, "flag")
    env = os.environ if environ is None else environ
    for variable in setting.variables:
        if env.get(variable):
            return Resolved(env[variable], variable)
    return Resolved(setting.default, "default")


def value(name: str, *, flag: Optional[str] = None) -> str:
    """The value of a setting, as text."""
    return resolve(name, flag=flag).value


_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def switch(name: str) -> Optional[bool]:
    """The value of a setting that is on or off; None where nothing is set.

    Raises:
        UsageError: the text is neither; the message names the variable.
    """
    found = resolve(name)
    if not found.value:
        return None
    if found.value.strip().lower() not in _SWITCH:
        raise UsageError(f"{found.source}={found.value!r} is neither on nor off.", hint=f"One of: {', '.join(_SWITCH)}.")
    return _SWITCH[found.value.strip().lower()]


def number(name: str) -> float:
    """The value of a setting that is a non-negative number.

    Raises:
        UsageError: the text is not such a number; the message names the variable.
    """
    found = resolve(name)
    try:
        amount = float(found.value)
    except ValueError:
        amount = -1.0
    if not amount >= 0:
        raise UsageError(f"{found.source}={found.value!r} is not a number ≥ 0.", hint=f"It sets {SETTINGS[name].meaning}.")
    return amount


def cache_dir() -> Path:
    """The folder of everything that can be made again: environments, mirrors, checkouts, the bundle."""
    named = value("cache_dir")
    if named:
        return Path(named).expanduser().absolute()
    xdg = os.environ.get("XDG_CACHE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".cache") / "mlctl"


def flag(name: str) -> bool:
    """Whether a setting says yes.

    Raises:
        UsageError: it says neither yes nor no.
    """
    found = resolve(name)
    if found.value.strip().lower() in ("1", "true", "yes", "on"):
        return True
    if found.value.strip().lower() in ("", "0", "false", "no", "off"):
        return False
    raise UsageError(f"{found.source}={found.value!r} is neither true nor false.")
