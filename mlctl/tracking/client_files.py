"""What the client does with the files of runs: keeping, listing and fetching them, with MLflow's names and arguments."""

import os
from typing import IO, TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Union

from mlctl.tracking.entities import FileInfo
from mlctl.tracking.store import ArtifactStore, TrackingStore

if TYPE_CHECKING:
    import pandas as pd

Path = Union[str, "os.PathLike[str]"]


class FilesOfRuns:
    """The part of the client that reads and writes artifacts; what writes them is imported when it is needed.

    Its methods raise `NotFoundError` for a run or file that is not there, and `InvalidValueError` for a path that leaves the run's files.
    """

    store: TrackingStore

    def log_artifact(self, run_id: str, local_path: Path, artifact_path: Optional[str] = None) -> None:
        """Keep a file (or a folder, under its own name) with the run, in the folder ``artifact_path`` of its artifacts."""
        from mlctl.files import writing as artifact_writing

        artifact_writing.put_path(self._files(run_id), local_path, artifact_path)

    def log_artifacts(self, run_id: str, local_dir: Path, artifact_path: Optional[str] = None) -> None:
        """Keep what is in a folder with the run, in the folder ``artifact_path`` of its artifacts."""
        self._files(run_id).put_folder(os.fspath(local_dir), artifact_path)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Keep a text as a file of the run, in UTF-8."""
        from mlctl.files import writing as artifact_writing

        artifact_writing.put_text(self._files(run_id), text, artifact_file)

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        """Keep an object as a JSON file of the run, or as YAML where the name ends in .yml or .yaml (which needs PyYAML)."""
        from mlctl.files import writing as artifact_writing

        artifact_writing.put_dict(self._files(run_id), dictionary, artifact_file)

    def log_stream(self, run_id: str, stream: "IO[bytes]", artifact_file: str) -> None:
        """Keep what can be read from a binary stream as a file of the run."""
        from mlctl.files import writing as artifact_writing

        artifact_writing.put_stream(self._files(run_id), stream, artifact_file)

    def log_figure(self, run_id: str, figure: Any, artifact_file: str, *, save_kwargs: Optional[Dict[str, Any]] = None) -> None:
        """Keep a figure of matplotlib or plotly as a file of the run; ``save_kwargs`` go to what saves it."""
        from mlctl.files import writing as artifact_writing

        artifact_writing.put_figure(self._files(run_id), figure, artifact_file, save_kwargs=save_kwargs)

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: Optional[str] = None,
        key: Optional[str] = None,
        step: Optional[int] = None,
        timestamp: Optional[int] = None,
        synchronous: Optional[bool] = None,
    ) -> None:
        """Keep an image as ``artifact_file``, or as the one of a series at ``step`` and ``timestamp`` (ms)."""
        from mlctl.files import images

        images.put_image(self.store, run_id, image, artifact_file, key, step, timestamp)

    def log_table(self, run_id: str, data: "Union[Dict[str, Any], pd.DataFrame]", artifact_file: str) -> None:
        """Keep a table as a .json or .parquet file of the run, below the rows that are there already; it needs pandas."""
        from mlctl.files import tables

        tables.put_table(self.store, run_id, data, artifact_file)

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Optional[Sequence[str]] = None,
        extra_columns: Optional[Sequence[str]] = None,
    ) -> "pd.DataFrame":
        """A table of all runs of an experiment, or of those named, with columns of what is known of the runs."""
        from mlctl.files import tables

        return tables.load_table(self.store, str(experiment_id), artifact_file, run_ids=run_ids, extra_columns=extra_columns)

    def list_artifacts(self, run_id: str, path: Optional[str] = None) -> List[FileInfo]:
        """What a folder among the run's files holds; nothing for a file or what is not there."""
        return self._files(run_id).list(path or "")

    def download_artifacts(self, run_id: str, path: str, dst_path: Optional[str] = None) -> str:
        """Copy a file or folder into the folder ``dst_path``; returns where it is. Without one, what is on this machine stays there."""
        from mlctl.files import addresses as artifact_addresses

        return artifact_addresses.here(self._files(run_id), path, dst_path)

    def _files(self, run_id: str) -> ArtifactStore:
        return self.store.artifacts(self.store.get_run(run_id).info)
