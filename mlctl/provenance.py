"""What every run records about where it came from: tags, and files of mlctl's own among its artifacts."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from mlctl.projects import manifest
from mlctl.tracking import users
from mlctl.tracking.entities import PARENT_TAG
from mlctl.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlctl.planning import Job

FOLDER = "mlctl"
LOG_FILE = "output.log"
DIFF_FILE = "source.diff"
PACKAGES_FILE = "packages.txt"
LOCK_FILE = "environment.lock"
MANIFEST_FILE = "source.sha256"
_MOST_NAMED = 20


def tags(job: Job) -> dict[str, str]:
    """MLflow's tags (see its documentation, "system tags"), and mlctl's own."""
    facts, found = job.facts, job.source
    fixed = {
        "mlflow.user": user(),
        "mlflow.source.name": found.uri,
        "mlflow.source.type": "PROJECT",
        "mlflow.project.entryPoint": job.entry.name,
        "mlflow.project.backend": job.options.backend,
        "mlctl.version": __version__,
        "mlctl.host": os.uname().nodename,
        "mlctl.command": job.command,
        "mlctl.cwd": str(job.project.folder),
    }
    optional = {
        "mlflow.source.git.commit": found.commit or (facts.commit if facts else None),
        "mlflow.source.git.repoURL": found.repo_url or (facts.repo_url if facts else None),
        "mlflow.source.git.branch": found.branch if found.version else None,
        "mlctl.source.sha256": found.digest,
        "mlctl.git.dirty": str(facts.dirty).lower() if facts else None,
        "mlctl.git.untracked": _untracked(facts.untracked) if facts else None,
        "mlctl.git.diff.note": facts.diff_note if facts else None,
        "mlctl.source.hash": manifest.digest(job.manifest) if job.manifest else None,
        "mlctl.parameters": json.dumps([*job.bound.logged], ensure_ascii=False),
        "mlctl.caller": (job.options.caller_folder or _caller()) if job.bound.resolved else None,
        "mlctl.platform": platform(),
        "mlflow.project.env": None if job.env_plan.kind == "system" else job.env_plan.kind,
        "mlctl.env.key": job.env_plan.key or None,
        "mlctl.docker.args": json.dumps(job.options.docker_args) if job.options.docker_args else None,
        "mlctl.docker.build": "true" if job.options.build_image else None,
        "mlctl.env.manager": job.env_plan.manager or None,
        "mlctl.variables": ", ".join(sorted(job.variables.values)) or None,
        "mlctl.python": job.env_plan.python or None,
        PARENT_TAG: os.environ.get("MLCTL_RUN_ID") if os.environ.get("MLCTL_RUN_ID") != job.options.run_id else None,
    }
    found_tags = {**fixed, **{key: value for key, value in optional.items() if value}}
    return {**{key: _unicode(value) for key, value in found_tags.items()}, **job.options.tags}


def platform() -> str:
    """The system and the kind of processor that this machine has."""
    found = os.uname()
    return f"{found.sysname} {found.machine}"


def _untracked(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _caller() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return None


def _unicode(text: str) -> str:
    """The text with bytes that are no UTF-8, as names of folders may have, written as escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def write_file(root: Path, name: str, data: bytes) -> None:
    """Write one of mlctl's own files of a run, whole or not at all; nothing for no data."""
    if not data:
        return
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{name}.{os.getpid()}"
    draft.write_bytes(data)
    draft.replace(folder / name)


def user() -> str:
    """Name of the user who runs mlctl; the number of one who has none."""
    return users.current(nameless=str(os.getuid()))
