"""`make build`: builds wheel and sdist, installs the wheel into an empty virtualenv, runs a project with it and weighs it."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
MOST_PACKAGES = 32
MOST_BYTES = 100 << 20


def main():
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    call(sys.executable, "-m", "build", "--no-isolation", ROOT)
    wheel = next((ROOT / "dist").glob("*.whl"))
    assert next((ROOT / "dist").glob("*.tar.gz")).stat().st_size > 10_000
    with tempfile.TemporaryDirectory() as folder:
        home, place = Path(folder) / "empty venv", Path(folder) / "place"
        call(UV, "venv", "--quiet", "--python", sys.executable, home)
        call(UV, "pip", "install", "--quiet", "--python", home / "bin" / "python", wheel, "-c", ROOT / "requirements" / "runtime.txt")
        shutil.copytree(ROOT / "sample-projects" / "minimal", place)
        print(call(home / "bin" / "mlctl", "--version", cwd=place).strip())
        print(call(home / "bin" / "mlctl", "run", ".", "-P", "epochs=5", cwd=place).strip())
        print(call(home / "bin" / "mlctl", "runs", "list", cwd=place).strip())
        weigh(home)


def weigh(home):
    site = next(home.glob("lib/python*/site-packages"))
    packages = [path.name for path in site.glob("*.dist-info")]
    weight = sum(path.stat().st_size for path in home.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"{len(packages)} packages, {weight / (1 << 20):.0f} MiB, uv included")
    assert len(packages) <= MOST_PACKAGES, packages
    assert weight <= MOST_BYTES, weight


def call(*command, cwd=None):
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
