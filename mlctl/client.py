"""`mlctl.client`: the client, where MLflow's scripts import it from."""

from mlctl.tracking.client import Client, MLflowClient, MlflowClient

__all__ = ["Client", "MLflowClient", "MlflowClient"]
