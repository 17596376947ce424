"""What is SQLite's own: connections, transactions, forks, files and their errors."""

import contextlib
import gc
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from mlctl.errors import InvalidValueError, NotFoundError, StoreError
from mlctl.sql import datasets as sql_datasets
from mlctl.sql import history as sql_history
from mlctl.sql import runs as sql_runs
from mlctl.sql import schema, sqlite_file
from mlctl.sql import search as sql_search
from mlctl.sql.search import RunSearch
from mlctl.sql.sqlite import SqliteStore
from mlctl.tracking.entities import Dataset, DatasetInput, Metric, Param, RunTag


@pytest.fixture
def path(place):
    return str(place / "mlruns" / "mlctl.db")


@pytest.fixture
def store(path):
    with contextlib.closing(SqliteStore(path)) as found:
        yield found


def metric(step, key="m"):
    return [Metric(key, float(step), step, step)]


def steps(store, run_id, key="m"):
    return [point.step for point in store.metric_history(run_id, key)]


def versions(store):
    with store.transaction() as db:
        return dict(db.execute("SELECT run_id, version FROM runs", ()).fetchall())


class TestTransaction:
    """Many calls in one transaction, for a server that commits on a tick."""

    def test_all_or_nothing(self, store, path):
        run_id = store.create_run("0").info.run_id
        with store.transaction():
            store.log_batch(run_id, metrics=metric(1))
            inner = store.create_run("0").info.run_id
            with contextlib.closing(SqliteStore(path)) as other:
                assert steps(other, run_id) == []
        assert steps(store, run_id) == [1]
        with contextlib.suppress(ZeroDivisionError), store.transaction():
            store.log_batch(inner, metrics=metric(1, "new key"), params=[Param("new", "1")])
            store.log_batch(store.create_run("0").info.run_id, tags=[RunTag("newer", "2")])
            raise ZeroDivisionError
        assert len(store.search_runs(["0"])) == 2
        assert store.get_run(inner).data.metrics == {}

    def test_keys_of_an_undone_transaction_are_forgotten(self, store):
        one = store.create_run("0").info.run_id
        with contextlib.suppress(ZeroDivisionError), store.transaction():
            store.log_batch(one, metrics=metric(1, "lost"))
            raise ZeroDivisionError
        store.log_batch(one, metrics=metric(2, "kept"))
        store.log_batch(one, metrics=metric(3, "lost"))
        assert store.get_run(one).data.metrics == {"kept": 2.0, "lost": 3.0}

    def test_a_refused_call_leaves_the_others_whole(self, store):
        run_id = store.create_run("0", params=[Param("p", "old")]).info.run_id
        gone = store.create_run("0").info.run_id
        store.delete_run(gone)
        with store.transaction():
            store.log_batch(run_id, metrics=metric(1))
            with pytest.raises(InvalidValueError):
                store.log_batch(run_id, metrics=metric(2), params=[Param("other", "1"), Param("p", "new")], tags=[RunTag("t", "1")])
            with pytest.raises(InvalidValueError):
                store.log_batch(gone, metrics=metric(2))
            with pytest.raises(NotFoundError):
                store.log_batch("nobody", metrics=metric(2))
            with pytest.raises(InvalidValueError):
                store.create_run("0", run_name="x", status="BAD")
            store.log_batch(run_id, metrics=metric(3))
        run = store.get_run(run_id)
        assert steps(store, run_id) == [1, 3]
        assert (run.data.params, "t" in run.data.tags) == ({"p": "old"}, False)
        assert len(store.search_runs(["0"])) == 1

    def test_the_sql_functions_share_one(self, store):
        run_id = store.create_run("0").info.run_id
        batches = [sql_runs.batch(metrics=metric(step)) for step in range(50)]
        with store.transaction() as db:
            for batch in batches:
                sql_runs.log(db, run_id, batch)
        assert steps(store, run_id) == list(range(50))

    def test_nested(self, store):
        with store.transaction():
            with store.transaction():
                run_id = store.create_run("0").info.run_id
            store.log_batch(run_id, metrics=metric(1))
        assert steps(store, run_id) == [1]


