"""The telemetry store: what it is asked, what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from trimtab.records import (
    Filter,
    Score,
    Span,
    Target,
    Usage,
)
from trimtab.records.span import CostSource

TraceSort = Literal["start", "duration", "cost", "tokens", "spans", "errors"]


class SpanQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which spans; None means any. Times are Unix nanoseconds, `since` inclusive.

    `where` is about spans; of a trace, each of its conditions may hold for another span, and those
    on cost, tokens and duration are about the trace's sums. `page` is the (start_ns, id) of the
    last row seen: what comes after it in the order of the list. By what a list of
    traces is sorted, the greatest first, `sort` says; its page is the (`place`, id) of the last.

    A span that names no session or user has that of its trace: of the root, or else of the
    earliest span that names one. Filters and figures go by it; the span itself stays as it came.
    A name that is given more than a day before or after the period may be overlooked.
    """

    project: str = "default"
    trace_id: str | None = None
    route: str | None = None
    release: str | None = None
    run: str | None = None
    kind: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    where: Filter | None = None
    page: tuple[int, str] | None = None
    limit: int = 100
    sort: TraceSort = "start"


class ScoreQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which scores; None or nothing means any. Newest first."""

    project: str = "default"
    target: Target | None = None
    trace_ids: tuple[str, ...] = ()
    run: str | None = None
    name: str | None = None
    source: str | None = None
    since_ns: int | None = None
    limit: int = 100


class TraceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a trace list: its root span with previews, and sums over all its spans.

    `cost_usd` sums what is priced; `unpriced` counts the model calls that are not, and `errors` the
    spans that failed. `partial` says that the root span has not arrived.
    """

    trace_id: str
    project: str
    name: str
    start_ns: int
    duration_ms: float
    status: str
    error: str | None
    route: str | None
    release: str | None
    model: str | None
    user: str | None
    session: str | None
    spans: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None
    unpriced: int
    input_preview: str
    output_preview: str
    errors: int = 0
    partial: bool = False

    def place(self, sort: TraceSort) -> int:
        """What a list sorted so goes by: ns, nano-dollars or a count; -1 without a price."""
        if sort == "start":
            return self.start_ns
        if sort == "duration":
            return round(self.duration_ms * 1e6)
        if sort == "cost":
            return -1 if self.cost_usd is None else int(self.cost_usd * 10**9)
        if sort == "tokens":
            return self.input_tokens + self.output_tokens
        return self.spans if sort == "spans" else self.errors


class SpanHead(msgspec.Struct, frozen=True, kw_only=True):
    """A span without its payloads, as a trace's tree shows it."""

    span_id: str
    parent_id: str | None
    name: str
    kind: str
    start_ns: int
    end_ns: int
    status: str
    error: str | None
    open: bool
    provider: str | None
    model: str | None
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None
    first_token_ns: int | None
    usage: Usage | None = None
    cost_source: CostSource | None = None


GroupField = Literal[
    "session",
    "user",
    "model",
    "provider",
    "name",
    "kind",
    "status",
    "environment",
    "service",
    "route",
    "release",
    "prompt",
    "run",
    "tag",
]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """What the spans with one value of a field add up to; `key` None is spans without a value.

    `calls`, latencies and tokens are about model calls; `errors` about all spans.
    """

    key: str | None
    traces: int
    spans: int
    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None
    unpriced: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    first_ns: int
    last_ns: int


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a time series, for one value of the field it is split by."""

    start_ns: int
    key: str | None
    spans: int
    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None


class StepCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many spans began in one step of time, for one value of the field it is split by."""

    start_ns: int
    key: str | None
    spans: int
    errors: int


