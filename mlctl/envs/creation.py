"""Makes bare virtual environments: an interpreter, pip, and the setuptools that old projects count on.

virtualenv makes the folder; interpreters that it no longer knows do it themselves with their venv module. The pip and (before 3.12) the
setuptools that the interpreter brings along are put in: newer setuptools lack ``pkg_resources``, which old projects import. uv unpacks
them in a twentieth of the time that virtualenv or venv take; these do it where there is no uv.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl import process
from mlctl.envs import files, uv, versions
from mlctl.errors import EnvError

if TYPE_CHECKING:
    from mlctl.envs.filling import Filler
    from mlctl.envs.interpreters import Found

_SETUPTOOLS_BEFORE = (3, 12)


def create(folder: Path, python: Found, *, filler: Filler, app_data: Path, seeded: bool = True) -> None:
    """Make an environment, with pip in it where it is ``seeded``.

    Raises:
        EnvError: it cannot be made.
    """
    wheels = _own_wheels(python)
    quick = bool(wheels) and uv.program() is not None
    bare = quick or not seeded
    seeds = ["--no-seed"] if bare else _seeds(python, wheels)
    if not _by_virtualenv(folder, python, options=[*seeds, "--app-data", str(app_data)]):
        files.remove_tree(folder)
        _by_venv(folder, python, filler, options=["--without-pip"] if bare else [])
    if quick and seeded:
        filler.seed(wheels)


def _own_wheels(python: Found) -> list[Path]:
    """The wheels that an interpreter brings along to start an environment with; of several versions the newest."""
    wheels = sorted((Path(python.stdlib) / "ensurepip" / "_bundled").glob("*.whl"), key=_wheel_version)
    return list({path.name.split("-")[0]: path for path in wheels}.values())


def _wheel_version(path: Path) -> versions.Version:
    return versions.numbers(path.name.split("-")[1])


def _seeds(python: Found, wheels: list[Path]) -> list[str]:
    """Options that make virtualenv put in the interpreter's own setuptools rather than a newer one."""
    setuptools = [wheel for wheel in wheels if wheel.name.startswith("setuptools-")]
    if not setuptools or python.numbers >= _SETUPTOOLS_BEFORE:
        return []
    return ["--extra-search-dir", str(setuptools[0].parent), "--setuptools", setuptools[0].name.split("-")[1]]


def _by_virtualenv(folder: Path, python: Found, *, options: list[str]) -> bool:
    """Make it with virtualenv; False for an interpreter that it does not support."""
    import logging

    import virtualenv
    from virtualenv.seed.wheels.embed import BUNDLE_SUPPORT

    if python.numbers[:2] < min(map(versions.numbers, BUNDLE_SUPPORT)):
        return False  # without seeds it would make one all the same, whose start-up file is a syntax error there
    argv = [str(folder), "--python", python.path, "--no-download", "--no-periodic-update", *options]
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("VIRTUALENV_") and name != "PYTHONPATH"}
    silent = logging.NullHandler()  # without any handler, warnings would go to standard error
    logging.getLogger().addHandler(silent)
    try:
        virtualenv.cli_run(argv, setup_logging=False, env={**quiet, "VIRTUALENV_CONFIG_FILE": os.devnull})
    except (RuntimeError, SystemExit):
        return False
    finally:
        logging.getLogger().removeHandler(silent)
    return True


def _by_venv(folder: Path, python: Found, filler: Filler, *, options: list[str]) -> None:
    argv = [python.path, "-m", "venv", *options, str(folder)]
    env: process.Env = {"PYTHONPATH": None, "PYTHONHOME": None, "VIRTUAL_ENV": None}
    done = process.follow(argv, cwd=str(filler.project), env=env, keep_fds=(filler.lock_fd,))
    if done.code:
        said = uv.reason(done.err) or uv.reason(done.out)
        raise EnvError(
            f"Python {python.version} ({python.path}) cannot make a virtual environment:\n{said}",
            hint="Ask for Python 3.6 or newer in the environment file, or use --env-manager local.",
        )
