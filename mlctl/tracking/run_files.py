"""The functions of a script that keep files with a run: ``log_artifact``, ``log_text``, …, with MLflow's names and arguments.

Each is one line over a function that takes any `ArtifactStore` (``store.artifacts(run.info)``), which the client calls too:

====================  =====================================================================================================
`artifact_writing`    ``put_path(files, local_path, artifact_path=None)``, ``put_text(files, text, artifact_file)``,
                      ``put_dict(files, dictionary, artifact_file)``, ``put_stream(files, stream, artifact_file)``,
                      ``put_figure(files, figure, artifact_file, *, save_kwargs=None)``
`store`               ``files.put_folder(local_dir, artifact_path=None)``
`images`              ``put_image(store, run_id, image, artifact_file=None, key=None, step=None, timestamp=None)``
`tables`              ``put_table(store, run_id, data, artifact_file)``,
                      ``load_table(store, experiment_id, artifact_file, *, run_ids=None, extra_columns=None)``
`artifact_addresses`  ``fetch(files, path, folder)``, ``list_artifacts``, ``download_artifacts``, ``load_text``, …: `mlctl.artifacts`
====================  =====================================================================================================

Images and tables also read and write the run's tags, so those functions take its store.
"""

import os
from typing import IO, TYPE_CHECKING, Any, Dict, Optional, Sequence, Union

from mlctl.files import addresses as artifact_addresses
from mlctl.files import images, tables
from mlctl.files import writing as artifact_writing
from mlctl.tracking import fluent, fluent_experiments
from mlctl.tracking.current import current_store
from mlctl.tracking.fluent_active import store_of
from mlctl.tracking.store import ArtifactStore

if TYPE_CHECKING:
    import pandas as pd

Path = Union[str, "os.PathLike[str]"]


def log_artifact(local_path: Path, artifact_path: Optional[str] = None, run_id: Optional[str] = None) -> None:
    """Keep a file (or a folder, under its own name) with the run, in the folder ``artifact_path`` of its artifacts.

    Raises:
        NotFoundError: there is no such file.
        InvalidValueError: the artifact path leaves the run's artifacts.
    """
    artifact_writing.put_path(_files(run_id), local_path, artifact_path)


def log_artifacts(local_dir: Path, artifact_path: Optional[str] = None, run_id: Optional[str] = None) -> None:
    """Keep what is in a folder with the run, in the folder ``artifact_path`` of its artifacts."""
    _files(run_id).put_folder(os.fspath(local_dir), artifact_path)


def log_text(text: str, artifact_file: str, run_id: Optional[str] = None) -> None:
    """Keep a text as a file of the run, in UTF-8."""
    artifact_writing.put_text(_files(run_id), text, artifact_file)


def log_dict(dictionary: Any, artifact_file: str, run_id: Optional[str] = None) -> None:
    """Keep an object as a JSON file of the run, or as YAML where the name ends in .yml or .yaml (which needs PyYAML)."""
    artifact_writing.put_dict(_files(run_id), dictionary, artifact_file)


def log_stream(stream: "IO[bytes]", artifact_file: str, run_id: Optional[str] = None) -> None:
    """Keep what can be read from a binary stream as a file of the run."""
    artifact_writing.put_stream(_files(run_id), stream, artifact_file)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: Optional[Dict[str, Any]] = None) -> None:
    """Keep a figure of matplotlib or plotly as a file of the active run; ``save_kwargs`` go to what saves it."""
    artifact_writing.put_figure(_files(), figure, artifact_file, save_kwargs=save_kwargs)


def log_image(
    image: Any,
    artifact_file: Optional[str] = None,
    key: Optional[str] = None,
    step: Optional[int] = None,
    timestamp: Optional[int] = None,
    synchronous: Optional[bool] = False,
) -> None:
    """Keep an image (numpy array, PIL image, `Image`) as ``artifact_file``, or as the one of a series at ``step`` and ``timestamp`` (ms).

    It has been kept when this returns, whatever ``synchronous`` says.

    Raises:
        ArgumentError: it is no image, or neither or both of ``artifact_file`` and ``key`` are given.
    """
    run = fluent.run_id_or_start()
    images.put_image(store_of(run), run, image, artifact_file, key, step, timestamp)


def log_table(data: "Union[Dict[str, Any], pd.DataFrame]", artifact_file: str, run_id: Optional[str] = None) -> None:
    """Keep a table as a .json or .parquet file of the run, below the rows that are there already; it needs pandas."""
    run = fluent.run_id_or_start(run_id)
    tables.put_table(store_of(run), run, data, artifact_file)


def load_table(
    artifact_file: str, run_ids: Optional[Sequence[str]] = None, extra_columns: Optional[Sequence[str]] = None
) -> "pd.DataFrame":
    """A table of all runs of the current experiment, or of those named, with columns of what is known of the runs.

    Raises:
        NotFoundError: no run has such a table.
    """
    experiment_id = fluent_experiments.current_id()
    return tables.load_table(current_store(), experiment_id, artifact_file, run_ids=run_ids, extra_columns=extra_columns)


def get_artifact_uri(artifact_path: Optional[str] = None) -> str:
    """The address of the active run's artifacts, or of one of them; a run is started if none is active."""
    run = fluent.run_id_or_start()
    return artifact_addresses.address(store_of(run).get_run(run).info.artifact_uri, artifact_path)


def _files(run_id: Optional[str] = None) -> ArtifactStore:
    run = fluent.run_id_or_start(run_id)
    store = store_of(run)
    return store.artifacts(store.get_run(run).info)
