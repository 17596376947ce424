"""Datasets as inputs of runs, as far as they need no pandas or numpy; the rest is in test_compared_with_mlflow."""

import http.server
import json
import threading
from functools import partial

import pytest

import mlctl
import mlctl.data
from mlctl.datasets import datasets
from mlctl.errors import ArgumentError, InvalidValueError, NotFoundError, StoreError
from mlctl.tracking import entities
from mlctl.tracking.current import current_store


@pytest.fixture
def run(place, monkeypatch):
    """A run being logged to."""
    monkeypatch.setenv("MLCTL_TRACKING_URI", str(place / "mlruns"))
    with mlctl.start_run() as active:
        yield active


@pytest.fixture
def meta():
    return mlctl.data.MetaDataset("https://host/data.csv", name="web")


def inputs(run):
    found = current_store().get_run(run.info.run_id).inputs.dataset_inputs
    return [(item.dataset.name, item.dataset.digest, sorted((tag.key, tag.value) for tag in item.tags)) for item in found]


class TestSources:
    @pytest.mark.parametrize(
        ("given", "kind", "document"),
        [
            ("data.csv", "local", {"uri": "data.csv"}),
            ("./x/../y z.csv", "local", {"uri": "./x/../y z.csv"}),
            ("file:///a/b%20c", "local", {"uri": "file:///a/b%20c"}),
            ("http://h/x.csv?q=1", "http", {"url": "http://h/x.csv?q=1"}),
            ("https://h", "http", {"url": "https://h"}),
            ("s3://b/x", "s3", {"uri": "s3://b/x"}),
            ("abfss://c@a/x", "abfss", {"uri": "abfss://c@a/x"}),
        ],
    )
    def test_what_an_address_means(self, given, kind, document):
        found = mlctl.data.get_source(mlctl.data.MetaDataset(given))
        assert (found._get_source_type(), json.loads(found.to_json())) == (kind, document)
        kept = entities.Dataset("n", "d", kind, found.to_json())
        assert mlctl.data.get_source(entities.DatasetInput(kept)) == found

    @pytest.mark.parametrize("given", ["nonsense://x", "dbfs:/x", "runs:/a/b", "C:\\x", 3])
    def test_what_means_nothing(self, given):
        with pytest.raises(ArgumentError, match="source"):
            mlctl.data.MetaDataset(given)

    def test_no_source_is_the_script(self):
        found = mlctl.data.MetaDataset(None).to_dict()
        assert found["source_type"] == "code"
        assert set(json.loads(found["source"])["tags"]) == {"mlflow.user", "mlflow.source.name", "mlflow.source.type"}

    def test_unknown_types_of_a_store(self):
        with pytest.raises(ArgumentError, match="spark"):
            mlctl.data.get_source(entities.Dataset("n", "d", "spark", "{}"))
        with pytest.raises(ArgumentError, match="url"):
            mlctl.data.get_source(entities.Dataset("n", "d", "http", "{}"))

    def test_loading_from_this_machine(self, place):
        (place / "d").mkdir()
        (place / "d" / "x.csv").write_text("1")
        source = mlctl.data.from_files("d/x.csv").source
        assert source.load() == str(place / "d" / "x.csv")
        assert (place / "to" / "x.csv") == type(place)(source.load(str(place / "to")))
        assert (place / "to" / "x.csv").read_text() == "1"
        (place / "d" / "x.csv").unlink()
        with pytest.raises(NotFoundError):
            source.load()

    def test_loading_from_a_web_server(self, place):
        (place / "served").mkdir()
        (place / "served" / "x y.csv").write_text("1,2")
        handler = partial(http.server.SimpleHTTPRequestHandler, directory=place / "served")
        handler.log_message = print
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.server_port}"
            path = mlctl.data.HTTPDatasetSource(f"{address}/x%20y.csv?v=1").load(str(place / "to"))
            with pytest.raises(StoreError, match="404"):
                mlctl.data.HTTPDatasetSource(f"{address}/none").load()
            server.shutdown()
        assert type(place)(path).read_text() == "1,2"

    def test_buckets_cannot_be_loaded(self):
        with pytest.raises(ArgumentError, match="s3"):
            mlctl.data.MetaDataset("s3://b/x").source.load()


