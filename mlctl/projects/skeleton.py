"""A new project that runs: its files, made all or none."""

from __future__ import annotations

import sys
from pathlib import Path

from mlctl.errors import UsageError

MLPROJECT = """\
name: {name}
{environment}
entry_points:
  main:
    parameters:
      learning_rate: {{type: float, default: 0.05, min: 0}}
      epochs: {{type: int, default: 100, min: 1}}
    command: "python train.py --learning-rate {{learning_rate}} --epochs {{epochs}}"
  test:
    command: "python -m unittest -v"
"""
TRAIN = '''\
"""Fits a line to points, and logs how that goes."""

import argparse
import random

import mlctl


def make_points(count, seed=7):
    """Points near the line y = 2 x + 1."""
    chance = random.Random(seed)
    return [(x, 2 * x + 1 + chance.gauss(0, 0.1)) for x in (chance.uniform(-1, 1) for _ in range(count))]


def fit(points, learning_rate, epochs):
    """Slope and offset of a line, with the loss of each epoch."""
    slope = offset = 0.0
    losses = []
    for _ in range(epochs):
        errors = [slope * x + offset - y for x, y in points]
        losses.append(sum(error * error for error in errors) / len(points))
        slope -= learning_rate * 2 * sum(error * x for error, (x, _) in zip(errors, points)) / len(points)
        offset -= learning_rate * 2 * sum(errors) / len(points)
    return slope, offset, losses


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--epochs", type=int, default=100)
    args = parser.parse_args()
    with mlctl.start_run():
        slope, offset, losses = fit(make_points(200), args.learning_rate, args.epochs)
        for epoch, loss in enumerate(losses):
            mlctl.log_metric("loss", loss, step=epoch)
        mlctl.log_dict({"slope": slope, "offset": offset}, "line.json")
        print(f"y = {slope:.2f} x + {offset:.2f}, loss {losses[-1]:.4f}")


if __name__ == "__main__":
    main()
'''
TEST = """\
import unittest

from train import fit, make_points


class FitTest(unittest.TestCase):
    def test_finds_the_line(self):
        slope, offset, losses = fit(make_points(200), learning_rate=0.2, epochs=200)
        self.assertAlmostEqual(slope, 2, delta=0.1)
        self.assertAlmostEqual(offset, 1, delta=0.1)
        self.assertLess(losses[-1], losses[0])


if __name__ == "__main__":
    unittest.main()
"""
README = """\
# {name}

```
mlctl run . -P epochs=200      # runs train.py and records it
mlctl runs list                # what was recorded
mlctl run . -e test            # runs the test
```

`MLproject` names the commands and their parameters{environment}. `mlctl project check` says what is wrong with it.
"""
GITIGNORE = "mlruns/\n__pycache__/\n.env\n"


KINDS: dict[str, tuple[str, str, str]] = {
    "virtualenv": ("python_env.yaml", "python_env: python_env.yaml\n", ", `python_env.yaml` the Python and the packages"),
    "conda": ("conda.yaml", "conda_env: conda.yaml\n", ", `conda.yaml` the channels and the packages"),
    "docker": ("Dockerfile", "docker_env:\n  build: {dockerfile: Dockerfile}\n", ", `Dockerfile` the image in which they run"),
    "system": ("", "", ""),
}
"""Kinds of environments: the file that defines one, how MLproject names it, and how the README does."""


def make(folder: Path, *, name: str, kind: str = "virtualenv") -> list[Path]:
    """Write a new project into a folder, which is made if need be; returns its files. ``kind`` is one of `KINDS`.

    Raises:
        UsageError: one of the files is there already, or the folder cannot be written. Nothing is left then.
    """
    files = {folder / file: text for file, text in _files(name, kind).items()}
    there = [path.name for path in files if path.exists() or path.is_symlink()]
    if there:
        raise UsageError(f"{folder} has {', '.join(there)} already.", hint="Name a new folder: mlctl project init FOLDER")
    made: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for path in made:
            path.unlink()
        raise UsageError(f"The project cannot be made in {folder}: {error.strerror}.", hint="Name another folder.") from None
    return made


def _files(name: str, kind: str) -> dict[str, str]:
    import json

    file, environment, told = KINDS[kind]
    found = {"MLproject": MLPROJECT.format(name=json.dumps(name, ensure_ascii=False), environment=environment)}
    if file:
        found[file] = _dockerfile() if kind == "docker" else _pinned(definition(file))
    readme = README.format(name=name, environment=told)
    return {**found, "train.py": TRAIN, "test_train.py": TEST, "README.md": readme, ".gitignore": GITIGNORE}


def _pinned(definition: str) -> str:
    own = ".".join(map(str, sys.version_info[:2]))
    return definition.replace('python: "3"', f'python: "{own}"')


def _dockerfile() -> str:
    """The image of docker projects as one project's own: without the comment that says how to build it for all of them."""
    parts = definition("docker-project/Dockerfile").partition("ARG BASE")
    return "# The image in which this project's commands run; mlctl builds it when this file has changed.\n" + "".join(parts[1:])


def definition(file: str) -> str:
    """A file of ``environments/``: the wheel has those that are read here beside the package's modules."""
    places = (Path(__file__).parents[1] / "environments" / file, Path(__file__).parents[2] / "environments" / file)
    return next(place for place in places if place.exists()).read_text("utf-8")
