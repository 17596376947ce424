"""``mlctl artifacts``: look at the files of a run, fetch them, add some, remove some."""

from __future__ import annotations

import posixpath
import sys
from typing import Annotated, Any

import typer

from mlctl import render
from mlctl.commands import lookup
from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.tracking.entities import FileInfo
from mlctl.tracking.store import ArtifactStore, TrackingStore

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, a unique prefix of it, or @last.")]
PathArgument = Annotated[str, typer.Argument(metavar="PATH", help="A file or folder among the run's files, such as plots/loss.png.")]
MaybePath = Annotated[str, typer.Argument(metavar="[PATH]", help="A file or folder among the run's files; all of them by default.")]


@app.command("list")
def list_artifacts(
    run: RunArgument,
    path: MaybePath = "",
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Files in sub-folders too, by their whole paths.")] = False,
) -> render.Result:
    """List the files of a run, folder by folder."""
    with lookup.looking() as store:
        _, files = _files(store, run)
        found = lookup.all_files(files, path) if recursive else files.list(path)
        if path.strip("/.") and not found:
            found = [_entry(files, path)]
    columns = [render.Column("path"), render.Column("size", show=render.size, right=True)]
    rows = [[_shown(item), item.file_size] for item in found]
    data = [{**item.to_dictionary(), "path": _printable(item.path)} for item in found]
    return render.Result(data, render.Table(columns, rows, empty="There are no files here."), ids=[_printable(item.path) for item in found])


@app.command("show")
def show(ctx: typer.Context, run: RunArgument, path: PathArgument) -> render.Result | None:
    """Print a file of a run: as it is into a pipe, and on a terminal if it is text."""
    wanted = ctx.find_root().obj.output == "json"
    with lookup.looking() as store:
        run_id, files = _files(store, run)
        if not wanted and not sys.stdout.isatty():
            for piece in files.read(path):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            return None
        content = b"".join(files.read(path))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InvalidValueError(
            f"{path!r} is not a text ({render.size(len(content))}).", hint=f"`mlctl artifacts download {run} {path}` fetches it."
        )
    return render.Result({"run_id": run_id, "path": path, "text": text}, text=text.removesuffix("\n"))


@app.command("download")
def download(
    run: RunArgument,
    path: MaybePath = "",
    to: Annotated[
        str, typer.Option("--to", metavar="FOLDER", help="Where to; here by default, and all files into a folder named RUN.")
    ] = "",
) -> render.Result:
    """Copy a file, a folder or all files of a run to this machine."""
    from mlctl.files.addresses import fetch

    with lookup.looking() as store:
        run_id, files = _files(store, run)
        target = fetch(files, path, to or ("." if path.strip("/.") else run_id[:8]))
    data = {"run_id": run_id, "path": path, "downloaded_to": target}
    return render.Result(data, text=f"{path or 'all files'} → {target}", ids=[target])


@app.command("upload")
def upload(
    run: RunArgument,
    paths: Annotated[list[str], typer.Argument(metavar="FILE…", help="Files and folders of this machine.")],
    folder: Annotated[str, typer.Option("--path", metavar="FOLDER", help="Folder among the run's files; their root by default.")] = "",
) -> render.Result:
    """Add files and folders to a run, in place of those of the same names."""
    from mlctl.files.writing import put_path

    with lookup.looking() as store:
        run_id, files = _files(store, run)
        for path in paths:
            put_path(files, path, folder or None)
    return _each(run_id, paths, "uploaded")


@app.command("delete")
def delete(
    run: RunArgument,
    paths: Annotated[list[str], typer.Argument(metavar="PATH…", help="Files and folders among the run's files.")],
) -> render.Result:
    """Remove files and folders of a run, for good."""
    with lookup.looking() as store:
        run_id, files = _files(store, run)
        for path in paths:
            files.delete(path)
    return _each(run_id, paths, "deleted")


def _files(store: TrackingStore, run: str) -> tuple[str, ArtifactStore]:
    run_id = lookup.run_id(store, run)
    return run_id, store.artifacts(store.get_run(run_id).info)


def _entry(files: ArtifactStore, path: str) -> FileInfo:
    """A file, or an empty folder, by its path."""
    plain = posixpath.normpath(path)
    for item in files.list(plain.rpartition("/")[0]):
        if item.path == plain:
            return item
    raise NotFoundError(f"There is no artifact {path!r}.", hint="`mlctl artifacts list RUN -r` shows what a run has.")


def _each(run_id: str, paths: list[str], what: str) -> render.Result:
    data: list[dict[str, Any]] = [{"run_id": run_id, "path": path, "result": what} for path in paths]
    table = render.Table([render.Column("path"), render.Column("result")], [[path, what] for path in paths])
    return render.Result(data, table, ids=paths)


def _shown(item: FileInfo) -> str:
    return _printable(f"{item.path}/" if item.is_dir else item.path)


def _printable(path: str) -> str:
    """A path with bytes that are not UTF-8 written as escapes, so that any output can hold it."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
