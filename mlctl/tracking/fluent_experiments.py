"""Experiments of a script: choosing the one of its new runs, and making, tagging and deleting them; with MLflow's names."""

import os
import threading
from typing import Any, Dict, Mapping, NamedTuple, Optional, Union

from mlctl import settings
from mlctl.errors import ExistsError, InvalidValueError
from mlctl.tracking import batches
from mlctl.tracking.current import current_store
from mlctl.tracking.entities import DELETED, Experiment, ExperimentTag
from mlctl.tracking.store import TrackingStore

_DEFAULT = "0"


class _Chosen(NamedTuple):
    """The experiment of new runs, and the store in which it has that id."""

    store: TrackingStore
    experiment_id: str
    name: str


_chosen: Optional[_Chosen] = None
_choosing = threading.RLock()


def set_experiment(experiment_name: Optional[str] = None, experiment_id: Optional[Union[str, int]] = None) -> Experiment:
    """Put new runs of this process, and of those that it starts, into an experiment; one that is named and not there is made.

    Raises:
        InvalidValueError: none or both of name and id were given, or the experiment is deleted.
        NotFoundError: there is no experiment with that id.
    """
    global _chosen  # noqa: PLW0603 -- as much the process's as the environment is
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidValueError("Give either the name or the id of the experiment.")
    store = current_store()
    with _choosing:
        found = store.get_experiment(str(experiment_id)) if experiment_name is None else _named(store, experiment_name)
        if found.lifecycle_stage == DELETED:
            hint = f"`mlctl experiments restore {found.experiment_id}` brings it back."
            raise InvalidValueError(f"The experiment {found.name!r} is deleted.", hint=hint)
        _chosen = _Chosen(store, found.experiment_id, found.name)
        os.environ[settings.SETTINGS["experiment_name"].variables[0]] = found.name
        os.environ[settings.SETTINGS["experiment_id"].variables[0]] = found.experiment_id
    return found


def chosen_id() -> Optional[str]:
    """The experiment that `set_experiment` has chosen in the store that is used now; None if it has not."""
    chosen = _chosen
    return chosen.experiment_id if chosen is not None and chosen.store is current_store() else None


def current_id() -> str:
    """The experiment of new runs: the chosen one, else the one that the settings name, else the default one.

    Raises:
        InvalidValueError: the settings name two different ones.
    """
    if _chosen is None:
        return _id_of_settings() or _DEFAULT
    return chosen_id() or set_experiment(_chosen.name).experiment_id  # an id is its store's own; in another the name still holds


def create_experiment(name: str, artifact_location: Optional[str] = None, tags: Optional[Dict[str, Any]] = None) -> str:
    """Make an experiment; returns its id.

    Raises:
        ExistsError: the name is taken, perhaps by a deleted experiment.
        InvalidValueError: the name or a tag is not acceptable.
    """
    own = [ExperimentTag(key, str(value)) for key, value in batches.with_note(tags or {}).items()]
    return current_store().create_experiment(name, artifact_location=artifact_location or "", tags=own)


def get_experiment(experiment_id: str) -> Experiment:
    """An experiment, active or deleted.

    Raises:
        NotFoundError: there is no such experiment.
    """
    return current_store().get_experiment(str(experiment_id))


def get_experiment_by_name(name: str) -> Optional[Experiment]:
    """The experiment with a name, active or deleted; None if there is none."""
    return current_store().get_experiment_by_name(name)


def delete_experiment(experiment_id: str) -> None:
    """Mark an experiment and its runs as deleted."""
    current_store().delete_experiment(str(experiment_id))


def restore_experiment(experiment_id: str) -> None:
    """Undo `delete_experiment`."""
    current_store().restore_experiment(str(experiment_id))


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the experiment of new runs; its text is kept."""
    set_experiment_tags({key: value})


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set several tags of the experiment of new runs."""
    experiment_id = current_id()
    for key, value in batches.with_note(tags).items():
        current_store().set_experiment_tag(experiment_id, ExperimentTag(key, str(value)))


def delete_experiment_tag(key: str) -> None:
    """Remove a tag of the experiment of new runs.

    Raises:
        NotFoundError: it has no such tag.
    """
    current_store().delete_experiment_tag(current_id(), key)


def _named(store: TrackingStore, name: str) -> Experiment:
    """The experiment with a name, made if it is not there; another process may be doing the same."""
    found = store.get_experiment_by_name(name)
    if found is not None:
        return found
    try:
        return store.get_experiment(store.create_experiment(name))
    except ExistsError:
        found = store.get_experiment_by_name(name)
        if found is None:
            raise
        return found


def _id_of_settings() -> str:
    name, number = settings.resolve("experiment_name"), settings.resolve("experiment_id")
    if not name.value:
        return number.value
    found = _named(current_store(), name.value).experiment_id
    if number.value and number.value != found:
        raise InvalidValueError(
            f"{name.source}={name.value!r} is experiment {found}, but {number.source} is {number.value!r}.", hint="Unset one of them."
        )
    return found
