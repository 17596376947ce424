"""Which environment a project gets."""

import pytest

from mlctl.envs import conda_native
from mlctl.envs.conda import CondaEnv
from mlctl.envs.selection import CONDA_MANAGERS, MANAGERS, choose
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


@pytest.fixture
def no_rattler(monkeypatch, tmp_path):
    """Neither the extra nor an installed conda."""
    monkeypatch.setattr(conda_native, "is_there", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path))


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
        ("conda_env", WITH_CONDA, None, "pytorch=1.8, cudatoolkit", 'pip install "mlctl[conda]"'),
        ("conda_env", WITH_CONDA, "conda", "pytorch=1.8, cudatoolkit", "`--env-manager virtualenv` leaves them out"),
        ("conda_env", WITH_CONDA, "rattler", "pytorch=1.8, cudatoolkit", 'pip install "mlctl[conda]"'),
        ("conda_env", ONLY_PIP, "rattler", "py-rattler is not installed", 'pip install "mlctl[conda]"'),
        ("conda_env", ONLY_PIP, "conda", "there is no conda on this machine", "`--env-manager virtualenv` installs the same"),
        ("python_env", "dependencies: []", "conda", "no conda environment file", "virtualenv"),
        ("none", None, "conda", "no conda environment file", "virtualenv"),
        ("databricks_spark_job", None, None, "Databricks", "--env-manager local"),
    ],
)
def test_refused(kind, text, manager, says, hint, of, cache, no_rattler):
    with pytest.raises(EnvError) as caught:
        choose(of(kind, text, image="my/image:1"), env_manager=manager, cache=cache)
    assert says in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(("text", "manager"), [(WITH_CONDA, None), (ONLY_PIP, None), (WITH_CONDA, "rattler"), (ONLY_PIP, "conda")])
def test_conda_files_with_the_extra(text, manager, of, cache, monkeypatch, tmp_path):
    monkeypatch.setattr(conda_native, "is_there", lambda: True)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert type(choose(of("conda_env", text), env_manager=manager, cache=cache)) is CondaEnv


def test_only_python_and_pip_packages_without_the_extra(of, cache, no_rattler):
    found = choose(of("conda_env", ONLY_PIP), env_manager=None, cache=cache)
    assert type(found) is VirtualEnv
    assert any("lists only Python and pip packages" in note for note in found._notes)


def test_unknown_names_are_told_the_known_ones(of, cache):
    with pytest.raises(UsageError, match="'pipenv'") as caught:
        choose(of("none"), env_manager="pipenv", cache=cache)
    assert all(name in caught.value.hint for name in (*MANAGERS, *CONDA_MANAGERS))


def test_a_wrong_conda_file(of, cache):
    with pytest.raises(ProjectError, match=r"env.yaml:1"):
        choose(of("conda_env", "dependencies: numpy"), env_manager=None, cache=cache).plan()


def test_notes(of, cache):
    def notes(kind, text, manager):
        return " ".join(choose(of(kind, text), env_manager=manager, cache=cache).plan().notes)

    assert "names no environment" in notes("none", None, None)
    assert "the same as `virtualenv`" in notes("python_env", "python: '3'", "uv")
    assert "pytorch=1.8, cudatoolkit" in notes("conda_env", WITH_CONDA, "virtualenv")
    assert "names no Python version" in notes("python_env", "dependencies: []", None)
    assert notes("python_env", "python: '3'", None) == ""
    assert notes("none", None, "virtualenv") == ""
