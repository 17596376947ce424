"""`make bench`: mlctl beside the real MLflow, whole processes, in turn, in one run. Prints medians and ratios; asserts nothing.

Both are installed from wheels with their bytecode compiled. Rows: start-up, listing runs, running a no-op project with the system
environment and in a built virtualenv, and building a virtualenv for the first time (beside bare uv). The rows of ``--only python`` are in
`virtualenv_bench`, those of ``--only conda`` in `environments_bench`, of ``--only docker`` in `docker_bench`, of ``--only tracking`` in
`tracking_bench`, of ``--only models`` in `models_bench`, of ``--only registry`` in `registry_bench`, of ``--only server`` in
`server_bench`.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import docker_bench
import environments_bench
import models_bench
import registry_bench
import server_bench
import tracking_bench
import virtualenv_bench

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".bench"
UV = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
RUNS_LISTED = 50
NOOP = "entry_points:\n  main:\n    command: python noop.py\n"
PACKAGES = ["six==1.17.0", "packaging==24.2", "pyyaml==6.0.3"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=7, help="measured runs of each command; of the tracking and server rows half as many")
    parser.add_argument("--only", choices=SECTIONS, help="a part of the rows")
    options = parser.parse_args()
    env = clean_environment()
    mlctl, mlflow = install_mlctl(env), install_mlflow(env)
    for name in [options.only] if options.only else SECTIONS:
        rows = SECTIONS[name](mlctl, mlflow, env, options.repeat)
        (WORK / f"results-{name}.json").write_text(json.dumps(rows, indent=2))


def commands(mlctl, mlflow, env, repeat):
    rows = [
        *start_up(mlctl, mlflow, env, repeat),
        *listing(mlctl, mlflow, env, repeat),
        *running(mlctl, mlflow, env, repeat),
        *virtualenv(mlctl, mlflow, env, repeat),
        *building(mlctl, env, repeat),
    ]
    show(rows)
    return rows


def tracking(mlctl, mlflow, env, repeat):
    rows = tracking_bench.measure(mlctl, mlflow, fresh("tracking"), env, repeat=max(1, repeat // 2))
    tracking_bench.show(rows)
    return rows


def registry(mlctl, mlflow, env, repeat):
    rows = registry_bench.measure(mlctl, mlflow, fresh("registry"), env, repeat=max(1, repeat // 2))
    registry_bench.show(rows)
    return rows


def models(mlctl, mlflow, env, repeat):
    rows = models_bench.measure(mlctl, mlflow, fresh("models"), env, repeat=max(1, repeat // 2))
    tracking_bench.show(rows)
    return rows


def server(mlctl, mlflow, env, repeat):
    sides = server_bench.sides(mlctl, mlflow, install_rival(env))
    rows, notes = server_bench.measure(sides, WORK / "server", env, repeat=max(1, repeat // 2), seconds=3)
    server_bench.show(rows, [side.name for side in sides])
    print("\n".join(notes))
    return rows


def python(mlctl, mlflow, env, repeat):
    tools = SimpleNamespace(paired=paired, row=row, call=call, uv=UV)
    rows = virtualenv_bench.measure(mlctl, mlflow, fresh("python"), env, repeat=repeat, tools=tools)
    show(rows)
    return rows


def conda(mlctl, _mlflow, env, repeat):
    environments_bench.install_extra(mlctl, env, call=call, uv=UV)
    rows = environments_bench.measure(mlctl, fresh("conda"), env, repeat, paired=paired, row=row)
    show(rows)
    return rows


def docker(mlctl, mlflow, env, repeat):
    tools = SimpleNamespace(paired=paired, row=row)
    rows = docker_bench.measure(mlctl, mlflow, fresh("docker") / "project", env, repeat=max(1, repeat // 2), tools=tools)
    show(rows)
    return rows


SECTIONS = {
    "commands": commands,
    "python": python,
    "conda": conda,
    "docker": docker,
    "tracking": tracking,
    "models": models,
    "registry": registry,
    "server": server,
}


def clean_environment():
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "MLCTL_"))}
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV"):
        env.pop(name, None)
    env["MLFLOW_DISABLE_TELEMETRY"] = "true"
    return env


# ── both sides installed ─────────────────────────────────────────────────────────────────────────────────────────────


def install_mlctl(env):
    home, wheels = WORK / "mlctl", WORK / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    call([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", wheels, ROOT], env)
    call([UV, "venv", "--quiet", "--clear", "--python", sys.executable, home], env)
    install = [UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", home / "bin" / "python"]
    call([*install, "--require-hashes", "-r", ROOT / "requirements" / "runtime.txt"], env)
    call([*install, "--no-deps", next(wheels.glob("*.whl"))], env)
    return home


def install_mlflow(env):
    home = WORK / "mlflow"
    if not (home / "bin" / "mlflow").exists():
        call([UV, "venv", "--quiet", "--clear", "--python", sys.executable, home], env)
        install = [UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", home / "bin" / "python", "--require-hashes"]
        call([*install, "-r", ROOT / "requirements" / "bench.txt"], env)
        # As a newcomer has it: uv beside mlflow, for --env-manager uv.
        shutil.copy(UV, home / "bin" / "uv")
    return home


def install_rival(env):
    home = WORK / "rival"
    if not (home / "bin" / "fml").exists():
        call([UV, "venv", "--quiet", "--clear", "--python", sys.executable, home], env)
        install = [UV, "pip", "install", "--quiet", "--no-deps", "--python", home / "bin" / "python", "--require-hashes"]
        call([*install, "-r", ROOT / "requirements" / "bench-rival.txt"], env)
    return home


# ── what is measured ─────────────────────────────────────────────────────────────────────────────────────────────────


def start_up(mlctl, mlflow, env, repeat):
    ours, theirs = paired([mlctl / "bin" / "mlctl", "--version"], [mlflow / "bin" / "mlflow", "--version"], env, repeat)
    return [row("--version", ours, theirs)]


def listing(mlctl, mlflow, env, repeat):
    folder = fresh("listing")
    for index in range(RUNS_LISTED):
        script = f"import mlctl\nwith mlctl.start_run():\n mlctl.log_params({{'a': {index}}}); mlctl.log_metrics({{'m': {index}}})"
        call([mlctl / "bin" / "python", "-c", script], env, cwd=folder)
    script = f"import mlflow\nfor i in range({RUNS_LISTED}):\n with mlflow.start_run():\n"
    script += "  mlflow.log_params({'a': i}); mlflow.log_metrics({'m': i})"
    theirs_env = {**env, "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
    call([mlflow / "bin" / "python", "-c", script], theirs_env, cwd=folder)
    ours, theirs = paired(
        [mlctl / "bin" / "mlctl", "runs", "list"],
        [mlflow / "bin" / "mlflow", "runs", "list", "--experiment-id", "0"],
        env,
        repeat,
        cwd=folder,
        env_b=theirs_env,
    )
    return [row(f"runs list ({RUNS_LISTED} runs)", ours, theirs)]


def running(mlctl, mlflow, env, repeat):
    folder = fresh("running")
    (folder / "MLproject").write_text(NOOP)
    (folder / "noop.py").write_text("")
    ours_env = {**env, "PATH": f"{mlctl / 'bin'}{os.pathsep}{env['PATH']}"}
    theirs_env = {**env, "PATH": f"{mlflow / 'bin'}{os.pathsep}{env['PATH']}", "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
    ours, theirs = paired(
        [mlctl / "bin" / "mlctl", "run", "."],
        [mlflow / "bin" / "mlflow", "run", ".", "--env-manager", "local"],
        ours_env,
        repeat,
        cwd=folder,
        env_b=theirs_env,
    )
    _, bare = paired([mlctl / "bin" / "mlctl", "run", "."], ["bash", "-c", "python noop.py"], ours_env, repeat, cwd=folder)
    return [row("run of a no-op, system environment", ours, theirs), row("… beside the bare script", ours, bare)]


def virtualenv(mlctl, mlflow, env, repeat):
    folder = fresh("virtualenv")
    (folder / "MLproject").write_text("python_env: python_env.yaml\n" + NOOP)
    version = ".".join(map(str, sys.version_info[:3]))
    (folder / "python_env.yaml").write_text(f'python: "{version}"\ndependencies: [six==1.17.0]\n')
    (folder / "noop.py").write_text("")
    ours_env = {**env, "MLCTL_CACHE_DIR": str(folder / "cache")}
    theirs_env = {**env, "PATH": f"{mlflow / 'bin'}{os.pathsep}{env['PATH']}", "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
    theirs_env["MLFLOW_ENV_ROOT"] = str(folder / "mlflow-envs")
    ours, theirs = paired(
        [mlctl / "bin" / "mlctl", "run", "."],
        [mlflow / "bin" / "mlflow", "run", ".", "--env-manager", "uv"],
        ours_env,
        repeat,
        cwd=folder,
        env_b=theirs_env,
    )
    return [row("second run in a built virtualenv", ours, theirs)]


def building(mlctl, env, repeat):
    folder = fresh("building")
    (folder / "MLproject").write_text("python_env: python_env.yaml\n" + NOOP)
    version = ".".join(map(str, sys.version_info[:3]))
    (folder / "python_env.yaml").write_text(f'python: "{version}"\ndependencies: {json.dumps(PACKAGES)}\n')
    (folder / "noop.py").write_text("")
    install = f"{UV} pip install -q --compile-bytecode --python bare/bin/python {' '.join(PACKAGES)}"
    bare = f"rm -rf bare && {UV} venv -q --python {version} bare && {install}"
    ours, theirs = paired(
        ["bash", "-c", f"rm -rf cache && {mlctl / 'bin' / 'mlctl'} run ."],
        ["bash", "-c", bare],
        {**env, "MLCTL_CACHE_DIR": str(folder / "cache")},
        repeat,
        cwd=folder,
    )
    return [row("first build of a virtualenv and run, beside bare uv", ours, theirs)]


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────────


def fresh(name):
    folder = WORK / "places" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def paired(ours, theirs, env, repeat, cwd=None, env_b=None):
    """Seconds of each measured run of both commands, in turn, after one run of each that does not count."""
    times = ([], [])
    for round_ in range(repeat + 1):
        for index, (command, environment) in enumerate(((ours, env), (theirs, env_b or env))):
            began = time.perf_counter()
            call(command, environment, cwd=cwd)
            if round_:
                times[index].append(time.perf_counter() - began)
    return times


def row(what, ours, theirs):
    return {
        "what": what,
        "mlctl_s": round(statistics.median(ours), 4),
        "other_s": round(statistics.median(theirs), 4),
        "ratio": round(statistics.median(b / a for a, b in zip(ours, theirs, strict=True)), 2),
        "difference_s": round(statistics.median(a - b for a, b in zip(ours, theirs, strict=True)), 4),
        "spread_s": [round(value, 4) for value in (min(ours), max(ours), min(theirs), max(theirs))],
    }


def call(command, env, cwd=None):
    done = subprocess.run(
        [str(word) for word in command], env=env, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")


def show(rows):
    print(f"{'':52} {'mlctl':>9} {'other':>9} {'x faster':>9} {'mlctl - other':>14}")
    for item in rows:
        print(f"{item['what']:52} {item['mlctl_s']:8.3f}s {item['other_s']:8.3f}s {item['ratio']:8.1f}x {item['difference_s']:+13.3f}s")


if __name__ == "__main__":
    main()