class TestVersions:
    """What changes a run's data changes its version, so that a copy of it can be known to be stale."""

    def test_every_change_counts(self, store):
        run_id = store.create_run("0", tags=[RunTag("a", "1")]).info.run_id
        changes = [
            lambda: store.log_batch(run_id, metrics=metric(1)),
            lambda: store.log_batch(run_id, metrics=[Metric("m", 1.0, 5), Metric("n", 1.0, 5)]),
            lambda: store.log_batch(run_id, params=[Param("p", "1")]),
            lambda: store.log_batch(run_id, tags=[RunTag("a", "2")]),
            lambda: store.delete_tag(run_id, "a"),
            lambda: store.update_run(run_id, status="FAILED"),
            lambda: store.delete_run(run_id),
            lambda: store.restore_run(run_id),
            lambda: store.delete_experiment("0"),
            lambda: store.restore_experiment("0"),
            lambda: store.finish_run(run_id, status="FINISHED", end_time=1),
        ]
        for change in changes:
            before = versions(store)[run_id]
            change()
            assert versions(store)[run_id] > before

    def test_looking_does_not_count(self, store):
        run_id = store.create_run("0").info.run_id
        before = versions(store)
        store.get_run(run_id)
        store.search_runs(["0"])
        store.heartbeat(run_id, 5)
        assert versions(store) == before


class TestThreads:
    """Each thread has a connection; writers take turns."""

    def test_a_connection_is_closed_with_its_thread(self, store):
        thread = threading.Thread(target=lambda: store.create_run("0"))
        thread.start()
        thread.join()
        gc.collect()
        assert len(store._handles) == 1

    def test_a_reader_does_not_wait_for_a_writer(self, store):
        run_id = store.create_run("0").info.run_id
        seen = []
        with store.transaction():
            store.log_batch(run_id, metrics=metric(1))
            thread = threading.Thread(target=lambda: seen.append(steps(store, run_id)))
            thread.start()
            thread.join(10)
        assert seen == [[]]

    def test_a_writer_that_waits_too_long(self, path, monkeypatch):
        monkeypatch.setenv("MLCTL_BUSY_TIMEOUT_S", "0.2")
        with contextlib.closing(SqliteStore(path)) as one, contextlib.closing(SqliteStore(path)) as two:
            with one.transaction():
                begin = time.monotonic()
                with pytest.raises(StoreError, match=r"kept writing .* for 0\.2 s") as caught:
                    two.create_run("0")
                assert 0.1 < time.monotonic() - begin < 10
                assert "MLCTL_BUSY_TIMEOUT_S" in caught.value.hint
                failed = []

                def write():
                    try:
                        one.create_run("0")
                    except StoreError as error:
                        failed.append(error.message)

                thread = threading.Thread(target=write)
                thread.start()
                thread.join()
                assert len(failed) == 1
            assert two.create_run("0").info.status == "RUNNING"

    def test_close_and_go_on(self, store):
        run_id = store.create_run("0").info.run_id
        store.close()
        store.log_batch(run_id, metrics=metric(1))
        store.close()
        store.close()
        assert steps(store, run_id) == [1]

    def test_close_while_others_work(self, store):
        run_id = store.create_run("0").info.run_id
        failed = []

        def work():
            try:
                for step in range(200):
                    store.log_batch(run_id, metrics=metric(step))
            except Exception as error:  # noqa: BLE001 -- told by the assertion below
                failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            store.close()
        assert failed == []
        assert len(steps(store, run_id)) == 200


class Interrupted(BaseException):
    """What an interrupt raises wherever it hits."""


class TestInterrupts:
    """An exception may hit between any two instructions, as Ctrl-C does; the store goes on, and keeps what it acknowledged."""

    @pytest.mark.parametrize("seed", range(4))
    def test_wherever_it_hits(self, store, seed):
        run_id = store.create_run("0").info.run_id
        acknowledged = []

        def trace(frame, event, argument):
            if "tracking" not in frame.f_code.co_filename:
                return None
            frame.f_trace_opcodes = True
            if event == "opcode":
                left[0] -= 1
                if left[0] == 0:
                    raise Interrupted
            return trace

        for step in range(250):
            left = [1 + step * 4 + seed]
            sys.settrace(trace)
            try:
                store.log_batch(run_id, metrics=metric(step))
                acknowledged.append(step)
            except Interrupted:
                pass
            finally:
                sys.settrace(None)
        assert left[0] > 0, "some calls must have come through whole"
        assert 0 < len(acknowledged) < 250
        store.log_batch(run_id, metrics=metric(999))
        with contextlib.closing(SqliteStore(store.path)) as other:
            other.log_batch(run_id, metrics=metric(1000))
            found = steps(other, run_id)
        assert set(acknowledged) | {999, 1000} <= set(found)
        others = []
        thread = threading.Thread(target=lambda: others.append(store.create_run("0")))
        thread.start()
        thread.join(20)
        assert len(others) == 1


