"""From a version to a commit: branches, tags and commit ids of a local or a remote repository.

The order is git's own (gitrevisions(7)): a full commit id, a full ref name (``refs/heads/main``), a tag, a branch, an abbreviated id.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlctl import process
from mlctl.errors import SourceError
from mlctl.projects import git
from mlctl.projects.address import closest
from mlctl.projects.remote import Refs, Remote, ambiguous, no_git, trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlctl.projects.mirror import Checkout, Mirror

_NO_REF_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|\.lock(?:/|$)|\.$|^@$")
_FULL_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_SHORT_ID = re.compile(r"[0-9a-f]{4,63}", re.IGNORECASE)
_SHOWN = 8


def of_remote(mirror: Mirror, remote: Remote, version: str | None, *, tell: Callable[[str], None]) -> tuple[Checkout, str | None]:
    """The checkout of a version (None: the default branch) and, where it is one, its branch.

    Raises:
        SourceError: there is no such version, or the repository cannot be reached.
    """
    if version and _FULL_ID.fullmatch(version):
        commit, branch = version.lower(), None
    elif version is None or version == "HEAD":
        commit, branch = _default(remote)
    else:
        commit, branch = _named(mirror, remote, version, tell=tell)
    checkout = mirror.checkout(commit)
    if checkout is None:
        raise wrong(remote, version or "HEAD")
    return checkout, branch


def of_page(remote: Remote, page: str, version: str | None) -> tuple[str, str]:
    """Version and folder of a web page's path ``branch/sub/dir``, where a branch's name may have slashes, too.

    Raises:
        SourceError: it begins with no branch, tag or commit; or another version was asked for.
    """
    parts = page.split("/")
    if _FULL_ID.fullmatch(parts[0]) or version == parts[0]:
        found = parts[0]
    else:
        names = set(_short_names(remote.refs()))
        heads = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
        found = next((head for head in heads if head in names), parts[0] if _SHORT_ID.fullmatch(parts[0]) else "")
    if not found:
        raise wrong(remote, parts[0])
    if version not in (None, found):
        raise SourceError(f"The address is of the version {found!r}, and --version says {version!r}.", hint="Leave one of them out.")
    return found, page[len(found) + 1 :]


def _default(remote: Remote) -> tuple[str, str | None]:
    refs = remote.refs("HEAD")
    if "HEAD" in refs.commits:
        return refs.commits["HEAD"], refs.default
    names = _short_names(remote.refs())
    if not names:
        raise SourceError(f"The repository {remote.url} has no commits.")
    raise SourceError(f"The repository {remote.url} has no default branch.", hint=f"Name a version: {', '.join(names[:_SHOWN])}")


def _named(mirror: Mirror, remote: Remote, version: str, *, tell: Callable[[str], None]) -> tuple[str, str | None]:
    if _NO_REF_NAME.search(version):
        raise SourceError(f"{version!r} is not the name of a branch or tag, nor a commit.", hint=_offer(version, remote.refs()))
    candidates = [version, f"refs/{version}", f"refs/tags/{version}", f"refs/heads/{version}"]
    names = [each for each in candidates if each.startswith("refs/")]
    refs = remote.refs(*names, *(f"{name}^{{}}" for name in names))
    found = [name for name in names if name in refs.commits]
    if len(found) > 1:
        tell(f"{version!r} is both {found[0]} and {found[1]}: taking {found[0]}, as git does")
    if found:
        return refs.commits[found[0]], _branch_of(found[0])
    commit = mirror.commit_of(version.lower()) if _SHORT_ID.fullmatch(version) else None
    if commit is None:
        raise wrong(remote, version)
    return commit, None


def wrong(remote: Remote, version: str) -> SourceError:
    """The error for a version that a repository does not have, with the names closest to it."""
    return SourceError(f"The repository {remote.url} has no branch, tag or commit {version!r}.", hint=_offer(version, remote.refs()))


def _short_names(refs: Refs) -> list[str]:
    return [name.split("/", 2)[2] for name in refs.commits if name.startswith(("refs/heads/", "refs/tags/"))]


def _offer(version: str, refs: Refs) -> str:
    names = _short_names(refs)
    near = closest(version, names)
    if near:
        return f"Close to that: {', '.join(near)}"
    return f"It has: {', '.join(names[:_SHOWN])}{', …' if len(names) > _SHOWN else ''}" if names else "It has no branches or tags."


def of_local(remote: Remote, root: Path, version: str) -> tuple[str, str | None]:
    """The commit of any revision that git knows in a local repository and, where it is one, its branch.

    Raises:
        SourceError: there is no such revision, or git cannot read the repository.
    """
    for name in (version, f"origin/{version}"):
        try:
            id_, ref = (process.start(["git", "rev-parse", *each], cwd=str(root), env=git.ENV) for each in _questions(name))
        except FileNotFoundError:
            raise no_git() from None
        found, full_name = id_.result(), ref.result().out.strip()
        if found.code == 0:
            return found.out.strip(), _branch_of(full_name)
        several = ambiguous(remote.url, name, found.err)
        if several:
            raise several
        if "Needed a single revision" not in found.err and "unknown revision" not in found.err:
            raise trouble(remote.url, found.err)
    raise wrong(remote, version)


def _questions(name: str) -> Iterator[tuple[str, ...]]:
    yield ("--verify", f"{name}^{{commit}}")
    yield ("--symbolic-full-name", name)


def _branch_of(ref: str) -> str | None:
    found = re.fullmatch(r"refs/(?:heads|remotes/origin)/(.+)", ref)
    return found[1] if found else None