class FacetValue(NamedTuple):
    """A value of a field and how many traces have it."""

    value: str
    traces: int


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """What a query in SQL answered; `truncated` says that there were more rows."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    truncated: bool = False


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be erased of a project: everything that one of these names.

    `rewrite` also has the files of the database written anew, where rows of it would stay in free
    parts; without it that is left for a later erasure.
    """

    project: str
    trace_ids: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    before_ns: int | None = None
    rewrite: bool = True


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure removed. `remaining` counts what could still be found of it: 0 is the proof.

    `blobs` are the digests of payloads outside the database that nothing refers to any more.
    `compacted` says that the store's files hold nothing of it any more, in free parts either.
    """

    traces: int
    spans: int
    scores: int
    payload_bytes: int
    blobs: tuple[str, ...] = ()
    remaining: int = 0
    compacted: bool = False


class Compacted(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes on disk before and after a compaction."""

    before_bytes: int
    after_bytes: int


class ShortFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of payloads that is not as long as it should be; 0 bytes where it is missing."""

    path: Path
    size_bytes: int
    expected_bytes: int


class Cost(NamedTuple):
    """A new price of a stored call."""

    trace_id: str
    span_id: str
    cost_usd: Decimal | None


class HourBucket(msgspec.Struct, frozen=True, kw_only=True):
    """An hour's model calls, and the traces whose root began in it."""

    start_ns: int
    traces: int
    calls: int
    errors: int
    cost_usd: Decimal


