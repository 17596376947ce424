"""Project URIs, local folders, and versions of local repositories."""

import os
import shutil

import pytest
from git_places import MLPROJECT, Fetch, commit, head, new_repository, run_git, snapshot

from mlctl.projects import git, source


@pytest.fixture
def fetch(tmp_path):
    return Fetch(tmp_path / "cache")


@pytest.fixture
def repository(place):
    folder = new_repository(place / "repo")
    commit(folder, MLproject=MLPROJECT, train__py="print(1)\n", examples___wine___MLproject=MLPROJECT)
    run_git(folder, "tag", "v1")
    commit(folder, train__py="print(2)\n")
    run_git(folder, "tag", "--annotate", "--message", "second", "v2")
    run_git(folder, "branch", "chapter/mlflow", "v1")
    commit(folder, train__py="print(3)\n", later___MLproject=MLPROJECT)
    return folder


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("uri", "location", "subdir"),
    [
        ("https://host/org/repo", "https://host/org/repo", ""),
        ("https://host/org/repo.git#a/b", "https://host/org/repo.git", "a/b"),
        ("'https://host/org/repo#a'", "https://host/org/repo", "a"),
        ('"git@host:org/repo.git#a//./b/"', "git@host:org/repo.git", "a/b"),
        ("ssh://git@host:2222/org/repo", "ssh://git@host:2222/org/repo", ""),
        ("git://host/repo", "git://host/repo", ""),
        ("alias:repo", "alias:repo", ""),
        ("http://[::1]:8080/repo", "http://[::1]:8080/repo", ""),
        ("HTTPS://host/repo", "HTTPS://host/repo", ""),
    ],
)
def test_git_addresses(place, uri, location, subdir):
    assert source.parse(uri) == source.ProjectURI(kind="git", location=location, subdir=subdir)


@pytest.mark.parametrize(
    ("uri", "location", "page"),
    [
        ("https://github.com/org/repo/tree/main/a/b", "https://github.com/org/repo", "main/a/b"),
        ("https://github.com/org/repo/tree/main/?tab=readme#about", "https://github.com/org/repo", "main"),
        ("https://github.com/org/repo/blob/feature%2Fx/a/MLproject#L3", "https://github.com/org/repo", "feature/x/a"),
        ("https://github.com/org/repo/blob/main/MLproject", "https://github.com/org/repo", "main"),
        ("https://github.company.com/org/repo/tree/v1", "https://github.company.com/org/repo", "v1"),
        ("https://host/group/sub/repo/-/tree/dev/a", "https://host/group/sub/repo", "dev/a"),
        ("https://host/group/repo/-/blob/dev/a/mlproject.yaml", "https://host/group/repo", "dev/a"),
    ],
)
def test_pages_of_folders(place, uri, location, page):
    assert source.parse(uri) == source.ProjectURI(kind="git", location=location, page=page)


def test_addresses_that_only_look_like_pages(place):
    for uri in ("https://host/org/repo/tree/main", "https://host/tree/main"):
        assert source.parse(uri) == source.ProjectURI(kind="git", location=uri)


@pytest.mark.parametrize("form", ["{}", "'{}'", "file://{}", "file://localhost{}", "file:{}"])
def test_forms_of_a_local_folder(place, form):
    (place / "project").mkdir()
    assert source.parse(form.format(place / "project")) == source.ProjectURI(kind="local", location=str(place / "project"))
    assert source.parse(form.format(f"{place}/project#sub")).subdir == "sub"


def test_escapes_in_a_file_uri(place):
    (place / "a b#c%20").mkdir()
    assert source.parse(f"file://{place}/a%20b%23c%2520").location == str(place / "a b#c%20")


@pytest.mark.parametrize("name", ["with#hash", "host:org", "'quoted'", "x.zip", "-dash"])
def test_a_folder_that_exists_is_taken_whatever_its_name(place, name):
    (place / name).mkdir()
    assert source.parse(name) == source.ProjectURI(kind="local", location=str(place / name))


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("", "is not a project URI"),
        ("''", "is not a project URI"),
        ("--upload-pack=touch pwned", "is not a project URI"),
        ("a\0b", "is not a project URI"),
        ("https://host/x#../up", "must be a folder inside"),
        ("https://host/x#/etc", "must be a folder inside"),
        ("https://host/x#a/..\\..\\b", "must be a folder inside"),
        ("https://host/x#\\etc", "must be a folder inside"),
        ("ext::sh -c touch% pwned", "asks git for another program"),
        ("fd::17", "asks git for another program"),
        ("ssh://-oProxyCommand=touch pwned/x", "is not a git address"),
        ("x@-oProxyCommand=touch:y", "is not a git address"),
        ("https://host/x\ny", "is not a git address"),
        ("https:///x", "is not a git address"),
        ("s3://bucket/x", "cannot fetch projects from s3://"),
        ("git+https://host/x", "Write 'https://host/x'"),
        ("file://server/share", "file:// means this machine"),
        ("project.zip", "There is no folder"),
        ("github.com/org/repo", "write https://github.com/org/repo"),
        ("https://github.com/org/repo/blob/main/train.py", "is the page of a file"),
        ("https://github.com/org/repo/tree/main/../../x", "is not the page of a folder"),
    ],
)
def test_addresses_that_are_refused(place, uri, said, fetch):
    assert said in fetch.refusal(uri)
    assert list(place.iterdir()) == []


