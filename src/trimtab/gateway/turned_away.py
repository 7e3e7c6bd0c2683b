"""Requests that were refused before anybody was asked: counted, and some of them on record.

A counter tells how many there are; spans tell of whom and why. A caller that is refused ten
thousand times a second must not fill a disk with it, so of many only some become spans.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from trimtab.errors import TrimtabError
from trimtab.gateway.ask import Ask
from trimtab.gateway.journal import Journal
from trimtab.kit import ids
from trimtab.kit.meter import Meter
from trimtab.ports import Clock
from trimtab.records import Span
from trimtab.records.span import GATEWAY

_PER_S, _AT_ONCE = 10.0, 100.0
_NS_PER_S = 1_000_000_000
_NAME_CHARS = 200


class TurnedAway:
    """Notes refusals; at most 10 a second become spans, 100 of them in advance.

    Args:
        redact: what hides parts of the record of a call for which no policy was chosen yet.
    """

    def __init__(
        self, journal: Journal, clock: Clock, *, redact: Callable[[Span], Span] | None = None
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._redact = redact
        now_s = clock.monotonic_ns() / _NS_PER_S
        self._room = Meter(capacity=_AT_ONCE, rate_per_s=_PER_S, now_s=now_s)

    def during(self, ask: Ask) -> Noting:
        """Notes the error that the block ends with, unless it is the end of a call."""
        return Noting(self, ask)

    def note(self, ask: Ask, error: TrimtabError) -> None:
        """Count a refusal, and put it on record if there is room."""
        caller = ask.caller
        self._journal.figures.refuse(caller.project, error.code)
        if not self._room.take(1, self._clock.monotonic_ns() / _NS_PER_S):
            return
        now_ns = self._clock.now_ns()
        attributes = {"error.code": error.code, "trimtab.dialect": ask.dialect.name}
        attributes |= caller.identity
        span = Span(
            trace_id=caller.trace_id or ids.trace_id(),
            span_id=ids.span_id(),
            parent_id=caller.parent_id,
            project=caller.project,
            name=ask.envelope.model or "call",
            kind="other",
            start_ns=now_ns,
            end_ns=now_ns,
            status="error",
            error=str(error),
            session=caller.session,
            user=caller.user,
            environment=caller.environment,
            service=GATEWAY,
            attributes={**caller.attributes, **attributes},
        )
        if self._redact is not None:
            span = self._redact(span)
        # Cut afterwards: half a secret is not known for one.
        span = msgspec.structs.replace(span, name=span.name[:_NAME_CHARS])
        self._journal.write_late([span])


class Noting:
    """See `TurnedAway.during`; errors of calls are on record, and say where."""

    __slots__ = ("_ask", "_notes")

    def __init__(self, notes: TurnedAway, ask: Ask) -> None:
        self._notes = notes
        self._ask = ask

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, TrimtabError) and "trace_id" not in error.fields:
            self._notes.note(self._ask, error)
