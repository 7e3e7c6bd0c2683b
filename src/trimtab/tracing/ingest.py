"""Ingest: spans that others recorded become durable before they are acknowledged.

Spans go into the telemetry store, which commits requests together. While the store is away they go
into the spool, which is as durable and is carried over later. Spans told in several messages pass
through the assembler.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from trimtab.conventions import heard
from trimtab.errors import InvalidRequest, StoreError
from trimtab.ports import Clock, Recorder, TelemetryStore
from trimtab.records import Span, SpanPatch
from trimtab.records.span import GATEWAY
from trimtab.tracing.assemble import Assembler
from trimtab.tracing.fitting import fitted, flagged

_log = logging.getLogger("trimtab.tracing")
_REDACTED_AT_ONCE = 20  # spans, of some tenths of a millisecond each


class Ingest:
    """Takes spans from any protocol; used from one event loop.

    Args:
        spool: where spans go while the store is away.
        price: a span with its cost, where it has none and its model's price is known.
        on_commit: called when spans reached the store.
        redact: a span as it may be stored; None keeps it as it came.
    """

    def __init__(
        self,
        store: TelemetryStore,
        spool: Recorder,
        *,
        price: Callable[[Span], Span],
        clock: Clock,
        on_commit: Callable[[], None] = lambda: None,
        redact: Callable[[Span], Span] | None = None,
    ) -> None:
        self.redact = redact
        self._store = store
        self._spool = spool
        self._on_commit = on_commit
        self._clock = clock
        self.priced = price
        self.assembler = Assembler(store, self._write, clock, price=lambda span: price(heard(span)))

    async def write(self, spans: Sequence[Span]) -> int:
        """Return when the spans are durable: how many of them can never be stored.

        Raises:
            NotDurable: none of them is; the same spans may be sent again.
        """
        return await self.assembler.write(spans)

    async def patch(self, project: str, patches: Sequence[SpanPatch]) -> list[SpanPatch]:
        """Return when what the patches say is durable; those of spans that nobody knows.

        Raises:
            NotDurable: it is not; the same patches may be sent again.
        """
        return await self.assembler.patch(project, patches)

    async def _write(self, spans: Sequence[Span]) -> int:
        now_ns = self._clock.now_ns()
        spans = await self._redacted(spans)
        spans = [flagged(fitted(span), now_ns) for span in spans]
        try:
            await asyncio.wrap_future(self._store.append(spans=spans))
        except InvalidRequest:
            return await self._write_singly(spans)
        except StoreError as error:
            _log.warning("the telemetry store is away, spans go into the spool: %s", error)
            await self._spool.record([_foreign(span) for span in spans])
            return 0
        self._on_commit()
        return 0

    async def _redacted(self, spans: Sequence[Span]) -> Sequence[Span]:
        """Spans as they may be stored; many of them in a thread, as every text is read."""
        redact = self.redact
        if redact is None:
            return spans
        if len(spans) <= _REDACTED_AT_ONCE:
            return [redact(span) for span in spans]
        return await asyncio.to_thread(lambda: [redact(span) for span in spans])

    async def _write_singly(self, spans: Sequence[Span]) -> int:
        """Store each span on its own, so that one the store can never take does not hold others."""
        appends = [asyncio.wrap_future(self._store.append(spans=[span])) for span in spans]
        results = await asyncio.gather(*appends, return_exceptions=True)
        away = [
            span
            for span, result in zip(spans, results, strict=True)
            if isinstance(result, StoreError)
        ]
        if away:
            await self._spool.record([_foreign(span) for span in away])
        refused = 0
        for result in results:
            if isinstance(result, InvalidRequest):
                _log.warning("a span cannot be stored: %s", result)
                refused += 1
            elif isinstance(result, BaseException) and not isinstance(result, StoreError):
                raise result
        self._on_commit()
        return refused


def _foreign(span: Span) -> Span:
    """A span from outside: whatever it says, no budget of ours pays for it."""
    if span.service != GATEWAY:
        return span
    return msgspec.structs.replace(span, service=f"{GATEWAY}.elsewhere")
