"""Runs and what is logged to them, on every store."""

import math
import re
import threading
import time

import pytest
from hostile_values import HOSTILE

from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.tracking.entities import STATUSES, ExperimentTag, Metric, Param, RunTag

BAD_KEYS = [
    "",
    ".",
    "..",
    "../x",
    "/a",
    "a/",
    "a//b",
    "./a",
    "a/../b",
    "a/./b",
    "a\n",
    "a\tb",
    "a?",
    'a"b',
    "a'b",
    "a\0b",
    "a=b",
    "k" * 251,
    "..x",
]
GOOD_KEYS = ["a", "A_b-c.d", "dir/sub/x", "a b", "a:b", "é", "模型", "1", "_", "k" * 250, "a..b"]


def latest(store, run_id):
    return store.get_run(run_id).data.metrics


class TestCreate:
    """A run has an id, a name, a status and times from the start."""

    def test_defaults(self, store):
        before = int(time.time() * 1000)
        run = store.create_run("0")
        assert re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", run.info.run_id)
        assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", run.info.run_name)
        assert before <= run.info.start_time <= before + 60_000
        assert (run.info.status, run.info.end_time, run.info.lifecycle_stage) == ("RUNNING", None, "active")
        assert (run.info.experiment_id, run.info.user_id) == ("0", "")
        assert run.data.tags == {"mlflow.runName": run.info.run_name}
        assert store.get_run(run.info.run_id) == run

    def test_everything_given(self, store):
        number = store.create_experiment("e")
        run = store.create_run(
            number,
            run_name="first",
            user_id="ada",
            start_time=5,
            status="SCHEDULED",
            params=[Param("alpha", "0.5")],
            tags=[RunTag("k", "v"), RunTag("k", "w")],
        )
        assert dict(run.info) == {
            "run_id": run.info.run_id,
            "run_name": "first",
            "experiment_id": number,
            "user_id": "ada",
            "status": "SCHEDULED",
            "start_time": 5,
            "end_time": None,
            "artifact_uri": run.info.artifact_uri,
            "lifecycle_stage": "active",
        }
        assert run.info.artifact_uri.endswith(f"/{number}/{run.info.run_id}/artifacts")
        assert run.data.params == {"alpha": "0.5"}
        assert run.data.tags == {"k": "w", "mlflow.runName": "first"}
        assert store.get_run(run.info.run_id) == run

    def test_name_and_tag_are_one_thing(self, store):
        tag = RunTag("mlflow.runName", "tagged")
        assert store.create_run("0", tags=[tag]).info.run_name == "tagged"
        assert store.create_run("0", run_name="tagged", tags=[tag]).info.run_name == "tagged"
        with pytest.raises(InvalidValueError, match=r"'other'.*'tagged'"):
            store.create_run("0", run_name="other", tags=[tag])
        assert store.create_run("0", tags=[RunTag("mlflow.runName", "")]).info.run_name

    def test_start_time_zero_stays(self, store):
        assert store.create_run("0", start_time=0).info.start_time == 0

    @pytest.mark.parametrize("status", ["", "running", "UNFINISHED", "DONE"])
    def test_bad_status(self, store, status):
        with pytest.raises(InvalidValueError, match="status"):
            store.create_run("0", status=status)
        assert store.search_runs(["0"]) == []

    def test_nothing_is_made_when_a_value_is_refused(self, store):
        for options in ({"params": [Param("a//b", "1")]}, {"tags": [RunTag("", "1")]}, {"params": [Param("a", "1"), Param("a", "1")]}):
            with pytest.raises(InvalidValueError):
                store.create_run("0", **options)
        assert store.search_runs(["0"]) == []


class TestGet:
    """Runs are found by id or by the beginning of one."""

    def test_unknown(self, store):
        for run_id in ("0" * 32, "", "no' such; run"):
            with pytest.raises(NotFoundError):
                store.get_run(run_id)

    def test_prefix(self, store, make):
        ids = sorted(make() for _ in range(20))
        assert store.run_ids_with_prefix("", limit=100) == ids
        assert store.run_ids_with_prefix("") == ids[:10]
        assert store.run_ids_with_prefix(ids[3]) == [ids[3]]
        assert store.run_ids_with_prefix(ids[3][:2], limit=100) == [item for item in ids if item.startswith(ids[3][:2])]
        assert store.run_ids_with_prefix("zz") == []
        assert store.run_ids_with_prefix("%") == []
        store.delete_run(ids[0])
        assert store.run_ids_with_prefix(ids[0]) == [ids[0]]


