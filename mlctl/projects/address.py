"""Taking project URIs apart: which are folders, which are git addresses, and what to type instead of the rest."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

LOCAL = "local"
GIT = "git"

_GIT_SCHEMES = ("http", "https", "ssh", "git", "git+ssh", "ssh+git")
_URL = re.compile(r"([A-Za-z][\w+.-]*)://([^/?#]*)")
_HELPER = re.compile(r"[\w+.-]+::")
_SCP_LIKE = re.compile(r"(?:[^/:@\s]+@)?[^/:@\s]+:(?!//).")
_FILE_URI = re.compile(r"file:(?://([^/]*))?(/.*)", re.IGNORECASE | re.DOTALL)
_WEB_PAGE = re.compile(r"(https?://[^/]+/[^#]+?)(/-)?/(?:tree|blob)/([^/#]+)/?([^#]*)")


@dataclass(frozen=True, kw_only=True)
class ProjectURI:
    """A project URI taken apart. ``location`` is an absolute path where ``kind`` is local, else what git takes; ``subdir`` may be ""."""

    kind: str
    location: str
    subdir: str = ""


def without_secrets(url: str) -> str:
    """A URL that may be shown and stored: a user name stays only for ssh, where it is needed and no secret."""
    found = _URL.match(url)
    if found is None or "@" not in found[2]:
        return url
    userinfo, _, host = found[2].rpartition("@")
    user = userinfo.partition(":")[0] + "@" if "ssh" in found[1].lower() else ""
    return f"{found[1]}://{user}{host}{url[found.end() :]}"


def parse(uri: str) -> ProjectURI:
    """Take a project URI apart.

    Raises:
        SourceError: it names nothing that can be fetched, or a local folder that does not exist.
    """
    try:
        return _folder(uri) or _parse(uri.strip("'\""))
    except OSError as error:
        raise SourceError(
            f"{without_secrets(uri)!r} cannot be read: {error.strerror}.",
            hint="Are you in a folder that was deleted?" if isinstance(error, FileNotFoundError) else "",
        ) from error


def _folder(uri: str) -> ProjectURI | None:
    """A folder of exactly that name, whatever the name looks like."""
    return _local(uri) if uri and "\0" not in uri and Path(uri).is_dir() else None


def _parse(text: str) -> ProjectURI:
    shown = without_secrets(text)
    if not text or text.startswith("-") or "\0" in text:
        raise SourceError(f"{shown!r} is not a project URI.", hint="Name a folder (. is this one) or a git address.")
    base, _, fragment = text.partition("#")
    subdir = _subdir(fragment, shown)
    found = _FILE_URI.fullmatch(base)
    if found:
        return _file_uri(*found.groups(), subdir=subdir, shown=shown)
    if Path(base).exists():
        return _local(base, subdir)
    if base.endswith(".zip"):
        raise _zip(shown)
    return _remote(base, subdir)


def _subdir(fragment: str, shown: str) -> str:
    parts = [part for part in fragment.split("/") if part not in {"", "."}]
    if fragment.startswith(("/", "\\")) or "\0" in fragment or ".." in re.split(r"[/\\]", fragment):
        raise SourceError(
            f"The part after # in {shown!r} must be a folder inside the project.", hint="Write it without .. and without a leading /."
        )
    return "/".join(parts)


def _file_uri(host: str | None, path: str, *, subdir: str, shown: str) -> ProjectURI:
    if host and host.lower() != "localhost":
        raise SourceError(f"{shown!r} names a folder on the host {host!r}; file:// means this machine.", hint=f"Write file://{path}")
    if not Path(path).exists() and "%" in path:
        from urllib.parse import unquote

        path = unquote(path)
    return _local(path, subdir)


def _local(path: str, subdir: str = "") -> ProjectURI:
    where = Path(path).resolve()
    if where.is_dir():
        bare = all((where / each).exists() for each in ("HEAD", "objects", "refs"))
        return ProjectURI(kind=GIT if bare else LOCAL, location=str(where), subdir=subdir)
    if not where.exists():
        raise _missing(where)
    if where.suffix == ".zip":
        raise _zip(str(where))
    raise SourceError(
        f"{str(where)!r} is a file, and a project is a folder.", hint=f"To run one file: mlctl run {where.parent} -e {where.name}"
    )


def _remote(base: str, subdir: str) -> ProjectURI:
    shown = without_secrets(base)
    if _HELPER.match(base):
        raise SourceError(f"{shown!r} asks git for another program, which mlctl does not allow.", hint="Use an https or ssh address.")
    scheme = _URL.match(base)
    if scheme is None and not _SCP_LIKE.match(base):
        raise _missing(Path(base).resolve(), given=base)
    if scheme and scheme[1].lower() not in _GIT_SCHEMES:
        hint = (
            f"Write {shown[4:]!r}."
            if base.startswith("git+")
            else f"mlctl fetches folders, file:// and git over {', '.join(_GIT_SCHEMES[:4])}."
        )
        raise SourceError(f"mlctl cannot fetch projects from {scheme[1]}:// addresses ({shown!r}).", hint=hint)
    host = (scheme[2] if scheme else base.partition(":")[0]).rpartition("@")[2]
    if not host or host.startswith("-") or re.search(r"[\x00-\x1f\x7f]", base):
        raise SourceError(f"{shown!r} is not a git address.", hint="It looks like https://host/org/repository or git@host:org/repository.")
    _check_web_page(shown, host)
    return ProjectURI(kind=GIT, location=base, subdir=subdir)


def _check_web_page(shown: str, host: str) -> None:
    """Addresses copied from a browser: the page of a folder is not the address of its repository."""
    page = _WEB_PAGE.fullmatch(shown)
    if page and (page[2] or "github." in host):
        folder = f"#{page[4].rstrip('/')}" if page[4] else ""
        raise SourceError(f"{shown!r} is a web page, not a git address.", hint=f"Try: {page[1]}{folder} --version {page[3]}")


def _zip(shown: str) -> SourceError:
    return SourceError(
        f"{shown!r} is a zip file, and this version of mlctl does not run zip projects.", hint="Unpack it and name the folder."
    )


def _missing(path: Path, given: str = "") -> SourceError:
    if re.match(r"(?:[\w-]+\.)+[a-z]{2,}/\S+/\S+", given):
        return SourceError(f"There is no folder {given!r}.", hint=f"If it is a git address, write https://{given}")
    if not path.parent.is_dir():
        nearest = next(each for each in path.parents if each.is_dir())
        return SourceError(f"There is no folder {str(path)!r}: {str(nearest)!r} has no {path.relative_to(nearest).parts[0]!r}.")
    near = closest(path.name, (entry.name for entry in os.scandir(path.parent) if entry.is_dir()))
    hint = f"Close to that in {path.parent}: {', '.join(near)}" if near else ""
    return SourceError(f"There is no folder {str(path)!r}.", hint=hint)


def closest(name: str, names: Iterable[str]) -> list[str]:
    """Names that a mistyped one may stand for, the likeliest first."""
    import difflib

    return difflib.get_close_matches(name, list(names), n=4, cutoff=0.55)
