"""Schemas of datasets: those of models, nested as MLflow's entities of datasets have them."""

from typing import Any, Dict, Optional

from mlctl.models.schema import Schema


class TensorDatasetSchema:
    """The tensors of a dataset's features, and of its targets where it has any."""

    def __init__(self, features: Schema, targets: Optional[Schema] = None) -> None:
        self.features = features
        self.targets = targets

    def to_dict(self) -> Dict[str, Any]:
        """The two as MLflow nests them: JSON in JSON."""
        targets = None if self.targets is None else self.targets.to_json()
        return {"mlflow_tensorspec": {"features": self.features.to_json(), "targets": targets}}
