"""Projects in git repositories that a real web server serves through ``git http-backend``."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from git_places import MLPROJECT, Fetch, commit, new_repository, run_git

from mlctl.projects import git, remote, source, tokens

pytestmark = pytest.mark.engine("git-http")

HERE = Path(__file__).parent
LOGIN = "someone:s3cr=t%40word"
# A resolve in a process of its own: URI, version ("" for none), cache.
RESOLVE = """
import sys
from pathlib import Path
from mlctl.errors import SourceError
from mlctl.projects import source
try:
    uri, version, cache = sys.argv[1:]
    found = source.resolve(uri, version=version or None, tell=lambda line: print(line, file=sys.stderr), cache=Path(cache))
    print(found.folder)
except SourceError as error:
    sys.exit(f"{error.message} | {error.hint}")
"""


class Served:
    """A folder of bare repositories behind a web server."""

    def __init__(self, root, work, url, log):
        self.root, self.work, self.url, self.log = root, work, url, log

    def requests(self, **wanted):
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [each for each in map(json.loads, lines) if all(each[key] == value for key, value in wanted.items())]

    def commit_of(self, name):
        return run_git(self.work, "rev-parse", f"{name}^{{commit}}")

    def publish(self):
        run_git(self.work, "push", "--quiet", "--force", "--mirror", str(self.root / "demo.git"))


@pytest.fixture(scope="module")
def _server(tmp_path_factory):
    root, log = tmp_path_factory.mktemp("served"), tmp_path_factory.mktemp("log") / "requests"
    server = subprocess.Popen([sys.executable, HERE / "git_http_server.py", root, log], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server:
        yield root, f"http://127.0.0.1:{int(server.stdout.readline())}", log
        server.kill()


@pytest.fixture
def served(_server, tmp_path):
    root, url, log = _server
    work = new_repository(tmp_path / "work")
    commit(work, MLproject=MLPROJECT, train__py="print(1)\n", examples___wine___MLproject=MLPROJECT)
    run_git(work, "tag", "v1")
    commit(work, train__py="print(2)\n")
    run_git(work, "tag", "--annotate", "--message", "second", "v2")
    run_git(work, "branch", "chapter/mlflow")
    commit(work, train__py="print(3)\n")
    subprocess.run(["rm", "-rf", *root.iterdir()], check=True)
    run_git(root, "init", "--quiet", "--bare", "--initial-branch=main", "demo.git")
    log.unlink(missing_ok=True)
    found = Served(root, work, url, log)
    found.publish()
    return found


@pytest.fixture
def fetch(tmp_path):
    return Fetch(tmp_path / "it's the 'cache'")


def resolving(uri, version, cache, **options):
    """A process that resolves, with mlctl importable wherever it is."""
    env = {**os.environ, "PYTHONPATH": str(Path(source.__file__).parents[2])}
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen([sys.executable, "-c", RESOLVE, uri, version, str(cache)], env=env, text=True, **options)


# ── what can be asked for ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("version", "name", "printed", "branch"),
    [
        (None, "main", 3, "main"),
        ("HEAD", "main", 3, "main"),
        ("main", "main", 3, "main"),
        ("chapter/mlflow", "chapter/mlflow", 2, "chapter/mlflow"),
        ("heads/chapter/mlflow", "chapter/mlflow", 2, "chapter/mlflow"),
        ("v1", "v1", 1, None),
        ("v2", "v2", 2, None),
        ("refs/tags/v2", "v2", 2, None),
    ],
)
def test_names(served, fetch, version, name, printed, branch):
    found = fetch(f"{served.url}/demo.git", version)
    assert (found.folder / "train.py").read_text() == f"print({printed})\n"
    assert (found.commit, found.branch, found.version, found.in_place) == (served.commit_of(name), branch, version, False)
    assert found.uri == found.repo_url == f"{served.url}/demo.git"
    assert run_git(found.folder, "rev-list", "--count", "HEAD") == "1"  # only that commit has been fetched


@pytest.mark.parametrize("name", ["main", "v2", "v1"])
def test_commits(served, fetch, name):
    commit_id = served.commit_of(name)
    assert fetch(f"{served.url}/demo.git", commit_id).commit == commit_id
    assert fetch(f"{served.url}/demo.git", commit_id.upper()).commit == commit_id


@pytest.mark.parametrize("length", [4, 7, 12, 39])
def test_abbreviated_commits(served, fetch, length):
    for number in range(3):
        commit(served.work, train__py=f"print({number + 4})\n")
    served.publish()
    wanted = served.commit_of("main~2")
    found = fetch(f"{served.url}/demo.git", wanted[:length])
    assert (found.commit, found.branch) == (wanted, None)
    assert (found.folder / "train.py").read_text() == "print(4)\n"


def test_an_abbreviated_commit_is_found_after_a_shallow_fetch(served, fetch):
    fetch(f"{served.url}/demo.git")
    assert fetch(f"{served.url}/demo.git", served.commit_of("v1")[:8]).commit == served.commit_of("v1")
    commit(served.work, train__py="print(4)\n")
    served.publish()
    assert (fetch(f"{served.url}/demo.git").folder / "train.py").read_text() == "print(4)\n"


def test_an_abbreviation_of_several_commits(served, fetch):
    tree = run_git(served.work, "rev-parse", "HEAD^{tree}")
    known: dict[str, str] = {}
    for number in range(2000):
        found = run_git(served.work, "commit-tree", "-m", str(number), tree)
        if found[:4] in known:
            break
        known[found[:4]] = found
    run_git(served.work, "branch", "one", found)
    run_git(served.work, "branch", "two", known[found[:4]])
    served.publish()
    said = fetch.refusal(f"{served.url}/demo.git", found[:4])
    assert "is the beginning of several commits" in said
    assert known[found[:4]][:5] in said


def test_the_id_of_a_tag_object_is_the_commit_it_names(served, fetch):
    tag = run_git(served.work, "rev-parse", "v2")
    assert tag != served.commit_of("v2")
    assert fetch(f"{served.url}/demo.git", tag).commit == served.commit_of("v2")


def test_a_commit_that_no_branch_leads_to_any_more(served, fetch):
    lost = served.commit_of("main")
    run_git(served.work, "reset", "--quiet", "--hard", "HEAD~1")
    served.publish()
    assert fetch(f"{served.url}/demo.git", lost).commit == lost


def test_a_server_that_gives_no_single_commits(served, fetch, monkeypatch):
    monkeypatch.setattr(remote, "_OURS", (*(each for each in remote._OURS if "protocol" not in each), "protocol.version=0"))
    wanted = served.commit_of("v1")
    run_git(served.work, "tag", "--delete", "v1")
    served.publish()
    assert fetch(f"{served.url}/demo.git", wanted).commit == wanted


def test_a_server_without_gits_own_protocol(served, fetch, tmp_path):
    run_git(served.root / "demo.git", "update-server-info")
    web = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", served.root, "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert web.stdout is not None
    with web:
        port = int(web.stdout.readline().split("port ")[1].split()[0])
        try:
            assert fetch(f"http://127.0.0.1:{port}/demo.git", "v2").commit == served.commit_of("v2")
            assert fetch(f"http://127.0.0.1:{port}/demo.git", "chapter/mlflow").branch == "chapter/mlflow"
        finally:
            web.kill()


def test_a_tag_wins_over_a_branch_and_that_is_told(served, fetch):
    run_git(served.work, "branch", "both", "v1")
    run_git(served.work, "tag", "both", "v2")
    served.publish()
    assert fetch(f"{served.url}/demo.git", "both").commit == served.commit_of("v2")
    assert any("refs/tags/both, as git does" in line for line in fetch.told)
    assert fetch(f"{served.url}/demo.git", "refs/heads/both").commit == served.commit_of("v1")


def test_a_branch_that_looks_like_a_commit(served, fetch):
    run_git(served.work, "branch", "abcdef0", "v1")
    served.publish()
    assert fetch(f"{served.url}/demo.git", "abcdef0").branch == "abcdef0"


def test_a_ref_of_another_kind(served, fetch):
    run_git(served.work, "update-ref", "refs/pull/7/head", "v1")
    served.publish()
    found = fetch(f"{served.url}/demo.git", "refs/pull/7/head")
    assert (found.commit, found.branch) == (served.commit_of("v1"), None)


def test_a_subfolder(served, fetch):
    found = fetch(f"{served.url}/demo.git#examples/wine", "v1")
    assert (found.folder / "MLproject").exists()
    assert found.uri == f"{served.url}/demo.git#examples/wine"
    assert found.repo_url == f"{served.url}/demo.git"
    facts = git.facts(found.folder).result()
    assert facts is not None
    assert (facts.commit, facts.subdir, facts.repo_url) == (found.commit, "examples/wine", f"{served.url}/demo.git")


def test_a_relative_submodule(served, fetch, tmp_path):
    library = new_repository(tmp_path / "library")
    commit(library, data__txt="shared")
    run_git(served.root, "clone", "--quiet", "--bare", str(library), "library.git")
    run_git(served.work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
    run_git(served.work, "config", "--file", ".gitmodules", "submodule.library.url", "../library.git")
    commit(served.work)
    served.publish()
    assert (fetch(f"{served.url}/demo.git").folder / "library" / "data.txt").read_text() == "shared"
    commit(served.work, train__py="print(9)\n")
    served.publish()
    served.log.unlink()
    found = fetch(f"{served.url}/demo.git")
    assert (found.folder / "library" / "data.txt").read_text() == "shared"
    assert not [request for request in served.requests(fetches=True) if "library" in request["path"]]  # the mirror has it
    run_git(found.folder / "library", "fsck")
    assert run_git(found.folder, "status", "--porcelain") == ""
    assert list(fetch.cache.rglob(".half-*")) == []


# ── asking again ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_second_run_of_a_name_transfers_no_objects(served, fetch):
    for version in (None, "chapter/mlflow", "v2", served.commit_of("v1")[:8]):
        first = fetch(f"{served.url}/demo.git", version)
        served.log.unlink()
        assert fetch(f"{served.url}/demo.git", version) == first
        assert served.requests(fetches=True) == []
        assert len(served.requests(method="POST")) == 1  # the list of the names asked for


def test_the_second_run_of_a_commit_needs_no_network(served, fetch):
    commit_id = served.commit_of("v1")
    first = fetch(f"{served.url}/demo.git", commit_id)
    served.log.unlink()
    assert fetch(f"{served.url}/demo.git", commit_id) == first
    assert served.requests() == []


def test_the_second_run_of_a_commit_does_not_even_need_git(served, fetch, monkeypatch, tmp_path):
    first = fetch(f"{served.url}/demo.git", served.commit_of("v1"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fetch(f"{served.url}/demo.git", first.commit) == first
    assert "no git executable on PATH" in fetch.refusal(f"{served.url}/demo.git", "v1")


def test_a_branch_that_has_moved_is_fetched(served, fetch):
    before = fetch(f"{served.url}/demo.git", "main")
    commit(served.work, train__py="print(4)\n")
    served.publish()
    after = fetch(f"{served.url}/demo.git", "main")
    assert (after.folder / "train.py").read_text() == "print(4)\n"
    assert (before.folder / "train.py").read_text() == "print(3)\n"


def test_a_branch_that_was_written_anew_and_one_that_became_a_folder(served, fetch):
    fetch(f"{served.url}/demo.git", served.commit_of("v1")[:9])  # all branches are in the mirror now
    [mirror] = (fetch.cache / "git").glob("*.git")
    made = mirror.stat().st_ino
    run_git(served.work, "branch", "--delete", "--force", "chapter/mlflow")
    run_git(served.work, "branch", "chapter", "v1")
    run_git(served.work, "commit", "--quiet", "--amend", "--message", "Other history")
    served.publish()
    assert fetch(f"{served.url}/demo.git").commit == served.commit_of("main")
    wanted = commit(served.work, train__py="print(5)\n")
    commit(served.work, train__py="print(6)\n")
    served.publish()
    assert fetch(f"{served.url}/demo.git", wanted[:10]).commit == wanted
    assert mirror.stat().st_ino == made


def test_many_at_once_fetch_once(served, tmp_path):
    together = [resolving(f"{served.url}/demo.git", "chapter/mlflow", tmp_path / "cache") for _ in range(8)]
    ends = [(*each.communicate(timeout=60), each.returncode) for each in together]
    assert {code for _, _, code in ends} == {0}, ends
    assert len({out for out, _, _ in ends}) == 1
    assert (Path(ends[0][0].strip()) / "train.py").read_text() == "print(2)\n"
    assert len(served.requests(fetches=True)) == 1
    assert list((tmp_path / "cache").rglob(".half-*")) == []


def slow_filter(monkeypatch, tmp_path, served):
    """Checking out stops at a filter until the file ``go`` exists."""
    go = tmp_path / "go"
    config = tmp_path / "gitconfig"
    config.write_text(f'[filter "slow"]\nsmudge = "while ! test -e {go}; do sleep 0.05; done; cat"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    commit(served.work, __gitattributes="*.slow filter=slow\n", a__slow="whole\n", b__txt="x\n", z__slow="whole\n")
    served.publish()
    return go


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_killed_in_the_middle_of_a_checkout(served, fetch, monkeypatch, tmp_path):
    go = slow_filter(monkeypatch, tmp_path, served)
    process = resolving(f"{served.url}/demo.git", "", fetch.cache)
    with process:
        wait_for(lambda: list((fetch.cache / "checkouts").glob("*/.half-*/b.txt")) or list(fetch.cache.rglob("index.lock")))
        process.send_signal(signal.SIGKILL)
    assert [each for each in (fetch.cache / "checkouts").glob("*/*") if not each.name.startswith(".half-")] == []
    go.write_text("")
    found = fetch(f"{served.url}/demo.git")
    assert (found.folder / "z.slow").read_text() == "whole\n"
    assert run_git(found.folder, "status", "--porcelain") == ""
    assert list(fetch.cache.rglob(".half-*")) == []


def test_killed_while_others_wait(served, fetch, monkeypatch, tmp_path):
    go = slow_filter(monkeypatch, tmp_path, served)
    first = resolving(f"{served.url}/demo.git", "", fetch.cache)
    wait_for(lambda: list(fetch.cache.rglob("index.lock")))
    second = resolving(f"{served.url}/demo.git", "", fetch.cache)
    assert second.stderr is not None
    assert "Waiting for another mlctl" in second.stderr.readline()
    first.kill()
    go.write_text("")
    out, _ = second.communicate(timeout=30)
    assert (Path(out.strip()) / "z.slow").read_text() == "whole\n"
    first.communicate()


# ── what can go wrong ────────────────────────────────────────────────────────────────────────────────────────────────


def test_wrong_names(served, fetch):
    url = f"{served.url}/demo.git"
    assert "Close to that: chapter/mlflow" in fetch.refusal(url, "chapter/mlfow")
    said = fetch.refusal(url, "nothing-like-it")
    assert "has no branch, tag or commit 'nothing-like-it'" in said
    assert "It has: chapter/mlflow, main, v1, v2" in said
    for wrong in ("deadbeef", "0123456789012345678901234567890123456789"):
        assert f"has no branch, tag or commit '{wrong}'" in fetch.refusal(url, wrong)
    for bad in ("HEAD~1", "main^", "a..b", "a b", "v*", "@{u}"):
        assert "is not the name of a branch or tag" in fetch.refusal(url, bad)
    assert not (fetch.cache / "checkouts").exists()


def test_a_missing_subfolder(served, fetch):
    said = fetch.refusal(f"{served.url}/demo.git#example/wine")
    assert "There is no folder 'example/wine'" in said
    assert "Folders with an MLproject file: ., examples/wine" in said


def test_no_such_repository(served, fetch):
    for name in ("none.git", "SSL-certificate-timed-out-shallow-404.git"):
        assert f"There is no git repository at {served.url}/{name}." in fetch.refusal(f"{served.url}/{name}")
        assert f"There is no git repository at {served.url}/{name}." in fetch.refusal(f"{served.url}/{name}", "1" * 40)


def test_a_server_in_trouble(served, fetch):
    assert "fails with status 503" in fetch.refusal(f"{served.url}/broken/x.git")


def test_an_empty_repository(served, fetch):
    run_git(served.root, "init", "--quiet", "--bare", "empty.git")
    assert "has no commits" in fetch.refusal(f"{served.url}/empty.git")


def test_a_repository_without_a_default_branch(served, fetch):
    run_git(served.root / "demo.git", "symbolic-ref", "HEAD", "refs/heads/none")
    said = fetch.refusal(f"{served.url}/demo.git")
    assert "has no default branch" in said
    assert "main" in said


def test_an_unknown_host(fetch):
    said = fetch.refusal("http://does-not-exist.invalid/org/repo")
    assert "The host" in said
    assert "is not known" in said
    assert "does-not-exist.invalid" in said
    for uri in ("ssh://git@does-not-exist.invalid/org/repo", "git@does-not-exist.invalid:org/repo", "git://does-not-exist.invalid/repo"):
        assert "not known" in fetch.refusal(uri) or "cannot speak the protocol" in fetch.refusal(uri)


def test_a_port_where_nothing_listens(fetch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert f"Nothing answers at http://127.0.0.1:{port}/x" in fetch.refusal(f"http://127.0.0.1:{port}/x")
    assert "Nothing answers" in fetch.refusal(f"git://127.0.0.1:{port}/x")


def test_a_server_that_never_answers(fetch, monkeypatch):
    monkeypatch.setattr(remote, "STALL_TIMEOUT_S", 1)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        assert "does not answer in time" in fetch.refusal(f"http://127.0.0.1:{deaf.getsockname()[1]}/x")


def test_a_host_that_swallows_connections(fetch, monkeypatch):
    monkeypatch.setattr(remote, "LIST_TIMEOUT_S", 1.5)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(4):  # its queue is full now: further connections get no answer at all
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        url = f"http://127.0.0.1:{full.getsockname()[1]}/x"
        assert "does not answer in time" in fetch.refusal(url)
        for filler in fillers:
            filler.close()
    left = subprocess.run(["pgrep", "-f", url], capture_output=True, text=True, check=False)
    assert left.stdout == ""  # git's own helpers are gone with it


@pytest.mark.parametrize(
    ("complaint", "said"),
    [
        (
            "fatal: unable to access 'https://h/x/': SSL certificate problem: certificate has expired",
            "SSL certificate problem: certificate has",
        ),
        ("fatal: unable to access 'https://h/x/': server certificate verification failed. CAfile: none", "encrypted connection to U fails"),
        (
            "ssh: connect to host h port 22: Connection timed out\nfatal: Could not read from remote repository.",
            "U does not answer in time",
        ),
        ("ssh: connect to host h port 22: Network is unreachable\nfatal: x", "U cannot be reached: Network is unreachable"),
        ("Host key verification failed.\nfatal: Could not read from remote repository.", "ssh does not know the host key of U"),
        ("git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.", "U refuses access"),
        ("ERROR: Repository not found.\nfatal: Could not read from remote repository.", "There is no git repository at U"),
        ("fatal: unable to access 'https://h/x/': The requested URL returned error: 403", "U refuses access"),
        ("fatal: unsafe repository ('/a b' is owned by someone else)", "--add safe.directory '/a b'"),
        ("fatal: unable to find remote helper for 'https'", "cannot speak the protocol of U"),
        ("error: RPC failed; curl 56 Recv failure: Connection reset by peer", "The connection to U broke off"),
        ("fatal: the https://me:hunter2@h/x is odd", "U cannot be fetched: fatal: the https://h/x is odd"),
        ("", "U cannot be fetched: git gives no reason"),
    ],
)
def test_what_git_says_in_other_places(complaint, said):
    """Complaints of real hosts that cannot be brought about here, as git and ssh write them."""
    error = remote.trouble("U", complaint)
    assert said in f"{error.message} | {error.hint}"


def test_a_private_repository_without_credentials_does_not_ask(served, tmp_path):
    """Even with a terminal that could be asked: standard input is no terminal, so nobody is there to answer."""
    (served.root / "private").mkdir()
    run_git(served.root, "clone", "--quiet", "--bare", "demo.git", "private/demo.git")
    owner, terminal = os.openpty()
    try:
        process = resolving(f"{served.url}/private/demo.git", "", tmp_path / "cache", preexec_fn=lambda: own_terminal(terminal))
        out, err = process.communicate(timeout=20)
        os.set_blocking(owner, False)
        with pytest.raises(BlockingIOError):
            os.read(owner, 1)
    finally:
        os.close(owner)
        os.close(terminal)
    assert process.returncode == 1
    assert "asks for a user name or password" in err
    assert out == ""


def own_terminal(terminal):
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def test_credentials_in_the_address_are_used_and_kept_nowhere(served, fetch, capfd):
    (served.root / "private").mkdir()
    run_git(served.root, "clone", "--quiet", "--bare", "demo.git", "private/demo.git")
    url = served.url.replace("http://", f"http://{LOGIN}@") + "/private/demo.git"
    found = fetch(f"{url}#examples/wine", "chapter/mlflow")
    assert served.requests(login="someone:s3cr=t@word", fetches=True)
    assert found.uri == f"{served.url}/private/demo.git#examples/wine"
    assert found.repo_url == f"{served.url}/private/demo.git"
    for secret in ("s3cr", "someone"):
        assert secret not in repr(found) + "".join(fetch.told)
        assert not any(secret in str(path) or (path.is_file() and secret.encode() in path.read_bytes()) for path in fetch.cache.rglob("*"))
    assert fetch(f"{served.url}/private/demo.git", found.commit).folder == found.folder.parents[1]


def test_a_token_is_used_for_its_host_and_kept_nowhere(served, fetch, monkeypatch):
    (served.root / "private").mkdir()
    run_git(served.root, "clone", "--quiet", "--bare", "demo.git", "private/demo.git")
    monkeypatch.setenv("MLCTL_GIT_TOKEN", "t0ken-of-mine")
    monkeypatch.setenv("GITHUB_TOKEN", "of-another-host")
    said = fetch.refusal(f"{served.url}/private/demo.git")  # the token is for github.com
    assert "MLCTL_GIT_TOKEN" in said
    assert served.requests(login=None) == served.requests()
    monkeypatch.setenv("MLCTL_GIT_HOST", served.url.partition("://")[2])
    fetch(f"{served.url}/demo.git", "v1")
    assert served.requests(login=None) == served.requests()  # nobody asked for it
    found = fetch(f"{served.url}/private/demo.git#examples/wine", "chapter/mlflow")
    assert served.requests(login="x-access-token:t0ken-of-mine", fetches=True)
    assert "t0ken" not in repr(found) + "".join(fetch.told)
    assert not any(path.is_file() and b"t0ken" in path.read_bytes() for path in fetch.cache.rglob("*"))
    assert "GIT_CONFIG_COUNT" not in os.environ
    monkeypatch.setenv("MLCTL_GIT_TOKEN", "wrong-token")
    said = fetch.refusal(f"{served.url}/private/demo.git", "v1")
    assert "asks for a user name or password" in said
    assert "wrong-token" not in said


def test_a_token_joins_the_caller_s_own_settings(monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "secret-of-mine")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    found = tokens.variables()
    assert (found["GIT_CONFIG_COUNT"], found["GIT_CONFIG_KEY_2"]) == ("3", "http.https://github.com/.extraHeader")
    monkeypatch.setenv("MLCTL_GIT_TOKEN", "another")
    assert [token.secret for token in tokens.known()] == ["another"]


def test_git_s_own_credentials_go_before_a_token(served, fetch, monkeypatch, tmp_path):
    (served.root / "private").mkdir()
    run_git(served.root, "clone", "--quiet", "--bare", "demo.git", "private/demo.git")
    monkeypatch.setenv("MLCTL_GIT_TOKEN", "t0ken-of-mine")
    monkeypatch.setenv("MLCTL_GIT_HOST", served.url.partition("://")[2])
    config = tmp_path / "gitconfig"
    config.write_text('[credential]\n\thelper = "!f() { echo username=someone; echo password=s3cr=t@word; }; f"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    fetch(f"{served.url}/private/demo.git")
    assert {request["login"] for request in served.requests()} == {None, "someone:s3cr=t@word"}


def test_the_page_of_a_folder(served, fetch):
    run_git(served.root, "clone", "--quiet", "--bare", "demo.git", "group.git")
    for page, branch in (("main/examples/wine", "main"), ("chapter/mlflow/examples/wine", "chapter/mlflow"), ("v2/examples/wine", None)):
        found = fetch(f"{served.url}/group.git/-/tree/{page}")
        assert (found.folder / "MLproject").is_file()
        assert (found.uri, found.branch) == (f"{served.url}/group.git#examples/wine", branch)
        assert found.version == page.removesuffix("/examples/wine")
    commit_id = served.commit_of("v1")
    assert fetch(f"{served.url}/group.git/-/blob/{commit_id}/examples/wine/MLproject#L2").commit == commit_id
    assert fetch(f"{served.url}/group.git/-/tree/{commit_id[:8]}").commit == commit_id
    assert fetch(f"{served.url}/group.git/-/tree/main", "main").branch == "main"
    assert "--version says 'v1'" in fetch.refusal(f"{served.url}/group.git/-/tree/main/examples", "v1")
    assert "no branch, tag or commit 'mian'" in fetch.refusal(f"{served.url}/group.git/-/tree/mian/examples")
    assert "Folders with an MLproject file" in fetch.refusal(f"{served.url}/group.git/-/tree/main/absent")


def test_wrong_credentials(served, fetch):
    (served.root / "private").mkdir()
    run_git(served.root, "clone", "--quiet", "--bare", "demo.git", "private/demo.git")
    said = fetch.refusal(served.url.replace("http://", "http://someone:hunter2@") + "/private/demo.git")
    assert "refuses access" in said
    assert "hunter2" not in said


def test_a_users_askpass_program_is_used(served, fetch, monkeypatch, tmp_path):
    (served.root / "private").mkdir()
    run_git(served.root, "clone", "--quiet", "--bare", "demo.git", "private/demo.git")
    program = tmp_path / "askpass"
    program.write_text('#!/bin/sh\ncase "$1" in Username*) echo someone;; *) echo s3cr=t@word;; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("GIT_ASKPASS", str(program))
    assert fetch(f"{served.url}/private/demo.git").branch == "main"


def test_hooks_and_templates_of_the_user_do_not_run(served, fetch, monkeypatch, tmp_path):
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (hooks / "post-checkout").chmod(0o755)
    (tmp_path / "gitconfig").write_text(f"[core]\nhooksPath = {hooks}\n[init]\ntemplateDir = {tmp_path}/none\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    fetch(f"{served.url}/demo.git")
    assert not (tmp_path / "ran").exists()


def test_progress_is_shown_on_a_terminal(served, tmp_path):
    commit(served.work, **{f"file{number}__txt": os.urandom(9000).hex() for number in range(300)})
    served.publish()
    script = RESOLVE.replace("try:", "from mlctl.projects import remote\nremote.PROGRESS_EVERY_S = 0.0\ntry:", 1)
    owner, terminal = os.openpty()
    env = {**os.environ, "PYTHONPATH": str(Path(source.__file__).parents[2])}
    argv = [sys.executable, "-c", script, f"{served.url}/demo.git", "", str(tmp_path / "cache")]
    process = subprocess.Popen(argv, env=env, stdin=terminal, stdout=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    shown = b""
    with os.fdopen(owner, "rb", buffering=0) as screen, process:
        while True:
            try:
                shown += screen.read(4096)
            except OSError:  # the other side is closed: the process has ended
                break
    assert process.returncode == 0, shown
    assert b"Fetching http://127.0.0.1" in shown
    assert b"Receiving objects: 100%" in shown


@pytest.mark.engine("tmpfs")
@pytest.mark.parametrize("free", [1, 5])  # MiB: too little to fetch; too little to check out
def test_a_full_disk(served, fetch, free):
    commit(served.work, data__txt=os.urandom(1 << 20).hex())
    served.publish()
    fetch.cache.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={free}m", "none", fetch.cache], check=True)
    try:
        (fetch.cache / "ballast").write_bytes(bytes(max(0, free - 3) << 20))
        assert "disk is full" in fetch.refusal(f"{served.url}/demo.git")
        assert list(fetch.cache.glob("checkouts/*/*")) == []
        if free > 1:
            (fetch.cache / "ballast").unlink()
            assert (fetch(f"{served.url}/demo.git").folder / "data.txt").stat().st_size == 2 << 20
    finally:
        subprocess.run(["umount", fetch.cache], check=True)


# ── ssh, with the other end on this machine ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def ssh(tmp_path):
    """A program that stands for ssh: it writes down its arguments and runs the command here."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "ssh"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/arguments\nfor last; do :; done\nexec sh -c "$last"\n')
    program.chmod(0o755)
    return program


