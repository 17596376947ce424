"""Requirement lines: what is installed, and what decides about an environment."""

import os

import pytest

from mlctl.envs.pip_lines import expand
from mlctl.errors import ProjectError


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "a project; 'x'"
    found.mkdir()
    return found


def texts(lines, folder, file=None):
    return [line.text for line in expand(lines, project=folder, file=file)]


def identities(lines, folder):
    return [line.identity for line in expand(lines, project=folder)]


def test_files_are_read_in(folder):
    (folder / "reqs").mkdir()
    (folder / "reqs" / "base.txt").write_text("numpy\n-r more.txt\n")
    (folder / "reqs" / "more.txt").write_text(
        "# all of it\n\npandas == 2.0 \\\n  --hash=sha256:aa \\\n  --hash=sha256:bb  # two\n-rlast.txt"
    )
    (folder / "reqs" / "last.txt").write_text("scipy # x\nfoo#bar\n")
    expected = ["a", "numpy", "pandas == 2.0 --hash=sha256:aa --hash=sha256:bb", "scipy", "foo#bar", "b"]
    for option in (
        "-r reqs/base.txt",
        "-rreqs/base.txt",
        "--requirement reqs/base.txt",
        "--requirement=reqs/base.txt",
        '-r "reqs/base.txt"',
    ):
        assert texts(["a", option, "b"], folder) == expected


def test_names_with_spaces_and_absolute_paths(folder):
    (folder / "my reqs.txt").write_text("numpy")
    for option in ("-r my reqs.txt", "-r 'my reqs.txt'", f"-r {folder}/my reqs.txt", f"-r {(folder / 'my reqs.txt').as_uri()}"):
        assert texts([option], folder) == ["numpy"]


def test_relative_to_the_project_then_to_the_environment_file(folder):
    (folder / "envs").mkdir()
    (folder / "envs" / "r.txt").write_text("inner")
    file = folder / "envs" / "python_env.yaml"
    assert texts(["-r r.txt"], folder, file) == ["inner"]
    (folder / "r.txt").write_text("outer")
    assert texts(["-r r.txt"], folder, file) == ["outer"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(encoding, folder):
    (folder / "r.txt").write_bytes("numpy\r\n# \xe9t\xe9\r\npandas".encode(encoding))
    assert texts(["-r r.txt"], folder) == ["numpy", "pandas"]


def test_what_passes_through(folder):
    lines = [
        "--index-url https://example.org/simple",
        "--extra-index-url  https://example.org/whl/xpu",
        "--require-hashes",
        "-f https://example.org/wheels.html",
        "-r https://example.org/r.txt",
        "-e git+https://example.org/x.git@main#egg=x&subdirectory=y",
        "x @ git+https://example.org/x.git",
        "torch==2.7.1+xpu",
        "jsonargparse[signatures]>=4.17.0",
        'six ; python_version < "3"',
        "https://example.org/x-1.0.tar.gz#sha256=aa",
    ]
    assert texts(lines, folder) == lines
    assert identities(lines, folder) == lines


def test_cycles_and_missing_files(folder):
    (folder / "a.txt").write_text("-r b.txt")
    (folder / "b.txt").write_text("x\n-r a.txt")
    with pytest.raises(ProjectError, match=r"include each other: a.txt → b.txt → a.txt"):
        expand(["-r a.txt"], project=folder)
    (folder / "c.txt").write_text("-r absent.txt")
    with pytest.raises(ProjectError, match=r"c.txt: `absent.txt`: no such file") as caught:
        expand(["-r c.txt"], project=folder)
    assert str(folder) in caught.value.hint
    for line in ("./absent", "../absent[x]", "-e ./absent", "absent-1.0-py3-none-any.whl", "-c absent.txt"):
        with pytest.raises(ProjectError, match="no such"):
            expand([line], project=folder)


def test_constraints_count_by_their_lines(folder):
    (folder / "c.txt").write_text("numpy<2\n-c d.txt\n")
    (folder / "d.txt").write_text("pandas<2\n")
    (line,) = expand(["-c c.txt"], project=folder)
    assert line.argv == ("-c", str((folder / "c.txt").resolve()))
    (folder / "c.txt").write_text("# the same\nnumpy<2\n\n--constraint=d.txt")
    assert expand(["-c c.txt"], project=folder)[0].identity == line.identity
    (folder / "d.txt").write_text("pandas<3\n")
    assert expand(["-c c.txt"], project=folder)[0].identity != line.identity


def test_local_packages_count_by_their_files(folder):
    package = folder / "pkg"
    (package / "src").mkdir(parents=True)
    (package / "pyproject.toml").write_text("[project]")
    (package / "src" / "data.json").write_text("{}")
    lines = ["./pkg", "./pkg[extra] ; python_version > '3'", "pkg/", f"pkg @ {package.as_uri()}"]
    before = identities(lines, folder)
    assert texts(lines, folder) == lines
    assert identities(lines, folder) == before
    for name in ("__pycache__", "build", "pkg.egg-info", ".git"):
        (package / name).mkdir()
        (package / name / "x.py").write_text("x")
    assert identities(lines, folder) == before
    (package / "src" / "data.json").write_text("[]")
    os.utime(package / "src" / "data.json", (1, 1))
    assert not set(identities(lines, folder)) & set(before)


def test_what_a_run_writes_into_a_project_that_is_a_package(folder):
    (folder / "setup.py").write_text("import setuptools")
    before = identities([".", ".[dev]"], folder)
    (folder / "model.pkl").write_text("x")
    (folder / "mlruns").mkdir()
    (folder / "mlruns" / "x.py").write_text("x")
    assert identities([".", ".[dev]"], folder) == before
    (folder / "train.py").write_text("x")
    assert identities([".", ".[dev]"], folder) != before


def test_editable_packages_count_by_place_and_metadata(folder):
    (folder / "setup.py").write_text("setup(install_requires=['a'])")
    (before,) = expand(["-e ."], project=folder)
    assert before.argv == ("-e", ".")
    (folder / "train.py").write_text("x")
    assert expand(["-e ."], project=folder)[0] == before
    assert expand(["--editable=."], project=folder)[0] == before
    (folder / "setup.py").write_text("setup(install_requires=['a', 'b'])")
    assert expand(["-e ."], project=folder)[0].identity != before.identity


def test_folders_of_wheels_count_by_their_files(folder):
    (folder / "my wheels").mkdir()
    (line,) = expand(["--find-links my wheels"], project=folder)
    assert line.argv == ("-f", str((folder / "my wheels").resolve()))
    (folder / "my wheels" / "x-1-py3-none-any.whl").write_text("")
    assert expand(["--find-links my wheels"], project=folder)[0].identity != line.identity
    assert texts(["--find-links absent"], folder) == ["-f absent"]


def test_variables_in_paths(folder, monkeypatch):
    (folder / "pkg").mkdir()
    monkeypatch.setenv("WHERE", str(folder))
    assert identities(["${WHERE}/pkg"], folder) != ["${WHERE}/pkg"]
    assert texts(["${WHERE}/pkg"], folder) == ["${WHERE}/pkg"]
