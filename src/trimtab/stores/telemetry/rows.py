"""Records to rows of the telemetry schema and back, without loss.

Flat fields are columns; what has no fixed shape is JSON text. Nothing here talks to a database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.records import Score, Span, Target, Usage
from trimtab.stores.telemetry import payloads
from trimtab.stores.telemetry.payloads import Piece, Pieces

Row = tuple[Any, ...]
R = TypeVar("R", Span, Score)
T = TypeVar("T")

_NANO_USD = Decimal("0.000000001")
_MAX_USD = Decimal(10**9 - 1)
_ROW_BYTES = 500

_SPAN_PLAIN = (
    "trace_id",
    "span_id",
    "parent_id",
    "project",
    "name",
    "kind",
    "start_ns",
    "end_ns",
    "status",
    "error",
    "session",
    "user",
    "environment",
    "service",
    "route",
    "release",
    "run",
    "provider",
    "model",
    "first_token_ns",
)
_BUCKETS = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "audio_input",
    "output",
    "reasoning",
    "audio_output",
)
_NO_USAGE: Row = (None,) * (len(_BUCKETS) + 1)
_SPAN_REST = (
    *(f"{bucket}_tokens" for bucket in _BUCKETS),
    "usage_estimated",
    "cost_usd",
    "tags",
    "attributes",
    "events",
    "input_is_list",
    "output_is_list",
    "input_payloads",
    "output_payloads",
)
SPAN_COLUMNS = (*_SPAN_PLAIN, *_SPAN_REST)
SPAN_INSERT_COLUMNS = ("identity", "input_preview", "output_preview", *SPAN_COLUMNS)

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
_buckets_of = attrgetter(*_BUCKETS, "estimated")
_plain_of_score = attrgetter(*_SCORE_PLAIN)


class SpanRow(NamedTuple):
    """A span ready to be written, but for the ids of its payloads.

    `head` are the cells of SPAN_INSERT_COLUMNS without the last two. `size_bytes` is roughly what
    it adds to a transaction.
    """

    identity: str
    head: Row
    input: Pieces | None
    output: Pieces | None
    size_bytes: int

    @property
    def pieces(self) -> Iterator[Piece]:
        """All pieces of input and output."""
        for value in (self.input, self.output):
            if value is not None:
                yield from value.pieces


def span_identity(trace_id: str, span_id: str) -> str:
    """128 bits of SHA-256 over both ids, in hex; the length keeps their border."""
    text = f"{len(trace_id)}:{trace_id}{span_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def encode_span(span: Span) -> SpanRow:
    """Raises InvalidRequest when a field holds what JSON or the database cannot."""
    return _checked(_encode_span, span, f"span {span.span_id!r:.40}")


def encode_score(score: Score) -> Row:
    """The cells of SCORE_COLUMNS; equal scores have equal rows.

    Raises InvalidRequest when a field holds what JSON or the database cannot.
    """
    return _checked(_encode_score, score, f"score {score.score_id!r:.40}")


def decode_span(row: Row, bodies: dict[int, str]) -> Span:
    """A span from the cells of SPAN_COLUMNS and the bodies of its payloads."""
    plain, rest = row[: len(_SPAN_PLAIN)], row[len(_SPAN_PLAIN) :]
    counts, estimated = rest[: len(_BUCKETS)], rest[len(_BUCKETS)]
    cost, tags, attributes, events, input_list, output_list, inputs, outputs = rest[-8:]
    usage = None
    if estimated is not None:
        usage = Usage(**dict(zip(_BUCKETS, counts, strict=True)), estimated=estimated)
    return Span(
        **dict(zip(_SPAN_PLAIN, plain, strict=True)),
        usage=usage,
        cost_usd=money(cost),
        tags=tuple(tags),
        attributes=msgspec.json.decode(attributes),
        events=tuple(msgspec.json.decode(events)),
        input=_rebuilt(inputs, input_list, bodies),
        output=_rebuilt(outputs, output_list, bodies),
    )


def payload_ids(row: Row) -> list[int]:
    """Ids of the payloads that `decode_span` needs for this row."""
    return [*(row[-2] or ()), *(row[-1] or ())]


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


def _checked(encode: Callable[[R], T], record: R, what: str) -> T:
    try:
        return encode(record)
    except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise InvalidRequest(
            f"the {what} holds a value that cannot be stored: {type(error).__name__}",
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
    return "cost_usd"


def _encode_span(span: Span) -> SpanRow:
    plain = _plain_of_span(span)
    usage = _NO_USAGE if span.usage is None else _buckets_of(span.usage)
    _check_cells((plain, span.tags), (span.start_ns, span.end_ns, span.first_token_ns, *usage))
    given, answered = payloads.split(span.input), payloads.split(span.output)
    attributes, events = jsonx.encode(span.attributes), jsonx.encode(span.events)
    identity = span_identity(span.trace_id, span.span_id)
    head = (
        identity,
        payloads.preview_of_input(span.input),
        payloads.preview_of_output(span.output),
        *plain,
        *usage,
        _amount(span.cost_usd),
        list(span.tags),
        attributes.decode(),
        events.decode(),
        None if given is None else given.is_list,
        None if answered is None else answered.is_list,
    )
    size = sum(value.size_bytes for value in (given, answered) if value is not None)
    size += len(attributes) + len(events) + _ROW_BYTES
    return SpanRow(identity, head, given, answered, size)


def _encode_score(score: Score) -> Row:
    plain = _plain_of_score(score)
    _check_cells((plain, score.evidence), (score.time_ns,))
    return (
        *plain,
        score.target.kind,
        score.target.id,
        score.target.trace_id,
        list(score.evidence),
        _amount(score.cost_usd),
        jsonx.encode(score.metadata).decode(),
    )


def _check_cells(texts: Any, integers: Row) -> None:
    """Refuse what a VARCHAR or a BIGINT cannot hold before it spoils a transaction."""
    jsonx.encode(texts)
    if any(number is not None and not -(1 << 63) <= number < 1 << 63 for number in integers):
        raise OverflowError


def _amount(cost: Decimal | None) -> Decimal | None:
    """The cost in whole nano-dollars, as DECIMAL(18, 9) holds it."""
    if cost is None:
        return None
    if abs(cost) >= _MAX_USD:
        raise OverflowError
    return cost.quantize(_NANO_USD, rounding=ROUND_HALF_EVEN)


def _rebuilt(ids: Sequence[int] | None, is_list: bool, bodies: dict[int, str]) -> Any:
    if ids is None:
        return None
    return payloads.join([bodies[key] for key in ids], is_list=is_list)
