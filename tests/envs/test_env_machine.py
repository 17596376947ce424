"""What a machine has and lacks: every interpreter of it, disks that are full or may not be written, indexes that want a login."""

import base64
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from mlctl import process
from mlctl.envs import cache as env_cache
from mlctl.envs import interpreters, probes, selection, slots, uv
from mlctl.errors import EnvError, ProjectError
from mlctl.projects import spec


def prepare(choose, project):
    told = []
    return choose(project).prepare(told.append), told


def python(found, code, **options):
    path = os.pathsep.join([*found.path_prefix, os.environ["PATH"]])
    return process.run(["python", "-c", code], env={**found.env, "PATH": path}, **options)


def folders(cache):
    return [path for path in (cache / slots.FOLDER).iterdir() if path.is_dir()]


def test_every_interpreter_of_this_machine(choose, python_project, wheels, cache):
    wheels.add("addone")
    there = interpreters.all_found(cache)
    assert probes.running().version in there
    for version in there:
        project = python_project(wheels.lines("addone"), python=f"=={version}" if version.startswith("3.1") else version)
        if version.startswith("2."):
            with pytest.raises(EnvError, match="cannot make a virtual environment"):
                prepare(choose, project)
            continue
        found, _ = prepare(choose, project)
        assert found.python == version
        done = python(found, "import addone, sys; print('.'.join(map(str, sys.version_info[:3])))")
        assert (done.out, done.err) == (f"{version.rstrip('+')}\n", "")


@pytest.mark.parametrize("wish", ["{0}.{1}.*", ">={0}.{1},<{0}.{2}", "~={0}.{1}.0", "=={0}.{1}.*", "{0}.{1}", "python {0}.{1}"])
def test_ways_to_ask_for_one(wish, choose, python_project):
    major, minor = map(int, probes.running().version.split(".")[:2])
    text = wish.format(major, minor, minor + 1)
    assert choose(python_project(python=text)).plan().python == probes.running().version


def test_requirements_that_contradict_each_other(choose, python_project, wheels, cache):
    wheels.add("one", requires=["base<2"])
    wheels.add("other", requires=["base>=2"])
    wheels.add("base", "1.0")
    wheels.add("base", "2.0")
    with pytest.raises(EnvError) as caught:
        prepare(choose, python_project(wheels.lines("one", "other")))
    said = " ".join(caught.value.message.split())
    assert all(part in said for part in ("one", "other", "base<2", "base>=2"))
    assert folders(cache) == []


def test_a_requirement_that_does_not_exist(choose, python_project, wheels, cache):
    wheels.add("addone", "1.0")
    for line in ("no-such-package-anywhere", "addone==9"):
        with pytest.raises(EnvError, match=re.escape(line.partition("=")[0])):
            prepare(choose, python_project(wheels.lines(line)))
    assert folders(cache) == []


# ── disks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def disk(tmp_path):
    """A function that mounts a file system of its own, with options."""
    mounted = []

    def mount(*, size, name="disk"):
        folder = tmp_path / name
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.engine("tmpfs")
def test_a_full_disk(python_project, wheels, disk):
    wheels.add("large", body="import os\n" + "".join(f"x{n} = {os.urandom(30).hex()!r}\n" for n in range(60_000)))
    cache = disk(size="4m")
    project = python_project(wheels.lines("large"))
    with pytest.raises(EnvError) as caught:
        selection.choose(project, env_manager=None, cache=cache).prepare(lambda _: None)
    assert re.search(r"(?i)no space left", caught.value.message)
    assert folders(cache) == []
    subprocess.run(["mount", "-o", "remount,size=64m", str(cache)], check=True)
    found = selection.choose(project, env_manager=None, cache=cache).prepare(lambda _: None)
    assert "large==1.0" in found.packages


@pytest.mark.engine("tmpfs")
def test_a_disk_that_is_full_before_anything(python_project, disk):
    cache = disk(size="64k")
    (cache / "filler").write_bytes(bytes(60 << 10))
    with pytest.raises(EnvError, match=r"[nN]o space left"):
        selection.choose(python_project(), env_manager=None, cache=cache).prepare(lambda _: None)


@pytest.mark.engine("tmpfs")
def test_a_cache_that_may_not_be_written(python_project, wheels, disk, release):
    wheels.add("addone")
    cache = disk(size="64m")
    project = python_project(wheels.lines("addone"))
    built = selection.choose(project, env_manager=None, cache=cache).prepare(lambda _: None)
    release()
    subprocess.run(["mount", "-o", "remount,ro", str(cache)], check=True)
    assert selection.choose(project, env_manager=None, cache=cache).prepare(lambda _: None) == built
    assert python(built, "import addone").code == 0
    with pytest.raises(EnvError, match="Read-only file system") as caught:
        selection.choose(python_project(wheels.lines("addone>=1")), env_manager=None, cache=cache).prepare(lambda _: None)
    assert "MLCTL_CACHE_DIR" in caught.value.hint
    assert [record.status for record in env_cache.list_envs(cache)] == ["ready"]


@pytest.fixture
def release():
    def work():
        for lock in list(slots._in_use.values()):
            lock.release()
        slots._in_use.clear()

    return work


# ── private indexes ──────────────────────────────────────────────────────────────────────────────────────────────────

USER, PASSWORD = "someone", "hunter2-s3cret"


