"""Writes the hashed requirement files beside this one. No address of any index gets into them."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
UV = Path(sys.executable).with_name("uv")

FILES = {
    "bootstrap.txt": ["bootstrap.in"],
    "runtime.txt": ["../pyproject.toml"],
    "dev.txt": ["../pyproject.toml", "--group", "../pyproject.toml:dev"],
    "bench.txt": ["bench.in"],
    "bench2.txt": ["bench2.in"],
    "bench-rival.txt": ["bench-rival.in", "--no-deps"],  # a program in a wheel: the Python that comes with it is not used
    "sklearn.txt": ["sklearn.in"],
    "conda.txt": ["conda.in"],
    "s3.txt": ["s3.in"],
    "flavors.txt": ["flavors.in"],
    "flavors-heavy.txt": ["flavors-heavy.in", "--overrides", "flavors-heavy.overrides"],
    "node.txt": ["node.in"],  # builds the web pages where the machine has no Node
    "browser.txt": ["browser.in"],  # drives the machine's Chromium in tests/ui
}


def main():
    for name, sources in FILES.items():
        command = [str(UV), "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--python-version", "3.10"]
        command += ["--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "make lock", "--output-file", name]
        subprocess.run([*command, *sys.argv[1:], *sources], cwd=HERE, check=True)


if __name__ == "__main__":
    main()
