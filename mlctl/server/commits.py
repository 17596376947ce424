"""Group commit: the writes that arrive in one tick of the event loop share one transaction, and are answered after its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from mlctl.errors import MlctlError
from mlctl.sql.db import Db

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from mlctl.server.upkeep import Upkeep
    from mlctl.sql.store import SqlStore

Work = Callable[[Db], bytes]
"""What a request does inside a transaction; returns the JSON of its answer. It may be done twice, if the first was undone."""

_Outcome = bytes | BaseException
_Job = tuple[Work, "asyncio.Future[bytes]"]


class Commits:
    """The writes of one event loop on one store; its checkpoints, where it has such, are done in ``threads``.

    Where the store is far away, a ``writer`` (one thread) does the waiting: what comes meanwhile shares the next transaction.
    """

    def __init__(
        self, store: SqlStore, *, upkeep: Upkeep | None = None, threads: Executor | None = None, writer: Executor | None = None
    ) -> None:
        self._store = store
        self._writer = writer
        self._upkeep = upkeep
        self._threads = threads
        self._waiting: list[_Job] = []
        self._beside: asyncio.Task[None] | None = None
        self._working = False  # else the transaction is beginning or committing: what fails then, fails for all
        self._held = False
        self._is_due = False
        self._checkpoint: asyncio.Task[None] | None = None

    def run(self, work: Work) -> asyncio.Future[bytes]:
        """Do a piece of work at the end of this tick; the answer comes when it is committed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        self._waiting.append((work, future))
        if len(self._waiting) == 1 and not self._held:
            loop.call_soon(self._commit)
        return future

    async def _copy_log(self, upkeep: Upkeep) -> None:
        """A checkpoint: first beside the writes, then while they are held."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._threads, upkeep.copy_log)
            self._held = True
            await loop.run_in_executor(self._threads, upkeep.copy_log)
        finally:
            self._held = False
            self._checkpoint = None
            if self._waiting:
                self._commit()

    def _commit(self) -> None:
        if self._held:
            return  # it began between the request and this call, and commits at its end
        jobs, self._waiting = self._waiting, []
        if self._writer is not None:
            self._held = True
            self._beside = asyncio.get_running_loop().create_task(self._commit_beside(self._writer, jobs))
            return
        outcomes = self._outcomes([work for work, _ in jobs])
        if self._is_due and self._upkeep and not self._checkpoint:
            self._is_due = False
            self._checkpoint = asyncio.get_running_loop().create_task(self._copy_log(self._upkeep))
        _answer(jobs, outcomes)

    async def _commit_beside(self, writer: Executor, jobs: list[_Job]) -> None:
        """A transaction in the writer's thread, and then the next, if there is anything to write."""
        try:
            outcomes = await asyncio.get_running_loop().run_in_executor(writer, self._outcomes, [work for work, _ in jobs])
            _answer(jobs, outcomes)
        finally:
            self._held = False
            if self._waiting:
                self._commit()

    def _outcomes(self, works: list[Work]) -> list[_Outcome]:
        """All works in one transaction; where one of them broke it, each in its own."""
        try:
            return self._together(works)
        except Exception as error:  # noqa: BLE001 -- whatever went wrong, every request must get its answer
            if len(works) == 1 or not self._working:
                return [error] * len(works)
            return [self._outcomes([work])[0] for work in works]

    def _together(self, works: list[Work]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        self._working = False
        with self._store.transaction() as db:
            self._working = True
            for work in works:
                try:
                    outcomes.append(work(db))
                except MlctlError as error:  # a caller's mistake, found before anything was written
                    outcomes.append(error)
            self._is_due = self._is_due or (self._upkeep is not None and self._upkeep.due(db))
            self._working = False
        return outcomes


def _answer(jobs: list[_Job], outcomes: list[_Outcome]) -> None:
    for (_, future), outcome in zip(jobs, outcomes, strict=True):
        if future.done():
            continue
        if isinstance(outcome, bytes):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)
