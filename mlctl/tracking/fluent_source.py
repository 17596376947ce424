"""What a script's runs record about where they come from: the user, the script, and the commit of the git work tree that it lies in.

git's files are read as they are, which takes a tenth of a millisecond, once per process; the git executable is not needed.
"""

import os
import re
import sys
from typing import Any, Dict, Iterator, Optional

from mlctl import settings
from mlctl.errors import UsageError
from mlctl.tracking import users

_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_REMOTE = re.compile(r'^\[remote "[^"\n]*"\]\s*\n(?:^\s+(?!url\b).*\n)*^\s+url\s*=\s*(\S+)', re.MULTILINE)
_LOGIN = re.compile(r"^([a-z+]+://)[^/@]*@")

_known: Dict[str, str] = {}


def tags() -> Dict[str, Any]:
    """The tags of a new run, with MLflow's keys; ``MLFLOW_RUN_CONTEXT``, a JSON object, adds to them.

    Raises:
        UsageError: that variable is no JSON object.
    """
    if not _known:
        source = sys.argv[0] if sys.argv and sys.argv[0] else "<console>"
        _known.update({"mlflow.user": users.current(), "mlflow.source.name": source, "mlflow.source.type": "LOCAL"})
        if os.path.isfile(source):  # noqa: PTH113
            _known.update(git_tags(os.path.dirname(os.path.abspath(source))))  # noqa: PTH100, PTH120
    context = settings.resolve("run_context")
    return {**_known, **_from_json(context)} if context.value else dict(_known)


def git_tags(folder: str) -> Dict[str, str]:
    """Commit, branch and remote of the work tree around a folder; nothing where there is none, or one without a commit."""
    git = _git_folder(folder)
    if git is None:
        return {}
    shared = os.path.normpath(os.path.join(git, _text(os.path.join(git, "commondir")).strip()))  # noqa: PTH118
    head = _text(os.path.join(git, "HEAD")).strip()  # noqa: PTH118
    reference = head[5:] if head.startswith("ref: ") else ""
    commit = _commit_of(reference, git, shared) if reference else head
    if not _COMMIT.fullmatch(commit):
        return {}
    found = {"mlflow.source.git.commit": commit}
    if reference.startswith("refs/heads/"):
        found["mlflow.source.git.branch"] = reference[len("refs/heads/") :]
    remote = _REMOTE.search(_text(os.path.join(shared, "config")))  # noqa: PTH118
    if remote:
        found["mlflow.source.git.repoURL"] = _LOGIN.sub(r"\1", remote[1])
    return found


def _from_json(context: settings.Resolved) -> Dict[str, Any]:
    import json

    try:
        found = json.loads(context.value)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"{context.source}={context.value!r} is no JSON object.", hint="It holds tags of new runs by key.")
    return found


def _git_folder(folder: str) -> Optional[str]:
    """Where git keeps what belongs to the work tree around a folder."""
    for place in _upwards(folder):
        candidate = os.path.join(place, ".git")  # noqa: PTH118
        if os.path.isdir(candidate):  # noqa: PTH112
            return candidate
        pointer = _text(candidate)
        if pointer.startswith("gitdir: "):
            return os.path.join(place, pointer[len("gitdir: ") :].strip())  # noqa: PTH118
    return None


def _upwards(folder: str) -> Iterator[str]:
    while True:
        yield folder
        above = os.path.dirname(folder)  # noqa: PTH120
        if above == folder:
            return
        folder = above


def _commit_of(reference: str, git: str, shared: str) -> str:
    for place in (git, shared):
        commit = _text(os.path.join(place, reference)).strip()  # noqa: PTH118
        if commit:
            return commit
    packed = re.search(rf"^(\S+) {re.escape(reference)}$", _text(os.path.join(shared, "packed-refs")), re.MULTILINE)  # noqa: PTH118
    return packed[1] if packed else ""


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 -- pathlib is slower to import
            return file.read()
    except OSError:
        return ""
