"""The model registry in every store: names, versions, stages, aliases, where versions come from, history, search."""

import threading

import pytest

from mlctl.errors import ConflictError, ExistsError, InvalidValueError, NotFoundError
from mlctl.tracking.logged_models import LoggedModelStatus
from mlctl.tracking.registry import ModelSource

ELSEWHERE = ModelSource("s3://bucket/model")


@pytest.fixture
def name(store):
    """A registered model with three versions."""
    store.create_registered_model("forest", tags=[("team", "a")], description="trees")
    for _ in range(3):
        store.create_model_version("forest", ELSEWHERE)
    return "forest"


def stages(store, name):
    found = store.search_model_versions(filter_string=f"name = '{name}'", order_by=["version_number"])
    return [version.current_stage for version in found]


class TestModels:
    def test_create(self, store):
        made = store.create_registered_model("forest", tags=[("team", "a")], description="trees")
        assert (made.name, made.tags, made.description, made.aliases, made.latest_versions) == ("forest", {"team": "a"}, "trees", {}, [])
        assert made.creation_timestamp == made.last_updated_timestamp > 0
        assert store.get_registered_model("forest") == made
        assert dict(made)["name"] == "forest"

    def test_a_name_is_taken_once(self, store, name):
        with pytest.raises(ExistsError):
            store.create_registered_model(name)
        assert store.create_registered_model("Forest").name == "Forest"

    @pytest.mark.parametrize("bad", ["", " ", "a/b", "a:b", ".", ".."])
    def test_bad_names(self, store, bad):
        with pytest.raises(InvalidValueError):
            store.create_registered_model(bad)

    @pytest.mark.parametrize("odd", ["it's", "ö 50% #?&", "a\\b", '"', "m-1"])
    def test_odd_names(self, store, odd):
        store.create_registered_model(odd)
        store.create_model_version(odd, ELSEWHERE)
        assert store.get_model_version(odd, "1").name == odd
        store.delete_registered_model(odd)

    def test_update_and_rename(self, store, name):
        assert store.update_registered_model(name, "new").description == "new"
        store.set_registered_model_alias(name, "best", "2")
        renamed = store.rename_registered_model(name, "wood")
        assert (renamed.name, renamed.aliases) == ("wood", {"best": "2"})
        assert store.get_model_version("wood", "3").name == "wood"
        with pytest.raises(NotFoundError):
            store.get_registered_model(name)
        store.create_registered_model("other")
        with pytest.raises(ExistsError):
            store.rename_registered_model("wood", "other")

    def test_delete(self, store, name):
        store.delete_registered_model(name)
        with pytest.raises(NotFoundError):
            store.get_registered_model(name)
        assert store.search_model_versions() == []
        store.create_registered_model(name)
        assert store.get_registered_model(name).latest_versions == []
        assert [event.action for event in store.registry_history(name)] == ["created"]

    def test_tags(self, store, name):
        store.set_registered_model_tag(name, "team", "b")
        store.set_registered_model_tag(name, "long", "x" * 9000)
        store.delete_registered_model_tag(name, "absent")
        assert store.get_registered_model(name).tags == {"team": "b", "long": "x" * 9000}
        store.delete_registered_model_tag(name, "long")
        assert store.get_registered_model(name).tags == {"team": "b"}
        with pytest.raises(InvalidValueError):
            store.set_registered_model_tag(name, "k", "x" * 100_001)


