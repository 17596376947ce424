"""The `mlflow` of jobs whose environment has none: what it covers, how it says what it does not, and how a real one goes before it."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.version import Version

from mlctl.mlflow_standin import _names
from mlctl.version import __version__

STAND_IN = f"stand-in {__version__}"
LOGGING = """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_param("p", 1)
    mlflow.log_metric("m", 2.5)
"""


class Bare:
    """A Python environment without mlctl and mlflow, and what it takes to run projects in it."""

    def __init__(self, folder):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        (self.site,) = folder.glob("lib/python3.*/site-packages")
        self.env = {**os.environ, "PATH": f"{folder}/bin{os.pathsep}{os.environ['PATH']}"}

    @staticmethod
    def put(folder, name="mlflow", text="where = __file__\n"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(text)


@pytest.fixture
def bare(tmp_path):
    return Bare(tmp_path / "bare env")


@pytest.fixture
def said(mlctl, script, bare):
    """Runs a script in a bare environment and returns what it prints."""

    def run(text, folder=None, **files):
        return mlctl("run", folder or script(text, **files), env=bare.env, check=0).stdout.rstrip("\n")

    return run


def test_an_unchanged_script(said, mlctl):
    said(LOGGING + "print(run.info.run_id)")
    (run,) = mlctl.runs()
    assert run["data"]["params"] == {"p": "1"}
    assert run["data"]["metrics"] == {"m": 2.5}
    assert run["data"]["tags"]["mlctl.mlflow"] == STAND_IN


def test_the_client_alone_is_noted_too(said, mlctl):
    said("import os\nfrom mlflow.tracking import MlflowClient\nMlflowClient().log_metric(os.environ['MLFLOW_RUN_ID'], 'm', 1.0)")
    (run,) = mlctl.runs()
    assert run["data"]["metrics"] == {"m": 1.0}
    assert run["data"]["tags"]["mlctl.mlflow"] == STAND_IN


@pytest.mark.engine("linux")
@pytest.mark.parametrize("text", ["mlflow.set_tracking_uri(uri + '/')", "mlflow.MlflowClient(uri).set_tag(run_id, 'a', 'b')"])
def test_the_address_for_mlflow_clients_leads_straight_to_the_store(said, mlctl, text):
    """Scripts hand on the address that they find. Nobody knocks there: the run's server is not started for it."""
    used = "import mlflow, os\nuri, run_id = os.environ['MLFLOW_TRACKING_URI'], os.environ['MLFLOW_RUN_ID']\n"
    used += f"{text}\nmlflow.log_metric('m', 1)\n"
    used += "parent = os.getppid()\nprint(open(f'/proc/{parent}/task/{parent}/children').read().split() == [str(os.getpid())])"
    assert said(used) == "True"
    assert mlctl.runs()[0]["data"]["metrics"] == {"m": 1.0}


def test_an_address_that_the_script_puts_into_the_environment(said, mlctl, place, monkeypatch):
    change = "os.environ['MLFLOW_TRACKING_URI'] = '../elsewhere'\n"
    said(f"import mlflow, os\n{change}mlflow.MlflowClient().create_experiment('there')\nprint(mlflow.get_tracking_uri())")
    assert [each["name"] for each in mlctl.json("experiments", "list")["data"]] == ["Default"]
    monkeypatch.setenv("MLCTL_TRACKING_URI", str(place / "elsewhere"))
    assert "there" in [each["name"] for each in mlctl.json("experiments", "list")["data"]]


@pytest.mark.parametrize("text", ["import mlflow", "import mlctl\nmlctl.log_metric('m', 1)", "pass"])
def test_what_is_not_used_is_not_noted(said, mlctl, text):
    said(text)
    assert "mlctl.mlflow" not in mlctl.runs()[0]["data"]["tags"]


