"""Experiments, on every store."""

import time

import pytest
from hostile_values import HOSTILE

from mlctl.errors import ExistsError, InvalidValueError, NotFoundError
from mlctl.tracking.entities import ALL, DELETED_ONLY, ExperimentTag


def names(page):
    return [experiment.name for experiment in page]


def test_default_is_there_from_the_start(store):
    default = store.get_experiment("0")
    assert (default.name, default.lifecycle_stage, default.tags) == ("Default", "active", {})
    assert abs(default.creation_time - time.time() * 1000) < 60_000
    assert store.get_experiment_by_name("Default") == default
    assert names(store.search_experiments()) == ["Default"]


def test_create_and_get(store):
    before = int(time.time() * 1000)
    number = store.create_experiment("first", tags=[ExperimentTag("team", "vision"), ExperimentTag("mlflow.note.content", "x" * 20000)])
    assert number == "1"
    assert store.create_experiment("second") == "2"
    found = store.get_experiment(number)
    assert found.tags == {"team": "vision", "mlflow.note.content": "x" * 20000}
    assert before <= found.creation_time == found.last_update_time
    assert found.artifact_location.endswith("/1")


@pytest.mark.parametrize("name", [*HOSTILE, "n" * 500])
def test_any_text_is_a_name(store, name):
    number = store.create_experiment(name)
    assert store.get_experiment_by_name(name).experiment_id == number
    assert store.get_experiment(number).name == name


def test_artifact_location_is_kept(store):
    number = store.create_experiment("here", artifact_location="/data/my artifacts")
    assert store.get_experiment(number).artifact_location == "/data/my artifacts"
    run = store.create_run(number)
    assert run.info.artifact_uri == f"/data/my artifacts/{run.info.run_id}/artifacts"


@pytest.mark.parametrize("location", ["runs:/abc/x", "s3://bucket/a#b", "s3://bucket/a;b", "s3://bucket/a?x=../y", "x" * 2049])
def test_bad_artifact_location(store, location):
    with pytest.raises(InvalidValueError):
        store.create_experiment("there", artifact_location=location)
    assert store.get_experiment_by_name("there") is None


@pytest.mark.parametrize("name", ["", "n" * 501])
def test_bad_name(store, name):
    with pytest.raises(InvalidValueError):
        store.create_experiment(name)
    with pytest.raises(InvalidValueError):
        store.rename_experiment("0", name)


@pytest.mark.parametrize(
    "tag", [ExperimentTag("", "x"), ExperimentTag("a//b", "x"), ExperimentTag("k" * 251, "x"), ExperimentTag("k", "x" * 20001)]
)
def test_bad_tag(store, tag):
    with pytest.raises(InvalidValueError):
        store.create_experiment("tagged", tags=[tag])
    assert store.get_experiment_by_name("tagged") is None
    with pytest.raises(InvalidValueError):
        store.set_experiment_tag("0", tag)


def test_a_name_is_unique_also_among_deleted_ones(store):
    number = store.create_experiment("mine")
    with pytest.raises(ExistsError, match="mine"):
        store.create_experiment("mine")
    store.delete_experiment(number)
    with pytest.raises(ExistsError, match="deleted") as caught:
        store.create_experiment("mine")
    assert f"restore {number}" in caught.value.hint


@pytest.mark.parametrize("number", ["7", "-1", "99999999999999999999"])
def test_unknown_id(store, number):
    for call in (store.get_experiment, store.delete_experiment, store.restore_experiment, store.create_run):
        with pytest.raises(NotFoundError):
            call(number)


@pytest.mark.parametrize("number", ["", "x", "1.5", " 1", "1\n", "0x1"])
def test_an_id_is_an_integer(store, number):
    for call in (store.get_experiment, store.delete_experiment, store.create_run):
        with pytest.raises(InvalidValueError):
            call(number)
    with pytest.raises(InvalidValueError):
        store.search_runs([number])


def test_unknown_name(store):
    assert store.get_experiment_by_name("nobody") is None


def test_rename(store):
    number = store.create_experiment("old")
    time.sleep(0.002)
    store.rename_experiment(number, "new")
    found = store.get_experiment(number)
    assert found.name == "new"
    assert found.last_update_time > found.creation_time
    assert store.get_experiment_by_name("old") is None
    store.rename_experiment(number, "new")
    with pytest.raises(ExistsError):
        store.rename_experiment(number, "Default")
    with pytest.raises(NotFoundError):
        store.rename_experiment("9", "other")


def test_delete_and_restore_take_the_runs_along(store, make):
    number = store.create_experiment("mine")
    kept, gone = make("kept", experiment=number), make("gone", experiment=number)
    other = make("other")
    store.delete_run(gone)
    store.delete_experiment(number)
    assert store.get_experiment(number).lifecycle_stage == "deleted"
    assert store.get_run(kept).info.lifecycle_stage == "deleted"
    assert store.get_run(other).info.lifecycle_stage == "active"
    assert make.found(experiments=[number]) == []
    store.restore_experiment(number)
    assert store.get_experiment(number).lifecycle_stage == "active"
    assert {store.get_run(run).info.lifecycle_stage for run in (kept, gone)} == {"active"}


