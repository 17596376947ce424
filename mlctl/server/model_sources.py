"""Which sources of model versions a server takes: an address may not be a way to files that the client could not read otherwise.

As in MLflow: files of the store must lie with the run or the logged model that the request names; local paths, too; ``..`` stands nowhere.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.sql import logged_models as sql_logged_models
from mlctl.sql import model_versions as sql_versions
from mlctl.sql import runs as sql_runs
from mlctl.tracking import registry, wire
from mlctl.tracking.registry import PROMPT_TAG, ModelSource

if TYPE_CHECKING:
    from typing import NoReturn

    from mlctl.sql.db import Db

_HERE = ("", "file", "runs", "models", "mlflow-artifacts", "http", "https")
_ROUTE = "/api/2.0/mlflow-artifacts/artifacts/"


def checked_source(db: Db, given: ModelSource, *, tags: dict[str, str]) -> ModelSource:
    """A source that may be registered; files of the store are told as the store itself names them.

    Raises:
        InvalidValueError: it leads elsewhere, or does not belong to the run or model that is named.
    """
    if tags.get(PROMPT_TAG, "").lower() == "true":
        return given
    source = given.source
    plain = _decoded(source)
    if "\0" in plain or ".." in plain.replace("\\", "/").split("/"):
        _refuse("It may have no '..'.")
    scheme = urlsplit(plain).scheme.lower()
    if "#" in plain and scheme in _HERE:
        _refuse("It may have no fragment.")
    if scheme in ("", "file") or plain.startswith("/"):
        return _local(db, given)
    if scheme == "runs":
        return _of_run(given, plain)
    if scheme == "models":
        return _of_model(db, given)
    if scheme == "mlflow-artifacts" or (scheme in ("http", "https") and _ROUTE in plain):
        return _proxied(db, given)
    return given


def _decoded(text: str) -> str:
    for _ in range(10):
        plainer = unquote(text)
        if plainer == text:
            return text
        text = plainer
    raise InvalidValueError("The model version's source is encoded too often.")


def _refuse(what: str) -> NoReturn:
    raise InvalidValueError(f"Invalid model version source. {what}")


def _root(db: Db, given: ModelSource) -> str:
    """Where the artifacts are of the model, or else of the run, that the request names."""
    try:
        if given.model_id:
            return sql_logged_models.get(db, given.model_id).artifact_location
        if given.run_id:
            return sql_runs.get(db, given.run_id).info.artifact_uri
    except NotFoundError as error:
        _refuse(error.message)
    _refuse("The run_id or model_id of the request must name the run or model whose file it is.")


def _local(db: Db, given: ModelSource) -> ModelSource:
    root, path = _root(db, given), _path(given.source)
    if not root.startswith("/") or os.path.commonpath((os.path.realpath(root), os.path.realpath(path))) != os.path.realpath(root):
        _refuse("A local path must lie inside the artifacts of the run or model that the request names.")
    return given


def _path(source: str) -> str:
    found = unquote(urlsplit(source).path) if source.lower().startswith("file:") else source
    return found if found.startswith("/") else str(Path.cwd() / found)


def _of_run(given: ModelSource, plain: str) -> ModelSource:
    run_id = plain.partition(":")[2].lstrip("/").partition("/")[0]
    if given.model_id or not given.run_id or run_id != given.run_id:
        _refuse("The request's run_id must be that of the source.")
    return given


def _of_model(db: Db, given: ModelSource) -> ModelSource:
    address = registry.model_address(given.source)
    if address.model_id:
        if given.model_id != address.model_id:
            _refuse("The request's model_id must be that of the source.")
        try:
            sql_logged_models.get(db, address.model_id)
        except NotFoundError as error:
            _refuse(error.message)
        return given
    kept = sql_versions.origin(db, ModelSource(given.source)).kept
    if (given.run_id and given.run_id != kept.run_id) or (given.model_id and given.model_id != kept.model_id):
        _refuse("The request's run_id and model_id must be those of the version that the source names.")
    return kept


def _proxied(db: Db, given: ModelSource) -> ModelSource:
    """A file that this server keeps, by its address here: below the root of what the request names."""
    root = wire.location(_root(db, given), db.folder)
    source, path = given.source, urlsplit(given.source).path
    if source.lower().startswith(("http:", "https:")):
        path = "/" + path.partition(_ROUTE)[2]
    below = urlsplit(root).path.rstrip("/") if root.startswith(wire.PROXY) else None
    if below is None or not (path == below or path.startswith(below + "/")):
        _refuse("It must lie inside the artifacts of the run or model that the request names.")
    return (
        given._replace(source=wire.folder_of(wire.PROXY + unquote(path).lstrip("/"), db.folder)) if source.startswith(wire.PROXY) else given
    )
