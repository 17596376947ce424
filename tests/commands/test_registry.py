"""Registered models on the command line: looking at them, naming them, registering, annotating, deleting."""

import contextlib
import json

import pytest

from mlctl.commands import registry_names
from mlctl.commands.registry_names import Named
from mlctl.errors import MlctlError
from mlctl.tracking.entities import Dataset, DatasetInput, InputTag
from mlctl.tracking.opening import open_store
from mlctl.tracking.registry import ModelSource


@pytest.fixture
def opened(place):
    with contextlib.closing(open_store()) as store:
        yield store


@pytest.fixture
def wine(make_run, opened):
    """A model with three versions, of runs with an rmse of 0.9, 0.8 and 0.7: the first is in Production, the second in Staging."""
    opened.create_registered_model("wine", description="red\nand white", tags=[("team", "vision")])
    for number in range(1, 4):
        run_id = make_run(
            f"train {number}", params={"alpha": str(number)}, metrics={"rmse": 1 - number / 10}, files={"model/MLmodel": "{}"}
        )
        opened.create_model_version("wine", ModelSource(f"runs:/{run_id}/model", run_id))
    opened.transition_model_version("wine", "1", "Production")
    opened.transition_model_version("wine", "2", "Staging")
    opened.set_registered_model_alias("wine", "champion", "1")
    return "wine"


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("wine", Named("wine")),
        ("wine/3", Named("wine", version="3")),
        ("wine/staging", Named("wine", stage="Staging")),
        ("wine/none", Named("wine", stage="None")),
        ("wine/Latest", Named("wine", alias="latest")),
        ("wine@champion", Named("wine", alias="champion")),
        ("models:/wine/3", Named("wine", version="3")),
        ("models:/wine@champion", Named("wine", alias="champion")),
        ("models:/wine/latest", Named("wine", alias="latest")),
        ("a@b", Named("a@b")),
        ("a@b@c", Named("a@b", alias="c")),
        ("50%20", Named("50%20")),
    ],
)
def test_what_a_text_names(opened, text, named):
    opened.create_registered_model("a@b")
    assert registry_names.parse(opened, text) == named


@pytest.mark.parametrize(
    "text", ["", "/3", "wine/", "wine/x", "wine/1/2", "wine/-1", "@a", "wine@", "a:b", "models:/m-" + "0" * 32, "models:wine"]
)
def test_what_names_nothing(opened, text):
    with pytest.raises(MlctlError):
        registry_names.parse(opened, text)


def test_what_is_not_there(mlctl, wine):
    assert "no registered model 'none'" in mlctl("registry", "show", "none", check=124).stderr
    assert "no version 9" in mlctl("registry", "show", "wine/9", check=124).stderr
    assert mlctl.json("registry", "show", "wine@none", check=124)["error"]["code"] == "RESOURCE_DOES_NOT_EXIST"
    assert "stage Archived" in mlctl("registry", "show", "wine/Archived", check=124).stderr


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_list(mlctl, wine, opened):
    opened.create_registered_model("beer")
    lines = mlctl("registry", "list", check=0).stdout.splitlines()
    assert lines[0].split() == ["NAME", "LATEST", "STAGING", "PRODUCTION", "ALIASES", "UPDATED", "DESCRIPTION"]
    assert [line.split()[0] for line in lines[1:]] == ["beer", "wine"]
    assert lines[2].split()[1:5] == ["3", "2", "1", "champion→1"]
    assert lines[2].endswith("red")
    assert mlctl("registry", "list", "--quiet", check=0).stdout.split() == ["beer", "wine"]
    assert mlctl("registry", "list", "-q", "--filter", "tags.team = 'vision'", check=0).stdout.split() == ["wine"]
    assert mlctl("registry", "list", "-q", "--order-by", "name DESC", "-n", "1", check=0).stdout.split() == ["wine"]
    (found,) = mlctl.json("registry", "list", "--filter", "name = 'wine'")["data"]
    assert (found["tags"], found["aliases"]) == ({"team": "vision"}, {"champion": "1"})
    assert {item["current_stage"]: item["version"] for item in found["latest_versions"]} == {"None": "3", "Staging": "2", "Production": "1"}