def test_delete_and_restore_need_the_other_state(store):
    number = store.create_experiment("mine")
    with pytest.raises(NotFoundError):
        store.restore_experiment(number)
    store.delete_experiment(number)
    with pytest.raises(NotFoundError):
        store.delete_experiment(number)


def test_a_deleted_experiment_is_not_written_to(store):
    number = store.create_experiment("mine", tags=[ExperimentTag("k", "v")])
    store.delete_experiment(number)
    for call in (
        lambda: store.create_run(number),
        lambda: store.set_experiment_tag(number, ExperimentTag("a", "b")),
        lambda: store.delete_experiment_tag(number, "k"),
        lambda: store.rename_experiment(number, "yours"),
    ):
        with pytest.raises(InvalidValueError, match="deleted"):
            call()
    assert store.get_experiment(number).tags == {"k": "v"}


def test_tags(store):
    store.set_experiment_tag("0", ExperimentTag("team", "a"))
    store.set_experiment_tag("0", ExperimentTag("team", "b"))
    store.set_experiment_tag("0", ExperimentTag("note", ""))
    assert store.get_experiment("0").tags == {"team": "b", "note": ""}
    store.delete_experiment_tag("0", "team")
    assert store.get_experiment("0").tags == {"note": ""}
    with pytest.raises(NotFoundError, match="team"):
        store.delete_experiment_tag("0", "team")


class TestSearch:
    """Experiments are found by name, id, time and tag."""

    @pytest.fixture(autouse=True)
    def _filled(self, store):
        for name, team in (("apple", "a"), ("Apple pie", "A"), ("100% juice", None), ("it's", "b")):
            store.create_experiment(name, tags=[ExperimentTag("team", team)] if team else [])
            time.sleep(0.002)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", ["it's", "100% juice", "Apple pie", "apple", "Default"]),
            ("name = 'apple'", ["apple"]),
            ("attribute.name != 'apple'", ["it's", "100% juice", "Apple pie", "Default"]),
            ('name = "it\'s"', ["it's"]),
            ("name LIKE 'App%'", ["Apple pie"]),
            ("name ILIKE 'APP%'", ["Apple pie", "apple"]),
            ("name like '%pie' AND tags.team = 'A'", ["Apple pie"]),
            ("tags.team ILIKE 'a'", ["Apple pie", "apple"]),
            ("tag.team != 'a'", ["it's", "Apple pie"]),
            ("tags.team IS NULL", ["100% juice", "Default"]),
            ("tags.team IS NOT NULL", ["it's", "Apple pie", "apple"]),
            ("experiment_id IN ('0', '2', '77')", ["Apple pie", "Default"]),
            ("experiment_id NOT IN ('0', '2')", ["it's", "100% juice", "apple"]),
            ("experiment_id = '1'", ["apple"]),
            ("experiment_id != '99999999999999999999999'", ["it's", "100% juice", "Apple pie", "apple", "Default"]),
            ("creation_time > 0 AND last_update_time < 5", []),
        ],
    )
    def test_filter(self, store, text, expected):
        assert names(store.search_experiments(filter_string=text)) == expected

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            (["name"], ["100% juice", "Apple pie", "Default", "apple", "it's"]),
            (["attribute.name DESC"], ["it's", "apple", "Default", "Apple pie", "100% juice"]),
            (["experiment_id"], ["Default", "apple", "Apple pie", "100% juice", "it's"]),
            (["creation_time", "name"], ["Default", "apple", "Apple pie", "100% juice", "it's"]),
        ],
    )
    def test_order(self, store, order, expected):
        assert names(store.search_experiments(order_by=order)) == expected

    def test_view(self, store):
        store.delete_experiment("1")
        assert "apple" not in names(store.search_experiments())
        assert names(store.search_experiments(view=DELETED_ONLY)) == ["apple"]
        assert len(store.search_experiments(view=ALL)) == 5
        with pytest.raises(InvalidValueError):
            store.search_experiments(view="SOME")

    def test_pages(self, store):
        first = store.search_experiments(max_results=2)
        second = store.search_experiments(max_results=2, page_token=first.token)
        third = store.search_experiments(max_results=2, page_token=second.token)
        assert names(first + second + third) == names(store.search_experiments())
        assert third.token is None
        assert store.search_experiments(max_results=5).token is None

    @pytest.mark.parametrize(
        "text",
        [
            "name > 'a'",
            "name BETWEEN 'a' AND 'b'",
            "(name = 'a'",
            "experiment_id = 'x'",
            "experiment_id > '1'",
            "creation_time > 1.5",
            "creation_time = '1'",
            "tags.team IN ('a', 5)",
            "attributes.name = 'apple'",
            "params.x = 'y'",
            "lifecycle_stage = 'active'",
            "name IS",
        ],
    )
    def test_bad_filter(self, store, text):
        with pytest.raises(InvalidValueError, match="column"):
            store.search_experiments(filter_string=text)

    @pytest.mark.parametrize("order", [["tags.team"], ["lifecycle_stage"], ["name", "attribute.name"], ["name sideways"], [""]])
    def test_bad_order(self, store, order):
        with pytest.raises(InvalidValueError):
            store.search_experiments(order_by=order)

    @pytest.mark.parametrize("size", [0, -1, 50001, "5", None, True])
    def test_bad_page_size(self, store, size):
        with pytest.raises(InvalidValueError):
            store.search_experiments(max_results=size)
