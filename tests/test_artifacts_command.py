"""``mlctl artifacts``: the files of a run from the command line."""

import csv
import json
import os
import pty
import subprocess
import sys

import pytest

import mlctl as facade


@pytest.fixture(autouse=True)
def _store(place, monkeypatch):
    monkeypatch.setenv("MLCTL_TRACKING_URI", str(place / "mlruns"))


@pytest.fixture
def run_id(place):
    """A finished run with a few files."""
    with facade.start_run() as run:
        facade.log_text("one\n", "a.txt")
        facade.log_text("é \N{SNOWMAN}", "deep/er/b c.txt")
        (place / "bin").write_bytes(b"\x89PNG\0\xff")
        facade.log_artifact("bin", "deep")
    return run.info.run_id


def test_list(mlctl, run_id):
    found = mlctl.json("artifacts", "list", run_id[:12])["data"]
    assert found == [{"path": "a.txt", "is_dir": False, "file_size": 4}, {"path": "deep", "is_dir": True, "file_size": None}]
    assert [item["path"] for item in mlctl.json("artifacts", "list", "@last", "-r")["data"]] == ["a.txt", "deep/bin", "deep/er/b c.txt"]
    assert mlctl("artifacts", "list", "@last", "deep", check=0).stdout.splitlines()[1:] == ["deep/bin   6 B", "deep/er/     -"]
    assert mlctl("artifacts", "list", "@last", "deep/", "-r", "--quiet", check=0).stdout.split("\n")[:2] == ["deep/bin", "deep/er/b c.txt"]
    rows = list(csv.reader(mlctl("artifacts", "list", "@last", "a.txt", "--output", "csv", check=0).stdout.splitlines()))
    assert rows == [["path", "size"], ["a.txt", "4"]]


def test_what_is_not_there(mlctl, run_id):
    for arguments in (
        ["list", "@last", "nothing"],
        ["show", "@last", "nothing"],
        ["download", "@last", "nothing"],
        ["delete", "@last", "nothing"],
    ):
        found = mlctl("artifacts", *arguments, check=124)
        assert "'nothing'" in found.stderr
        assert "mlctl artifacts list" in found.stderr
    assert "f00" in mlctl("artifacts", "list", "f00", check=124).stderr
    assert "leaves" in mlctl("artifacts", "show", "@last", "../../x", check=124).stderr


def test_a_run_without_files(mlctl, place):
    with facade.start_run():
        pass
    assert mlctl.json("artifacts", "list", "@last")["data"] == []
    assert "no files" in mlctl("artifacts", "list", "@last", check=0).stderr


def test_show_gives_a_pipe_every_byte(mlctl, run_id):
    assert mlctl("artifacts", "show", "@last", "a.txt", check=0).stdout == "one\n"
    done = subprocess.run([*mlctl.argv, "artifacts", "show", "@last", "deep/bin"], capture_output=True, check=True)
    assert done.stdout == b"\x89PNG\0\xff"


def test_show_as_json(mlctl, run_id):
    assert mlctl.json("artifacts", "show", "@last", "deep/er/b c.txt")["data"] == {
        "run_id": run_id,
        "path": "deep/er/b c.txt",
        "text": "é \N{SNOWMAN}",
    }
    refused = json.loads(mlctl("artifacts", "show", "@last", "deep/bin", "--output", "json", check=124).stdout)
    assert "not a text" in refused["error"]["message"]


def on_a_terminal(*arguments):
    """What a command writes to a terminal, and its exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "mlctl", *arguments], stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return shown.decode(), process.wait(60)


def test_a_terminal_is_not_driven_by_a_file(mlctl, run_id, place):
    (place / "evil").write_text("\x1b[2Jgone\n")
    mlctl("artifacts", "upload", "@last", "evil", check=0)
    shown, code = on_a_terminal("artifacts", "show", "@last", "evil")
    assert (shown, code) == ("\\x1b[2Jgone\r\n", 0)
    shown, code = on_a_terminal("artifacts", "show", "@last", "deep/bin")
    assert code == 124
    assert "mlctl artifacts download @last deep/bin" in shown


def test_download(mlctl, run_id, place):
    (place / "to").mkdir()
    found = mlctl.json("artifacts", "download", "@last", "deep/er/b c.txt", "--to", "to")["data"]
    assert found["downloaded_to"] == "to/b c.txt"
    assert (place / "to" / "b c.txt").read_text() == "é \N{SNOWMAN}"
    mlctl("artifacts", "download", "@last", "deep", check=0)
    assert (place / "deep" / "er" / "b c.txt").exists()
    assert run_id[:8] in mlctl("artifacts", "download", "@last", check=0).stdout
    assert sorted(path.name for path in (place / run_id[:8]).rglob("*")) == ["a.txt", "b c.txt", "bin", "deep", "er"]
    mlctl("artifacts", "download", "@last", "deep/er", "--to", "new/folder", check=0)
    assert sorted(path.name for path in (place / "new" / "folder").rglob("*")) == ["b c.txt", "er"]


def test_upload(mlctl, run_id, place):
    (place / "-f.txt").write_text("new")
    (place / "dir" / "sub").mkdir(parents=True)
    (place / "dir" / "sub" / "g").write_text("g")
    assert len(mlctl.json("artifacts", "upload", "@last", "bin", "dir", "--path", "in/here")["data"]) == 2
    mlctl("artifacts", "upload", run_id, "--", "-f.txt", check=0)
    paths = [item["path"] for item in mlctl.json("artifacts", "list", "@last", "-r")["data"]]
    assert {"in/here/bin", "in/here/dir/sub/g", "-f.txt"} < set(paths)
    assert "nowhere" in mlctl("artifacts", "upload", "@last", "nowhere", check=124).stderr


def test_delete(mlctl, run_id):
    assert mlctl.json("artifacts", "delete", "@last", "a.txt", "deep/er")["data"][1] == {
        "run_id": run_id,
        "path": "deep/er",
        "result": "deleted",
    }
    assert [item["path"] for item in mlctl.json("artifacts", "list", "@last", "-r")["data"]] == ["deep/bin"]
    assert "root" in mlctl("artifacts", "delete", "@last", ".", check=124).stderr


def test_names_that_are_not_utf8(mlctl, run_id, place):
    name = os.fsdecode(b"\xff.txt")
    try:
        (place / name).write_text("x")
    except OSError:
        pytest.skip("the file system takes no such name")
    facade.log_artifact(name, run_id=run_id)
    assert "\\udcff.txt" in [item["path"] for item in mlctl.json("artifacts", "list", "@last")["data"]]


def test_links_in_a_circle_end(mlctl, run_id, place):
    folder = place / "mlruns" / "artifacts" / "0" / run_id / "artifacts"
    (folder / "deep" / "up").symlink_to("..")
    (folder / "x").mkdir()
    (folder / "x" / "y").symlink_to("../deep")
    (folder / "deep" / "x").symlink_to("../x")
    paths = [item["path"] for item in mlctl.json("artifacts", "list", "@last", "-r")["data"]]
    assert len(paths) == len(set(paths)) < 12
