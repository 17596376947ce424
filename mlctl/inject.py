"""Makes ``import mlctl`` work inside a job, whatever its environment, and puts nothing else of ours there.

The bundle (the modules that need the standard library only) is copied once per version into the cache. A job finds it through
``MLCTL_BUNDLE``, always *behind* the environment's own packages: environments that mlctl builds have a ``.pth`` file that appends it;
elsewhere PYTHONPATH names a folder whose ``sitecustomize`` appends it, takes itself off the path and runs the environment's own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl import settings
from mlctl.tracking.opening import is_remote
from mlctl.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlctl.envs.base import PreparedEnv
    from mlctl.tracking.entities import RunInfo

BUNDLE = (
    "__init__.py",
    "version.py",
    "artifacts.py",
    "client.py",
    "data.py",
    "entities.py",
    "errors.py",
    "exceptions.py",
    "settings.py",
    "process.py",
    "ending.py",
    "endpoint.py",
    "joblog.py",
    "forwarding.py",
    "jobs.py",
    "leftovers.py",
    "lookout.py",
    "masking.py",
    "recorder.py",
    "submitted.py",
    "worker.py",
    "projects/__init__.py",
    "tracking/*.py",
    "datasets/*.py",
    "models/*.py",
    "types/*.py",
    "files/*.py",
    "remote/*.py",
    "search/*.py",
    "sql/*.py",
    "system_metrics/*.py",
    "mlflow_standin/*.py",
    "sklearn.py",
    "catboost.py",
    "keras.py",
    "lightgbm.py",
    "onnx.py",
    "pytorch.py",
    "spark.py",
    "statsmodels.py",
    "tensorflow.py",
    "xgboost.py",
    "pyfunc.py",
    "flavors/*.py",
    "autologging/*.py",
)
_STAND_IN = "mlflow_standin"  # installed as `mlflow`, where only jobs find it: it must not stand in the way of a later `pip install mlflow`

_SITECUSTOMIZE = '''\
"""Appends mlctl's modules to the path, then hands over to the environment's own sitecustomize. Any Python may run this."""
import os
import sys


def _hand_over():
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != here]
    bundle = os.environ.get("MLCTL_BUNDLE")
    if bundle and sys.version_info >= (3, 8) and bundle not in sys.path:
        sys.path.append(bundle)
    mine = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize
    except ImportError:
        if mine is not None:
            sys.modules["sitecustomize"] = mine


_hand_over()
'''


_LOOPBACK = re.compile(r"^(https?://(?:[^@/]*@)?)(?:localhost|127(?:\.\d+){3}|\[::1\])(?=[:/]|$)", re.IGNORECASE)
SYSTEM_METRICS = ("MLCTL_SYSTEM_METRICS", "MLCTL_SYSTEM_METRICS_RUN", "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING")
_OLDEST_PYTHON = (3, 8)  # the same as above


def is_too_old(python: str) -> bool:
    """Whether a Python of this version (empty: not known) cannot import the bundle."""
    return bool(python) and tuple(map(int, python.split(".")[:2])) < _OLDEST_PYTHON


def job_variables(prepared: PreparedEnv, run: RunInfo, *, tracking_uri: str, own: Mapping[str, str] | None = None) -> dict[str, str | None]:
    """Everything that a job's environment differs in from the caller's; ``own`` are variables of the project's env files."""
    tied = {**run_variables(run, tracking_uri=tracking_uri), **access_variables(tracking_uri)}
    found = {**free_variables(prepared, own=own), **tied}
    if not prepared.inside:
        return found
    names = [*(own or {}), *(name for name, value in tied.items() if value is not None), *SYSTEM_METRICS]
    return {**found, **_seen_from_inside(found, prepared.server_host), "MLCTL_CONTAINER_VARIABLES": json.dumps(names)}


def _seen_from_inside(found: Mapping[str, str | None], host: str) -> dict[str, str | None]:
    """Addresses of servers on this machine's loopback, as a container has to write them."""
    names = ("MLCTL_TRACKING_URI", "MLFLOW_TRACKING_URI")
    return {name: _LOOPBACK.sub(rf"\g<1>{host}", value) for name in names if host and is_remote(value := found.get(name) or "")}


def free_variables(prepared: PreparedEnv, *, own: Mapping[str, str] | None = None) -> dict[str, str | None]:
    """What a command in an environment finds that belongs to no run; ``own`` as in `job_variables`."""
    path = os.pathsep.join([*prepared.path_prefix, os.environ.get("PATH", os.defpath), *prepared.path_suffix])
    importable = bundle_variables(settings.cache_dir(), python_path=prepared.kind == "system", environ={**(own or {}), **os.environ})
    told = {"MLCTL_COMMAND": json.dumps(_command())}
    return {**(own or {}), **importable, **prepared.env, "PATH": path, **told}


