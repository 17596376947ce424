"""`mlctl.types`: the schemas of models and datasets, with MLflow's names."""

from mlctl.models import schema
from mlctl.models.schema import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

__all__ = ["ColSpec", "DataType", "ParamSchema", "ParamSpec", "Schema", "TensorSpec", "schema"]
