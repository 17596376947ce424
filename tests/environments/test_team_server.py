"""The team server as its compose file makes it: images built, services up, logged to, down and up again with all that was logged."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import engines
import pytest

from mlctl.errors import StoreError
from mlctl.remote.store import HttpStore
from mlctl.tracking.entities import Metric

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOKEN = "a-token-of-tests"

pytestmark = [
    pytest.mark.engine("compose"),
    pytest.mark.engine("docker-base"),
    pytest.mark.engine("docker-postgres"),
    pytest.mark.timeout(900),
]


def call(*argv, **options):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, timeout=600, **options)
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def wheels(folder, *wanted):
    """Bring wheels, with those that they need, into a folder: containers reach no index."""
    call(sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", folder, *wanted)


@pytest.fixture
def checkout(tmp_path):
    """What the compose file sees in a checkout after `make build`, and every wheel that the server needs."""
    dist, storage = tmp_path / "dist", tmp_path / "storage"
    call(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", dist, ROOT)
    wheels(dist, f"mlctl[postgres,s3] @ {next(dist.glob('mlctl-*.whl')).as_uri()}")
    shutil.copytree(HERE / "storage", storage)
    wheels(storage / "wheels", "-r", ROOT / "requirements" / "s3.txt")
    base = f"BASE={os.environ['MLCTL_DOCKER_BASE']}"
    call("docker", "build", "-q", "-t", "mlctl-stand-in-storage", "--build-arg", base, storage)
    call(
        "docker",
        "build",
        "-q",
        "-t",
        "mlctl-stand-in-database",
        "--build-arg",
        f"BASE={os.environ['MLCTL_DOCKER_POSTGRES']}",
        HERE / "database",
    )
    shutil.copytree(ROOT / "environments", tmp_path / "environments")
    shutil.copy(HERE / "stand_ins.yaml", tmp_path)
    return tmp_path


def answering(address):
    deadline = time.monotonic() + 60
    while True:
        try:
            HttpStore(address).search_experiments()
            return
        except StoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def test_up_down_and_up_again(checkout, monkeypatch, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "SERVER_TOKEN": TOKEN,
        "DATABASE_PASSWORD": "it's $ecret",
        "STORAGE_PASSWORD": "geheimgeheim",
        "LISTEN": f"127.0.0.1:{port}",
        "PYTHON_IMAGE": os.environ["MLCTL_DOCKER_BASE"],
        "PIP_OPTIONS": "--no-index",
    }
    options = {"cwd": checkout / "environments" / "team-server", "env": {**os.environ, **settings}}
    files = ["-f", "compose.yaml", "-f", checkout / "stand_ins.yaml", "-p", f"mlctl-test-{os.getpid()}"]
    compose = [*engines.compose(), *files]
    monkeypatch.setenv("MLCTL_TRACKING_TOKEN", TOKEN)
    address = f"http://127.0.0.1:{port}"
    try:
        call(*compose, "up", "-d", "--build", **options)
        answering(address)
        store = HttpStore(address)
        run = store.create_run("0", run_name="first").info
        store.log_batch(run.run_id, metrics=[Metric("m", 1.5, 1)])
        (tmp_path / "model.bin").write_bytes(os.urandom(20 << 20))
        store.artifacts(run).put_file(str(tmp_path / "model.bin"), "models")
        assert b"".join(store.artifacts(run).read("models/model.bin")) == (tmp_path / "model.bin").read_bytes()
        assert run.artifact_uri == f"mlflow-artifacts:/0/{run.run_id}/artifacts"
        assert run.run_id in call(
            *compose, "exec", "-T", "database", "pg_dump", "-U", "mlctl", "mlctl", **options
        )  # the backup of the docs
        monkeypatch.setenv("MLCTL_TRACKING_TOKEN", "another")
        with pytest.raises(StoreError, match="token"):
            HttpStore(address).search_experiments()
        monkeypatch.setenv("MLCTL_TRACKING_TOKEN", TOKEN)
        call(*compose, "down", **options)
        call(*compose, "up", "-d", **options)
        answering(address)
        assert HttpStore(address).get_run(run.run_id).data.metrics == {"m": 1.5}
        said = call(*compose, "logs", "server", **options)
        assert "serving postgresql://mlctl@database/mlctl" in said
        assert "ecret" not in said
    finally:
        call(*compose, "down", "-v", "--remove-orphans", **options)
        subprocess.run(
            ["docker", "rmi", "mlctl-server", "mlctl-stand-in-storage", "mlctl-stand-in-database"], capture_output=True, check=False
        )
