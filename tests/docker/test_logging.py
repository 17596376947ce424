"""Logging from inside a container in every way, with the run in a file, with a server, and on a network of its own."""

import os
import subprocess
from pathlib import Path

import pytest
from mlctl_server import Server

pytestmark = pytest.mark.engine("docker")

LOG = """
import sys
import {module} as tool
print(tool.__file__)
tool.log_param("p", "1")
tool.log_metric("loss", 0.5, step=3)
tool.set_tag("how", {module!r})
open("/tmp/model.txt", "w").write("weights")
tool.log_artifact("/tmp/model.txt", "sub")
"""


def _check(mlctl, module):
    run = mlctl.runs()[0]
    assert run["info"]["status"] == "FINISHED"
    assert run["data"]["metrics"]["loss"] == 0.5
    assert (run["data"]["params"]["p"], run["data"]["tags"]["how"]) == ("1", module)
    return run


@pytest.mark.parametrize("module", ["mlctl", "mlflow"])
def test_to_a_file(mlctl, docker_project, module):
    """With mlctl's own modules, and with the stand-in where the image has no mlflow."""
    done = mlctl("run", docker_project(script=LOG.format(module=module)), check=0)
    assert done.stdout.startswith("/mlctl/lib/")
    root = Path(_check(mlctl, module)["info"]["artifact_uri"])
    assert (root / "sub" / "model.txt").read_text() == "weights"


@pytest.mark.engine("mlflow")
def test_the_real_mlflow(mlctl, docker_project):
    """Its packages are mounted: an image with them would be what is tested, but takes longer to make than the test."""
    python = os.environ["MLCTL_MLFLOW"]
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True, check=True
    ).stdout.strip()
    version = Path(site).parent.name
    folder = docker_project(
        f"{version} main.py", LOG.format(module="mlflow"), volumes=[f"{site}:/site:ro"], environment=[["PYTHONPATH", "/site"]]
    )
    done = mlctl("run", folder, timeout=120)
    if "not found" in done.stderr:
        pytest.skip(f"the image has no {version}, with which mlflow's packages have been installed")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("/site/mlflow")
    run = _check(mlctl, "mlflow")
    assert (Path(run["info"]["artifact_uri"]) / "sub" / "model.txt").read_text() == "weights"
    assert run["data"]["tags"]["mlctl.mlflow"].startswith("mlflow ")


def test_to_a_server(mlctl, docker_project, place, monkeypatch):
    """A server on this machine is called by a name that means this machine inside, too."""
    monkeypatch.setenv("MLCTL_SERVER_TOKEN", "tok")
    server = Server(place / "served", "--host", "0.0.0.0")
    server.start()
    try:
        monkeypatch.setenv("MLCTL_TRACKING_URI", f"http://127.0.0.1:{server.port}")
        monkeypatch.setenv("MLCTL_TRACKING_TOKEN", "tok")
        mlctl("run", docker_project(script=LOG.format(module="mlctl")), check=0)
        run_id = _check(mlctl, "mlctl")["info"]["run_id"]
        listed = mlctl("artifacts", "list", run_id, "--recursive", check=0).stdout
        assert "sub/model.txt" in listed
        assert "mlctl/output.log" in listed
    finally:
        server.stop()


def test_a_network_of_its_own(mlctl, docker_project, docker):
    docker("network", "create", "mlctl-test-net")
    try:
        mlctl("run", docker_project(script=LOG.format(module="mlctl"), network="mlctl-test-net"), check=0)
        _check(mlctl, "mlctl")
        mlctl("run", docker_project(script=LOG.format(module="mlctl"), network="host"), check=0)
        _check(mlctl, "mlctl")
    finally:
        docker("network", "rm", "mlctl-test-net")


def test_the_token_is_the_key(mlctl, docker_project):
    script = """
import os, urllib.error, urllib.request
url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/experiments/get?experiment_id=0"
try:
    urllib.request.urlopen(url)
except urllib.error.HTTPError as error:
    print(error.code)
"""
    assert mlctl("run", docker_project(script=script), check=0).stdout == "401\n"
