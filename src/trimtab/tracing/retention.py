"""Retention: what is older than a project keeps is erased, hour by hour.

It is gone from every answer then. Free parts of the database's files, where rows of it may still
be, are written anew once a day: that takes seconds for a million spans.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from trimtab.kit.looping import Looping, repeated
from trimtab.ports import Clock, Erased, Erasure, TelemetryStore

_log = logging.getLogger("trimtab.retention")
_EVERY_S = 3600.0
_REWRITE_EVERY_NS = 86_400 * 10**9
_NS_PER_DAY = 86_400 * 10**9


class Retention(Looping):
    """Erases in the background, in portions between which others write.

    Args:
        days: how long each project keeps its spans and scores; others keep them for ever.
        before: awaited each time before something is erased.
        also: erases what else a project has that began before a moment, in ns.
    """

    def __init__(
        self,
        store: TelemetryStore,
        clock: Clock,
        *,
        days: Mapping[str, float],
        before: Callable[[], Awaitable[None]] | None = None,
        also: Callable[[str, int], object] | None = None,
    ) -> None:
        super().__init__("trimtab-retention")
        self._before = before
        self._also = also
        self._rewritten_ns: int | None = None
        self._store = store
        self._clock = clock
        self._days = days

    def start(self) -> None:
        if self._days:
            super().start()

    def enforce(self) -> dict[str, Erased]:
        """Erase what is due now, by project."""
        now = self._clock.now_ns()
        if self._also is not None:
            for project, days in self._days.items():
                self._also(project, now - int(days * _NS_PER_DAY))
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

    async def _loop(self) -> None:
        await repeated(
            self._pass, every_s=_EVERY_S, log=_log, failing="old spans could not be erased"
        )

    async def _pass(self) -> None:
        if self._before is not None:
            await self._before()
        for project, erased in (await asyncio.to_thread(self.enforce)).items():
            if erased.spans:
                _log.info("%d old spans of %s were erased", erased.spans, project)
