"""Conda environments, solved and installed for real from channels that the tests make, without a conda on the machine."""

import asyncio
import base64
import contextlib
import functools
import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import conda_channel
import pytest

from mlctl import process
from mlctl.envs import cache as env_cache
from mlctl.envs import conda, selection, slots
from mlctl.errors import EnvError, ProjectError
from mlctl.projects.spec import DeclaredEnv, Project

pytestmark = pytest.mark.engine("rattler")

PREPARE = """
import sys
from pathlib import Path
from mlctl.envs import selection
from mlctl.projects.spec import DeclaredEnv, Project
folder, cache = map(Path, sys.argv[1:3])
tell = lambda line: print(line, flush=True)
env = selection.choose(Project(folder, env=DeclaredEnv("conda_env", folder / "conda.yaml")), env_manager=None, cache=cache)
tell("ready " + env.prepare(tell).folder)
assert "rattler" not in sys.modules
"""


@pytest.fixture
def conda_project(tmp_path, conda_channels, monkeypatch):
    """A function that makes a project with a conda file of these packages; its channels are names below the test's own."""
    monkeypatch.setenv("MLCTL_CONDA_CHANNEL_ALIAS", conda_channels.as_uri())

    def make(*dependencies, channels=("main",), name="my 'project' \N{SNOWMAN}", **fields):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        text = json.dumps({"channels": list(channels), "dependencies": list(dependencies), **fields})
        (folder / "conda.yaml").write_text(text)
        return Project(folder, env=DeclaredEnv("conda_env", folder / "conda.yaml"))

    return make


def prepare(choose, project, manager=None):
    told: list[str] = []
    return choose(project, manager).prepare(told.append), told


def run(found, command):
    variables = {**found.env, "PATH": os.pathsep.join([*found.path_prefix, os.environ["PATH"]])}
    done = process.run([*found.argv_prefix, *process.shell_argv(command)], env=variables)
    assert done.code == 0, done.err
    return done.out.strip()


def failure(choose, project, manager=None):
    """The error that building ends with; nothing is left of the environment."""
    env = choose(project, manager)
    with pytest.raises(EnvError) as caught:
        env.prepare(lambda _: None)
    assert not Path(env.plan().folder).exists()
    return caught.value


# ── what is installed ────────────────────────────────────────────────────────────────────────────────────────────────


def test_solved_installed_and_used_again(choose, conda_project, conda_channels):
    project = conda_project("python", "top", "blas=*=openblas")
    before = choose(project).plan()
    assert (before.kind, before.built, before.python) == ("conda", False, "")
    found, told = prepare(choose, project)
    assert run(found, "python -c 'import sys, top; print(sys.prefix, top.version)'") == f"{found.folder} 1.0"
    assert run(found, 'cat "$CONDA_PREFIX/share/blas"') == "openblas"
    assert found.packages == ("base==1.0", "blas==1.0", f"python=={conda_channel.VERSION}", "top==1.0")
    assert (found.kind, found.python, found.argv_prefix) == ("conda", conda_channel.VERSION, ())
    assert any("solved in" in line and "4 packages" in line for line in told)
    again, told = prepare(choose, project)
    assert (again, told) == (found, [])
    assert choose(project).plan().built


def test_the_lock_names_exact_files(choose, conda_project, conda_channels):
    from rattler import MatchSpec
    from rattler.explicit_environment.environment import ExplicitEnvironmentSpec

    found, _ = prepare(choose, conda_project("base=1", "python"))
    file = conda_channels / "main" / "noarch" / "base-1.0-0.tar.bz2"
    head, explicit, *lines, last = found.lock.split("\n")
    assert (head, explicit, last) == ("# platform: linux-64", "@EXPLICIT", "")
    assert f"{file.as_uri()}#sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" in lines
    assert len(lines) == 2
    spec = ExplicitEnvironmentSpec.from_str(found.lock)
    assert str(spec.platform) == "linux-64"
    assert [MatchSpec.from_url(package.url).name.normalized for package in spec.packages] == ["base", "python"]


