"""The files of a run in a local folder: whole or not at all, under any name, and never outside the root."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mlctl.errors import InvalidValueError, NotFoundError, StoreError
from mlctl.files import copying
from mlctl.files.local import LocalArtifacts, local_folder
from mlctl.tracking.entities import FileInfo

LEAVING = ["../out", "..", "/etc", "a/../../b", "a/b/../../../c", "nul\0", "//x"]
ODD = ["é \N{SNOWMAN}", "100%41", "a#b?c", "new\nline", "-rf", ".hidden", "~", "'\"; $(x)", "back\\slash", " ", "a" * 255, "…/..x/x.."]


@pytest.fixture
def files(place):
    return LocalArtifacts(str(place / "root"))


@pytest.fixture
def one(place):
    """A local file."""
    path = place / "one.txt"
    path.write_text("1")
    return str(path)


@pytest.fixture
def outside(place):
    """A folder outside, with a secret, to which a link in the root leads."""
    folder = place / "outside"
    folder.mkdir()
    (folder / "secret").write_text("s")
    (place / "root").mkdir()
    (place / "root" / "link").symlink_to(folder)
    (place / "root" / "leak").symlink_to(folder / "secret")
    (place / "root" / "gone").symlink_to(place / "nowhere")
    return folder


def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def content(files, path):
    return b"".join(files.read(path))


class TestPaths:
    @pytest.mark.parametrize("path", LEAVING)
    def test_nothing_outside_is_reached(self, files, one, place, path):
        for act in (
            lambda: files.put_file(one, path),
            lambda: files.put_folder(str(place), path),
            lambda: files.list(path),
            lambda: content(files, path),
            lambda: files.download(path, str(place)),
            lambda: files.delete(path),
        ):
            with pytest.raises(InvalidValueError):
                act()
        assert below(place) == ["one.txt"]

    @pytest.mark.parametrize("path", ["link", "link/secret", "link/sub", "leak", "gone/x"])
    def test_links_that_lead_outside_are_not_followed(self, files, one, outside, place, path):
        with pytest.raises(InvalidValueError):
            files.put_file(one, path)
        for act in (lambda: content(files, path), lambda: files.download(path, str(place / "to")), lambda: files.list(path)):
            with pytest.raises(InvalidValueError):
                act()
        if "/" in path:
            with pytest.raises(InvalidValueError):
                files.delete(path)
        assert below(outside) == ["secret"]

    def test_links_that_lead_outside_are_not_shown_and_can_be_removed(self, files, outside, place):
        assert files.list() == []
        files.download("", str(place / "to"))
        assert below(place / "to") == []
        for name in ("link", "leak", "gone"):
            files.delete(name)
        assert list((place / "root").iterdir()) == []
        assert below(outside) == ["secret"]

    def test_a_link_in_the_place_of_a_file_is_replaced(self, files, outside, place):
        (place / "leak").write_text("mine")
        files.put_file(str(place / "leak"))
        assert (outside / "secret").read_text() == "s"
        assert content(files, "leak") == b"mine"

    def test_links_inside_are_like_what_they_lead_to(self, files, one, place):
        files.put_file(one, "real")
        (place / "root" / "alias").symlink_to("real")
        assert [(item.path, item.is_dir) for item in files.list()] == [("alias", True), ("real", True)]
        assert content(files, "alias/one.txt") == b"1"
        files.delete("alias")
        assert content(files, "real/one.txt") == b"1"

    @pytest.mark.parametrize("name", ODD)
    def test_odd_names(self, files, place, name):
        (place / "in" / name).parent.mkdir(parents=True)
        (place / "in" / name).write_text(name)
        files.put_folder(str(place / "in"))
        files.put_folder(str(place / "in"), f"to/{name}")
        files.put_file(str(place / "in" / name), "also")
        last = name.rpartition("/")[2]
        for path in (name, f"to/{name}/{name}", f"also/{last}"):
            assert content(files, path).decode() == name
        assert f"also/{last}" in [item.path for item in files.list("also")]
        assert below(files.download("", str(place / "out"))) == below(place / "root")
        files.delete(f"to/{name}")
        assert len(below(place / "root")) == 2

    def test_a_path_in_another_form_is_the_same(self, files, one):
        files.put_file(one, "a//b/./c/")
        assert content(files, "a/b/c/one.txt") == content(files, "./a/x/../b/c//one.txt") == b"1"

    @pytest.mark.skipif(sys.getfilesystemencoding() != "utf-8", reason="file names are not UTF-8 here")
    def test_names_that_no_file_can_have(self, files, one):
        for path in ("\ud800", "a" * 256):
            with pytest.raises(InvalidValueError):
                files.put_file(one, path)


class TestWriting:
    def test_a_file_replaces_one_of_its_name(self, files, one, place):
        files.put_file(one)
        (place / "one.txt").write_text("two")
        files.put_file(one)
        assert files.list() == [FileInfo("one.txt", is_dir=False, file_size=3)]

    def test_a_file_of_the_run_can_be_logged_again(self, files, one, place):
        files.put_file(one)
        files.put_file(str(place / "root" / "one.txt"))
        assert content(files, "one.txt") == b"1"

    def test_what_is_in_the_way(self, files, one, place):
        files.put_file(one, "one.txt")
        with pytest.raises(InvalidValueError, match="folder already"):
            files.put_file(one)
        with pytest.raises(InvalidValueError, match="file where a folder"):
            files.put_file(one, "one.txt/one.txt/deep")
        assert below(place / "root") == ["one.txt/one.txt"]

    def test_permissions_go_along_as_the_umask_allows(self, files, place):
        before = os.umask(0o027)
        try:
            for mode in (0o755, 0o600, 0o444):
                (place / f"{mode:o}").write_text("x")
                (place / f"{mode:o}").chmod(mode)
                files.put_file(str(place / f"{mode:o}"))
                files.put_file(str(place / f"{mode:o}"))
        finally:
            os.umask(before)
        assert [f"{(place / 'root' / name).stat().st_mode & 0o777:o}" for name in ("755", "600", "444")] == ["750", "600", "440"]

    def test_what_the_kernel_has_no_size_for(self, files, place):
        if sys.platform == "linux":
            files.put_file("/proc/self/status")
            assert b"Name:" in content(files, "status")

    @pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1, 3 * (1 << 20) + 12345])
    @pytest.mark.parametrize("missing", [(), ("copy_file_range",), ("copy_file_range", "sendfile")])
    def test_every_way_of_copying(self, files, place, monkeypatch, size, missing):
        def unable(*_):
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        monkeypatch.setattr(copying, "_STRIDE", 1 << 20)
        for name in missing:
            monkeypatch.setattr(os, name, unable)
        data = os.urandom(min(size, 1 << 20)) * (size // (1 << 20) + 1)
        (place / "big").write_bytes(data[:size])
        files.put_file(str(place / "big"))
        assert (place / "root" / "big").read_bytes() == data[:size]

    def test_a_failure_leaves_nothing(self, files, one, place, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        files.put_file(one)
        monkeypatch.setattr(os, "copy_file_range", full, raising=False)
        (place / "one.txt").write_text("new")
        with pytest.raises(StoreError, match=r"is full: the artifact 'one\.txt' was not kept"):
            files.put_file(one)
        assert [path.name for path in (place / "root").iterdir()] == ["one.txt"]
        assert content(files, "one.txt") == b"1"

    def test_a_reader_never_sees_half_of_one_of_two_writers(self, files, place):
        contents = {letter * 3_000_000 for letter in (b"a", b"b")}
        for data in contents:
            (place / data[:1].decode()).mkdir()
            (place / data[:1].decode() / "f").write_bytes(data)
        done = threading.Event()

        def write(name):
            for _ in range(60):
                files.put_file(str(place / name / "f"))

        files.put_file(str(place / "a" / "f"))
        threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        seen = 0
        while not done.is_set():
            assert content(files, "f") in contents
            assert [item.path for item in files.list()] == ["f"]
            seen += 1
            if not any(thread.is_alive() for thread in threads):
                done.set()
        assert seen
        assert [path.name for path in (place / "root").iterdir()] == ["f"]

    def test_the_draft_of_a_killed_writer_is_never_shown_and_does_not_stay(self, files, place):
        os.mkfifo(place / "slow")
        code = (
            "import os, sys\nfrom mlctl.files import copying\nfrom mlctl.files.local import LocalArtifacts\n"
            "copying._ways = lambda: iter([lambda a, b: os.write(b, bytes(4096)) and os.read(0, 1)])\n"
            "LocalArtifacts(sys.argv[1]).put_file(sys.argv[2])"
        )
        (place / "big").write_bytes(bytes(100))
        with subprocess.Popen([sys.executable, "-c", code, files.uri, place / "big"], stdin=subprocess.PIPE) as writer:
            deadline = time.monotonic() + 30
            while not (place / "root").is_dir() or not list((place / "root").iterdir()):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            writer.send_signal(signal.SIGKILL)
        (draft,) = (place / "root").iterdir()
        assert files.list() == []
        with pytest.raises(NotFoundError):
            content(files, draft.name)
        assert below(files.download("", str(place / "out"))) == []
        assert draft.exists(), "a draft of today may be somebody's"
        long_ago = time.time() - 90000
        os.utime(draft, (long_ago, long_ago))
        assert files.list() == []
        assert not draft.exists()

    def test_a_name_that_would_be_hidden_is_refused(self, files, place):
        (place / ".0123456789abcdef.part").write_text("x")
        with pytest.raises(InvalidValueError, match="drafts"):
            files.put_file(str(place / ".0123456789abcdef.part"))
        (place / ".x.part").write_text("x")
        files.put_file(str(place / ".x.part"))
        assert [item.path for item in files.list()] == [".x.part"]


class TestFolders:
    def test_links_are_followed_but_not_in_a_circle(self, files, one, place):
        (place / "in" / "deep").mkdir(parents=True)
        (place / "in" / "deep" / "f").write_text("f")
        (place / "in" / "deep" / "up").symlink_to("..")
        (place / "in" / "self").symlink_to(".")
        (place / "in" / "alias").symlink_to(one)
        (place / "elsewhere").mkdir()
        (place / "elsewhere" / "g").write_text("g")
        (place / "in" / "other").symlink_to(place / "elsewhere")
        assert files.put_folder(str(place / "in"), "to") == 3
        assert below(place / "root") == ["to/alias", "to/deep/f", "to/other/g"]
        assert not (place / "root" / "to" / "alias").is_symlink()

    def test_a_link_that_leads_nowhere_is_told_and_keeps_nothing_else_out(self, files, place):
        (place / "in").mkdir()
        (place / "in" / "broken").symlink_to("nowhere")
        for name in ("a", "z"):
            (place / "in" / name).write_text(name)
        with pytest.raises(NotFoundError, match=r"broken.? leads nowhere; the other 2 files"):
            files.put_folder(str(place / "in"))
        assert below(place / "root") == ["a", "z"]

    def test_a_folder_that_holds_the_run_does_not_swallow_itself(self, files, one, place):
        files.put_file(one)
        assert files.put_folder(str(place), "all") == 1
        assert below(place / "root") == ["all/one.txt", "one.txt"]

    def test_files_of_the_run_can_be_copied_within_it(self, files, one, place):
        files.put_file(one, "a")
        assert files.put_folder(str(place / "root" / "a"), "b") == 1
        assert below(place / "root") == ["a/one.txt", "b/one.txt"]

    def test_a_folder_that_cannot_be_read(self, files, place, monkeypatch):
        def refuse(_):
            raise PermissionError(errno.EACCES, "Permission denied", "in")

        (place / "in").mkdir()
        monkeypatch.setattr(os, "scandir", refuse)
        with pytest.raises(StoreError, match="Permission denied"):
            files.put_folder(str(place / "in"))

    def test_pipes_and_empty_folders_are_left_out(self, files, place):
        (place / "in" / "empty").mkdir(parents=True)
        os.mkfifo(place / "in" / "pipe")
        assert files.put_folder(str(place / "in")) == 0

    def test_deep_ones(self, files, place):
        deep = place / "in" / "/".join(["d"] * 500)
        deep.mkdir(parents=True)
        (deep / "f").write_text("x")
        assert files.put_folder(str(place / "in")) == 1
        assert below(files.download("d", str(place / "out"))) == below(place / "in" / "d")


class TestReading:
    def test_listing_goes_one_level_down(self, files, one):
        files.put_file(one, "a/b")
        files.put_file(one, "a")
        assert files.list() == [FileInfo("a", is_dir=True)]
        assert files.list("a") == [FileInfo("a/b", is_dir=True), FileInfo("a/one.txt", is_dir=False, file_size=1)]
        assert files.list("a/one.txt") == files.list("nowhere") == []

    def test_downloads_keep_the_path(self, files, one, place):
        files.put_file(one, "a/b")
        assert files.download("a/b/one.txt", str(place / "x")) == str(place / "x" / "a/b/one.txt")
        assert files.download("a", str(place / "y")) == str(place / "y" / "a")
        assert files.download("", str(place / "z")) == str(place / "z")
        for name in "xyz":
            assert below(place / name) == ["a/b/one.txt"]

    def test_a_download_replaces_what_is_there(self, files, one, place):
        files.put_file(one)
        (place / "to").mkdir()
        (place / "to" / "one.txt").write_text("old")
        (place / "to" / "one.txt").chmod(0o444)
        files.download("one.txt", str(place / "to"))
        assert (place / "to" / "one.txt").read_text() == "1"

    def test_a_run_without_files(self, files, place):
        assert files.list() == []
        assert Path(files.download("", str(place / "to"))).is_dir()
        with pytest.raises(NotFoundError):
            content(files, "x")
        with pytest.raises(NotFoundError):
            files.download("x", str(place))
        with pytest.raises(NotFoundError):
            files.delete("x")

    def test_a_folder_has_no_content(self, files, one):
        files.put_file(one, "a")
        with pytest.raises(NotFoundError):
            content(files, "a")


class TestDeleting:
    def test_files_and_folders(self, files, one):
        files.put_file(one, "a/b")
        files.put_file(one, "a")
        files.delete("a/b")
        assert [item.path for item in files.list("a")] == ["a/one.txt"]
        files.delete("a")
        assert files.list() == []

    @pytest.mark.parametrize("path", ["", ".", "a/.."])
    def test_the_root_stays(self, files, one, path):
        files.put_file(one)
        with pytest.raises(InvalidValueError, match="root"):
            files.delete(path)
        assert len(files.list()) == 1


@pytest.mark.engine("tmpfs")
def test_a_full_disk(place):
    mounted = place / "disk"
    mounted.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mounted], check=True)
    try:
        files = LocalArtifacts(str(mounted / "root"))
        (place / "small").write_bytes(b"x")
        (place / "large").write_bytes(bytes(2_000_000))
        files.put_file(str(place / "small"))
        with pytest.raises(StoreError, match=r"disk/root is full: the artifact 'large' was not kept"):
            files.put_file(str(place / "large"))
        assert [path.name for path in (mounted / "root").iterdir()] == ["small"]
    finally:
        subprocess.run(["umount", mounted], check=True)


@pytest.mark.parametrize(
    ("uri", "folder"),
    [("/a b/%41#?", "/a b/%41#?"), ("file:///a%20b", "/a b"), ("file:/a/b", "/a/b"), ("file://localhost/a", "/a")],
)
def test_addresses_of_local_folders(uri, folder):
    assert local_folder(uri) == folder


@pytest.mark.parametrize("uri", ["s3://bucket/x", "file://elsewhere/x", "file:rel", "hdfs://x", "mlflow-artifacts:/x", "", "rel"])
def test_addresses_elsewhere(uri):
    with pytest.raises(StoreError, match="cannot reach") as told:
        local_folder(uri)
    assert "local path, file:" in told.value.hint


def test_what_the_system_says_otherwise():
    error = copying.meaning(PermissionError(errno.EACCES, "Permission denied", "/x"), what="The artifact 'a'")
    assert error.message == "The artifact 'a' cannot be read or written: Permission denied."
    assert error.hint == "It happened to /x."
