"""Virtual environments, built for real out of wheels that the tests write."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlctl import process
from mlctl.envs import cache as env_cache
from mlctl.envs import creation, probes, slots, uv
from mlctl.envs.bundle_link import PTH_FILE, PTH_LINE
from mlctl.envs.interpreters import Found
from mlctl.errors import EnvError, ProjectError
from mlctl.projects.spec import DeclaredEnv, Project

RUNNING = platform.python_version()

# Prepares the environment of a project in a process of its own. Arguments: folder, cache. Tells on standard output, one JSON text a line.
PREPARE = """
import json, sys, time
from pathlib import Path
from mlctl.envs import selection
from mlctl.errors import MlctlError
from mlctl.projects.spec import DeclaredEnv, Project
folder, cache = map(Path, sys.argv[1:3])
tell = lambda *said: print(json.dumps(said), flush=True)
env = selection.choose(Project(folder, env=DeclaredEnv("python_env", folder / "python_env.yaml")), env_manager=None, cache=cache)
began = time.perf_counter()
try:
    found = env.prepare(lambda line: tell("tell", line))
except MlctlError as error:
    tell("error", error.message)
    sys.exit(error.exit_code)
tell("ready", found.folder, (time.perf_counter() - began) * 1000)
tell("modules", sorted({"virtualenv", "uv", "tempfile"} & set(sys.modules)))
"""

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["{path}"]
[project]
name = "slow"
version = "1.0"
"""

QUICK_BACKEND = """
import pathlib, zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    info = "slow-1.0.dist-info/"
    files = {
        "slow.py": pathlib.Path("slow.py").read_text(),
        info + "METADATA": "Metadata-Version: 2.1\\nName: slow\\nVersion: 1.0\\n",
        info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    files[info + "RECORD"] = "".join(name + ",,\\n" for name in [*files, info + "RECORD"])
    name = "slow-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name
"""

# A build backend that tells when it has begun, and builds nothing until it is let.
SLOW_BACKEND = """
import os, pathlib, time
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    project = pathlib.Path(__file__).parents[2]
    (project / "begun").write_text(str(os.getpid()))
    while not (project / "go").exists():
        time.sleep(0.02)
    name = "slow-1.0-py3-none-any.whl"
    (pathlib.Path(wheel_directory) / name).write_bytes((project / "slow" / "slow.whl").read_bytes())
    return name
"""


def prepare(choose, project, manager=None):
    told: list[str] = []
    found = choose(project, manager).prepare(told.append)
    return found, told


def run(found, *argv, **env):
    variables = {**found.env, "PATH": os.pathsep.join([*found.path_prefix, os.environ["PATH"]]), **env}
    return process.run(process.shell_argv(" ".join(argv)), env=variables)


