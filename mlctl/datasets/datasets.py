"""Datasets as the inputs of runs: what MLflow's clients write for the same data, digest, schema and profile included.

`entity` turns any dataset (of this module, of the store, or MLflow's own) into what a store keeps, and `link` makes it an input of a
run: both are for `log_metric(dataset=…)` and autologging as well.
"""

import json
import os
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from mlctl.datasets import digest as data_digest
from mlctl.datasets import sources as data_sources
from mlctl.datasets.schema import TensorDatasetSchema
from mlctl.datasets.sources import DatasetSource
from mlctl.errors import ArgumentError, NotFoundError, SchemaError
from mlctl.files import copying
from mlctl.files.local import files_below
from mlctl.models.inference import infer_schema
from mlctl.models.schema import Schema
from mlctl.tracking import entities as kept
from mlctl.tracking.fluent import run_id_or_start
from mlctl.tracking.fluent_active import store_of
from mlctl.tracking.store import TrackingStore

_FIELDS = ("name", "digest", "source_type", "source", "schema", "profile")


class Dataset:
    """Base of the datasets: a name, a source, and a digest that is found out if it is not given."""

    def __init__(self, source: DatasetSource, name: Optional[str] = None, digest: Optional[str] = None) -> None:
        self._source = source
        self._name = name
        self._digest = digest or self._compute_digest()

    def _compute_digest(self) -> str:
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The name, ``dataset`` if none was given."""
        return "dataset" if self._name is None else self._name

    @property
    def digest(self) -> str:
        """Eight characters that change with the data."""
        return self._digest

    @property
    def source(self) -> DatasetSource:
        """Where the data came from."""
        return self._source

    @property
    def schema(self) -> Any:
        """The types of the data; None where they cannot be told."""
        return None

    @property
    def profile(self) -> Any:
        """The size of the data; None where it cannot be told."""
        return None

    def to_dict(self) -> Dict[str, Any]:
        """What a store keeps of it, as texts: name, digest, source and its type, schema and profile as JSON."""
        found = {"name": self.name, "digest": self.digest, "source": self.source.to_json(), "source_type": self._get_source_type()}
        return {**found, **self._described()}

    def _described(self) -> Dict[str, Any]:
        return {"schema": self._schema_json(), "profile": json.dumps(self.profile)}

    def _schema_json(self) -> Optional[str]:
        return None

    def _get_source_type(self) -> str:
        return self.source._get_source_type()  # noqa: SLF001 -- MLflow's name for it

    def to_json(self) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict())

    def _to_mlflow_entity(self) -> kept.Dataset:
        return entity(self)


class PandasDataset(Dataset):
    """A pandas.DataFrame, perhaps with a column of targets and one of predictions."""

    def __init__(
        self,
        df: Any,
        source: DatasetSource,
        targets: Optional[str] = None,
        name: Optional[str] = None,
        digest: Optional[str] = None,
        predictions: Optional[str] = None,
    ) -> None:
        for what, column in (("targets", targets), ("predictions", predictions)):
            if column is not None and column not in df.columns:
                raise ArgumentError(f"The frame has no column {column!r}, which `{what}` names.", hint=f"It has: {_listed(df.columns)}.")
        self._df, self._targets, self._predictions = df, targets, predictions
        super().__init__(source, name, digest)

    def _compute_digest(self) -> str:
        return data_digest.of_frame(self._df)

    @property
    def df(self) -> Any:
        """The frame."""
        return self._df

    @property
    def targets(self) -> Optional[str]:
        """The column of the targets."""
        return self._targets

    @property
    def predictions(self) -> Optional[str]:
        """The column of the predictions."""
        return self._predictions

    @property
    def schema(self) -> Optional[Schema]:
        """The types of the columns; None where a column has values of several types."""
        try:
            return infer_schema(self._df)
        except SchemaError:
            return None

    @property
    def profile(self) -> Dict[str, int]:
        """Numbers of rows and of elements."""
        return {"num_rows": len(self._df), "num_elements": int(self._df.size)}

    def _schema_json(self) -> Optional[str]:
        schema = self.schema
        return None if schema is None else json.dumps({"mlflow_colspec": schema.to_dict()})


class NumpyDataset(Dataset):
    """Numpy arrays, or dictionaries of them: features, and perhaps targets."""

    def __init__(
        self, features: Any, source: DatasetSource, targets: Any = None, name: Optional[str] = None, digest: Optional[str] = None
    ) -> None:
        self._features, self._targets = features, targets
        super().__init__(source, name, digest)

    def _compute_digest(self) -> str:
        return data_digest.of_arrays(self._features, self._targets)

    @property
    def features(self) -> Any:
        """The features."""
        return self._features

    @property
    def targets(self) -> Any:
        """The targets."""
        return self._targets

    @property
    def schema(self) -> Optional[TensorDatasetSchema]:
        """Types and shapes of the arrays; None where one has no dimensions."""
        try:
            targets = None if self._targets is None else infer_schema(self._targets)
            return TensorDatasetSchema(infer_schema(self._features), targets)
        except SchemaError:
            return None

    @property
    def profile(self) -> Dict[str, Any]:
        """Shape, number of elements and bytes of each array."""
        groups = {"features": self._features, **({} if self._targets is None else {"targets": self._targets})}
        return {f"{group}_{fact}": _fact(data, fact) for group, data in groups.items() for fact in ("shape", "size", "nbytes")}

    def _schema_json(self) -> Optional[str]:
        schema = self.schema
        return None if schema is None else json.dumps(schema.to_dict())


class MetaDataset(Dataset):
    """Data that is not at hand: its source, and perhaps its schema."""

    def __init__(
        self, source: DatasetSource, name: Optional[str] = None, digest: Optional[str] = None, schema: Optional[Schema] = None
    ) -> None:
        self._schema = schema
        super().__init__(data_sources.resolved(source), name, digest)

    def _compute_digest(self) -> str:
        described = {
            "name": self.name,
            "source": self.source.to_json(),
            "source_type": self._get_source_type(),
            "schema": self._schema.to_dict() if self._schema else "",
        }
        return data_digest.of_text(json.dumps(described))

    @property
    def schema(self) -> Optional[Schema]:
        """The schema that was given."""
        return self._schema

    def _described(self) -> Dict[str, Any]:
        return {"schema": json.dumps({"mlflow_colspec": self._schema.to_dict()})} if self._schema else {}


class FilesDataset(Dataset):
    """Files of this machine: one, or all those in a folder."""

    def __init__(self, path: str, source: DatasetSource, name: Optional[str] = None, digest: Optional[str] = None) -> None:
        if not os.path.exists(path):  # noqa: PTH110
            raise NotFoundError(f"There is no file or folder {path!r}.", hint=f"Relative paths start at {os.getcwd()}.")  # noqa: PTH109
        self._path = path
        try:
            self._files = sorted(filter(os.path.isfile, files_below(path))) if os.path.isdir(path) else [path]  # noqa: PTH112
            super().__init__(source, os.path.basename(os.path.abspath(path)) if name is None else name, digest)  # noqa: PTH100, PTH119
        except OSError as error:
            raise copying.meaning(error, what=f"The data {path!r}") from error

    def _compute_digest(self) -> str:
        top = self._path if os.path.isdir(self._path) else os.path.dirname(self._path)  # noqa: PTH112, PTH120
        return data_digest.of_files(self._files, top=top or os.curdir)

    @property
    def profile(self) -> Dict[str, int]:
        """Numbers of files and of bytes."""
        return {"num_files": len(self._files), "num_bytes": sum(os.path.getsize(path) for path in self._files)}  # noqa: PTH202


def from_pandas(
    df: Any,
    source: Any = None,
    targets: Optional[str] = None,
    name: Optional[str] = None,
    digest: Optional[str] = None,
    predictions: Optional[str] = None,
) -> PandasDataset:
    """The dataset of a pandas.DataFrame; ``source`` is a path, an address or None (this script).

    Raises:
        ArgumentError: it is no such frame, it lacks a column that is named, or the source cannot be understood.
    """
    if not (hasattr(df, "columns") and hasattr(df, "iloc")):
        raise ArgumentError(
            f"A {type(df).__module__}.{type(df).__name__} is not a pandas.DataFrame.", hint="Frames of others: .to_pandas()."
        )
    return PandasDataset(df, data_sources.resolved(source), targets, name, digest, predictions)


def from_numpy(
    features: Any, source: Any = None, targets: Any = None, name: Optional[str] = None, digest: Optional[str] = None
) -> NumpyDataset:
    """The dataset of numpy arrays, or of dictionaries of them; ``source`` is a path, an address or None (this script).

    Raises:
        ArgumentError: they are no arrays, or the source cannot be understood.
    """
    for data in (features, *(() if targets is None else (targets,))):
        for array in data.values() if isinstance(data, dict) else (data,):
            if not (hasattr(array, "dtype") and hasattr(array, "flat")):
                raise ArgumentError(
                    f"Expected a numpy array, not a value of type {type(array).__name__}.", hint="numpy.asarray() makes one."
                )
    return NumpyDataset(features, data_sources.resolved(source), targets, name, digest)


def from_files(
    path: Union[str, "os.PathLike[str]"], source: Any = None, name: Optional[str] = None, digest: Optional[str] = None
) -> FilesDataset:
    """The dataset of a file, or of all files in a folder. They are read for the digest, unless one is given; ``source`` is the path.

    Raises:
        NotFoundError: there is no such file or folder.
        StoreError: one of the files cannot be read.
    """
    return FilesDataset(os.fspath(path), data_sources.resolved(path if source is None else source), name, digest)


def get_source(dataset: Any) -> DatasetSource:
    """Where the data of a dataset, or of an input of a run, came from.

    Raises:
        ArgumentError: it is no dataset, or of a source type that is not known.
    """
    if isinstance(dataset, Dataset):
        return dataset.source
    found = dataset.dataset if isinstance(dataset, kept.DatasetInput) else dataset
    return data_sources.from_json(entity(found).source, entity(found).source_type)


# ── inputs of runs ───────────────────────────────────────────────────────────────────────────────────────────────────


def log_input(
    dataset: Any = None,
    context: Optional[str] = None,
    tags: Optional[Mapping[str, str]] = None,
    model: Optional[kept.LoggedModelInput] = None,
) -> None:
    """Link a dataset to the active run as what it used; ``context`` says what for, such as ``training``.

    Raises:
        ArgumentError: it is no dataset.
        InvalidValueError: the store does not accept it.
    """
    given = [] if dataset is None else [_input(dataset, context, tags)]
    run = run_id_or_start()
    store_of(run).log_inputs(run, datasets=given, models=[] if model is None else [model])


def log_inputs(
    datasets: Optional[Sequence[Any]] = None,
    contexts: Optional[Sequence[Optional[str]]] = None,
    tags_list: Optional[Sequence[Optional[Mapping[str, str]]]] = None,
    models: Optional[Sequence[Any]] = None,
) -> None:
    """Link several datasets to the active run at once: as many contexts and tags (or None in their place) as datasets.

    Raises:
        ArgumentError: the lists differ in length, or one has what is no dataset; or there are contexts or tags of none.
    """
    datasets, contexts, tags_list = datasets or [], contexts or [], tags_list or []
    if not len(datasets) == len(contexts) == len(tags_list):
        raise ArgumentError(
            f"There are {len(datasets)} datasets, {len(contexts)} contexts and {len(tags_list)} tags: give as many of each."
        )
    paired = list(zip(datasets, contexts, tags_list))  # noqa: B905 -- of one length
    if any(one is None and (context or tags) for one, context, tags in paired):
        raise ArgumentError("There is a context or there are tags where there is no dataset.")
    given = [_input(one, context, tags) for one, context, tags in paired if one is not None]
    used = [model for model in models or [] if model is not None]
    run = run_id_or_start()
    store_of(run).log_inputs(run, datasets=given, models=used)


def link(
    store: TrackingStore, run_id: str, dataset: Any, *, context: Optional[str] = None, tags: Optional[Mapping[str, str]] = None
) -> None:
    """Make a dataset an input of a run; nothing happens if it is one already.

    Raises:
        ArgumentError: it is no dataset.
    """
    store.log_inputs(run_id, datasets=[_input(dataset, context, tags)])


def entity(dataset: Any) -> kept.Dataset:
    """What a store keeps of a dataset.

    Raises:
        ArgumentError: it is none.
    """
    if isinstance(dataset, kept.Dataset):
        return dataset
    found = _described(dataset)
    if not all(isinstance(found.get(name), str) for name in _FIELDS[:4]):
        raise ArgumentError(
            f"Expected a dataset, not a value of type {type(dataset).__name__}.", hint="mlctl.data.from_pandas() makes one, for example."
        )
    return kept.Dataset(**found)


def _described(dataset: Any) -> Dict[str, Any]:
    found = dataset.to_dict() if callable(getattr(dataset, "to_dict", None)) else None  # MLflow's own have it too
    if isinstance(found, dict):
        return {name: found.get(name) for name in _FIELDS}
    return {name: getattr(dataset, name, None) for name in _FIELDS}


def _input(dataset: Any, context: Optional[str], tags: Optional[Mapping[str, str]]) -> kept.DatasetInput:
    found = [kept.InputTag(str(key), str(value)) for key, value in (tags or {}).items()]
    if context:
        found.append(kept.InputTag(kept.CONTEXT_TAG, str(context)))
    return kept.DatasetInput(entity(dataset), tuple(found))


def _fact(data: Any, name: str) -> Any:
    return {key: getattr(array, name) for key, array in data.items()} if isinstance(data, dict) else getattr(data, name)


def _listed(columns: Any) -> str:
    names: List[str] = [str(name) for name in columns[:10]]
    return ", ".join(names) + (", …" if len(columns) > len(names) else "")