class TestUpdate:
    """Status, end time and name change; any status may follow any other."""

    def test_status_and_end(self, store, make):
        run_id = make(start=10)
        for status in (*STATUSES, "RUNNING"):
            assert store.update_run(run_id, status=status, end_time=20).status == status
        assert store.get_run(run_id).info.end_time == 20
        assert store.update_run(run_id, status="FINISHED").end_time == 20
        assert store.update_run(run_id).status == "FINISHED"

    def test_name(self, store, make):
        run_id = make("old")
        assert store.update_run(run_id, run_name="new").run_name == "new"
        assert store.get_run(run_id).data.tags["mlflow.runName"] == "new"
        assert store.update_run(run_id, run_name="").run_name == "new"

    def test_bad_values_change_nothing(self, store, make):
        run_id = make("name")
        before = store.get_run(run_id)
        for change in ({"status": "GONE", "run_name": "x"}, {"end_time": "x"}, {"end_time": 2**63}, {"end_time": 1.5}):
            with pytest.raises(InvalidValueError):
                store.update_run(run_id, **change)
        assert store.get_run(run_id) == before

    def test_delete_and_restore_can_be_repeated(self, store, make):
        run_id = make()
        for _ in range(2):
            store.delete_run(run_id)
            assert store.get_run(run_id).info.lifecycle_stage == "deleted"
        for _ in range(2):
            store.restore_run(run_id)
            assert store.get_run(run_id).info.lifecycle_stage == "active"


def test_unknown_runs_are_refused(store):
    run_id = "f" * 32
    for call in (
        lambda: store.update_run(run_id, status="FINISHED"),
        lambda: store.delete_run(run_id),
        lambda: store.restore_run(run_id),
        lambda: store.log_batch(run_id, metrics=[Metric("m", 1.0, 0)]),
        lambda: store.log_batch(run_id, params=[Param("p", "1")]),
        lambda: store.log_batch(run_id, tags=[RunTag("t", "1")]),
        lambda: store.log_batch(run_id),
        lambda: store.delete_tag(run_id, "t"),
        lambda: store.finish_run(run_id, status="FINISHED", end_time=1),
    ):
        with pytest.raises(NotFoundError, match=run_id):
            call()


def test_deleted_runs_are_not_written_to(store, make):
    run_id = make(tags={"t": "1"})
    store.log_batch(run_id, metrics=[Metric("m", 1.0, 0)])
    store.delete_run(run_id)
    before = store.get_run(run_id)
    for call in (
        lambda: store.update_run(run_id, status="FINISHED"),
        lambda: store.log_batch(run_id, metrics=[Metric("m", 2.0, 0)]),
        lambda: store.log_batch(run_id, params=[Param("p", "1")]),
        lambda: store.log_batch(run_id, tags=[RunTag("t", "2")]),
        lambda: store.log_batch(run_id),
        lambda: store.delete_tag(run_id, "t"),
    ):
        with pytest.raises(InvalidValueError, match="deleted"):
            call()
    assert store.get_run(run_id) == before


class TestParams:
    """A param is written once."""

    def test_same_value_again(self, store, make):
        run_id = make(params={"a": "1"})
        store.log_batch(run_id, params=[Param("a", "1"), Param("b", "")])
        assert store.get_run(run_id).data.params == {"a": "1", "b": ""}

    def test_another_value_is_refused_and_nothing_is_logged(self, store, make):
        run_id = make(params={"a": "old one"})
        with pytest.raises(InvalidValueError, match=r"'a' is 'old one' and cannot become 'new one'"):
            store.log_batch(run_id, metrics=[Metric("m", 1.0, 0)], params=[Param("b", "1"), Param("a", "new one")], tags=[RunTag("t", "1")])
        run = store.get_run(run_id)
        assert run.data.params == {"a": "old one"}
        assert run.data.metrics == {}
        assert "t" not in run.data.tags

    def test_twice_in_one_call(self, store, make):
        run_id = make()
        with pytest.raises(InvalidValueError, match="'a'"):
            store.log_batch(run_id, params=[Param("a", "1"), Param("b", "2"), Param("a", "1")])
        assert store.get_run(run_id).data.params == {}

    def test_long_values_are_cut(self, store, make):
        run_id = make(params={"a": "x" * 6001})
        assert store.get_run(run_id).data.params == {"a": "x" * 6000}
        store.log_batch(run_id, params=[Param("a", "x" * 7000)])

    @pytest.mark.parametrize("value", [*HOSTILE, "x" * 6000])
    def test_any_text_is_a_value(self, store, make, value):
        run_id = make(params={"p": value}, tags={"t": value})
        data = store.get_run(run_id).data
        assert (data.params["p"], data.tags["t"]) == (value, value)

    @pytest.mark.parametrize("value", [5, None, 0.5, b"x"])
    def test_a_value_is_text(self, store, make, value):
        with pytest.raises(InvalidValueError, match="not text"):
            store.log_batch(make(), params=[Param("p", value)])

    def test_a_lone_surrogate_is_no_text(self, store, make):
        with pytest.raises(InvalidValueError):
            store.log_batch(make(), params=[Param("p", "a\udcffb")])


