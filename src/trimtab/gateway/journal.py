"""Journal: how the gateway makes its records durable, also for calls that were cut off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from trimtab.gateway.figures import Figures
from trimtab.ports import Recorder
from trimtab.records import Span

_log = logging.getLogger("trimtab.gateway")


class Journal:
    """Writes the spans of a request through the recorder, and counts them."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.figures = Figures()
        self._late: set[asyncio.Task[None]] = set()

    async def write(self, spans: Sequence[Span]) -> None:
        """Return when the spans are durable. Raises NotDurable."""
        self.figures.observe(spans)
        await self._recorder.record(spans)

    def write_late(self, spans: Sequence[Span]) -> None:
        """Write in a task of its own, for a request whose own task is being cancelled."""
        self.figures.observe(spans)
        task = asyncio.create_task(self._supervised(spans))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def settle(self) -> None:
        """Wait until everything handed to `write_late` is durable or reported."""
        while self._late:
            await asyncio.wait(self._late)

    async def _supervised(self, spans: Sequence[Span]) -> None:
        try:
            await self._recorder.record(spans)
        except Exception as error:
            # Nobody waits for this task: it says itself what went wrong.
            _log.error("the record of call %s is lost: %s", spans[0].trace_id, error)