@pytest.fixture
def index(wheels, monkeypatch):
    """A package index that wants a login; returns its host and the paths that were given away."""
    wheels.add("private", "1.0")
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    given = []

    class Index(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.rpartition("/")[2]
            allowed = self.headers.get("Authorization") == expected
            wheel = wheels.folder / name
            links = "".join(f'<a href="/{path.name}">{path.name}</a>' for path in wheels.folder.glob("private-*"))
            body = (
                (wheel.read_bytes() if name.endswith(".whl") else f"<!DOCTYPE html><html><body>{links}</body></html>".encode())
                if allowed
                else b""
            )
            if allowed:
                given.append(self.path)
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Type", "application/octet-stream" if name.endswith(".whl") else "text/html")
            self.send_header("Content-Length", str(len(body)))
            if not allowed:
                self.send_header("WWW-Authenticate", "Basic realm=index")
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.delenv("UV_OFFLINE")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield f"127.0.0.1:{server.server_address[1]}", given
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("way", ["address", "netrc", "variables", "pip's settings", "keyring"])
def test_a_private_index(way, index, mlctl, project, place, monkeypatch):
    host, given = index
    monkeypatch.setenv("UV_CACHE_DIR", str(place / "uv"))
    monkeypatch.setenv("MLCTL_CACHE_DIR", str(place / "cache"))
    with_login = f"http://{USER}:{PASSWORD}@{host}/simple"
    option = {
        "address": f"--index-url {with_login}",
        "netrc": f"--index-url http://{host}/simple",
        "variables": f"--index-url http://${{INDEX_USER}}:${{INDEX_PASSWORD}}@{host}/simple",
        "pip's settings": "",
        "keyring": f"--index-url http://{USER}@{host}/simple",
    }[way]
    if way == "netrc":
        (place / "netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
        (place / "netrc").chmod(0o600)
        monkeypatch.setenv("NETRC", str(place / "netrc"))
    elif way == "variables":
        monkeypatch.setenv("INDEX_USER", USER)
        monkeypatch.setenv("INDEX_PASSWORD", PASSWORD)
    elif way == "keyring":
        (place / "bin").mkdir()
        (place / "bin" / "keyring").write_text(f"#!/bin/sh\n[ \"$1 $3\" = 'get {USER}' ] && echo {PASSWORD}\n")
        (place / "bin" / "keyring").chmod(0o755)
        monkeypatch.setenv("PATH", f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("PIP_KEYRING_PROVIDER", "subprocess")
    elif way == "pip's settings":
        monkeypatch.setenv("PIP_INDEX_URL", with_login)
    lines = "".join(f"- {line}\n" for line in (option, "private>=1", "absent-package") if line)
    folder = project(
        "python_env: python_env.yaml\nentry_points:\n  main:\n    command: python -c 'import private'\n",
        python_env__yaml=f"dependencies:\n{lines}",
    )
    dry = mlctl("run", folder, "--dry-run", check=0)
    failed = mlctl("run", folder, check=123)
    assert "absent-package" in failed.stderr
    (folder / "python_env.yaml").write_text(f"dependencies:\n{lines.replace('- absent-package', '')}")
    done = mlctl("run", folder, check=0)
    shown = mlctl("env", "list", "--output", "json", check=0)
    exported = mlctl("env", "export", folder, check=0)
    assert given
    assert (host in exported.stdout) is (way != "pip's settings")
    for said in (dry, failed, done, shown, exported):
        assert PASSWORD not in said.stdout + said.stderr
    (folder / "python_env.yaml").unlink()
    places = [str(path) for path in (place / "mlruns", place / "cache", place / "project")]
    kept = subprocess.run(["grep", "-rlF", PASSWORD, *places], capture_output=True, text=True, check=False)
    assert kept.stdout == ""


# ── real files ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _python_files():
    root = os.environ.get("MLCTL_CORPUS")
    found = sorted(path.parent for path in Path(root).glob("projects/*/MLproject*")) if root else []
    return [folder for folder in found if _loaded(folder) and _loaded(folder).env.kind == "python_env" and _loaded(folder).env.file]


def _loaded(folder):
    try:
        return spec.load(folder)
    except ProjectError:
        return None


@pytest.mark.engine("corpus")
@pytest.mark.parametrize("folder", _python_files(), ids=lambda folder: folder.name)
def test_the_plan_of_a_real_file_is_what_it_says(folder, tmp_path):
    """Read once more, by PyYAML alone: the plan has its Python and its lines, or the message says what is wrong with it."""
    project = spec.load(folder)
    said = yaml.load(project.env.file.read_text("utf-8"), yaml.BaseLoader)
    keys = said if isinstance(said, dict) else {"dependencies": [None]}  # a requirements file, named as an environment
    environment = selection.choose(project, env_manager=None, cache=tmp_path)
    lines = [line for key in ("build_dependencies", "dependencies") for line in keys.get(key) or ()]
    nested = [line for line in lines if not isinstance(line, str)]
    missing = [line for line in lines if isinstance(line, str) and line.startswith("-r ") and not (folder / line[3:].strip()).is_file()]
    if nested or missing:
        with pytest.raises(ProjectError) as caught:
            environment.plan()
        assert project.env.file.name in caught.value.message
        assert caught.value.hint
        return
    plan = environment.plan()
    if keys.get("python"):
        minor = ".".join(keys["python"].split(".")[:2])
        assert plan.python.startswith(f"{minor}.") or f"{keys['python']} is not on this machine" in " ".join(plan.notes)
    expected = [each for line in lines for each in _expanded(line, folder)]
    assert list(plan.requirements) == [uv.redacted(line) for line in expected]


def _expanded(line, folder):
    if not line.startswith("-r "):
        return [line]
    text = (folder / line[3:].strip()).read_text().replace("\\\n", " ")
    return [" ".join(each.split()) for each in text.splitlines() if each.strip() and not each.strip().startswith("#")]


@pytest.mark.engine("corpus")
def test_there_are_such_files():
    assert len(_python_files()) >= 10