class TestTags:
    """A tag may change, and go."""

    def test_overwrite_and_last_of_equals(self, store, make):
        run_id = make("name", tags={"a": "1"})
        store.log_batch(run_id, tags=[RunTag("a", "2"), RunTag("b", "3"), RunTag("a", "4")])
        assert store.get_run(run_id).data.tags == {"a": "4", "b": "3", "mlflow.runName": "name"}

    def test_the_name_tag_renames(self, store, make):
        run_id = make("old")
        store.log_batch(run_id, tags=[RunTag("mlflow.runName", "new")])
        assert store.get_run(run_id).info.run_name == "new"
        store.log_batch(run_id, tags=[RunTag("mlflow.runName", "")])
        run = store.get_run(run_id)
        assert (run.info.run_name, run.data.tags["mlflow.runName"]) == ("new", "new")

    def test_delete(self, store, make):
        run_id = make("name", tags={"a": "1"})
        store.delete_tag(run_id, "a")
        store.delete_tag(run_id, "mlflow.runName")
        assert store.get_run(run_id).data.tags == {}
        assert store.get_run(run_id).info.run_name == "name"
        for key in ("a", "never", ""):
            with pytest.raises(NotFoundError):
                store.delete_tag(run_id, key)

    def test_long_values_are_cut(self, store, make):
        assert store.get_run(make(tags={"a": "x" * 8001})).data.tags["a"] == "x" * 8000


@pytest.mark.parametrize("key", GOOD_KEYS)
def test_good_keys(store, make, key):
    run_id = make(params={key: "1"}, tags={key: "2"}, metrics={key: 3.0})
    data = store.get_run(run_id).data
    assert (data.params[key], data.tags[key], data.metrics[key]) == ("1", "2", 3.0)
    store.set_experiment_tag("0", ExperimentTag(key, "4"))
    assert store.get_experiment("0").tags[key] == "4"


@pytest.mark.parametrize("key", BAD_KEYS)
def test_bad_keys(store, make, key):
    run_id = make("name")
    for logged in ({"params": [Param(key, "1")]}, {"tags": [RunTag(key, "1")]}, {"metrics": [Metric("good", 1.0, 0), Metric(key, 1.0, 0)]}):
        with pytest.raises(InvalidValueError, match="key"):
            store.log_batch(run_id, **logged)
    run = store.get_run(run_id)
    assert (run.data.params, run.data.metrics, run.data.tags) == ({}, {}, {"mlflow.runName": "name"})


