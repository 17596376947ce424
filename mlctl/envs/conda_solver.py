"""Solves and installs conda packages with py-rattler, in a process of its own.

The process is why this is safe: rattler's threads never meet mlctl's fork of a worker, and an interrupted build is ended as a whole.
It reads a request (a file of JSON) and writes its answer beside it; lines on standard error tell how far it is.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rattler import MatchSpec, RepoDataRecord, Subdir

_TOLD_EVERY_S = 5.0
_KINDS = {
    "SolverError": "solve",
    "GatewayError": "channel",
    "FetchRepoDataError": "channel",
    "InvalidUrlError": "channel",
    "InvalidChannelError": "channel",
    "InvalidMatchSpecError": "spec",
    "ParseCondaLockError": "lock",
    "VirtualPackageOverrideError": "machine",
    "DetectVirtualPackageError": "machine",
    "ParseSubdirError": "machine",
}


def main(request: str, answer: str) -> None:
    """Do what a request asks; ``request`` and ``answer`` name files."""
    asked = json.loads(Path(request).read_text("utf-8"))
    try:
        found = asyncio.run(_build(asked))
    except Exception as error:  # noqa: BLE001 -- the edge of a process: rattler's exceptions have no common base
        kind = _KINDS.get(type(error).__name__, "install")
        found = {"error": {"kind": kind, "message": str(error).strip(), "type": type(error).__name__}}
    draft = Path(f"{answer}.draft")
    draft.write_text(json.dumps(found), "utf-8")
    draft.replace(answer)
    os._exit(0)  # rattler's threads have nothing left to do, and taking them apart costs time


async def _build(asked: dict[str, Any]) -> dict[str, Any]:
    from rattler import Subdir

    parsed = _parsed(asked["specs"])
    if isinstance(parsed, dict):
        return parsed
    platform = Subdir(asked["platform"]) if asked["platform"] else Subdir.current()
    records, pypi, unused = _locked(asked, platform)
    if records is None:
        if unused:
            _tell(unused)
        records = await _solved(asked, parsed, platform)
    else:
        _tell(f"{Path(asked['lock']).name} says what to install")
    await _installed(asked, records, platform)
    return {"platform": str(platform), "locked": not unused and bool(asked["lock"]), "unused": unused, "pypi": pypi}


def _parsed(texts: Sequence[str]) -> list[MatchSpec] | dict[str, Any]:
    """The specs, or the error that one of them is."""
    from rattler import MatchSpec

    found = []
    for index, text in enumerate(texts):
        try:
            found.append(MatchSpec(text))
        except Exception as error:  # noqa: BLE001 -- rattler's exceptions have no common base
            return {"error": {"kind": "spec", "message": str(error).strip(), "index": index}}
    return found


# ── solving ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _solved(asked: dict[str, Any], specs: list[MatchSpec], platform: Subdir) -> list[RepoDataRecord]:
    from rattler import Channel, ChannelPriority, Client, Gateway, MatchSpec, Subdir, VirtualPackage, VirtualPackageOverrides, solve

    began = time.monotonic()
    gateway = Gateway(cache_dir=Path(asked["repodata"]), client=Client.default_client(), show_progress=asked["live"])
    roots, constraints = _for_strict(specs) if asked["priority"] == "strict" else (specs, [])
    records = await solve(
        [Channel(url) for url in asked["channels"]],
        roots,
        constraints=[*constraints, *map(MatchSpec, asked["pins"])],
        gateway=gateway,
        platforms=[platform, Subdir("noarch")],
        virtual_packages=VirtualPackage.detect(VirtualPackageOverrides.from_env()),
        channel_priority=ChannelPriority[asked["priority"].capitalize()],
        channel_relations="disabled",
    )
    _tell(f"solved in {time.monotonic() - began:.1f} s: {_counted(len(records), 'package')}{_size(records)}")
    return records


def _for_strict(specs: Sequence[MatchSpec]) -> tuple[list[MatchSpec], list[MatchSpec]]:
    """Specs as names with constraints: of a spec with a version, rattler would not see that an earlier channel has other versions.

    See https://github.com/conda/rattler/issues/1928. Constraints know no channels, so a spec that names one stays as it is.
    """
    from rattler import MatchSpec

    plain = [spec for spec in specs if spec.channel is None and not str(spec).startswith("__")]
    return [MatchSpec(str(spec.name.normalized)) if spec in plain else spec for spec in specs], plain


def _locked(asked: dict[str, Any], platform: Subdir) -> tuple[list[RepoDataRecord] | None, list[dict[str, str]], str]:
    """What a lock file says: conda's packages (None: it cannot be used), pip's, and why it is not used."""
    if not asked["lock"]:
        return None, [], ""
    from rattler import LockFile
    from rattler.lock import PypiLockedPackage

    name = Path(asked["lock"]).name
    environment = LockFile.from_path(Path(asked["lock"])).default_environment()
    mine = next((each for each in environment.platforms() if str(each) == str(platform)), None) if environment else None
    if environment is None or mine is None:
        return None, [], f"{name} is not used: it has nothing for {platform}"
    records = environment.conda_repodata_records_for_platform(mine) or []
    pypi = [each for each in environment.packages(mine) or [] if isinstance(each, PypiLockedPackage)]
    lacking = _lacking(asked, records, pypi)
    if lacking:
        return None, [], f"{name} is not used: it does not fit the conda file any more ({lacking})"
    return records, [{"name": each.name, "version": each.version, "location": each.location} for each in pypi], ""


def _lacking(asked: dict[str, Any], records: Sequence[RepoDataRecord], pypi: Sequence[Any]) -> str:
    """The first thing that the conda file asks for and a lock file does not have."""
    from rattler import MatchSpec

    text: str
    for text in asked["plain_specs"]:
        spec = MatchSpec(text)
        if not any(spec.matches(record) for record in records):
            return text
    have = {each.name.lower().replace("_", "-"): each for each in pypi}
    for line in asked["pip"]:
        found = have.get(line["name"])
        if found is None or not _satisfies(found, line["text"]):
            return str(line["text"])
    return ""


def _satisfies(package: Any, requirement: str) -> bool:
    try:
        return bool(package.satisfies(requirement))
    except Exception:  # noqa: BLE001 -- a way of writing that only pip knows: the name has to do
        return True


# ── installing ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _installed(asked: dict[str, Any], records: list[RepoDataRecord], platform: Subdir) -> None:
    from rattler import Client, install

    for record in records:
        _check_file(record)
    await install(
        records,
        asked["prefix"],
        cache_dir=Path(asked["packages"]),
        platform=platform,
        execute_link_scripts=True,  # as conda does; some packages are of no use without
        show_progress=asked["live"],
        client=Client.default_client(),
        reporter=None if asked["live"] else _reporter(),
    )


def _check_file(record: RepoDataRecord) -> None:
    """Compare an archive of a channel that is a folder with its index; rattler does so with what it downloads only.

    Raises:
        ValueError: it is another file.
    """
    if not record.url.startswith("file://") or not record.sha256:
        return
    import hashlib
    from urllib.parse import unquote, urlsplit

    path = Path(unquote(urlsplit(record.url).path))
    if path.is_file():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != record.sha256.hex():
            message = f"hash mismatch: {path} has the SHA-256 {digest}, and {record.sha256.hex()} is expected"
            raise ValueError(message)


def _reporter() -> Any:
    """Tells now and then how many packages have been downloaded, for whoever has no terminal."""
    from rattler.install import InstallerReporter

    base: Any = InstallerReporter  # a protocol whose methods do nothing

    class Reporter(base):  # type: ignore[misc]
        def __init__(self) -> None:
            self._begun: dict[int, int] = {}
            self._done = 0
            self._told_s = time.monotonic()

        def on_download_start(self, cache_entry: int) -> int:
            self._begun[cache_entry] = 0
            return cache_entry

        def on_download_progress(self, download_idx: int, progress: int, total: int | None) -> None:  # noqa: ARG002
            self._begun[download_idx] = progress
            self._say()

        def on_download_completed(self, download_idx: int) -> None:  # noqa: ARG002
            self._done += 1
            self._say()

        def _say(self) -> None:
            now = time.monotonic()
            if now - self._told_s >= _TOLD_EVERY_S:
                self._told_s = now
                total = sum(self._begun.values())
                _tell(f"downloading: {_counted(self._done, 'package')} done, {total / 1e6:.1f} MB")

    return Reporter()


def _size(records: Sequence[RepoDataRecord]) -> str:
    total = sum(record.size or 0 for record in records)
    return f", {total / 1e6:.1f} MB" if total >= 1e5 else ""


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


_say: Callable[[str], Any] = sys.stderr.write


def _tell(line: str) -> None:
    _say(f"{'mlctl: ' if sys.stderr.isatty() else ''}{line}\n")
    sys.stderr.flush()
