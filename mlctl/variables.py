r"""Variables for a project's job from ``.env`` files, and which variables' values are secrets.

The syntax is that of python-dotenv and Docker Compose: ``NAME=value``, with ``export`` before it or not; ``#`` begins a comment, behind a
value after a space. Single quotes keep everything as it is, double quotes know ``\n``, ``\t``, ``\"``, ``\\`` and ``\$``; both may span
lines. Outside of single quotes ``${NAME}`` and ``${NAME:-default}`` stand for a variable of the caller's, or of the file before that line.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlctl import masking
from mlctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILE = ".env"
_MOST_BYTES = 1 << 20

_LINE = re.compile(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.-]*)[ \t]*=[ \t]*
    (?:'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<bare>(?:(?!['"\s])[^\n]*?)?))[ \t]*(?:(?<=[\s'"=])\#[^\n]*)?(?:\n|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_NOTHING = re.compile(r"[ \t]*(?:\#[^\n]*)?(?:\n|\Z)")
_REFERENCE = re.compile(r"(?<!\\)\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$", "'": "'"}

# What a run's own variables are: a file cannot change which run a job belongs to, nor where its packages come from.
_OURS = re.compile(
    r"(?:MLCTL|MLFLOW)_(?:RUN_ID|EXPERIMENT_(?:ID|NAME)|TRACKING_\w+)|MLCTL_(?:BUNDLE|COMMAND|ENDPOINT_\w+)|PATH|VIRTUAL_ENV|PYTHONHOME"
)
_SECRET = re.compile(
    r"(?:TOKEN|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|(?:^|_)(?:PASS|PWD|CREDENTIALS?|KEY|APIKEY|PRIVATE|AUTH|DSN|CONNECTION_STRING))(?:_|\d|$)",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(
    r"^(?:OLD)?PWD$|_(?:FILE|PATH|DIR|FOLDER|SOCK|NAME|TYPE|ALGORITHM|HOST|PORT|USER|USERNAME|HELPER|COMMAND)$", re.IGNORECASE
)
_PLAIN = re.compile(r"[\d.,:+-]*|true|false|yes|no|on|off|none|null|(?:~|\.{1,2})?/.*", re.IGNORECASE | re.DOTALL)
_WITH_LOGIN = re.compile(r"[A-Za-z][\w+.-]*://[^/\s@]*:([^/\s@]+)@")
_SHORTEST_UNNAMED = 8


class Slip(NamedTuple):
    """A line of an env file that says nothing that can be read."""

    file: str
    line: int


@dataclass(frozen=True)
class Variables:
    """What env files give a job: ``values`` by name, ``secrets`` as texts to be masked, and ``notes`` for the user."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()


def collect(project: Path, files: Sequence[Path] = (), *, with_project: bool = True) -> Variables:
    """Variables for a project's job: of its own ``.env`` file (unless ``with_project`` is false), and of files that were named.

    The caller's own variables go before all files, a file that was named before the project's, and a later one before an earlier.

    Raises:
        UsageError: a file that was named cannot be read, or a line of it.
    """
    found: dict[str, str] = {}
    notes: list[str] = []
    own = project / FILE
    if with_project and own.is_file():
        values, slips = _read(own, found)
        found.update(values)
        notes += [f"{FILE}:{slip.line}: the line is not NAME=value, and is passed over" for slip in slips]
    for file in files:
        values, slips = _read(file, found)
        if slips:
            raise UsageError(
                f"{file}:{slips[0].line}: the line is not NAME=value.", hint='Put a value of several lines into "double quotes".'
            )
        found.update(values)
    used = {name: value for name, value in found.items() if name not in os.environ and not _OURS.fullmatch(name)}
    notes += _notes(found, used)
    return Variables(used, secrets(os.environ, used), tuple(notes))


def _notes(found: Mapping[str, str], used: Mapping[str, str]) -> list[str]:
    kept = sorted(name for name in found if _OURS.fullmatch(name))
    hidden = sorted(name for name in found.keys() - used.keys() if name not in kept and os.environ.get(name) != found[name])
    notes = [f"the env file's {', '.join(kept)} is not used: mlctl sets it for each run"] if kept else []
    return [*notes, f"the env file's {', '.join(hidden)} is not used: it is set already"] if hidden else notes


def _read(file: Path, earlier: Mapping[str, str]) -> tuple[dict[str, str], list[Slip]]:
    try:
        with file.open("rb") as opened:
            text = opened.read(_MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text.", hint="Save it as UTF-8, or leave it out with --no-env-file.") from None
    except OSError as error:
        raise UsageError(f"The env file {str(file)!r} cannot be read: {error.strerror}.") from None
    return parse(text.replace("\r\n", "\n"), {**earlier, **os.environ}, file=str(file))


def parse(text: str, known: Mapping[str, str], *, file: str = "") -> tuple[dict[str, str], list[Slip]]:
    """The variables of an env file's text, and its lines that are none. ``known`` are variables that it may refer to."""
    found: dict[str, str] = {}
    slips: list[Slip] = []
    at = 0
    while at < len(text):
        match = _LINE.match(text, at)
        if match:
            found[match["name"]] = _value(match, {**found, **known})
        elif not _NOTHING.match(text, at):
            slips.append(Slip(file, text.count("\n", 0, at) + 1))
        end = match.end() if match else text.find("\n", at) + 1
        at = end or len(text)
    return found, slips


def _value(match: re.Match[str], known: Mapping[str, str]) -> str:
    if match["single"] is not None:
        return str(match["single"])
    text = _REFERENCE.sub(
        lambda found: known.get(found[1]) or found[2] or "", match["double"] if match["double"] is not None else match["bare"]
    )
    if match["double"] is None:
        return text
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), text)


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def secrets(environ: Mapping[str, str], from_files: Mapping[str, str]) -> tuple[str, ...]:
    """Texts to be masked: values of variables whose names say that they are secret, and of those from env files that may well be."""
    named = [value for name, value in {**environ, **from_files}.items() if _is_named(name) and not _is_place(value)]
    others = [value for value in from_files.values() if len(value) >= _SHORTEST_UNNAMED and not _PLAIN.fullmatch(value)]
    logins = [found for value in (*environ.values(), *from_files.values()) if "://" in value for found in _WITH_LOGIN.findall(value)]
    found = [*named, *others, *logins]
    return masking.forms(found) if found else ()


def _is_named(name: str) -> bool:
    return bool(_SECRET.search(name)) and not _NO_SECRET.search(name)


def _is_place(value: str) -> bool:
    """Whether a value is where a secret is kept, not the secret itself."""
    return value.startswith(("/", "./", "~/")) and Path(value).expanduser().exists()