def test_a_password_is_not_repeated(place, fetch):
    for uri in ("s3://me:hunter2@bucket/x", "http://me:hunter2@127.0.0.1:9/x.zip", "https://me:hunter2@github.com/o/r/blob/main/x"):
        assert "hunter2" not in fetch.refusal(uri)


def test_a_folder_that_does_not_exist_is_answered_with_those_close_to_it(place, fetch):
    for name in ("wine", "mnist"):
        (place / name).mkdir()
    (place / "wines.txt").write_text("")
    said = fetch.refusal("whine")
    assert said == f"There is no folder {str(place / 'whine')!r}. | Close to that in {place}: wine"


def test_a_folder_in_a_folder_that_does_not_exist(place, fetch):
    assert "has no 'no'" in fetch.refusal("no/such/place")


def test_a_file_is_no_project(place, fetch):
    (place / "train.py").write_text("")
    assert "-e train.py" in fetch.refusal("train.py")
    (place / "project.zip").write_text("")
    assert "cannot be unpacked: File is not a zip file" in fetch.refusal("project.zip")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_must_not_be_read(place, fetch):
    (place / "closed").mkdir(mode=0)
    assert "cannot be read: Permission denied" in fetch.refusal("closed/project")


def test_the_current_folder_is_gone(place, fetch):
    (place / "gone").mkdir()
    os.chdir(place / "gone")
    (place / "gone").rmdir()
    assert "cannot be read" in fetch.refusal("project")
    os.chdir(place)


def test_a_name_longer_than_the_file_system_allows(place, fetch):
    assert "cannot be read" in fetch.refusal("x" * 5000) or "no folder" in fetch.refusal("x" * 5000)


# ── folders in place ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plain_folder_is_used_in_place(place, fetch):
    (place / "project" / "sub").mkdir(parents=True)
    found = fetch("project")
    assert (found.folder, found.uri, found.in_place) == (place / "project", str(place / "project"), True)
    assert fetch("project#sub").folder == place / "project" / "sub"
    assert not fetch.cache.exists()


def test_a_repository_is_recorded_with_its_top(repository, fetch):
    found = fetch(repository / "examples" / "wine")
    assert (found.folder, found.in_place, found.commit) == (repository / "examples" / "wine", True, None)
    assert found.uri == f"file://{repository}#examples/wine"
    assert fetch(f"{repository}#examples/wine").uri == found.uri
    assert fetch(repository).uri == f"file://{repository}"
    assert fetch(f"file://{repository}").uri == f"file://{repository}"


def test_what_is_recorded_can_be_run_again(tmp_path, fetch):
    folder = new_repository(tmp_path / "100%25 #1")
    commit(folder, a___MLproject=MLPROJECT)
    found = fetch(folder / "a")
    assert fetch(found.uri).folder == folder / "a"


def test_a_subfolder_that_does_not_exist_is_answered_with_the_projects_there_are(repository, fetch):
    said = fetch.refusal(f"{repository}#exmples/wine")
    assert "no folder 'exmples/wine'" in said
    assert "examples/wine" in said.partition("|")[2]
    assert "later" in said


def test_a_subfolder_that_is_a_file(repository, fetch):
    assert "'train.py' in" in fetch.refusal(f"{repository}#train.py")
    assert "-e train.py" in fetch.refusal(f"{repository}#train.py")


# ── versions of a local repository ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("version", "printed", "branch"),
    [
        ("v1", 1, None),
        ("v2", 2, None),
        ("main", 3, "main"),
        ("chapter/mlflow", 1, "chapter/mlflow"),
        ("HEAD", 3, "main"),
        ("HEAD~1", 2, None),
        ("refs/tags/v2", 2, None),
    ],
)
def test_a_version_of_a_local_repository(repository, fetch, version, printed, branch):
    found = fetch(repository, version)
    assert (found.folder / "train.py").read_text() == f"print({printed})\n"
    assert found.commit == run_git(repository, "rev-parse", f"{version}^{{commit}}") == head(found.folder)
    assert (found.branch, found.version, found.in_place) == (branch, version, False)
    assert found.uri == f"file://{repository}"


