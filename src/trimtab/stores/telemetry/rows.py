"""Records to rows of the telemetry schema and back, without loss.

A span is a row of flat columns, which queries look at, and one line of JSON with what they do not:
input, output, attributes, events, links, resource. Nothing here talks to a database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.ports import SpanHead
from trimtab.records import Score, Span, Target, Usage
from trimtab.stores.telemetry.previews import preview_of_input, preview_of_output

Row = tuple[Any, ...]
R = TypeVar("R", Span, Score)
T = TypeVar("T")

NANO_USD = Decimal("0.000000001")
MAX_USD = Decimal(10**9 - 1)
ROW_BYTES = 400

_SPAN_PLAIN = (
    "trace_id",
    "span_id",
    "parent_id",
    "project",
    "revision",
    "open",
    "name",
    "kind",
    "start_ns",
    "status",
    "error",
    "session",
    "user",
    "environment",
    "service",
    "route",
    "release",
    "run",
    "prompt",
    "provider",
    "model",
    "cost_source",
    "first_token_ns",
)
BUCKETS = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "audio_input",
    "output",
    "reasoning",
    "audio_output",
)
_NO_USAGE: Row = (None,) * (len(BUCKETS) + 1)

# All tokens of one direction, as SQL.
INPUT_TOKENS = f"({' + '.join(f'{bucket}_tokens' for bucket in BUCKETS[:5])})"
OUTPUT_TOKENS = f"({' + '.join(f'{bucket}_tokens' for bucket in BUCKETS[5:])})"

# A model call for which `Span.is_unpriced` holds, as SQL.
UNPRICED = """(kind = 'llm' AND cost_usd IS NULL
    AND (input_tokens IS NOT NULL OR status <> 'error'))"""

# The flat columns of a span, in the order of its row; a store adds the place of the payload.
SPAN_COLUMNS = (
    *_SPAN_PLAIN,
    "duration_ns",
    *(f"{bucket}_tokens" for bucket in BUCKETS),
    "usage_estimated",
    "cost_usd",
    "tags",
    "metadata",
    "input_preview",
    "output_preview",
)

# What a payload line holds, in order.
PAYLOAD_FIELDS = ("input", "output", "attributes", "events", "links", "resource")

_SCORE_PLAIN = (
    "score_id",
    "project",
    "name",
    "status",
    "value",
    "label",
    "passed",
    "reason",
    "source",
    "scorer_version",
    "digest",
    "author",
    "run",
    "latency_ms",
    "time_ns",
)
SCORE_COLUMNS = (
    *_SCORE_PLAIN,
    "target_kind",
    "target_id",
    "target_trace_id",
    "evidence",
    "cost_usd",
    "metadata",
)

_plain_of_span = attrgetter(*_SPAN_PLAIN)
_buckets_of = attrgetter(*BUCKETS, "estimated")
_plain_of_score = attrgetter(*_SCORE_PLAIN)


class Identity(NamedTuple):
    """What names a span; the same ids in another project are another span."""

    project: str
    trace_id: str
    span_id: str


class ScoreIdentity(NamedTuple):
    """What names a score; the same id in another project is another score."""

    project: str
    score_id: str

    @classmethod
    def of(cls, row: Row) -> ScoreIdentity:
        """Of the cells of SCORE_COLUMNS."""
        return cls(project=row[1], score_id=row[0])


class SpanRow(NamedTuple):
    """A span ready to be written: the cells of SPAN_COLUMNS, and its payload as a JSON list."""

    identity: Identity
    revision: int
    start_ns: int
    cells: Row
    payload: bytes

    @property
    def size_bytes(self) -> int:
        """Roughly what it adds to a transaction."""
        return len(self.payload) + ROW_BYTES


def encode_span(span: Span) -> SpanRow:
    """Raises InvalidRequest when a field holds what JSON or the database cannot."""
    return _checked(_encode_span, span, "span", span.span_id)


def encode_score(score: Score) -> Row:
    """The cells of SCORE_COLUMNS; equal scores have equal rows.

    Raises InvalidRequest when a field holds what JSON or the database cannot.
    """
    return _checked(_encode_score, score, "score", score.score_id)


def decode_span(cells: Row, payload: Sequence[Any]) -> Span:
    """A span from the cells of SPAN_COLUMNS and the values of PAYLOAD_FIELDS."""
    plain = dict(zip(_SPAN_PLAIN, cells, strict=False))
    duration, *counts, estimated, cost, tags, metadata, _, _ = cells[len(_SPAN_PLAIN) :]
    usage = None if estimated is None else _usage(counts, estimated)
    given, answered, attributes, events, links, resource = payload
    return Span(
        **plain,
        end_ns=plain["start_ns"] + duration,
        usage=usage,
        cost_usd=money(cost),
        tags=tuple(tags),
        metadata=msgspec.json.decode(metadata) if metadata else {},
        input=given,
        output=answered,
        attributes=attributes,
        events=tuple(events),
        links=tuple(links),
        resource=resource,
    )


HEAD_COLUMNS = (
    "span_id",
    "parent_id",
    "name",
    "kind",
    "start_ns",
    "duration_ns",
    "status",
    "error",
    "open",
    "provider",
    "model",
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    "cost_usd",
    "first_token_ns",
    "cost_source",
    *(f"{bucket}_tokens" for bucket in BUCKETS),
    "usage_estimated",
)


def decode_head(cells: Row) -> SpanHead:
    """A span of a tree from the cells of HEAD_COLUMNS."""
    span_id, parent_id, name, kind, start_ns, duration_ns, status, error, is_open = cells[:9]
    provider, model, input_tokens, output_tokens, cost, first_token_ns, source = cells[9:16]
    *counts, estimated = cells[16:]
    return SpanHead(
        span_id=span_id,
        parent_id=parent_id,
        name=name,
        kind=kind,
        start_ns=start_ns,
        end_ns=start_ns + duration_ns,
        status=status,
        error=error,
        open=is_open,
        provider=provider,
        model=model,
        input_tokens=input_tokens or 0,
        output_tokens=output_tokens or 0,
        cost_usd=money(cost),
        first_token_ns=first_token_ns,
        usage=None if estimated is None else _usage(counts, estimated),
        cost_source=source,
    )


def _usage(counts: Sequence[int], estimated: bool) -> Usage:
    return Usage(**dict(zip(BUCKETS, counts, strict=True)), estimated=estimated)


def decode_score(row: Row) -> Score:
    """A score from the cells of SCORE_COLUMNS."""
    plain = dict(zip(_SCORE_PLAIN, row, strict=False))
    kind, target, trace_id, evidence, cost, metadata = row[len(_SCORE_PLAIN) :]
    return Score(
        **plain,
        target=Target(kind=kind, id=target, trace_id=trace_id),
        evidence=tuple(evidence),
        cost_usd=money(cost),
        metadata=msgspec.json.decode(metadata),
    )


def money(stored: Decimal | None) -> Decimal | None:
    """An amount as people write it: zero is 0, not 0E-9."""
    return stored if stored is None or stored else Decimal(0)


def amount(cost: Decimal | None) -> Decimal | None:
    """A cost in whole nano-dollars, as DECIMAL(18, 9) holds it. Raises OverflowError."""
    if cost is None:
        return None
    if abs(cost) >= MAX_USD:
        raise OverflowError
    return cost.quantize(NANO_USD, rounding=ROUND_HALF_EVEN)


def _checked(encode: Callable[[R], T], record: R, what: str, name: str) -> T:
    try:
        return encode(record)
    except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise InvalidRequest(
            f"the {what} {name!r:.40} holds a value that cannot be stored: {type(error).__name__}",
            where=f"$.{_culprit(record)}",
            fix="send JSON values: finite numbers, text without half surrogate pairs, flat nesting",
        ) from None


def _culprit(record: Span | Score) -> str:
    """The first field that is not JSON or holds a number beyond the columns."""
    for field in record.__struct_fields__:
        value = getattr(record, field)
        numbers = _buckets_of(value) if isinstance(value, Usage) else (value,)
        try:
            _check_cells(value, tuple(n for n in numbers if isinstance(n, int)))
        except (TypeError, ValueError, ArithmeticError, RecursionError):
            return field
    return "cost_usd" if isinstance(record, Score) or record.cost_usd else "end_ns"


def _encode_span(span: Span) -> SpanRow:
    plain = _plain_of_span(span)
    usage = _NO_USAGE if span.usage is None else _buckets_of(span.usage)
    duration = span.end_ns - span.start_ns
    _check_cells(
        (plain, span.tags),
        (span.start_ns, span.end_ns, duration, span.first_token_ns, span.revision, *usage),
    )
    root = span.parent_id is None
    cells = (
        *plain,
        duration,
        *usage,
        amount(span.cost_usd),
        list(span.tags),
        jsonx.encode(span.metadata).decode() if span.metadata else "",
        # Lists show roots; elsewhere a preview would only be weight.
        preview_of_input(span.input) if root else "",
        preview_of_output(span.output) if root else "",
    )
    payload = jsonx.encode(
        (span.input, span.output, span.attributes, span.events, span.links, span.resource)
    )
    identity = Identity(span.project, span.trace_id, span.span_id)
    return SpanRow(identity, span.revision, span.start_ns, cells, payload)


def _encode_score(score: Score) -> Row:
    plain = _plain_of_score(score)
    _check_cells((plain, score.evidence), (score.time_ns,))
    return (
        *plain,
        score.target.kind,
        score.target.id,
        score.target.trace_id,
        list(score.evidence),
        amount(score.cost_usd),
        jsonx.encode(score.metadata).decode(),
    )


def _check_cells(texts: Any, integers: Row) -> None:
    """Refuse what a VARCHAR or a BIGINT cannot hold before it spoils a transaction."""
    jsonx.encode(texts)
    told = [*filter(None, integers)]
    if told and (min(told) < -(1 << 63) or max(told) >= 1 << 63):
        raise OverflowError