@pytest.mark.parametrize(
    ("spec", "version"), [("base", "2.0"), ("base=1", "1.0"), ("base<2", "1.0"), ("base[version='>=1.5']", "2.0"), ("other::base", "3.0")]
)
def test_versions_and_channels_of_single_packages(spec, version, choose, conda_project):
    found, _ = prepare(choose, conda_project("python", spec))
    assert f"base=={version}" in found.packages


def test_the_order_of_channels(choose, conda_project, monkeypatch):
    """As in conda, the first channel's versions are preferred; only ``strict`` never looks further."""
    found, _ = prepare(choose, conda_project("python", "base", channels=["main", "other"]))
    assert "base==2.0" in found.packages
    found, _ = prepare(choose, conda_project("python", "base>2", channels=["main", "other"]))
    assert "base==3.0" in found.packages
    monkeypatch.setenv("MLCTL_CONDA_CHANNEL_PRIORITY", "strict")
    with pytest.raises(EnvError) as caught:
        prepare(choose, conda_project("python", "base>2", channels=["main", "other"]))
    assert "MLCTL_CONDA_CHANNEL_PRIORITY=flexible" in caught.value.hint
    found, _ = prepare(choose, conda_project("python", "other::base", "only-there", channels=["main", "other"]))
    assert {"base==3.0", "only-there==1.0"} <= set(found.packages)


def test_channels_that_are_addresses_and_folders(choose, conda_project, conda_channels, tmp_path):
    found, _ = prepare(choose, conda_project("only-there", channels=[(conda_channels / "other").as_uri(), "nodefaults"]))
    assert found.packages == ("only-there==1.0",)
    project = conda_project("blas", channels=["./channel"])
    (project.folder / "channel").symlink_to(conda_channels / "main")
    assert prepare(choose, project)[0].packages == ("blas==1.0",)


