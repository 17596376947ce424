"""Models whose files are elsewhere: known, measured and registered, but not loaded."""

import pytest

import mlctl
from mlctl import models, pyfunc
from mlctl.errors import InvalidValueError


def test_an_external_model(place):
    with mlctl.start_run() as run:
        made = mlctl.create_external_model("bought", params={"size": 7}, tags={"by": "them"})
        mlctl.log_metric("rmse", 0.5, model_id=made.model_id)
    assert (made.status, made.source_run_id, made.params) == ("READY", run.info.run_id, {"size": "7"})
    assert made.tags == {"by": "them", "mlflow.model.isExternal": "true"}
    (found,) = mlctl.search_logged_models(filter_string="metrics.rmse < 1", output_format="list")
    assert found.model_id == made.model_id
    assert mlctl.register_model(made.model_uri, "bought").source == made.model_uri
    info = models.get_model_info("models:/bought/1")
    assert (info.model_id, info.metadata, info.flavors) == (made.model_id, {"mlflow.model.isExternal": True}, {})
    with pytest.raises(InvalidValueError, match="no flavor"):
        pyfunc.load_model(made.model_uri)
    assert mlctl.last_logged_model().model_id == made.model_id