class TestVersions:
    def test_they_count_up_and_numbers_are_given_once(self, store, name):
        store.delete_model_version(name, "3")
        assert store.create_model_version(name, ELSEWHERE).version == "4"
        with pytest.raises(NotFoundError):
            store.get_model_version(name, "3")

    def test_what_one_has(self, store, name, make):
        run = make()
        made = store.create_model_version(name, ModelSource("s3://b/m", run), tags=[("a", "b")], run_link="link", description="text")
        assert (made.version, made.source, made.run_id, made.run_link, made.description) == ("4", "s3://b/m", run, "link", "text")
        assert (made.current_stage, made.status, made.tags, made.aliases) == ("None", "READY", {"a": "b"}, [])
        assert made.user_id
        assert store.get_model_version(name, "4") == made
        assert store.model_version_location(name, "4") == "s3://b/m"
        assert store.update_model_version(name, "4", "new").description == "new"

    @pytest.mark.parametrize("version", ["", "x", "1.5", "latest"])
    def test_bad_numbers(self, store, name, version):
        with pytest.raises(InvalidValueError):
            store.get_model_version(name, version)

    def test_tags(self, store, name):
        store.set_model_version_tag(name, "1", "a", "b")
        store.delete_model_version_tag(name, "1", "absent")
        assert store.get_model_version(name, "1").tags == {"a": "b"}
        store.delete_model_version_tag(name, "1", "a")
        assert store.get_model_version(name, "1").tags == {}

    def test_of_nothing(self, store, name):
        with pytest.raises(NotFoundError):
            store.create_model_version("none", ELSEWHERE)
        with pytest.raises(NotFoundError):
            store.transition_model_version(name, "9", "Staging")


class TestSources:
    def test_of_a_logged_model(self, store, name, make):
        run = make()
        model = store.create_logged_model("0", name="m", source_run_id=run)
        store.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        made = store.create_model_version(name, ModelSource(f"models:/{model.model_id}", model_id=model.model_id))
        assert (made.run_id, made.source) == (run, f"models:/{model.model_id}")
        assert store.model_version_location(name, made.version) == model.artifact_location
        assert store.get_logged_model(model.model_id).tags["mlflow.modelVersions"] == '[{"name": "forest", "version": 4}]'

    def test_of_another_version(self, store, name, make):
        run = make()
        store.create_model_version(name, ModelSource("s3://b/m", run))
        store.create_registered_model("copy")
        made = store.create_model_version("copy", ModelSource(f"models:/{name}/latest"))
        assert (made.source, made.run_id) == (f"models:/{name}/4", run)
        assert store.model_version_location("copy", "1") == "s3://b/m"

    def test_of_a_run(self, store, name, make):
        run = make()
        made = store.create_model_version(name, ModelSource(f"runs:/{run}/a/model", run))
        assert store.model_version_location(name, made.version) == f"{store.get_run(run).info.artifact_uri}/a/model"

    def test_of_the_files_of_a_run(self, store, name, make):
        run = make()
        uri = f"{store.get_run(run).info.artifact_uri}/model"
        made = store.create_model_version(name, ModelSource(uri, run))
        assert made.source == store.model_version_location(name, made.version) == uri

    @pytest.mark.parametrize(
        "source", ["models:/none/1", "models:/m-0123456789abcdef0123456789abcdef", "models:/forest@none", "models:/forest"]
    )
    def test_of_nothing(self, store, name, source):
        model_id = source[8:] if source.startswith("models:/m-") else ""
        with pytest.raises((NotFoundError, InvalidValueError)):
            store.create_model_version(name, ModelSource(source, model_id=model_id))
        assert store.create_model_version(name, ELSEWHERE).version == "4"