def test_bytecode_where_python_may_not_write_it(choose, conda_project, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    found, _ = prepare(choose, conda_project("python", "base"))
    assert list(Path(found.folder).glob("lib/*/site-packages/__pycache__/base.*.pyc"))


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Guarded(QuietHandler):
    """Serves a folder to whoever knows the password, or has it as a token in the address."""

    def do_GET(self):
        if self.path.startswith("/t/sesame/"):
            self.path = self.path.removeprefix("/t/sesame")
            super().do_GET()
        elif self.headers["Authorization"] != "Basic " + base64.b64encode(b"me:sesame").decode():
            self.send_error(401)
        else:
            super().do_GET()

    do_HEAD = do_GET  # noqa: N815


@pytest.fixture
def server(conda_channels):
    """The test's channels over HTTP: host and port."""
    with serving(functools.partial(Guarded, directory=conda_channels)) as address:
        yield address


@contextlib.contextmanager
def serving(handler):
    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{found.server_port}"
    finally:
        found.shutdown()
        thread.join()
        found.server_close()


@pytest.mark.parametrize("address", ["http://me:${SESAME}@SERVER/main", "http://SERVER/t/${SESAME}/main"])
def test_a_server_with_a_password(address, choose, conda_project, server, monkeypatch, cache):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SESAME", "sesame")
    project = conda_project("python", "top", channels=[address.replace("SERVER", server)])
    plan = choose(project).plan()
    found, told = prepare(choose, project)
    assert "base==1.0" in found.packages
    assert server in found.lock
    assert not [text for text in (*told, found.lock, str(plan)) if "sesame" in text]
    assert not [path for path in cache.rglob("*") if path.is_file() and b"sesame" in path.read_bytes()]
    error = failure(choose, conda_project("python", channels=[f"http://{server}/main"]))
    assert "401" in error.message


def test_without_python(choose, conda_project, cache):
    found, _ = prepare(choose, conda_project("tool"))
    assert run(found, "hello") == f"hello from {found.folder}"
    assert found.python == ""
    (record,) = env_cache.list_envs(cache)
    assert (record.status, record.python, record.builder) == ("ready", "", "rattler")
    assert prepare(choose, conda_project("tool"))[1] == []


def test_activation(choose, conda_project, monkeypatch):
    """Packages' variables, then the file's own; then the scripts, which see both."""
    monkeypatch.setenv("GONE", "it is here")
    found, _ = prepare(choose, conda_project("tool", variables={"MINE": "the file's", "NUMBER": 7}))
    said = run(found, 'echo "$FROM_PACKAGE|$MINE|$NUMBER|${GONE-gone}|$TOOL_HOME|$TOOL_SAW|$TOOL_LATER|$CONDA_DEFAULT_ENV|$CONDA_SHLVL"')
    share = f"{found.folder}/share"
    assert said == f"it's|the file's|7|gone|{share}|it's|{share}/later|{found.folder}|1"


def test_mlctl_can_be_imported(choose, conda_project, tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "beside.py").write_text("")
    found, _ = prepare(choose, conda_project("python"))
    command = f"MLCTL_BUNDLE='{tmp_path}/bundle' python -c 'import beside, sys; print(sys.path[-1])'"
    assert run(found, command) == f"{tmp_path}/bundle"


# ── pip's part ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_pip_section(choose, conda_project, wheels, tmp_path):
    wheels.add("addone", "1.5", requires=["base"])
    project = conda_project("python", "base=1", "pip", {"pip": ["-r more/requirements.txt"]})
    (project.folder / "more").mkdir()
    (project.folder / "more" / "requirements.txt").write_text("\n".join(wheels.lines("addone>1")))
    found, _ = prepare(choose, project)
    assert run(found, "python -c 'import addone, base; print(addone.version, base.version, addone.__file__)'").startswith(
        "1.5 1.0 " + found.folder
    )
    assert "addone==1.5" in found.packages
    assert "# pip addone==1.5" in found.lock
    assert "# pip base" not in found.lock
    wheels.add("addone", "1.7")
    (project.folder / "more" / "requirements.txt").write_text("\n".join(wheels.lines("addone>1.6")))
    assert "addone==1.7" in prepare(choose, project)[0].packages


def test_pip_is_added_to_a_file_that_needs_it(choose, conda_project, wheels):
    wheels.add("addone")
    project = conda_project("python", {"pip": wheels.lines("addone")})
    assert any("does not list pip: it is added" in note for note in choose(project).plan().notes)
    assert {"pip==1.0", "addone==1.0"} <= set(prepare(choose, project)[0].packages)


def test_what_pip_cannot_install(choose, conda_project, wheels):
    error = failure(choose, conda_project("python", "pip", {"pip": wheels.lines("nosuch")}))
    assert "nosuch" in error.message


def test_without_mlflow(cache, conda_project, wheels):
    wheels.add("addone")
    project = conda_project("python", "mlflow", "pip", {"pip": wheels.lines("addone", "mlflow-skinny")})
    env = selection.choose(project, env_manager=None, cache=cache, without_mlflow=True)
    assert any("not installed (--without-mlflow): mlflow, mlflow-skinny" in note for note in env.plan().notes)
    found = env.prepare(lambda _: None)
    assert not [line for line in found.packages if "mlflow" in line]
    assert "addone==1.0" in found.packages


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_key_covers(choose, conda_project, monkeypatch):
    def key(*dependencies, **fields):
        return choose(conda_project(*dependencies, **fields)).plan().key

    first = key("python", "base=1")
    assert key("python", "base=1", name="another place") == first
    assert key("python", "base=1", prefix="/x", variables={"A": "b"}) == first
    others = [
        key("python", "base=2"),
        key("python", "base"),
        key("python", "base=1", channels=["main", "other"]),
        key("python", "other::base=1"),
        key("python", "base=1", {"pip": ["x"]}),
    ]
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "11.8")
    others.append(key("python", "base=1"))
    monkeypatch.setenv("CONDA_CHANNEL_PRIORITY", "strict")
    others.append(key("python", "base=1"))
    assert len({first, *others}) == 8


def test_virtual_packages(choose, conda_project, monkeypatch):
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "11.8")
    prepare(choose, conda_project("blas", "__cuda>=11", "__unix", "__linux", "__glibc>=2.17"))
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "10.0")
    with pytest.raises(EnvError, match="__cuda"):
        prepare(choose, conda_project("blas", "__cuda>=11"))


# ── lock files ───────────────────────────────────────────────────────────────────────────────────────────────────────


