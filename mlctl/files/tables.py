"""Tables as files of a run, written, appended to and read as MLflow does. They need pandas, and pyarrow where they are Parquet."""

import json
import posixpath
import warnings
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Union

from mlctl.errors import ArgumentError, InvalidValueError, NotFoundError
from mlctl.files import images
from mlctl.files.writing import put_written
from mlctl.tracking.entities import Run, RunTag
from mlctl.tracking.store import ArtifactStore, TrackingStore

if TYPE_CHECKING:
    import pandas as pd

LOGGED_ARTIFACTS_TAG = "mlflow.loggedArtifacts"

_ENDINGS = (".json", ".parquet")
_FORBIDDEN = "\"',:[]{}"
_TAG_LENGTH = 8000  # a longer value is cut off by the store, and is no JSON any more
_PAGE = 1000
_UNFIT = (ValueError, TypeError, KeyError, OverflowError, NotImplementedError)  # pandas' and pyarrow's words for values and files


def put_table(store: TrackingStore, run_id: str, data: "Union[Dict[str, Any], pd.DataFrame]", artifact_file: str) -> None:
    """Keep a table as a .json or .parquet file, below the rows of a table that is there already. Columns of images become files.

    Two processes must not append to one table at a time: the rows of one of them would be lost.

    Raises:
        ArgumentError: the data is no table, the name does not fit, or pandas is not installed.
    """
    _check_name(artifact_file)
    run = store.get_run(run_id)
    files = store.artifacts(run.info)
    frame = _with_image_files(_frame(data), files, posixpath.splitext(artifact_file)[0])
    if _exists(files, artifact_file):
        frame = _pandas().concat([_read(files, artifact_file), frame], ignore_index=True)
    put_written(files, lambda path: _write(frame, path), artifact_file)
    listed = _listed(run)
    if artifact_file not in [item.get("path") for item in listed]:
        value = json.dumps([*listed, {"path": artifact_file, "type": "table"}])
        if len(value) > _TAG_LENGTH:
            warnings.warn(
                f"{artifact_file} is kept, but the run has too many tables to list it: load_table() cannot find it.", stacklevel=2
            )
        else:
            store.log_batch(run_id, tags=[RunTag(LOGGED_ARTIFACTS_TAG, value)])


def load_table(
    store: TrackingStore,
    experiment_id: str,
    artifact_file: str,
    *,
    run_ids: Optional[Sequence[str]] = None,
    extra_columns: Optional[Sequence[str]] = None,
) -> "pd.DataFrame":
    """A table of all runs of an experiment, or of those named, as one DataFrame.

    ``extra_columns`` adds what is known of the runs: ``run_id``, ``status``, ``start_time``, ``params.x``, ``metrics.x``, ``tags.x``, ….

    Raises:
        NotFoundError: no run has such a table, or its file is gone.
        ArgumentError: the name does not fit, a column is not known, or pandas is not installed.
    """
    _check_name(artifact_file)
    runs = list(_runs_with(store, experiment_id, artifact_file, run_ids))
    if not runs:
        raise NotFoundError(f"No run of experiment {experiment_id} has a table {artifact_file!r}.", hint="log_table() makes one.")
    if run_ids and len(runs) != len(set(run_ids)):
        warnings.warn(f"Only {len(runs)} of {len(set(run_ids))} runs have a table {artifact_file!r}.", stacklevel=2)
    for name in extra_columns or ():
        if all(_field(run, name) is None for run in runs) and not name.startswith(("params.", "metrics.", "tags.")):
            _known_field(name)
    frames = [_extended(_read(store.artifacts(run.info), artifact_file), run, extra_columns or ()) for run in runs]
    return _pandas().concat(frames, ignore_index=True)


# ── underneath ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_name(artifact_file: str) -> None:
    if set(artifact_file) & set(_FORBIDDEN):
        raise ArgumentError(f"The name of a table cannot have any of {_FORBIDDEN}, as {artifact_file!r} does.")
    if not artifact_file.endswith(_ENDINGS):
        raise ArgumentError(f"The name of a table ends in .json or .parquet, not as {artifact_file!r} does.")


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError:
        raise ArgumentError("Tables need pandas.", hint="`pip install pandas`, or keep the data with log_dict().") from None
    return pd


def _frame(data: Any) -> Any:
    pandas = _pandas()
    if isinstance(data, pandas.DataFrame):
        return data
    if not isinstance(data, dict):
        raise ArgumentError(f"Expected a dictionary or a pandas.DataFrame, not a value of type {type(data).__name__}.")
    try:
        return pandas.DataFrame(data)
    except ValueError:  # single values: a table of one row
        return pandas.DataFrame([data])


