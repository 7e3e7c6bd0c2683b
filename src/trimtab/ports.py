"""Every seam of Trimtab, as a small Protocol. Adapters implement them; stations only know these.

Methods that touch disk or a database are blocking and are called from worker threads; methods on
the request path are async. Errors are those of `trimtab.errors`; an adapter translates foreign ones
at its boundary. Each port has a conformance suite in `trimtab.testing` that every adapter passes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec

from trimtab.records import (
    Approval,
    Dataset,
    Example,
    Filter,
    Message,
    ModelCard,
    Passage,
    Prompt,
    Release,
    Retrieval,
    Run,
    Score,
    Span,
    Target,
)
from trimtab.records.release import ReleaseState

# -- time --------------------------------------------------------------------------------------


class Clock(Protocol):
    def now_ns(self) -> int:
        """Unix time in nanoseconds."""
        ...

    def monotonic_ns(self) -> int:
        """A counter that never goes back, for durations."""
        ...


# -- models ------------------------------------------------------------------------------------


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a provider, in the dialect of the caller, ready to send.

    `body` is the JSON body with the provider's own model name in it. `stream` asks for server-sent
    events. `timeout_s` is for the whole call.
    """

    dialect: Literal["openai.chat"] = "openai.chat"
    model: str
    body: bytes
    stream: bool = False
    timeout_s: float = 600.0


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's answer: status, headers worth passing on, and the body as it arrives.

    `chunks` yields the body in order and must be closed (`aclose`) when it is not read to the end;
    closing cancels the work behind it. Bytes are forwarded untouched. `mask` hides the provider's
    credential in bytes put together from several chunks, before they go on record; None where
    there is no credential.
    """

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    mask: Callable[[bytes], bytes] | None = None


class Provider(Protocol):
    """A source of model answers. `name` is the part of a model id before the first slash."""

    name: str

    def cards(self) -> Sequence[ModelCard]:
        """The models this provider offers; may be empty when it cannot list them."""
        ...

    async def send(self, call: Call) -> Reply:
        """Start a call.

        Raises:
            ProviderUnavailable: it could not be reached.
            ProviderTimeout: it did not start to answer in time.
        """
        ...

    async def aclose(self) -> None:
        """Release connections; calls in flight may fail afterwards."""
        ...


class Template(Protocol):
    """A compiled prompt."""

    def render(self, variables: Mapping[str, Any]) -> list[Message]:
        """The prompt's messages with its variables filled in.

        Raises:
            InvalidRequest: a variable is missing or the template fails; `where` is the prompt.
        """
        ...


# -- retrieval ---------------------------------------------------------------------------------


class Retriever(Protocol):
    def search(self, query: str, *, k: int) -> list[Passage]:
        """The k best passages, best first; fewer when fewer match, none when nothing does."""
        ...


class Retrievers(Protocol):
    """Hands out the retriever for a release's settings, building its index once."""

    def retriever(self, settings: Retrieval) -> Retriever:
        """Raises NotFound when the corpus does not exist."""
        ...


# -- scoring -----------------------------------------------------------------------------------


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a scorer may look at. A scorer names the fields it wants as its arguments.

    None means absent: a scorer that needs it is `unscored`, not called. `context` is the texts of
    what was retrieved; `passages` is the same with ids, where they are known.
    """

    target: Target
    project: str = "default"
    input: Any = None
    output: Any = None
    expected: Any = None
    context: tuple[str, ...] | None = None
    passages: tuple[Passage, ...] | None = None
    metadata: Mapping[str, Any] | None = None
    latency_ms: float | None = None
    cost_usd: Decimal | None = None
    span: Span | None = None
    example: Example | None = None
    run: str | None = None


@runtime_checkable
class Scorer(Protocol):
    name: str
    version: str
    digest: str
    tier: Literal["code", "model", "judge"]
    higher_is_better: bool

    async def score(self, subject: Subject) -> list[Score]:
        """Judge a subject. Never raises for a bad subject: that is a status of the score."""
        ...


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What a task answered to one example, with the span that recorded it if there is one."""

    output: Any
    context: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()
    latency_ms: float | None = None
    cost_usd: Decimal | None = None
    trace_id: str | None = None
    span_id: str | None = None
    error: str | None = None