@pytest.mark.parametrize(
    "text",
    [
        "import mlflow as mf; found = mf.start_run",
        "from mlflow import log_metric as found",
        "import mlflow.projects; found = mlflow.projects.run",
        "from mlflow import projects; found = projects.run",
        "import mlflow; found = mlflow.projects.submitted_run.SubmittedRun",
        "from mlflow.tracking import MlflowClient as found",
        "from mlflow.client import MlflowClient as found",
        "from mlflow import MlflowClient as found",
        "from mlflow.tracking.client import MlflowClient as found",
        "from mlflow.tracking.fluent import start_run as found",
        "import mlflow.tracking.fluent; found = mlflow.tracking.fluent.active_run",
        "from mlflow.entities import Metric, Param, RunTag, ViewType as found",
        "from mlflow.entities.run import Run as found",
        "from mlflow.exceptions import MlflowException as found",
        "from mlflow.tracking.context.registry import resolve_tags as found; assert found({'a': 'b'})['a'] == 'b'",
        "from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID as found; assert found == 'mlflow.parentRunId'",
        "import mlflow; found = mlflow.utils.validation.MAX_PARAM_VAL_LENGTH; assert found == 6000",
        "from mlflow.version import VERSION as found; import mlflow; assert found == mlflow.__version__",
        "from mlflow import *; found = log_metric",
        "import mlflow, importlib; found = importlib.reload(mlflow).log_metric",
    ],
)
def test_ways_to_import(said, text):
    assert said(f"{text}; print(bool(found))") == "True"


@pytest.mark.parametrize(
    ("text", "error", "name"),
    [
        ("import mlflow.spacy", "ModuleNotFoundError", "mlflow.spacy"),
        ("from mlflow import spacy", "ModuleNotFoundError", "mlflow.spacy"),
        ("import mlflow; mlflow.spacy.autolog()", "AttributeError", "mlflow.spacy"),
        ("from mlflow.tracking.nothing import a", "ModuleNotFoundError", "mlflow.tracking.nothing"),
        ("from mlflow.genai import evaluate", "ModuleNotFoundError", "mlflow.genai"),
        ("import mlflow; mlflow.register_prompt('a', 'b')", "AttributeError", "mlflow.register_prompt"),
        ("import mlflow.utils; mlflow.utils.mlflow_tags.MLFLOW_X", "AttributeError", "mlflow.utils.mlflow_tags.MLFLOW_X"),
    ],
)
def test_what_is_not_covered_says_so(said, text, error, name):
    caught = f"try:\n    exec({text!r})\nexcept Exception as error:\n    print(type(error).__name__, error, getattr(error, 'name', None))"
    found = said(caught)
    assert found.startswith(f"{error} {name} is not in mlctl's stand-in; add mlflow to the environment")


def test_probes_of_libraries(said):
    """Libraries look for mlflow, ask for its version, and expect a missing module to be an ImportError that names mlflow."""
    text = "import importlib.metadata, importlib.util\nprint(importlib.util.find_spec('mlflow') is not None)\n"
    text += (
        "try:\n    importlib.metadata.version('mlflow')\nexcept importlib.metadata.PackageNotFoundError:\n    print('no such package')\n"
    )
    text += "import mlflow\nprint(hasattr(mlflow, 'spacy'), mlflow.__version__)\n"
    text += "try:\n    import mlflow.spacy\nexcept ImportError as error:\n    print(error.name)\n"
    there, package, attribute, name = said(text).splitlines()
    assert (there, package, name) == ("True", "no such package", "mlflow")
    has, _, said_version = attribute.partition(" ")
    assert has == "False"
    assert Version(said_version) > Version("3.17")
    assert Version(said_version).local == f"mlctl.{__version__}"


def test_every_module_is_there(said):
    text = f"import importlib\nfor name in {sorted(_names.MODULES)}:\n    module = importlib.import_module(name)\n"
    assert said(text + "    print(*[f'{name}.{each}' for each in module.__all__ if not hasattr(module, each)], sep='', end='')") == ""


