"""From a project URI to a folder: local folders in place, git repositories through the cache.

A version is looked up as git itself does: see `mlctl.projects.versions`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl.errors import SourceError
from mlctl.projects import git
from mlctl.projects.address import LOCAL, ZIP, ProjectURI, is_zip_address, parse, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ProjectURI", "Source", "parse", "resolve"]

_SEARCH_DEPTH = 4
_SEARCH_FOLDERS = 2000


@dataclass(frozen=True, kw_only=True)
class Source:
    """A project's files. ``folder`` is the project folder; ``uri`` is what a run records as its source and can be run again.

    A project used in place has no ``commit``, ``branch`` and ``repo_url`` here: its folder changes, so ask `git.facts`. ``branch`` is the
    one that was asked for, or the default one; None for a tag or a commit. ``digest`` is the hash of a zip file. No field holds a
    password or a token.
    """

    folder: Path
    uri: str
    commit: str | None = None
    branch: str | None = None
    repo_url: str | None = None
    in_place: bool = False
    version: str | None = None
    digest: str | None = None


def resolve(uri: str, *, version: str | None, tell: Callable[[str], None], cache: Path, diff: bytes = b"") -> Source:
    """Find or fetch a project; ``tell`` receives progress lines. A folder given by its path is never changed.

    With a ``diff`` (and a version) the folder is a copy of that version with the diff applied.

    Raises:
        SourceError: there is no such project, version or subfolder, or it cannot be fetched.
    """
    project = parse(uri)
    if version is not None:
        _check_version(version)
    if project.kind == LOCAL and version is None:
        folder = _within(Path(project.location), project.subdir, shown=project.location)
        return Source(folder=folder, uri=_recorded(folder), in_place=True)
    try:
        if project.kind == ZIP:
            return _unzipped(project, version, tell=tell, cache=cache)
        if version is not None and project.kind == LOCAL:
            return _versioned(project, version, tell=tell, cache=cache, diff=diff)
        return _fetched(project, version, tell=tell, cache=cache, diff=diff)
    except OSError as error:
        what = f"{error.strerror}: {error.filename}" if error.filename else str(error)
        raise SourceError(f"The cache folder {cache} cannot be used ({what}).", hint="Set MLCTL_CACHE_DIR to a folder of yours.") from error


def _check_version(version: str) -> None:
    if not version.strip() or version.startswith("-") or not version.isprintable():
        raise SourceError(f"{version!r} is not a version.", hint="Name a branch, a tag or a commit.")


# ── local repositories ──────────────────────────────────────────────────────────────────────────────────────────────────


def _recorded(folder: Path, subdir: str = "") -> str:
    """The URI of a local project as runs record it: with its repository where it has one."""
    root = git.work_tree(folder)
    if root is None:
        return str(folder)
    inside = _inside(root, folder, subdir)
    return _file_url(root) + (f"#{inside}" if inside else "")


def _inside(root: Path, folder: Path, subdir: str) -> str:
    """Path of a project within its repository, "" for the top."""
    found = os.path.relpath(os.path.realpath(folder / subdir), root)
    return "" if found == "." else found


def _file_url(path: Path) -> str:
    """Only the two characters that would be misread are escaped, so that an ordinary path looks as it does in MLflow."""
    return "file://" + str(path).replace("%", "%25").replace("#", "%23")


def _versioned(project: ProjectURI, version: str, *, tell: Callable[[str], None], cache: Path, diff: bytes) -> Source:
    """A version of a local repository, in a checkout: the folder itself stays as it is."""
    from mlctl.projects import versions
    from mlctl.projects.mirror import Mirror
    from mlctl.projects.remote import Remote

    root = git.work_tree(Path(project.location))
    if root is None:
        hint = "Leave --version out to run the folder as it is."
        raise SourceError(f"{project.location!r} is not in a git repository, so it has no version {version!r}.", hint=hint)
    remote = Remote(url=str(root))
    commit, branch = versions.of_local(remote, root, version)
    mirror = Mirror(remote, cache=cache, tell=tell)
    checkout = mirror.checkout(commit)
    if checkout is None:
        raise versions.wrong(remote, version)
    checkout = mirror.patched(checkout.commit, diff) if diff else checkout
    inside = _inside(root, Path(project.location), project.subdir)
    folder = _within(checkout.folder, inside, shown=f"{root} at {version}", closed=True)
    uri = _recorded(Path(project.location), project.subdir)
    return Source(folder=folder, uri=uri, commit=checkout.commit, branch=branch, repo_url=git.repo_url(root), version=version)


# ── repositories elsewhere ──────────────────────────────────────────────────────────────────────────────────────────────


def _fetched(project: ProjectURI, version: str | None, *, tell: Callable[[str], None], cache: Path, diff: bytes) -> Source:
    from mlctl.projects import versions
    from mlctl.projects.mirror import Mirror
    from mlctl.projects.remote import Remote

    remote = Remote.at(project.location)
    mirror = Mirror(remote, cache=cache, tell=tell)
    subdir = project.subdir
    if project.page:
        version, subdir = versions.of_page(remote, project.page, version)
    checkout, branch = versions.of_remote(mirror, remote, version, tell=tell)
    checkout = mirror.patched(checkout.commit, diff) if diff else checkout
    folder = _within(checkout.folder, subdir, shown=remote.url, closed=True)
    address = _file_url(Path(remote.url)) if remote.url.startswith("/") else remote.url
    uri = address + (f"#{subdir}" if subdir else "")
    repo_url = git.without_userinfo(address)
    return Source(folder=folder, uri=uri, commit=checkout.commit, branch=branch, repo_url=repo_url, version=version)


# ── zip files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _unzipped(project: ProjectURI, version: str | None, *, tell: Callable[[str], None], cache: Path) -> Source:
    from mlctl.projects import archive

    remote = is_zip_address(project.location)
    shown = without_secrets(project.location).partition("?")[0] if remote else project.location
    if version is not None:
        raise SourceError(f"{shown} is a zip file, which has no version {version!r}.", hint="Leave --version out.")
    found = archive.unpacked(project.location, shown=shown, cache=cache, tell=tell)
    folder = _within(found.folder, project.subdir, shown=shown, closed=True)
    address = shown if remote else _file_url(Path(shown))
    return Source(folder=folder, uri=address + (f"#{project.subdir}" if project.subdir else ""), digest=found.digest)


# ── the folder inside ───────────────────────────────────────────────────────────────────────────────────────────────────


def _within(base: Path, subdir: str, *, shown: str, closed: bool = False) -> Path:
    """The project folder inside what was found; ``closed``: symbolic links must not lead out of it."""
    folder = base / subdir
    if folder.is_file():
        above = f"#{subdir.rpartition('/')[0]}" if "/" in subdir else ""
        raise SourceError(f"{subdir!r} in {shown} is a file.", hint=f"Run it as an entry point: mlctl run …{above} -e {folder.name}")
    if not folder.is_dir():
        found = _project_folders(base)
        raise SourceError(
            f"There is no folder {subdir!r} in {shown}.", hint=f"Folders with an MLproject file: {', '.join(found)}" if found else ""
        )
    if closed and Path(os.path.realpath(base)) not in (Path(os.path.realpath(folder)), *Path(os.path.realpath(folder)).parents):
        raise SourceError(f"{subdir!r} in {shown} is a link that leads out of the repository.")
    return folder


def _project_folders(base: Path) -> list[str]:
    """Folders below that hold an MLproject file, ten at most; the search is bounded in depth and number."""
    found = []
    for number, (place, below, files) in enumerate(os.walk(base)):
        inside = os.path.relpath(place, base)
        deep = inside.count(os.sep) + 1 >= _SEARCH_DEPTH
        below[:] = [] if deep else sorted(name for name in below if not name.startswith(".") and name != "mlruns")
        if any(name.lower() == "mlproject" for name in files):
            found.append(inside)
        if len(found) == 10 or number > _SEARCH_FOLDERS:
            break
    return found