def pixi_lock(path, channel, specs):
    """A lock file as pixi writes them, of what these packages need."""
    from rattler import Channel, LockFile, MatchSpec, Subdir, solve
    from rattler.lock import LockChannel, LockPlatform

    platform = LockPlatform("linux-64")
    specs = [MatchSpec(spec) for spec in specs]
    records = asyncio.run(solve([Channel(channel.as_uri())], specs, platforms=[Subdir.current(), Subdir("noarch")]))
    found = LockFile([platform])
    found.set_channels("default", [LockChannel(channel.as_uri())])
    for record in records:
        found.add_conda_package("default", platform, record)
    found.to_path(path)


def conda_lock(path, channel, *packages):
    """A lock file as conda-lock writes them."""
    listed = []
    for manager, name, version, file in packages:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        md5 = hashlib.md5(file.read_bytes()).hexdigest()
        hashes = {"sha256": digest} | ({"md5": md5} if manager == "conda" else {})
        facts = {"name": name, "version": version, "manager": manager, "platform": "linux-64", "dependencies": {}, "url": file.as_uri()}
        listed.append({**facts, "hash": hashes, "category": "main", "optional": False})
    channels = [{"url": channel.as_uri(), "used_env_vars": []}]
    metadata = {"content_hash": {"linux-64": "0"}, "channels": channels, "platforms": ["linux-64"], "sources": ["conda.yaml"]}
    path.write_text(json.dumps({"version": 1, "metadata": metadata, "package": listed}))


def test_a_lock_file_decides(choose, conda_project, conda_channels):
    project = conda_project("python", "base")
    without = choose(project).plan().key
    pixi_lock(project.folder / "pixi.lock", conda_channels / "main", ["python", "base=1"])
    assert choose(project).plan().key != without
    found, told = prepare(choose, project)
    assert "base==1.0" in found.packages
    assert "pixi.lock says what to install" in told


def test_a_lock_file_that_no_longer_fits(choose, conda_project, conda_channels):
    project = conda_project("python", "base>=2")
    pixi_lock(project.folder / "pixi.lock", conda_channels / "main", ["python", "base=1"])
    found, told = prepare(choose, project)
    assert "base==2.0" in found.packages
    assert any("pixi.lock is not used" in line and "base>=2" in line for line in told)
    assert any("pixi.lock is not used" in note for note in choose(project).plan().notes)


def test_a_lock_file_of_conda_lock(choose, conda_project, conda_channels, wheels):
    main = conda_channels / "main"
    wheel = wheels.add("addone", "1.5", requires=["nosuch"])
    project = conda_project("python", "base", "pip", {"pip": ["addone>=1"]})
    conda_lock(
        project.folder / "conda-lock.yml",
        main,
        ("conda", "python", conda_channel.VERSION, main / "linux-64" / f"python-{conda_channel.VERSION}-0.tar.bz2"),
        ("conda", "base", "1.0", main / "noarch" / "base-1.0-0.tar.bz2"),
        ("conda", "pip", "1.0", main / "noarch" / "pip-1.0-0.tar.bz2"),
        ("pip", "addone", "1.5", wheel),
    )
    found, told = prepare(choose, project)
    assert "conda-lock.yml says what to install" in told
    assert {"base==1.0", "addone==1.5"} <= set(found.packages)


def test_a_broken_lock_file(choose, conda_project):
    project = conda_project("python")
    (project.folder / "pixi.lock").write_text("version: [")
    with pytest.raises(ProjectError, match=r"pixi\.lock: it cannot be read as a lock file"):
        prepare(choose, project)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_solution(choose, conda_project):
    error = failure(choose, conda_project("python", "top", "base>=2"))
    assert error.exit_code == 123
    assert "The solver says:" in error.message
    assert "top" in error.message
    assert "base" in error.message
    assert "Loosen a version in conda.yaml" in error.hint


def test_no_such_package(choose, conda_project):
    assert "nosuch" in failure(choose, conda_project("nosuch=1.0")).message


def test_a_channel_that_is_not_there(choose, conda_project):
    error = failure(choose, conda_project("base", channels=["nosuch"]))
    assert "/nosuch cannot be read: " in error.message
    assert len(error.message.splitlines()) == 1
    assert "MLCTL_CONDA_CHANNEL_ALIAS" in error.hint


def test_a_server_that_does_not_answer(choose, conda_project):
    error = failure(choose, conda_project("base", channels=["http://me:secret@127.0.0.1:9/t/SECRET/channel"]))
    assert "127.0.0.1:9" in error.message
    assert "secret" not in (error.message + error.hint).lower()


