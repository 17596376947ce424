"""Images: built only when something in them has changed, what they hold, what is said of those that are nowhere."""

import contextlib
import os
import socket
import subprocess
import threading
import time

import pytest

pytestmark = pytest.mark.engine("docker")


def _built(done):
    return "building the image" in done.stderr


@pytest.fixture
def tidy(docker):
    """Removes the images that tests have built."""
    yield
    for name in docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "label=mlctl.content").split():
        if name.startswith(("mlctl-docker-test", "mlctl-dk-")):
            docker("image", "rm", name, check=False)


def test_code_in_the_image(mlctl, docker_project, docker, tidy):
    """What is sent is the project without what is left out; a second run builds nothing, and a change builds anew."""
    files = {
        "data/keep.txt": "kept",
        ".git/HEAD": "secret",
        ".env": "PASSWORD=secret",
        "mlruns/0/x": "run",
        "sub/venv/lib.py": "env",
        "big/data.bin": "large",
        "ignored.log": "log",
        "back.log": "back",
        ".dockerignore": "# comment\nbig\n*.log\n!back.log\n",
    }
    folder = docker_project("find . -type f | sort; touch new.txt; pwd", files=files)
    done = mlctl("run", folder, "--build-image", check=0)
    assert _built(done)
    assert "6 files" not in done.stderr
    assert done.stdout.split() == ["./.dockerignore", "./MLproject", "./back.log", "./data/keep.txt", "./main.py", "/mlflow/projects/code"]
    assert not (folder / "new.txt").exists()
    again = mlctl("run", folder, "--build-image", check=0)
    assert not _built(again)
    assert "up to date" in again.stderr
    (folder / "big" / "data.bin").write_text("changed, and not in the image")
    os.utime(folder / "main.py", (1, 1))
    assert not _built(mlctl("run", folder, "--build-image", check=0))
    (folder / "data" / "keep.txt").write_text("changed")
    assert _built(mlctl("run", folder, "--build-image", check=0))
    for number in range(3):
        (folder / "data" / "keep.txt").write_text(str(number))
        mlctl("run", folder, "--build-image", check=0)
    kept = docker("image", "ls", "-q", "mlctl-docker-test-code").split()
    assert len(kept) == 3
    images = [env for env in mlctl.json("env", "list")["data"] if env["key"].startswith("mlctl-docker-test-code:")]
    assert len(images) == 3
    mlctl("env", "remove", images[0]["key"], check=0)
    assert len(docker("image", "ls", "-q", "mlctl-docker-test-code").split()) == 2


def test_an_image_of_its_own(mlctl, docker_project, image, tidy):
    dockerfile = f"FROM {image}\nARG WHO=nobody\nCOPY extra.txt /extra.txt\nRUN echo built for $WHO > /who.txt\n"
    folder = docker_project("cat /extra.txt /who.txt main.py", "print(1)", files={"docker/Dockerfile": dockerfile, "extra.txt": "extra\n"})
    text = (folder / "MLproject").read_text()
    text = text.replace(f'{{"image": "{image}"}}', "{build: {dockerfile: docker/Dockerfile, context: ., args: {WHO: me}}}")
    (folder / "MLproject").write_text(text)
    done = mlctl("run", folder, check=0)
    assert done.stdout == "extra\nbuilt for me\nprint(1)"
    assert _built(done)
    assert not _built(mlctl("run", folder, check=0))
    (folder / "docker" / "Dockerfile").write_text(f"FROM {image}\nRUN echo why >&2; exit 3\n")
    failed = mlctl("run", folder, check=123)
    assert "why" in failed.stderr
    assert mlctl.runs()[0]["info"]["status"] == "FAILED"


def test_what_stands_beside_costs_nothing(mlctl, docker_project):
    """A folder that would fill a disk if it were sent is not even read."""
    folder = docker_project("ls -l data.bin | cut -d' ' -f5")
    with (folder / "data.bin").open("wb") as file:
        file.truncate(1 << 40)
    assert mlctl("run", folder, check=0).stdout.strip() == str(1 << 40)
    (folder / ".dockerignore").write_text("data.bin\n")
    mlctl("run", folder, "--build-image", check=0)


def test_no_image(mlctl, docker_project):
    done = mlctl("run", docker_project(image="127.0.0.1:1/nowhere:1"), check=123)
    assert "127.0.0.1:1/nowhere:1 is not here and cannot be pulled" in done.stderr
    assert "docker build -t" in done.stderr
    assert mlctl.runs()[0]["info"]["status"] == "FAILED"
    assert "build: {dockerfile: Dockerfile}" in mlctl("run", docker_project(image="Dockerfile"), check=123).stderr


