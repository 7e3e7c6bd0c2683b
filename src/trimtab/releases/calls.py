"""The calls of a canary and of what it runs beside, read from the telemetry as they arrive."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from trimtab.ports import RouteScore, RouteSpan, SpanQuery, TelemetryStore
from trimtab.records import Condition

_PAGE = 5_000
_LATE_NS = 60 * 10**9  # by how much a score may be stored behind one that was made after it
_REACH_NS = 7 * 86_400 * 10**9
_MOST_REMEMBERED = 100_000
_MOST_MARKED = 4 * _PAGE
_CALLS = ("chain", "llm", "embedding")


class Call(NamedTuple):
    """One whole call: its session or user, or itself where it names neither.

    `cost` is None where a part of it has no known price.
    """

    trace_id: str
    span_id: str
    release: str | None
    unit: str
    start_ns: int
    end_ns: int
    failed: bool
    duration_ms: float
    cost: Decimal | None
    guarded: bool
    environment: str | None


class Calls:
    """Reads the calls of a route that began at `since_ns` or later, each once.

    A page ends between two traces: the spans of one are stored together.
    """

    def __init__(
        self,
        telemetry: TelemetryStore,
        project: str,
        route: str,
        since_ns: int,
        *,
        page: int = _PAGE,
    ) -> None:
        self._telemetry = telemetry
        self._project = project
        self._route = route
        self._since_ns = since_ns
        self._page = page
        self._after = 0

    def read(self) -> list[Call] | None:
        """The next ones; None at the end of what is stored. Raises StoreError."""
        rows = self._telemetry.route_spans(
            self._project,
            self._route,
            after=self._after,
            since_ns=self._since_ns,
            limit=self._page,
        )
        if len(rows) == self._page and rows[0].trace_id != rows[-1].trace_id:
            rows = [row for row in rows if row.trace_id != rows[-1].trace_id]
        if not rows:
            return None
        self._after = rows[-1].seq
        return list(calls_of(rows))

    def marked(self, calls: Sequence[Call], name: str, value: str | None = None) -> set[str]:
        """Ids of those spans of some calls, and of their parents, that have an attribute.

        Args:
            value: which it must have; None for any. Raises StoreError.
        """
        if not calls:
            return set()
        condition = Condition(
            field="attributes",
            key=name,
            op="exists" if value is None else "=",
            values=() if value is None else (value,),
        )
        query = SpanQuery(
            project=self._project,
            route=self._route,
            since_ns=min(call.start_ns for call in calls),
            until_ns=max(call.end_ns for call in calls) + 1,
            where=condition,
            limit=_MOST_MARKED,
        )
        found = self._telemetry.spans(query)
        return {own for span in found for own in (span.span_id, span.parent_id) if own}


class Scores:
    """Reads the scores of one name on calls of a route, each once, as they are made.

    A score that is made more than a week after its call is overlooked, so that not all calls there
    ever were are looked through for it.

    Args:
        since_ns: when the calls began at the earliest.
        after_ns: when the scores were made at the earliest.
    """

    def __init__(
        self,
        telemetry: TelemetryStore,
        project: str,
        route: str,
        name: str,
        *,
        since_ns: int,
        after_ns: int = 0,
        page: int = _PAGE,
    ) -> None:
        self._telemetry = telemetry
        self._key = (project, route, name)
        self._since_ns = since_ns
        self._after_ns = after_ns
        self._page = page
        self._seen: OrderedDict[str, None] = OrderedDict()

    def read(self) -> list[RouteScore] | None:
        """The next ones; None at the end of what is stored. Raises StoreError."""
        limit = self._page
        since_ns = max(self._since_ns, self._after_ns - _REACH_NS)
        while True:
            rows = self._telemetry.route_scores(
                *self._key, since_ns=since_ns, after_ns=self._after_ns, limit=limit
            )
            fresh = [row for row in rows if row.score_id not in self._seen]
            if fresh or len(rows) < limit:
                break
            limit *= 2  # more are of one moment, or late, than fit
        self._seen.update(dict.fromkeys(row.score_id for row in fresh))
        while len(self._seen) > _MOST_REMEMBERED:
            self._seen.popitem(last=False)
        if not fresh:
            return None
        self._after_ns = max(self._after_ns, fresh[-1].time_ns - _LATE_NS)
        return fresh


def calls_of(rows: Iterable[RouteSpan]) -> Iterator[Call]:
    """The calls that spans of the gateway tell of, in their order.

    The span of a call is the one whose parent is no span of the gateway; the others of it are the
    model's, the retriever's and those of guards.
    """
    for trace_id, group in groupby(rows, key=lambda row: row.trace_id):
        spans = list(group)
        own = {span.span_id for span in spans}
        for top in spans:
            if top.parent_id not in own and top.kind in _CALLS:
                parts = [one for one in spans if top.span_id in (one.span_id, one.parent_id)]
                yield _call(trace_id, top, parts)


def unit_of(session: str | None, user: str | None, trace_id: str) -> str:
    """Whose call it was: calls of one session go together, and of one user without sessions."""
    if session is not None:
        return f"session {session}"
    return f"user {user}" if user is not None else trace_id


def number_of(score: RouteScore) -> float | None:
    """A judgement as a number, as `Score.number`."""
    if score.value is not None:
        return score.value
    return None if score.passed is None else float(score.passed)


def _call(trace_id: str, top: RouteSpan, parts: Sequence[RouteSpan]) -> Call:
    costs = [one.cost_usd for one in parts if one.cost_usd is not None]
    unpriced = any(one.unpriced for one in parts)
    return Call(
        trace_id=trace_id,
        span_id=top.span_id,
        release=top.release,
        unit=unit_of(top.session, top.user, top.span_id),
        start_ns=top.start_ns,
        end_ns=top.start_ns + top.duration_ns,
        failed=top.status == "error",
        duration_ms=top.duration_ns / 1e6,
        cost=None if unpriced else sum(costs, Decimal(0)),
        guarded=any(one.kind == "guard" for one in parts),
        environment=top.environment,
    )
