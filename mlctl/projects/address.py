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
ZIP = "zip"

_GIT_SCHEMES = ("http", "https", "ssh", "git", "git+ssh", "ssh+git")
_URL = re.compile(r"([A-Za-z][\w+.-]*)://([^/?#]*)")
_HELPER = re.compile(r"[\w+.-]+::")
_SCP_LIKE = re.compile(r"(?:[^/:@\s]+@)?[^/:@\s]+:(?!//).")
_FILE_URI = re.compile(r"file:(?://([^/]*))?(/.*)", re.IGNORECASE | re.DOTALL)
_WEB_PAGE = re.compile(r"(https?://[^/]+/[^#]+?)(/-)?/(tree|blob)/([^#]+)")


@dataclass(frozen=True, kw_only=True)
class ProjectURI:
    """A project URI taken apart.

    ``location`` is an absolute path where ``kind`` is local, a path or an http address for a zip file, else what git takes. ``subdir`` may
    be "". ``page`` is what the address of a folder's web page says after its repository: the version and the folder, as one path.
    """

    kind: str
    location: str
    subdir: str = ""
    page: str = ""


def without_secrets(url: str) -> str:
    """A URL that may be shown and stored: a user name stays only for ssh, where it is needed and no secret."""
    found = _URL.match(url)
    if found is None or "@" not in found[2]:
        return url
    userinfo, _, host = found[2].rpartition("@")
    user = userinfo.partition(":")[0] + "@" if "ssh" in found[1].lower() else ""
    return f"{found[1]}://{user}{host}{url[found.end() :]}"


def is_zip_address(text: str) -> bool:
    """Whether a text is the http address of a zip file."""
    return text[:8].lower().startswith(("http://", "https://")) and text.partition("?")[0].endswith(".zip")


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
    if is_zip_address(base):
        return ProjectURI(kind=ZIP, location=base, subdir=subdir)
    return _web_page(base) or _remote(base, subdir)


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
        return ProjectURI(kind=ZIP, location=str(where), subdir=subdir)
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
    return ProjectURI(kind=GIT, location=base, subdir=subdir)


def _web_page(base: str) -> ProjectURI | None:
    """The page of a folder, as copied from a browser: its repository, and what stands behind ``tree/``."""
    page = _WEB_PAGE.fullmatch(base.partition("?")[0])
    if page is None or not (page[2] or "github." in page[1].split("/")[2]):
        return None
    repository = _remote(page[1], "").location
    from urllib.parse import unquote

    path = unquote(page[4]).strip("/")
    if ".." in path.split("/") or not path.isprintable():
        raise SourceError(f"{without_secrets(base)!r} is not the page of a folder.", hint=f"Try: {without_secrets(page[1])}")
    return ProjectURI(kind=GIT, location=repository, page=_folder_of(path, shown=without_secrets(base)) if page[3] == "blob" else path)


def _folder_of(path: str, *, shown: str) -> str:
    """The folder of a file's page."""
    folder, _, name = path.rpartition("/")
    if name.lower() not in ("mlproject", "mlproject.yaml", "mlproject.yml"):
        raise SourceError(
            f"{shown!r} is the page of a file.", hint=f"Name its folder's page (…/tree/{folder}), and the file with -e {name}"
        )
    return folder


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
