"""Logged models: made, finalized, tagged, measured and found, in every store."""

import math

import pytest

from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.tracking.entities import Metric
from mlctl.tracking.logged_models import (
    DatasetChoice,
    LoggedModelParameter,
    LoggedModelStatus,
    LoggedModelTag,
    ModelOrder,
)


@pytest.fixture
def model(store, make):
    """Makes a model with some points, as ``{"key": value}`` or as metrics; returns its id."""

    def make_one(name="model", *, metrics=(), params=None, tags=None, run=None, **options):
        found = store.create_logged_model(
            options.pop("experiment", "0"),
            name=name,
            source_run_id=run or "",
            params=[LoggedModelParameter(key, value) for key, value in (params or {}).items()],
            tags=[LoggedModelTag(key, value) for key, value in (tags or {}).items()],
            **options,
        )
        points = [Metric(key, value, 1, 0, found.model_id) for key, value in metrics.items()] if isinstance(metrics, dict) else metrics
        if points:
            own = [Metric(p.key, p.value, p.timestamp, p.step, found.model_id, p.dataset_name, p.dataset_digest) for p in points]
            store.log_batch(run or make(), metrics=own)
        return found.model_id

    return make_one


def names(store, filter_string="", *order_by, **options):
    return [found.name for found in store.search_logged_models(["0"], filter_string=filter_string, order_by=order_by, **options)]


class TestLife:
    def test_a_new_model_is_pending(self, store, make):
        run = make()
        made = store.create_logged_model(
            "0",
            name="forest",
            source_run_id=run,
            model_type="tree",
            params=[LoggedModelParameter("depth", "3")],
            tags=[LoggedModelTag("a", "b")],
        )
        assert made.model_id.startswith("m-")
        assert len(made.model_id) == 34
        assert (made.name, made.source_run_id, made.model_type, made.experiment_id) == ("forest", run, "tree", "0")
        assert (made.params, made.tags, made.metrics) == ({"depth": "3"}, {"a": "b"}, [])
        assert made.status is LoggedModelStatus.PENDING
        assert made.creation_timestamp == made.last_updated_timestamp > 0
        assert made.artifact_location.endswith(f"/models/{made.model_id}/artifacts")
        assert made.model_uri == f"models:/{made.model_id}"
        assert store.get_logged_model(made.model_id) == made

    def test_without_a_name_it_gets_one(self, store):
        assert store.create_logged_model("0").name

    @pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "50%", "it's", 'a"b'])
    def test_names_that_addresses_need(self, store, name):
        with pytest.raises(InvalidValueError):
            store.create_logged_model("0", name=name)

    def test_names_are_not_unique(self, store, model):
        assert model("same") != model("same")

    def test_an_experiment_that_is_not_there(self, store):
        with pytest.raises(NotFoundError):
            store.create_logged_model("77", name="a")

    @pytest.mark.parametrize("status", [LoggedModelStatus.READY, LoggedModelStatus.FAILED, LoggedModelStatus.PENDING])
    def test_finalize(self, store, model, status):
        found = store.finalize_logged_model(model(), status)
        assert found.status is status
        assert found.last_updated_timestamp >= found.creation_timestamp

    def test_delete(self, store, model):
        gone = model("gone")
        store.delete_logged_model(gone)
        store.delete_logged_model(gone)
        with pytest.raises(NotFoundError):
            store.get_logged_model(gone)
        assert store.get_logged_model(gone, allow_deleted=True).name == "gone"
        assert names(store) == []

    @pytest.mark.parametrize(
        "call",
        [
            lambda store: store.get_logged_model("m-none"),
            lambda store: store.finalize_logged_model("m-none", LoggedModelStatus.READY),
            lambda store: store.delete_logged_model("m-none"),
            lambda store: store.set_logged_model_tags("m-none", [LoggedModelTag("a", "b")]),
            lambda store: store.delete_logged_model_tag("m-none", "a"),
            lambda store: store.log_logged_model_params("m-none", [LoggedModelParameter("a", "b")]),
        ],
    )
    def test_a_model_that_is_not_there(self, store, call):
        with pytest.raises(NotFoundError):
            call(store)


class TestPairs:
    def test_tags(self, store, model):
        found = model(tags={"kept": "1", "odd key:/x": "x"})
        store.set_logged_model_tags(found, [LoggedModelTag("kept", "2"), LoggedModelTag("new", "ü")])
        assert store.get_logged_model(found).tags == {"kept": "2", "new": "ü", "odd key:/x": "x"}
        store.delete_logged_model_tag(found, "odd key:/x")
        assert list(store.get_logged_model(found).tags) == ["kept", "new"]
        with pytest.raises(NotFoundError):
            store.delete_logged_model_tag(found, "odd key:/x")

    def test_params_are_written_once(self, store, model):
        found = model(params={"a": "1"})
        store.log_logged_model_params(found, [LoggedModelParameter("b", "2")])
        with pytest.raises(InvalidValueError, match="already"):
            store.log_logged_model_params(found, [LoggedModelParameter("c", "3"), LoggedModelParameter("a", "1")])
        assert store.get_logged_model(found).params == {"a": "1", "b": "2"}

    def test_many_params(self, store):
        params = [LoggedModelParameter(f"p{number}", str(number)) for number in range(250)]
        assert store.create_logged_model("0", name="wide", params=params).params == {item.key: item.value for item in params}


