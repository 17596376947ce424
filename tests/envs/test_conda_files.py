"""Conda files: what is read of them, and what is said of mistakes in them. Nothing is solved here."""

import json
import os
import re
from pathlib import Path

import pytest
import yaml

from mlctl.envs import conda_channels, conda_file, conda_native, conda_spec, selection
from mlctl.errors import ProjectError, UsageError
from mlctl.projects.spec import DeclaredEnv, Project


@pytest.fixture
def write(tmp_path):
    def make(text):
        path = tmp_path / "conda.yaml"
        path.write_text(text)
        return path

    return make


# ── packages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

# As it is written → channel, name, and what a solver makes of it (rattler's own canonical form).
SPELLINGS = {
    "numpy": ("", "numpy", "numpy"),
    "PyYAML": ("", "pyyaml", "pyyaml"),
    "numpy=1.2": ("", "numpy", 'numpy[version="1.2.*"]'),
    "numpy = 1.2": ("", "numpy", 'numpy[version="1.2.*"]'),
    "numpy==1.2.3": ("", "numpy", 'numpy[version="==1.2.3"]'),
    "numpy=1.2=py39_0": ("", "numpy", 'numpy[version="==1.2",build="py39_0"]'),
    "numpy==1.2=py39_0": ("", "numpy", 'numpy[version="==1.2",build="py39_0"]'),
    "numpy 1.2 py39_0": ("", "numpy", 'numpy[version="==1.2",build="py39_0"]'),
    "numpy>=1,<2": ("", "numpy", 'numpy[version=">=1,<2"]'),
    "numpy >= 1.0 , < 2": ("", "numpy", 'numpy[version=">=1.0,<2"]'),
    "numpy!=1.5": ("", "numpy", 'numpy[version="!=1.5"]'),
    "python 3.8": ("", "python", 'python[version="==3.8"]'),
    "python 3.8.*": ("", "python", 'python[version="3.8.*"]'),
    "python=3.8|>=3.10": ("", "python", 'python[version="3.8.*|>=3.10"]'),
    "python~=3.8": ("", "python", 'python[version="~=3.8"]'),
    "scikit-learn=1.4.1.*": ("", "scikit-learn", 'scikit-learn[version="1.4.1.*"]'),
    "x264=1!157.2=h7b6447c_0": ("", "x264", 'x264[version="==1!157.2",build="h7b6447c_0"]'),
    "_libgcc_mutex=0.1=main": ("", "_libgcc_mutex", '_libgcc_mutex[version="==0.1",build="main"]'),
    "blas=*=openblas": ("", "blas", 'blas[version="*",build="openblas"]'),
    "pytorch=*=*cuda*": ("", "pytorch", 'pytorch[version="*",build="*cuda*"]'),
    "pkg[version='>=1']": ("", "pkg", 'pkg[version=">=1"]'),
    'pkg [version=">=1,<2", build=py_0]': ("", "pkg", 'pkg[version=">=1,<2",build="py_0"]'),
    "numpy=1.2  # the old one": ("", "numpy", 'numpy[version="1.2.*"]'),
    "conda-forge::numpy>=1": ("conda-forge", "numpy", 'numpy[version=">=1",channel="conda-forge"]'),
    "conda-forge/noarch::numpy": (
        "conda-forge/noarch",
        "numpy",
        'numpy[channel="conda-forge",subdir="noarch"]',
    ),
    "nvidia/label/cuda-11.8.0::cuda": (
        "nvidia/label/cuda-11.8.0",
        "cuda",
        'cuda[channel="nvidia/label/cuda-11.8.0"]',
    ),
    "https://x.org/ch::numpy=1": ("https://x.org/ch", "numpy", 'numpy[version="1.*",channel="https://x.org/ch/"]'),
    "file:///tmp/ch::numpy=1": ("file:///tmp/ch", "numpy", 'numpy[version="1.*",channel="file:///tmp/ch/"]'),
    "https://x.org/ch/linux-64/foo-bar-1.0-0.conda": ("", "foo-bar", 'foo-bar[url="https://x.org/ch/linux-64/foo-bar-1.0-0.conda"]'),
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings(text):
    channel, name, _ = SPELLINGS[text]
    found = conda_spec.parse(text)
    assert (found.channel, found.name) == (channel, name)


@pytest.mark.engine("rattler")
@pytest.mark.parametrize("text", SPELLINGS)
def test_the_solver_reads_them_as_meant(text, tmp_path):
    from rattler import MatchSpec

    query = conda_spec.parse(text).query(lambda name: conda_channels.url_of(name, project=tmp_path))
    assert MatchSpec(query).to_canonical_string() == SPELLINGS[text][2]


@pytest.mark.parametrize(
    ("spec", "says", "hint"),
    [
        ("numpy=>1.2", "an operator that does not exist", ">="),
        ("numpy==", "ends where a version should follow", "name=1.2.3"),
        ("numpy>=1,", "ends where a version should follow", "name=1.2.3"),
        ("pandas[excel]", "has extras", "- pip:"),
        ("git+https://example.org/a.git", "is not a conda package", "- pip:"),
        ("-r requirements.txt", "an option of pip", "- pip:"),
        ("-e .", "an option of pip", "- pip:"),
        ("numpy; python_version > '3'", "a condition", "- pip:"),
        ("pkg[version='>=1'", "a bracket that is not closed", "version='>=1.2'"),
        ("=1.2", "is not a conda package", "name=1.2.3"),
    ],
)
def test_slips_in_packages(spec, says, hint, write):
    with pytest.raises(ProjectError, match=r"conda.yaml:3: `dependencies`: ") as caught:
        conda_file.read(write("dependencies:\n  - python\n  - " + json.dumps(spec) + "\n"))
    assert says in caught.value.message
    assert hint in caught.value.hint


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_that_a_file_may_hold(write, monkeypatch):
    monkeypatch.setenv("WHERE", "channels.example.org")
    found = conda_file.read(
        write("""
name: not used
prefix: /home/somebody/envs/x
channels: ["https://${WHERE}/main", conda-forge, nodefaults]
dependencies:
  - python=3.11   # [linux]
  - "pytorch::pytorch"
  - pip
  - pip: [mlflow==2.0, "-r requirements.txt"]
variables: {A: 007, B: yes, C: "it's"}
""")
    )
    assert found.channels == ("https://channels.example.org/main", "conda-forge", "nodefaults")
    assert [(spec.text, spec.line) for spec in found.specs] == [("python=3.11", 6), ("pytorch::pytorch", 7), ("pip", 8)]
    assert found.pip == ("mlflow==2.0", "-r requirements.txt")
    assert found.variables == (("A", "007"), ("B", "yes"), ("C", "it's"))
    assert found.notes == ()


@pytest.mark.parametrize("text", ["", "name: x\n", "dependencies:\n", "channels:\ndependencies: []\n"])
def test_files_that_ask_for_nothing(text, write):
    found = conda_file.read(write(text))
    assert (found.channels, found.specs, found.pip) == ((), (), None)


@pytest.mark.parametrize(
    ("text", "line", "says", "hint"),
    [
        ("dependancies: [a]", 1, "`dependancies`: there is no such key", "Did you mean `dependencies`?"),
        ("channel: [a]", 1, "`channel`: there is no such key", "Did you mean `channels`?"),
        ("python: 3.8\ndependencies: []", 1, "`python`: there is no such key", "python_env"),
        ("dependencies: numpy", 1, "`dependencies`: it is not a list", "- numpy"),
        ("dependencies:\n- a\n- {npm: [b]}", 3, "`npm` is not a section", "- pip:"),
        ("dependencies: [3]", 1, "'3' is not a text", "quotes"),
        ("channels: conda-forge", 1, "`channels`: it is not a list", "- conda-forge"),
        ("channels: ['a b']", 1, "'a b' is not a channel", "conda-forge"),
        ("variables: [A=1]", 1, "not names with values", "NAME: value"),
        ("variables:\n  A: [1]", 2, "a value is not a text", "NAME: value"),
        ("variables: {'A=B': 1}", 1, "cannot be the name of a variable", "NAME: value"),
        ("- numpy", 1, "it holds a sequence", "dependencies:"),
        ("dependencies: [", 2, "not valid YAML", ""),
    ],
)
def test_slips_in_files(text, line, says, hint, write):
    with pytest.raises(ProjectError) as caught:
        conda_file.read(write(text))
    assert f"conda.yaml:{line}: " in caught.value.message
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_a_strange_key_is_told(write):
    assert "no key `category`" in conda_file.read(write("category: main\n")).notes[0]


# ── channels ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_addresses_of_channels(tmp_path):
    names = ["conda-forge", "https://x.org/ch/", "file:///ch", "./my channel", "../other", "nodefaults", "conda-forge"]
    assert conda_channels.urls(names, project=tmp_path / "p") == (
        "https://conda.anaconda.org/conda-forge",
        "https://x.org/ch",
        "file:///ch",
        (tmp_path / "p" / "my channel").as_uri(),
        (tmp_path / "other").as_uri(),
    )


def test_defaults_and_the_alias_are_settings(tmp_path, monkeypatch):
    main, r = conda_channels.urls(["defaults"], project=tmp_path)
    assert main.endswith("/pkgs/main")
    assert r.endswith("/pkgs/r")
    monkeypatch.setenv("CONDA_CHANNEL_ALIAS", "https://mirror.example.org/conda/")
    monkeypatch.setenv("CONDA_DEFAULT_CHANNELS", "https://x.org/a, main")
    found = conda_channels.urls(["defaults", "bioconda"], project=tmp_path)
    assert found == ("https://x.org/a", "https://mirror.example.org/conda/main", "https://mirror.example.org/conda/bioconda")


def test_channels_of_single_packages_come_last(tmp_path):
    specs = [conda_spec.parse(text) for text in ("pytorch::pytorch", "conda-forge/noarch::a", "b")]
    found = conda_channels.searched(["conda-forge"], specs, project=tmp_path)
    assert found == ("https://conda.anaconda.org/conda-forge", "https://conda.anaconda.org/pytorch")


def test_a_wrong_priority(monkeypatch):
    assert conda_channels.priority() == "flexible"
    monkeypatch.setenv("CONDA_CHANNEL_PRIORITY", "high")
    with pytest.raises(UsageError, match="CONDA_CHANNEL_PRIORITY='high'"):
        conda_channels.priority()


def test_credentials_are_not_shown():
    shown = conda_channels.redacted("https://conda.anaconda.org/t/SECRET/org and https://me:SECRET@x.org/ch")
    assert "SECRET" not in shown
    assert "/org and https://" in shown


# ── real files ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _corpus():
    folder = os.environ.get("MLCTL_CORPUS")
    if not folder:
        return
    known = json.loads((Path(folder) / "oracle.json").read_text())["projects"]
    for name, found in sorted(known.items()):
        if found.get("env_type") == "conda_env" and found["env_config_path"]:
            path = Path(folder) / "projects" / name / found["env_config_path"]
            if path.is_file():
                yield path


@pytest.mark.engine("corpus")
@pytest.mark.parametrize("path", list(_corpus()), ids=lambda path: path.parent.name)
def test_the_plan_of_a_real_file_is_what_it_says(path, tmp_path, monkeypatch):
    """Interpreter, packages, channels and pip part, compared with the file as PyYAML reads it."""
    monkeypatch.setattr(conda_native, "is_there", lambda: True)
    said = yaml.safe_load(path.read_text("utf-8-sig")) or {}
    listed = said.get("dependencies") or []
    conda = [item for item in listed if isinstance(item, str)]
    pip = next((item["pip"] for item in listed if isinstance(item, dict)), [])
    environment = selection.choose(Project(path.parent, env=DeclaredEnv("conda_env", path)), env_manager=None, cache=tmp_path)
    files = [line.removeprefix("-r ") for line in pip if line.startswith("-r ")]
    if not all((path.parent / file).exists() for file in files):  # the corpus has the environment files, and not what they name
        with pytest.raises(ProjectError, match="no such file"):
            environment.plan()
        return
    plan = environment.plan()
    added = [] if any(re.match(r"pip\b", item) for item in conda) or not pip else ["pip"]
    assert [line for line in plan.requirements if not line.startswith("pip: ")] == [*conda, *added]
    assert [line.removeprefix("pip: ") for line in plan.requirements if line.startswith("pip: ")] == [line.strip() for line in pip]
    channels = [name for name in said.get("channels") or ["conda-forge"] if name != "nodefaults"]
    assert list(plan.channels) == list(conda_channels.urls(channels, project=path.parent))
    python = [f"python{spec.rest}" for spec in conda_file.read(path).specs if spec.name == "python"]
    assert python == [item for item in conda if re.match(r"python(?![\w-])", item)]