class TestStages:
    def test_names_are_written_in_one_way(self, store, name):
        assert store.transition_model_version(name, "1", "STAGING").current_stage == "Staging"
        with pytest.raises(InvalidValueError):
            store.transition_model_version(name, "1", "Nowhere")

    def test_others_are_archived(self, store, name):
        for version in ("1", "2"):
            store.transition_model_version(name, version, "Production")
        store.transition_model_version(name, "3", "production", archive_existing=True)
        assert stages(store, name) == ["Archived", "Archived", "Production"]
        with pytest.raises(InvalidValueError):
            store.transition_model_version(name, "3", "Archived", archive_existing=True)

    def test_latest(self, store, name):
        store.transition_model_version(name, "1", "Production")
        store.transition_model_version(name, "2", "Production")
        found = store.latest_model_versions(name)
        assert [(version.current_stage, version.version) for version in found] == [("Production", "2"), ("None", "3")]
        assert [version.version for version in store.latest_model_versions(name, ["production", "Staging"])] == ["2"]
        assert [version.version for version in store.get_registered_model(name).latest_versions] == ["2", "3"]

    def test_only_from_where_it_was(self, store, name):
        store.transition_model_version(name, "1", "Staging", only_from="None")
        with pytest.raises(ConflictError):
            store.transition_model_version(name, "1", "Production", only_from="None")
        assert stages(store, name) == ["Staging", "None", "None"]

    def test_only_over_what_was_there(self, store, name):
        store.transition_model_version(name, "1", "Production", only_over="")
        with pytest.raises(ConflictError):
            store.transition_model_version(name, "2", "Production", only_from="None", only_over="")
        store.transition_model_version(name, "2", "Production", archive_existing=True, only_from="None", only_over="1")
        with pytest.raises(ConflictError, match="version 2, where version 1 was"):
            store.transition_model_version(name, "3", "Production", archive_existing=True, only_over="1")
        assert stages(store, name) == ["Archived", "Production", "None"]

    def test_two_at_once(self, store, name):
        """One of those who promote a version at once wins, the others get a conflict, and the history has one line of it."""
        store.transition_model_version(name, "1", "Production")
        store.transition_model_version(name, "2", "Staging")
        start, outcomes = threading.Barrier(6), []

        def promote():
            start.wait()
            try:
                outcomes.append(store.transition_model_version(name, "2", "Production", archive_existing=True, only_from="Staging"))
            except ConflictError as error:
                outcomes.append(error)

        threads = [threading.Thread(target=promote) for _ in range(6)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert len([item for item in outcomes if isinstance(item, ConflictError)]) == 5
        assert stages(store, name) == ["Archived", "Production", "None"]
        moves = [(event.version, event.before, event.after) for event in store.registry_history(name) if event.action == "stage"]
        assert moves[-2:] == [("1", "Production", "Archived"), ("2", "Staging", "Production")]
        assert len(moves) == 4

    def test_different_ones_at_once(self, store, name):
        """All have seen version 1 in Production and promote versions of their own: one replaces it, the others get a conflict."""
        for _ in range(3):
            store.create_model_version(name, ELSEWHERE)
        store.transition_model_version(name, "1", "Production")
        start, outcomes = threading.Barrier(5), []

        def promote(version):
            start.wait()
            try:
                store.transition_model_version(name, version, "Production", archive_existing=True, only_from="None", only_over="1")
                outcomes.append(version)
            except ConflictError:
                outcomes.append("conflict")

        threads = [threading.Thread(target=promote, args=(version,)) for version in "23456"]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert outcomes.count("conflict") == 4
        (winner,) = [outcome for outcome in outcomes if outcome != "conflict"]
        assert stages(store, name) == ["Archived", *("Production" if version == winner else "None" for version in "23456")]
        moves = [(event.version, event.after) for event in store.registry_history(name) if event.action == "stage"]
        assert moves == [("1", "Production"), ("1", "Archived"), (winner, "Production")]


class TestAliases:
    def test_they_point_and_move(self, store, name):
        store.set_registered_model_alias(name, "best", "1")
        store.set_registered_model_alias(name, "best", "2")
        store.set_registered_model_alias(name, "7", "2")
        assert store.get_registered_model(name).aliases == {"7": "2", "best": "2"}
        assert store.get_model_version(name, "2").aliases == ["7", "best"]
        assert store.get_model_version_by_alias(name, "best").version == "2"
        assert store.get_model_version_by_alias(name, "latest").version == "3"
        store.delete_registered_model_alias(name, "best")
        store.delete_registered_model_alias(name, "best")
        with pytest.raises(InvalidValueError):
            store.get_model_version_by_alias(name, "best")

    def test_only_over_where_they_pointed(self, store, name):
        store.set_registered_model_alias(name, "best", "1", only_over="")
        store.set_registered_model_alias(name, "best", "2", only_over="1")
        for over in ("1", "", "3"):
            with pytest.raises(ConflictError):
                store.set_registered_model_alias(name, "best", "3", only_over=over)
        assert store.get_registered_model(name).aliases == {"best": "2"}
        moves = [(event.before, event.after) for event in store.registry_history(name) if event.action == "alias best"]
        assert moves == [("", "1"), ("1", "2")]

    def test_letters_of_any_language(self, store, name):
        store.set_registered_model_alias(name, "beste_é-1", "1")
        assert store.get_model_version_by_alias(name, "beste_é-1").version == "1"

    @pytest.mark.parametrize("alias", ["", "latest", "Latest", "v3", "V12", "a b", "a@b", "x" * 256])
    def test_bad_ones(self, store, name, alias):
        with pytest.raises(InvalidValueError):
            store.set_registered_model_alias(name, alias, "1")

    def test_of_versions_that_are_not_there(self, store, name):
        with pytest.raises(NotFoundError):
            store.set_registered_model_alias(name, "best", "9")
        with pytest.raises(NotFoundError):
            store.get_model_version_by_alias("none", "best")

    def test_they_go_with_their_version(self, store, name):
        store.set_registered_model_alias(name, "best", "1")
        store.delete_model_version(name, "1")
        assert store.get_registered_model(name).aliases == {}


def test_history(store, name):
    store.set_registered_model_alias(name, "best", "1")
    store.set_registered_model_alias(name, "best", "2")
    store.transition_model_version(name, "2", "Staging")
    store.rename_registered_model(name, "wood")
    store.delete_model_version("wood", "3")
    found = store.registry_history("wood")
    assert [(event.version, event.action, event.before, event.after) for event in found if event.action != "version created"] == [
        (None, "created", "", ""),
        ("1", "alias best", "", "1"),
        ("2", "alias best", "1", "2"),
        ("2", "stage", "None", "Staging"),
        (None, "renamed", "forest", "wood"),
        ("3", "version deleted", "", ""),
    ]
    assert all(event.user_id and event.timestamp > 0 for event in found)


class TestSearch:
    @pytest.fixture(autouse=True)
    def models(self, store, make):
        self.run = make()
        for number, own in enumerate(["alpha", "beta", "gamma"]):
            store.create_registered_model(own, tags=[("n", str(number))])
            store.create_model_version(own, ModelSource(f"s3://b/{own}", self.run if number == 1 else ""), tags=[("n", str(number))])
        store.create_registered_model("a prompt", tags=[("mlflow.prompt.is_prompt", "true")])
        store.create_model_version("beta", ModelSource("s3://b/2"))
        store.transition_model_version("beta", "1", "Production")

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", ["alpha", "beta", "gamma"]),
            ("name LIKE '%a' AND tags.n != '0'", ["beta", "gamma"]),
            ("name IN ('alpha', 'gamma')", ["alpha", "gamma"]),
            ("name ILIKE 'ALPHA' OR tag.n = '2'", ["alpha", "gamma"]),
            ("tag.`mlflow.prompt.is_prompt` != 'true'", ["alpha", "beta", "gamma"]),
            ("tags.`mlflow.prompt.is_prompt` = 'true'", ["a prompt"]),
            ("name LIKE 'a%' AND tags.`mlflow.prompt.is_prompt` = 'false'", ["alpha"]),
        ],
    )
    def test_models(self, store, text, expected):
        assert [model.name for model in store.search_registered_models(filter_string=text)] == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("name = 'beta'", ["beta 1", "beta 2"]),
            ("version_number > 1", ["beta 2"]),
            ("source_path LIKE 's3://b/g%'", ["gamma 1"]),
            ("tags.n = '0'", ["alpha 1"]),
            ("stage = 'Production'", ["beta 1"]),
        ],
    )
    def test_versions(self, store, text, expected):
        found = store.search_model_versions(filter_string=text, order_by=["name", "version_number"])
        assert [f"{version.name} {version.version}" for version in found] == expected

    def test_versions_of_a_run(self, store):
        assert [version.name for version in store.search_model_versions(filter_string=f"run_id = '{self.run}'")] == ["beta"]

    def test_order(self, store):
        assert [model.name for model in store.search_registered_models(order_by=["name DESC"])] == ["gamma", "beta", "alpha"]
        assert store.search_model_versions()[0].name == "beta"

    @pytest.mark.parametrize("text", ["nonsense = 'a'", "version_number = 'a'", "name > 'a'", "metrics.m > 1"])
    def test_bad_filters(self, store, text):
        with pytest.raises(InvalidValueError):
            store.search_model_versions(filter_string=text)

    def test_pages(self, store):
        first = store.search_registered_models(max_results=2)
        rest = store.search_registered_models(max_results=2, page_token=first.token)
        assert [model.name for model in (*first, *rest)] == ["alpha", "beta", "gamma"]
        assert rest.token is None
        for most in (0, 1001):
            with pytest.raises(InvalidValueError):
                store.search_registered_models(max_results=most)
