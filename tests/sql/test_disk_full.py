"""A disk without space: what was logged stays, the error says so, and a run's end is still written."""

import contextlib
import os
import subprocess

import pytest

from mlctl.errors import StoreError
from mlctl.sql import sqlite_file
from mlctl.sql.sqlite import SqliteStore
from mlctl.tracking import owners
from mlctl.tracking.entities import Metric, RunTag


@pytest.fixture
def disk(place):
    """A file system of 4 MB."""
    mounted = place / "small disk"
    mounted.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", mounted], check=True)
    yield mounted
    subprocess.run(["umount", mounted], check=True)


def fill(disk):
    """Use up what space is left, to the last block."""
    with (disk / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert os.statvfs(disk).f_bavail == 0


def log_until_full(store, run_id):
    """Log points until the disk takes no more; returns the last step that was acknowledged, and the error."""
    step = 0
    try:
        while True:
            store.log_batch(run_id, metrics=[Metric("loss", float(step + number), step + number, step + number) for number in range(100)])
            step += 100
    except StoreError as error:
        return step - 1, error


@pytest.mark.engine("tmpfs")
class TestFullDisk:
    """On a real small file system."""

    @pytest.fixture
    def store(self, disk):
        with contextlib.closing(SqliteStore(str(disk / "mlruns" / "mlctl.db"))) as found:
            yield found

    def test_logging_fails_with_a_sentence_and_loses_nothing(self, store, disk):
        run_id = store.create_run("0").info.run_id
        last, error = log_until_full(store, run_id)
        assert last > 1000
        assert error.message == f"The disk that holds {disk}/mlruns/mlctl.db is full."
        assert [point.step for point in store.metric_history(run_id, "loss")] == list(range(last + 1))
        assert store.get_run(run_id).data.metrics == {"loss": float(last)}

    def test_the_end_of_a_run_is_written(self, store, disk):
        owner = owners.current()
        run_id = store.create_run("0", owner=owner).info.run_id
        fill(disk)
        log_until_full(store, run_id)
        with pytest.raises(StoreError, match="full"):
            store.log_batch(run_id, tags=[RunTag("t", "x" * 8000)])
        tags = [RunTag("mlctl.status.reason", "the disk was full"), RunTag("log", "x" * 8000)]
        assert store.finish_run(run_id, status="FAILED", end_time=5, tags=tags, only_owner=owner)
        run = store.get_run(run_id)
        assert (run.info.status, run.info.end_time, run.data.tags["mlctl.status.reason"]) == ("FAILED", 5, "the disk was full")
        assert not os.path.exists(f"{store.path}-reserve")  # noqa: PTH110

    def test_by_a_process_that_opens_the_store_then(self, store, disk):
        run_id = store.create_run("0").info.run_id
        log_until_full(store, run_id)
        fill(disk)
        store.close()
        fill(disk)
        with contextlib.closing(SqliteStore(store.path)) as late:
            assert late.finish_run(run_id, status="FAILED", end_time=5)
            assert late.get_run(run_id).info.status == "FAILED"

    def test_it_goes_on_when_there_is_space_again(self, store, disk):
        run_id = store.create_run("0").info.run_id
        fill(disk)
        last, _ = log_until_full(store, run_id)
        (disk / "filler").unlink()
        store.log_batch(run_id, metrics=[Metric("loss", 0.5, 10**9, 10**9)])
        assert [point.step for point in store.metric_history(run_id, "loss")] == [*range(last + 1), 10**9]

    def test_a_new_store_needs_space(self, disk):
        fill(disk)
        with pytest.raises(StoreError, match=r"full|No space left"):
            SqliteStore(str(disk / "new" / "mlctl.db"))
        assert not list(disk.glob("new/*"))


def test_without_a_reserve_the_error_is_told(place):
    """Where the last space has been used already, the full disk is said to be full."""
    with contextlib.closing(SqliteStore(str(place / "mlctl.db"))) as store:
        run_id = store.create_run("0").info.run_id
        sqlite_file.drop_reserve(store.path)
        with store.transaction() as db:
            pages = db.execute("PRAGMA page_count", ()).fetchone()[0]
        store.handle().connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="full"):
            store.finish_run(run_id, status="FAILED", end_time=5, tags=[RunTag(f"t{number}", "x" * 8000) for number in range(100)])
