"""The functions of a script that keep files with a run: ``log_artifact``, ``log_text``, …, with MLflow's names and arguments.

Each is one line over a function that takes any `ArtifactStore` (``store.artifacts(run.info)``), which the client calls too:

===================  =====================================================================================================
`artifact_writing`   ``put_path(files, local_path, artifact_path=None)``, ``put_text(files, text, artifact_file)``,
                     ``put_dict(files, dictionary, artifact_file)``, ``put_stream(files, stream, artifact_file)``,
                     ``put_figure(files, figure, artifact_file, *, save_kwargs=None)``
`store`              ``files.put_folder(local_dir, artifact_path=None)``
===================  =====================================================================================================
"""

import os
from typing import IO, Any, Dict, Optional, Union

from mlctl.tracking import artifact_writing, fluent
from mlctl.tracking.current import current_store
from mlctl.tracking.store import ArtifactStore

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


def _files(run_id: Optional[str] = None) -> ArtifactStore:
    store = current_store()
    return store.artifacts(store.get_run(fluent.run_id_or_start(run_id)).info)
