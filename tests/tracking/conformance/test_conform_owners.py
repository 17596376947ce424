"""Owners of unfinished runs, on every store."""

import dataclasses

import pytest

from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.tracking.entities import Owner, RunTag

ADA = Owner(host="it's a host", boot_id="b1/n1/m1", pid=41, pid_started=7, heartbeat_ms=100)
BOB = dataclasses.replace(ADA, pid=42)


def test_a_run_has_no_owner_unless_told(store, make):
    run_id = make()
    assert store.owners() == []
    assert store.request_stop(run_id) is None
    assert store.heartbeat(run_id, 5) is False
    assert store.owners([run_id]) == []


def test_owner_from_the_start_or_later(store, make):
    one = make(owner=ADA)
    two = make()
    store.set_owner(two, BOB)
    assert store.owners() == [(one, ADA), (two, BOB)]
    assert store.owners([two]) == [(two, BOB)]
    assert store.owners([]) == []
    store.set_owner(one, BOB)
    assert store.owners([one]) == [(one, BOB)]


def test_heartbeat_and_stop(store, make):
    run_id = make(owner=ADA)
    assert store.heartbeat(run_id, 200) is False
    assert store.owners() == [(run_id, dataclasses.replace(ADA, heartbeat_ms=200))]
    assert store.request_stop(run_id) == dataclasses.replace(ADA, heartbeat_ms=200, stop_requested=True)
    assert store.heartbeat(run_id, 300) is True


def test_finish_ends_run_and_ownership(store, make):
    run_id = make(owner=ADA)
    assert store.finish_run(run_id, status="KILLED", end_time=50, tags=[RunTag("why", "asked"), RunTag("mlflow.runName", "new")])
    run = store.get_run(run_id)
    assert (run.info.status, run.info.end_time, run.info.run_name, run.data.tags["why"]) == ("KILLED", 50, "new", "asked")
    assert store.owners() == []
    assert store.request_stop(run_id) is None


def test_only_the_owner_finishes(store, make):
    run_id = make(owner=ADA)
    assert not store.finish_run(run_id, status="FAILED", end_time=50, tags=[RunTag("why", "x")], only_owner=BOB)
    run = store.get_run(run_id)
    assert (run.info.status, run.info.end_time, "why" in run.data.tags) == ("RUNNING", None, False)
    store.heartbeat(run_id, 999)
    store.request_stop(run_id)
    assert store.finish_run(run_id, status="FAILED", end_time=50, only_owner=ADA)
    assert not store.finish_run(run_id, status="FINISHED", end_time=60, only_owner=ADA)
    assert store.get_run(run_id).info.status == "FAILED"


def test_a_deleted_run_is_finished_too(store, make):
    run_id = make(owner=ADA)
    store.delete_run(run_id)
    assert store.finish_run(run_id, status="FINISHED", end_time=50, only_owner=ADA)
    assert (store.get_run(run_id).info.status, store.owners()) == ("FINISHED", [])


def test_bad_calls_change_nothing(store, make):
    run_id = make(owner=ADA)
    for change in (
        {"status": "DONE", "end_time": 5},
        {"status": "FAILED", "end_time": "x"},
        {"status": "FAILED", "end_time": 5, "tags": [RunTag("", "")]},
    ):
        with pytest.raises(InvalidValueError):
            store.finish_run(run_id, **change)
    assert store.owners() == [(run_id, ADA)]
    assert store.get_run(run_id).info.status == "RUNNING"
    for call in (lambda: store.set_owner("nobody", ADA), lambda: store.heartbeat("nobody", 1), lambda: store.request_stop("nobody")):
        with pytest.raises(NotFoundError):
            call()