def asked(ssh):
    return (ssh.parents[1] / "arguments").read_text()


def test_ssh_cannot_ask_either(served, fetch, ssh, monkeypatch):
    monkeypatch.setenv("PATH", f"{ssh.parent}{os.pathsep}{os.environ['PATH']}")
    for uri in (f"git@example.invalid:{served.root}/demo.git", f"ssh://git:hunter2@example.invalid{served.root}/demo.git"):
        found = fetch(f"{uri}#examples/wine", "chapter/mlflow")
        assert found.commit == served.commit_of("chapter/mlflow")
        assert found.uri == f"{uri}#examples/wine".replace(":hunter2", "")
        assert "BatchMode=yes" in asked(ssh)
        assert "git@example.invalid" in asked(ssh)
        assert "hunter2" not in asked(ssh)


@pytest.mark.parametrize("place", ["variable", "setting"])
def test_the_users_own_ssh_command_is_used(served, fetch, ssh, monkeypatch, tmp_path, place):
    if place == "variable":
        monkeypatch.setenv("GIT_SSH_COMMAND", f"{ssh} -i my_key")
    else:
        (tmp_path / "gitconfig").write_text(f"[core]\nsshCommand = {ssh} -i my_key\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert fetch(f"git@example.invalid:{served.root}/demo.git").branch == "main"
    assert "-i my_key" in asked(ssh)
    assert "BatchMode" not in asked(ssh)


def test_a_repository_that_ssh_does_not_find(served, fetch, ssh, monkeypatch):
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    assert "There is no git repository at" in fetch.refusal(f"git@example.invalid:{served.root}/none.git")
