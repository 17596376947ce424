"""Programs that tests of the container definitions need, as this machine has them."""

import os
import shutil
import subprocess


def compose():
    """The command of compose, version 2 or 1; None where there is none."""
    if shutil.which("docker"):
        asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if asked.returncode == 0:
            return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def has_image(variable):
    """Whether an engine answers, and has the image that an environment variable names."""
    name = os.environ.get(variable)
    if not name or not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0