def in_child(work):
    """Run a function in a forked child; returns what it returned, as JSON carries it."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, json.dumps(work()).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write)
    with open(read) as pipe:  # noqa: PTH123 -- a descriptor
        answer = pipe.read()
    assert os.waitpid(pid, 0)[1] == 0, "the child failed"
    return json.loads(answer)


def test_a_signal_handler_that_logs(store):
    """Its own call is kept; the one that it came into is undone and says so."""
    run_id = store.create_run("0").info.run_id

    def call():
        with store._writing() as db:
            sql_runs.log(db, run_id, sql_runs.batch(metrics=metric(1)))
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0)

    before = signal.signal(signal.SIGUSR1, lambda *_: store.log_batch(run_id, metrics=metric(2)))
    try:
        with pytest.raises(StoreError, match="signal handler"):
            call()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert steps(store, run_id) == [2]
    store.log_batch(run_id, metrics=metric(1))
    assert steps(store, run_id) == [1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
class TestFork:
    """A forked child opens its own connection; its parent's is not touched."""

    def test_both_sides_go_on(self, store):
        run_id = store.create_run("0").info.run_id
        store.log_batch(run_id, metrics=metric(1))

        def work():
            store.log_batch(run_id, metrics=metric(2))
            return steps(store, run_id)

        assert in_child(work) == [1, 2]
        store.log_batch(run_id, metrics=metric(3))
        assert steps(store, run_id) == [1, 2, 3]
        assert in_child(work) == [1, 2, 3]

    def test_nothing_is_open_across_a_fork(self, store):
        store.create_run("0")
        store.close()
        held = store._open()
        answer = in_child(lambda: [str(fd.resolve()) for fd in Path("/proc/self/fd").iterdir()])
        assert held.closed
        assert len(answer) > 2
        assert not [name for name in answer if "mlctl.db" in name]

    def test_a_child_outlives_its_parent(self, store, path):
        """Were a connection open across the fork, the next opener would take the log's index from under the child."""
        run_id = store.create_run("0").info.run_id
        script = (
            "import os, sys, time\n"
            "from mlctl.tracking.entities import Metric\n"
            "from mlctl.sql.sqlite import SqliteStore\n"
            "store = SqliteStore(sys.argv[1])\n"
            "store.log_batch(sys.argv[2], metrics=[Metric('m', 0.0, 0, 0)])\n"
            "if os.fork():\n"
            "    os._exit(0)\n"
            "for step in range(1, 200):\n"
            "    store.log_batch(sys.argv[2], metrics=[Metric('m', 0.0, step, step)])\n"
            "print('done', flush=True)\n"
        )
        child = subprocess.Popen([sys.executable, "-c", script, path, run_id], stdout=subprocess.PIPE, text=True)
        for step in range(1000, 1200):
            with contextlib.closing(SqliteStore(path)) as other:
                other.log_batch(run_id, metrics=metric(step))
        assert child.communicate(timeout=60)[0] == "done\n"
        assert len(steps(store, run_id)) == 400

    def test_inside_a_transaction(self, store):
        run_id = store.create_run("0").info.run_id
        with store.transaction():
            store.log_batch(run_id, metrics=metric(1))
            assert in_child(lambda: steps(store, run_id)) == []
            store.log_batch(run_id, metrics=metric(2))
        assert steps(store, run_id) == [1, 2]

    def test_a_child_that_leaves_the_block_does_not_commit_it(self, store):
        run_id = store.create_run("0").info.run_id

        def leave():
            block.__exit__(None, None, None)
            return True

        block = store.transaction()
        with contextlib.suppress(ZeroDivisionError), block:
            store.log_batch(run_id, metrics=metric(1))
            assert in_child(leave)
            raise ZeroDivisionError
        assert steps(store, run_id) == []

    def test_while_other_threads_write(self, store):
        runs = [store.create_run("0").info.run_id for _ in range(3)]
        stop = threading.Event()
        counts = [0] * len(runs)

        def write(index):
            while not stop.is_set():
                store.log_batch(runs[index], metrics=metric(counts[index]))
                counts[index] += 1

        threads = [threading.Thread(target=write, args=(index,)) for index in range(len(runs))]
        for thread in threads:
            thread.start()
        mine = store.create_run("0").info.run_id
        for step in range(10):
            assert _quietly_fork(lambda step=step: store.log_batch(mine, metrics=metric(step)))
        stop.set()
        for thread in threads:
            thread.join()
        assert [len(steps(store, run_id)) for run_id in runs] == counts
        assert steps(store, mine) == list(range(10))


