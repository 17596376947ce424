"""Files of runs whose artifacts are with a server: written here while a job runs, sent when it has ended, kept until they have arrived.

::

    <cache>/spool/<run id>/
        run.json      whose it is: the server, and the process that fills it
        ending.json   how the run ended, where the server could not be told
        files/        as they will stand among the run's artifacts: mlctl/output.log, …

What could not be delivered is delivered by the next command on this machine that reaches the server.
"""

import json
import os
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from mlctl import settings
from mlctl.errors import NotFoundError
from mlctl.tracking import owners, validation
from mlctl.tracking.entities import Owner, RunTag
from mlctl.tracking.store import TrackingStore

FOLDER = "spool"

_RUN = "run.json"
_ENDING = "ending.json"
_FILES = "files"


class Ending(NamedTuple):
    """How a run ended: what `finish_run` is to be told; ``end_time`` in ms."""

    status: str
    end_time: int
    tags: Dict[str, str]


class Spool:
    """The spool of one run."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    @property
    def run_id(self) -> str:
        """The run whose files these are."""
        return os.path.basename(self.folder)  # noqa: PTH119 -- pathlib is not needed to run a job

    @property
    def files(self) -> str:
        """The folder that stands for the root of the run's artifacts."""
        return os.path.join(self.folder, _FILES)  # noqa: PTH118

    def send(self, store: TrackingStore) -> None:
        """Send what there is; it stays here too.

        Raises:
            StoreError: it cannot be sent.
        """
        store.artifacts(store.get_run(self.run_id).info).put_folder(self.files)

    def remove(self) -> None:
        """Everything has arrived."""
        import shutil

        shutil.rmtree(self.folder, ignore_errors=True)

    def hand_over(self, store: TrackingStore) -> None:
        """Send what there is and remove it here.

        Raises:
            StoreError: it cannot be sent; it is still here.
        """
        self.send(store)
        self.remove()

    def keep(self, ending: Ending) -> None:
        """Note how the run ended, for the next command that reaches the server.

        Raises:
            OSError: it cannot be written.
        """
        _write(os.path.join(self.folder, _ENDING), ending._asdict())  # noqa: PTH118

    def ending(self) -> Optional[Ending]:
        """How the run ended, where that is to be told yet."""
        found = _read(os.path.join(self.folder, _ENDING))  # noqa: PTH118
        return Ending(**found) if found else None

    def whose(self) -> Dict[str, Any]:
        """The server's address (``uri``) and the owner's fields (``owner``); nothing where that cannot be read."""
        return _read(os.path.join(self.folder, _RUN))  # noqa: PTH118


def create(uri: str, run_id: str) -> Spool:
    """The spool of a run of the server at an address, filled by this process.

    Raises:
        InvalidValueError: the server has given the run an id that is no id, and would be no name of a folder.
        OSError: it cannot be made.
    """
    spool = Spool(os.path.join(_top(), validation.run_id(run_id)))  # noqa: PTH118
    os.makedirs(_top(), mode=0o700, exist_ok=True)  # noqa: PTH103
    os.makedirs(spool.files, mode=0o700, exist_ok=True)  # noqa: PTH103
    _write(os.path.join(spool.folder, _RUN), {"uri": uri, "owner": dict(owners.current())})  # noqa: PTH118
    return spool


def find(run_id: str) -> Optional[Spool]:
    """The spool of a run, if it is on this machine."""
    spool = Spool(os.path.join(_top(), os.path.basename(run_id)))  # noqa: PTH118, PTH119
    return spool if run_id and os.path.isdir(spool.files) else None  # noqa: PTH112


def deliver(store: TrackingStore) -> List[str]:
    """Send to a server what runs that are over have left here; returns their ids.

    Raises:
        StoreError: the server cannot be reached, or does not take it.
    """
    return [spool.run_id for spool in _left_behind(store.uri) if _deliver(store, spool)]


def _left_behind(uri: str) -> Iterator[Spool]:
    try:
        names = os.listdir(_top())  # noqa: PTH208
    except OSError:
        return
    for name in sorted(names):
        spool = Spool(os.path.join(_top(), name))  # noqa: PTH118
        found = spool.whose()
        if found.get("uri") == uri and (spool.ending() or owners.is_gone(Owner(**found["owner"]))):
            yield spool


def _deliver(store: TrackingStore, spool: Spool) -> bool:
    ending = spool.ending()
    try:
        if ending is not None:
            _finish(store, spool, ending)
        spool.hand_over(store)
    except NotFoundError:  # the run is gone from the server, or another command was faster
        return False
    return True


def _finish(store: TrackingStore, spool: Spool, ending: Ending) -> None:
    """Tell how a run ended, unless somebody has taken it over meanwhile."""
    mine = Owner(**spool.whose()["owner"])
    others = [owner for _, owner in store.owners([spool.run_id]) if (owner.host, owner.pid) != (mine.host, mine.pid)]
    if others:
        return
    tags = [RunTag(key, value) for key, value in ending.tags.items()]
    store.finish_run(spool.run_id, status=ending.status, end_time=ending.end_time, tags=tags)
    if owners.REASON_TAG not in ending.tags and owners.REASON_TAG in store.get_run(spool.run_id).data.tags:
        store.delete_tag(spool.run_id, owners.REASON_TAG)  # of a command that found the owner gone


def _top() -> str:
    return os.path.join(str(settings.cache_dir()), FOLDER)  # noqa: PTH118


def _write(path: str, found: Dict[str, Any]) -> None:
    draft = f"{path}.{os.getpid()}"
    with open(draft, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(found, file)
    os.replace(draft, path)  # noqa: PTH105


def _read(path: str) -> Dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