class TestPoints:
    def test_they_belong_to_run_and_model(self, store, make, model):
        run = make()
        found = model(run=run, metrics=[Metric("m", 1.5, 7, 2, dataset_name="data", dataset_digest="d")])
        (point,) = store.get_logged_model(found).metrics
        assert point == Metric("m", 1.5, 7, 2, found, "data", "d", run)
        assert store.metric_history(run, "m") == [Metric("m", 1.5, 7, 2)]
        assert store.get_run(run).data.metrics == {"m": 1.5}

    def test_sent_again_they_are_there_once(self, store, make, model):
        run = make()
        found = model(run=run, metrics=[Metric("m", 1.0, 7, 2)])
        store.log_batch(run, metrics=[Metric("m", 1.0, 7, 2, found), Metric("m", 2.0, 7, 2, found)])
        assert [point.value for point in store.get_logged_model(found).metrics] == [1.0, 2.0]

    def test_nan_stays_nan(self, store, model):
        (point,) = store.get_logged_model(model(metrics={"m": math.nan})).metrics
        assert math.isnan(point.value)

    def test_of_a_model_that_is_not_there(self, store, make):
        run = make()
        with pytest.raises(NotFoundError):
            store.log_batch(run, metrics=[Metric("m", 1.0, 1, 0, "m-none")])
        assert store.get_run(run).data.metrics == {}


class TestSearch:
    @pytest.fixture(autouse=True)
    def models(self, model):
        self.ids = {
            "one": model("one", metrics=[Metric("rmse", 3.0, 1, 0), Metric("rmse", 1.0, 2, 1)], params={"depth": "3"}, tags={"t": "x"}),
            "two": model(
                "two", metrics=[Metric("rmse", 2.0, 1, 0, dataset_name="d", dataset_digest="1")], params={"depth": "10"}, model_type="b"
            ),
            "three": model("three", run=None, params={"depth": "x"}),
        }

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", {"one", "two", "three"}),
            ("name = 'one'", {"one"}),
            ("name LIKE 't%'", {"two", "three"}),
            ("attributes.model_type = 'b'", {"two"}),
            ("metrics.rmse > 2.5", {"one"}),
            ("metrics.rmse < 2.5", {"one", "two"}),
            ("params.depth = '3' OR tags.t IS NULL", {"one", "two", "three"}),
            ("params.depth > 2", {"one", "two"}),
            ("tags.`t` = 'x' AND metrics.rmse = 1", {"one"}),
            ("status = 'PENDING'", {"one", "two", "three"}),
            ("status = 'READY'", set()),
            ("creation_time > 0 AND last_updated_timestamp > 0", {"one", "two", "three"}),
            ("name IN ('one', 'three') AND NOT name = 'one'", {"three"}),
        ],
    )
    def test_filters(self, store, text, expected):
        assert set(names(store, text)) == expected

    @pytest.mark.parametrize("text", ["nonsense = 1", "name > 'a'", "metrics.rmse.min < 2", "metrics.rmse = 'a'", "name = 'a' XX"])
    def test_bad_filters(self, store, text):
        with pytest.raises(InvalidValueError):
            names(store, text)

    def test_points_of_datasets(self, store):
        assert names(store, datasets=[DatasetChoice("d")]) == ["two"]
        assert names(store, datasets=[DatasetChoice("d", "2")]) == []
        assert names(store, "metrics.rmse < 2.5", datasets=[DatasetChoice("d", "1"), DatasetChoice("e")]) == ["two"]

    def test_newest_first(self, store):
        found = store.search_logged_models(["0"])
        assert [item.creation_timestamp for item in found] == sorted((item.creation_timestamp for item in found), reverse=True)

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            (ModelOrder("metrics.rmse"), ["one", "two", "three"]),
            (ModelOrder("metrics.rmse", ascending=False), ["two", "one", "three"]),
            (ModelOrder("metrics.rmse", True, DatasetChoice("d", "1")), ["two"]),
            (ModelOrder("name"), ["one", "three", "two"]),
            (ModelOrder("attributes.name", ascending=False), ["two", "three", "one"]),
        ],
    )
    def test_order(self, store, order, expected):
        assert names(store, "", order)[: len(expected)] == expected

    @pytest.mark.parametrize("field", ["nonsense", "params.depth", "tags.t"])
    def test_bad_order(self, store, field):
        with pytest.raises(InvalidValueError):
            names(store, "", ModelOrder(field))

    def test_pages(self, store):
        first = store.search_logged_models(["0"], order_by=[ModelOrder("name")], max_results=2)
        rest = store.search_logged_models(["0"], order_by=[ModelOrder("name")], max_results=2, page_token=first.token)
        assert [item.name for item in (*first, *rest)] == ["one", "three", "two"]
        assert rest.token is None
        with pytest.raises(InvalidValueError):
            store.search_logged_models(["0"], page_token="nonsense")

    def test_of_other_experiments(self, store, model):
        other = store.create_experiment("other")
        model("elsewhere", experiment=other)
        assert [item.name for item in store.search_logged_models([other])] == ["elsewhere"]
        assert len(store.search_logged_models(["0", other])) == 4
        assert store.search_logged_models([]) == []


def test_files(store, model, tmp_path):
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    files = store.model_artifacts(store.get_logged_model(model()))
    files.put_file(str(tmp_path / "MLmodel"))
    assert [item.path for item in files.list()] == ["MLmodel"]
    assert b"".join(files.read("MLmodel")) == b"flavors: {}\n"
