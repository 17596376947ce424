"""Attacks on artifact paths, each with each verb, against real files with something to steal outside."""

import errno
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from artifact_server import API, served

from mlctl.errors import InvalidValueError
from mlctl.server import artifact_paths
from mlctl.server.artifact_tree import RefusedError, Tree, told_plainly
from mlctl.sql.sqlite import SqliteStore

SECRET = "what nobody may read"

# As they stand in the request line, below …/artifacts/. Each would reach `secret` or `outside` if it were believed.
ATTACKS = {
    "plain": "../secret",
    "plain, deep": "0/../../../secret",
    "plain, in the middle": "0/r/../../../secret",
    "dots alone": "..",
    "dots at the end": "0/..",
    "dots and slash at the end": "0/../",
    "encoded dots": "%2e%2e/secret",
    "half encoded dots": ".%2e/secret",
    "encoded slash": "..%2fsecret",
    "encoded slash in capitals": "..%2Fsecret",
    "all encoded": "%2e%2e%2fsecret",
    "doubly encoded": "%252e%252e/secret",
    "doubly encoded slash": "..%252fsecret",
    "doubly encoded, all": "%252e%252e%252fsecret",
    "three times": "%25252e%25252e%25252fsecret",
    "mixed depths": "%2e%252e/secret",
    "very often": "%" + "25" * 40 + "2e%2e/secret",
    "backslash": "..\\secret",
    "encoded backslash": "..%5csecret",
    "doubly encoded backslash": "..%255csecret",
    "backslash in the middle": "0%5c..%5c..%5csecret",
    "absolute": "/{outside}/secret",
    "absolute, encoded": "%2f{outside}/secret",
    "absolute, doubly encoded": "%252f{outside}/secret",
    "many slashes": "//{outside}/secret",
    "UNC": "%5c%5cserver%5cshare",
    "UNC with slashes": "//server/share",
    "drive": "C:/secret",
    "drive and backslash": "C:%5csecret",
    "drive, encoded": "c%3a/secret",
    "drive without slash": "C:secret",
    "file address": "file:///{outside}/secret",
    "file address, encoded": "file%3a%2f%2f{outside}/secret",
    "NUL": "0/f%00.txt",
    "NUL at the end": "../secret%00.txt",
    "doubly encoded NUL": "0/f%2500",
    "newline": "0/f%0a",
    "return and newline": "0/f%0d%0aX-Evil:%20yes",
    "escape": "0/f%1b%5b2J",
    "delete": "0/f%7f",
    "C1 control": "0/f%c2%85",
    "hash": "0/f%23",
    "two dot leader": "%E2%80%A5/secret",
    "full-width dots": "%EF%BC%8E%EF%BC%8E/secret",
    "full-width slash": "..%EF%BC%8Fsecret",
    "full-width slash at the start": "%EF%BC%8F{outside}/secret",
    "overlong UTF-8 dots": "%c0%ae%c0%ae/secret",
    "overlong UTF-8 slash": "..%c0%afsecret",
    "not UTF-8": "0/%ff%fe",
    "a surrogate": "0/%ed%a0%80",
    "an overlong name": "0/" + "a" * 256,
    "an overlong name of few letters": "0/" + "%E2%98%83" * 90,
    "an overlong path": "/".join(["0", *["a" * 200] * 30]),
    "a very deep path": "/".join("a" * 500),
    "a draft": "0/.f.txt.123.part",
    "below a draft": "0/.d.part/f",
    "link to a file": "0/to-file",
    "link to a folder": "0/to-folder/secret",
    "link to a folder, two deep": "0/to-folder/below/f",
    "link, relative": "0/to-parent/secret",
    "link to a link": "0/to-link/secret",
    "link to nothing outside": "0/to-new",
    "link to the root": "0/to-root{outside}/secret",
}


@pytest.fixture
def outside(place):
    """A folder beside the store, with a secret."""
    folder = place / "outside"
    (folder / "below").mkdir(parents=True)
    (folder / "secret").write_text(SECRET)
    (folder / "below" / "f").write_text(SECRET)
    return folder


