"""Listing, showing, removing and clearing away built environments."""

import os
import subprocess
import sys
import time

import pytest

from mlctl.envs import files, slots
from mlctl.envs.cache import gc, list_envs, remove, show
from mlctl.envs.files import Lock
from mlctl.errors import EnvError


@pytest.fixture
def put(cache, tmp_path):
    """Put an environment into the cache: complete, half-made, or last used some days ago."""

    def make(key, *, complete=True, used_days_ago=0.0, **contents):
        slot = slots.Slot(cache, key)
        (slot.folder / "bin").mkdir(parents=True)
        (slot.folder / "bin" / "python").symlink_to(sys.executable)
        (slot.folder / "data").write_bytes(bytes(1000))
        if complete:
            slot.write({"key": key, "python": "3.8.18", "packages": ["a==1"], "requirements": ["a"], "created_ms": 5, **contents})
            assert slot.use(project=tmp_path / "a project\n\N{SNOWMAN}")
            slot.release()
        when = time.time() - used_days_ago * 86400
        if slot.use_path.exists():
            os.utime(slot.use_path, (when, when))
        return slot

    return make


def holder(path, *, shared):
    """Another process that holds a lock, until its standard input ends."""
    kind = "LOCK_SH" if shared else "LOCK_EX"
    code = f"import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.{kind}); print('held', flush=True); sys.stdin.read()"
    found = subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert found.stdout is not None
    assert found.stdout.readline() == "held\n"
    return found


def test_an_empty_cache(cache, tmp_path):
    assert list_envs(cache) == []
    assert list_envs(tmp_path / "absent") == []
    assert gc(tmp_path / "absent", older_than_days=0) == []


def test_listed_with_the_last_used_first(cache, put, tmp_path):
    put("aaaa", used_days_ago=3, interpreter="/usr/bin/python3.8", builder="virtualenv+uv")
    put("bbbb", used_days_ago=1)
    put("cccc", complete=False)
    first, second, third = list_envs(cache)
    assert [first.key, second.key, third.key] == ["bbbb", "aaaa", "cccc"]
    assert [first.status, third.status] == ["ready", "half-made"]
    assert (second.python, second.packages, second.requirements, second.created_ms) == ("3.8.18", ("a==1",), ("a",), 5)
    assert (second.interpreter, second.builder) == ("/usr/bin/python3.8", "virtualenv+uv")
    assert second.projects == (str(tmp_path / "a project\n\N{SNOWMAN}"),)
    assert 1000 < second.size_bytes < 5000
    assert abs(second.last_used_ms / 1000 - (time.time() - 3 * 86400)) < 60


def test_use_is_remembered_once(cache, put, tmp_path):
    slot = put("aaaa", used_days_ago=3)
    for name in ("one", "two", "one"):
        assert slot.use(project=tmp_path / name)
    slot.release()
    assert len(slot.projects()) == 3
    assert time.time() - slot.last_used_ms() / 1000 < 60


def test_prefixes(cache, put):
    put("abcd")
    put("abef")
    assert show(cache, "abc").key == "abcd"
    with pytest.raises(EnvError, match="2 environments start with 'ab': ") as caught:
        show(cache, "ab")
    assert "more of the key" in caught.value.hint
    for absent in ("x", "abcde", ""):
        with pytest.raises(EnvError, match="no environment"):
            remove(cache, absent)
    assert len(list_envs(cache)) == 2


def test_removed_with_its_locks(cache, put):
    slot = put("abcd")
    (slot.folder / "sealed").mkdir()
    (slot.folder / "sealed" / "file").write_text("")
    (slot.folder / "sealed").chmod(0o500)
    assert remove(cache, "ab").key == "abcd"
    assert list((cache / slots.FOLDER).iterdir()) == []


def test_what_is_in_use_stays(cache, put, tmp_path):
    slot = put("abcd", used_days_ago=90)
    other = holder(slot.use_path, shared=True)
    with pytest.raises(EnvError, match="abcd is in use"):
        remove(cache, "abcd")
    assert gc(cache, older_than_days=0) == []
    other.communicate("")
    assert slot.use(project=tmp_path)
    with pytest.raises(EnvError, match="abcd is in use"):
        remove(cache, "abcd")
    slot.release()
    assert remove(cache, "abcd").key == "abcd"


def test_what_is_being_built_stays(cache, put):
    slot = put("abcd", complete=False)
    other = holder(slot.build_lock.path, shared=False)
    assert show(cache, "abcd").status == "building"
    with pytest.raises(EnvError, match="is being built"):
        remove(cache, "abcd")
    assert gc(cache, older_than_days=0) == []
    other.communicate("")
    assert show(cache, "abcd").status == "half-made"
    assert [record.key for record in gc(cache)] == ["abcd"]


def test_gc(cache, put):
    put("aaaa", used_days_ago=40)
    put("bbbb", used_days_ago=20)
    put("cccc", complete=False)
    (cache / slots.FOLDER / "dddd.lock").write_text("")
    (cache / slots.FOLDER / "eeee.use").write_text("")
    assert [record.key for record in gc(cache, older_than_days=30, dry_run=True)] == ["aaaa", "cccc"]
    assert len(list_envs(cache)) == 3
    assert [record.key for record in gc(cache, older_than_days=30)] == ["aaaa", "cccc"]
    assert sorted(path.name for path in (cache / slots.FOLDER).iterdir()) == ["bbbb", "bbbb.use"]
    assert [record.key for record in gc(cache)] == []
    assert [record.key for record in gc(cache, older_than_days=0)] == ["bbbb"]


def test_a_lock_whose_file_was_removed_is_taken_anew(tmp_path):
    path = tmp_path / "x.lock"
    first, second = Lock(path), Lock(path)
    assert first.take()
    assert not second.take(wait=False)
    path.unlink()
    assert second.take(wait=False)
    assert not Lock(path).take(wait=False, shared=True)
    first.release()
    second.release()
    second.release()
    assert Lock(path).take(wait=False)


def test_a_waiter_gets_the_lock_of_the_new_file(tmp_path):
    path = tmp_path / "x.lock"
    mine = Lock(path)
    assert mine.take()
    code = (
        "import sys; from pathlib import Path; from mlctl.envs.files import Lock; l = Lock(Path(sys.argv[1])); print('waits', flush=True)"
    )
    code += "; l.take(); print(l._is_mine(l.fd), flush=True)"
    other = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "waits\n"
    time.sleep(0.2)
    path.unlink()
    mine.release()
    assert other.communicate(timeout=20)[0] == "True\n"


def test_writing_is_all_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "new folder" / "x.json"
    files.write(path, "one")
    monkeypatch.setattr(os, "replace", None)
    with pytest.raises(UnicodeEncodeError):
        files.write(path, "two\ud800")
    assert path.read_text() == "one"
    assert list(path.parent.iterdir()) == [path]


def test_removing_a_tree(tmp_path):
    deep = tmp_path / "tree" / "sealed"
    deep.mkdir(parents=True)
    (deep / "file").write_text("")
    outside = tmp_path / "outside"
    outside.write_text("")
    (tmp_path / "tree" / "link").symlink_to(outside)
    deep.chmod(0)
    mode = tmp_path.stat().st_mode
    files.remove_tree(tmp_path / "tree")
    files.remove_tree(tmp_path / "tree")
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert tmp_path.stat().st_mode == mode
