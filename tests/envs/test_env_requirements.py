"""Environment files, right and wrong."""

import contextlib
import os
from pathlib import Path

import pytest
import yaml

from mlctl.envs import pip_lines, versions
from mlctl.envs.requirements import PythonRequirements, from_conda, from_python_env
from mlctl.errors import ProjectError
from mlctl.projects.spec import DeclaredEnv, Project


@pytest.fixture
def write(tmp_path):
    def make(text, name="python_env.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


def test_the_documented_file(write):
    found = from_python_env(
        write(
            """
            # Python version required to run the project.
            python: "3.8.15"
            build_dependencies:
              - pip
              - setuptools>=40
            dependencies:
              - mlflow>=2.0   # the client
              - scikit-learn==1.0.2
              - -r requirements.txt
            """
        )
    )
    assert found == PythonRequirements(
        "3.8.15", ("pip", "setuptools>=40"), ("mlflow>=2.0", "scikit-learn==1.0.2", "-r requirements.txt"), (), ()
    )


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("python: 3.10", "3.10"),
        ("python: 3.8", "3.8"),
        ("python: 3", "3"),
        ("python: 3.8.13", "3.8.13"),
        ("python: '3.10'", "3.10"),
        ("python:", ""),
        ("python: ~", ""),
        ("python: ''", ""),
        ("{}", ""),
        ("", ""),
        ("python: '>=3.9,<3.12'", ">=3.9,<3.12"),
    ],
)
def test_python_is_the_text_of_the_file(text, python, write):
    assert from_python_env(write(text)).python == python


def test_lists_may_be_empty_or_written_otherwise(write):
    assert from_python_env(write("dependencies:\nbuild_dependencies: []\n")) == PythonRequirements()
    assert from_python_env(write("{dependencies: [a, 'b ; python_version > \"3\"']}")).lines == ("a", 'b ; python_version > "3"')
    assert from_python_env(write("dependencies:\n- |\n  a\n\n  b\n")).lines == ("a", "b")
    assert from_python_env(write(b"\xef\xbb\xbfdependencies: [a]")).lines == ("a",)


@pytest.mark.parametrize(
    ("text", "line", "says", "hint"),
    [
        ("python: [3.8]", 1, "`python`: the Python version is not a text", "3.11"),
        ("python: true", 1, "`python`: the Python version is not a text", "3.11"),
        ("\n\npython: latest", 3, "`python`: 'latest' is not a Python version", ">=3.9,<3.12"),
        ("dependencies: mlflow", 1, "`dependencies`: it is not a list", "- mlflow"),
        ("dependencies:\n  a: 1", 2, "`dependencies`: it is not a list", "line of its own"),
        ("build_dependencies: pip", 1, "`build_dependencies`: it is not a list", "- pip"),
        ("dependencies:\n- a\n- 5", 3, "'5' is not a text", "quotes"),
        ("dependencies:\n- a\n-", 3, "'' is not a text", "quotes"),
        ("dependencies:\n- a\n- [b]", 3, "a sequence stands where", "one line"),
        ("dependencies:\n- pip\n- pip:\n  - mlflow", 3, "a `pip:` list inside the list", "conda"),
        ("dependencys: []", 1, "`dependencys`: there is no such key", "`dependencies`"),
        ("name: x\ndependencies: []", 1, "`name`: there is no such key", "conda_env"),
        ("zzz: 1", 1, "`zzz`: there is no such key", "build_dependencies"),
        ("- a\n- b", 1, "it holds a sequence, not keys", "dependencies:"),
        ("python: '3.8", 1, "not valid YAML", ""),
        ("a: b: c", 1, "not valid YAML", ""),
    ],
)
def test_slips(text, line, says, hint, write):
    path = write(text)
    with pytest.raises(ProjectError) as caught:
        from_python_env(path)
    assert caught.value.message.startswith(f"{path}:{line}: ")
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_files_that_cannot_be_read(write, tmp_path):
    with pytest.raises(ProjectError, match="No such file"):
        from_python_env(tmp_path / "absent.yaml")
    with pytest.raises(ProjectError, match="not UTF-8"):
        from_python_env(write(b"python: \xff"))
    with pytest.raises(ProjectError, match="not valid YAML"):
        from_python_env(write(b"python: '\x07'"))
    with pytest.raises(ProjectError) as caught:
        from_python_env(write("numpy\npandas\n", "requirements.txt"))
    assert "- -r requirements.txt" in caught.value.hint