@pytest.fixture
def store(place, outside):
    found = SqliteStore(str(place / "mlruns" / "mlctl.db"))
    (place / "mlruns" / "secret").write_text(SECRET)
    folder = place / "mlruns" / "artifacts" / "0"
    folder.mkdir(parents=True)
    (folder / "f").write_text("an artifact")
    (folder / "to-file").symlink_to(outside / "secret")
    (folder / "to-folder").symlink_to(outside)
    (folder / "to-parent").symlink_to("../..")
    (folder / "to-link").symlink_to("to-folder")
    (folder / "to-new").symlink_to(outside / "new")
    (folder / "to-root").symlink_to("/")
    (folder / "to-itself").symlink_to("to-itself")
    yield found
    found.close()


def everything(place):
    """All files of a folder with what is in them, but for the store's own."""
    found = {}
    for folder, folders, files in os.walk(place):
        for name in (*folders, *files):
            path = Path(folder) / name
            if not name.startswith("mlctl.db"):
                found[str(path)] = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return found


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_no_path_leads_outside(store, place, outside, attack):
    path = attack.replace("{outside}", quote(str(outside)).lstrip("/") if not attack.startswith("0/") else quote(str(outside)))
    run = store.create_run("0").info.run_id
    own = place / "mlruns" / "artifacts" / "0" / run / "artifacts"
    own.mkdir(parents=True)
    (own / "0").symlink_to(place / "mlruns" / "artifacts" / "0")  # leads out of nothing: the run's links lead where the others do
    before = everything(place)
    query = path.replace("&", "%26").replace("#", "%23").replace("+", "%2B")
    with served(store) as ask:
        for method, target in [
            ("GET", f"{API}/{path}"),
            ("HEAD", f"{API}/{path}"),
            ("PUT", f"{API}/{path}"),
            ("DELETE", f"{API}/{path}"),
            ("GET", f"{API}?path={query}"),
            ("GET", f"/api/2.0/mlflow-artifacts/presigned/{path}"),
            ("POST", f"/api/2.0/mlflow-artifacts/mpu/create/{path}"),
            ("GET", f"/get-artifact?run_id={run}&path={query}"),
            ("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run}&path={query}"),
            ("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path={query}"),
        ]:
            found = ask(method, target, b"stolen" if method in ("PUT", "POST") else None)
            if "/presigned/" in target or "/mpu/" in target:
                assert found.status in (400, 501), target
            elif "list" in target or f"{API}?" in target:
                assert found.status == 400 or found.body == b"{}" or set(found.json) == {"root_uri"}, (method, target, found.body)
            else:
                assert found.status == 400, (method, target, found.status, found.body)
            assert SECRET.encode() not in found.body
            assert str(place).encode() not in found.body
            assert "x-evil" not in found.headers
    assert everything(place) == before


def test_links_that_stay_inside_are_followed(store, place):
    top = place / "mlruns" / "artifacts"
    (top / "1").mkdir()
    (top / "1" / "d").symlink_to("../0")
    (top / "1" / "f").symlink_to(top / "0" / "f")
    (top / "1" / "new").symlink_to("d/new")
    with served(store) as ask:
        assert ask("GET", f"{API}/1/f").body == ask("GET", f"{API}/1/d/f").body == b"an artifact"
        listed = {item["path"]: item for item in ask("GET", f"{API}?path=1").json["files"]}
        assert listed == {"d": {"path": "d", "is_dir": True}, "f": {"path": "f", "is_dir": False, "file_size": 11}}
        assert [item["path"] for item in ask("GET", f"{API}?path=1/d").json["files"]] == ["f"]
        assert ask("PUT", f"{API}/1/new", b"1").status == 200
        assert (top / "0" / "new").read_bytes() == b"1"
        assert ask("DELETE", f"{API}/1/f").status == 200
        assert (top / "0" / "f").exists()
        assert not (top / "1" / "f").is_symlink()


def test_a_link_to_itself(store, place, outside):
    with served(store) as ask:
        for path in ("0/to-itself", "0/to-itself/f"):
            assert ask("PUT", f"{API}/{path}", b"x").status == 400
            assert ask("GET", f"{API}/{path}").status in (400, 404)
            assert ask("GET", f"{API}?path={path}").status in (200, 400)
        assert ask("DELETE", f"{API}/0/to-itself").status == 200
        assert not (place / "mlruns/artifacts/0/to-itself").is_symlink()