def _quietly_fork(work):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads: what this test is about
        pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


class TestFiles:
    """The folder that holds a store."""

    def test_a_moved_folder_takes_its_artifacts_along(self, store, place):
        run = store.create_run("0")
        assert store.artifact_root(run.info) == f"{place}/mlruns/artifacts/0/{run.info.run_id}/artifacts"
        store.close()
        shutil.move(place / "mlruns", place / "moved here")
        with contextlib.closing(SqliteStore(str(place / "moved here" / "mlctl.db"))) as moved:
            info = moved.get_run(run.info.run_id).info
            assert moved.artifact_root(info) == f"{place}/moved here/artifacts/0/{info.run_id}/artifacts"
            assert moved.search_runs(["0"], filter_string="artifact_uri LIKE '%/moved here/%'")[0].info == info

    def test_artifact_roots(self, store):
        for location, expected in (("/a b/c/", "/a b/c/{}/artifacts"), ("file:///a%20b", "/a b/{}/artifacts")):
            run = store.create_run(store.create_experiment(location, artifact_location=location)).info
            assert store.artifact_root(run) == expected.format(run.run_id)
        run = store.create_run(store.create_experiment("bucket", artifact_location="s3://bucket/x")).info
        with pytest.raises(StoreError, match="s3://bucket/x"):
            store.artifact_root(run)

    def test_what_lies_in_the_folder(self, store, place):
        store.create_run("0")
        names = {item.name for item in (place / "mlruns").iterdir()}
        assert names == {"mlctl.db", "mlctl.db-wal", "mlctl.db-shm", "mlctl.db-reserve"}
        assert (place / "mlruns" / "mlctl.db-reserve").stat().st_blocks * 512 >= sqlite_file.RESERVE_BYTES
        store.close()
        assert {item.name for item in (place / "mlruns").iterdir()} == {"mlctl.db", "mlctl.db-reserve"}

    def test_made_without_hard_links(self, path, monkeypatch):
        def link(*_):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)
        stores = []

        def make():
            sqlite_file.make(path)
            with contextlib.closing(SqliteStore(path)) as store:
                stores.append(store.create_run("0").info.run_id)

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with contextlib.closing(SqliteStore(path)) as store:
            assert sorted(store.run_ids_with_prefix("")) == sorted(stores)

    def test_the_reserve_comes_back(self, store, path):
        run_id = store.create_run("0").info.run_id
        assert sqlite_file.drop_reserve(path)
        assert not sqlite_file.drop_reserve(path)
        store.finish_run(run_id, status="FINISHED", end_time=1)
        assert Path(f"{path}-reserve").stat().st_size == sqlite_file.RESERVE_BYTES

    def test_no_reserve_on_a_disk_that_is_nearly_full(self, store, path, monkeypatch):
        sqlite_file.drop_reserve(path)
        monkeypatch.setattr(sqlite_file, "_free_bytes", lambda path: 2 * sqlite_file.RESERVE_BYTES)
        store.finish_run(store.create_run("0").info.run_id, status="FINISHED", end_time=1)
        assert not Path(f"{path}-reserve").exists()

    @pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
    def test_not_on_a_network_file_system(self, place, monkeypatch, kind):
        mounts = place / "mounts"
        point = str(place / "share").replace(" ", "\\040")
        mounts.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:50 / {point} rw,relatime shared:9 - {kind} host:/x rw\n")
        monkeypatch.setattr(sqlite_file, "_MOUNTS", str(mounts))
        monkeypatch.setattr(os, "major", lambda device: 0)
        path = str(place / "share" / "new" / "mlctl.db")
        (place / "share").mkdir()
        with pytest.raises(StoreError, match=rf"network file system \({kind}\)") as caught:
            SqliteStore(path)
        assert "MLCTL_NETWORK_STORE" in caught.value.hint
        assert os.listdir(place / "share") == []  # noqa: PTH208
        monkeypatch.setenv("MLCTL_NETWORK_STORE", "1")
        SqliteStore(path).close()
        monkeypatch.delenv("MLCTL_NETWORK_STORE")
        SqliteStore(path).close()
        SqliteStore(str(place / "local" / "mlctl.db")).close()

    def test_a_broken_database(self, store, path):
        run_id = store.create_run("0").info.run_id
        store.close()
        with open(path, "r+b") as file:  # noqa: PTH123
            file.seek(sqlite_file.PAGE_BYTES)
            file.write(b"\xff" * 10 * sqlite_file.PAGE_BYTES)
        with contextlib.closing(SqliteStore(path)) as broken, pytest.raises(StoreError, match="not a whole SQLite database"):
            broken.get_run(run_id)

    def test_an_old_sqlite_is_named(self, path, monkeypatch):
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 7, 17))
        with pytest.raises(StoreError, match=r"needs 3\.24"):
            SqliteStore(path)


