"""What can be typed at a place: names from the store, from the MLproject file, and from mlctl's own tables.

A row of `VALUES` says what a parameter takes. Only what a row needs is imported and opened.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlctl.commands.completion_words import COMMAND, OPTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlctl.commands.completion_words import Place
    from mlctl.projects.spec import EntryPoint, Project
    from mlctl.tracking.entities import Run
    from mlctl.tracking.store import TrackingStore

FILES, FOLDERS = "files", "folders"
_MOST_RUNS = 50
_ID_LENGTH = 12


class Candidate(NamedTuple):
    """A word that can be typed and what it is; ``open``: more can follow in the same word."""

    value: str
    text: str = ""
    open: bool = False


def answer(place: Place) -> str | list[Candidate]:
    """What fits at a place: candidates that begin as it does, `FILES` or `FOLDERS`."""
    make = VALUES.get((" ".join(place.path), place.asks)) or VALUES.get(("", place.asks))
    if make is None:
        return []
    found = make(place)
    return found if isinstance(found, str) else [item for item in found if item.value.startswith(place.typed)]


def _options(place: Place) -> list[Candidate]:
    return [Candidate(name, text) for names, _, _, text in place.node.get("options", ()) for name in names if name.startswith("--")]


def _commands(place: Place) -> list[Candidate]:
    return [Candidate(name, child["help"]) for name, child in place.node["commands"].items()]


# ── the store ────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def _store() -> Iterator[TrackingStore]:
    from mlctl.tracking.opening import open_store

    with contextlib.closing(open_store(create=False)) as store:
        yield store


def _experiments_of(store: TrackingStore) -> list[str]:
    return [item.experiment_id for item in store.search_experiments(view="ALL", max_results=50000)]


def _runs(place: Place) -> list[Candidate]:
    """The newest runs, or those whose id begins as typed."""
    from mlctl import render

    with _store() as store:
        if place.typed and not place.typed.startswith("@"):
            ids = store.run_ids_with_prefix(place.typed, limit=_MOST_RUNS)
            found = [store.get_run(run_id) for run_id in ids]
        else:
            found = list(store.search_runs(_experiments_of(store), max_results=_MOST_RUNS))
    now = time.time() * 1000
    length = max(_ID_LENGTH, len(place.typed))
    candidates = [
        Candidate(run.info.run_id[:length], f"{run.info.run_name}  {run.info.status}  {render.age(now - run.info.start_time)}")
        for run in found
    ]
    return [*candidates, Candidate("@last", "the newest run"), *([Candidate("@last~1", "the one before")] if len(found) > 1 else [])]


def _experiments(_place: Place) -> list[Candidate]:
    with _store() as store:
        return [Candidate(item.name, f"experiment {item.experiment_id}") for item in store.search_experiments(max_results=1000)]


def _experiment_ids(_place: Place) -> list[Candidate]:
    with _store() as store:
        return [Candidate(item.experiment_id, item.name) for item in store.search_experiments(max_results=1000)]


def _run_named(store: TrackingStore, place: Place) -> Run | None:
    """The first run that the words before name."""
    named = next((place.given[name][0] for name in ("run", "runs", "run_a") if place.given.get(name)), "")
    if named == "@last":
        return next(iter(store.search_runs(_experiments_of(store), max_results=1)), None)
    ids = store.run_ids_with_prefix(named, limit=2) if named else []
    return store.get_run(ids[0]) if len(ids) == 1 or named in ids else None


def _metric_keys(place: Place) -> list[Candidate]:
    with _store() as store:
        run = _run_named(store, place)
    return [Candidate(key, f"{value:.6g}") for key, value in sorted(run.data.metrics.items())] if run else []


def _params_of_run(place: Place) -> list[Candidate]:
    with _store() as store:
        run = _run_named(store, place)
    return [Candidate(f"{key}=", f"was {value}", open=True) for key, value in sorted(run.data.params.items())] if run else []


def _artifacts(place: Place) -> list[Candidate]:
    """Files of the run, a folder at a time."""
    with _store() as store:
        run = _run_named(store, place)
        if run is None:
            return []
        folder = place.typed.rpartition("/")[0]
        listed = store.artifacts(run.info).list(folder)
    return [Candidate(item.path + ("/" if item.is_dir else ""), "", open=item.is_dir) for item in listed]


def _registered(_place: Place) -> list[Candidate]:
    with _store() as store:
        found = store.search_registered_models(max_results=1000)
    return [Candidate(item.name, (item.description or "").partition("\n")[0]) for item in found]


def _models(place: Place) -> list[Candidate]:
    """Registered models; after a ``/`` or an ``@`` what says which version."""
    from mlctl.tracking.registry import STAGES

    name, slash, _ = place.typed.partition("/")
    if slash:
        with _store() as store:
            found = store.search_model_versions(filter_string=f"name = '{name}'", order_by=["version_number DESC"], max_results=_MOST_RUNS)
        numbers = [Candidate(f"{name}/{item.version}", _where(item.current_stage, item.aliases)) for item in found]
        return [*numbers, *(Candidate(f"{name}/{stage}") for stage in (*STAGES, "latest"))]
    if "@" not in place.typed:
        return _registered(place)
    name = place.typed.rpartition("@")[0]
    return [Candidate(f"{name}@{alias}", f"version {version}") for alias, version in sorted(_aliases_of(name).items())]


def _where(stage: str | None, aliases: Sequence[str]) -> str:
    return " ".join(filter(None, [stage if stage != "None" else "", *(f"@{alias}" for alias in aliases)]))


def _aliases_of(name: str) -> dict[str, str]:
    with _store() as store:
        return store.get_registered_model(name).aliases


def _model_named(place: Place) -> str:
    word = place.given.get("model", [""])[0]
    return word.partition("/")[0] if "/" in word else word.partition("@")[0]


def _aliases(place: Place) -> list[Candidate]:
    return [Candidate(alias, f"version {version}") for alias, version in sorted(_aliases_of(_model_named(place)).items())]


def _places(place: Place) -> list[Candidate]:
    """Stages, and the aliases that the named model has."""
    from mlctl.tracking.registry import STAGES

    found = [Candidate(stage) for stage in STAGES]
    return [*found, *(Candidate(f"@{item.value}", item.text) for item in _aliases(place))] if place.typed.startswith("@") else found


# ── the project ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _project(place: Place) -> Project | None:
    """The project that the line names, where it is a folder of this machine."""
    from mlctl.projects import spec

    address, _, subdir = (place.given.get("uri") or ["."])[0].partition("#")
    folder = Path(address.removeprefix("file://")).expanduser() / subdir
    return spec.load(folder) if folder.is_dir() else None


def _entry_points(place: Place) -> list[Candidate]:
    project = _project(place)
    if project is None:
        return []
    scripts = [Candidate(path.name, "script") for path in sorted(project.folder.glob("*.py")) + sorted(project.folder.glob("*.sh"))]
    return [*(Candidate(name, entry.command or "") for name, entry in project.entry_points.items()), *scripts]


def _entry(place: Place) -> EntryPoint | None:
    project = _project(place)
    name = (place.given.get("entry_point") or ["main"])[-1]
    return project.entry_points.get(name) if project else None


def _parameters(place: Place) -> list[Candidate]:
    """Names of the entry point's parameters that have no value yet; after ``name=`` its choices or its default."""
    from mlctl.projects.kinds import text_of

    entry = _entry(place)
    if entry is None:
        return []
    name, equals, _ = place.typed.partition("=")
    if equals:
        declared = entry.parameters.get(name)
        choices = [text_of(each) for each in declared.choices] if declared else []
        default = [text_of(declared.default)] if declared and not declared.required and not choices else []
        return [Candidate(f"{name}={value}", "default" if default else "") for value in choices + default]
    taken = {text.partition("=")[0] for text in place.given.get("param_list", ())}
    return [
        Candidate(f"{item.name}=", " ".join(filter(None, (item.type, item.description, "(required)" if item.required else ""))), open=True)
        for item in entry.parameters.values()
        if item.name not in taken
    ]