def start(project, cache, **options):
    argv = [sys.executable, "-c", PREPARE, str(project.folder), str(cache)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def answers(done):
    return [json.loads(line) for line in done.splitlines()]


def wait_for(condition, timeout_s=30.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_built_filled_and_used(choose, python_project, wheels, cache):
    wheels.add("addone", "1.5", requires=["base>=1"])
    wheels.add("base", "1.2")
    wheels.add("base", "2.0")
    project = python_project(wheels.lines("addone"), build=["pip"])
    plan = choose(project).plan()
    assert (plan.built, plan.kind, plan.python) == (False, "virtualenv", RUNNING)
    found, told = prepare(choose, project)
    assert [line for line in found.packages if "pip" not in line and "setuptools" not in line] == ["addone==1.5", "base==2.0"]
    assert run(found, "python -c 'import addone, base, sys; print(base.version, sys.prefix)'").out.split(" ", 1) == [
        "2.0",
        f"{found.folder}\n",
    ]
    assert run(found, "pip --version").out.startswith("pip ")
    assert found.env == {"VIRTUAL_ENV": found.folder, "PYTHONHOME": None}
    assert "building the environment" in told[0]
    assert "the interpreter that runs mlctl" in told[0]
    again = choose(project).plan()
    assert (again.built, again.key, again.folder) == (True, plan.key, found.folder)
    assert again.requirements == ("pip", "--no-index", f"-f {wheels.folder}", "addone")


def test_old_projects_find_pkg_resources(choose, python_project):
    found, _ = prepare(choose, python_project())
    code = run(found, "python -c 'import pkg_resources'").code
    assert code == (0 if sys.version_info < (3, 12) else 1)


def test_the_second_time_nothing_is_started_or_imported(choose, python_project, wheels, cache, monkeypatch):
    wheels.add("addone")
    project = python_project(wheels.lines("addone"))
    first, _ = prepare(choose, project)
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", None)
        patch.setattr(os, "fork", None)
        second, told = prepare(choose, project)
    assert (second, told) == (first, [])
    best_ms = 1000.0
    for _ in range(5):
        out, err = start(project, cache, env={**os.environ, "PATH": "/nowhere"}).communicate(timeout=60)
        ready, modules = answers(out)
        assert modules == ["modules", []], err
        best_ms = min(best_ms, ready[2])
    assert best_ms < 60  # with the import of yaml; tests run beside each other


def test_many_at_once_build_one(python_project, wheels, cache):
    wheels.add("addone")
    project = python_project(wheels.lines("addone"))
    running = [start(project, cache) for _ in range(6)]
    said = [answers(each.communicate(timeout=120)[0]) for each in running]
    assert [each.returncode for each in running] == [0] * 6
    assert sum("with Python" in str(lines) for lines in said) == 1
    assert any("waiting for it" in str(lines) for lines in said)
    assert len({lines[-2][1] for lines in said}) == 1
    (record,) = env_cache.list_envs(cache)
    assert record.status == "ready"


@pytest.fixture
def slow(python_project, wheels):
    """A project whose one package is built as slowly as the test likes."""
    project = python_project(["./slow"], name="slow project")
    package = project.folder / "slow"
    (package / "backend").mkdir(parents=True)
    (package / "backend" / "backend.py").write_text(SLOW_BACKEND)
    (package / "slow.whl").write_bytes(wheels.add("slow").read_bytes())
    (package / "pyproject.toml").write_text(PYPROJECT.format(path="backend"))
    yield project
    (project.folder / "go").write_text("")


def begun(project):
    wait_for((project.folder / "begun").exists)
    wait_for((project.folder / "begun").read_text)


def test_killed_in_the_middle(slow, cache):
    first = start(slow, cache)
    begun(slow)
    assert [record.status for record in env_cache.list_envs(cache)] == ["building"]
    first.kill()
    first.communicate()
    (slow.folder / "go").write_text("")
    second = start(slow, cache)
    out, err = second.communicate(timeout=60)
    assert answers(out)[-2][0] == "ready", out + err
    (record,) = env_cache.list_envs(cache)
    assert (record.status, record.packages[-1]) == ("ready", "slow==1.0")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_half_made_environment_is_never_used(how, slow, cache):
    first = start(slow, cache)
    begun(slow)
    project_key = env_cache.list_envs(cache)[0].key
    first.send_signal(how)
    first.communicate(timeout=20)
    assert not (cache / slots.FOLDER / project_key / slots.MARKER).exists()
    if how == signal.SIGINT:
        assert not (cache / slots.FOLDER / project_key).exists()
        pid = int((slow.folder / "begun").read_text())
        wait_for(lambda: not _lives(pid))
        return
    (slow.folder / "go").write_text("")
    wait_for(lambda: env_cache.list_envs(cache)[0].status == "half-made")
    assert [gone.key for gone in env_cache.gc(cache)] == [project_key]
    assert list((cache / slots.FOLDER).iterdir()) == []


def _lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("without_uv", ["", "1"])
def test_the_resolver_s_own_reason(without_uv, choose, python_project, wheels, cache, monkeypatch):
    monkeypatch.setenv("MLCTL_NO_UV", without_uv)
    wheels.add("addone", requires=["base==7"])
    wheels.add("base", "1.2")
    with pytest.raises(EnvError) as caught:
        prepare(choose, python_project(wheels.lines("addone")))
    assert ("pip" if without_uv else "uv") + " says:\n" in caught.value.message
    assert "base==7" in caught.value.message
    assert len(caught.value.message.splitlines()) < 50
    assert "--env-manager local" in caught.value.hint
    assert ("MLCTL_NO_UV" in caught.value.hint) is not bool(without_uv)
    assert [path for path in (cache / slots.FOLDER).iterdir() if path.is_dir()] == []


def test_with_pip_alone(choose, python_project, wheels, monkeypatch):
    monkeypatch.setenv("MLCTL_NO_UV", "1")
    wheels.add("addone", requires=["base"])
    wheels.add("base")
    found, _ = prepare(choose, python_project(wheels.lines("addone")))
    assert {"addone==1.0", "base==1.0"} <= set(found.packages)
    if sys.version_info < (3, 12):
        assert run(found, "python -c 'import pkg_resources'").code == 0
    record = env_cache.show(env_cache_of(found), Path(found.folder).name)
    assert record.builder == "virtualenv+pip"


def env_cache_of(found):
    return Path(found.folder).parent.parent


def test_pip_gets_what_uv_does_not_accept(choose, python_project, wheels):
    wheels.add("addone")
    found, told = prepare(choose, python_project(wheels.lines('addone --config-settings "x=y"')))
    assert "addone==1.0" in found.packages
    assert any("uv does not accept" in line and "--config-settings" in line for line in told)


def test_lines_of_all_kinds(choose, python_project, wheels, cache):
    wheels.add("addone", "1.0")
    wheels.add("addone", "2.0")
    wheels.add("addone", "3.0rc1")
    local = wheels.add("local")
    project = python_project(["--no-index", "-r my reqs.txt", "-c limits.txt", "--trusted-host example.org", f"local @ {local.as_uri()}"])
    (project.folder / "my reqs.txt").write_text(f"# nothing\n-f {wheels.folder}\naddone \\\n  >=1\n")
    (project.folder / "limits.txt").write_text("addone<2\n")
    assert {"addone==1.0", "local==1.0"} <= set(prepare(choose, project)[0].packages)
    (project.folder / "limits.txt").write_text("addone<3\n")
    assert "addone==2.0" in prepare(choose, project)[0].packages
    (project.folder / "limits.txt").write_text("")
    with_pre = python_project(["--no-index", "--pre", "-r my reqs.txt"])
    assert "addone==3.0rc1" in prepare(choose, with_pre)[0].packages
    assert len(env_cache.list_envs(cache)) == 3


def test_a_local_package_that_has_changed(choose, python_project):
    project = python_project(["./slow"])
    (project.folder / "slow").mkdir()
    (project.folder / "slow" / "backend.py").write_text(QUICK_BACKEND)
    (project.folder / "slow" / "pyproject.toml").write_text(PYPROJECT.format(path="."))
    for version in ("1", "2"):
        (project.folder / "slow" / "slow.py").write_text(f"what = {version}\n")
        found, _ = prepare(choose, project)
        assert run(found, "python -c 'import slow; print(slow.what)'").out == f"{version}\n"


@pytest.mark.parametrize("requirement", ["addone", "absent"])
def test_progress_on_a_terminal(requirement, python_project, wheels, cache):
    wheels.add("addone")
    ours, terminal = os.openpty()
    process_ = start_on(terminal, python_project(wheels.lines(requirement)), cache)
    os.close(terminal)
    seen = read_all(ours)
    out, _ = process_.communicate(timeout=60)
    os.close(ours)
    if requirement == "addone":
        assert answers(out)[-2][0] == "ready"
        assert "addone==1.0" in seen
    else:
        kind, message = answers(out)[-1]
        assert (kind, process_.returncode) == ("error", 123)
        assert "absent was not found" in message
        assert "\x1b" not in message
        assert "absent" in seen


def start_on(terminal, project, cache):
    argv = [sys.executable, "-c", PREPARE, str(project.folder), str(cache)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=terminal, text=True)


def read_all(fd):
    seen = b""
    while True:
        try:
            chunk = os.read(fd, 4096)
        except OSError:
            return seen.decode()
        if not chunk:
            return seen.decode()
        seen += chunk


def test_a_cache_that_only_others_may_write(choose, python_project, wheels, monkeypatch):
    wheels.add("addone")
    project = python_project(wheels.lines("addone"))
    found, _ = prepare(choose, project)
    slots.Slot(env_cache_of(found), Path(found.folder).name).release()

    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)  # the tests may run as root, whom no permission stops
    assert prepare(choose, project) == (found, [])


def test_hashes_are_checked(choose, python_project, wheels):
    wheels.add("addone")
    with pytest.raises(EnvError, match=r"(?i)hash"):
        prepare(choose, python_project(wheels.lines("--require-hashes", f"addone==1.0 --hash=sha256:{'0' * 64}")))


def test_build_dependencies_come_first(choose, python_project, wheels):
    wheels.add("base", "1.0")
    wheels.add("base", "2.0")
    wheels.add("addone", requires=["base"])
    links = wheels.lines()
    found, _ = prepare(choose, python_project([*links, "addone"], build=[*links, "base==1.0"]))
    assert {"addone==1.0", "base==1.0"} <= set(found.packages)


def test_conda_files_of_python_and_pip(choose, tmp_path, wheels):
    wheels.add("addone")
    lines = "".join(f"    - '{line}'\n" for line in wheels.lines("addone"))
    file = tmp_path / "conda.yaml"
    version = f"{RUNNING.rpartition('.')[0]}=h265db76_0"
    file.write_text(f"dependencies:\n- python={version}\n- pip\n- cudatoolkit=11\n- pip:\n{lines}")
    project = Project(tmp_path, env=DeclaredEnv("conda_env", file))
    env = choose(project, "virtualenv")
    assert "cudatoolkit=11" in " ".join(env.plan().notes)
    assert "addone==1.0" in env.prepare(lambda _: None).packages


@pytest.mark.parametrize("minor", ["3.6", "3.8", "3.9", "3.13"])
def test_other_interpreters(minor, pyenv_python, choose, python_project, wheels):
    version, _ = pyenv_python(minor)
    wheels.add("addone")
    env = choose(python_project(wheels.lines("addone"), python=f"{minor}.999"))
    notes = " ".join(env.plan().notes)
    found = env.prepare(lambda _: None)
    if not RUNNING.startswith(f"{minor}."):
        assert found.python == version
        assert f"{minor}.999 was asked for; using {version}" in notes
    assert ("too old" in notes) is (minor == "3.6")
    done = run(found, "python -c 'import addone, sys; print(sys.version_info[:2])' && pip --version")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == str(tuple(map(int, minor.split("."))))


def test_an_interpreter_that_virtualenv_no_longer_knows_without_uv(choose, python_project, pyenv_python, monkeypatch):
    version, _ = pyenv_python("3.8")
    monkeypatch.setenv("MLCTL_NO_UV", "1")
    found, _ = prepare(choose, python_project(python=version))
    assert run(found, "pip --version").code == 0


def test_an_interpreter_that_cannot_make_environments(choose, python_project, pyenv_python, cache):
    version, _ = pyenv_python("2.7")
    with pytest.raises(EnvError, match="No module named venv") as caught:
        prepare(choose, python_project(python=version))
    assert "3.6 or newer" in caught.value.hint
    assert [path for path in (cache / slots.FOLDER).iterdir() if path.is_dir()] == []


def test_no_such_python(choose, python_project, monkeypatch):
    env = choose(python_project(python="3.5.1"))
    assert "uv would be asked" in env.plan().notes[-1]
    assert not env.plan().built
    with pytest.raises(EnvError, match="uv could not install it"):
        env.prepare(lambda _: None)
    monkeypatch.setenv("MLCTL_NO_UV", "1")
    with pytest.raises(EnvError, match=r"No Python 3.5.1"):
        choose(python_project(python="3.5.1")).plan()


def test_the_key_is_of_what_decides(choose, python_project, wheels):
    def key(*lines, **options):
        return choose(python_project(lines, **options)).plan().key

    one = key("a", "b==1")
    assert key("a  # a comment", "", "b==1") == one
    assert key("a", "b==1", python=RUNNING, name="elsewhere") == one
    assert len({one, key("a", "b==2"), key("a"), key("a", "b==1", build=["pip"]), key("b==1", "a")}) == 5
    assert len(one) == 16


def test_the_bundle_comes_behind_everything(choose, python_project, wheels, tmp_path):
    wheels.add("addone", body="where = 'the environment'\n")
    found, _ = prepare(choose, python_project(wheels.lines("addone")))
    bundle = tmp_path / "bundle; it's"
    bundle.mkdir()
    (bundle / "addone.py").write_text("where = 'the bundle'\n")
    (bundle / "bundled.py").write_text("")
    program = "python -c 'import addone, sys; print(addone.where); print(sys.path[-1]); import bundled'"
    done = run(found, program, MLCTL_BUNDLE=str(bundle))
    assert done.out.splitlines() == ["the environment", str(bundle)]
    assert done.code == 0
    assert run(found, program, MLCTL_BUNDLE=str(bundle / "absent")).out.splitlines()[1] != str(bundle / "absent")
    assert run(found, program).err.strip().endswith("No module named 'bundled'")
    site = next(Path(found.folder).glob("lib/*/site-packages"))
    assert max(path.name for path in site.glob("*.pth")) == PTH_FILE


@pytest.mark.parametrize("minor", ["2.7", "3.6", "3.8"])
def test_the_start_up_line_harms_no_python(minor, pyenv_python, tmp_path):
    _, path = pyenv_python(minor)
    (tmp_path / "x.pth").write_text(PTH_LINE)
    program = f"import site, sys; site.addsitedir({str(tmp_path)!r}); print(sys.path[-1])"
    done = process.run([path, "-c", program], env={"MLCTL_BUNDLE": str(tmp_path / "..")})
    assert (done.code, done.err) == (0, "")
    assert (done.out.strip() == str(tmp_path / "..")) is (minor == "3.8")


@pytest.mark.parametrize("damage", ["marker", "no marker", "interpreter"])
def test_a_damaged_environment_is_built_anew(damage, choose, python_project, wheels):
    wheels.add("addone")
    project = python_project(wheels.lines("addone"))
    found, _ = prepare(choose, project)
    folder = Path(found.folder)
    if damage == "interpreter":
        (folder / "bin" / "python").unlink()
        (folder / "bin" / "python").symlink_to("/nowhere/python")
    elif damage == "marker":
        (folder / slots.MARKER).write_text('{"key":')
    else:
        (folder / slots.MARKER).unlink()
    (folder / "stray").write_text("")
    assert not choose(project).plan().built
    again, told = prepare(choose, project)
    assert again == found
    assert "building" in told[0]
    assert not (folder / "stray").exists()


def test_logins_are_not_kept(choose, python_project, wheels, cache, monkeypatch):
    wheels.add("addone")
    secret = "https://me:s3cret@example.org/simple"
    project = python_project([f"--extra-index-url {secret}", *wheels.lines("addone")])
    assert "s3cret" not in str(choose(project).plan())
    found, _ = prepare(choose, project)
    kept = subprocess.run(["grep", "-rl", "s3cret", found.folder], capture_output=True, text=True, check=False).stdout
    assert kept == ""
    bad = python_project([f"--extra-index-url {secret}", *wheels.lines("absent")])
    with pytest.raises(EnvError) as caught:
        prepare(choose, bad)
    assert "s3cret" not in caught.value.message


def test_a_cache_that_cannot_be_written(python_project, tmp_path):
    from mlctl.envs import selection

    (tmp_path / "file").write_text("")
    env = selection.choose(python_project(), env_manager=None, cache=tmp_path / "file")
    with pytest.raises(EnvError) as caught:
        env.prepare(lambda _: None)
    assert "MLCTL_CACHE_DIR" in caught.value.hint


def test_a_wrong_file_is_the_project_s_error(choose, python_project):
    project = python_project()
    (project.folder / "python_env.yaml").write_text("dependencies: mlflow")
    with pytest.raises(ProjectError, match=r"python_env.yaml:1"):
        choose(project).prepare(lambda _: None)


def test_settings_of_the_caller_do_not_leak_in(choose, python_project, wheels, tmp_path, monkeypatch):
    wheels.add("addone")
    for name, value in {
        "PIP_TARGET": str(tmp_path / "target"),
        "PIP_USER": "1",
        "PYTHONPATH": str(tmp_path),
        "VIRTUAL_ENV": "/nowhere",
        "VIRTUALENV_SYSTEM_SITE_PACKAGES": "1",
        "UV_SYSTEM_PYTHON": "1",
    }.items():
        monkeypatch.setenv(name, value)
    for without_uv in ("", "1"):
        monkeypatch.setenv("MLCTL_NO_UV", without_uv)
        found, _ = prepare(choose, python_project(wheels.lines(f"addone{'>=1' * bool(without_uv)}")))
        assert "addone==1.0" in found.packages
        assert "include-system-site-packages = false" in (Path(found.folder) / "pyvenv.cfg").read_text()


def test_bytecode_where_python_may_not_write_it(choose, python_project, wheels, monkeypatch):
    wheels.add("addone")

    def compiled(found):
        return list(Path(found.folder).glob("lib/*/site-packages/__pycache__/addone.*.pyc"))

    assert compiled(prepare(choose, python_project(wheels.lines("addone")))[0]) == []
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert len(compiled(prepare(choose, python_project(wheels.lines("addone>=1")))[0])) == 1


def test_wheels_of_an_interpreter():
    mine = probes.running()
    found = creation._own_wheels(Found(mine.base, mine.version, "", "", mine.stdlib))
    names = {wheel.name.split("-")[0] for wheel in found}
    assert names == ({"pip"} if sys.version_info >= (3, 12) else {"pip", "setuptools"})


def test_reasons_are_bounded_and_plain():
    long = "Resolved 3 packages\n\x1b[1m\x1b[31merror\x1b[39m\x1b[0m: first\r\n" + "\n".join(f"line {n} http://u:p@h/x" for n in range(500))
    found = uv.reason(long).splitlines()
    assert found[0] == "error: first"
    assert found[-1] == "line 499 http://***@h/x"
    assert len(found) == 43
    assert uv.reason("no such word\nhere") == "no such word\nhere"
    assert uv.reason("") == ""
