"""Tokens for private repositories, from variables: given to git for one host, in its environment, and written nowhere.

git's own credentials come first (helpers, an agent, the address): a token is tried where they do not let in.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from mlctl import settings

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Token(NamedTuple):
    """A secret and the host (with its port, if it has one of its own) that it is for."""

    host: str
    secret: str


def known() -> list[Token]:
    """The tokens that variables give: GITHUB_TOKEN is for github.com, MLCTL_GIT_TOKEN for the host that MLCTL_GIT_HOST names."""
    mine = Token(settings.value("git_host").strip().rstrip("/"), settings.value("git_token"))
    github = Token("github.com", settings.value("github_token"))
    found = {token.host.lower(): token for token in (github, mine) if token.secret and token.host}
    return list(found.values())


def variables() -> dict[str, str | None]:
    """Variables that make git send each token to its host, over https only (or to this machine); none where there is no token."""
    from base64 import b64encode

    rows = []
    for token in known():
        name = token.host.rpartition(":")[0] if token.host.rpartition(":")[2].isdigit() else token.host
        scheme = "http" if name in _LOOPBACK else "https"
        login = b64encode(f"x-access-token:{token.secret}".encode()).decode()
        rows.append((f"http.{scheme}://{token.host}/.extraHeader", f"Authorization: Basic {login}"))
    if not rows:
        return {}
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    found: dict[str, str | None] = {"GIT_CONFIG_COUNT": str(first + len(rows))}
    for number, (key, value) in enumerate(rows, first):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found