# ── mlctl's own tables ───────────────────────────────────────────────────────────────────────────────────────────────


def _managers(_place: Place) -> list[Candidate]:
    from mlctl.envs import selection

    return [Candidate(name) for name in (*selection.MANAGERS, *getattr(selection, "CONDA_MANAGERS", ()))]


def _formats(_place: Place) -> list[Candidate]:
    from mlctl.render import FORMATS

    return [Candidate(name) for name in FORMATS]


def _environments(_place: Place) -> list[Candidate]:
    from mlctl import settings

    folder = settings.cache_dir() / "envs"
    return [Candidate(path.name) for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []


def _words(*words: str) -> Callable[[Place], list[Candidate]]:
    return lambda _place: [Candidate(word) for word in words]


def _files(_place: Place) -> str:
    return FILES


def _folders(_place: Place) -> str:
    return FOLDERS


VALUES: dict[tuple[str, str], Callable[[Place], str | list[Candidate]]] = {
    ("", OPTION): _options,
    ("", COMMAND): _commands,
    **{("", name): _runs for name in ("run", "runs", "run_a", "run_b", "baseline", "run_id")},
    ("runs tag", "words"): _runs,
    **{("", name): _experiments for name in ("experiment", "experiment_name")},
    ("", "experiment_id"): _experiment_ids,
    ("runs metrics", "keys"): _metric_keys,
    **{("", name): _metric_keys for name in ("lower", "higher")},
    ("", "param_list"): _parameters,
    ("runs rerun", "param_list"): _params_of_run,
    ("", "entry_point"): _entry_points,
    ("", "env_manager"): _managers,
    ("", "output"): _formats,
    ("", "view"): _words("active_only", "deleted_only", "all"),
    ("runs diff", "only"): _words("params", "metrics", "tags", "note", "code", "environment", "log"),
    ("", "backend"): _words("local"),
    ("completion", "shell"): _words("bash", "zsh", "fish"),
    **{(f"env {command}", name): _environments for command, name in (("show", "key"), ("remove", "keys"), ("export", "key"))},
    **{(f"artifacts {command}", "path"): _artifacts for command in ("list", "show", "download")},
    ("artifacts delete", "paths"): _artifacts,
    ("artifacts upload", "paths"): _files,
    **{(f"registry {command}", "model"): _models for command in ("show", "promote", "alias", "tag", "describe", "delete", "history")},
    ("registry register", "name"): _registered,
    **{("registry alias", name): _aliases for name in ("aliases", "delete")},
    **{("registry promote", name): _places for name in ("to", "from_")},
    ("", "to"): _folders,
    ("", "uri"): _folders,
    **{("", name): _files for name in ("env_file", "backend_config", "backend_store_uri")},
    ("", "storage_dir"): _folders,
}
"""(command, parameter) → what it takes; a command of "" stands for any."""