class TestDescriptions:
    def test_the_digest_of_a_description(self, meta):
        assert meta.to_dict() == {
            "name": "web",
            "digest": "b4dc5e49",  # of MLflow 3.17
            "source": '{"url": "https://host/data.csv"}',
            "source_type": "http",
        }
        assert mlctl.data.MetaDataset("https://host/data.csv", digest="mine").digest == "mine"

    def test_files(self, place):
        (place / "d" / "deep").mkdir(parents=True)
        (place / "d" / "a").write_text("1")
        (place / "d" / "deep" / "b").write_text("23")
        folder = mlctl.data.from_files("d")
        assert (folder.name, folder.profile) == ("d", {"num_files": 2, "num_bytes": 3})
        assert folder.digest == mlctl.data.from_files(place / "d").digest
        assert mlctl.data.from_files("d/a", name="n", source="https://h/a").to_dict()["source_type"] == "http"
        (place / "d" / "a").rename(place / "d" / "c")
        renamed = mlctl.data.from_files("d").digest
        (place / "d" / "c").write_text("2")
        assert len({folder.digest, renamed, mlctl.data.from_files("d").digest}) == 3
        with pytest.raises(NotFoundError, match="nowhere"):
            mlctl.data.from_files("nowhere")

    def test_files_that_cannot_be_read(self, place, monkeypatch):
        (place / "d").mkdir()
        (place / "d" / "broken").symlink_to("nowhere")
        assert mlctl.data.from_files("d").profile == {"num_files": 0, "num_bytes": 0}
        (place / "d" / "a").write_text("1")
        monkeypatch.setattr("builtins.open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied", "a")))
        with pytest.raises(StoreError, match="Permission denied"):
            mlctl.data.from_files("d")

    def test_data_of_other_kinds(self):
        with pytest.raises(ArgumentError, match=r"list.*pandas\.DataFrame"):
            mlctl.data.from_pandas([1])
        with pytest.raises(ArgumentError, match="list"):
            mlctl.data.from_numpy([1])
        with pytest.raises(AttributeError, match="to_pandas"):
            _ = mlctl.data.from_polars
        with pytest.raises(AttributeError):
            _ = mlctl.data.no_such


class TestInputs:
    def test_a_dataset_becomes_an_input_once(self, run, meta):
        mlctl.log_input(meta, context="training", tags={"split": 1})
        mlctl.log_input(meta, context="testing")
        assert inputs(run) == [("web", meta.digest, [("mlflow.data.context", "training"), ("split", "1")])]

    def test_several(self, run, meta):
        other = mlctl.data.MetaDataset("x.csv", name="other")
        mlctl.log_inputs([meta, other, None], ["a", None, None], [None, {"k": "v"}, {}])
        assert inputs(run) == [("web", meta.digest, [("mlflow.data.context", "a")]), ("other", other.digest, [("k", "v")])]

    def test_several_that_do_not_fit(self, run, meta):
        with pytest.raises(ArgumentError, match="1 datasets, 2 contexts"):
            mlctl.log_inputs([meta], ["a", "b"], [None])
        with pytest.raises(ArgumentError, match="no dataset"):
            mlctl.log_inputs([None], ["a"], [None])
        assert inputs(run) == []

    def test_what_is_a_dataset(self, run, meta):
        stored = entities.Dataset("stored", "d", "local", "{}")
        datasets.link(current_store(), run.info.run_id, stored)
        mlctl.log_input(stored)
        assert inputs(run) == [("stored", "d", [])]
        for wrong in (5, "data.csv", {"name": "x"}):
            with pytest.raises(ArgumentError, match="Expected a dataset"):
                mlctl.log_input(wrong)

    def test_limits_are_the_stores(self, run, meta):
        with pytest.raises(InvalidValueError):
            mlctl.log_input(mlctl.data.MetaDataset("x", name="n" * 501))
        assert inputs(run) == []

    def test_models(self, run):
        mlctl.log_input(model=entities.LoggedModelInput("m-1"))
        assert [item.model_id for item in current_store().get_run(run.info.run_id).inputs.model_inputs] == ["m-1"]

    def test_of_a_metric(self, run, meta):
        mlctl.log_metric("loss", 0.5, dataset=meta)
        mlctl.log_metrics({"loss": 0.4}, step=1, dataset=meta)
        assert inputs(run) == [("web", meta.digest, [])]
        with pytest.raises(ArgumentError, match="Expected a dataset"):
            mlctl.log_metric("loss", 0.3, dataset="data.csv")
