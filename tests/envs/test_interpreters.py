"""Finding interpreters. The machine's own are used where it has them; versions that it lacks are entries in the cache of answers."""

import json
import os
import platform
import shutil
import sys
from pathlib import Path

import pytest

from mlctl import process
from mlctl.envs import interpreters, probes, versions
from mlctl.envs.interpreters import find, look
from mlctl.errors import EnvError

RUNNING = platform.python_version()
BASE = getattr(sys, "_base_executable", sys.executable)


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine without interpreters, but for the one that runs the tests and the system's."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    monkeypatch.setattr(interpreters, "_SYSTEM_FOLDERS", (str(tmp_path / "system"),))
    (tmp_path / "bin").mkdir()
    return tmp_path


@pytest.fixture
def pretend(bare, cache):
    """Make an executable that is known to be an interpreter of some version: the answer is in the cache already."""

    def make(path, version, **says):
        path = bare / path
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", path)
        known = probes._read(cache)
        answer = probes.Probe(version, "cpython", "linux-x86_64", stdlib="/lib")._replace(**says)
        known[os.path.realpath(path)] = {"stamp": probes._stamp(str(path)), "says": answer._asdict()}
        probes._write(cache, known)
        return os.path.realpath(path)

    return make


def test_no_wish_is_the_running_interpreter(bare, cache, monkeypatch):
    monkeypatch.setattr(process, "start", None)
    found = find("", cache=cache)
    assert found.version == RUNNING
    assert found.path == os.path.realpath(BASE)
    assert Path(found.stdlib, "json", "__init__.py").exists()
    assert "runs mlctl" in found.reason


@pytest.mark.parametrize("wish", [RUNNING, RUNNING.rpartition(".")[0], "3", ">=3.8", f"=={RUNNING}"])
def test_the_running_interpreter_if_it_fits(wish, bare, cache):
    found = find(wish, cache=cache)
    assert (found.version, found.note) == (RUNNING, "")


def test_the_probe_tells_the_same_as_the_running_interpreter(bare, cache):
    mine = probes.running()
    asked = probes.ask([mine.base], cache=cache)[mine.base]
    assert asked._replace(path=(), user_site="", base="") == mine._replace(base="")


def test_exact_before_newer_of_the_same_minor(pretend, cache):
    pretend("bin/python3.6", "3.6.10")
    exact = pretend("pyenv/versions/3.6.2/bin/python", "3.6.2")
    found = find("3.6.2", cache=cache)
    assert (found.path, found.note, found.reason) == (exact, "", "pyenv")


def test_the_same_minor_with_a_note(pretend, cache):
    pretend("bin/python3.6", "3.6.1")
    newest = pretend("pyenv/versions/3.6.10/bin/python", "3.6.10")
    pretend("pyenv/versions/3.7.2/bin/python", "3.7.2")
    found = find("3.6.2", cache=cache)
    assert found.path == newest
    assert "3.6.2 was asked for; using 3.6.10" in found.note
    assert newest in found.note


def test_a_loose_wish_takes_the_newest_final_release(pretend, cache):
    pretend("pyenv/versions/3.20.1/bin/python", "3.20.1")
    newest = pretend("pyenv/versions/3.20.10/bin/python", "3.20.10")
    pretend("pyenv/versions/3.21.0rc1/bin/python", "3.21.0rc1")
    pretend("pyenv/versions/3.20.11t/bin/python", "3.20.11", abiflags="t")
    pretend("pyenv/versions/pypy3.20-7/bin/python", "3.20.12", implementation="pypy")
    assert find(">=3.20", cache=cache).path == newest
    assert find("3.21", cache=cache).version == "3.21.0rc1"
    assert find("3.20.12", cache=cache).identity.startswith("pypy")


def test_builds_that_differ_have_different_identities(pretend, cache):
    pretend("pyenv/versions/3.20.1/bin/python", "3.20.1")
    pretend("pyenv/versions/3.19.1t/bin/python", "3.19.1", abiflags="t")
    assert find("3.20", cache=cache).identity == "cpython-3.20.1-linux-x86_64"
    assert find("3.19", cache=cache).identity == "cpython-3.19.1t-linux-x86_64"


def test_what_uv_has_installed_is_found(pretend, cache):
    path = pretend("uv/cpython-3.20.1-linux-x86_64-gnu/bin/python3", "3.20.1")
    assert find("3.20", cache=cache)[:3] == (path, "3.20.1", "uv")


def test_copied_virtual_environments_lead_to_their_base(pretend, cache):
    base = pretend("elsewhere/python3.20", "3.20.1")
    pretend("bin/python3.20", "3.20.1", is_virtual=True, base=base)
    assert find("3.20", cache=cache).path == base


