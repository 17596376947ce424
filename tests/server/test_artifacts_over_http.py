"""``mlctl artifacts`` and the functions of scripts, where the store is a server's."""

import os

import pytest

import mlctl as facade
from mlctl.errors import InvalidValueError, NotFoundError


@pytest.fixture
def server(serve_app, place, monkeypatch):
    """A server, to which this process and the command line log."""
    address = serve_app().address
    monkeypatch.setenv("MLCTL_TRACKING_URI", address)
    return address


@pytest.fixture
def run(server, place):
    """A finished run with a few files."""
    (place / "in").mkdir()
    (place / "in" / "b c.bin").write_bytes(bytes(range(256)))
    with facade.start_run() as active:
        facade.log_text("é\n", "notes/a.txt")
        facade.log_artifacts("in", "deep/er")
    return active


def test_the_command(mlctl, run, place):
    run_id = run.info.run_id
    paths = [item["path"] for item in mlctl.json("artifacts", "list", run_id, "-r")["data"]]
    assert paths == ["deep/er/b c.bin", "notes/a.txt"]
    assert mlctl("artifacts", "show", run_id, "notes/a.txt", check=0).stdout == "é\n"
    assert mlctl.json("artifacts", "list", "@last", "notes/a.txt")["data"][0]["file_size"] == 3
    mlctl("artifacts", "upload", run_id, "in", "--path", "more", check=0)
    mlctl("artifacts", "download", run_id, "more/in", "--to", "out", check=0)
    assert (place / "out" / "in" / "b c.bin").read_bytes() == bytes(range(256))
    mlctl("artifacts", "download", run_id, check=0)
    assert len([path for path in (place / run_id[:8]).rglob("*") if path.is_file()]) == 3
    mlctl("artifacts", "delete", run_id, "more", "notes/a.txt", check=0)
    assert [item["path"] for item in mlctl.json("artifacts", "list", run_id, "-r")["data"]] == ["deep/er/b c.bin"]
    assert "'nothing'" in mlctl("artifacts", "show", run_id, "nothing", check=124).stderr


def test_reading_in_a_script(run, place, monkeypatch):
    uri = run.info.artifact_uri
    assert uri.startswith("mlflow-artifacts:/")
    assert facade.artifacts.load_text(f"{uri}/notes/a.txt") == facade.artifacts.load_text(f"runs:/{run.info.run_id}/notes/a.txt") == "é\n"
    assert [item.path for item in facade.artifacts.list_artifacts(run_id=run.info.run_id)] == ["deep", "notes"]
    assert [item.path for item in facade.artifacts.list_artifacts(f"{uri}/deep/er")] == ["er/b c.bin"]
    path = facade.artifacts.download_artifacts(f"{uri}/deep/er", dst_path="here")
    assert path == f"here{os.sep}er"
    assert (place / "here" / "er" / "b c.bin").stat().st_size == 256
    monkeypatch.setattr("tempfile.tempdir", str(place))
    assert facade.artifacts.download_artifacts(f"{uri}/notes/a.txt").endswith("notes/a.txt")


def test_mistakes(run):
    for call, error in (
        (lambda: facade.artifacts.load_text(f"runs:/{run.info.run_id}/none"), NotFoundError),
        (lambda: facade.artifacts.load_text(f"runs:/{'f' * 32}/x"), NotFoundError),
        (lambda: facade.artifacts.load_text(f"runs:/{run.info.run_id}/../x"), InvalidValueError),
        (lambda: facade.log_text("x", "../x", run_id=run.info.run_id), InvalidValueError),
    ):
        with pytest.raises(error):
            call()
