"""Leftovers: spans in the spools of workers that are not there, brought into the stores.

At a start that is every worker: budgets begin from what was spent, so it has to be counted before.
Later it is those that a smaller number of workers left behind.
"""

from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path

from trimtab.app import messages
from trimtab.errors import StoreError, StoreLocked
from trimtab.governance.ledger import Ledger
from trimtab.ports import SpendStore, TelemetryStore
from trimtab.tracing.delivery import Deliver, Delivery
from trimtab.tracing.recorder import SpanRecorder
from trimtab.tracing.spool import Spool

_log = logging.getLogger("trimtab.app")
_EVERY_S = 5.0
_NAME = re.compile(r"spool-(\d{1,4})")


class Leftovers:
    """Empties spools of workers; `workers` is how many there are to be."""

    def __init__(
        self, data: Path, workers: int, telemetry: TelemetryStore, spend: SpendStore
    ) -> None:
        self._data = data
        self._workers = workers
        self._telemetry = telemetry
        self._spend = spend
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Empty every spool there is, and those of no worker until they are empty."""
        found = [
            int(name[1]) for path in self._data.iterdir() if (name := _NAME.fullmatch(path.name))
        ]
        left = [number for number in sorted(found) if not await self._emptied(number)]
        left = [number for number in left if number >= self._workers]
        if left:
            self._task = asyncio.create_task(self._go_on(left), name="trimtab-leftovers")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _go_on(self, left: list[int]) -> None:
        while left:
            await asyncio.sleep(_EVERY_S)
            left = [number for number in left if not await self._emptied(number)]

    async def _emptied(self, number: int) -> bool:
        directory = messages.spool_directory(self._data, number)
        try:
            ledger = await asyncio.to_thread(Ledger, self._spend, directory / "ledger")
            done = await emptied(directory, Delivery(self._telemetry, follow=ledger.follow))
            await asyncio.to_thread(ledger.send)
        except StoreError as error:
            _log.warning("spans in %s wait: %s", directory, error)
            return False
        return done


async def emptied(directory: Path, deliver: Deliver) -> bool:
    """Deliver what is in a spool that nobody uses; whether nothing is left in it.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        spool = await asyncio.to_thread(Spool.open, directory)
    except StoreLocked:
        return False  # a worker of an earlier process still answers
    recorder = SpanRecorder(spool, deliver)
    recorder.start()
    try:
        await recorder.empty()
    finally:
        await recorder.stop(limit_s=0.1)
    return spool.backlog.frames == 0
