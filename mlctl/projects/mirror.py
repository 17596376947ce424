"""The cache of git projects: one bare mirror for each repository, one folder for each commit that was asked for.

::

    CACHE/git/<hash of the address>.git        objects as they were fetched, shallow unless a history was needed; a lock beside it
    CACHE/checkouts/<hash>/<commit>/           a detached work tree, complete as soon as it has this name
    CACHE/checkouts/<hash>/<commit>-<hash>/    the same with uncommitted changes applied that a run had recorded

A checkout is a repository of its own (its objects are hard links), so scripts that ask git for the commit get an answer, and it outlives
its mirror. Runs of the same commit share it. If a run has changed its tracked files, it is left to that run and ``<commit>-2`` is made.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mlctl import process
from mlctl.errors import SourceError
from mlctl.projects import git, remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlctl.projects.remote import Remote

T = TypeVar("T")

_BASELINE = "mlctl-status"
_MODULES = "mlctl-modules"
_HALF_MADE = ".half-"
_EVERYTHING = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


class _BrokenError(Exception):
    """Something in the cache is not as we left it."""


class Checkout(NamedTuple):
    """A folder with the files of a commit."""

    commit: str
    folder: Path


class Mirror:
    """The cached copy of one remote repository and its checkouts; safe to use from many processes at once."""

    def __init__(self, source: Remote, *, cache: Path, tell: Callable[[str], None]) -> None:
        name = hashlib.sha256(source.url.encode()).hexdigest()[:20]
        self._remote = source
        self._tell = tell
        self._folder = cache / "git" / f"{name}.git"
        self._checkouts = cache / "checkouts" / name

    def ready(self, commit: str) -> Checkout | None:
        """The unchanged checkout of a commit (its full id), if there is one. Needs no network."""
        place = self._place(commit)
        return Checkout(commit, place) if place.exists() else None

    def checkout(self, commit: str) -> Checkout | None:
        """A commit (its full id) in a folder, fetched if need be; None where the repository has no such commit.

        Raises:
            SourceError: it cannot be fetched or checked out.
        """
        found = self.ready(commit)
        if found:
            return found
        with self._locked():
            return self.ready(commit) or self._mended(lambda: self._obtain(commit))

    def patched(self, commit: str, diff: bytes) -> Checkout:
        """A commit that the mirror holds, with a diff applied, in a folder of its own.

        Raises:
            SourceError: the diff does not apply, or there is no such commit.
        """
        name = f"{commit}-{hashlib.sha256(diff).hexdigest()[:12]}"
        with self._locked():
            place = self._place(name)
            if not place.exists():
                half = self._half(self._checkouts)
                try:
                    self._fill(half, commit, diff=diff)
                    half.rename(place)
                except _BrokenError as error:
                    raise remote.trouble(self._remote.url, str(error)) from None
                finally:
                    _remove(half)
        return Checkout(commit, place)

    def commit_of(self, abbreviated: str) -> str | None:
        """The full id of an abbreviated one, with all history fetched if need be; None where there is no such commit.

        Raises:
            SourceError: the history cannot be fetched, or several commits start like that.
        """
        with self._locked():
            return self._mended(lambda: self._id_of(abbreviated) or (self._fetch_history() and self._id_of(abbreviated)) or None)

    # ── under the lock ──

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        import fcntl

        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with self._folder.with_suffix(".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._tell(f"Waiting for another mlctl that is fetching {self._remote.url}")
                fcntl.flock(file, fcntl.LOCK_EX)
            self._sweep()
            yield

    def _sweep(self) -> None:
        """Remove what a killed process left half-made; its maker is gone, for we hold the lock."""
        for folder in (self._folder.parent, self._checkouts):
            for left in folder.glob(f"{_HALF_MADE}{self._folder.stem}*"):
                _remove(left)

    def _mended(self, work: Callable[[], T]) -> T:
        """Do some work on the mirror; if that turns out to be broken, throw it away and do the work once more."""
        try:
            self._ensure()
            return work()
        except _BrokenError:
            self._discard()
        try:
            self._ensure()
            return work()
        except _BrokenError as error:
            raise remote.trouble(self._remote.url, str(error)) from None

    def _ensure(self) -> None:
        if (self._folder / "HEAD").is_file():
            return
        self._discard()
        half = self._half(self._folder.parent)
        self._git("init", "--quiet", "--bare", "--template=", str(half))
        half.rename(self._folder)

    def _discard(self) -> None:
        if os.path.lexists(self._folder):
            half = self._half(self._folder.parent)
            self._folder.rename(half)
            _remove(half)

    def _half(self, parent: Path) -> Path:
        parent.mkdir(parents=True, exist_ok=True)
        return parent / f"{_HALF_MADE}{self._folder.stem}-{os.getpid()}-{time.monotonic_ns()}"

    def _git(self, *arguments: str, cwd: Path | None = None) -> process.Completed:
        done = remote.run(arguments, remote=self._remote, cwd=cwd)
        if done.code:
            self._blame(done.err)
        return done

    def _blame(self, complaint: str) -> None:
        if remote.is_known(complaint):
            raise remote.trouble(self._remote.url, complaint)
        raise _BrokenError(complaint)

    def _id_of(self, name: str) -> str | None:
        """The commit that a full or abbreviated id stands for, as far as the mirror holds it."""
        done = remote.run([f"--git-dir={self._folder}", "rev-parse", "--verify", f"{name}^{{commit}}"], remote=self._remote)
        if done.code == 0:
            return done.out.strip()
        several = remote.ambiguous(self._remote.url, name, done.err)
        if several:
            raise several
        if "error:" in done.err or "Needed a single revision" not in done.err:
            raise _BrokenError(done.err)
        return None

    def _obtain(self, name: str) -> Checkout | None:
        commit = self._id_of(name) or (self._fetch_commit(name) and self._id_of(name))
        return self._check_out(commit) if commit else None

    def _fetch_commit(self, commit: str) -> bool:
        """Fetch one commit without its history, or all if the server does not give single ones; whether it may be there now."""
        self._tell(f"Fetching {self._remote.url}")
        fresh = not any((self._folder / "objects" / "pack").glob("*.pack"))
        options = ["--depth=1"] if fresh or self._shallow.exists() else []
        done = self._remote.fetch(self._folder, [f"+{commit}:refs/mlctl/{commit}"], options=options, tell=self._tell)
        if done.code == 0:
            return True
        if remote.needs_history(done.err):
            return self._fetch_history()
        self._blame(done.err)
        return False

    def _fetch_history(self) -> bool:
        self._tell(f"Fetching the history of {self._remote.url}")
        options = ["--prune", *(["--unshallow"] if self._shallow.exists() else [])]
        done = self._remote.fetch(self._folder, _EVERYTHING, options=options, tell=self._tell)
        if done.code:
            self._blame(done.err)
        return True

    @property
    def _shallow(self) -> Path:
        return self._folder / "shallow"

    def _check_out(self, commit: str) -> Checkout:
        place = self._place(commit)
        if place.exists():
            return Checkout(commit, place)
        if place.name != commit:
            self._tell(f"An earlier run has changed tracked files in {place.parent / commit}: this one gets a checkout of its own")
        half = self._half(self._checkouts)
        try:
            self._fill(half, commit)
            half.rename(place)
        finally:
            _remove(half)
        return Checkout(commit, place)

    def _place(self, commit: str) -> Path:
        """Where the unchanged checkout of a commit is, or goes."""
        names = itertools.chain([commit], (f"{commit}-{number}" for number in itertools.count(2)))
        places = (self._checkouts / name for name in names)
        return next(place for place in places if not place.exists() or _unchanged(place))

    def _fill(self, folder: Path, commit: str, *, diff: bytes = b"") -> None:
        self._git("init", "--quiet", "--template=", str(folder))
        _link(self._folder / "objects", folder / ".git" / "objects")
        if self._shallow.exists():
            shutil.copyfile(self._shallow, folder / ".git" / "shallow")
        self._git("remote", "add", "origin", self._remote.url, cwd=folder)
        self._git("checkout", "--quiet", "--detach", commit, cwd=folder)
        if (folder / ".gitmodules").is_file():
            self._submodules(folder)
        if diff:
            self._apply(folder, commit, diff)
        later_s = time.time() + 2  # else git would have to read every file again to be sure that none changed within the index's second
        os.utime(folder / ".git" / "index", (later_s, later_s))
        (folder / ".git" / _BASELINE).write_text(_status(folder), encoding="utf-8")

    def _apply(self, folder: Path, commit: str, diff: bytes) -> None:
        """Change a checkout and its index as a run's recorded diff says; the index, for else git might not see a change."""
        patch = folder / ".git" / "mlctl.diff"
        patch.write_bytes(diff)
        done = process.run(["git", "apply", "--index", "--whitespace=nowarn", str(patch)], cwd=str(folder), env=git.ENV)
        if done.code:
            reason = "; ".join(line.removeprefix("error: ") for line in done.err.strip().splitlines()[:3])
            raise SourceError(f"The recorded uncommitted changes do not apply to commit {commit[:8]}: {reason}.")

    def _submodules(self, folder: Path) -> None:
        """Submodules, theirs too. What they need is kept in the mirror: the next commit fetches only what is new."""
        self._tell(f"Fetching the submodules of {self._remote.url}")
        kept, modules = self._folder / _MODULES, folder / ".git" / "modules"
        if kept.is_dir():
            _share(kept, modules)
        done = remote.run(["submodule", "--quiet", "update", "--init", "--recursive"], remote=self._remote, cwd=folder)
        if done.code and kept.is_dir() and not remote.is_known(done.err):
            raise _BrokenError(done.err)
        if done.code:
            reason = remote.trouble(f"a submodule of {self._remote.url}", done.err)
            raise SourceError(f"The submodules of {self._remote.url} cannot be fetched. {reason.message}", hint=reason.hint)
        if modules.is_dir():
            half = self._half(self._folder.parent)
            _share(modules, half)
            _remove(kept)
            half.rename(kept)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    """Give a repository the objects of another one: hard links where the file system has them, else copies."""
    for folder, below, files in os.walk(source):
        below[:] = [name for name in below if not name.startswith(("tmp_", "incoming-"))]
        place = target / Path(folder).relative_to(source)
        place.mkdir(exist_ok=True)
        for name in files:
            if not name.startswith("tmp_"):
                _link_file(Path(folder, name), place / name)


def _share(source: Path, target: Path) -> None:
    """Give a folder of repositories to another place: objects, which never change, as hard links, the rest as copies."""
    for folder, _, files in os.walk(source):
        inside = Path(folder).relative_to(source)
        (target / inside).mkdir(parents=True, exist_ok=True)
        put = _link_file if "objects" in inside.parts else shutil.copyfile
        for name in files:
            put(Path(folder, name), target / inside / name)


def _link_file(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def _status(folder: Path) -> str:
    """Tracked files that differ from HEAD. A few repositories differ from the start, because of their line-ending rules."""
    return process.run(
        ["git", "status", "--porcelain=v2", "--untracked-files=no", "-z", "--", *git.OWN_OUTPUT], cwd=str(folder), env=git.ENV
    ).out


def _unchanged(folder: Path) -> bool:
    try:
        return (folder / ".git" / _BASELINE).read_text(encoding="utf-8") == _status(folder)
    except FileNotFoundError as error:
        return str(error.filename) == "git"  # no git any more: the files are still there