class Task(Protocol):
    """Anything an experiment can run: a release behind the gateway, or any callable."""

    async def __call__(self, example: Example) -> Response: ...


# -- stores ------------------------------------------------------------------------------------


class SpanQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which spans; None means any. Times are Unix nanoseconds, `since` inclusive.

    `where` is about spans; of a trace, each of its conditions may hold for another span, and those
    on cost, tokens and duration are about the trace's sums. `page` is the (start_ns, id) of the
    last row seen: what comes after it in the order of the list.

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


class ScoreQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which scores; None means any. Newest first."""

    project: str = "default"
    target: Target | None = None
    trace_id: str | None = None
    run: str | None = None
    name: str | None = None
    source: str | None = None
    since_ns: int | None = None
    limit: int = 100


class TraceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a trace list: its root span with previews, and sums over all its spans.

    `cost_usd` sums what is priced; `unpriced` counts the model calls that are not. `partial` says
    that the root span has not arrived.
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
    partial: bool = False


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


class FacetValue(NamedTuple):
    """A value of a field and how many traces have it."""

    value: str | None
    traces: int


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """What a query in SQL answered; `truncated` says that there were more rows."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    truncated: bool = False


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be erased of a project: everything that one of these names."""

    project: str
    trace_ids: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    before_ns: int | None = None


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure removed. `remaining` counts what could still be found of it: 0 is the proof.

    `blobs` are the digests of payloads outside the database that nothing refers to any more.
    """

    traces: int
    spans: int
    scores: int
    payload_bytes: int
    blobs: tuple[str, ...] = ()
    remaining: int = 0


