"""A conda channel, made by hand: packages are small archives, indexed as a real channel is.

Its ``python`` is this machine's own: ``bin/python`` is a link to it, with the ``pyvenv.cfg`` that makes the folder its home, so that what
is installed there is found there and nowhere else.
"""

import asyncio
import hashlib
import io
import json
import os
import platform
import sys
import tarfile
from pathlib import Path

VERSION = platform.python_version()
MINOR = ".".join(VERSION.split(".")[:2])


class Channel:
    """A channel in a folder. ``add`` puts a package in, ``index`` makes what was put in known."""

    def __init__(self, folder: Path, subdir: str = "linux-64"):
        self.folder = folder
        self.subdir = subdir
        for name in (subdir, "noarch"):
            (folder / name).mkdir(parents=True)

    @property
    def url(self):
        return self.folder.as_uri()

    def add(self, name, version="1.0", build="0", *, depends=(), files=None, links=None, python=None, **fields):
        """A package with these files (path → text); with ``python`` a Python module of that text, found by pip, too."""
        files, links = dict(files or {}), dict(links or {})
        subdir, index = self.subdir, {}
        if python is not None:
            subdir, index = "noarch", {"noarch": "python"}
            depends = ["python >=3", *depends]
            files[f"site-packages/{name}.py"] = python
            files[f"site-packages/{name}-{version}.dist-info/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            files[f"site-packages/{name}-{version}.dist-info/RECORD"] = f"{name}.py,,\n"
            files["info/link.json"] = '{"noarch": {"type": "python"}, "package_metadata_version": 1}'
        index |= {"name": name, "version": version, "build": build, "build_number": 0, "subdir": subdir, "depends": list(depends), **fields}
        path = self.folder / subdir / f"{name}-{version}-{build}.tar.bz2"
        self._write(path, index, files, links)
        return path

    def _write(self, path, index, files, links):
        inside = {name: text.encode() for name, text in files.items() if not name.startswith("info/")}
        paths = [
            {"_path": name, "path_type": "hardlink", "sha256": _sha256(data), "size_in_bytes": len(data)} for name, data in inside.items()
        ]
        paths += [{"_path": name, "path_type": "softlink"} for name in links]
        about = {name: text.encode() for name, text in files.items() if name.startswith("info/")}
        about["info/index.json"] = json.dumps(index).encode()
        about["info/paths.json"] = json.dumps({"paths": paths, "paths_version": 1}).encode()
        about["info/files"] = "".join(f"{name}\n" for name in [*inside, *links]).encode()
        with tarfile.open(path, "w:bz2") as archive:
            for name, data in {**about, **inside}.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(data), 0o755 if name.startswith("bin/") else 0o644
                archive.addfile(entry, io.BytesIO(data))
            for name, target in links.items():
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = tarfile.SYMTYPE, target
                archive.addfile(entry)

    def add_python(self, version=VERSION, **options):
        """This machine's Python as a package."""
        real = os.path.realpath(sys.executable)
        home = f"home = {Path(real).parent}\ninclude-system-site-packages = false\nversion = {VERSION}\n"
        links = {"bin/python": real, "bin/python3": "python"}
        readme = f"lib/python{MINOR}/site-packages/README.txt"
        return self.add("python", version, files={"pyvenv.cfg": home, readme: "as in CPython"}, links=links, **options)

    def add_pip(self, version="1.0"):
        """A pip that does nothing: uv installs."""
        return self.add("pip", version, python="")

    def index(self):
        from rattler.index import index_fs

        asyncio.run(index_fs(self.folder, force=True))


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def standard(folder: Path) -> Path:
    """Two channels, ``main`` and ``other``, with several versions, builds and dependencies; returns their folder."""
    main, other = Channel(folder / "main"), Channel(folder / "other")
    main.add_python()
    main.add_pip()
    for version in ("1.0", "2.0"):
        main.add("base", version, python=f"version = {version!r}\n")
    main.add("top", python="from base import version\n", depends=["base <2"])
    for build in ("mkl", "openblas"):
        main.add("blas", build=build, files={"share/blas": build})
    main.add("mlflow", "3.0", python="")
    main.add("tool", "3.0", files=TOOL)
    main.add("slow", files={"bin/.slow-post-link.sh": SLOW, "share/slow": ""})
    other.add("base", "3.0", python="version = '3.0'\n")
    other.add("only-there", files={"share/there": ""})
    for channel in (main, other):
        channel.index()
    return folder


TOOL = {
    "bin/hello": '#!/bin/sh\necho "hello from $CONDA_PREFIX"\n',
    "etc/conda/activate.d/a tool.sh": 'export TOOL_HOME="$CONDA_PREFIX/share" TOOL_SAW="$FROM_PACKAGE"\n',
    "etc/conda/activate.d/b.sh": 'export TOOL_LATER="$TOOL_HOME/later"\n',
    "etc/conda/activate.d/c.fish": "set -x TOOL_LATER fish\n",
    "etc/conda/env_vars.d/tool.json": '{"FROM_PACKAGE": "it\'s", "MINE": "the package\'s", "GONE": "***unset***"}',
}
# A script that a package runs when it is installed: it tells that it has begun, and waits until it is let.
SLOW = """#!/bin/bash
if [ -n "$SLOW_FOLDER" ]; then
  echo $$ > "$SLOW_FOLDER/begun"
  while [ ! -e "$SLOW_FOLDER/go" ]; do sleep 0.02; done
fi
"""

# A conda that makes an environment with this machine's Python and nothing else, and keeps what it was called with.
CONDA = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path
given = sys.argv[1:]
here = Path(__file__).resolve()
with open(here.with_name(here.name + ".calls"), "a") as file:
    file.write(json.dumps([given, os.getcwd(), os.environ.get("CONDA_ALWAYS_YES")]) + "\\n")
if os.environ.get("CONDA_FAILS"):
    sys.exit("ResolvePackageNotFound: \\n  - nosuch=1.0")
prefix = Path(given[given.index("--prefix") + 1])
site = prefix / "lib" / "python{MINOR}" / "site-packages"
for folder in (prefix / "bin", prefix / "conda-meta", site, prefix / "etc/conda/activate.d"):
    folder.mkdir(parents=True)
(prefix / "bin" / "python").symlink_to({os.path.realpath(sys.executable)!r})
(prefix / "pyvenv.cfg").write_text("home = {Path(os.path.realpath(sys.executable)).parent}\\n")
record = {{"name": "python", "version": "{VERSION}", "build": "fake_0", "subdir": "linux-64", "files": [], "md5": "0" * 32}}
record["url"] = "https://me:secret@x.org/t/SECRET/main/linux-64/python-{VERSION}-fake_0.conda"
(prefix / "conda-meta" / "python-{VERSION}-fake_0.json").write_text(json.dumps(record))
(prefix / "conda-meta" / "state").write_text(json.dumps({{"env_vars": {{"FROM_STATE": "1", "MINE": "the state's"}}}}))
(prefix / "etc/conda/activate.d/x.sh").write_text("export FROM_SCRIPT=$FROM_STATE\\n")
"""


def write_conda(folder: Path, name: str = "conda") -> Path:
    """Put that conda into ``folder/bin``."""
    path = folder / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CONDA)
    path.chmod(0o755)
    return path


def calls(conda: Path) -> list:
    """What it was called with: arguments, folder, CONDA_ALWAYS_YES."""
    file = conda.with_name(f"{conda.name}.calls")
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
