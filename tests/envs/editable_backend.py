"""A build backend for tests: it makes a package editable by a .pth file, as others do, and needs nothing to be installed."""

import pathlib
import zipfile


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    info = "trainer-1.0.dist-info/"
    files = {
        "trainer.pth": str(pathlib.Path.cwd()) + "\n",
        info + "METADATA": "Metadata-Version: 2.1\nName: trainer\nVersion: 1.0\n",
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[info + "RECORD"] = "".join(name + ",,\n" for name in [*files, info + "RECORD"])
    name = "trainer-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name