class ScoreSummary(msgspec.Struct, frozen=True, kw_only=True):
    """All scores of one name in a period; `mean` and `passed` only where they are defined.

    `deviation` is the standard deviation of the values (n - 1), None below two.
    """

    name: str
    source: str
    total: int
    scored: int
    mean: float | None
    passed: int | None
    deviation: float | None = None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a period of live traffic, over model calls; a run keeps its own figures.

    None where there was no call to measure.
    """

    project: str
    since_ns: int
    until_ns: int
    traces: int
    spans: int
    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    unpriced: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    hours: tuple[HourBucket, ...] = ()
    scores: tuple[ScoreSummary, ...] = ()


class ProjectTraffic(NamedTuple):
    """What is recorded of a project's live traffic: its spans, and the model calls among them.

    `last_hour_ns` is the start of the newest hour of UTC in which one of them began.
    """

    project: str
    spans: int
    calls: int
    last_hour_ns: int


class Written(NamedTuple):
    """How many records a write changed; records already there unchanged are not counted."""

    spans: int
    scores: int


class Sequenced(NamedTuple):
    """A stored span and its place in the order of arrival."""

    seq: int
    span: Span


class RouteSpan(NamedTuple):
    """A span of the gateway on a route, as far as figures of calls need it.

    `unpriced` says that it cost something that nobody knows.
    """

    seq: int
    trace_id: str
    span_id: str
    parent_id: str | None
    kind: str
    status: str
    release: str | None
    session: str | None
    user: str | None
    environment: str | None
    start_ns: int
    duration_ns: int
    cost_usd: Decimal | None
    unpriced: bool


class RouteScore(NamedTuple):
    """A score of a call on a route, with whose call it was and when that began.

    `value` is None where the judgement is only `passed`.
    """

    score_id: str
    time_ns: int
    value: float | None
    passed: bool | None
    trace_id: str
    release: str | None
    session: str | None
    user: str | None
    environment: str | None
    start_ns: int


class TelemetryStore(Protocol):
    """Spans and scores: append, read, aggregate. Durable when the future resolves."""

    def append(self, spans: Sequence[Span] = (), scores: Sequence[Score] = ()) -> Future[Written]:
        """Queue records for the next group commit.

        Idempotent: a span replaces a known one with its (project, trace_id, span_id) when its
        revision is greater, and is dropped otherwise; a score replaces an earlier one with its
        (project, score_id).
        Raises (through the future):
            NotDurable: the records were not written; nothing of the batch was.
            InvalidRequest: one of them can never be stored; nothing of the batch was.
        """
        ...

    # -- reading -------------------------------------------------------------------------------

    def trace(self, project: str, trace_id: str) -> list[Span]:
        """All spans of a trace by start time, payloads included; empty when unknown."""
        ...

    def skeleton(self, project: str, trace_id: str) -> list[SpanHead]:
        """All spans of a trace by start time, without payloads; empty when unknown."""
        ...

    def span(self, project: str, trace_id: str, span_id: str) -> Span | None:
        """One span with its payloads."""
        ...

    def traces(self, query: SpanQuery) -> list[TraceSummary]:
        """Newest traces first."""
        ...

    def spans(self, query: SpanQuery) -> list[Span]:
        """Newest spans first, payloads included."""
        ...

    def spans_after(self, seq: int, *, limit: int) -> list[Sequenced]:
        """Spans of all projects in order of arrival, for consumers that keep a cursor.

        A span that was replaced comes once more, at the end; open spans are left out.
        """
        ...

    def route_spans(
        self, project: str, route: str, *, after: int, since_ns: int, limit: int
    ) -> list[RouteSpan]:
        """Finished spans of the gateway's own calls on a route that no run made, and that started
        at `since_ns` or later, in order of arrival behind `after`; payloads are not read."""
        ...

    def route_scores(
        self, project: str, route: str, name: str, *, since_ns: int, after_ns: int, limit: int
    ) -> list[RouteScore]:
        """Judgements of that name on calls of a route that no run made, by time and id: those made
        at `after_ns` or later, of calls that started at `since_ns` or later."""
        ...

    def before_next_call(self, seq: int) -> int:
        """A place, from `seq` on, up to which no call is that could be scored as live traffic.

        That is a finished root span of kind chain or llm, with a route or a model, that succeeded
        and belongs to no run. Behind the place comes such a span, or nothing that is stored yet.
        """
        ...

    def last_seq(self) -> int:
        """The place of the newest span in the order of arrival; 0 when there is none."""
        ...

    def span_count(self, project: str | None = None) -> int: ...

    def scores(self, query: ScoreQuery) -> list[Score]: ...

    def overview(self, project: str, *, since_ns: int, until_ns: int) -> Overview: ...

    def projects(self) -> list[ProjectTraffic]:
        """The projects that live traffic is recorded of, by name; from sums by hour, so it costs
        the same however many spans there are."""
        ...

    def groups(self, query: SpanQuery, by: GroupField) -> list[Group]:
        """What the matching spans add up to by a field; the most expensive first, then the busiest.

        Sessions and users come newest first.
        """
        ...

    def series(
        self, query: SpanQuery, *, step_ns: int, by: GroupField | None = None
    ) -> list[Point]:
        """Matching spans over time, oldest first; steps without a span are left out."""
        ...

    def counts(
        self, query: SpanQuery, *, step_ns: int, by: GroupField | None = None
    ) -> list[StepCount]:
        """How many matching spans there were over time, as `series` has them, for less work."""
        ...

    def facets(
        self, query: SpanQuery, fields: Sequence[GroupField], *, limit: int = 20
    ) -> dict[str, list[FacetValue]]:
        """The commonest values of each field among the matching spans that have one."""
        ...

    def score_summaries(self, query: SpanQuery) -> list[ScoreSummary]:
        """Scores of the matching spans' traces and of spans of these, by name and source; those
        that a run gave are left out."""
        ...

    def sql(self, project: str, text: str, *, max_rows: int, timeout_s: float) -> Table:
        """Answer one SELECT over the tables `spans` and `scores` of a project.

        Raises:
            InvalidRequest: it is not one, or asks for anything else; `where` says where.
            Overloaded: it took longer than `timeout_s`.
        """
        ...

    # -- life ----------------------------------------------------------------------------------

    def set_costs(self, project: str, costs: Sequence[Cost]) -> int:
        """Store new prices of calls; how many changed."""
        ...

    def erase(self, erasure: Erasure) -> Erased:
        """Delete spans with their payloads and scores, for good."""
        ...

    def compact(self) -> Compacted:
        """Rewrite what is fragmented and give the space of deleted records back to the disk."""
        ...

    def backup(self, directory: Path) -> None:
        """Write a consistent copy into an empty directory while the store is in use."""
        ...

    def ping(self) -> None:
        """Raises StoreError when reads or writes cannot work."""
        ...

    def close(self) -> None:
        """Commit what is queued, then release the store."""
        ...
