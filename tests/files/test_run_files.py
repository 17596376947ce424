"""What scripts keep with a run: files, folders, texts, dictionaries, streams, figures, images and tables."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

import mlctl
from mlctl.errors import ArgumentError, InvalidValueError, NotFoundError
from mlctl.tracking import fluent


@pytest.fixture
def run(place, monkeypatch):
    """A run being logged to."""
    monkeypatch.setenv("MLCTL_TRACKING_URI", str(place / "mlruns"))
    with mlctl.start_run() as active:
        yield active


def root(run):
    return Path(fluent.current_store().artifact_root(run.info))


def files(run):
    top = root(run)
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


class TestFilesAndFolders:
    def test_files_go_where_they_are_told_to(self, run, place):
        (place / "a.txt").write_text("one")
        mlctl.log_artifact("a.txt")
        mlctl.log_artifact(place / "a.txt", "data/subfolder")
        assert files(run) == {"a.txt": b"one", "data/subfolder/a.txt": b"one"}

    def test_a_folder_keeps_its_name_or_gives_only_its_content(self, run, place):
        (place / "in" / "deep").mkdir(parents=True)
        (place / "in" / "deep" / "f").write_text("x")
        mlctl.log_artifact("in")
        mlctl.log_artifact("in/", "to")
        mlctl.log_artifacts("in")
        mlctl.log_artifacts("in", artifact_path="all")
        assert set(files(run)) == {"in/deep/f", "to/in/deep/f", "deep/f", "all/deep/f"}

    def test_another_run_can_be_named(self, run):
        with mlctl.start_run(nested=True) as other:
            mlctl.log_text("for the parent", "t", run_id=run.info.run_id)
        assert files(run) == {"t": b"for the parent"}
        assert files(other) == {}

    def test_what_is_not_there(self, run):
        with pytest.raises(NotFoundError, match=r"nowhere\.txt"):
            mlctl.log_artifact("nowhere.txt")
        with pytest.raises(NotFoundError, match="nowhere"):
            mlctl.log_artifacts("nowhere")


class TestTexts:
    def test_text_is_utf8_whatever_the_locale(self, run):
        mlctl.log_text("é \N{SNOWMAN}\n", "deep/er/t.txt")
        assert files(run) == {"deep/er/t.txt": "é \N{SNOWMAN}\n".encode()}

    @pytest.mark.parametrize("path", ["", ".", "..", "a/..", "../x", "/x", "a/../../x"])
    def test_paths_that_name_no_file_inside(self, run, path):
        with pytest.raises(InvalidValueError):
            mlctl.log_text("x", path)
        assert files(run) == {}

    def test_what_is_no_text(self, run):
        for wrong in ("\ud800", 5, b"bytes"):
            with pytest.raises(ArgumentError):
                mlctl.log_text(wrong, "t.txt")
        assert files(run) == {}

    def test_json_takes_what_it_has_no_word_for_as_text(self, run):
        mlctl.log_dict({"é": [1, None], "where": Path("x")}, "d.json")
        mlctl.log_dict([1], "no ending")
        assert files(run)["d.json"].decode("ascii") == json.dumps({"é": [1, None], "where": "x"}, indent=2)
        assert json.loads(files(run)["no ending"]) == [1]

    def test_streams(self, run):
        mlctl.log_stream(io.BytesIO(b"\0" * 3_000_000), "s.bin")
        assert files(run)["s.bin"] == b"\0" * 3_000_000

    def test_no_scratch_is_left(self, run, tmp_path, monkeypatch):
        monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
        (tmp_path / "scratch").mkdir()
        subprocess.run([sys.executable, "-c", "import mlctl; mlctl.log_text('x', 't')"], check=True, timeout=60)
        assert list((tmp_path / "scratch").iterdir()) == []

    def test_what_is_no_figure(self, run):
        with pytest.raises(ArgumentError, match="str"):
            mlctl.log_figure("a picture", "f.png")
        with pytest.raises(TypeError):
            mlctl.log_figure(object(), "f.png")
