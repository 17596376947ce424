"""What the documents say is true: their commands run, their links lead somewhere, their tables match the code."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlctl import errors, settings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def sessions() -> list[tuple[str, list[str]]]:
    found = []
    for page in PAGES:
        for block in blocks(page, "console"):
            commands = [line[2:] for line in block.splitlines() if line.startswith("$ mlctl ")]
            if commands:
                found.append((page.name, commands))
    return found


@pytest.mark.parametrize(("page", "commands"), sessions(), ids=[f"{page}-{len(commands)}" for page, commands in sessions()])
def test_commands_run(mlctl, place, page, commands):
    shutil.copytree(ROOT / "sample-projects", place / "sample-projects")
    codes = {command: mlctl(*shlex.split(command)[1:]).returncode for command in commands}
    assert set(codes.values()) == {0}, codes


def test_python_in_the_readme_runs(mlctl, project):
    (text,) = blocks(ROOT / "README.md", "python")
    folder = project("entry_points:\n  main:\n    command: python main.py\n", main__py=text)
    mlctl("run", folder, check=0)
    (run,) = mlctl.runs()
    assert run["data"]["metrics"] == {"loss": 0.3}
    assert run["data"]["params"] == {"optimizer": "sgd"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), f"{page.name} links to {target}"


def test_exit_codes_in_the_docs_are_those_of_the_code():
    text = (ROOT / "docs" / "projects.md").read_text()
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    classes = [item for item in (errors.MlctlError, *_below(errors.MlctlError)) if item.__module__ == errors.__name__]
    assert documented == {0, 1} | {item.exit_code for item in classes}
    for item in classes:
        assert item.__name__ in errors.__doc__ or item is errors.MlctlError


def _below(cls):
    for child in cls.__subclasses__():
        yield child
        yield from _below(child)


def test_variables_in_the_docs_exist():
    known = {name for setting in settings.SETTINGS.values() for name in setting.variables}
    beside = {
        "MLCTL_REQUIRE",
        "MLCTL_CORPUS",
        "MLCTL_PROBES",
        "MLCTL_MLFLOW",
        "MLCTL_SKLEARN",
        "MLCTL_MOTO",
        "MLCTL_FLAVORS",
        "MLCTL_FLAVORS_HEAVY",
        "MLCTL_DOCKER_BASE",
        "MLCTL_DOCKER_IMAGE",
        "MLCTL_DOCKER_WHEELS",
        "MLCTL_DOCKER_POSTGRES",
        "MLCTL_BUNDLE",
    }
    for page in PAGES:
        found = set(re.findall(r"\bMLCTL_[A-Z_]+[A-Z]\b", page.read_text()))
        assert found <= known | beside, page.name


def test_every_command_has_help(mlctl):
    from mlctl.cli import COMMANDS

    for name in COMMANDS:
        out = mlctl(name, "--help", check=0).stdout
        for command in re.findall(r"^  ([a-z]+)  ", out.partition("Commands:")[2], re.MULTILINE):
            text = mlctl(name, command, "--help", check=0).stdout
            assert "--output" in text
            assert "--quiet" in text


@pytest.mark.parametrize("number", range(len(blocks(ROOT / "docs" / "tracking.md", "python"))))
def test_python_in_the_tracking_docs_runs(place, number):
    text = blocks(ROOT / "docs" / "tracking.md", "python")[number]
    done = subprocess.run([sys.executable, "-W", "error", "-c", text], capture_output=True, text=True, check=False, cwd=place, timeout=60)
    assert done.returncode == 0, done.stderr
    for line in text.splitlines():  # what the page says is printed
        if "print(" in line and "  # " in line:
            assert line.partition("  # ")[2] in done.stdout