def test_an_image_without_python(mlctl, docker_project, image, docker, tidy):
    folder = docker_project("python main.py", files={"Dockerfile": f"FROM {image}\nRUN rm /usr/bin/python\n"})
    (folder / "MLproject").write_text((folder / "MLproject").read_text().replace(f'{{"image": "{image}"}}', "{build: .}"))
    done = mlctl("run", folder, check=127)
    assert "has no python" in done.stderr


def test_no_engine(mlctl, docker_project, place, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{place}/nowhere.sock")
    done = mlctl("run", docker_project(), check=123)
    assert "No container engine is running here" in done.stderr
    assert "systemctl" in done.stderr
    assert mlctl("run", docker_project(), "--dry-run", check=0).stdout.count("mlctl-test-base")


def test_an_engine_that_goes_away(mlctl, docker_project, tmp_path_factory, monkeypatch, docker, containers):
    """The job's run is FAILED with the reason, and its container is found by the next look."""
    path = tmp_path_factory.mktemp("e") / "s"
    relay = _Relay(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    monkeypatch.setenv("MLCTL_CACHE_DIR", str(path.parent / "cache"))
    with mlctl.start("run", docker_project("echo up; sleep 60")) as started:
        assert started.stdout.readline() == "up\n"
        run_id = mlctl.runs()[0]["info"]["run_id"]
        relay.close()
        assert started.wait(timeout=20) == 125
    assert "stopped answering" in mlctl.runs()[0]["data"]["tags"]["mlctl.status.reason"]
    path.unlink()
    path.symlink_to("/var/run/docker.sock")
    assert len(containers(run_id)) == 1
    assert "has been ended" in mlctl("runs", "list", check=0).stderr
    assert containers(run_id) == []


class _Relay:
    """Stands between a client and the engine, until it is closed."""

    def __init__(self, path):
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen()
        self._pairs = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect("/var/run/docker.sock")
            self._pairs += [client, engine]
            for source, target in ((client, engine), (engine, client)):
                threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    def _copy(self, source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for each in self._pairs:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


REGISTRY = """
version: 0.1
storage: {{filesystem: {{rootdirectory: '{folder}/data'}}}}
http: {{addr: '127.0.0.1:{port}'}}
auth: {{htpasswd: {{realm: r, path: '{folder}/htpasswd'}}}}
"""
USER = "u:$2b$12$bRUmqp6mpCmIgpLQLHmSVO9HFR6Ogf/FHIGLO0pzY1.KKOmr47PkW\n"  # its password is pw


@pytest.mark.engine("docker-registry")
def test_pulling(mlctl, docker_project, docker, tmp_path_factory, monkeypatch):
    """With the credentials of `docker login`, or a script's own; without them it is said what lets one in."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    (folder / "htpasswd").write_text(USER)
    (folder / "config.yml").write_text(REGISTRY.format(folder=folder, port=port))
    (folder / "blob").write_bytes(os.urandom(1 << 20))
    subprocess.run(["tar", "-C", folder, "-cf", folder / "image.tar", "blob"], check=True)
    name = f"127.0.0.1:{port}/mlctl-test/pulled:1"
    project = docker_project("true", image=name)
    nothing = subprocess.DEVNULL
    server = subprocess.Popen(["docker-registry", "serve", folder / "config.yml"], stdout=nothing, stderr=nothing)
    try:
        monkeypatch.setenv("DOCKER_CONFIG", str(folder / "config"))
        docker("import", folder / "image.tar", name)
        for _ in range(100):
            if (
                subprocess.run(["docker", "login", "-u", "u", "-p", "pw", f"127.0.0.1:{port}"], capture_output=True, check=False).returncode
                == 0
            ):
                break
            time.sleep(0.1)
        docker("push", "-q", name)
        docker("rmi", name)
        done = mlctl("run", project, check=127)
        assert "pulling it" in done.stderr
        assert f"pulled {name}: 1 MB" in done.stderr
        assert "has no shell" in done.stderr
        docker("rmi", name)
        monkeypatch.setenv("DOCKER_CONFIG", str(folder / "none"))
        assert "docker login" in mlctl("run", project, check=123).stderr
        monkeypatch.setenv("MLCTL_DOCKER_AUTH", f'{{"username": "u", "password": "pw", "registry": "127.0.0.1:{port}"}}')
        assert "pulled" in mlctl("run", project, check=127).stderr
    finally:
        docker("rmi", name, check=False)
        server.terminate()
        server.wait()