class TestMetrics:
    """Points are kept, and the latest of each key is known."""

    @pytest.mark.parametrize(
        ("points", "expected"),
        [
            ([(1.0, 5, 0), (2.0, 6, 0)], 2.0),
            ([(2.0, 6, 0), (1.0, 5, 0)], 2.0),
            ([(1.0, 5, 3), (2.0, 6, 2)], 1.0),
            ([(1.0, 5, 0), (3.0, 5, 0), (2.0, 5, 0)], 3.0),
            ([(-1.0, 5, -3), (1.0, 9, -4)], -1.0),
            ([(math.nan, 5, 0), (-1.0, 5, 0)], math.nan),
            ([(math.nan, 5, 0), (1.0, 5, 0)], 1.0),
            ([(0.0, 5, 0), (math.nan, 5, 0)], 0.0),
            ([(math.inf, 5, 0), (1e308, 5, 0)], math.inf),
            ([(-math.inf, 5, 0)], -math.inf),
            ([(1, 5, 0)], 1.0),
        ],
    )
    @pytest.mark.parametrize("together", [True, False])
    def test_latest_value(self, store, make, points, expected, together):
        run_id = make()
        metrics = [Metric("m", *point) for point in points]
        for batch in [metrics] if together else [[metric] for metric in metrics]:
            store.log_batch(run_id, metrics=batch)
        found = latest(store, run_id)["m"]
        assert found == expected or (math.isnan(found) and math.isnan(expected))
        assert isinstance(found, float)

    def test_history_in_order(self, store, make):
        run_id = make()
        points = [(2.0, 5, 1), (1.0, 5, 1), (9.0, 1, 7), (math.nan, 6, 0), (0.5, 5, -2), (math.inf, 7, 0), (-math.inf, 7, 0)]
        store.log_batch(run_id, metrics=[Metric("m", *point) for point in points] + [Metric("other", 1.0, 1)])
        found = [(point.value, point.timestamp, point.step) for point in store.metric_history(run_id, "m")]
        expected = [(9.0, 1, 7), (0.5, 5, -2), (1.0, 5, 1), (2.0, 5, 1), (math.nan, 6, 0), (-math.inf, 7, 0), (math.inf, 7, 0)]
        assert str(found) == str(expected)

    def test_equal_points_are_one(self, store, make):
        run_id = make()
        for _ in range(2):
            store.log_batch(run_id, metrics=[Metric("m", math.nan, 5), Metric("m", math.nan, 5), Metric("m", 0.0, 5), Metric("m", 1.0, 5)])
        assert len(store.metric_history(run_id, "m")) == 3

    def test_points_are_metrics(self, store, make):
        run_id = make(metrics=[Metric("m", 0.1, 5, 2)])
        (point,) = store.metric_history(run_id, "m")
        assert point == Metric("m", 0.1, 5, 2)
        no_model = dict.fromkeys(("model_id", "dataset_name", "dataset_digest", "run_id"))
        assert dict(point) == {"key": "m", "value": 0.1, "timestamp": 5, "step": 2, **no_model}
        assert hash(point) == hash(Metric("m", 0.1, 5, 2))

    def test_every_float_survives(self, store, make):
        values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -2.2250738585072014e-308, 1e16, 123456789.12345679]
        run_id = make(metrics=[Metric("m", value, index) for index, value in enumerate(values)])
        assert [point.value for point in store.metric_history(run_id, "m")] == values

    def test_unknown_history_is_empty(self, store, make):
        run_id = make(metrics={"m": 1.0})
        for found in (store.metric_history(run_id, "n"), store.metric_history("nobody", "m")):
            assert (list(found), found.token) == ([], None)

    def test_pages(self, store, make):
        run_id = make(metrics=[Metric("m", float(step), step, step) for step in range(7)])
        steps, token = [], None
        while True:
            page = store.metric_history(run_id, "m", max_results=3, page_token=token)
            steps.append([point.step for point in page])
            token = page.token
            if token is None:
                break
        assert steps == [[0, 1, 2], [3, 4, 5], [6]]
        assert store.metric_history(run_id, "m", max_results=7).token is None
        for size in (0, -1, "3", 1.0):
            with pytest.raises(InvalidValueError):
                store.metric_history(run_id, "m", max_results=size)

    @pytest.mark.parametrize(
        "metric",
        [
            Metric("m", "1", 0),
            Metric("m", None, 0),
            Metric("m", True, 0),
            Metric("m", 10**400, 0),
            Metric("m", 1.0, -1),
            Metric("m", 1.0, 1.5),
            Metric("m", 1.0, None),
            Metric("m", 1.0, 2**63),
            Metric("m", 1.0, 0, 2**63),
            Metric("m", 1.0, 0, -(2**63) - 1),
            Metric("m", 1.0, 0, 0.5),
            Metric("m", 1.0, 0, True),
        ],
    )
    def test_bad_fields(self, store, make, metric):
        run_id = make()
        with pytest.raises(InvalidValueError, match="'m'"):
            store.log_batch(run_id, metrics=[Metric("good", 1.0, 0), metric])
        assert latest(store, run_id) == {}

    def test_extreme_fields(self, store, make):
        points = [Metric("m", 1.0, 0, -(2**63)), Metric("m", 1.0, 2**63 - 1, 2**63 - 1)]
        run_id = make(metrics=points)
        assert store.metric_history(run_id, "m") == points

    def test_many_keys_and_points(self, store, make):
        run_id = make()
        store.log_batch(run_id, metrics=[Metric(f"m{number}", float(number), 1, step) for number in range(700) for step in range(3)])
        assert latest(store, run_id) == {f"m{number}": float(number) for number in range(700)}


def test_threads_share_a_store(store, make):
    run_id = make()
    failures = []

    def log(thread):
        try:
            for step in range(50):
                store.log_batch(run_id, metrics=[Metric(f"m{thread}", float(step), step, step)], tags=[RunTag(f"t{thread}", str(step))])
                store.get_run(run_id)
        except Exception as error:  # noqa: BLE001 -- told by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert latest(store, run_id) == {f"m{number}": 49.0 for number in range(8)}
    assert [len(store.metric_history(run_id, f"m{number}")) for number in range(8)] == [50] * 8
