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
        return self.add("python", version, files={"pyvenv.cfg": home}, links=links, **options)

    def add_pip(self, version="1.0"):
        """A pip that does nothing: uv installs."""
        return self.add("pip", version, python="")

    def index(self):
        from rattler.index import index_fs

        asyncio.run(index_fs(self.folder, force=True))


def _sha256(data):
    return hashlib.sha256(data).hexdigest()
