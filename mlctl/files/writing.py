"""What becomes a file of a run: paths, texts, dictionaries, streams and figures, put into any `ArtifactStore`.

``artifact_file`` is the path of one file below the run's root, with slashes (``plots/loss.png``). Every function raises
`InvalidValueError` for one that leaves the root, and `StoreError` where the store cannot be written.
"""

import os
import posixpath
import sys
from typing import IO, Any, Callable, Iterable, Mapping, Optional, Tuple, Union

from mlctl.errors import ArgumentError, InvalidValueError
from mlctl.files import copying
from mlctl.files.local import LocalArtifacts
from mlctl.tracking.store import ArtifactStore

_PIECE = 1 << 20
_YAML = (".yml", ".yaml")
_PLOTLY_IMAGES = (".png", ".jpeg", ".webp", ".svg", ".pdf")


def put_path(files: ArtifactStore, local_path: Union[str, "os.PathLike[str]"], artifact_path: Optional[str] = None) -> None:
    """Copy a file, or a folder under its own name, into the folder ``artifact_path``.

    Raises:
        NotFoundError: there is no such file.
    """
    path = os.fspath(local_path)
    if not os.path.isdir(path):  # noqa: PTH112
        files.put_file(path, artifact_path)
        return
    name = os.path.basename(os.path.abspath(path))  # noqa: PTH100, PTH119
    files.put_folder(path, posixpath.join(artifact_path, name) if artifact_path else name)


def put_text(files: ArtifactStore, text: str, artifact_file: str) -> None:
    """Write a text, as UTF-8.

    Raises:
        ArgumentError: it is not a text.
    """
    if not isinstance(text, str):
        raise ArgumentError(f"Expected a text to log, not a value of type {type(text).__name__}.", hint="str(value) makes one.")
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ArgumentError(f"The text cannot be written as UTF-8: {error}.") from None
    put_content(files, [content], artifact_file)


def put_dict(files: ArtifactStore, dictionary: Any, artifact_file: str) -> None:
    """Write an object as YAML if the file's name ends in .yml or .yaml, else as JSON; what JSON has no word for is its ``str()``.

    Raises:
        ArgumentError: it contains itself or has keys that JSON cannot have; or YAML was asked for, and PyYAML is not installed.
    """
    if posixpath.splitext(artifact_file)[1] in _YAML:
        text = _yaml().dump(dictionary, indent=2, default_flow_style=False)
    else:
        text = _json(dictionary)
    put_text(files, text, artifact_file)


def _json(value: Any) -> str:
    import json

    try:
        return json.dumps(value, indent=2, default=str)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"This cannot be written as JSON: {error}.") from None


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise ArgumentError(
            "Writing YAML needs PyYAML.", hint="`pip install pyyaml`, or give the file a name that ends in .json."
        ) from None
    return yaml


def put_stream(files: ArtifactStore, stream: "IO[bytes]", artifact_file: str) -> None:
    """Write what can be read from a binary stream, piece by piece."""
    put_content(files, iter(lambda: stream.read(_PIECE), b""), artifact_file)


def put_content(files: ArtifactStore, pieces: Iterable[bytes], artifact_file: str) -> None:
    """Write a file from pieces; on this machine without a file in between."""
    _file_name(artifact_file)
    if isinstance(files, LocalArtifacts):
        files.put_content(pieces, artifact_file)
    else:
        put_written(files, lambda path: copying.write_new(pieces, path), artifact_file)


def put_figure(files: ArtifactStore, figure: Any, artifact_file: str, *, save_kwargs: Optional[Mapping[str, Any]] = None) -> None:
    """Write a figure of matplotlib (any format that it saves) or plotly (.html, .png, .jpeg, .webp, .svg, .pdf).

    Raises:
        ArgumentError: it is no such figure, or plotly has no such format.
    """
    options = dict(save_kwargs or {})
    if is_a("matplotlib.figure", "Figure", figure):
        put_written(files, lambda path: figure.savefig(path, **options), artifact_file)
    elif is_a("plotly.graph_objects", "Figure", figure):
        put_written(files, _plotly_writer(figure, posixpath.splitext(artifact_file)[1], options), artifact_file)
    else:
        raise ArgumentError(f"Expected a figure of matplotlib or plotly, not a value of type {type(figure).__name__}.")


def _plotly_writer(figure: Any, ending: str, options: Mapping[str, Any]) -> Callable[[str], Any]:
    if ending == ".html":
        return lambda path: figure.write_html(path, **{"include_plotlyjs": "cdn", "auto_open": False, **options})
    if ending in _PLOTLY_IMAGES:
        return lambda path: figure.write_image(path, **options)
    raise ArgumentError(
        f"A plotly figure cannot be written as {ending or 'a file without an ending'!r}.",
        hint=f"One of: .html, {', '.join(_PLOTLY_IMAGES)}.",
    )


def is_a(module: str, name: str, value: Any) -> bool:
    """Whether a value is of an optional library's class; if it is, that library has been imported already."""
    found = getattr(sys.modules.get(module), name, None)
    return found is not None and isinstance(value, found)


def put_written(files: ArtifactStore, write: Callable[[str], Any], artifact_file: str) -> None:
    """Let ``write`` make a local file, whose path it is given, and put that to ``artifact_file``."""
    import tempfile

    folder, name = _file_name(artifact_file)
    with tempfile.TemporaryDirectory(prefix="mlctl-") as scratch:
        path = os.path.join(scratch, name)  # noqa: PTH118
        write(path)
        files.put_file(path, folder or None)


def _file_name(artifact_file: str) -> Tuple[str, str]:
    """Folder and name of the path of a file."""
    folder, name = posixpath.split(posixpath.normpath(artifact_file))
    if name in ("", ".", "..") or "\0" in name:
        raise InvalidValueError(f"{artifact_file!r} is not the path of a file.", hint="Such as 'notes.txt' or 'plots/loss.png'.")
    return folder, name