def _command() -> list[str]:
    """The argument list that starts this mlctl again, wherever: the current folder must not lend it modules, as ``-m`` would."""
    return [sys.executable, "-c", "import sys; sys.path[:] = filter(None, sys.path); from mlctl.cli import entry; entry()"]


def run_variables(run: RunInfo, *, tracking_uri: str) -> dict[str, str | None]:
    """What ties a job to its run. Names of experiments are unset: the run has its experiment."""
    return {
        "MLCTL_RUN_ID": run.run_id,
        "MLFLOW_RUN_ID": run.run_id,
        "MLCTL_EXPERIMENT_ID": run.experiment_id,
        "MLFLOW_EXPERIMENT_ID": run.experiment_id,
        "MLCTL_EXPERIMENT_NAME": None,
        "MLFLOW_EXPERIMENT_NAME": None,
        "MLCTL_TRACKING_URI": tracking_uri,
        # Never a path or a database: MLflow clients would write into it; the worker names the run's address.
        "MLFLOW_TRACKING_URI": tracking_uri if is_remote(tracking_uri) else None,
    }


def access_variables(tracking_uri: str) -> dict[str, str | None]:
    """What lets a job into the server that its run is with: the caller's credentials and certificates, under both names."""
    if not is_remote(tracking_uri):
        return {}
    from mlctl.remote import address as http_address

    server = http_address.server(tracking_uri)
    tls = {"INSECURE_TLS": "true" if server.tls.insecure else None}
    tls |= {"SERVER_CERT_PATH": server.tls.authorities or None, "CLIENT_CERT_PATH": server.tls.client or None}
    known = {**dict.fromkeys(("USERNAME", "PASSWORD", "TOKEN")), **http_address.credentials(server.authorization), **tls}
    return {f"{owner}_TRACKING_{name}": value for owner in ("MLCTL", "MLFLOW") for name, value in known.items()}


def bundle_variables(cache: Path, *, python_path: bool, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables that make the bundle importable; with ``python_path`` for environments without the ``.pth`` file.

    Raises:
        OSError: the cache cannot be written.
    """
    home = bundle_folder(cache)
    found = {"MLCTL_BUNDLE": str(home / "lib")}
    if python_path:
        theirs = (os.environ if environ is None else environ).get("PYTHONPATH", "")
        found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(home / "site"), theirs]))
    return found


def bundle_folder(cache: Path) -> Path:
    """The folder that holds ``lib/mlctl`` and ``site/sitecustomize.py``, made if it is not there yet (atomically)."""
    package = Path(__file__).parent
    home = cache / "bundle" / _key(package)
    if not home.is_dir():
        _make(package, home)
    return home


def files(package: Path) -> Iterator[Path]:
    """The bundle's files."""
    for pattern in BUNDLE:
        yield from sorted(package.glob(pattern)) if "*" in pattern else [package / pattern]


def _place(file: Path) -> Path:
    """Where a file of the bundle lies, below the folder that is on the path."""
    return Path("mlflow", *file.parts[1:]) if file.parts[0] == _STAND_IN else "mlctl" / file


def _key(package: Path) -> str:
    """Changes with every change of a file: an editable install must not run yesterday's bundle.

    A checksum is enough, and hashlib costs 3 ms to import: two bundles of one version differ on a developer's machine only.
    """
    stamps = [f"{file.name} {found.st_size} {found.st_mtime_ns}" for file in files(package) for found in [file.stat()]]
    return f"{__version__}-{zlib.crc32(chr(10).join([str(package), *stamps]).encode()):08x}"


def _add_yaml(lib: Path) -> None:
    """PyYAML's half in Python: MLmodel files are YAML. As all that is here, it comes behind the environment's own."""
    from importlib.util import find_spec

    found = find_spec("yaml")
    if found is not None and found.origin:
        shutil.copytree(
            Path(found.origin).parent,
            lib / "yaml",
            ignore=lambda _, names: [name for name in names if not name.endswith(".py") or name == "cyaml.py"],
        )


def _make(package: Path, home: Path) -> None:
    import tempfile

    home.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=home.parent))
    draft.chmod(0o755)
    for file in files(package):
        target = draft / "lib" / _place(file.relative_to(package))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    _add_yaml(draft / "lib")
    (draft / "site").mkdir()
    (draft / "site" / "sitecustomize.py").write_text(_SITECUSTOMIZE, encoding="utf-8")
    try:
        draft.rename(home)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        if not home.is_dir():
            raise
