"""Retention: what is older than a project keeps is erased, hour by hour.

It is gone from every answer then. Free parts of the database's files, where rows of it may still
be, are written anew once a day: that takes seconds for a million spans.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from trimtab.errors import TrimtabError
from trimtab.ports import Clock, Erased, Erasure, TelemetryStore

_log = logging.getLogger("trimtab.retention")
_EVERY_S = 3600.0
_REWRITE_EVERY_NS = 86_400 * 10**9
_NS_PER_DAY = 86_400 * 10**9


class Retention:
    """Erases in the background, in portions between which others write.

    Args:
        days: how long each project keeps its spans and scores; others keep them for ever.
        before: awaited each time before something is erased.
    """

    def __init__(
        self,
        store: TelemetryStore,
        clock: Clock,
        *,
        days: Mapping[str, float],
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._before = before
        self._rewritten_ns: int | None = None
        self._store = store
        self._clock = clock
        self._days = days
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._days:
            self._task = asyncio.create_task(self._run(), name="trimtab-retention")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def enforce(self) -> dict[str, Erased]:
        """Erase what is due now, by project."""
        now = self._clock.now_ns()
        last = list(self._days)[-1:]
        due = self._rewritten_ns is None or now - self._rewritten_ns >= _REWRITE_EVERY_NS
        done = {
            project: self._store.erase(
                Erasure(
                    project=project,
                    before_ns=now - int(days * _NS_PER_DAY),
                    rewrite=due and [project] == last,  # once, for all of them
                )
            )
            for project, days in self._days.items()
        }
        if due:
            self._rewritten_ns = now
        return done

    async def _run(self) -> None:
        while True:
            try:
                await self._pass()
            except TrimtabError as error:
                _log.warning("old spans could not be erased: %s", error)
            await asyncio.sleep(_EVERY_S)

    async def _pass(self) -> None:
        if self._before is not None:
            await self._before()
        for project, erased in (await asyncio.to_thread(self.enforce)).items():
            if erased.spans:
                _log.info("%d old spans of %s were erased", erased.spans, project)