class TestReadOnly:
    """A store that cannot be written can be read, and says so when written to."""

    @staticmethod
    def look(path):
        """As another user, where we may become one: for root nothing is read-only."""
        if os.geteuid() == 0:
            os.setuid(65534)
        with contextlib.closing(SqliteStore(path)) as store:
            found = [store.read_only, [run.info.run_name for run in store.search_runs(["0"])]]
            try:
                store.create_run("0")
            except StoreError as error:
                found.append(error.message)
        return found

    @pytest.mark.parametrize("open_elsewhere", [False, True])
    def test_reading(self, open_elsewhere):
        with tempfile.TemporaryDirectory(prefix="it's read only #?% ") as name:
            folder = Path(name)
            path = str(folder / "mlctl.db")
            with contextlib.closing(SqliteStore(path)) as store:
                store.create_run("0", run_name="seen")
                if not open_elsewhere:
                    store.close()
                writer = sqlite3.connect(path)  # not one of ours: it stays open across the fork
                writer.execute("SELECT count(*) FROM runs").fetchone()
                if not open_elsewhere:
                    writer.close()
                for file in folder.iterdir():
                    file.chmod(0o444)
                folder.chmod(0o555)
                try:
                    found = in_child(lambda: self.look(path))
                finally:
                    folder.chmod(0o755)
                writer.close()
        assert found == [True, ["seen"], f"The store {path} cannot be written."]

    @pytest.mark.engine("tmpfs")
    def test_a_read_only_file_system(self, place):
        mounted = place / "mounted"
        mounted.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", mounted], check=True)
        try:
            with contextlib.closing(SqliteStore(str(mounted / "mlctl.db"))) as store:
                run_id = store.create_run("0", run_name="seen").info.run_id
            subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
            with contextlib.closing(SqliteStore(str(mounted / "mlctl.db"))) as store:
                assert store.get_run(run_id).info.run_name == "seen"
                with pytest.raises(StoreError, match="cannot be written"):
                    store.log_batch(run_id, metrics=metric(1))
                with pytest.raises(StoreError, match="cannot be written"), store.transaction():
                    pass
            with pytest.raises(StoreError, match="cannot be made"):
                SqliteStore(str(mounted / "other" / "mlctl.db"))
        finally:
            subprocess.run(["umount", mounted], check=True)


