"""`mlctl.data`: datasets, with MLflow's names and arguments."""

from typing import Any

from mlctl.datasets.datasets import (
    Dataset,
    FilesDataset,
    MetaDataset,
    NumpyDataset,
    PandasDataset,
    from_files,
    from_numpy,
    from_pandas,
    get_source,
)
from mlctl.datasets.schema import TensorDatasetSchema
from mlctl.datasets.sources import CodeDatasetSource, DatasetSource, HTTPDatasetSource, LocalArtifactDatasetSource
from mlctl.models.schema import Schema

__all__ = [
    "CodeDatasetSource",
    "Dataset",
    "DatasetSource",
    "FilesDataset",
    "HTTPDatasetSource",
    "LocalArtifactDatasetSource",
    "MetaDataset",
    "NumpyDataset",
    "PandasDataset",
    "Schema",
    "TensorDatasetSchema",
    "from_files",
    "from_numpy",
    "from_pandas",
    "get_source",
]

_INSTEAD = {
    "from_polars": "from_pandas(frame.to_pandas())",
    "from_spark": "from_pandas(frame.toPandas())",
    "load_delta": "from_files(path)",
    "from_huggingface": "from_pandas(dataset.to_pandas())",
    "from_tensorflow": "from_numpy(features, targets=targets)",
}


def __getattr__(name: str) -> Any:
    if name in _INSTEAD:
        raise AttributeError(f"mlctl.data has no {name}(): {_INSTEAD[name]} logs the same data.")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
