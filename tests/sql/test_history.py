"""Many histories at once, long ones in few points, and what a server's answers about runs are made of."""

import contextlib
import math
import random

import pytest

from mlctl.errors import InvalidValueError
from mlctl.sql import history as sql_history
from mlctl.sql import runs as sql_runs
from mlctl.sql.sqlite import SqliteStore
from mlctl.tracking.entities import LoggedModelInput, LoggedModelOutput, Metric, Param, RunTag


@pytest.fixture
def store(place):
    with contextlib.closing(SqliteStore(str(place / "mlctl.db"))) as found:
        yield found


def series(count, key="m"):
    return [Metric(key, float(step), step, step) for step in range(count)]


def run(store, *metrics, **options):
    run_id = store.create_run("0", **options).info.run_id
    store.log_batch(run_id, metrics=metrics)
    return run_id


def sampled(store, run_id, **options):
    with store.reading() as db:
        return sql_history.sampled_history(db, run_id, "m", **options)


def numbers(db, run_ids):
    return [sql_runs.number_of(db, run_id) for run_id in run_ids]


class TestHistories:
    """Runs by id, points in the order of a history, a bound on all of them together."""

    def test_order_and_absent_ones(self, store):
        ids = [run(store, *series(count)) for count in (3, 0, 2)] + [run(store, *series(2, key="other"))]
        with store.reading() as db:
            found = sql_history.histories(db, [*ids, ids[0], "nobody"], "m")
        assert found == sorted([(ids[0], series(3)), (ids[2], series(2))])
        assert sql_history.histories(db, ["nobody"], "m") == []

    def test_points_in_order(self, store):
        points = [Metric("m", 2.0, 5, 1), Metric("m", 1.0, 5, 1), Metric("m", 9.0, 1, 7)]
        run_id = run(store, *points)
        with store.reading() as db:
            assert sql_history.histories(db, [run_id], "m") == [(run_id, sorted(points, key=lambda item: (item.timestamp, item.value)))]

    @pytest.mark.parametrize(("most", "expected"), [(1, [1]), (4, [4]), (5, [4, 1]), (8, [4, 4]), (9, [4, 4, 1]), (10**9, [4, 4, 4])])
    def test_the_bound_counts_all(self, store, most, expected):
        ids = [run(store, *series(4)) for _ in range(3)]
        with store.reading() as db:
            assert [len(points) for _, points in sql_history.histories(db, ids, "m", max_results=most)] == expected

    def test_never_more_than_25000(self, store):
        run_id = run(store, *series(25_001))
        with store.reading() as db:
            assert [len(points) for _, points in sql_history.histories(db, [run_id], "m", max_results=30_000)] == [25_000]

    def test_bad_arguments(self, store):
        with store.reading() as db:
            for run_ids, most in (([], 5), (["a"] * 101, 5), (["a"], 0), (["a"], -1), (["a"], "5")):
                with pytest.raises(InvalidValueError):
                    sql_history.histories(db, run_ids, "m", max_results=most)
            assert sql_history.histories(db, ["a"] * 100, "m") == []


