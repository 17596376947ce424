"""The commands with their options and arguments, as plain values for completion: made once for each mlctl, then read from the cache.

Making it imports every command; reading it imports neither those nor Typer, which is what makes a TAB fast.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlctl import settings
from mlctl.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT = 1
Tree = dict[str, Any]
"""``{"help", "commands": {name: Tree}}``, or ``{"help", "options", "arguments"}``.

Options are lists of names, parameter, whether it takes a value, help; arguments lists of parameter and whether it takes many.
"""


def load(make_group: Callable[[], Any]) -> Tree:
    """The tree of this mlctl's commands."""
    path = settings.cache_dir() / "completion" / f"{_stamp()}.json"
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        found = _tree(make_group())
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(found), "utf-8")
        draft.replace(path)
        for old in path.parent.glob("*.json"):
            if old != path:
                old.unlink()
    return found


def _stamp() -> str:
    """What tells one mlctl from another: its version, where it is, and when its commands were last changed."""
    folder = Path(__file__).parent
    newest = max(entry.stat().st_mtime_ns for entry in (*os.scandir(folder), *os.scandir(folder.parent)) if entry.name.endswith(".py"))
    return f"{FORMAT}-{__version__}-{newest:x}-{folder.stat().st_ino:x}"


def _tree(command: Any) -> Tree:
    text = command.get_short_help_str(limit=80)
    if hasattr(command, "list_commands"):
        names = command.list_commands(None)
        return {"help": text, "commands": {name: _tree(command.get_command(None, name)) for name in names}}
    options: list[Any] = [[["--help"], "help", False, "Show what the command does."]]
    arguments: list[Any] = []
    for param in command.params:
        if param.param_type_name == "argument":
            arguments.append([param.name, param.nargs != 1])
        elif not getattr(param, "hidden", False):
            names = [*param.opts, *param.secondary_opts]
            options.append([names, param.name, not getattr(param, "is_flag", False), getattr(param, "help", "") or ""])
    return {"help": text, "options": options, "arguments": arguments}
