"""The import hook: hears of the modules of a library, is absent when nothing is watched, and leaves no trace in what it heard of."""

import importlib
import subprocess
import sys

import pytest

from mlctl.autologging import imports

PACKAGE = {
    "__init__.py": "from made_up import inner\n",
    "inner.py": "ready = 1\n",
    "broken.py": "raise OSError('no good')\n",
}


@pytest.fixture
def library(tmp_path, monkeypatch):
    folder = tmp_path / "made_up"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield "made_up"
    imports.unwatch("made_up")
    for name in [item for item in sys.modules if item.split(".")[0] == "made_up"]:
        del sys.modules[name]


def test_modules_are_heard_of_when_they_have_run(library):
    heard = []
    imports.watch(library, lambda module: heard.append((module.__name__, getattr(module, "ready", None))))
    importlib.import_module(library)
    assert heard == [("made_up.inner", 1), ("made_up", None)]
    assert [module.__name__ for module in imports.loaded(library)] == ["made_up", "made_up.inner"]


def test_a_module_is_as_it_would_be_without_the_hook(library):
    imports.watch(library, lambda _: None)
    module = importlib.import_module(library)
    assert "exec_module" not in vars(module.__spec__.loader)
    assert type(module.__spec__.loader).__name__ == "SourceFileLoader"
    heard = []
    imports.watch(library, heard.append)
    assert importlib.reload(module) is module
    assert heard == [module]


def test_an_import_that_fails_fails_as_it_did(library):
    heard = []
    imports.watch(library, heard.append)
    with pytest.raises(OSError, match="no good"):
        importlib.import_module("made_up.broken")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("made_up.absent")
    assert "made_up.broken" not in [module.__name__ for module in heard]


def test_the_hook_goes_with_the_last_library(library):
    before = list(sys.meta_path)
    imports.watch(library, lambda _: None)
    imports.watch("another", lambda _: None)
    assert len(sys.meta_path) == len(before) + 1
    imports.unwatch("another")
    assert len(sys.meta_path) == len(before) + 1
    imports.unwatch(library)
    imports.unwatch(library)
    assert sys.meta_path == before


CALLED = """
import sys
before = list(sys.meta_path)
import mlctl
mlctl.autolog()
assert len(sys.meta_path) == len(before) + 1
mlctl.autolog(disable=True)
assert sys.meta_path == before
print(sorted({name.split(".")[0] for name in sys.modules} & {"sklearn", "numpy", "logging", "sqlite3", "inspect"}))
"""


def test_the_generic_call_imports_no_library(place):
    done = subprocess.run([sys.executable, "-c", CALLED], capture_output=True, text=True, cwd=place, check=True)
    assert "sklearn" not in done.stdout
    assert "numpy" not in done.stdout
