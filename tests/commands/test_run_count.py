"""``mlctl runs list --count``: from a store's own count, and from a server's pages."""

import contextlib
import json
import os

import pytest
from mlctl_server import Server

from mlctl.sql.sqlite import SqliteStore
from mlctl.tracking.entities import Param


@pytest.fixture
def counted(place, mlctl):
    with contextlib.closing(SqliteStore(str(place / "mlruns" / "mlctl.db"))) as store:
        with store.transaction():
            ids = [store.create_run("0", params=[Param("n", str(number))]).info.run_id for number in range(1203)]
        store.delete_run(ids[0])

    def count(*options, uri=None):
        done = mlctl("runs", "list", "--count", *options, check=0, **({"env": {**os.environ, "MLCTL_TRACKING_URI": uri}} if uri else {}))
        return done.stdout

    return count


FILTER = ("--filter", "params.n < 5 OR params.n IN ('7', '1202')")


def test_text(counted):
    assert counted() == "1202\n"
    assert counted(*FILTER) == "6\n"
    assert counted("--view", "all", *FILTER) == "7\n"
    assert counted("--filter", "params.n = 'none'") == "0\n"


def test_other_outputs(counted):
    assert json.loads(counted("--output", "json"))["data"] == {"count": 1202}
    assert counted("--quiet") == "1202\n"


def test_a_server_is_asked_page_by_page(counted, place):
    server = Server(place / "mlruns")
    server.start()
    try:
        assert counted(uri=server.address) == "1202\n"
        assert counted(*FILTER, uri=server.address) == "6\n"
    finally:
        server.stop()
