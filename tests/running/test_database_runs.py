"""Runs of projects whose store is a PostgreSQL database: their jobs log over the run's own address, and never hear of the database."""

import pytest

from mlctl.sql import postgres_link

pytestmark = pytest.mark.engine("postgres")

MLPROJECT = "name: p\nentry_points:\n  main:\n    command: python log.py\n"
LOG = """
import os, sys
import mlctl
mlctl.log_metric("loss", 0.5, step=1)
mlctl.log_param("p", "1")
mlctl.log_text("hello", "notes/hello.txt")
told = [name for name, value in os.environ.items() if "geheim" in value or "postgresql:" in value]
mlctl.set_tag("told", ",".join(told))
print("logged to", mlctl.get_tracking_uri().split(":")[0])
"""


@pytest.fixture
def address(database, monkeypatch, place):
    secret = database.replace("tester@", "tester:geheim@")
    monkeypatch.setenv("MLCTL_TRACKING_URI", secret)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", secret)
    return secret


def test_a_run(mlctl, project, address, place):
    folder = project(MLPROJECT, log__py=LOG)
    found = mlctl.json("run", folder, "--env-manager", "local")["data"]
    (run,) = mlctl.runs()
    info, data = run["info"], run["data"]
    assert (info["status"], data["metrics"], data["params"]["p"]) == ("FINISHED", {"loss": 0.5}, "1")
    assert data["tags"]["told"] == ""
    assert "geheim" not in str(run) + str(found) + str(mlctl.json("runs", "show", info["run_id"]))
    assert "logged to http" in mlctl("runs", "logs", "@last", check=0).stdout
    assert (place / "mlruns" / "artifacts" / "0" / info["run_id"] / "artifacts" / "notes" / "hello.txt").exists()


def test_a_failure_a_count_and_a_look(mlctl, project, address):
    folder = project("entry_points:\n  main:\n    command: exit 3\n")
    mlctl("run", folder, "--env-manager", "local", check=3)
    assert [run["info"]["status"] for run in mlctl.runs()] == ["FAILED"]
    assert mlctl("runs", "list", "--filter", "status = 'FAILED'", "--count", check=0).stdout.strip() == "1"
    said = mlctl("doctor").stdout
    assert postgres_link.plain(address) in said
    assert "geheim" not in said