def test_shims_are_never_asked(bare, cache, monkeypatch):
    ran = bare / "ran"
    for folder in ("pyenv/shims", "bin"):
        shim = bare / folder / "python3.20"
        shim.parent.mkdir(parents=True, exist_ok=True)
        shim.write_text(f"#!/bin/sh\ntouch {ran}\n")
        shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bare}/pyenv/shims:{bare}/bin")
    assert look(versions.parse("3.20"), cache=cache) is None
    assert not ran.exists()


def test_programs_that_are_no_interpreters(bare, cache):
    shutil.copy("/bin/false", bare / "bin" / "python3.20")
    shutil.copy("/bin/true", bare / "bin" / "python3.19")
    (bare / "bin" / "python3.18").symlink_to("nowhere")
    for wish in ("3.20", "3.19", "3.18"):
        assert look(versions.parse(wish), cache=cache) is None


def test_answers_are_kept_until_the_file_changes(bare, cache, monkeypatch):
    copy = bare / "bin" / "python3.20"
    copy.symlink_to(BASE)
    asked: list[str] = []
    start = process.start

    def count(argv, **options):
        asked.append(argv[0])
        return start(argv, **options)

    monkeypatch.setattr(process, "start", count)
    first = probes.ask([str(copy)], cache=cache)
    assert first[str(copy)].version == RUNNING
    assert probes.ask([str(copy)], cache=cache) == first
    assert asked == [str(copy)]
    copy.unlink()
    shutil.copy("/bin/false", copy)
    assert probes.ask([str(copy)], cache=cache) == {}
    assert probes.ask([str(copy)], cache=cache) == {}
    assert asked == [str(copy)] * 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 0, "probes": 3}'])
def test_a_damaged_cache_of_answers(text, bare, cache):
    (cache / probes.FILE).write_text(text)
    assert probes.ask([BASE], cache=cache)[BASE].version == RUNNING
    assert json.loads((cache / probes.FILE).read_text())["format"] == probes.FORMAT


def test_a_cache_that_cannot_be_written(bare, tmp_path):
    (tmp_path / "file").write_text("")
    answers = probes.ask([BASE], cache=tmp_path / "file" / "cache")
    assert answers[BASE].version == RUNNING


def test_the_error_lists_what_there_is(pretend, cache):
    path = pretend("pyenv/versions/3.20.1/bin/python", "3.20.1")
    with pytest.raises(EnvError) as caught:
        find("3.6.2", cache=cache)
    assert "No Python 3.6.2" in caught.value.message
    assert f"3.20.1  {path}" in caught.value.message
    assert f"{RUNNING}  " in caught.value.message
    assert "uv python install 3.6.2" in caught.value.hint


def test_a_version_that_yaml_has_cut_short(bare, cache):
    with pytest.raises(EnvError) as caught:
        find("3.1", cache=cache)
    assert "3.10 was meant" in caught.value.hint


def test_a_wish_that_cannot_be_read(cache):
    with pytest.raises(EnvError, match="'newest' is not a Python version") as caught:
        find("newest", cache=cache)
    assert "3.11" in caught.value.hint


def test_uv_s_own_words_where_it_cannot_install(bare, cache):
    told: list[str] = []
    with pytest.raises(EnvError) as caught:
        interpreters.install(versions.parse("3.6.2"), cache=cache, tell=told.append)
    assert "uv could not install it:\nerror:" in caught.value.message
    assert told == ["Python 3.6.2 is not on this machine; asking uv for it"]


def test_without_uv_nothing_is_asked(bare, cache, monkeypatch):
    monkeypatch.setenv("MLCTL_NO_UV", "1")
    with pytest.raises(EnvError) as caught:
        interpreters.install(versions.parse("3.6.2"), cache=cache, tell=pytest.fail)
    assert "uv could not" not in caught.value.message


@pytest.mark.parametrize("minor", ["3.8", "3.9", "3.10", "3.12", "3.13"])
def test_real_interpreters_of_pyenv(minor, cache, pyenv_python, monkeypatch):
    version, path = pyenv_python(minor)
    monkeypatch.setenv("PATH", str(Path(path).parent))
    found = find(f"{minor}.999", cache=cache)
    if version.startswith(RUNNING.rpartition(".")[0]):
        assert found.numbers[:2] == sys.version_info[:2]
    else:
        assert (found.version, found.path) == (version, path)
    assert f"{minor}.999 was asked for; using {found.version}" in found.note
    monkeypatch.setattr(process, "start", None)
    assert find(f"{minor}.999", cache=cache) == found
    assert find(found.version, cache=cache).note == ""
