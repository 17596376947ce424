"""Conda environments beside bare rattler: a local channel, the same specs, the same folders for caches."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

PROJECT = "conda_env: conda.yaml\nentry_points:\n  main:\n    command: python noop.py\n"
SPECS = ["python", *(f"part-{index}" for index in range(30))]
# What a script does that uses rattler itself: solve, install, run.
BARE = """
import asyncio, os, subprocess, sys
from pathlib import Path
from rattler import Channel, Gateway, MatchSpec, Subdir, VirtualPackage, install, solve
channel, home, specs = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
async def build():
    records = await solve([Channel(channel)], [MatchSpec(spec) for spec in specs], gateway=Gateway(cache_dir=home / "repodata"),
        platforms=[Subdir.current(), Subdir("noarch")], virtual_packages=VirtualPackage.detect())
    await install(records, home / "prefix", cache_dir=home / "pkgs", show_progress=False)
asyncio.run(build())
code = subprocess.call([home / "prefix" / "bin" / "python", "noop.py"])
os._exit(code)
"""


def install_extra(home, env, *, call, uv):
    """Put py-rattler beside the mlctl that is measured."""
    call([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", home / "bin" / "python", "--require-hashes", "-r",
          ROOT / "requirements" / "conda.txt"], env)  # fmt: skip


def prepare(folder):
    """A channel with a Python and 30 packages that need each other, and a project that asks for them."""
    import conda_channel

    channel = conda_channel.Channel(folder / "channels" / "main")
    channel.add_python()
    for index in range(30):
        for version in ("1.0", "1.1", "2.0"):
            depends = [f"part-{other} >=1.1" for other in range(max(0, index - 3), index)]
            files = {f"share/part-{index}/{number}.txt": str(number) for number in range(20)}
            channel.add(f"part-{index}", version, depends=depends, files=files)
    channel.index()
    dependencies = "".join(f"  - {spec}\n" for spec in SPECS)
    (folder / "MLproject").write_text(PROJECT)
    (folder / "conda.yaml").write_text(f"channels: [{channel.url}]\ndependencies:\n{dependencies}")
    (folder / "noop.py").write_text("")
    (folder / "bare.py").write_text(BARE)
    return channel


def measure(mlctl, folder, env, repeat, *, paired, row):
    """Rows: the first build and run, and a run of what has been built beside the bare script."""
    channel = prepare(folder)
    program, python = mlctl / "bin" / "mlctl", mlctl / "bin" / "python"
    ours_env = {**env, "MLCTL_CACHE_DIR": str(folder / "cache")}
    cold = ["bash", "-c", f"rm -rf cache && '{program}' run ."]
    bare = ["bash", "-c", f"rm -rf bare && '{python}' bare.py '{channel.url}' bare {' '.join(SPECS)}"]
    ours, theirs = paired(cold, bare, ours_env, repeat, cwd=folder)
    rows = [row("first conda build and run, beside bare rattler", ours, theirs)]
    ours, theirs = paired([program, "run", "."], ["bash", "-c", "bare/prefix/bin/python noop.py"], ours_env, repeat, cwd=folder)
    return [*rows, row("second run in it, beside the bare script", ours, theirs)]
