"""Files of runs, on every store: a local folder, or a server's."""

import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest

from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.tracking.entities import FileInfo

LEAVING = ["..", "../x", "a/../../x", "/x", "/etc/passwd", "//x", "a/b/../../../c", "nul\0x", "./.."]
ODD = [
    "a b",
    "é \N{SNOWMAN} 模型",
    "100%41",
    "a%2Fb",
    "it's",
    'say "hi"',
    "; $(x) &",
    "-rf",
    ".hidden",
    "~",
    "a?b=c",
    "a+b",
    "ab:c",
    "a" * 255,
    "[x]{y}",
]
BIG = 64 << 20


@pytest.fixture
def run(store, make):
    return store.get_run(make()).info


@pytest.fixture
def files(store, run):
    return store.artifacts(run)


@pytest.fixture
def in_bucket(request):
    """Whether the files are objects of S3."""
    return request.node.callspec.params["store"].endswith("s3")


@pytest.fixture
def one(tmp_path):
    """A local file."""
    path = tmp_path / "one.txt"
    path.write_text("1")
    return str(path)


@pytest.fixture
def tree(tmp_path):
    """A local folder with sub-folders."""
    top = tmp_path / "tree"
    for name in ("a.txt", "sub/b.txt", "sub/deep er/c.bin", "sub/empty"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("" if name.endswith("empty") else name)
    return str(top)


def content(files, path):
    return b"".join(files.read(path))


def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def test_a_run_has_no_files(files, tmp_path):
    assert files.list() == []
    assert below(files.download("", str(tmp_path / "out"))) == []
    for act in (
        lambda: content(files, "x"),
        lambda: content(files, "x/y"),
        lambda: files.delete("x"),
        lambda: files.download("x", str(tmp_path)),
    ):
        with pytest.raises(NotFoundError, match="x"):
            act()


def test_a_file(files, one):
    files.put_file(one)
    files.put_file(one, "some/where")
    assert files.list() == [FileInfo("one.txt", is_dir=False, file_size=1), FileInfo("some", is_dir=True)]
    assert files.list("some") == [FileInfo("some/where", is_dir=True)]
    assert files.list("some/where/") == [FileInfo("some/where/one.txt", is_dir=False, file_size=1)]
    assert files.list("one.txt") == files.list("nothing") == []
    assert content(files, "one.txt") == content(files, "./some//where/x/../one.txt") == b"1"
    for folder in ("some", "some/where"):
        with pytest.raises(NotFoundError):
            content(files, folder)


def test_overwriting(files, one):
    for text in ("first", "second and longer", ""):
        Path(one).write_text(text)
        files.put_file(one, "here")
        assert content(files, "here/one.txt").decode() == text
        assert files.list("here") == [FileInfo("here/one.txt", is_dir=False, file_size=len(text))]


def test_a_folder(files, tree, tmp_path):
    assert files.put_folder(tree) == 4
    assert files.put_folder(tree, "in/here") == 4
    assert [item.path for item in files.list("in/here/sub")] == ["in/here/sub/b.txt", "in/here/sub/deep er", "in/here/sub/empty"]
    assert content(files, "sub/deep er/c.bin") == b"sub/deep er/c.bin"
    assert content(files, "in/here/sub/empty") == b""
    everything = files.download("", str(tmp_path / "all"))
    assert below(everything) == sorted([*below(tree), *(f"in/here/{name}" for name in below(tree))])
    assert (Path(everything) / "in/here/sub/b.txt").read_text() == "sub/b.txt"
    part = files.download("in/here", str(tmp_path / "part"))
    assert part == str(tmp_path / "part" / "in" / "here")
    assert below(part) == below(tree)
    single = files.download("in/here/a.txt", str(tmp_path / "single"))
    assert single == str(tmp_path / "single" / "in" / "here" / "a.txt")
    assert below(tmp_path / "single") == ["in/here/a.txt"]


def test_an_empty_folder(files, tmp_path):
    (tmp_path / "empty").mkdir()
    assert files.put_folder(str(tmp_path / "empty"), "x") == 0


def test_links_are_followed_but_not_in_a_circle(files, tree):
    Path(tree, "sub/link").symlink_to("../a.txt")
    Path(tree, "sub/circle").symlink_to("..")
    assert files.put_folder(tree) == 5
    assert content(files, "sub/link") == b"a.txt"
    Path(tree, "lost").symlink_to("nowhere")
    with pytest.raises(NotFoundError, match="lost"):
        files.put_folder(tree, "again")
    assert content(files, "again/sub/b.txt") == b"sub/b.txt"


def test_what_is_not_there_cannot_be_put(files, tmp_path, one):
    for act in (lambda: files.put_file(str(tmp_path / "no")), lambda: files.put_file(str(tmp_path)), lambda: files.put_folder(one)):
        with pytest.raises(NotFoundError):
            act()
    assert files.list() == []


def test_delete(files, tree, one):
    files.put_folder(tree)
    files.put_file(one)
    files.delete("sub/b.txt")
    assert [item.path for item in files.list("sub")] == ["sub/deep er", "sub/empty"]
    files.delete("sub")
    assert [item.path for item in files.list()] == ["a.txt", "one.txt"]
    with pytest.raises(NotFoundError):
        files.delete("sub")
    for root in ("", ".", "a/.."):
        with pytest.raises(InvalidValueError):
            files.delete(root)
    assert len(files.list()) == 2


@pytest.mark.parametrize("name", ODD)
def test_odd_names(files, tmp_path, name):
    (tmp_path / "in" / name).parent.mkdir(parents=True)
    (tmp_path / "in" / name).write_text(name)
    files.put_folder(str(tmp_path / "in"))
    files.put_folder(str(tmp_path / "in"), f"to/{name}")
    assert content(files, name).decode() == content(files, f"to/{name}/{name}").decode() == name
    assert files.list(f"to/{name}") == [FileInfo(f"to/{name}/{name}", is_dir=False, file_size=len(name.encode()))]
    assert below(files.download("", str(tmp_path / "out"))) == sorted([name, f"to/{name}/{name}"])
    files.delete(f"to/{name}")
    assert files.list("to") == []
    assert content(files, name).decode() == name


@pytest.mark.parametrize("path", LEAVING)
def test_nothing_outside_is_reached(store, make, files, one, tmp_path, path):
    other = store.artifacts(store.get_run(make()).info)
    other.put_file(one)
    for act in (
        lambda: files.put_file(one, path),
        lambda: files.put_folder(str(tmp_path), path),
        lambda: files.list(path),
        lambda: content(files, path),
        lambda: files.download(path, str(tmp_path / "out")),
        lambda: files.delete(path),
    ):
        with pytest.raises(InvalidValueError):
            act()
    assert [item.path for item in other.list()] == ["one.txt"]
    assert files.list() == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", ["a\\b", "..\\x", "..\\..\\one.txt", "C:\\x", "%2e%2e/x", "..%2fx", "%252e%252e/x"])
def test_what_looks_like_a_way_out_elsewhere_is_a_name_or_refused(store, make, files, one, path):
    other = store.artifacts(store.get_run(make()).info)
    other.put_file(one)
    try:
        files.put_file(one, path)
    except InvalidValueError:
        assert files.list() == []
    else:
        assert content(files, f"{path}/one.txt") == b"1"
    assert [item.path for item in other.list()] == ["one.txt"]


def test_a_file_in_the_way_of_a_folder(files, one, tree, in_bucket):
    files.put_file(one)
    if in_bucket:  # which has no folders: nothing is in the way of anything
        files.put_file(one, "one.txt")
        assert content(files, "one.txt") == content(files, "one.txt/one.txt") == b"1"
        return
    for act in (lambda: files.put_file(one, "one.txt"), lambda: files.put_folder(tree, "one.txt/x")):
        with pytest.raises(InvalidValueError):
            act()
    assert content(files, "one.txt") == b"1"


def test_large_files_are_streamed(files, tmp_path, in_bucket):
    piece = os.urandom(1 << 20)
    digest = hashlib.sha256()
    with (tmp_path / "big").open("wb") as file:
        for number in range(BIG >> 20):
            file.write(number.to_bytes(4, "big") + piece[4:])
            digest.update(number.to_bytes(4, "big") + piece[4:])
    tracemalloc.start()
    try:
        files.put_file(str(tmp_path / "big"), "here")
        seen = hashlib.sha256()
        for part in files.read("here/big"):
            seen.update(part)
        target = files.download("here/big", str(tmp_path / "out"))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen.digest() == digest.digest()
    assert Path(target).stat().st_size == BIG
    assert most < (BIG * 3 / 4 if in_bucket else BIG / 4)  # to a bucket, several parts of 8 MB go at a time
    assert files.list("here") == [FileInfo("here/big", is_dir=False, file_size=BIG)]


def test_reading_may_stop_early(files, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * (5 << 20))
    files.put_file(str(tmp_path / "file"))
    for _ in range(3):
        reading = files.read("file")
        assert next(reading).startswith(b"xxx")
        reading.close()
    assert len(content(files, "file")) == 5 << 20
