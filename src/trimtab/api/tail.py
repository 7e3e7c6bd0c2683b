"""GET /api/v1/traces/tail: traces or spans as they are recorded, as server-sent events.

Each reader goes through the order of arrival with a cursor of its own, so a slow one holds up
nobody and costs no memory: when it falls too far behind, it is told what it missed and carries on
with the newest. The id of an event is its place in that order; a reader that comes back with
`Last-Event-ID` goes on behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from trimtab.api.http import Endpoint, Request, Response
from trimtab.api.queries import FILTER, filter_of, period
from trimtab.dialects import filter as language
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx, sse
from trimtab.ports import Sequenced, SpanQuery, TraceSummary
from trimtab.records import AllOf, Condition, Filter, Span

_POLL_S = 0.25
_HEARTBEAT_S = 15.0
_BATCH = 200
_MAX_BEHIND = 5_000
_SKEW_NS = 60_000_000_000  # a span of another machine may begin before its root


async def tail(request: Request) -> Response:
    what = request.choice("what", ("traces", "spans")) or "traces"
    where = filter_of(request)
    if what == "spans" and "score" in language.names(where):
        raise InvalidRequest(
            "a span is not scored yet when it arrives",
            where="filter",
            fix="leave the condition on a score out, or follow traces",
        )
    last = await asyncio.to_thread(request.app.telemetry.last_seq)
    cursor = _resumed(request, last)
    events = _Tail(request, where, what=what).events(cursor)
    return Response(
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        stream=events,
    )


def _resumed(request: Request, last: int) -> int:
    """Where to go on: behind the event that the reader saw last, or with what is new."""
    text = request.headers.get("last-event-id", "")
    return min(int(text), last) if text.isascii() and text.isdecimal() and len(text) < 19 else last


class _Tail:
    """One reader's way through what arrives."""

    def __init__(self, request: Request, where: Filter | None, *, what: str) -> None:
        self._telemetry = request.app.telemetry
        self._draining = request.app.draining
        self._project = request.project
        self._where = where
        self._read = self._traces if what == "traces" else self._spans

    async def events(self, cursor: int) -> AsyncGenerator[bytes, None]:
        """Events until the server stops; a comment now and then when there are none."""
        yield b": following\n\n"
        quiet_s = 0.0
        while not self._draining.is_set():
            cursor, chunks = await asyncio.to_thread(self._next, cursor)
            for chunk in chunks:
                yield chunk
            if chunks:
                quiet_s = 0.0
                continue
            await self._pause()
            quiet_s += _POLL_S
            if quiet_s >= _HEARTBEAT_S:
                quiet_s = 0.0
                yield b": still here\n\n"

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_POLL_S):
                await self._draining.wait()
        except TimeoutError:
            return

    def _next(self, cursor: int) -> tuple[int, list[bytes]]:
        """The events behind a place in the order of arrival, and the place behind them."""
        chunks: list[bytes] = []
        last = self._telemetry.last_seq()
        if last - cursor > _MAX_BEHIND:
            chunks.append(_event(cursor, "missed", {"spans": last - cursor - _MAX_BEHIND}))
            cursor = last - _MAX_BEHIND
        while last > cursor:
            found = self._telemetry.spans_after(cursor, limit=_BATCH)
            if not found:
                break
            cursor = found[-1].seq
            chunks += self._read([item for item in found if item.span.project == self._project])
            if chunks:
                break
        return cursor, chunks

    def _spans(self, found: Sequence[Sequenced]) -> list[bytes]:
        return [
            _event(item.seq, "span", item.span)
            for item in found
            if language.matches(self._where, item.span)
        ]

    def _traces(self, found: Sequence[Sequenced]) -> list[bytes]:
        """A trace is told when its root arrives, which is when the whole of it is over."""
        roots = {item.span.trace_id: item for item in found if item.span.parent_id is None}
        if not roots:
            return []
        summaries = self._summaries([item.span for item in roots.values()])
        return [
            _event(item.seq, "trace", summaries[trace_id])
            for trace_id, item in roots.items()
            if trace_id in summaries
        ]

    def _summaries(self, roots: Sequence[Span]) -> dict[str, TraceSummary]:
        """Those of the traces that match, asked for at once."""
        where, since_ns, until_ns = period(self._where)
        these = Condition(field="trace_id", values=tuple(root.trace_id for root in roots))
        first_ns = min(root.start_ns for root in roots) - _SKEW_NS
        query = SpanQuery(
            project=self._project,
            where=these if where is None else AllOf(of=(these, where)),
            since_ns=first_ns if since_ns is None else max(first_ns, since_ns),
            until_ns=until_ns,
            limit=len(roots),
        )
        return {summary.trace_id: summary for summary in self._telemetry.traces(query)}


def _event(seq: int, name: str, value: Any) -> bytes:
    return f"id: {seq}\n".encode() + sse.encode(jsonx.encode(value), name=name)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/traces/tail",
        permission="traces:read",
        handler=tail,
        summary="Follow traces or spans as they are recorded: server-sent events",
        query={"what": "traces (default) or spans", **FILTER},
    ),
]
