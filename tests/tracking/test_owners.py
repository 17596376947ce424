"""Who owns a run, and what becomes of it when the owner is gone."""

import dataclasses
import os
import subprocess
import sys
import time

import pytest

from mlctl.sql.sqlite import SqliteStore
from mlctl.tracking import owners
from mlctl.tracking.entities import Owner

NOW = 1_700_000_000_000


@pytest.fixture
def store(place):
    found = SqliteStore(str(place / "mlruns" / "mlctl.db"))
    yield found
    found.close()


@pytest.fixture
def other():
    """A process that lives until the test ends it."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    yield process
    process.kill()
    process.communicate()


def owner_of(process) -> Owner:
    state, started = owners._process(process.pid)
    assert state
    return dataclasses.replace(owners.current(now_ms=NOW), pid=process.pid, pid_started=started)


def elsewhere(**changes) -> Owner:
    return dataclasses.replace(owners.current(now_ms=NOW), **changes)


def names(**changes) -> str:
    """The names of this boot, process namespace and machine, some of them changed."""
    found = dict(zip(("boot", "namespace", "machine"), owners._names(owners._boot_id()), strict=True))
    return "/".join({**found, **changes}.values())


@pytest.mark.engine("linux")
def test_this_process():
    owner = owners.current()
    assert (owner.pid, owner.host) == (os.getpid(), os.uname().nodename)
    assert owner.pid_started > 0
    assert len(owners._names(owner.boot_id)[0]) == 36
    assert owners._names(owner.boot_id)[1].isdigit()
    assert abs(owner.heartbeat_ms - time.time() * 1000) < 10_000
    assert owners.is_here(owner)
    assert not owners.is_gone(owner)
    assert owners.current(now_ms=5).heartbeat_ms == 5
    assert not owner.stop_requested


@pytest.mark.engine("linux")
def test_a_process_that_ends_is_gone(other):
    owner = owner_of(other)
    assert not owners.is_gone(owner)
    other.kill()
    deadline = time.monotonic() + 10
    while not owners.is_gone(owner) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert owners.is_gone(owner)  # a zombie: nobody has waited for it yet
    other.wait()
    assert owners.is_gone(owner)


@pytest.mark.engine("linux")
def test_another_process_with_the_same_number(other):
    owner = owner_of(other)
    assert owners.is_gone(dataclasses.replace(owner, pid_started=owner.pid_started - 1))
    assert not owners.is_gone(dataclasses.replace(owner, pid_started=0))


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"boot_id": names(boot="another-boot")}, True),
        ({"boot_id": names(boot="another-boot"), "host": "elsewhere"}, False),
        ({"boot_id": names(boot="another-boot", machine="another")}, False),
        ({"boot_id": names(boot="")}, False),
        ({"pid": 2**22 + 5}, True),
        ({"pid": 2**22 + 5, "host": "elsewhere"}, False),
        ({"pid": 2**22 + 5, "boot_id": names(namespace="1")}, False),
        ({"pid": 2**22 + 5, "boot_id": names(machine="another")}, False),
        ({"pid": 2**22 + 5, "boot_id": names(boot="another-boot")}, True),
    ],
)
@pytest.mark.engine("linux")
def test_gone_means_proved(changes, gone):
    assert owners.is_gone(elsewhere(**changes)) is gone


def test_without_proc(monkeypatch, other):
    """As on macOS: no boot id, no start times; only a process that is absent is gone."""
    monkeypatch.setattr(owners, "_line", lambda path: "")
    monkeypatch.setattr(owners, "_namespace", lambda: "")
    monkeypatch.setattr(owners, "_process", lambda pid: ("", 0))
    owners._boot_id.cache_clear()
    try:
        owner = dataclasses.replace(owners.current(), pid=other.pid)
        assert (owner.boot_id, owner.pid_started) == ("//", 0)
        assert owners.is_here(owner)
        assert not owners.is_gone(owner)
        other.kill()
        other.wait()
        assert owners.is_gone(owner)
    finally:
        owners._boot_id.cache_clear()


@pytest.mark.parametrize(
    ("changes", "silent_ms", "lost"),
    [
        ({}, 10**9, False),
        ({"host": "elsewhere"}, 59_000, False),
        ({"host": "elsewhere"}, 61_000, True),
        ({"boot_id": names(namespace="1")}, 61_000, True),
        ({"boot_id": names(boot="another-boot")}, 59_000, False),
        ({"boot_id": names(boot="another-boot")}, 61_000, True),
        ({"pid": 2**22 + 5}, 61_000, True),
        ({"host": "elsewhere", "heartbeat_ms": 0}, 61_000, False),
        ({"pid": 2**22 + 5, "heartbeat_ms": 0}, 0, True),
    ],
)
@pytest.mark.engine("linux")
def test_silence_from_elsewhere_looks_lost(changes, silent_ms, lost):
    assert owners.looks_lost(elsewhere(**changes), now_ms=NOW + silent_ms) is lost


@pytest.mark.engine("linux")
def test_settle_ends_what_is_provably_over(store, other):
    here = owner_of(other)
    mine = store.create_run("0", owner=owners.current()).info.run_id
    alive = store.create_run("0", owner=here).info.run_id
    dead = store.create_run("0", start_time=NOW - 5, owner=elsewhere(pid=2**22 + 5)).info.run_id
    rebooted = store.create_run("0", start_time=NOW - 5, owner=elsewhere(boot_id=names(boot="x"), heartbeat_ms=0)).info.run_id
    lost = store.create_run("0", owner=elsewhere(host="elsewhere", heartbeat_ms=1)).info.run_id
    nobodys = store.create_run("0").info.run_id
    assert sorted(owners.settle(store, now_ms=NOW + 9)) == sorted([dead, rebooted])
    assert owners.settle(store, now_ms=NOW + 9) == []
    for run_id in (mine, alive, lost, nobodys):
        assert store.get_run(run_id).info.status == "RUNNING"
    for run_id, end, said in ((dead, NOW, "process 4194309 on"), (rebooted, NOW + 9, "restarted")):
        run = store.get_run(run_id)
        assert (run.info.status, run.info.end_time) == ("FAILED", end)
        assert said in run.data.tags["mlctl.status.reason"]
    assert {run_id for run_id, _ in store.owners()} == {mine, alive, lost}


@pytest.mark.engine("linux")
def test_a_process_is_signalled_for_a_shared_store_only_if_it_is_surely_the_owner(other):
    owner = owner_of(other)
    assert owners.is_surely(owner)
    for changes in ({"pid": 1}, {"pid": -1}, {"pid": 0}, {"pid_started": 0}, {"pid_started": owner.pid_started + 1}, {"pid": os.getpid()}):
        assert not owners.is_surely(dataclasses.replace(owner, **changes))


@pytest.mark.engine("linux")
def test_a_shared_store_settles_owners_of_this_boot_only(store, other):
    dead = store.create_run("0", owner=elsewhere(pid=2**22 + 5)).info.run_id
    for changes in ({"boot_id": names(boot="x")}, {"boot_id": "//"}, {"host": "elsewhere"}, {"boot_id": names(boot="")}):
        store.create_run("0", owner=elsewhere(pid=2**22 + 5, **changes))
    store.shared = True
    assert owners.settle(store, now_ms=NOW) == [dead]


@pytest.mark.engine("linux")
def test_settle_keeps_a_status_that_the_script_set(store):
    run_id = store.create_run("0", owner=elsewhere(pid=2**22 + 5)).info.run_id
    store.update_run(run_id, status="FINISHED", end_time=77)
    assert owners.settle(store, now_ms=NOW) == []
    run = store.get_run(run_id)
    assert (run.info.status, run.info.end_time) == ("FINISHED", 77)
    assert "mlctl.status.reason" not in run.data.tags
    assert store.owners() == []


def test_settle_leaves_an_absent_store_absent(place):
    store = SqliteStore(str(place / "mlruns" / "mlctl.db"), create=False)
    assert owners.settle(store, now_ms=NOW) == []
    store.close()
    assert list(place.iterdir()) == []


@pytest.mark.engine("linux")
def test_two_lookers_settle_a_run_once(store):
    gone = elsewhere(pid=2**22 + 5)
    run_id = store.create_run("0", owner=gone).info.run_id
    seen = store.owners()
    store.set_owner(run_id, owners.current())
    assert not any(owners._settle_one(store, item, owner, NOW) for item, owner in seen)
    assert store.get_run(run_id).info.status == "RUNNING"