def test_a_package_that_the_solver_cannot_read(choose, conda_project):
    with pytest.raises(ProjectError, match=r"conda.yaml:1: `dependencies`: 'base >=1..2' is not a conda package"):
        prepare(choose, conda_project("base >=1..2"))


def test_an_archive_that_is_not_what_the_channel_says(choose, conda_project, tmp_path, monkeypatch):
    channel = conda_channel.Channel(tmp_path / "changed" / "mine")
    path = channel.add("thing", files={"share/thing": "1"})
    channel.index()
    path.write_bytes(conda_channel.Channel(tmp_path / "elsewhere").add("thing", files={"share/thing": "2"}).read_bytes())
    assert "hash mismatch" in failure(choose, conda_project("thing", channels=[channel.url])).message
    served = functools.partial(QuietHandler, directory=tmp_path / "changed")
    with serving(served) as address:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert "hash mismatch" in failure(choose, conda_project("thing", channels=[f"http://{address}/mine"])).message


def test_an_interrupted_build(conda_project, cache, tmp_path):
    """Killed while a package's script runs: as long as that goes on nobody else builds, and the next build starts from nothing."""
    project = conda_project("slow", "blas")
    argv = [sys.executable, "-c", PREPARE, str(project.folder), str(cache)]
    env = {**os.environ, "SLOW_FOLDER": str(tmp_path)}
    first = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env)
    script = int(_text_of(tmp_path / "begun"))
    (record,) = env_cache.list_envs(cache)
    assert record.status == "building"
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=10)
    assert env_cache.list_envs(cache)[0].status == "building"
    (tmp_path / "go").touch()
    _until(lambda: not _lives(script))
    assert env_cache.list_envs(cache)[0].status == "half-made"
    done = subprocess.run(argv, capture_output=True, text=True, env=env, check=True, timeout=60)
    assert done.stdout.splitlines()[-1].startswith("ready ")
    assert env_cache.list_envs(cache)[0].status == "ready"


def test_two_builds_of_one_environment(conda_project, cache, tmp_path):
    project = conda_project("slow")
    argv = [sys.executable, "-c", PREPARE, str(project.folder), str(cache)]
    env = {**os.environ, "SLOW_FOLDER": str(tmp_path)}
    first = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env)
    _text_of(tmp_path / "begun")
    second = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env)
    assert second.stdout is not None
    assert "another process is building" in second.stdout.readline()
    (tmp_path / "go").touch()
    said = [each.communicate(timeout=60)[0] for each in (first, second)]
    assert "solved" in said[0]
    assert "solved" not in said[1]
    assert said[0].splitlines()[-1] == said[1].splitlines()[-1]


def _text_of(path):
    _until(lambda: path.exists() and path.read_text().strip())
    return path.read_text()


