"""Runs to look at, made through the store: what they hold is exactly known."""

import contextlib
import os
import socket
import subprocess

import pytest

from mlctl.tracking.entities import Metric, Param, RunTag
from mlctl.tracking.opening import open_store


@pytest.fixture
def make_run(place):
    """A function that records a run and returns its id: ``make_run(params={…}, metrics={key: value or [values]}, tags={…})``."""
    started = iter(range(1_700_000_000_000, 1_800_000_000_000, 1000))

    def make(name="", *, params=None, metrics=None, tags=None, files=None):
        with contextlib.closing(open_store()) as store:
            start = next(started)
            run = store.create_run(
                "0", run_name=name, user_id="ann", start_time=start, params=[Param(*item) for item in (params or {}).items()]
            )
            run_id = run.info.run_id
            points = [
                Metric(key, value, start + step, step)
                for key, values in (metrics or {}).items()
                for step, value in enumerate(values if isinstance(values, list) else [values])
            ]
            store.log_batch(run_id, metrics=points, tags=[RunTag(*item) for item in (tags or {}).items()])
            for path, text in (files or {}).items():
                _put(store.artifacts(run.info), place, path, text)
            store.update_run(run_id, status="FINISHED", end_time=start + 500)
        return run_id

    return make


def _put(artifacts, place, path, text):
    folder, _, name = path.rpartition("/")
    local = place / name
    local.write_bytes(text if isinstance(text, bytes) else text.encode())
    artifacts.put_file(str(local), folder or None)
    local.unlink()


@pytest.fixture
def served(mlctl, place, monkeypatch):
    """A function that puts what is in the store here behind a server, and has all later commands use that."""
    started = []

    def serve():
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            port = bound.getsockname()[1]
        server = mlctl.start("server", "--port", port, "--no-access-log", stdout=subprocess.DEVNULL, env=dict(os.environ))
        started.append(server)
        assert "serving" in server.stderr.readline()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")

    yield serve
    for server in started:
        server.terminate()
        server.communicate(timeout=30)
