"""One suite for every tracking store: a store is a row of FACTORIES, a context manager that gives an empty one."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlctl.tracking.entities import Metric, Param, Run, RunTag
from mlctl.tracking.sqlite import SqliteStore
from mlctl.tracking.store import TrackingStore


@contextlib.contextmanager
def _sqlite(folder: Path) -> Iterator[TrackingStore]:
    with contextlib.closing(SqliteStore(str(folder / "it's a 'fold er'; #?%" / "mlctl.db"))) as store:
        yield store


FACTORIES: dict[str, Callable[[Path], contextlib.AbstractContextManager[TrackingStore]]] = {"sqlite": _sqlite}


@pytest.fixture(params=sorted(FACTORIES))
def store(request, tmp_path):
    with FACTORIES[request.param](tmp_path) as found:
        yield found


class Make:
    """Short ways to make runs."""

    def __init__(self, store: TrackingStore) -> None:
        self.store = store

    def __call__(self, name="", *, experiment="0", start=None, metrics=(), params=None, tags=None, **options) -> str:
        """A run; metrics are a dict of values or a list of metrics. Returns its id."""
        run: Run = self.store.create_run(
            experiment,
            run_name=name,
            start_time=start,
            params=[Param(key, value) for key, value in (params or {}).items()],
            tags=[RunTag(key, value) for key, value in (tags or {}).items()],
            **options,
        )
        points = [Metric(key, value, 0) for key, value in metrics.items()] if isinstance(metrics, dict) else list(metrics)
        if points:
            self.store.log_batch(run.info.run_id, metrics=points)
        return run.info.run_id

    def found(self, filter_string="", *order_by, experiments=("0",), **options) -> list[str]:
        """Names of the runs that a search finds, in order."""
        page = self.store.search_runs(list(experiments), filter_string=filter_string, order_by=order_by, **options)
        return [run.info.run_name for run in page]


@pytest.fixture
def make(store):
    return Make(store)