def _with_image_files(frame: Any, files: ArtifactStore, name: str) -> Any:
    """The table with images replaced by where they have been put."""
    columns = {}
    for column in frame.columns:
        if frame[column].dtype.kind != "O":
            continue
        found = [_is_image(value) for value in frame[column]]
        if any(found) and not all(found):
            raise ArgumentError(f"The column {column!r} has images and other values.", hint="All of a column's values are images, or none.")
        if any(found):
            columns[column] = [_put_image(value, files, name) for value in frame[column]]
    return frame.assign(**{str(column): values for column, values in columns.items()}) if columns else frame


def _is_image(value: Any) -> bool:
    return callable(getattr(value, "save", None)) and callable(getattr(value, "resize", None)) and hasattr(value, "size")


def _put_image(value: Any, files: ArtifactStore, name: str) -> Dict[str, str]:
    import uuid

    path = posixpath.join("table_images", name, str(uuid.uuid4()))
    picture = value if isinstance(value, images.Image) else images.Image(value)
    has_small = images.put_pair(files, picture, path, small=".webp")
    return {"type": "image", "filepath": f"{path}.png", "compressed_filepath": f"{path}.webp" if has_small else f"{path}.png"}


def _exists(files: ArtifactStore, artifact_file: str) -> bool:
    path = posixpath.normpath(artifact_file)
    return any(item.path == path and not item.is_dir for item in files.list(posixpath.dirname(path)))


def _write(frame: Any, path: str) -> None:
    try:
        if path.endswith(".json"):
            frame.to_json(path, orient="split", index=False, date_format="iso")
        else:
            frame.to_parquet(path, index=False)
    except ImportError as error:
        raise ArgumentError(
            f"The table cannot be written: {error}", hint="`pip install pyarrow`, or give it a name that ends in .json."
        ) from None
    except _UNFIT as error:
        raise InvalidValueError(f"The table cannot be written: {error}.") from error


def _read(files: ArtifactStore, artifact_file: str) -> Any:
    import tempfile

    pandas = _pandas()
    with tempfile.TemporaryDirectory(prefix="mlctl-") as scratch:
        path = files.download(posixpath.normpath(artifact_file), scratch)
        try:
            return pandas.read_json(path, orient="split") if path.endswith(".json") else pandas.read_parquet(path)
        except ImportError as error:
            raise ArgumentError(f"The table cannot be read: {error}", hint="`pip install pyarrow`.") from None
        except _UNFIT as error:
            raise InvalidValueError(f"The artifact {artifact_file!r} is not a table that pandas reads: {error}.") from error


def _listed(run: Run) -> List[Dict[str, str]]:
    try:
        found = json.loads(run.data.tags.get(LOGGED_ARTIFACTS_TAG, "[]"))
    except ValueError:
        return []
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _runs_with(store: TrackingStore, experiment_id: str, artifact_file: str, run_ids: Optional[Sequence[str]]) -> Iterator[Run]:
    wanted = f"tags.`{LOGGED_ARTIFACTS_TAG}` LIKE '%{artifact_file}%'"
    token = None
    while True:
        page = store.search_runs([experiment_id], filter_string=wanted, max_results=_PAGE, page_token=token)
        for run in page:
            listed = {"path": artifact_file, "type": "table"} in _listed(run)
            if listed and (not run_ids or run.info.run_id in run_ids):
                yield run
        token = page.token
        if not token:
            return


def _extended(frame: Any, run: Run, columns: Sequence[str]) -> Any:
    for name in columns:
        if name in frame:
            warnings.warn(f"The table has a column {name!r} of its own: that of the run is called '{name}_'.", stacklevel=2)
        frame[f"{name}_" if name in frame else name] = _field(run, name)
    return frame


def _field(run: Run, name: str) -> Any:
    kind, _, key = name.partition(".")
    if key and kind in ("params", "metrics", "tags"):
        return getattr(run.data, kind).get(key)
    value = getattr(run.info, _known_field(name))
    return _pandas().to_datetime(value, unit="ms", utc=True) if name in ("start_time", "end_time") else value


def _known_field(name: str) -> str:
    known = ("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time", "run_name", "user_id")
    if name not in known:
        raise ArgumentError(f"A run has no column {name!r}.", hint=f"One of: {', '.join(known)}, params.KEY, metrics.KEY, tags.KEY.")
    return name
