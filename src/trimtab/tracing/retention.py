"""Retention: what is older than a project keeps is erased, hour by hour."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from trimtab.errors import TrimtabError
from trimtab.ports import Clock, Erased, Erasure, TelemetryStore

_log = logging.getLogger("trimtab.retention")
_EVERY_S = 3600.0
_NS_PER_DAY = 86_400 * 10**9


class Retention:
    """Erases in the background, in portions between which others write.

    Args:
        days: how long each project keeps its spans and scores; others keep them for ever.
    """

    def __init__(self, store: TelemetryStore, clock: Clock, *, days: Mapping[str, float]) -> None:
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
        return {
            project: self._store.erase(
                Erasure(project=project, before_ns=now - int(days * _NS_PER_DAY))
            )
            for project, days in self._days.items()
        }

    async def _run(self) -> None:
        while True:
            try:
                for project, erased in (await asyncio.to_thread(self.enforce)).items():
                    if erased.spans:
                        _log.info("%d old spans of %s were erased", erased.spans, project)
            except TrimtabError as error:
                _log.warning("old spans could not be erased: %s", error)
            await asyncio.sleep(_EVERY_S)
