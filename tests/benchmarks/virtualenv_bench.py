"""Python environments, built and used: beside ``mlflow run --env-manager uv``, beside bare uv, and beside the script by itself.

Of the goals of the project's issue on environments these rows show two: a run in a built environment costs at most 0.3 s over the bare
command, and a first build at most 1.3 times what the bare tool takes, and half a second.
"""

import json
import os
import sys

NOOP = "entry_points:\n  main:\n    command: python noop.py\n"
PACKAGES = ["six==1.17.0", "packaging==24.2", "pyyaml==6.0.3"]
VERSION = ".".join(map(str, sys.version_info[:3]))
PYPROJECT = f'[project]\nname = "noop"\nversion = "1"\nrequires-python = "=={VERSION}"\ndependencies = {json.dumps(PACKAGES)}\n'


def measure(mlctl, mlflow, folder, env, *, repeat, tools):
    """The rows. ``tools`` has the benchmark's own ``paired``, ``row``, ``call`` and the uv executable."""
    return [*_python_env(mlctl, mlflow, folder / "python_env", env, repeat, tools), *_lock(mlctl, folder / "lock", env, repeat, tools)]


def _project(folder):
    folder.mkdir(parents=True)
    (folder / "noop.py").write_text("")
    return folder


def _python_env(mlctl, mlflow, folder, env, repeat, tools):
    _project(folder)
    (folder / "MLproject").write_text("python_env: python_env.yaml\n" + NOOP)
    (folder / "python_env.yaml").write_text(f'python: "{VERSION}"\ndependencies: {json.dumps(PACKAGES)}\n')
    ours_env = {**env, "MLCTL_CACHE_DIR": str(folder / "cache")}
    theirs_env = {**env, "PATH": f"{mlflow / 'bin'}{os.pathsep}{env['PATH']}", "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
    theirs_env["MLFLOW_ENV_ROOT"] = str(folder / "mlflow-envs")
    ours, theirs = f"{mlctl / 'bin' / 'mlctl'} run .", f"{mlflow / 'bin' / 'mlflow'} run . --env-manager uv"
    install = f"{tools.uv} pip install -q --compile-bytecode --python bare/bin/python {' '.join(PACKAGES)}"
    bare = f"{tools.uv} venv -q --python {VERSION} bare && {install} && bare/bin/python noop.py"
    pairs = [
        ("first run in a virtualenv, beside MLflow with uv", f"rm -rf cache && {ours}", f"rm -rf mlflow-envs && {theirs}", theirs_env),
        ("… beside bare uv", f"rm -rf cache && {ours}", f"rm -rf bare && {bare}", env),
        ("run in a built virtualenv, beside MLflow", ours, theirs, theirs_env),
        ("… beside the bare script", ours, "bare/bin/python noop.py", env),
    ]
    return _rows(pairs, folder, ours_env, repeat, tools)


def _lock(mlctl, folder, env, repeat, tools):
    _project(folder)
    (folder / "MLproject").write_text(NOOP)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    tools.call([tools.uv, "lock", "--quiet", "--python", sys.executable], env, cwd=folder)
    ours = f"{mlctl / 'bin' / 'mlctl'} run ."
    sync = f"{tools.uv} sync -q --frozen --compile-bytecode --python {sys.executable}"
    pairs = [
        ("first run of a uv.lock, beside bare uv", f"rm -rf cache && {ours}", f"rm -rf .venv && {sync} && .venv/bin/python noop.py", env),
        ("run in a built one, beside uv run", ours, f"{tools.uv} run -q --frozen python noop.py", env),
        ("… beside the bare script", ours, ".venv/bin/python noop.py", env),
    ]
    return _rows(pairs, folder, {**env, "MLCTL_CACHE_DIR": str(folder / "cache")}, repeat, tools)


def _rows(pairs, folder, ours_env, repeat, tools):
    found = []
    for what, ours, theirs, theirs_env in pairs:
        times = tools.paired(["bash", "-c", ours], ["bash", "-c", theirs], ours_env, repeat, cwd=folder, env_b=theirs_env)
        found.append(tools.row(what, *times))
    return found
