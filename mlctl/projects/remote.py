"""A git repository elsewhere: what it offers, fetching from it, and git's complaints in words that say what to do.

git does the talking, without a terminal wherever there is none for the user, so that it can never stop to ask for a password.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mlctl import process
from mlctl.errors import SourceError
from mlctl.projects import git
from mlctl.projects.address import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

LIST_TIMEOUT_S = 60.0
STALL_TIMEOUT_S = 60
PROGRESS_EVERY_S = 2.0

# What is asked of git in a repository of ours: no hooks and housekeeping of the user's, and the protocol that lets commits be asked by id.
_OURS = (
    "core.hooksPath=/dev/null",
    "gc.auto=0",
    "fetch.unpackLimit=1",
    "maintenance.auto=false",
    "protocol.version=2",
    "advice.detachedHead=false",
)


class Trouble(NamedTuple):
    """A row of the table of complaints: what git says, what that means, and what to do."""

    says: str
    means: str
    hint: str


_CHECK_URL = "Check the address, or your network and proxy settings."
_SIGN_IN = (
    "Give git credentials first (a credential helper, an ssh key, or a token in GITHUB_TOKEN or MLCTL_GIT_TOKEN); "
    "check the address too, a wrong one can look private."
)

# {url} is the address, {0} the first group. Earlier rows win. Each pattern holds a space or a sign that no address has, for addresses
# are part of what git says.
TROUBLES = (
    Trouble(r"[Cc]ould not resolve host(?:name)?:? ([^\s:;]+)", "The host {0} of {url} is not known.", _CHECK_URL),
    Trouble(r"unable to look up (\S+) ", "The host {0} of {url} is not known.", _CHECK_URL),
    Trouble(r"(?:Temporary failure in name resolution|Name or service not known)", "The host of {url} is not known.", _CHECK_URL),
    Trouble(r"([Cc]onnection refused|Couldn't connect to server|No route to host)", "Nothing answers at {url}: {0}.", _CHECK_URL),
    Trouble(r"(Network is unreachable)", "{url} cannot be reached: {0}.", _CHECK_URL),
    Trouble(r"(?:[Tt]imed out|Operation too slow|[Tt]imeout was reached)", "{url} does not answer in time.", _CHECK_URL),
    Trouble(
        r"Host key verification failed", "ssh does not know the host key of {url}.", "Connect to the host once by ssh and confirm its key."
    ),
    Trouble(r"(?:could not read (?:Username|Password)|terminal prompts disabled)", "{url} asks for a user name or password.", _SIGN_IN),
    Trouble(
        r"(?:Authentication failed|error: 40[137]|Permission denied \(|Permission to \S+ denied)",
        "{url} refuses access with the credentials given, if any.",
        _SIGN_IN,
    ),
    Trouble(
        r"((?:SSL (?:certificate|connect|peer|read|routines)|SSL_|OpenSSL |server certificate |certificate verify |gnutls_)[^\n]*)",
        "The encrypted connection to {url} fails: {0}.",
        "Check the certificate, or git's setting http.sslCAInfo.",
    ),
    Trouble(
        r"(?:detected dubious ownership in|unsafe) repository (?:at )?\(?'([^']+)'",
        "git does not trust the repository {0}: it belongs to another user.",
        "If you do: git config --global --add safe.directory '{0}'",
    ),
    Trouble(
        r"(?:repository '?[^\n]* not found|Repository not found|does not appear to be a git repository|is this a git repository"
        r"|could not be found|does not exist|repository not exported|from redirection)",
        "There is no git repository at {url}.",
        "Check the address. A private repository can look like a missing one: then give git credentials first.",
    ),
    Trouble(r"error: (5\d\d)", "The server of {url} fails with status {0}.", "Try again later."),
    Trouble(
        r"transport '([^']+)' not allowed",
        "git does not allow the transport {0!r} for {url}.",
        "Allow it: git config --global protocol.{0}.allow always",
    ),
    Trouble(
        r"(?:unable to find remote helper|cannot run ssh)",
        "git on this machine cannot speak the protocol of {url}.",
        "Install the missing part of git, or ssh.",
    ),
    Trouble(
        r"(?:No space left on device|[Qq]uota exceeded|unable to write (?:new_?)?(?:file|index))",
        "The files of {url} cannot be written into the cache: the disk is full, or it is write-protected.",
        "Free space, or set MLCTL_CACHE_DIR to another disk.",
    ),
    Trouble(r"(?:hung up|early EOF|RPC failed|Empty reply|reset by peer)", "The connection to {url} broke off.", "Try again."),
)
# What a server says that does not let a commit be asked by its id, or does not cut history short.
_NEEDS_HISTORY = re.compile(r"not our ref|unadvertised object|find remote ref|does not support shallow")
# What it says where a token may help; a host may also tell who has none that there is no such repository.
_WANTS_LOGIN = re.compile(r"could not read (?:Username|Password)|terminal prompts disabled|Authentication failed|error: 40[134]|not found")


class Refs(NamedTuple):
    """What a repository offers: the branch that HEAD names (None: none, or detached), and the commit of each name, HEAD included."""

    default: str | None
    commits: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Remote:
    """An address without credentials; ``settings`` give them to git on its command line alone, so that no file holds them."""

    url: str
    settings: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def at(cls, url: str) -> Remote:
        """The remote of a URL that may hold a user name and a password."""
        clean = without_secrets(url)
        if clean == url or "ssh" in url.partition("://")[0].lower():  # ssh takes no password from an address
            return cls(url=clean)
        start = len(url.partition("://")[0]) + 3
        given, bare = url[start:].partition("/")[0], clean[start:].partition("/")[0]
        # A "=" would end the setting's name; git takes the escaped form.
        return cls(url=clean, settings=(f"url.{url[:start]}{given.replace('=', '%3D')}/.insteadOf={url[:start]}{bare}/",))

    def refs(self, *patterns: str) -> Refs:
        """Ask for the refs that match, all without a pattern. Costs one request, transfers no objects.

        Raises:
            SourceError: the repository cannot be reached or read.
        """
        done = run(["ls-remote", "--symref", "--", self.url, *patterns], remote=self, timeout_s=LIST_TIMEOUT_S)
        if done.code:
            raise trouble(self.url, done.err)
        rows = [line.split("\t", 1) for line in done.out.splitlines() if "\t" in line]
        default = next((value[5:] for value, name in rows if name == "HEAD" and value.startswith("ref: ")), None)
        found = {name: value for value, name in rows if not value.startswith("ref: ")}
        peeled = {name[:-3]: value for name, value in found.items() if name.endswith("^{}")}
        short = default.removeprefix("refs/heads/") if default else None
        return Refs(short, {name: value for name, value in {**found, **peeled}.items() if not name.endswith("^{}")})

    def fetch(self, mirror: Path, refspecs: Sequence[str], *, options: Sequence[str], tell: Callable[[str], None]) -> process.Completed:
        """Fetch into a bare repository, with progress lines on a terminal. The exit code is the caller's to judge.

        Raises:
            SourceError: git is not installed.
        """
        show = "--progress" if attended() else "--quiet"
        arguments = [f"--git-dir={mirror}", "fetch", show, "--force", "--no-tags", "--no-recurse-submodules", *options]
        return run([*arguments, "--", self.url, *refspecs], remote=self, tell=tell)


def attended() -> bool:
    """Whether somebody sits at a terminal who can read progress and answer a question."""
    return os.isatty(0) and os.isatty(2)


def needs_history(complaint: str) -> bool:
    """Whether a fetch of one commit failed because the server hands out whole branches only."""
    return _NEEDS_HISTORY.search(complaint) is not None


def is_known(complaint: str) -> bool:
    """Whether a complaint is about the other side (or the disk), and not about our copy."""
    return any(re.search(row.says, complaint) for row in TROUBLES)


def trouble(url: str, complaint: str) -> SourceError:
    """The error for what git complained about; no credentials are in it."""
    complaint = git.without_userinfo(complaint)
    for row in TROUBLES:
        found = re.search(row.says, complaint)
        if found:
            return SourceError(row.means.format(*found.groups(), url=url), hint=row.hint.format(*found.groups()))
    lines = [line.strip() for line in complaint.splitlines() if line.startswith(("fatal:", "error:", "remote:", "ERROR:"))]
    return SourceError(f"{url} cannot be fetched: {'; '.join(lines[:3]) or 'git gives no reason'}.")


def ambiguous(url: str, name: str, complaint: str) -> SourceError | None:
    """The error for an abbreviated id that stands for several commits; None where git complains about something else."""
    if "is ambiguous" not in complaint:
        return None
    candidates = [line[5:].strip() for line in complaint.splitlines() if line.startswith("hint:   ")]
    return SourceError(f"{name!r} is the beginning of several commits of {url}.", hint="; ".join(candidates))


def no_git() -> SourceError:
    """The error for a machine without git."""
    return SourceError("The project is in a git repository, and there is no git executable on PATH.", hint="Install git.")


def run(
    arguments: Sequence[str],
    *,
    remote: Remote,
    cwd: Path | None = None,
    timeout_s: float | None = None,
    tell: Callable[[str], None] | None = None,
) -> process.Completed:
    """Run git for a remote or a copy of it. ``timeout_s`` holds only where nobody can be asked for a password.

    Raises:
        SourceError: git is not installed, or the time is over.
    """
    done = _once(arguments, remote=remote, cwd=cwd, timeout_s=timeout_s, tell=tell)
    if done.code == 0 or not _WANTS_LOGIN.search(done.err):
        return done
    from mlctl.projects import tokens

    signed = tokens.variables()
    return _once(arguments, remote=remote, cwd=cwd, timeout_s=timeout_s, tell=tell, signed=signed) if signed else done


def _once(
    arguments: Sequence[str],
    *,
    remote: Remote,
    cwd: Path | None,
    timeout_s: float | None,
    tell: Callable[[str], None] | None,
    signed: Mapping[str, str | None] | None = None,
) -> process.Completed:
    settings = [part for each in (*_OURS, *remote.settings) for part in ("-c", each)]
    argv, folder = ["git", *settings, *arguments], str(cwd or os.path.sep)
    try:
        if not attended() or (signed is None and _has_token(remote.url)):  # with a token at hand nobody is asked for a password
            return process.start_alone(argv, cwd=folder, env={**_unattended(remote.url), **(signed or {})}).result(timeout_s)
        pending = process.start(argv, cwd=folder, env={**_speeds(), **(signed or {})})
        return pending.result() if tell is None else _followed(pending, tell)
    except FileNotFoundError:
        raise no_git() from None
    except TimeoutError:
        raise trouble(remote.url, "timed out") from None


def _has_token(url: str) -> bool:
    from mlctl.projects import tokens

    return any(url.lower().startswith((f"https://{token.host}/".lower(), f"http://{token.host}/".lower())) for token in tokens.known())


def _speeds() -> dict[str, str | None]:
    """A transfer that stands still for a minute is given up, unless the user has set another bound."""
    limit, seconds = "GIT_HTTP_LOW_SPEED_LIMIT", "GIT_HTTP_LOW_SPEED_TIME"
    return {**git.ENV, limit: os.environ.get(limit, "1"), seconds: os.environ.get(seconds, str(STALL_TIMEOUT_S))}


def _unattended(url: str) -> dict[str, str | None]:
    """Variables that keep git, ssh and credential helpers from asking. A user's own ssh command and askpass program stay."""
    env = {**_speeds(), "GIT_TERMINAL_PROMPT": "0", "GCM_INTERACTIVE": "never", "SSH_ASKPASS": None}
    if not (os.environ.get("GIT_SSH_COMMAND") or os.environ.get("GIT_SSH") or _has_ssh_command(url)):
        env["GIT_SSH_COMMAND"] = "ssh -oBatchMode=yes -oConnectTimeout=30"
    return env


def _has_ssh_command(url: str) -> bool:
    """Whether git's settings name an ssh command, which our own variable would hide. Asked only where ssh is spoken."""
    over_ssh = "ssh" in url.partition("://")[0] if "://" in url else not url.startswith("/")
    return over_ssh and process.run(["git", "config", "--get", "core.sshCommand"], env=git.ENV).code == 0


def _followed(pending: process.Pending, tell: Callable[[str], None]) -> process.Completed:
    """Wait for a transfer and pass its progress on; GitPython knows progress lines from complaints."""
    import time

    from git import RemoteProgress

    class Progress(RemoteProgress):
        told_s = time.monotonic()

        def update(self, *_counts: object) -> None:
            now_s = time.monotonic()
            if now_s - self.told_s >= PROGRESS_EVERY_S:
                self.told_s = now_s
                tell(str(self._cur_line).removeprefix("remote: ").strip())

    progress = Progress()
    follow = progress.new_message_handler()
    for line in pending.error_lines():
        follow(line)
    said = "\n".join([*progress.error_lines, *progress.other_lines])
    return pending.result()._replace(err=said)