def test_nobody_else_finds_it(place):
    if find_spec("mlflow") is None:
        with pytest.raises(PackageNotFoundError):
            version("mlflow")
    code = "import sys, importlib.util; sys.exit(importlib.util.find_spec('mlflow') is not None)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ── a real one goes before it ────────────────────────────────────────────────────────────────────────────────────────

WHERE = "import mlflow\nprint(getattr(mlflow, 'where', 'the stand-in'))"


def test_a_package_in_the_environment(said, bare):
    bare.put(bare.site)
    assert said(WHERE) == str(bare.site / "mlflow" / "__init__.py")


def test_a_package_in_an_editable_folder(said, bare, tmp_path):
    bare.put(tmp_path / "source")
    (bare.site / "zzzz_last.pth").write_text(f"{tmp_path / 'source'}\n")
    assert said(WHERE) == str(tmp_path / "source" / "mlflow" / "__init__.py")


def test_a_package_on_pythonpath(said, bare, tmp_path):
    bare.put(tmp_path / "named")
    bare.env["PYTHONPATH"] = str(tmp_path / "named")
    assert said(WHERE) == str(tmp_path / "named" / "mlflow" / "__init__.py")


FINDER = """
import sys
from importlib.machinery import PathFinder

class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return PathFinder.find_spec(name, [{folder!r}]) if name == "mlflow" else None

sys.meta_path.append(Finder)
"""


def test_a_package_with_a_finder_behind_the_path(said, bare, tmp_path):
    """As setuptools installs editable packages whose folder has other names."""
    bare.put(tmp_path / "source", text="from mlflow import inner\nwhere = __file__\n")
    (tmp_path / "source" / "mlflow" / "inner.py").write_text("")
    (bare.site / "its_finder.py").write_text(FINDER.format(folder=str(tmp_path / "source")))
    (bare.site / "its_finder.pth").write_text("import its_finder\n")
    assert said(WHERE) == str(tmp_path / "source" / "mlflow" / "__init__.py")


def test_a_package_further_back_on_the_path(said, bare, tmp_path):
    bare.put(tmp_path / "late")
    assert said(f"import sys\nsys.path.append({str(tmp_path / 'late')!r})\n{WHERE}") == str(tmp_path / "late" / "mlflow" / "__init__.py")


def test_a_package_of_the_project(said, script, bare):
    folder = script(WHERE)
    bare.put(folder)
    assert said("", folder) == str(folder / "mlflow" / "__init__.py")


def test_a_broken_package_stays_broken(mlctl, script, bare, tmp_path):
    bare.put(tmp_path / "late", text="raise RuntimeError('broken')\n")
    text = f"import sys\nsys.path.append({str(tmp_path / 'late')!r})\nimport mlflow"
    assert "RuntimeError: broken" in mlctl("run", script(text), env=bare.env, check=1).stderr


def test_modules_in_a_folder_of_the_project(said, script):
    """A folder without __init__.py lends its modules, as it does where there is no mlflow at all."""
    folder = script("import mlflow.own, mlflow.utils\nprint(mlflow.own.where, mlflow.utils.mlflow_tags.MLFLOW_USER)")
    (folder / "mlflow").mkdir()
    (folder / "mlflow" / "own.py").write_text("where = 'own'")
    assert said("", folder) == "own mlflow.user"


@pytest.mark.engine("mlflow")
def test_the_real_mlflow_is_noted(mlctl, script):
    home = Path(os.environ["MLCTL_MLFLOW"]).parent
    text = "import mlflow\nwith mlflow.start_run():\n    with mlflow.start_run(nested=True):\n        pass\nprint(mlflow.__version__)\n"
    done = mlctl("run", script(text), env={**os.environ, "PATH": f"{home}{os.pathsep}{os.environ['PATH']}"}, check=0, timeout=120)
    noted = [run["data"]["tags"]["mlctl.mlflow"] for run in mlctl.runs() if "mlctl.mlflow" in run["data"]["tags"]]
    assert noted == [f"mlflow {done.stdout.splitlines()[-1]}"]
