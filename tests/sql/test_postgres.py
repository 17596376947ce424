"""PostgreSQL as the store, beyond what every store does: whose database it is, many users at once, broken connections, forks, passwords."""

import contextlib
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time

import postgres_server
import pytest

from mlctl.errors import InvalidValueError, StoreError
from mlctl.search.patterns import Pattern
from mlctl.sql import postgres_words as words
from mlctl.sql import schema
from mlctl.sql.postgres import PostgresStore
from mlctl.tracking.entities import Metric, Param, RunTag
from mlctl.tracking.opening import open_store

pytestmark = pytest.mark.engine("postgres")


def tables(server, address):
    return [name for (name,) in server.ask("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()", address)]


@pytest.fixture
def store(database, tmp_path):
    with contextlib.closing(PostgresStore(database, artifacts=str(tmp_path))) as found:
        yield found


# ── whose database it is ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("table", "said"), [("alembic_version (version_num text)", "MLflow's own"), ("runs (run_uuid text)", "tables of something else")]
)
def test_what_belongs_to_others_is_left_alone(postgres, database, table, said):
    postgres.ask(f"CREATE TABLE {table}", database)
    for options in ({}, {"create": False}):
        with pytest.raises(StoreError, match=said):
            open_store(database, **options)
    assert len(tables(postgres, database)) == 1


def test_looking_makes_nothing(postgres, database):
    store = open_store(database, create=False)
    assert [experiment.name for experiment in store.search_experiments()] == ["Default"]
    assert store.search_runs(["0"], filter_string="params.p = '1'") == []
    with pytest.raises(StoreError, match="There is no store at postgresql://tester@"):
        store.create_run("0")
    store.close()
    assert tables(postgres, database) == []


def test_the_tables_of_an_older_mlctl_are_brought_up_to_date(postgres, database, monkeypatch, tmp_path):
    newest = schema.MIGRATIONS
    monkeypatch.setattr(schema, "MIGRATIONS", newest[:1])
    with contextlib.closing(PostgresStore(database, artifacts=str(tmp_path / "first"))) as store:
        run = store.create_run("0", params=[Param("p", "1")]).info.run_id
    monkeypatch.setattr(schema, "MIGRATIONS", newest)
    with contextlib.closing(PostgresStore(database)) as store:
        assert store.get_run(run).data.params == {"p": "1"}
        assert store.folder == str(tmp_path / "first")
    postgres.ask("UPDATE mlctl_store SET version = 1000", database)
    with pytest.raises(StoreError, match="newer mlctl"):
        PostgresStore(database)


def _open_and_log(address, number, folder):
    with contextlib.closing(PostgresStore(address, artifacts=folder)) as store:
        run = store.create_run("0", run_name=f"r{number}").info.run_id
        for step in range(20):
            store.log_batch(run, metrics=[Metric(f"m{step % 3}", step, step, step)], tags=[RunTag("who", str(number))])


def test_many_processes_begin_at_once(database, tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_open_and_log, args=(database, number, str(tmp_path))) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    with contextlib.closing(PostgresStore(database)) as store:
        runs = store.search_runs(["0"], order_by=["attributes.run_name"])
        assert [(run.info.run_name, run.data.metrics) for run in runs] == [(f"r{n}", {"m0": 18, "m1": 19, "m2": 17}) for n in range(4)]


def test_a_user_who_may_only_read(postgres, database, store):
    run = store.create_run("0").info.run_id
    schema_name = database.rpartition("%3D")[2]
    for sql in (
        "DROP ROLE IF EXISTS looker",
        "CREATE ROLE looker LOGIN",
        f"GRANT USAGE ON SCHEMA {schema_name} TO looker",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema_name} TO looker",
    ):
        postgres.ask(sql, database)
    with contextlib.closing(open_store(database.replace("tester@", "looker@"))) as found:
        assert found.read_only
        assert found.get_run(run).info.run_id == run
        with pytest.raises(StoreError, match="cannot be written by this user"):
            found.log_batch(run, tags=[RunTag("a", "b")])
    postgres.ask(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema_name} FROM looker; REVOKE ALL ON SCHEMA {schema_name} FROM looker", database)
    postgres.ask("DROP ROLE looker")


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_password_is_never_shown(database):
    secret = database.replace("tester@", "tester:geheim@").replace("postgresql://", "postgresql+psycopg2://")
    with contextlib.closing(open_store(secret)) as store:
        assert store.uri == database
        with contextlib.closing(open_store(store.uri)) as again:
            assert again.create_run("0")
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        open_store("postgresql://tester:geheim@127.0.0.1:1/none?password=geheim")
    assert "geheim" not in str(caught.value) + str(caught.value.hint)


def test_without_the_driver(database):
    code = "import sys; sys.modules['psycopg'] = None\nfrom mlctl.tracking.opening import open_store\nopen_store(sys.argv[1])"
    found = subprocess.run([sys.executable, "-c", code, database], capture_output=True, text=True, check=False)
    assert "needs psycopg" in found.stderr


