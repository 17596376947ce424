"""What runs keep of where they came from and what they printed, read back to be compared: code, packages, log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl.commands import text_diff
from mlctl.errors import StoreError
from mlctl.projects import git

if TYPE_CHECKING:
    from mlctl.tracking.entities import Run
    from mlctl.tracking.store import TrackingStore

LOG_FILE = "mlctl/output.log"
DIFF_FILE = "mlctl/source.diff"
PACKAGES_FILE = "mlctl/packages.txt"
_MOST_BYTES = 4 << 20
_COMMIT = "mlflow.source.git.commit"
_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(===?|@)\s*(.*)")


class Files:
    """The files of one run; those that are not there are empty. ``problem`` says why they cannot be read."""

    def __init__(self, store: TrackingStore, run: Run) -> None:
        self._store = store
        self._run = run
        self.problem = ""

    def text(self, path: str) -> str:
        """A file's first megabytes, as text."""
        found = bytearray()
        try:
            store = self._store.artifacts(self._run.info)
            if path not in [item.path for item in store.list(path.rpartition("/")[0])]:
                return ""
            for piece in store.read(path):
                found += piece
                if len(found) > _MOST_BYTES:
                    break
        except StoreError as error:
            self.problem = f"files of run {self._run.info.run_id[:8]} are left out: {error.message}"
            return ""
        return found[:_MOST_BYTES].decode("utf-8", "replace")


def log(files: Files) -> str:
    """What a run printed."""
    return files.text(LOG_FILE)


def packages(files: Files) -> dict[str, str]:
    """Versions of the packages that a run's environment had, by name; whatever else its list says, as it stands."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, files.text(PACKAGES_FILE).splitlines())):
        match = _NAME.fullmatch(line)
        found[match[1] if match else line] = match[3] if match else ""
    return found


def code_diff(a: Run, b: Run, files: tuple[Files, Files]) -> tuple[list[str], list[str]]:
    """Lines of the diff from one run's code to the other's, and remarks on what could not be compared.

    Commits are compared where a repository that the runs were started from is still there; then come the uncommitted changes of both.
    """
    old, new = a.data.tags.get(_COMMIT), b.data.tags.get(_COMMIT)
    lines: list[str] = []
    remarks: list[str] = []
    if old and new and old != new:
        found = git.diff_of_commits([Path(run.data.tags.get("mlctl.cwd", "")) for run in (a, b)], old, new)
        if found is None:
            remarks.append(f"the code of {old[:8]} and {new[:8]} is not compared: no repository here has both")
        else:
            lines += text_diff.lines(found.decode("utf-8", "replace"))
    changes = text_diff.unified(*(file.text(DIFF_FILE) for file in files))
    if changes:
        lines += ["@@ uncommitted changes, as diffs @@", *changes]
    return lines, remarks