class Compacted(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes on disk before and after a compaction."""

    before_bytes: int
    after_bytes: int


class Cost(NamedTuple):
    """A new price of a stored call."""

    trace_id: str
    span_id: str
    cost_usd: Decimal | None


class HourBucket(msgspec.Struct, frozen=True, kw_only=True):
    start_ns: int
    calls: int
    errors: int
    cost_usd: Decimal


class ScoreSummary(msgspec.Struct, frozen=True, kw_only=True):
    """All scores of one name in a period; `mean` and `passed` only where they are defined."""

    name: str
    source: str
    total: int
    scored: int
    mean: float | None
    passed: int | None


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


class Written(NamedTuple):
    """How many records a write changed; records already there unchanged are not counted."""

    spans: int
    scores: int


class Sequenced(NamedTuple):
    """A stored span and its place in the order of arrival."""

    seq: int
    span: Span


class TelemetryStore(Protocol):
    """Spans and scores: append, read, aggregate. Durable when the future resolves."""

    def append(self, spans: Sequence[Span] = (), scores: Sequence[Score] = ()) -> Future[Written]:
        """Queue records for the next group commit.

        Idempotent: a span replaces a known one with its (project, trace_id, span_id) when its revision is
        greater, and is dropped otherwise; a score with a known score_id replaces the earlier one.
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

    def facets(
        self, query: SpanQuery, fields: Sequence[GroupField], *, limit: int = 20
    ) -> dict[str, list[FacetValue]]:
        """The commonest values of each field among the matching spans."""
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


class PromptStore(Protocol):
    def add(self, prompt: Prompt) -> Prompt:
        """Store the next version of a prompt; `version` is assigned. The same content as the
        newest version returns that version instead."""
        ...

    def get(self, project: str, ref: str) -> Prompt:
        """`name@3`, or `name` for the newest. Raises NotFound."""
        ...

    def list(self, project: str) -> list[Prompt]:
        """The newest version of each prompt, by name."""
        ...


class DatasetStore(Protocol):
    def add(
        self, project: str, name: str, examples: Sequence[Example], *, note: str, created_ns: int
    ) -> Dataset:
        """Store the next version with exactly these rows; unchanged rows return the newest.

        Raises:
            Conflict: two rows have one example_id.
        """
        ...

    def get(self, project: str, ref: str) -> Dataset:
        """`name@2`, or `name` for the newest. Raises NotFound."""
        ...

    def examples(self, project: str, ref: str) -> list[Example]:
        """The rows of a version in the order they were given. Raises NotFound."""
        ...

    def list(self, project: str) -> list[Dataset]:
        """The newest version of each dataset, by name."""
        ...


class ReleaseStore(Protocol):
    def add(self, release: Release) -> Release:
        """Store a release; `version` within its route is assigned.

        Raises Conflict when the route already has a release with this digest that is not retired.
        """
        ...

    def get(self, project: str, ref: str) -> Release:
        """By release_id or `route@version`. Raises NotFound."""
        ...

    def live(self) -> list[Release]:
        """The live release of every route of every project."""
        ...

    def list(self, project: str | None = None, route: str | None = None) -> list[Release]:
        """Newest first."""
        ...

    def transition(
        self,
        project: str,
        release_id: str,
        state: ReleaseState,
        approval: Approval,
        *,
        over: str | None = None,
    ) -> Release:
        """Change the state and append the approval in one transaction.

        Making a release live retires the one that was.

        Args:
            over: the release_id that must be the live one of the route, "" for none; None does not
                ask. A decision made on evidence against one release is not carried out on another.
        Raises:
            NotFound: there is no such release.
            Conflict: another release is live than `over` says.
        """
        ...

    def revision(self) -> int:
        """A number that grows with every change to any release; cheap to poll."""
        ...


class RunStore(Protocol):
    def put(self, run: Run) -> None:
        """Insert or replace by run_id."""
        ...

    def get(self, project: str, run_id: str) -> Run:
        """Raises NotFound."""
        ...

    def running(self) -> list[Run]:
        """The runs of all projects whose status is running."""
        ...

    def list(self, project: str, *, limit: int = 100) -> list[Run]:
        """Newest first."""
        ...


class CursorStore(Protocol):
    """Where a background consumer stands, by name; 0 when it never ran."""

    def get(self, name: str) -> int: ...

    def put(self, name: str, value: int) -> None: ...


class MetadataStore(Protocol):
    """Everything that is not telemetry, one small store per noun, one database behind them."""

    prompts: PromptStore
    datasets: DatasetStore
    releases: ReleaseStore
    runs: RunStore
    cursors: CursorStore

    def ping(self) -> None:
        """Raises StoreError when the database cannot be used."""
        ...

    def backup(self, directory: Path) -> None:
        """Write a consistent copy into a directory while the store is in use.

        Raises:
            StoreError: it cannot be written, or the database is a server with tools of its own.
        """
        ...

    def close(self) -> None: ...


class BlobStore(Protocol):
    """Large payloads by the SHA-256 of their content."""

    def put(self, data: bytes) -> str:
        """Store durably and return the hex digest; storing the same bytes again is free.

        Raises NotDurable.
        """
        ...

    def get(self, digest: str) -> bytes:
        """Raises NotFound when absent, StoreError when the content does not match its digest."""
        ...

    def exists(self, digest: str) -> bool: ...

    def delete(self, digest: str) -> None:
        """Deleting what is absent is not an error."""
        ...

    def backup(self, directory: Path) -> None:
        """Copy what is there into an empty directory."""
        ...


# -- request path ------------------------------------------------------------------------------


class Recorder(Protocol):
    """Takes finished spans of the request path and makes them durable."""

    async def record(self, spans: Sequence[Span]) -> None:
        """Return when the spans will survive a crash of the process and of the machine.

        Raises NotDurable.
        """
        ...


class Grant(NamedTuple):
    """Whether a take was allowed; if not, after how long it would be."""

    ok: bool
    retry_after_s: float = 0.0


class Limiter(Protocol):
    """Token buckets by key (a bucket holds `capacity` tokens and refills at `rate_per_s`)."""

    async def take(self, key: str, *, cost: float, capacity: float, rate_per_s: float) -> Grant:
        """Atomically take `cost` tokens, or nothing."""
        ...

    async def aclose(self) -> None: ...