def test_commits_of_a_local_repository(repository, fetch):
    wanted = run_git(repository, "rev-parse", "HEAD~2")
    assert fetch(repository, wanted).commit == wanted
    assert fetch(repository, wanted[:7]).commit == wanted


def test_the_users_work_tree_is_not_touched(repository, fetch):
    (repository / "train.py").write_text("print('unsaved')\n")
    (repository / "new.py").write_text("")
    before = snapshot(repository)
    for version in ("v1", "chapter/mlflow", run_git(repository, "rev-parse", "HEAD~1")):
        found = fetch(repository, version)
        assert repository not in found.folder.parents
    assert snapshot(repository) == before


def test_the_projects_place_in_the_repository_is_kept(repository, fetch, monkeypatch):
    monkeypatch.chdir(repository / "examples")
    found = fetch("wine", "v1")
    assert found.folder.parts[-2:] == ("examples", "wine")
    assert found.uri == f"file://{repository}#examples/wine"
    assert fetch(".#wine", "v1").folder == found.folder
    assert fetch(found.uri, "v1").folder == found.folder


def test_a_folder_that_an_old_version_lacks(repository, fetch):
    assert "no folder 'later'" in fetch.refusal(repository / "later", "v1")


def test_a_version_in_a_subfolder_only_of_that_version(repository, fetch):
    shutil.rmtree(repository / "examples")
    commit(repository)
    assert fetch(f"{repository}#examples/wine", "v1").folder.name == "wine"


def test_a_branch_that_only_the_origin_has(repository, fetch, tmp_path):
    run_git(tmp_path, "clone", "--quiet", str(repository), "clone")
    found = fetch(tmp_path / "clone", "chapter/mlflow")
    assert (found.commit, found.branch) == (run_git(repository, "rev-parse", "v1"), "chapter/mlflow")
    assert found.repo_url == str(repository)


def test_a_linked_work_tree_and_a_detached_commit(repository, fetch, tmp_path):
    run_git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / "side"), "v1")
    lost = commit(tmp_path / "side", train__py="print('lost')\n")
    run_git(tmp_path / "side", "checkout", "--quiet", "--detach", "v2")
    assert (fetch(tmp_path / "side", lost).folder / "train.py").read_text() == "print('lost')\n"


def test_a_shallow_local_repository(repository, fetch, tmp_path):
    run_git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", "shallow")
    assert fetch(tmp_path / "shallow", "main").commit == head(repository)


def test_a_bare_local_repository(repository, fetch, tmp_path):
    run_git(tmp_path, "clone", "--quiet", "--bare", str(repository), "bare.git")
    found = fetch(tmp_path / "bare.git")
    assert (found.commit, found.branch, found.in_place) == (head(repository), "main", False)
    assert found.uri == found.repo_url == f"file://{tmp_path}/bare.git"
    assert fetch(f"file://{tmp_path}/bare.git#examples/wine", "v1").folder.name == "wine"


def test_wrong_versions(repository, fetch, place):
    for wrong, said in {
        "chapter/mlfow": "Close to that: chapter/mlflow",
        "v9": "v1",
        "0123456789012345678901234567890123456789": "no branch, tag or commit",
        "-v1": "is not a version",
        "": "is not a version",
        "v1\nv2": "is not a version",
        "--output=pwned": "is not a version",
    }.items():
        assert said in fetch.refusal(repository, wrong)
    (place / "plain").mkdir()
    assert "not in a git repository" in fetch.refusal(place / "plain", "v1")
    new_repository(place / "empty")
    assert "no branches or tags" in fetch.refusal(place / "empty", "main")


def test_a_tag_wins_over_a_branch_as_it_does_in_git(repository, fetch):
    run_git(repository, "branch", "both", "v1")
    run_git(repository, "tag", "both", "v2")
    found = fetch(repository, "both")
    assert (found.commit, found.branch) == (run_git(repository, "rev-parse", "v2^{commit}"), None)
    assert fetch(repository, "refs/heads/both").branch == "both"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_repository_of_somebody_else_names_the_way_to_trust_it(repository, fetch):
    for path in [repository, *repository.rglob("*")]:
        os.chown(path, 12345, 12345)
    assert "git config --global --add safe.directory" in fetch.refusal(repository, "v1")