def test_list_of_versions(mlctl, wine, opened):
    found = mlctl.json("registry", "list", "--versions", "--filter", "stage = 'Staging'")["data"]
    assert [(item["name"], item["version"]) for item in found] == [("wine", "2")]
    names = mlctl("registry", "list", "--versions", "-q", "--order-by", "version_number", check=0).stdout.split()
    assert names == ["wine/1", "wine/2", "wine/3"]
    assert mlctl("registry", "list", "--versions", "--output", "csv", check=0).stdout.startswith("name,version,stage,aliases,run_id,")


def test_an_empty_registry(mlctl, opened):
    assert "mlctl registry register" in mlctl("registry", "list", check=0).stderr


def test_a_model(mlctl, wine):
    out = mlctl("registry", "show", "wine", check=0).stdout
    assert "stages       Staging 2, Production 1" in out
    assert "red\nand white" in out
    assert "team  vision" in out
    rows = [line.split()[:3] for line in out.splitlines() if line.strip()[:1].isdigit()]
    assert rows == [["3", "None", "-"], ["2", "Staging", "-"], ["1", "Production", "champion"]]
    cut = mlctl("registry", "show", "wine", "--limit", "2", check=0)
    assert "more than these 2" in cut.stderr
    assert len(mlctl.json("registry", "show", "wine")["data"]["versions"]) == 3


def test_a_version_and_what_made_it(mlctl, wine, opened):
    run = opened.get_run(opened.get_model_version("wine", "2").run_id)
    data = DatasetInput(Dataset("reds", "abc1", "local", "{}"), (InputTag("mlflow.data.context", "training"),))
    opened.log_inputs(run.info.run_id, datasets=[data])
    out = mlctl("registry", "show", "wine/Staging", check=0).stdout
    for fact in (
        "version      wine/2",
        f"{run.info.run_id}  train 2",
        "reds (abc1) for training",
        "alpha  2",
        "rmse  0.8",
        "stage        Staging",
    ):
        assert fact in out
    found = mlctl.json("registry", "show", "wine@champion")["data"]
    assert (found["version"], found["aliases"], found["run"]["metrics"]) == ("1", ["champion"], {"rmse": 0.9})
    assert found["location"].endswith("/artifacts/model")


def test_a_version_whose_run_is_unknown(mlctl, opened):
    opened.create_registered_model("far")
    opened.create_model_version("far", ModelSource("s3://bucket/model", "f" * 32))
    assert "not there any more" in mlctl("registry", "show", "far/1", check=0).stdout


@pytest.mark.parametrize("name", ["it's", 'a "b"', '"it\'s"', "ö 50% #?&", "a@b", "$(touch pwned)"])
def test_odd_names(mlctl, opened, name):
    opened.create_registered_model(name)
    for _ in range(2):
        opened.create_model_version(name, ModelSource("s3://bucket/model"))
    shown = mlctl.json("registry", "show", name)["data"]
    assert (shown["name"], shown["versions"][0]["version"]) == (name, "2")


def test_history(mlctl, wine, opened):
    opened.delete_model_version("wine", "3")
    found = mlctl.json("registry", "history", "wine")["data"]
    assert [(item["version"], item["action"], item["before"], item["after"]) for item in found][-4:] == [
        ("1", "stage", "None", "Production"),
        ("2", "stage", "None", "Staging"),
        ("1", "alias champion", "", "1"),
        ("3", "version deleted", "", ""),
    ]
    assert all(item["user_id"] and item["timestamp"] for item in found)
    assert [item["action"] for item in mlctl.json("registry", "history", "wine/3")["data"]] == ["version created", "version deleted"]
    assert [item["action"] for item in mlctl.json("registry", "history", "wine@champion", "-n", "1")["data"]] == ["alias champion"]
    assert "None" in mlctl("registry", "history", "wine", check=0).stdout


