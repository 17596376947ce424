"""Real repositories for tests."""

import subprocess
from pathlib import Path

import pytest

from mlctl.errors import SourceError
from mlctl.projects import source

MLPROJECT = "name: seeded\nentry_points:\n  main:\n    command: python train.py\n"


def run_git(folder: Path, *arguments: str, code: int | None = 0) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert code is None or done.returncode == code, done.stderr
    return done.stdout.strip()


def commit(folder: Path, **files: str) -> str:
    """Write files (``__`` stands for a dot, ``___`` for a slash), commit everything, return the commit's id."""
    for name, text in files.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run_git(folder, "add", "--all")
    run_git(folder, "commit", "--quiet", "--allow-empty", "--message", f"Change {', '.join(files)}")
    return head(folder)


def head(folder: Path) -> str:
    return run_git(folder, "rev-parse", "HEAD")


def new_repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    run_git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Every file of a folder, git's own included, with size, modification and change time: what a visitor must leave alone."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        state = path.lstat()
        found[str(path)] = (state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return found


class Fetch:
    """Resolves projects with a cache of its own; ``told`` has the progress lines."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.told: list[str] = []

    def __call__(self, uri: object, version: str | None = None) -> source.Source:
        return source.resolve(str(uri), version=version, tell=self.told.append, cache=self.cache)

    def refusal(self, uri: object, version: str | None = None) -> str:
        """Message and hint of the error that this must end in."""
        with pytest.raises(SourceError) as caught:
            self(uri, version)
        assert caught.value.exit_code == 122
        return f"{caught.value.message} | {caught.value.hint}"