def _make_version_1(path):
    """A store as version 1 had it, with a run; made with SQL only."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in schema.statements(schema.MIGRATIONS[0], schema.SQLITE):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(schema.FIRST_ROWS, (5, 5))
        connection.execute("INSERT INTO runs (run_id, experiment_id, name, user_id, status, start_ms) VALUES ('r1', 0, 'old', 'ada', 3, 7)")
        connection.execute("INSERT INTO keys (name) VALUES ('alpha'), ('rmse')")
        connection.execute("INSERT INTO params VALUES (1, 1, '0.5')")
        connection.execute("INSERT INTO metrics VALUES (1, 2, 1, 0, 0.9, 0), (1, 2, 2, 1, 0.7, 0)")
        connection.execute("INSERT INTO latest VALUES (1, 2, 1, 2, 0.7, 0)")
        connection.commit()


class TestMigrations:
    """Numbered steps, each recorded in the transaction that makes it."""

    NEXT = schema.MIGRATIONS[-1].version + 1
    STEPS = (schema.Migration(NEXT, ("CREATE TABLE extra (id {id}, run BIGINT)", "CREATE INDEX extra_run ON extra (run)")),)

    def test_an_old_store_is_brought_up_to_date_once(self, store, path, monkeypatch):
        store.create_run("0", run_name="before")
        store.close()
        monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, *self.STEPS])
        failed = []

        def use():
            try:
                with contextlib.closing(SqliteStore(path)) as found, found.transaction() as db:
                    db.execute("INSERT INTO extra (run) VALUES (1)", ())
            except Exception as error:  # noqa: BLE001 -- told by the assertion below
                failed.append(error)

        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (self.NEXT,)
            assert connection.execute("SELECT count(*) FROM extra").fetchone() == (8,)
            assert connection.execute("SELECT name FROM runs").fetchall() == [("before",)]

    def test_a_step_that_fails_leaves_nothing(self, store, path, monkeypatch):
        store.close()
        monkeypatch.setattr(
            schema, "MIGRATIONS", [*schema.MIGRATIONS, *self.STEPS, schema.Migration(self.NEXT + 1, ("CREATE TABLE runs (x)",))]
        )
        with pytest.raises(StoreError, match="runs already exists"):
            SqliteStore(path)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (self.NEXT - 1,)
            assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'extra'").fetchall() == []

    def test_a_store_of_version_1(self, path):
        """As the first mlctl made it, with what it had logged; eight threads find it at once."""
        _make_version_1(path)
        failed = []

        def use(number):
            try:
                with contextlib.closing(SqliteStore(path)) as found:
                    found.log_inputs("r1", datasets=[DatasetInput(Dataset(f"set {number}", "d", "local", "{}"))])
            except Exception as error:  # noqa: BLE001 -- told by the assertion below
                failed.append(error)

        threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        with contextlib.closing(SqliteStore(path)) as found:
            run = found.get_run("r1")
            assert (run.info.run_name, run.data.params, run.data.metrics) == ("old", {"alpha": "0.5"}, {"rmse": 0.7})
            assert found.metric_history("r1", "rmse") == [Metric("rmse", 0.9, 1, 0), Metric("rmse", 0.7, 2, 1)]
            assert {item.dataset.name for item in run.inputs.dataset_inputs} == {f"set {number}" for number in range(8)}
            assert [item.info.run_id for item in found.search_runs(["0"], filter_string="datasets.name = 'set 3'")] == ["r1"]
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (schema.MIGRATIONS[-1].version,)

    def test_an_old_store_has_the_tables_of_a_new_one(self, store, place):
        old = str(place / "old.db")
        _make_version_1(old)
        SqliteStore(old).close()
        sql = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
        with contextlib.closing(sqlite3.connect(old)) as one, contextlib.closing(sqlite3.connect(store.path)) as other:
            assert one.execute(sql).fetchall() == other.execute(sql).fetchall()

    def test_numbers_go_up(self):
        numbers = [migration.version for migration in schema.MIGRATIONS]
        assert numbers == list(range(1, len(numbers) + 1))

    def test_an_old_store_that_cannot_be_written(self, store, path, monkeypatch):
        store.close()
        monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, *self.STEPS])
        monkeypatch.setattr(sqlite_file, "is_writable", lambda path: False)
        with pytest.raises(StoreError, match="older mlctl"):
            SqliteStore(path)


@pytest.mark.parametrize(
    ("text", "order", "much"),
    [
        ("metrics.loss.min < 1", (), True),
        ("", ("start_time", "metrics.`a b`.count DESC"), True),
        ("params.a rlike 'x'", (), True),
        ("metrics.minimum < 1 AND metrics.loss.last < 1 AND run_name LIKE '%a%'", ("metrics.loss",), False),
    ],
)
def test_searches_that_read_much(text, order, much):
    assert sql_search.reads_much(text, order) == much


class TestPlans:
    """The questions that the tables were made for are answered from their indexes."""

    @pytest.fixture
    def plan(self, store, monkeypatch):
        """A function that returns the plans of the statements of a search."""
        monkeypatch.setattr(sql_search, "RARE", 3)
        for number in range(40):
            run = store.create_run("0", params=[Param("common", "x"), Param("rare", str(number))])
            store.log_batch(run.info.run_id, metrics=[Metric("rmse", float(number), 1)])
            store.log_inputs(run.info.run_id, datasets=[DatasetInput(Dataset(f"set {number}", "d", "local", "{}"))])

        def explain(text="", *order):
            plans = []
            with store.transaction() as db:
                execute = db.execute
                db.execute = lambda sql, values: (
                    plans.append(execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()) or execute(sql, values)
                )
                try:
                    RunSearch(db, experiment_ids=[0], filter_string=text, order_by=order, view="ACTIVE_ONLY").page(limit=2, offset=0)
                finally:
                    db.execute = execute
            return [" | ".join(row[3] for row in plan) for plan in plans]

        return explain

    def test_newest(self, plan):
        assert plan() == ["SEARCH r USING COVERING INDEX runs_newest (experiment_id=? AND deleted_ms=?)"]

    def test_best_by_metric(self, plan):
        assert "COVERING INDEX latest_value (key=? AND nan=?)" in plan("", "metrics.rmse DESC")[-1]

    def test_rare_param(self, plan):
        *_, count, search = plan("params.rare = '7'", "metrics.rmse")
        assert "INDEX params_value (key=? AND <expr>=?)" in count
        assert search.startswith("SEARCH c USING")
        assert "params_value (key=? AND <expr>=?)" in search
        assert "SEARCH r USING INTEGER PRIMARY KEY" in search

    def test_common_param_under_a_metric(self, plan):
        search = plan("params.common = 'x'", "metrics.rmse")[-1]
        assert "latest_value (key=? AND nan=?)" in search
        assert "SEARCH c USING PRIMARY KEY (run=? AND key=?)" in search

    def test_rare_metric(self, plan):
        assert "latest_value (key=? AND nan=? AND value<?)" in plan("metrics.rmse < 1")[-1]

    @pytest.mark.parametrize("text", ["params.rare = '7' OR params.rare = '8'", "params.rare IN ('7', '8')"])
    def test_rare_together(self, plan, text):
        search = plan(text, "metrics.rmse")[-1]
        assert "params_value (key=? AND <expr>=?)" in search
        assert "SEARCH r USING INTEGER PRIMARY KEY" in search
        assert "runs_newest" not in search

    def test_rare_and_common_together(self, plan):
        search = plan("params.common = 'x' OR params.rare = '7'")[-1]
        assert search.startswith("SEARCH r USING COVERING INDEX runs_newest")

    def test_rare_part_of_an_or(self, plan):
        search = plan("(params.rare = '7' AND params.common = 'x') OR metrics.rmse < 1 OR datasets.name = 'set 9'")[-1]
        assert "latest_value (key=? AND nan=? AND value<?)" in search
        assert "datasets_name (name=?)" in search
        assert "SEARCH r USING INTEGER PRIMARY KEY" in search

    def test_rare_id(self, plan):
        search = plan("run_id = 'x' OR params.rare = '7'")[-1]
        assert "(run_id=?)" in search
        assert "SEARCH r USING INTEGER PRIMARY KEY" in search

    def test_recent_best_by_metric(self, plan):
        search = plan("start_time > now + 1d", "metrics.rmse")[-1]
        assert "runs_newest (experiment_id=? AND deleted_ms=? AND start_ms>?)" in search

    def test_rare_key_of_a_number(self, plan):
        search = plan("params.nobody > 0.5", "metrics.rmse")[-1]
        assert search.startswith("SEARCH c USING COVERING INDEX params_value (key=?)")

    def test_aggregate(self, plan):
        search = plan("metrics.rmse.max < 1", "metrics.rmse")[-1]
        assert "SEARCH m USING PRIMARY KEY (run=? AND key=?)" in search

    def test_rare_dataset(self, plan):
        *_, count, search = plan("datasets.name = 'set 7'", "metrics.rmse")
        for statement in (count, search):
            assert "datasets_name (name=?)" in statement
            assert "inputs_dataset (dataset=?)" in statement
        assert "SCAN d" not in search
        assert "SEARCH r USING INTEGER PRIMARY KEY" in search

    def test_inputs_of_runs(self, store):
        questions = []
        store.log_inputs(store.create_run("0").info.run_id, datasets=[DatasetInput(Dataset("a", "b", "local", "{}"))])
        with store.transaction() as db:
            execute = db.execute
            db.execute = lambda sql, values: questions.append((sql, values)) or execute(sql, values)
            try:
                sql_datasets.inputs_of(db, [1])
                sql_datasets.outputs_of(db, [1])
            finally:
                db.execute = execute
            plans = [row[3] for sql, values in questions for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        assert len(questions) == 5
        assert not [step for step in plans if step.startswith("SCAN") or "TEMP B-TREE" in step]

    def test_history(self, store):
        with store.transaction() as db:
            plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql_history._HISTORY}", ("a", "b", 1, 0))]
        assert "SEARCH metrics USING PRIMARY KEY (run=? AND key=?)" in plan
        assert not [step for step in plan if "TEMP B-TREE" in step]


class TestCounts:
    """A count is what a search finds, whichever way it is come by."""

    TEXTS = (
        "params.kind = 'a'",
        "tags.`half` = '1'",
        "tags.half IS NOT NULL",
        "metrics.m < 5",
        "metrics.m.last >= 3",
        "run_id = 'none'",
        "params.kind = 'a' AND metrics.m < 5",
        "NOT params.kind = 'a'",
        "params.kind LIKE 'a%'",
        "start_time > 3",
    )

    @pytest.fixture
    def experiments(self, store):
        """Three experiments of a dozen runs each, every fifth of them deleted."""
        ids = ["0", store.create_experiment("one"), store.create_experiment("two")]
        for number in range(36):
            tags = [RunTag("half", "1")] if number % 2 else []
            run = store.create_run(ids[number % 3], start_time=number, params=[Param("kind", "ab"[number % 4 > 1])], tags=tags)
            store.log_batch(run.info.run_id, metrics=[Metric("m", float("nan") if number % 7 == 0 else float(number % 9), 1)])
            if number % 5 == 0:
                store.delete_run(run.info.run_id)
        return ids

    @pytest.mark.parametrize("few", [2000, 3])
    @pytest.mark.parametrize("view", ["ACTIVE_ONLY", "DELETED_ONLY", "ALL"])
    @pytest.mark.parametrize("which", [(0,), (1,), (0, 2), (0, 1, 2), (2, 2), ()])
    def test_is_what_is_found(self, store, experiments, which, view, few, monkeypatch):
        monkeypatch.setattr(sql_search, "RARE", few)
        ids = [experiments[number] for number in which]
        counts = {text: store.count_runs(ids, filter_string=text, view=view) for text in self.TEXTS}
        assert counts == {text: len(store.search_runs(ids, filter_string=text, view=view)) for text in self.TEXTS}

    def test_of_a_common_value_looks_at_no_run(self, store, experiments):
        with store.transaction() as db:
            search = RunSearch(db, experiment_ids=[0, 1, 2], filter_string="params.kind = 'a'", order_by=(), view="ALL")
            asked, execute = [], db.execute
            db.execute = lambda sql, values: asked.append((sql, values)) or execute(sql, values)
            try:
                assert search.count() == 18
            finally:
                db.execute = execute
            plan = " | ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {asked[-1][0]}", asked[-1][1]))
        assert "params_value (key=? AND <expr>=?)" in plan
        assert "INTEGER PRIMARY KEY" not in plan
