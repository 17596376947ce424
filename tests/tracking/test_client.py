"""The client: MLflow's names, arguments and return types on a store of ours."""

from pathlib import Path

import pytest

import mlctl as mlflow
from mlctl.errors import ExistsError, InvalidValueError, NotFoundError
from mlctl.tracking.client import MlflowClient


@pytest.fixture
def client(place):
    return MlflowClient("mine.db")


def test_it_is_found_where_scripts_look():
    from mlctl.client import MLflowClient
    from mlctl.tracking import MLflowClient as Seeds

    assert MLflowClient is Seeds is MlflowClient is mlflow.MLflowClient is mlflow.Client
    assert mlflow.tracking.MlflowClient is MlflowClient is mlflow.client.MlflowClient
    assert mlflow.entities.ViewType.ALL == 3
    assert issubclass(NotFoundError, mlflow.exceptions.MlflowException)


def test_experiments(client):
    first = client.create_experiment("first", tags={"team": 7})
    assert client.get_experiment(first).tags == {"team": "7"}
    assert client.get_experiment_by_name("none") is None
    with pytest.raises(ExistsError):
        client.create_experiment("first")
    client.set_experiment_tag(first, "mlflow.note.content", "a note")
    client.delete_experiment_tag(first, "team")
    client.rename_experiment(first, "renamed")
    client.delete_experiment(first)
    assert [item.name for item in client.search_experiments(mlflow.entities.ViewType.DELETED_ONLY)] == ["renamed"]
    client.restore_experiment(first)
    found = client.search_experiments(filter_string="name LIKE 're%'")
    assert [(item.name, item.tags) for item in found] == [("renamed", {"mlflow.note.content": "a note"})]


def test_runs(client):
    run = client.create_run("0", tags={"a": 1}, run_name="one", start_time=5)
    run_id = run.info.run_id
    assert (run.info.user_id, run.info.start_time, run.data.tags["a"]) == ("unknown", 5, "1")
    client.log_param(run_id, "p", 3)
    client.log_metric(run_id, "m", "0.5", timestamp=7)
    client.log_batch(
        run_id,
        metrics=[mlflow.entities.Metric("m", 2, 8, 1)],
        params=[mlflow.entities.Param("q", 4)],
        tags=[mlflow.entities.RunTag("b", False)],
    )
    client.delete_tag(run_id, "a")
    assert [(point.value, point.timestamp, point.step) for point in client.get_metric_history(run_id, "m")] == [(0.5, 7, 0), (2.0, 8, 1)]
    client.update_run(run_id, name="two")
    client.set_terminated(run_id, "FAILED", 9)
    found = client.get_run(run_id)
    assert (found.info.run_name, found.info.status, found.info.end_time) == ("two", "FAILED", 9)
    assert found.data.params == {"p": "3", "q": "4"}
    assert found.data.tags == {"b": "False", "mlflow.runName": "two"}


def test_batches_of_any_length(client):
    run_id = client.create_run("0").info.run_id
    client.log_batch(run_id, params=[mlflow.entities.Param(f"p{number}", str(number)) for number in range(250)])
    assert len(client.get_run(run_id).data.params) == 250


def test_searching_by_pages(client):
    other = client.create_experiment("other")
    ids = {client.create_run("0", start_time=number).info.run_id for number in range(5)}
    client.create_run(other)
    page = client.search_runs("0", max_results=3)
    rest = client.search_runs(["0"], max_results=3, page_token=page.token)
    assert (len(page), len(rest), rest.token) == (3, 2, None)
    assert {run.info.run_id for run in [*page, *rest]} == ids
    client.delete_run(page[0].info.run_id)
    assert [run.info.run_id for run in client.search_runs([0], run_view_type=2)] == [page[0].info.run_id]
    client.restore_run(page[0].info.run_id)


def test_parents(client):
    parent = client.create_run("0").info.run_id
    child = client.create_run("0", tags={"mlflow.parentRunId": parent}).info.run_id
    assert client.get_parent_run(parent) is None
    assert client.get_parent_run(child).info.run_id == parent


@pytest.mark.parametrize(
    "wrong",
    [
        lambda client, run_id: client.set_terminated(run_id, "DONE"),
        lambda client, run_id: client.search_runs(["0"], run_view_type=4),
        lambda client, run_id: client.log_metric(run_id, "m", 1.0, dataset_name="d"),
        lambda client, run_id: client.log_metric(run_id, "m", None),
    ],
)
def test_mistakes(client, wrong):
    run_id = client.create_run("0").info.run_id
    with pytest.raises(InvalidValueError):
        wrong(client, run_id)


def test_files_of_runs(client, tmp_path):
    run_id = client.create_run("0").info.run_id
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a")
    client.log_artifact(run_id, tmp_path / "in" / "a.txt", "data/subfolder")
    client.log_artifacts(run_id, str(tmp_path / "in"))
    client.log_text(run_id, "text", "text.txt")
    client.log_dict(run_id, {"k": 1}, "d.json")
    assert [(item.path, item.is_dir) for item in client.list_artifacts(run_id)] == [
        ("a.txt", False), ("d.json", False), ("data", True), ("text.txt", False),
    ]  # fmt: skip
    assert [item.path for item in client.list_artifacts(run_id, "data/subfolder")] == ["data/subfolder/a.txt"]
    assert Path(client.download_artifacts(run_id, "text.txt")).read_text() == "text"
    found = client.download_artifacts(run_id, "data/subfolder/a.txt", str(tmp_path / "out"))
    assert found == str(tmp_path / "out" / "a.txt")
    with pytest.raises(NotFoundError):
        client.download_artifacts(run_id, "none", str(tmp_path / "out"))