# ── registering ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_register(mlctl, make_run, opened):
    run_id = make_run(files={"model/MLmodel": "{}"})
    made = mlctl.json("registry", "register", "runs:/@last/model", "wine", "-t", "a=b", "--description", "text", "--alias", "new")["data"]
    assert (made["version"], made["run_id"], made["tags"], made["description"], made["aliases"]) == (
        "1",
        run_id,
        {"a": "b"},
        "text",
        ["new"],
    )
    assert mlctl("registry", "register", f"runs:/{run_id[:10]}/model", "wine", "-q", check=0).stdout == "wine/2\n"
    copy = mlctl.json("registry", "register", "models:/wine@new", "wine copy")["data"]
    assert (copy["name"], copy["version"], copy["run_id"], copy["source"]) == ("wine copy", "1", run_id, "models:/wine/1")
    assert mlctl.json("registry", "register", "s3://bucket/model", "far")["data"]["source"] == "s3://bucket/model"


def test_register_a_logged_model(mlctl, make_run, opened):
    run_id = make_run()
    model = opened.create_logged_model("0", name="forest", source_run_id=run_id)
    made = mlctl.json("registry", "register", f"runs:/{run_id}/forest", "wine")["data"]
    assert (made["source"], made["run_id"]) == (f"models:/{model.model_id}", run_id)
    again = mlctl.json("registry", "register", f"models:/{model.model_id}", "wine")["data"]
    assert (again["version"], again["source"], again["run_id"]) == ("2", f"models:/{model.model_id}", run_id)
    assert "It has made: forest." in mlctl("registry", "register", f"runs:/{run_id}/tree", "wine", check=124).stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("runs:/@last/none", "wine"), 124),
        (("runs:/nonsense/model", "wine"), 124),
        (("runs:/@last/model", "a/b"), 124),
        (("runs:/@last/model", "wine", "--alias", "latest"), 124),
        (("runs:/@last/model", "wine", "--tag", "a"), 2),
        (("models:/none/1", "wine"), 124),
        (("models:/m-00000000000000000000000000000000", "wine"), 124),
    ],
)
def test_nothing_is_registered_by_mistake(mlctl, make_run, opened, arguments, code):
    make_run(files={"model/MLmodel": "{}"})
    mlctl("registry", "register", *arguments, check=code)
    assert opened.search_model_versions() == []


# ── changing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_aliases(mlctl, wine, opened):
    out = mlctl("registry", "alias", "wine/2", "champion", "best", check=0).stdout
    assert out.split() == ["ALIAS", "VERSION", "best", "2", "champion", "2"]
    assert mlctl.json("registry", "alias", "wine", "--delete", "best")["data"]["aliases"] == {"champion": "2"}
    assert mlctl.json("registry", "alias", "wine")["data"]["aliases"] == {"champion": "2"}
    assert mlctl.json("registry", "alias", "wine@champion", "seven", "-d", "champion")["data"]["aliases"] == {"seven": "2"}
    assert "wine/2" in mlctl("registry", "alias", "wine", "best", check=2).stderr
    assert "It has: seven." in mlctl("registry", "alias", "wine", "-d", "none", check=124).stderr
    mlctl("registry", "alias", "wine/2", "a", "-d", "a", check=2)
    mlctl("registry", "alias", "wine/2", "v3", check=124)
    assert opened.get_registered_model("wine").aliases == {"seven": "2"}


def test_tags(mlctl, wine, opened):
    assert mlctl("registry", "tag", "wine", check=0).stdout.split() == ["KEY", "VALUE", "team", "vision"]
    assert mlctl.json("registry", "tag", "wine", "a=b", "-d", "team")["data"]["tags"] == {"a": "b"}
    assert mlctl.json("registry", "tag", "wine/Staging", "c=d=e")["data"]["tags"] == {"c": "d=e"}
    assert (opened.get_registered_model("wine").tags, opened.get_model_version("wine", "2").tags) == ({"a": "b"}, {"c": "d=e"})
    mlctl("registry", "tag", "wine/2", "x=1", "--delete", "none", check=124)
    mlctl("registry", "tag", "wine/2", "x=1", "--delete", "x", check=2)
    assert "x" not in opened.get_model_version("wine", "2").tags
    mlctl("registry", "tag", "wine/2", "-d", "c", check=0)
    assert opened.get_model_version("wine", "2").tags == {}