# ── conda files ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_conda_file_of_python_and_pip(write):
    found = from_conda(
        write(
            """
            name: x
            channels: [defaults]
            dependencies:
              - python=3.8.12
              - pip=21.2.2=py38h06a4308_0
              - setuptools>=52
              - openssl=1.1.1k=h27cfd23_0
              - pip:
                - mlflow        >= 1.0
                - -e .
            prefix: /nowhere
            """
        )
    )
    assert found == PythonRequirements("3.8.12", ("pip==21.2.2", "setuptools>=52"), ("mlflow        >= 1.0", "-e ."))


@pytest.mark.parametrize(
    ("spec", "python"),
    [
        ("python=3.6.9=h265db76_0", "3.6.9"),
        ("python==3.7", "3.7"),
        ("python >=3.6,<3.9", ">=3.6,<3.9"),
        ("python 3.8", "3.8"),
        ("python=3.8.*", "3.8.*"),
        ("python", ""),
        ("conda-forge::python=3.9", "3.9"),
        ("python[version='>=3.7']", ">=3.7"),
        ("python 3.8.10 hdb3f193_7", "3.8.10"),
        ("Python=3.8", "3.8"),
        ("python>=3.6", ">=3.6"),
        ("python = 3.8", "3.8"),
    ],
)
def test_python_pins(spec, python, write):
    found = from_conda(write(yaml.safe_dump({"dependencies": [spec]})))
    assert (found.python, found.dropped) == (python, ())
    if python:
        versions.parse(python)


def test_conda_packages_are_named(write):
    found = from_conda(write("dependencies: [python=3.8, numpy=1.20, 'pytorch::pytorch', cudatoolkit=11.0, pip, libgcc-ng=9]"))
    assert found.dropped == ("numpy=1.20", "pytorch::pytorch", "cudatoolkit=11.0")


def test_variables_are_read(write):
    assert from_conda(write("dependencies: []\nvariables: {A: b, B: 007, C: yes, D: }")).variables == (
        ("A", "b"),
        ("B", "007"),
        ("C", "yes"),
        ("D", ""),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dependencies: [{npm: [a]}]", "`npm` is not a section"),
        ("dependencies: ['=3']", "'=3' is not a conda package"),
        ("dependencies: [python=x]", "'x' is not a Python version"),
        ("dependencies: python", "not a list"),
        ("dependencies: [{pip: mlflow}]", "`dependencies.pip`: it is not a list"),
        ("dependencies: [3]", "'3' is not a text"),
    ],
)
def test_slips_in_conda_files(text, says, write):
    with pytest.raises(ProjectError, match=r"python_env.yaml:1: ") as caught:
        from_conda(write(text))
    assert says in caught.value.message


@pytest.mark.engine("corpus")
def test_the_environment_files_of_the_corpus():
    """Each is translated, or refused with a sentence that names what stands in the way."""
    refused = []
    translated = dropping = 0
    for file, kind in _corpus_files():
        project = Project(file.parent, env=DeclaredEnv(kind, file))
        try:
            found = from_conda(file) if kind == "conda_env" else from_python_env(file)
        except ProjectError as error:
            refused.append(str(file) in error.message and bool(error.hint))
            continue
        translated += 1
        if found.python:
            versions.parse(found.python)
        for line in (*found.build, *found.lines):
            assert line == line.strip()
            assert "\n" not in line
        with contextlib.suppress(_RequirementsFileError):
            _expand(found.lines, project)
        if kind == "conda_env":
            dropping += bool(found.dropped)
    assert translated >= 60
    assert refused in ([True], [True] * 2)
    assert dropping <= translated / 3


class _RequirementsFileError(Exception):
    """The corpus holds the environment files only."""


def _expand(lines, project):
    try:
        assert len(pip_lines.expand(lines, project=project.folder, file=project.env.file)) >= len(lines)
    except ProjectError as error:
        if "requirements.txt`: no such file" not in error.message:
            raise
        raise _RequirementsFileError from None


def _corpus_files():
    for path in sorted(Path(os.environ["MLCTL_CORPUS"]).rglob("MLproject")):
        try:
            found = yaml.safe_load(path.read_text())
        except yaml.YAMLError:
            continue
        for kind in ("conda_env", "python_env"):
            name = found.get(kind) if isinstance(found, dict) else None
            if isinstance(name, str) and (path.parent / name).is_file():
                yield path.parent / name, kind
