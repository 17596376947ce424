"""What the commands that read the store share: opening it truthfully, and naming runs and experiments as people do."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from mlctl import settings
from mlctl.errors import InvalidValueError, NotFoundError, StoreError
from mlctl.render import tell
from mlctl.tracking import owners
from mlctl.tracking.entities import ALL
from mlctl.tracking.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlctl.tracking.entities import Experiment, FileInfo
    from mlctl.tracking.store import ArtifactStore, TrackingStore

LAST = "@last"
_MOST_BACK = 10_000


@contextlib.contextmanager
def looking(*, create: bool = False) -> Iterator[TrackingStore]:
    """The store, with runs whose owner is provably gone settled first: what is shown is true.

    Raises:
        StoreError: it cannot be opened.
    """
    with contextlib.closing(open_store(create=create)) as store:
        if store.shared:
            _deliver(store)
        for run_id in owners.settle(store, now_ms=int(time.time() * 1000)):
            tell(f"run {run_id[:8]} is FAILED: the process that ran it is gone")
        _end_containers()
        yield store


def _end_containers() -> None:
    """Containers whose mlctl is gone leave a mark; without one nothing is imported."""
    cache = settings.cache_dir()
    if any((cache / "containers").glob("*.container")):
        from mlctl.envs import docker_leftovers

        for run_id in docker_leftovers.end_all(cache):
            tell(f"run {run_id[:8]}: its container has been ended, because the mlctl that ran it is gone")


def _deliver(store: TrackingStore) -> None:
    """What runs of this machine could not tell the server, it is told first: else they would look as if they had just vanished."""
    from mlctl.remote import spool

    with contextlib.suppress(StoreError):  # the question itself will say so
        for delivered in spool.deliver(store):
            tell(f"run {delivered[:8]}: its end and its log have been sent to the server")


def count(store: TrackingStore, experiment_ids: Sequence[str], *, filter_string: str, view: str) -> int:
    """How many runs a filter finds. A server is asked for page after page: its API cannot count."""
    from mlctl.sql.store import SqlStore

    if isinstance(store, SqlStore):
        return store.count_runs(experiment_ids, filter_string=filter_string, view=view)
    found, token = 0, None
    while True:
        page = store.search_runs(experiment_ids, filter_string=filter_string, view=view, page_token=token)
        found, token = found + len(page), page.token
        if token is None:
            return found


def run_id(store: TrackingStore, text: str) -> str:
    """The run that a full id, a unique prefix of one, ``@last`` or ``@last~N`` (N runs before the last) names.

    Raises:
        NotFoundError: there is none.
        InvalidValueError: the prefix fits several; the message lists them.
    """
    if text.startswith(LAST):
        return last_run_id(store, _runs_back(text))
    found = store.run_ids_with_prefix(text, limit=6) if text else []
    if not found:
        raise NotFoundError(
            f"There is no run {text!r}.", hint="`mlctl runs list` shows the runs; @last names the newest, @last~1 the one before."
        )
    if len(found) > 1 and text not in found:
        listed = ", ".join(item[: max(12, len(text) + 4)] for item in found[:5])
        raise InvalidValueError(f"{text!r} fits more than one run: {listed}{', …' if len(found) > 5 else ''}.", hint="Give more of the id.")
    return text if text in found else found[0]


def last_run_id(store: TrackingStore, back: int = 0) -> str:
    """The newest run of all experiments, or the one so many before it.

    Raises:
        NotFoundError: there are no runs, or not so many.
    """
    found = store.search_runs(experiment_ids(store, ()), max_results=back + 1)
    if not found:
        raise NotFoundError("There are no runs yet.", hint="`mlctl run .` makes one.")
    if len(found) <= back:
        raise NotFoundError(f"There is no run {LAST}~{back}: there are {len(found)} runs.", hint=f"{LAST}~{len(found) - 1} is the first.")
    return found[back].info.run_id


def _runs_back(text: str) -> int:
    """How many runs before the last one ``@last``, ``@last~`` or ``@last~N`` means."""
    tilde, count = text[len(LAST) : len(LAST) + 1], text[len(LAST) + 1 :] or "1"
    if not tilde:
        return 0
    if tilde != "~" or not count.isascii() or not count.isdigit() or int(count) >= _MOST_BACK:
        raise NotFoundError(f"There is no run {text!r}.", hint=f"{LAST} names the newest run, {LAST}~1 the one before it.")
    return int(count)


def experiment(store: TrackingStore, text: str) -> Experiment:
    """The experiment that a name or an id names; a name goes first.

    Raises:
        NotFoundError: there is none.
    """
    found = store.get_experiment_by_name(text)
    if found is not None:
        return found
    if text.isdigit():
        with contextlib.suppress(NotFoundError):
            return store.get_experiment(text)
    raise NotFoundError(f"There is no experiment {text!r}.", hint="`mlctl experiments list` shows them.")


def experiment_ids(store: TrackingStore, named: Sequence[str]) -> list[str]:
    """Ids of the named experiments; of all where none is named."""
    if named:
        return [experiment(store, text).experiment_id for text in named]
    return [item.experiment_id for item in store.search_experiments(view=ALL, max_results=50000)]


def all_files(files: ArtifactStore, path: str = "") -> list[FileInfo]:
    """The files of a folder and of all folders in it, by path."""
    found, waiting = [], [path]
    while waiting:
        for item in files.list(waiting.pop()):
            if item.is_dir:
                waiting.append(item.path)
            else:
                found.append(item)
    return sorted(found, key=lambda item: item.path)