# ── at the same time ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_stores_cannot_both_set_a_param(database, store):
    run = store.create_run("0").info.run_id
    refused = []

    def log(value):
        with contextlib.closing(PostgresStore(database)) as mine:
            try:
                mine.log_batch(run, params=[Param("p", value)])
            except InvalidValueError:
                refused.append(value)

    threads = [threading.Thread(target=log, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 5
    assert store.get_run(run).data.params["p"] not in refused


def test_who_waits_too_long_is_told(database, store, monkeypatch):
    monkeypatch.setenv("MLCTL_BUSY_TIMEOUT_S", "0.2")
    with contextlib.closing(PostgresStore(database)) as other, store.transaction():
        assert other.search_runs(["0"]) == []  # readers wait for nobody
        with pytest.raises(StoreError, match=r"kept writing to postgresql://.* for 0\.2 s"):
            other.create_run("0")
    with contextlib.closing(PostgresStore(database)) as other:
        assert other.create_run("0")


def test_a_transaction_is_whole_or_not_at_all(store):
    run = store.create_run("0").info.run_id

    def log(then):
        with store.transaction():
            store.log_batch(run, tags=[RunTag("a", "b")])
            assert store.get_run(run).data.tags["a"] == "b"
            then()

    with pytest.raises(ZeroDivisionError):
        log(lambda: 1 / 0)
    assert "a" not in store.get_run(run).data.tags
    with pytest.raises(InvalidValueError, match="no Unicode"):
        log(lambda: store.log_batch(run, tags=[RunTag("c", "\ud800")]))
    assert "a" not in store.get_run(run).data.tags
    store.log_batch(run, tags=[RunTag("a", "nul\0 one\1 two\1\2")])
    assert store.get_run(run).data.tags["a"] == "nul\0 one\1 two\1\2"


def test_a_signal_handler_that_writes(store):
    run = store.create_run("0").info.run_id
    before = signal.signal(signal.SIGUSR1, lambda *_: store.log_batch(run, tags=[RunTag("handler", "1")]))

    def interrupted():
        with store._writing():
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.01)

    try:
        with pytest.raises(StoreError, match="signal handler"):
            interrupted()
    finally:
        signal.signal(signal.SIGUSR1, before)
    store.log_batch(run, tags=[RunTag("after", "1")])
    assert store.get_run(run).data.tags.keys() >= {"handler", "after"}


def test_a_forked_child_has_connections_of_its_own(store):
    run = store.create_run("0").info.run_id
    with store.transaction():
        store.log_batch(run, tags=[RunTag("open", "1")])
        child = os.fork()
        if not child:
            code = 1
            with contextlib.suppress(BaseException):
                code = 0 if store.get_run(run).data.tags.get("open") is None else 2
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        store.log_batch(run, tags=[RunTag("more", "1")])
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            store.log_batch(run, tags=[RunTag("child", "1")])
            store.close()
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.get_run(run).data.tags.keys() >= {"open", "more", "child"}


def test_a_server_that_comes_back(tmp_path):
    with postgres_server.Server() as server, contextlib.closing(PostgresStore(server.address, artifacts=str(tmp_path))) as store:
        run = store.create_run("0").info.run_id
        server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mlctl'")
        store.log_batch(run, tags=[RunTag("a", "b")])
        server.stop()
        with pytest.raises(StoreError, match="cannot be reached"):
            store.log_batch(run, tags=[RunTag("a", "c")])
        server.start()
        store.log_batch(run, tags=[RunTag("c", "d")])
        assert store.get_run(run).data.tags.items() >= {("a", "b"), ("c", "d")}


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_marks_in_texts_stay():
    assert words.statement("SELECT '?' WHERE a = ? AND b IN (?, ?)") == "SELECT '?' WHERE a = $1 AND b IN ($2, $3)"


# Digits beyond 0 to 9 are the one difference: there they are no \\d.
TEXTS = ["", "abc", "a.b", "x[y]", "A B", "tab\there", "é9_", "line\nbreak", "a\\d", "{2}", "aa", "-", "]", "^", "AbC", "ωΩ"]
PATTERNS = [
    "a", "^a", "c$", ".", "^.$", r"\.", r"\bb", r"\Bb", r"\w\W", r"^\w+$", r"\d", r"\s", r"[\d_]", r"[^\d]", "[]x]", "[^]a]", "[a-c]+$",
    "[[]", "[[:alpha:]]", r"[\]\\]", "a{2}", "a{,2}b", "^a{1,}$", "{2}", "x|b", "(?:a|b)+c", "(a|b)c", r"\x41", r"[\x41-\x43]b", r"\u00e9",
    "(?i)abc", "(?i)[a-c]b", "(?i)Ω", r"a*?b", r"\A-\Z", "[-a]", "[a-]", r"\{2\}", r"\\d", "()", "a||b", r"[.]", r"\n", r"[\n]", "[=]", "#",
]  # fmt: skip


def test_regular_expressions_mean_the_same(store):
    """Each pattern finds the texts that it finds with the store in SQLite."""
    made = {store.create_run("0", tags=[RunTag("t", text)]).info.run_id: text for text in TEXTS}
    for pattern in PATTERNS:
        quoted = "'" + pattern.replace("'", "''") + "'"
        found = store.search_runs(["0"], filter_string=f"tags.t RLIKE {quoted}")
        expected = sorted(text for text in TEXTS if Pattern(pattern).search(text))
        assert sorted(made[run.info.run_id] for run in found) == expected, pattern


@pytest.mark.parametrize(
    "text",
    ["1", " 2.5 ", "-.5", "1e3", "1e999", "-1e999", "1e-999", "0e9999", "abc", "1x", "", "1e", ".", "0x10", "9" * 400, "٣", "1e0005"],
)
def test_texts_as_numbers(store, tmp_path, text):
    run = store.create_run("0", params=[Param("p", text)]).info.run_id if text else None
    stripped = text.strip(" ")
    is_number = re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", stripped, re.ASCII) is not None
    value = float(stripped) if is_number else None
    found = store.search_runs(["0"], filter_string="params.p > 1.5")
    assert [item.info.run_id for item in found] == ([run] if is_number and value > 1.5 else [])
    found = store.search_runs(["0"], filter_string="params.p <= 1.5")
    assert [item.info.run_id for item in found] == ([run] if is_number and value <= 1.5 else [])
