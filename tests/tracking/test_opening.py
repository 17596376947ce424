"""Where the store is."""

import os
import sqlite3
from pathlib import Path

import pytest

from mlctl.errors import NotFoundError, StoreError
from mlctl.tracking.entities import Metric, RunTag
from mlctl.tracking.opening import locate, open_store


def close(store):
    store.close()
    return store


def test_a_new_store_in_the_current_folder(place):
    store = close(open_store())
    assert store.uri == f"sqlite:///{place}/mlruns/mlctl.db"
    assert (place / "mlruns" / "mlctl.db").is_file()


def test_the_nearest_store_above(place, monkeypatch):
    close(open_store())
    deep = place / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert locate() == f"{place}/mlruns/mlctl.db"
    (deep / "mlruns").mkdir()
    assert locate() == f"{place}/mlruns/mlctl.db"
    (deep / "mlruns" / "mlctl.db").touch()
    assert locate() == f"{deep}/mlruns/mlctl.db"


@pytest.mark.parametrize("field", ["st_dev", "st_uid"])
def test_not_past_another_file_system_or_owner(place, monkeypatch, field):
    close(open_store())
    deep = place / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    real = os.stat

    class Elsewhere:
        def __init__(self, found):
            self.st_dev, self.st_uid = found.st_dev, found.st_uid
            setattr(self, field, -1)

    monkeypatch.setattr(os, "stat", lambda path, **options: Elsewhere(real(path)) if Path(path) == place else real(path, **options))
    assert locate() == f"{deep}/mlruns/mlctl.db"


def test_without_a_store_nothing_is_made(place):
    store = open_store(create=False)
    assert store.read_only
    assert [experiment.name for experiment in store.search_experiments()] == ["Default"]
    assert store.search_runs(["0"], filter_string="metrics.a > 1", order_by=["params.b"]) == []
    assert store.owners() == []
    assert store.run_ids_with_prefix("a") == []
    assert store.metric_history("a", "b") == []
    with pytest.raises(NotFoundError):
        store.get_run("a")
    for write in (
        lambda: store.create_experiment("x"),
        lambda: store.create_run("0"),
        lambda: store.log_batch("a", metrics=[Metric("m", 1.0, 0)]),
        lambda: store.finish_run("a", status="FAILED", end_time=1, tags=[RunTag("a", "b")]),
    ):
        with pytest.raises(StoreError, match="There is no store at"):
            write()
    store.close()
    assert list(place.iterdir()) == []
    assert store.uri == f"sqlite:///{place}/mlruns/mlctl.db"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("stores/one", "{place}/stores/one/mlctl.db"),
        ("stores/one/", "{place}/stores/one/mlctl.db"),
        ("one.db", "{place}/one.db"),
        ("{place}/x y", "{place}/x y/mlctl.db"),
        ("sqlite:///rel.sqlite", "{place}/rel.sqlite"),
        ("sqlite:////{place}/abs", "{place}/abs"),
        ("SQLITE:///x", "{place}/x"),
        ("file://{quoted}/a%20b", "{place}/a b/mlctl.db"),
        ("file://localhost{quoted}/a.db", "{place}/a.db"),
        ("file:{quoted}", "{place}/mlctl.db"),
        ("existing", "{place}/existing"),
        ("~/mlruns", "{home}/mlruns/mlctl.db"),
    ],
)
def test_addresses(place, monkeypatch, address, expected):
    from urllib.parse import quote

    (place / "existing").touch()
    monkeypatch.setenv("HOME", "/home/ada")
    words = {"place": place, "quoted": quote(str(place)), "home": "/home/ada"}
    address, expected = address.format(**words), expected.format(**words)
    assert locate(address) == expected
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert locate() == expected
    monkeypatch.setenv("MLCTL_TRACKING_URI", "./other")
    assert locate() == f"{place}/other/mlctl.db"


def test_a_store_is_reached_again_by_its_uri(place):
    first = open_store("odd #?%20 'name'")
    number = first.create_experiment("here")
    close(first)
    again = open_store(first.uri, create=False)
    assert again.get_experiment(number).name == "here"
    close(again)


@pytest.mark.parametrize(
    "address",
    [
        "mysql://x",
        "databricks",
        "databricks://profile",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "s3://bucket",
    ],
)
def test_addresses_of_other_kinds_are_refused(place, monkeypatch, address):
    with pytest.raises(StoreError, match="not supported by this version") as caught:
        open_store(address)
    assert "MLCTL_TRACKING_URI=" in caught.value.hint
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(StoreError, match="MLFLOW_TRACKING_URI"):
        open_store(create=False)
    assert list(place.iterdir()) == []


def test_a_file_of_another_machine(place):
    with pytest.raises(StoreError, match="another machine"):
        open_store("file://server/share")


def test_mlflows_file_store_beside_it_is_left_alone(place):
    meta = place / "mlruns" / "0" / "meta.yaml"
    meta.parent.mkdir(parents=True)
    meta.write_text("name: Default\n")
    close(open_store())
    assert meta.read_text() == "name: Default\n"
    assert sorted(path.name for path in (place / "mlruns").iterdir()) == ["0", "mlctl.db", "mlctl.db-reserve"]


@pytest.mark.parametrize(("table", "said"), [("alembic_version", "MLflow's own"), ("things", "not a store of mlctl")])
def test_other_databases_are_refused_and_left_alone(place, table, said):
    connection = sqlite3.connect("other.db")
    connection.execute(f"CREATE TABLE {table} (version_num TEXT)")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    before = (place / "other.db").read_bytes()
    for create in (True, False):
        with pytest.raises(StoreError, match=said) as caught:
            open_store("other.db", create=create)
        assert "MLCTL_TRACKING_URI" in caught.value.hint
    assert (place / "other.db").read_bytes() == before
    assert [path.name for path in place.iterdir()] == ["other.db"]


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to look at" * 20, b"SQLite format 3\0" + b"\xff" * 2000])
def test_other_files_are_refused_and_left_alone(place, content):
    (place / "notes.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"notes\.db"):
        open_store("notes.db")
    assert (place / "notes.db").read_bytes() == content


def test_a_newer_store_is_refused(place):
    store = close(open_store())
    connection = sqlite3.connect("mlruns/mlctl.db")
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    for create in (True, False):
        with pytest.raises(StoreError, match=r"newer mlctl.*version 999"):
            open_store(store.uri, create=create)


def test_a_folder_that_cannot_be_made(place):
    (place / "file").touch()
    with pytest.raises(StoreError, match="cannot be made") as caught:
        open_store("file/mlruns")
    assert "MLCTL_TRACKING_URI" in caught.value.hint
    (place / "folder.db").mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        open_store("folder.db")


def test_a_current_folder_that_is_gone(place, monkeypatch):
    gone = place / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(StoreError, match="does not exist any more"):
        locate()