def test_deleting_a_folder_removes_links_not_what_they_lead_to(store, place, outside):
    with served(store) as ask:
        assert ask("DELETE", f"{API}/0").json == {}
    assert not (place / "mlruns" / "artifacts" / "0").exists()
    assert (outside / "secret").read_text() == (place / "mlruns" / "secret").read_text() == SECRET
    assert (outside / "below" / "f").exists()


def test_the_whole_store_may_be_behind_a_link(place, outside):
    (place / "mlruns").mkdir()
    (place / "mlruns" / "artifacts").symlink_to(outside)
    store = SqliteStore(str(place / "mlruns" / "mlctl.db"))
    with served(store) as ask:
        assert ask("PUT", f"{API}/0/f", b"1").status == 200
        assert ask("GET", f"{API}/0/f").body == b"1"
        assert ask("GET", f"{API}/../mlctl.db").status == 400
    store.close()


@pytest.mark.parametrize("verb", ["open", "entries", "delete", "draft"])
def test_a_folder_that_turns_into_a_link_after_the_check_is_not_followed(tmp_path, monkeypatch, verb):
    """The check says inside; at that moment the folder becomes a link to the outside."""
    top, away = tmp_path / "top", tmp_path / "away"
    for folder in (top / "real" / "d", away / "d"):
        folder.mkdir(parents=True)
        (folder / "f").write_text(SECRET)
    (top / "link").symlink_to("real")
    resolved = Tree._resolved

    def swap(self, names):
        found = resolved(self, names)
        (top / "real").rename(tmp_path / "old")
        (top / "real").symlink_to(away)
        return found

    monkeypatch.setattr(Tree, "_resolved", swap)
    tree, names = Tree(str(top)), ("link", "d", "f")
    before = everything(away)
    if verb == "entries":
        assert tree.entries(names[:-1]) == []
    elif verb == "delete":
        tree.delete(names)
    else:
        with pytest.raises(Exception, match=r"no such artifact|is a file, not a directory") as found:
            getattr(tree, verb)(names)
        assert not isinstance(found.value, OSError)
    assert everything(away) == before


def test_a_folder_that_turns_into_a_link_while_a_draft_is_written(tmp_path):
    top, away = tmp_path / "top", tmp_path / "away"
    (top / "d").mkdir(parents=True)
    away.mkdir()
    draft = Tree(str(top)).draft(("d", "new", "f"))
    draft.write([b"x"])
    (top / "d" / "new").symlink_to(away)
    with pytest.raises(RefusedError):
        draft.commit()
    draft.close()
    assert everything(away) == {}
    assert list((top / "d").iterdir()) == [top / "d" / "new"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", ()),
        ("a", ("a",)),
        ("a/b.txt", ("a", "b.txt")),
        ("a//b/./c/", ("a", "b", "c")),
        ("100%", ("100%",)),
        ("50%25", ("50%25",)),
        ("loss%step%12%timestamp%1795576480476%ia6d3.png", ("loss%step%12%timestamp%1795576480476%ia6d3.png",)),
        ("a%23b", ("a%23b",)),
        ("...", ("...",)),
        ("a\uff0fb", ("a\uff0fb",)),
        ("x\uff03y\uff3cz", ("x\uff03y\uff3cz",)),
        ("mlflow:run", ("mlflow:run",)),
        ("0/C:/x", ("0", "C:", "x")),
        ("x.part", ("x.part",)),
        ("\N{SNOWMAN}" * 85, ("\N{SNOWMAN}" * 85,)),
    ],
)
def test_paths_that_are_fine(path, found):
    assert artifact_paths.names(path) == found


@pytest.mark.parametrize(
    ("number", "status"),
    [(errno.EACCES, 403), (errno.EROFS, 403), (errno.ENAMETOOLONG, 400), (errno.ENOSPC, 507), (errno.EMFILE, 503), (errno.EIO, 500)],
)
def test_what_the_system_says_is_told_without_paths(number, status):
    with pytest.raises(RefusedError) as found, told_plainly():
        raise OSError(number, os.strerror(number), "/home/me/mlruns/artifacts/0")
    assert found.value.http_status == status
    assert "/home" not in found.value.message


def test_messages_do_not_repeat_the_path():
    with pytest.raises(InvalidValueError, match=r"^Invalid path$"):
        artifact_paths.names("../<script>")
