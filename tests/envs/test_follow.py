"""Long commands that are watched: what they write is seen and kept, and they end together with the caller."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlctl import process


def read_all(fd):
    seen = b""
    while True:
        try:
            chunk = os.read(fd, 4096)
        except OSError:
            return seen
        if not chunk:
            return seen
        seen += chunk


def test_collected(tmp_path):
    program = "import os, sys; print(os.getcwd(), os.environ['A'], os.environ.get('HOME')); print('e', file=sys.stderr); sys.exit(7)"
    done = process.follow([sys.executable, "-c", program], cwd=str(tmp_path), env={"A": "b", "HOME": None})
    assert done == (7, f"{tmp_path} b None\n", "e\n")


def test_shown_on_a_terminal_and_kept(tmp_path):
    ours, terminal = os.openpty()
    program = "import os, sys; print(os.isatty(1), os.isatty(2), os.isatty(0)); print('e', file=sys.stderr); sys.exit(3)"
    done = process.follow([sys.executable, "-c", program], cwd=str(tmp_path), env={}, show_fd=terminal)
    os.close(terminal)
    seen = read_all(ours)
    os.close(ours)
    assert (done.code, done.out) == (3, "")
    assert done.err.split() == ["True", "True", "False", "e"]
    assert seen.split() == [b"True", b"True", b"False", b"e"]


@pytest.mark.parametrize("on_terminal", [False, True])
def test_nothing_is_lost_of_much(on_terminal, tmp_path):
    with (tmp_path / "seen").open("wb") as file:
        program = "import sys; sys.stderr.write('x' * 200000); sys.stderr.write('end')"
        show = file.fileno() if on_terminal else None
        done = process.follow([sys.executable, "-c", program], cwd=str(tmp_path), env={}, show_fd=show)
    assert done.err == "x" * 200000 + "end"
    assert (tmp_path / "seen").stat().st_size == (200003 if on_terminal else 0)


def test_a_background_child_does_not_hold_the_caller(tmp_path):
    ours, terminal = os.openpty()
    began = time.monotonic()
    done = process.follow(["/bin/sh", "-c", "sleep 20 & echo $!"], cwd=str(tmp_path), env={}, show_fd=terminal)
    assert time.monotonic() - began < 10
    os.close(terminal)
    os.close(ours)
    os.kill(int(done.err), 9)


def test_what_cannot_be_started(tmp_path):
    for show in (None, 2):
        with pytest.raises(OSError, match="nowhere"):
            process.follow(["/nowhere/x"], cwd=str(tmp_path), env={}, show_fd=show)


@pytest.mark.parametrize("on_terminal", [False, True])
def test_the_command_ends_with_the_caller(on_terminal, tmp_path):
    code = """
import os, sys
from mlctl import process
show = os.openpty()[1] if sys.argv[1] == "True" else None
process.follow(["/bin/sh", "-c", "trap '' INT; sleep 60 & echo $! > child; wait"], cwd=".", env={}, show_fd=show)
"""
    caller = subprocess.Popen([sys.executable, "-c", code, str(on_terminal)], cwd=tmp_path, stderr=subprocess.PIPE)
    child = tmp_path / "child"
    while not child.exists() or not child.read_text().strip():
        time.sleep(0.01)
    caller.send_signal(2)
    assert b"KeyboardInterrupt" in caller.communicate(timeout=20)[1]
    stat = Path(f"/proc/{child.read_text().strip()}/stat")
    end = time.monotonic() + 10
    while stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z":
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_kept_lock_lasts_as_long_as_the_command(tmp_path):
    path = tmp_path / "lock"
    first = os.open(path, os.O_CREAT | os.O_RDWR)
    fcntl.flock(first, fcntl.LOCK_EX)
    process.follow(["/bin/sh", "-c", "sleep 20 >/dev/null 2>&1 & echo $! > child"], cwd=str(tmp_path), env={}, keep_fds=(first,))
    os.close(first)
    second = os.open(path, os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.kill(int((tmp_path / "child").read_text()), 9)
    fcntl.flock(second, fcntl.LOCK_EX)
    os.close(second)
