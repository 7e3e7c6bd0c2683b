"""Delivery: recorded spans into the store, and to whoever adds them up, before they are let go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from trimtab.errors import InvalidRequest
from trimtab.ports import TelemetryStore
from trimtab.records import Span
from trimtab.tracing.spool import Position
from trimtab.tracing.verdicts import verdicts

_log = logging.getLogger("trimtab.tracing")

Placed = tuple[Position, Span]
"""A span and its place in the spool."""

Deliver = Callable[[Sequence[Placed]], Awaitable[None]]
"""Returns when spans are safe elsewhere; an error makes the spool bring them again."""


class Delivery:
    """Delivers into a store, with what guards said of them. To deliver spans again changes nothing.

    Args:
        follow: told of spans with their places, in order, in a thread, after they were stored.
    """

    def __init__(
        self,
        store: TelemetryStore,
        *,
        follow: Callable[[Sequence[Placed]], None] | None = None,
    ) -> None:
        self._store = store
        self._follow = follow

    async def __call__(self, placed: Sequence[Placed]) -> None:
        """Raises StoreError."""
        spans = [span for _, span in placed]
        try:
            await asyncio.wrap_future(self._store.append(spans=spans, scores=verdicts(spans)))
        except InvalidRequest:
            await self._singly(spans)
        if self._follow is not None:
            await asyncio.to_thread(self._follow, placed)

    async def _singly(self, spans: Sequence[Span]) -> None:
        """Store each span on its own, so that one the store can never take does not hold others."""
        appends = [
            asyncio.wrap_future(self._store.append(spans=[span], scores=verdicts([span])))
            for span in spans
        ]
        results = await asyncio.gather(*appends, return_exceptions=True)
        for span, result in zip(spans, results, strict=True):
            if isinstance(result, InvalidRequest):
                _log.error(
                    "span %s of trace %s is left out: %s", span.span_id, span.trace_id, result
                )
            elif isinstance(result, BaseException):
                raise result
