"""Facts about a local work tree: commit, branch, remote, changes. Nothing here writes to a repository or asks a network."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl import process

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DIFF_BYTES = 10 << 20
MAX_UNTRACKED = 200

# A repository that a surrounding hook or script has put into the environment is never the one that is meant here.
_FOREIGN = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
)
# GIT_OPTIONAL_LOCKS=0: `git status` leaves the index as it is.
ENV: dict[str, str | None] = {**dict.fromkeys(_FOREIGN), "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}

# What mlctl and MLflow write beside a project is no change of the project.
OWN_OUTPUT = (":(top)", ":(top,exclude,glob)**/mlruns/**")

_STATUS = ("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--no-renames", "--", *OWN_OUTPUT)
_REMOTES = ("config", "-z", "--get-regexp", r"^remote\..*\.url$")
# The plumbing command: `git diff` would refresh the index, and heed a user's settings that make its output unfit for `git apply`.
_DIFF = ("diff-index", "-p", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--full-index")

_USERINFO = re.compile(r"(?<=://)[^/\s'\"]*@")


@dataclass(frozen=True, kw_only=True)
class GitFacts:
    """A work tree as it stands. ``branch`` is None when HEAD is detached, ``repo_url`` None when there is no remote.

    ``subdir`` is the asked folder within ``root`` ("" at the top). ``dirty``: tracked files differ from HEAD, or there are untracked
    files that are not ignored; folders named ``mlruns`` do not count. ``untracked`` names at most `MAX_UNTRACKED` of those files or
    folders. ``diff`` is what ``git apply`` takes, at most `MAX_DIFF_BYTES`; ``diff_note`` says what was left out of it ("": nothing).
    """

    commit: str
    branch: str | None
    repo_url: str | None
    root: Path
    subdir: str
    dirty: bool
    untracked: tuple[str, ...]
    diff: bytes
    diff_note: str


def without_userinfo(text: str) -> str:
    """URLs in a text without user names, passwords and tokens; ``git@host:path`` stays."""
    return _USERINFO.sub("", text)


def work_tree(folder: Path) -> Path | None:
    """Top of the work tree that a folder lies in, found without starting git; None outside of one."""
    real = Path(os.path.realpath(folder))
    return next((each for each in (real, *real.parents) if _is_git(each / ".git")), None)


def _is_git(marker: Path) -> bool:
    try:
        if (marker / "HEAD").exists():
            return True
        with marker.open("rb") as file:  # a linked work tree or a submodule
            return file.read(8) == b"gitdir: "
    except OSError:
        return False


def repo_url(root: Path) -> str | None:
    """URL of a repository's first remote, without user name and password."""
    return _first_url(_git(root, _REMOTES).result().out)


def _first_url(out: str) -> str | None:
    return without_userinfo(out.split("\0", 1)[0].partition("\n")[2]) or None


def diff_of_commits(folders: Sequence[Path], old: str, new: str) -> bytes | None:
    """The diff from one commit to another, at most `MAX_DIFF_BYTES`, by the repositories that the folders lie in, together.

    A checkout holds one commit, so that the other is looked for in the other's. None where neither git nor the commits are at hand.
    """
    roots = [root for root in map(work_tree, folders) if root is not None]
    try:
        stores = [_git(root, ("rev-parse", "--path-format=absolute", "--git-path", "objects")).result().out.strip() for root in roots]
        if not roots or not all(stores):
            return None
        env = {**ENV, "GIT_ALTERNATE_OBJECT_DIRECTORIES": ":".join(f'"{store}"' for store in stores)}
        for commit in (old, new):
            if process.run(["git", "cat-file", "-e", f"{commit}^{{tree}}"], cwd=str(roots[0]), env=env).code:
                return None
        argv = ["git", "diff-tree", "-r", "-p", "--no-ext-diff", "--no-textconv", "--no-color", old, new, "--"]
        return process.start(argv, cwd=str(roots[0]), env=env, stderr=process.NOTHING).head(MAX_DIFF_BYTES)
    except OSError:
        return None


