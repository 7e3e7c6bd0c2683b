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
_MAX_BATCHES_BEHIND = 25
_COUNTED_AT_ONCE = 1_000
_MAX_PAGES_COUNTED = 20
_SKEW_NS = 60_000_000_000  # a span of another machine may begin before its root
_OF_TRACES = frozenset({"session", "user"})  # a span may have them from its trace


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
    if not text:
        return last
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidRequest(
            f"{text[:50]!r} is not the id of an event",
            where="last-event-id",
            fix="send the id of the last event that came, or leave the header out",
        )
    return min(int(text), last)


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
        quiet_s, behind = 0.0, 0
        while not self._draining.is_set():
            found = await asyncio.to_thread(self._telemetry.spans_after, cursor, limit=_BATCH)
            if found:
                cursor = found[-1].seq
            chunks = await asyncio.to_thread(self._read, self._own(found))
            behind = behind + 1 if len(found) == _BATCH else 0
            if behind >= _MAX_BATCHES_BEHIND:
                cursor, note = await asyncio.to_thread(self._passed_over, cursor)
                chunks.append(note)
                behind = 0
            for chunk in chunks:
                yield chunk
            quiet_s = 0.0 if chunks else quiet_s + _POLL_S
            if quiet_s >= _HEARTBEAT_S:
                quiet_s = 0.0
                yield b": still here\n\n"
            if len(found) < _BATCH:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_POLL_S):
                await self._draining.wait()
        except TimeoutError:
            return

    def _own(self, found: Sequence[Sequenced]) -> list[Sequenced]:
        return [item for item in found if item.span.project == self._project]

    def _passed_over(self, cursor: int) -> tuple[int, bytes]:
        """Go on to the newest: its place, and a note of how many spans were passed over."""
        missed = 0
        for _ in range(_MAX_PAGES_COUNTED):
            found = self._telemetry.spans_after(cursor, limit=_COUNTED_AT_ONCE)
            missed += len(self._own(found))
            cursor = found[-1].seq if found else cursor
            if len(found) < _COUNTED_AT_ONCE:
                return cursor, _event(cursor, "missed", {"spans": missed, "at_least": False})
        cursor = self._telemetry.last_seq()
        return cursor, _event(cursor, "missed", {"spans": missed, "at_least": True})

    def _spans(self, found: Sequence[Sequenced]) -> list[bytes]:
        if self._where is not None and not _OF_TRACES.isdisjoint(language.names(self._where)):
            wanted = self._stored(self._where, [item.span for item in found])
            matching = [item for item in found if (item.span.trace_id, item.span.span_id) in wanted]
        else:
            matching = [item for item in found if language.matches(self._where, item.span)]
        return [_event(item.seq, "span", item.span) for item in matching]

    def _stored(self, where: Filter, spans: Sequence[Span]) -> set[tuple[str, str]]:
        """The ids of those of these spans that match, by what is known of their traces so far."""
        if not spans:
            return set()
        traces = Condition(field="trace_id", values=tuple({span.trace_id for span in spans}))
        these = Condition(field="span_id", values=tuple({span.span_id for span in spans}))
        query = SpanQuery(
            project=self._project,
            where=AllOf(of=(traces, these, where)),
            since_ns=min(span.start_ns for span in spans),
            until_ns=max(span.start_ns for span in spans) + 1,
            limit=len(spans),
        )
        return {(span.trace_id, span.span_id) for span in self._telemetry.spans(query)}

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
