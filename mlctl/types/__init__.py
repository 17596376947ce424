"""`mlctl.types`: the schemas of models and datasets, with MLflow's names."""

from mlctl.models.schema import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from mlctl.types import schema as schema

__all__ = ["ColSpec", "DataType", "ParamSchema", "ParamSpec", "Schema", "TensorSpec", "schema"]
