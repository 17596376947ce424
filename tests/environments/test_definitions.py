"""What lies in environments/ is read by the tools that it is for, and says what the documents and the code say of it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import engines
import pytest
import yaml

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / "environments"
TEAM = ENVIRONMENTS / "team-server"
SECRETS = ("SERVER_TOKEN", "DATABASE_PASSWORD", "STORAGE_PASSWORD")


@pytest.fixture
def compose(tmp_path, monkeypatch):
    """A function that runs compose on a copy of the file, as it lies in a checkout after `make build`."""
    folder = tmp_path / "environments" / "team-server"
    shutil.copytree(TEAM, folder)
    (tmp_path / "dist").mkdir()
    for name in list(os.environ):
        if name in (*SECRETS, "BUCKET", "LISTEN", "ALLOWED_HOSTS"):
            monkeypatch.delenv(name)

    def run(*arguments, secrets="x"):
        text = (folder / "example.env").read_text()
        (folder / ".env").write_text(re.sub(r"^(\w+)=$", rf"\1={secrets}", text, flags=re.MULTILINE))
        return subprocess.run([*engines.compose(), *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60)

    return run


@pytest.mark.engine("compose")
def test_the_compose_file(compose):
    done = compose("config")
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert services.keys() == {"server", "database", "storage", "bucket"}
    server = services["server"]
    assert server["environment"]["MLCTL_SERVER_TOKEN"] == "x"
    assert services["database"]["environment"]["POSTGRES_PASSWORD"] == server["environment"]["PGPASSWORD"] == "x"
    assert "127.0.0.1" in str(server["ports"])
    assert not any("ports" in services[name] for name in ("database", "storage", "bucket"))


@pytest.mark.engine("compose")
def test_without_secrets_nothing_starts(compose):
    done = compose("config", secrets="")
    assert done.returncode != 0
    assert "in .env" in done.stderr + done.stdout


def test_the_example_of_its_settings():
    settings = dict(re.findall(r"^(\w+)=(.*)$", (TEAM / "example.env").read_text(), re.MULTILINE))
    assert {name: settings[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")
    assert settings.keys() <= set(re.findall(r"\$\{(\w+)", (TEAM / "compose.yaml").read_text()))


def test_the_command_of_the_server(mlctl):
    """The options in the compose file and in the image are options that there are."""
    said = mlctl("server", "--help", check=0).stdout
    compose = yaml.safe_load((TEAM / "compose.yaml").read_text())["services"]["server"]["command"]
    (image,) = re.findall(r"^CMD (.*)$", (TEAM / "Dockerfile").read_text(), re.MULTILINE)
    for command in (compose, yaml.safe_load(image)):
        assert command[0] == "server"
        assert all(word in said for word in command if word.startswith("--")), command


@pytest.mark.engine("docker")
def test_the_image_of_docker_projects(tmp_path):
    """It is built; whoever runs it has a home, a Python called python, and the working directory of projects."""
    tag = "mlctl-test-docker-project"
    base = os.environ["MLCTL_DOCKER_IMAGE"]
    built = ["docker", "build", "--quiet", "--tag", tag, "--build-arg", f"BASE={base}", str(ENVIRONMENTS / "docker-project")]
    subprocess.run(built, check=True, capture_output=True, timeout=120)
    try:
        script = "import os, pathlib; (pathlib.Path.home() / 'x').touch(); print(os.getcwd(), os.getuid())"
        argv = ["docker", "run", "--rm", "--user", "4321:4321", "--network", "none", tag, "python", "-c", script]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout == "/mlflow/projects/code 4321\n", done.stderr
    finally:
        subprocess.run(["docker", "rmi", "--no-prune", tag], check=False, capture_output=True)