class TestSampled:
    """The first point of each of equal buckets, and the last of all."""

    @pytest.mark.parametrize(
        ("count", "most", "expected"),
        [
            (0, 5, []),
            (1, 1, [0]),
            (5, 5, [0, 1, 2, 3, 4]),
            (5, 2500, [0, 1, 2, 3, 4]),
            (5, 1, [4]),
            (5, 2, [0, 4]),
            (5, 3, [0, 2, 4]),
            (6, 4, [0, 2, 4, 5]),
            (10, 4, [0, 3, 6, 9]),
            (11, 4, [0, 3, 6, 10]),
            (7, 5, [0, 2, 4, 5, 6]),
        ],
    )
    def test_buckets(self, store, count, most, expected):
        assert [point.step for point in sampled(store, run(store, *series(count)), max_results=most)] == expected

    def test_as_ntile_has_it(self, store):
        dice = random.Random(5)
        points = {(dice.choice([0.5, 1.0, math.inf]), dice.randrange(5), dice.randrange(-3, 40)) for _ in range(200)}
        run_id = run(store, *(Metric("m", *point) for point in points), Metric("m", math.nan, 3, 39))
        ntile = (
            "SELECT step, timestamp_ms, value, nan FROM (SELECT *, row_number() OVER (PARTITION BY bucket ORDER BY place) AS first FROM ("
            "SELECT *, ntile(?) OVER (ORDER BY step, timestamp_ms, value, nan) AS bucket, "
            "row_number() OVER (ORDER BY step, timestamp_ms, value, nan) AS place FROM metrics)) WHERE first = 1 ORDER BY place"
        )
        for most in (2, 3, 17, 100, len(points), 2500):
            with store.reading() as db:
                expected = [(step, timestamp, math.nan if nan else value) for step, timestamp, value, nan in db.execute(ntile, (most,))]
            found = [(point.step, point.timestamp, point.value) for point in sampled(store, run_id, max_results=most)]
            assert str(found[:-1]) == str(expected[:-1])
            assert found[-1][0] == max(step for _, _, step in points)

    @pytest.mark.parametrize(
        ("bounds", "expected"), [((2, 4), [2, 3, 4]), ((4, 4), [4]), ((8, 99), [8, 9]), ((10, 11), []), ((-5, 0), [0])]
    )
    def test_interval(self, store, bounds, expected):
        run_id = run(store, *series(10), *series(10, key="n"))
        assert [point.step for point in sampled(store, run_id, start_step=bounds[0], end_step=bounds[1])] == expected

    def test_by_step_and_extremes(self, store):
        points = [Metric("m", 1.0, 9, -(2**63)), Metric("m", 1.0, 5, 0), Metric("m", 1.0, 1, 2**63 - 1)]
        assert sampled(store, run(store, *points)) == points

    def test_unknown(self, store):
        assert sampled(store, "nobody") == []
        assert sampled(store, run(store)) == []

    @pytest.mark.parametrize(
        "options",
        [
            {"max_results": 0},
            {"max_results": 2501},
            {"max_results": True},
            {"start_step": 1},
            {"end_step": 1},
            {"start_step": 2, "end_step": 1},
            {"start_step": 0, "end_step": 2**63},
            {"start_step": "0", "end_step": 5},
        ],
    )
    def test_bad_arguments(self, store, options):
        with pytest.raises(InvalidValueError):
            sampled(store, run(store), **options)


class TestDetails:
    """What a server keeps of runs: everything, with the version that tells whether it is stale."""

    def test_the_same_as_load_and_more(self, store):
        one = run(store, Metric("m", 1.0, 5, 2), Metric("m", 3.0, 9, 1), Metric("n", math.nan, 7), params=[Param("p", "1")])
        two = run(store, tags=[RunTag("t", "x")])
        with store.reading() as db:
            found = sql_runs.details(db, numbers(db, [two, one]))
            loaded = sql_runs.load(db, numbers(db, [two, one]))
        assert [item.info for item in found] == [item.info for item in loaded]
        assert [(item.params, item.tags) for item in found] == [(item.data.params, item.data.tags) for item in loaded]
        assert found[0].metrics == []
        assert str(found[1].metrics) == str([Metric("m", 1.0, 5, 2), Metric("n", math.nan, 7)])
        assert [item.version for item in found] == [1, 1]
        assert sql_runs.details(db, []) == []

    def test_a_few_statements_for_many_runs(self, store):
        ids = [run(store, Metric("m", 1.0, 1), params=[Param("p", "1")]) for _ in range(100)]
        with store.reading() as db:
            wanted = numbers(db, ids)
            execute, asked = db.execute, []
            db.execute = lambda sql, values: asked.append(sql) or execute(sql, values)
            try:
                assert len(sql_runs.details(db, wanted)) == 100
            finally:
                db.execute = execute
        assert len(asked) <= 5

    def test_versions(self, store):
        ids = [run(store) for _ in range(3)]
        store.delete_run(ids[2])
        with store.reading() as db:
            before = sql_runs.versions(db, ids)
        changes = [
            lambda run_id: store.log_batch(run_id, metrics=series(1)),
            lambda run_id: store.log_batch(run_id, tags=[RunTag("t", "x")]),
            lambda run_id: store.delete_tag(run_id, "t"),
            lambda run_id: store.update_run(run_id, run_name="new"),
            lambda run_id: store.log_inputs(run_id, models=[LoggedModelInput("m")]),
            lambda run_id: store.log_outputs(run_id, [LoggedModelOutput("m")]),
            store.delete_run,
            store.restore_run,
        ]
        for change in changes:
            change(ids[0])
        with store.reading() as db:
            found = sql_runs.versions(db, [*ids, "nobody", ids[0]])
            assert found == {ids[0]: before[ids[0]] + len(changes), ids[1]: before[ids[1]], ids[2]: before[ids[2]]}
            assert sql_runs.versions_of(db, [*numbers(db, ids), 99]) == {sql_runs.number_of(db, run_id): found[run_id] for run_id in ids}
            assert sql_runs.versions(db, []) == sql_runs.versions_of(db, []) == {}