def _until(condition, timeout_s=30.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# ── an installed conda ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def no_conda(monkeypatch):
    for name in ("CONDA_EXE", "MAMBA_EXE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("variable", ["MLFLOW_CONDA_HOME", "CONDA_EXE", "PATH"])
def test_an_installed_conda_makes_the_environment(variable, choose, conda_project, tmp_path, monkeypatch, no_conda):
    program = conda_channel.write_conda(tmp_path / "mini conda")
    place = {"MLFLOW_CONDA_HOME": str(tmp_path / "mini conda"), "CONDA_EXE": str(program)}
    monkeypatch.setenv(variable, place.get(variable, f"{program.parent}{os.pathsep}{os.environ['PATH']}"))
    project = conda_project("python", "base", variables={"MINE": "the file's"})
    manager = None if variable == "MLFLOW_CONDA_HOME" else "conda"
    found, _ = prepare(choose, project, manager)
    ((given, folder, yes),) = conda_channel.calls(program)
    assert given == ["env", "create", "--prefix", found.folder, "--file", str(project.folder / "conda.yaml")]
    assert (folder, yes) == (str(project.folder), "true")
    assert str(program) in "".join(choose(project, manager).plan().notes)
    assert (
        run(found, 'echo "$MINE $FROM_STATE $FROM_SCRIPT"; python -c "import sys; print(sys.prefix)"') == f"the file's 1 1\n{found.folder}"
    )
    assert found.packages == (f"python=={conda_channel.VERSION}",)
    assert "python" in found.lock
    assert "secret" not in found.lock.lower()
    prepare(choose, project, manager)
    assert len(conda_channel.calls(program)) == 1
    assert choose(project, "rattler").plan().key != choose(project, manager).plan().key


@pytest.mark.parametrize(("name", "words"), [("mamba", ["env", "create"]), ("micromamba", ["create", "--yes"])])
def test_mamba_and_micromamba(name, words, choose, conda_project, tmp_path, monkeypatch, no_conda):
    with pytest.raises(EnvError, match=f"There is no {name} on this machine") as caught:
        choose(conda_project("python"), name)
    assert "leave --env-manager away" in caught.value.hint
    program = conda_channel.write_conda(tmp_path / "x", name)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    found, _ = prepare(choose, conda_project("python"), name)
    assert conda_channel.calls(program)[0][0][: len(words)] == words
    assert found.python == conda_channel.VERSION


def test_another_program_makes_environments_for_conda(choose, conda_project, tmp_path, monkeypatch, no_conda):
    monkeypatch.setenv("MLFLOW_CONDA_CREATE_ENV_CMD", "mamba")
    with pytest.raises(EnvError, match="MLFLOW_CONDA_CREATE_ENV_CMD is mamba, and there is no such program"):
        choose(conda_project("python"))
    monkeypatch.setenv("MLFLOW_CONDA_HOME", str(tmp_path / "x"))
    with pytest.raises(EnvError, match=r"MLFLOW_CONDA_HOME is .*, and there is no program .*bin/mamba"):
        choose(conda_project("python"))
    program = conda_channel.write_conda(tmp_path / "x", "mamba")
    prepare(choose, conda_project("python"))
    assert conda_channel.calls(program)


def test_a_conda_that_fails(choose, conda_project, tmp_path, monkeypatch, no_conda):
    monkeypatch.setenv("MLFLOW_CONDA_HOME", str(conda_channel.write_conda(tmp_path / "x").parents[1]))
    monkeypatch.setenv("CONDA_FAILS", "1")
    error = failure(choose, conda_project("nosuch=1.0"))
    assert "conda could not make the environment" in error.message
    assert "nosuch=1.0" in error.message


def test_without_mlflow_conda_gets_another_file(cache, conda_project, tmp_path, monkeypatch, no_conda, wheels):
    program = conda_channel.write_conda(tmp_path / "x")
    monkeypatch.setenv("MLFLOW_CONDA_HOME", str(tmp_path / "x"))
    wheels.add("addone")
    project = conda_project("python", "mlflow", "pip", {"pip": wheels.lines("addone", "mlflow")})
    found = selection.choose(project, env_manager=None, cache=cache, without_mlflow=True).prepare(lambda _: None)
    given = conda_channel.calls(program)[0][0]
    assert given[-1].endswith(".yaml")
    assert not Path(given[-1]).exists()
    assert "addone==1.0" in found.packages
    assert "mlflow" not in " ".join(found.packages)


def test_conda_is_asked_for_and_absent(choose, conda_project, no_conda, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    env = choose(conda_project("blas"), "conda")
    assert any("there is no conda on this machine" in note for note in env.plan().notes)
    assert type(env) is conda.CondaEnv


def test_slots_do_not_take_any_folder_for_an_environment(cache):
    slot = slots.Slot(cache, "aaaa")
    slot.folder.mkdir(parents=True)
    slot.write({"proof": "conda-meta"})
    assert slot.contents() is None
    (slot.folder / "conda-meta").mkdir()
    assert slot.contents() == {"proof": "conda-meta"}


def test_packages_by_their_address(choose, conda_project):
    first, _ = prepare(choose, conda_project("python", "top"))
    lines = [line.partition("#")[0] for line in first.lock.splitlines() if line.startswith("file:")]
    again, _ = prepare(choose, conda_project(*lines, channels=["other"]))
    assert again.folder != first.folder
    assert again.packages == first.packages
    assert [line.partition("#")[0] for line in again.lock.splitlines() if line.startswith("file:")] == lines