class PendingFacts:
    """Facts being gathered in the background; `result` must be called once, or `cancel`."""

    def __init__(self, root: Path | None, subdir: str) -> None:
        self._root = root
        self._subdir = subdir
        self._asked: list[process.Pending] = []
        if root is not None:
            self._start(root)

    def _start(self, root: Path) -> None:
        try:
            self._asked.append(_git(root, _STATUS))
            self._asked.append(_git(root, _REMOTES))
            self._asked.append(_diff(root, "--binary"))
            if self._subdir:
                self._asked.append(_git(root, ("check-ignore", "--quiet", "--", self._subdir)))
        except OSError:  # no git executable
            self.cancel()

    def result(self) -> GitFacts | None:
        """The facts, or None where there is no commit to name: no work tree, no commit yet, an ignored folder, no usable git."""
        if self._root is None or not self._asked:
            return None
        status, remotes, diff, *ignored = self._asked
        self._asked = []
        state, urls, text = status.result(), remotes.result(), diff.head(MAX_DIFF_BYTES + 1)
        if any(each.result().code == 0 for each in ignored) or state.code:
            return None
        return _facts(self._root, self._subdir, _State.parse(state.out), urls=urls.out, diff=text)

    def cancel(self) -> None:
        """Give up: nothing is left running."""
        asked, self._asked = self._asked, []
        for each in asked:
            each.head(0)


def facts(folder: Path) -> PendingFacts:
    """Start gathering facts about the work tree that a folder lies in; no process is started outside of one."""
    root = work_tree(folder)
    if root is None:
        return PendingFacts(None, "")
    within = os.path.relpath(os.path.realpath(folder), root)
    return PendingFacts(root, "" if within == "." else within)


def _git(root: Path, arguments: Sequence[str]) -> process.Pending:
    return process.start(["git", *arguments], cwd=str(root), env=ENV)


def _diff(root: Path, *options: str) -> process.Pending:
    return process.start(["git", *_DIFF, *options, "HEAD", "--", *OWN_OUTPUT], cwd=str(root), env=ENV, stderr=process.NOTHING)


@dataclass(frozen=True, kw_only=True)
class _State:
    """What ``git status --porcelain=v2`` says."""

    commit: str
    branch: str | None
    changed: bool
    untracked: tuple[str, ...]

    @classmethod
    def parse(cls, out: str) -> _State:
        records = out.split("\0")
        headers = dict(each[2:].split(" ", 1) for each in records if each.startswith("# "))
        branch = headers.get("branch.head", "(detached)")
        return cls(
            commit=headers.get("branch.oid", "(initial)"),
            branch=None if branch == "(detached)" else branch,
            changed=any(each[:2] in {"1 ", "2 ", "u "} for each in records),
            untracked=tuple(each[2:] for each in records if each.startswith("? ")),
        )


def _facts(root: Path, subdir: str, state: _State, *, urls: str, diff: bytes) -> GitFacts | None:
    if state.commit == "(initial)":
        return None
    text, note = _bounded(root, diff)
    return GitFacts(
        commit=state.commit,
        branch=state.branch,
        repo_url=_first_url(urls),
        root=root,
        subdir=subdir,
        dirty=state.changed or bool(state.untracked),
        untracked=state.untracked[:MAX_UNTRACKED],
        diff=text,
        diff_note=note,
    )


def _bounded(root: Path, diff: bytes) -> tuple[bytes, str]:
    """A diff that fits: without the contents of binary files if need be, then cut after a whole line."""
    if len(diff) <= MAX_DIFF_BYTES:
        return diff, ""
    diff = _diff(root).head(MAX_DIFF_BYTES + 1)
    if len(diff) <= MAX_DIFF_BYTES:
        return diff, f"The contents of changed binary files are left out: they do not fit into {MAX_DIFF_BYTES >> 20} MiB."
    return diff[: diff.rfind(b"\n", 0, MAX_DIFF_BYTES) + 1], f"Cut after {MAX_DIFF_BYTES >> 20} MiB."
