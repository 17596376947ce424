"""`mlctl.exceptions`: mlctl's errors under MLflow's names."""

from mlctl.errors import ExecutionError as ExecutionException
from mlctl.errors import MlflowException
from mlctl.errors import StoreError as RestException

__all__ = ["ExecutionException", "MlflowException", "RestException"]