def test_descriptions(mlctl, wine, opened):
    assert mlctl("registry", "describe", "wine", check=0).stdout == "red\nand white\n"
    assert "there is no description" in mlctl("registry", "describe", "wine/2", check=0).stderr
    mlctl("registry", "describe", "wine/2", "better", check=0)
    assert opened.get_model_version("wine", "2").description == "better"
    assert "unchanged" in mlctl("registry", "describe", "wine@champion", "", check=0).stderr
    assert mlctl.json("registry", "describe", "wine", "--delete")["data"] == {"name": "wine", "description": "", "result": "deleted"}
    assert not opened.get_registered_model("wine").description


def test_delete(mlctl, wine, opened):
    assert "version 1 is in Production" in mlctl("registry", "delete", "wine/1", check=2).stderr
    assert "the alias 'champion' points to version 1" in mlctl("registry", "delete", "wine", check=2).stderr
    mlctl("registry", "delete", "wine/3", check=0)
    mlctl("registry", "delete", "wine/3", check=124)
    mlctl("registry", "delete", "wine/Staging", "--force", check=0)
    assert [item.version for item in opened.search_model_versions()] == ["1"]
    mlctl("registry", "delete", "wine", "--force", check=0)
    assert opened.search_registered_models() == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("registry show ", ["beer", "wine"]),
        ("registry show wi", ["wine"]),
        (
            "registry tag wine/",
            ["wine/3", "wine/2", "wine/1", "wine/None", "wine/Staging", "wine/Production", "wine/Archived", "wine/latest"],
        ),
        ("registry delete wine@", ["wine@champion"]),
        ("registry register s3://bucket/model b", ["beer"]),
        ("registry alias wine/2 ", ["champion"]),
        ("registry alias wine --delete c", ["champion"]),
        ("registry promote wine --from ", ["None", "Staging", "Production", "Archived"]),
        ("registry promote wine/2 --to @", ["@champion"]),
    ],
)
def test_completion(mlctl, wine, opened, line, words):
    opened.create_registered_model("beer")
    head, *found = mlctl("__complete", "zsh", *line.split(" "), check=0).stdout.splitlines()
    assert head == "words"
    assert [item.partition("\t")[0] for item in found] == words


def test_everything_works_with_a_server(mlctl, wine, served):
    commands = [("list",), ("show", "wine"), ("show", "wine/2"), ("history", "wine"), ("list", "--versions")]
    here = [json.loads(mlctl("registry", *each, "--output", "json", check=0).stdout)["data"] for each in commands]
    served()
    there = [json.loads(mlctl("registry", *each, "--output", "json", check=0).stdout)["data"] for each in commands]
    assert _without_places(there) == _without_places(here)
    mlctl("registry", "alias", "wine/2", "best", check=0)
    mlctl("registry", "tag", "wine/2", "a=b", check=0)
    mlctl("registry", "describe", "wine@best", "text", check=0)
    made = mlctl.json("registry", "register", "runs:/@last/model", "wine")["data"]
    assert made["version"] == "4"
    found = mlctl.json("registry", "show", "wine/2")["data"]
    assert (found["aliases"], found["tags"], found["description"]) == (["best"], {"a": "b"}, "text")
    last = mlctl.json("registry", "history", "wine", "-n", "1")["data"][0]
    assert (last["action"], last["version"], bool(last["user_id"])) == ("version created", "4", True)
    mlctl("registry", "delete", "wine/4", check=0)


def _without_places(found):
    """A server tells addresses of its own, and MLflow's API neither a version's user nor its logged model."""
    if isinstance(found, list):
        return [_without_places(item) for item in found]
    if not isinstance(found, dict):
        return found
    left_out = ("location", "source", "user_id", "model_id", "after")
    return {key: _without_places(value) for key, value in found.items() if key not in left_out}
