"""Facts about work trees."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from git_places import commit, head, new_repository, run_git, snapshot

from mlctl import process
from mlctl.projects import git


@pytest.fixture
def repository(place):
    folder = new_repository(place / "repo")
    commit(folder, train__py="print(1)\n", lib___data__txt="a\nb\n")
    return folder


def test_facts_of_a_clean_work_tree(repository):
    found = git.facts(repository).result()
    assert found is not None
    assert (found.commit, found.branch, found.root, found.subdir) == (head(repository), "main", repository, "")
    assert (found.dirty, found.untracked, found.diff, found.diff_note, found.repo_url) == (False, (), b"", "", None)


def test_facts_of_a_changed_work_tree_can_be_applied(repository, tmp_path):
    (repository / "lib" / "data.txt").write_text("a\nc\n")
    (repository / "image.bin").write_bytes(bytes(range(256)) * 20)
    run_git(repository, "add", "image.bin")
    (repository / "train.py").unlink()
    found = git.facts(repository).result()
    assert found is not None
    assert found.dirty
    run_git(tmp_path, "clone", "--quiet", str(repository), "copy")
    (tmp_path / "changes").write_bytes(found.diff)
    run_git(tmp_path / "copy", "apply", str(tmp_path / "changes"))
    assert (tmp_path / "copy" / "lib" / "data.txt").read_text() == "a\nc\n"
    assert (tmp_path / "copy" / "image.bin").read_bytes() == bytes(range(256)) * 20
    assert not (tmp_path / "copy" / "train.py").exists()


@pytest.mark.parametrize("setting", ["diff.noprefix=true", "diff.mnemonicPrefix=true", "diff.external=false", "color.ui=always"])
def test_the_users_settings_do_not_change_the_diff(repository, setting):
    (repository / "train.py").write_text("print(2)\n")
    plain = git.facts(repository).result()
    run_git(repository, "config", *setting.split("="))
    assert plain is not None
    found = git.facts(repository).result()
    assert found is not None
    assert found.diff == plain.diff
    assert b"--- a/train.py\n+++ b/train.py" in found.diff


def test_untracked_files_make_it_dirty_and_are_named(repository):
    (repository / "new\nfile ☃.py").write_text("")
    (repository / ".gitignore").write_text("ignored\n")
    run_git(repository, "add", ".gitignore")
    commit(repository)
    (repository / "ignored").write_text("")
    (repository / "other ;$(x).py").write_text("")
    found = git.facts(repository).result()
    assert found is not None
    assert (found.dirty, found.untracked) == (True, ("other ;$(x).py",))


def test_names_of_untracked_files_are_bounded(repository):
    for number in range(git.MAX_UNTRACKED + 5):
        (repository / f"{number}.tmp").write_text("")
    found = git.facts(repository).result()
    assert found is not None
    assert len(found.untracked) == git.MAX_UNTRACKED


def test_results_of_runs_are_no_change(repository):
    for folder in (repository / "mlruns", repository / "lib" / "mlruns"):
        folder.mkdir()
        (folder / "mlctl.db").write_text("")
    found = git.facts(repository / "lib").result()
    assert found is not None
    assert (found.dirty, found.untracked) == (False, ())


def test_committed_results_of_runs_are_no_change_either(repository):
    commit(repository, mlruns___mlctl__db="before")
    (repository / "mlruns" / "mlctl.db").write_text("after")
    found = git.facts(repository).result()
    assert found is not None
    assert (found.dirty, found.diff) == (False, b"")


def test_a_subfolder_knows_its_place_and_sees_changes_beside_it(repository):
    (repository / "train.py").write_text("print(2)\n")
    found = git.facts(repository / "lib").result()
    assert found is not None
    assert (found.root, found.subdir, found.dirty) == (repository, "lib", True)
    assert b"print(2)" in found.diff


def test_detached_head_has_no_branch(repository):
    run_git(repository, "checkout", "--quiet", "--detach")
    found = git.facts(repository).result()
    assert found is not None
    assert found.branch is None


def test_a_branch_with_a_slash(repository):
    run_git(repository, "checkout", "--quiet", "-b", "chapter/mlflow")
    found = git.facts(repository).result()
    assert found is not None
    assert found.branch == "chapter/mlflow"


def test_the_first_remote_without_credentials(repository):
    run_git(repository, "remote", "add", "zeta", "https://someone:t0ken@example.org/org/repo.git")
    run_git(repository, "remote", "add", "origin", "git@example.org:org/repo.git")
    found = git.facts(repository).result()
    assert found is not None
    assert found.repo_url == "https://example.org/org/repo.git"
    assert git.repo_url(repository) == "https://example.org/org/repo.git"


def test_a_linked_work_tree(repository, tmp_path):
    run_git(repository, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    found = git.facts(tmp_path / "side").result()
    assert found is not None
    assert (found.branch, found.root) == ("side", tmp_path / "side")


def test_a_folder_behind_a_symbolic_link(repository, tmp_path):
    (tmp_path / "link").symlink_to(repository / "lib")
    found = git.facts(tmp_path / "link").result()
    assert found is not None
    assert (found.root, found.subdir) == (repository, "lib")


def test_an_ignored_folder_has_no_facts(repository):
    commit(repository, __gitignore="scratch/\n")
    (repository / "scratch").mkdir()
    assert git.facts(repository / "scratch").result() is None


def test_no_commit_yet(place):
    assert git.facts(new_repository(place / "new")).result() is None


def test_a_bare_repository(repository, tmp_path):
    run_git(tmp_path, "clone", "--quiet", "--bare", str(repository), "bare.git")
    assert git.facts(tmp_path / "bare.git").result() is None


def test_a_broken_repository(repository):
    (repository / ".git" / "HEAD").write_text("nonsense")
    assert git.facts(repository).result() is None


def test_no_git_executable(repository, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.facts(repository).result() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_repository_of_somebody_else(repository):
    for path in [repository, *repository.rglob("*")]:
        os.chown(path, 12345, 12345)
    assert git.facts(repository).result() is None


def test_a_repository_that_the_environment_names_is_not_meant(repository, tmp_path, monkeypatch):
    other = new_repository(tmp_path / "other")
    commit(other, x="1")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    found = git.facts(repository).result()
    monkeypatch.undo()
    assert found is not None
    assert found.commit == run_git(repository, "rev-parse", "HEAD")
    assert not found.dirty


def test_nothing_is_started_outside_of_a_work_tree(place, monkeypatch):
    monkeypatch.setattr(process, "start", None)
    assert git.facts(place).result() is None


def test_asking_leaves_the_repository_as_it_is(repository):
    os.utime(repository / "train.py", (1, 1))  # a plain `git status` would now write the index
    before = snapshot(repository)
    found = git.facts(repository).result()
    assert found is not None
    assert (found.dirty, found.diff) == (False, b"")
    assert snapshot(repository) == before


def test_a_long_diff_is_cut_after_a_line(repository, monkeypatch):
    (repository / "train.py").write_text("".join(f"line {number}\n" for number in range(300_000)))
    monkeypatch.setattr(git, "MAX_DIFF_BYTES", 1 << 20)
    found = git.facts(repository).result()
    assert found is not None
    assert (1 << 20) - 20 < len(found.diff) <= 1 << 20
    assert found.diff.endswith(b"\n")
    assert found.diff_note == "Cut after 1 MiB."


def test_large_binary_files_give_way_to_the_text(repository, monkeypatch):
    commit(repository, model__bin="")
    (repository / "model.bin").write_bytes(os.urandom(3 << 20))
    (repository / "train.py").write_text("print(2)\n")
    monkeypatch.setattr(git, "MAX_DIFF_BYTES", 1 << 20)
    found = git.facts(repository).result()
    assert found is not None
    assert b"+print(2)" in found.diff
    assert "binary files are left out" in found.diff_note


def test_giving_up_leaves_no_process(repository):
    (repository / "train.py").write_text("x\n" * 500_000)
    pending = git.facts(repository)
    asked = list(pending._asked)
    pending.cancel()
    assert pending.result() is None
    assert asked
    assert all(each._popen.returncode is not None for each in asked)


def test_facts_are_fast(repository):
    taken = []
    for _ in range(20):
        start = time.perf_counter()
        git.facts(repository / "lib").result()
        taken.append(time.perf_counter() - start)
    bare = []
    for _ in range(20):
        start = time.perf_counter()
        subprocess.run(["git", "status", "--porcelain"], cwd=repository, capture_output=True, check=True)
        bare.append(time.perf_counter() - start)
    assert min(taken) < max(0.015, 5 * min(bare))  # 7 ms on an idle machine


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://user:p@ss@host/x", "https://host/x"),
        ("fatal: could not read Password for 'https://t0ken@host'", "fatal: could not read Password for 'https://host'"),
        ("git@host:org/x", "git@host:org/x"),
        ("https://host/a@b", "https://host/a@b"),
    ],
)
def test_userinfo_is_taken_out(text, clean):
    assert git.without_userinfo(text) == clean


def test_work_tree_is_found_without_git(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git.work_tree(repository / "lib") == repository
    assert git.work_tree(Path("/")) is None
