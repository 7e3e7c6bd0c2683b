"""A trace in columns: the heads of its spans, so written that very many of them are few bytes.

Pure: heads in, columns out. What repeats (names, kinds, models) stands once in a table, parents
are places in the list, times are counted from the first span. Payloads are no part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from trimtab.ports import SpanHead
from trimtab.records import Price, Usage, cost_parts
from trimtab.tracing.pricing import PriceOf

_NS_PER_US = 1_000
_ERROR_CHARS = 200


class Call(Protocol):
    """What a cost rests on: a span, or its head."""

    @property
    def model(self) -> str | None: ...
    @property
    def provider(self) -> str | None: ...
    @property
    def start_ns(self) -> int: ...
    @property
    def usage(self) -> Usage | None: ...
    @property
    def cost_source(self) -> str | None: ...


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A column of texts that repeat: each span's place in `values`, None where it has none."""

    values: tuple[str, ...]
    at: tuple[int | None, ...]


class CostPart(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one bucket and what they cost; None where the cost cannot be told apart."""

    bucket: str
    tokens: int
    cost_usd: Decimal | None


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """The spans of a trace by start time, a column for each of their fields.

    `parents` are places in the list, None for a root; a parent that is not there, or that would
    close a circle, counts as none. `orphans` are the places of the spans it happened to. Times are
    microseconds, those of the start from `start_ns`. `errors` are cut at 200 characters.
    """

    start_ns: int
    span_ids: tuple[str, ...]
    parents: tuple[int | None, ...]
    names: Named
    kinds: Named
    models: Named
    statuses: Named
    errors: Named
    start_us: tuple[int, ...]
    duration_us: tuple[int, ...]
    first_token_us: tuple[int | None, ...]
    input_tokens: tuple[int, ...]
    output_tokens: tuple[int, ...]
    cost_usd: tuple[Decimal | None, ...]
    orphans: tuple[int, ...]
    open: tuple[int, ...]


def columns(heads: Sequence[SpanHead]) -> Columns:
    """The columns of the heads of one trace, of which there is at least one."""
    start_ns = min(head.start_ns for head in heads)
    parents, orphans = _parents(heads)
    return Columns(
        start_ns=start_ns,
        span_ids=tuple(head.span_id for head in heads),
        parents=parents,
        names=_named(head.name for head in heads),
        kinds=_named(head.kind for head in heads),
        models=_named(head.model for head in heads),
        statuses=_named(head.status for head in heads),
        errors=_named(head.error and head.error[:_ERROR_CHARS] for head in heads),
        start_us=tuple((head.start_ns - start_ns) // _NS_PER_US for head in heads),
        duration_us=tuple((head.end_ns - head.start_ns) // _NS_PER_US for head in heads),
        first_token_us=tuple(
            None
            if head.first_token_ns is None
            else (head.first_token_ns - head.start_ns) // _NS_PER_US
            for head in heads
        ),
        input_tokens=tuple(head.input_tokens for head in heads),
        output_tokens=tuple(head.output_tokens for head in heads),
        cost_usd=tuple(head.cost_usd for head in heads),
        orphans=orphans,
        open=tuple(place for place, head in enumerate(heads) if head.open),
    )


def _named(values: Iterable[str | None]) -> Named:
    places: dict[str, int] = {}
    at = tuple(None if one is None else places.setdefault(one, len(places)) for one in values)
    return Named(values=tuple(places), at=at)


def _parents(heads: Sequence[SpanHead]) -> tuple[tuple[int | None, ...], tuple[int, ...]]:
    """The place of each span's parent, and the places of those that lost theirs."""
    places = {head.span_id: place for place, head in enumerate(heads)}
    parents = [None if head.parent_id is None else places.get(head.parent_id) for head in heads]
    _open_circles(parents)
    orphans = tuple(
        place
        for place, head in enumerate(heads)
        if head.parent_id is not None and parents[place] is None
    )
    return tuple(parents), orphans


def _open_circles(parents: list[int | None]) -> None:
    """Makes the first span of every circle a root; each span is walked over once."""
    done = [False] * len(parents)
    for place in range(len(parents)):
        way: set[int] = set()
        at: int | None = place
        while at is not None and not done[at]:
            if at in way:
                parents[min(_circle(parents, at))] = None
                break
            way.add(at)
            at = parents[at]
        for one in way:
            done[one] = True


def _circle(parents: Sequence[int | None], place: int) -> list[int]:
    found, at = [place], parents[place]
    while at is not None and at != place:
        found.append(at)
        at = parents[at]
    return found


def cost_split(calls: Iterable[Call], price_of: PriceOf) -> tuple[CostPart, ...]:
    """What each bucket of tokens adds to the cost of some calls, in the order of `Usage`.

    The cost of a bucket is None as soon as one call has tokens in it whose cost is not known, or
    came with the call as a whole: a sum of some would look like all of it.
    """
    tokens: dict[str, int] = {}
    costs: dict[str, Decimal | None] = {}
    for call in calls:
        if call.usage is None:
            continue
        parts = _parts(call, call.usage, price_of)
        for bucket in Price.__struct_fields__:
            count = getattr(call.usage, bucket)
            if not count:
                continue
            tokens[bucket] = tokens.get(bucket, 0) + count
            before = costs.get(bucket, Decimal(0))
            costs[bucket] = None if before is None or parts is None else before + parts[bucket]
    return tuple(
        CostPart(bucket=bucket, tokens=tokens[bucket], cost_usd=costs[bucket])
        for bucket in Price.__struct_fields__
        if bucket in tokens
    )


def _parts(call: Call, usage: Usage, price_of: PriceOf) -> dict[str, Decimal] | None:
    """The parts of a call's cost, where they are known to add up to the cost on record."""
    if call.model is None or call.cost_source != "table":
        return None
    return cost_parts(usage, price_of(call.model, call.provider, call.start_ns))