def test_no_git_executable(repository, fetch, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no git executable on PATH" in fetch.refusal(repository, "v1")
    assert fetch(repository).in_place


# ── the cache ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_checkout_is_a_repository_that_answers_scripts(repository, fetch):
    found = fetch(repository, "v2")
    assert run_git(found.folder, "status", "--porcelain") == ""
    assert run_git(found.folder, "rev-parse", "HEAD") == found.commit
    shutil.rmtree(fetch.cache / "git")
    run_git(found.folder, "fsck")
    facts = git.facts(found.folder).result()
    assert facts is not None
    assert (facts.commit, facts.dirty, facts.root) == (found.commit, False, found.folder)


def test_a_checkout_is_used_again(repository, fetch):
    first = fetch(repository, "v1")
    (first.folder / "output.txt").write_text("an earlier run's result")
    before = snapshot(first.folder)
    assert fetch(repository, "v1").folder == first.folder
    assert fetch(repository, "chapter/mlflow").folder == first.folder
    assert snapshot(first.folder) == before


def test_a_checkout_whose_files_a_run_has_changed_is_left_to_that_run(repository, fetch):
    first = fetch(repository, "v1")
    (first.folder / "train.py").write_text("print('changed')\n")
    second = fetch(repository, "v1")
    assert (second.folder / "train.py").read_text() == "print(1)\n"
    assert (first.folder / "train.py").read_text() == "print('changed')\n"
    assert any("checkout of its own" in line for line in fetch.told)
    assert fetch(repository, "v1").folder == second.folder


def test_a_repository_that_breaks_its_own_rule_for_line_ends_is_checked_out_once(repository, fetch):
    commit(repository, crlf__txt="a\r\nb\r\n")
    (repository / ".gitattributes").write_text("*.txt text eol=lf\n")
    run_git(repository, "add", ".gitattributes")
    run_git(repository, "commit", "--quiet", "--message", "A rule that crlf.txt breaks")
    first = fetch(repository, "main")
    assert fetch(repository, "main").folder == first.folder


def damage_head(mirror):
    (mirror / "HEAD").unlink()


def damage_objects(mirror):
    for pack in (mirror / "objects" / "pack").iterdir():
        pack.unlink()
        pack.write_bytes(b"nonsense")


def damage_lock(mirror):
    (mirror / "shallow.lock").write_text("left by a process that was killed")


def damage_all(mirror):
    shutil.rmtree(mirror)
    mirror.write_text("a file")


@pytest.mark.parametrize("damage", [damage_head, damage_objects, damage_lock, damage_all])
def test_a_broken_mirror_is_made_anew(repository, fetch, damage):
    fetch(repository, "v1")
    [mirror] = (fetch.cache / "git").glob("*.git")
    damage(mirror)
    found = fetch(repository, "v2")
    assert (found.folder / "train.py").read_text() == "print(2)\n"
    run_git(found.folder, "fsck")
    assert list(fetch.cache.rglob(".half-*")) == []


def test_a_cache_that_cannot_be_written_is_named(repository, tmp_path):
    (tmp_path / "file").write_text("")
    assert "MLCTL_CACHE_DIR" in Fetch(tmp_path / "file").refusal(repository, "v1")


def test_submodules_that_git_does_not_allow_are_reported_and_nothing_is_kept(repository, fetch, place):
    inner = new_repository(place / "inner")
    commit(inner, data__txt="1")
    run_git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "inner")
    commit(repository)
    said = fetch.refusal(repository, "main")
    assert "The submodules of" in said
    assert "protocol.file.allow always" in said
    assert [path.name for path in (fetch.cache / "checkouts").rglob("train.py")] == []


def test_submodules_are_fetched_with_theirs(repository, fetch, place, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always")
    core = new_repository(place / "core")
    commit(core, data__txt="deep")
    inner = new_repository(place / "inner")
    run_git(inner, "submodule", "--quiet", "add", str(core), "core")
    commit(inner)
    run_git(repository, "submodule", "--quiet", "add", "../inner", "inner")
    commit(repository)
    found = fetch(repository, "main")
    assert (found.folder / "inner" / "core" / "data.txt").read_text() == "deep"
    assert fetch(repository, "main").folder == found.folder


def test_a_link_that_leads_out_of_the_repository_is_refused(repository, fetch):
    (repository / "out").symlink_to("/usr")
    (repository / "in").symlink_to("examples/wine")
    commit(repository)
    assert fetch(f"{repository}#in", "main").folder.name in ("in", "wine")
    bare = repository.parent / "bare.git"
    run_git(repository, "clone", "--quiet", "--bare", ".", str(bare))
    assert "leads out" in fetch.refusal(f"{bare}#out", "main")
    assert fetch(f"{bare}#in", "main").folder.name == "in"
