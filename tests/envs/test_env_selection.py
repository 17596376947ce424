"""Which environment a project gets."""

import pytest

from mlctl.envs.selection import MANAGERS, choose
from mlctl.envs.system import SystemEnv
from mlctl.envs.virtualenv import VirtualEnv
from mlctl.errors import EnvError, ProjectError, UsageError
from mlctl.projects.spec import DeclaredEnv, Project


@pytest.fixture
def of(tmp_path):
    def make(kind, text=None, **options):
        file = tmp_path / "env.yaml" if text is not None else None
        if file:
            file.write_text(text)
        return Project(tmp_path, env=DeclaredEnv(kind, file, options=options))

    return make


ONLY_PIP = "dependencies: [python=3.8, pip, {pip: [mlflow]}]"
WITH_CONDA = "dependencies: [python=3.8, pytorch=1.8, cudatoolkit]"


@pytest.mark.parametrize(
    ("kind", "text", "manager", "expected"),
    [
        ("python_env", "dependencies: []", None, VirtualEnv),
        ("python_env", None, None, VirtualEnv),
        ("python_env", "dependencies: []", "uv", VirtualEnv),
        ("python_env", "dependencies: []", "local", SystemEnv),
        ("conda_env", ONLY_PIP, "virtualenv", VirtualEnv),
        ("conda_env", WITH_CONDA, "uv", VirtualEnv),
        ("conda_env", WITH_CONDA, "system", SystemEnv),
        ("docker_env", None, "local", SystemEnv),
        ("databricks_spark_job", None, "local", SystemEnv),
        ("none", None, None, SystemEnv),
        ("none", None, "virtualenv", VirtualEnv),
    ],
)
def test_chosen(kind, text, manager, expected, of, cache):
    assert type(choose(of(kind, text), env_manager=manager, cache=cache)) is expected


@pytest.mark.parametrize(
    ("kind", "text", "manager", "says", "hint"),
    [
        ("conda_env", ONLY_PIP, None, "later version", "`--env-manager virtualenv` installs the same"),
        ("conda_env", ONLY_PIP, "conda", "later version", "`--env-manager virtualenv` installs the same"),
        ("conda_env", WITH_CONDA, None, "pytorch=1.8, cudatoolkit", "--env-manager local"),
        ("conda_env", WITH_CONDA, "conda", "pytorch=1.8, cudatoolkit", "leaves those packages out"),
        ("python_env", "dependencies: []", "conda", "no conda environment file", "virtualenv"),
        ("none", None, "conda", "no conda environment file", "virtualenv"),
        ("docker_env", None, None, "(my/image:1)", "--env-manager local"),
        ("docker_env", None, "virtualenv", "(my/image:1)", "--env-manager local"),
        ("databricks_spark_job", None, None, "Databricks", "--env-manager local"),
    ],
)
def test_refused(kind, text, manager, says, hint, of, cache):
    with pytest.raises(EnvError) as caught:
        choose(of(kind, text, image="my/image:1"), env_manager=manager, cache=cache)
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_unknown_names_are_told_the_known_ones(of, cache):
    with pytest.raises(UsageError, match="'pipenv'") as caught:
        choose(of("none"), env_manager="pipenv", cache=cache)
    assert all(name in caught.value.hint for name in MANAGERS)


def test_a_wrong_conda_file(of, cache):
    with pytest.raises(ProjectError, match=r"env.yaml:1"):
        choose(of("conda_env", "dependencies: numpy"), env_manager=None, cache=cache)


def test_notes(of, cache):
    def notes(kind, text, manager):
        return " ".join(choose(of(kind, text), env_manager=manager, cache=cache).plan().notes)

    assert "names no environment" in notes("none", None, None)
    assert "the same as `virtualenv`" in notes("python_env", "python: '3'", "uv")
    assert "pytorch=1.8, cudatoolkit" in notes("conda_env", WITH_CONDA, "virtualenv")
    assert "names no Python version" in notes("python_env", "dependencies: []", None)
    assert notes("python_env", "python: '3'", None) == ""
    assert notes("none", None, "virtualenv") == ""
