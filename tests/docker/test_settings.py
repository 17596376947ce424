"""The planned container, without any engine: what the file and the command line say, and what is told of the rest."""

import json
import os
from pathlib import Path

import pytest
import yaml

from mlctl.envs import docker_options, docker_settings, docker_volumes
from mlctl.errors import EnvError


def _read(folder, *arguments, **declared):
    return docker_settings.read({"image": "x", **declared}, folder, arguments=arguments)


@pytest.mark.parametrize(
    ("text", "source", "target", "modes"),
    [
        ("/a:/b", "/a", "/b", ()),
        ("/a:/b:ro", "/a", "/b", ("ro",)),
        ("/with:colon and space:/b", "/with:colon and space", "/b", ()),
        ("$(pwd)/data:/data", "{here}/data", "/data", ()),
        ("${PWD}:/mlproject", "{here}", "/mlproject", ()),
        ("`pwd`/../x:/x:rw,z", "{above}/x", "/x", ("rw", "z")),
        ("%cd%:/home/app", "{here}", "/home/app", ()),
        ("./sub:/s", "{here}/sub", "/s", ()),
        ("rel/sub:/s", "{here}/rel/sub", "/s", ()),
        ("cache:/c", "cache", "/c", ()),
        ("/only/inside", "", "/only/inside", ()),
        ("$WHERE/x:/x", "/set/x", "/x", ()),
    ],
)
def test_volumes(place, monkeypatch, text, source, target, modes):
    monkeypatch.setenv("WHERE", "/set")
    found = docker_volumes.parse(text, place)
    wanted = source.format(here=place, above=place.parent) if "{" in source else source
    assert (found.source, found.target, found.modes) == (wanted, target, modes)


@pytest.mark.parametrize("text", ["/a", "a", "/a:b", "$NOT_SET/x:/x", ""])
def test_volumes_that_are_none(place, text):
    if text == "/a":
        assert docker_volumes.parse(text, place).source == ""
        return
    with pytest.raises(EnvError):
        docker_volumes.parse(text, place)


def test_the_last_volume_counts(place):
    found = _read(place, "v=/c:/data", volumes=["/a:/data", "/b:/other"])
    assert [str(volume) for volume in found.volumes] == ["/c:/data", "/b:/other"]


@pytest.mark.parametrize(
    "given",
    [
        [["--gpus", "all"], ["--memory", "2g"]],
        ["--gpus=all", "--memory", "2g"],
        "--gpus all -m 2g",
        {"gpus": "all", "memory": "2g"},
    ],
)
def test_run_args_in_all_shapes(place, given):
    options = _read(place, run_args=given).options
    assert options["mem_limit"] == "2g"
    assert options["device_requests"][0]["Count"] == -1


def test_options(place):
    given = [
        "gpus=device=0,1",
        "p=8080:80",
        "publish=127.0.0.1:1:2/udp",
        "add-host=a:1.2.3.4",
        "ulimit=nofile=1:2",
        "cpus=1.5",
        "privileged",
    ]
    options = _read(place, *given, "t", "rm").options
    assert options["device_requests"][0]["DeviceIDs"] == ["0", "1"]
    assert options["ports"] == {"80": 8080, "2/udp": ("127.0.0.1", 1)}
    assert options["extra_hosts"] == {"a": "1.2.3.4"}
    assert options["ulimits"] == [{"Name": "nofile", "Soft": 1, "Hard": 2}]
    assert (options["nano_cpus"], options["privileged"], options["tty"]) == (1_500_000_000, True, True)
    for wrong in ("cpus=many", "memory", "no-such-thing=1"):
        with pytest.raises(EnvError):
            _read(place, wrong)


def test_every_option_is_one_of_the_sdk():
    """The names of arguments are the SDK's: one that it does not know would be found out only when somebody uses it."""
    from docker.models.containers import RUN_CREATE_KWARGS, RUN_HOST_CONFIG_KWARGS

    known = {*RUN_CREATE_KWARGS, *RUN_HOST_CONFIG_KWARGS, "ports", "network", "platform"}
    assert {option.argument for option in docker_options.OPTIONS.values()} - known == set()


def test_environment(place):
    found = _read(place, "e=D=4", "env=E", environment=["A", ["B", "2 2"], "C=3"])
    assert found.environment == (("A", None), ("B", "2 2"), ("C", "3"), ("D", "4"), ("E", None))
    with pytest.raises(EnvError):
        _read(place, environment=[["A", "B", "C"]])


def test_unknown_keys_are_told(place):
    notes = _read(place, namespace="n", whatever=1, run_params=["--init"]).notes
    assert [note.split(":", 1)[1].split(" (")[0].strip() for note in notes] == [
        "namespace is for Kubernetes: it is not used",
        "whatever is no setting",
        "run_params is read as run_args",
    ]


def test_a_dry_run_shows_the_container(mlctl, project, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    monkeypatch.setenv("HF_TOKEN", "hidden")
    text = "name: p\ndocker_env: {image: 'reg:5000/a@sha256:abc', environment: [HF_TOKEN, [A, b]], volumes: ['data:/d']}\n"
    folder = project(text + "entry_points: {main: {command: 'python x && y'}}\n")
    done = mlctl("run", folder, "--dry-run", "-A", "memory=1g", "--output", "json", check=0)
    container = json.loads(done.stdout)["data"]["container"]
    assert container["image"] == "reg:5000/a@sha256:abc"
    assert container["environment"] == {"HF_TOKEN": None, "A": "b"}
    assert container["volumes"] == [f"{folder}:/mlflow/projects/code", "data:/d"]
    assert container["options"] == {"mem_limit": "1g"}
    assert container["user"] == f"{os.getuid()}:{os.getgid()}"
    assert "hidden" not in done.stdout
    monkeypatch.delenv("HF_TOKEN")
    assert "HF_TOKEN" in mlctl("run", folder, check=123).stderr


@pytest.mark.engine("corpus")
def test_the_planned_containers_of_real_projects(monkeypatch):
    """Image, volumes, environment and command are what each file says; keys that are not used are named."""
    corpus = Path(os.environ["MLCTL_CORPUS"]) / "projects"
    seen = 0
    for file in sorted(corpus.glob("*/MLproject")):
        try:
            declared = (yaml.safe_load(file.read_text(errors="replace")) or {}).get("docker_env")
        except (yaml.YAMLError, AttributeError):
            continue
        if not isinstance(declared, dict) or not declared.get("image"):
            continue
        seen += 1
        found = docker_settings.read(declared, file.parent)
        assert found.image == declared["image"]
        assert len(found.volumes) == len(declared.get("volumes") or ())
        for text, volume in zip(declared.get("volumes") or (), found.volumes, strict=True):
            assert text.endswith(f":{volume.target}")
            first = text.removesuffix(f":{volume.target}")
            for here in ("${PWD}", "$(pwd)", "%cd%"):
                first = first.replace(here, str(file.parent))
            assert volume.source == os.path.normpath(first)
        assert [name if value is None else [name, value] for name, value in found.environment] == (declared.get("environment") or [])
        if "run_params" in declared:
            assert found.options["device_requests"][0]["Count"] == -1
        unusual = {key for key, value in declared.items() if value is not None} - {*docker_settings.KEYS}
        assert unusual <= {key for key in declared for note in found.notes if f" {key} " in note}
    assert seen >= 18
