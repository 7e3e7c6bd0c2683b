"""Batches as they go on the wire: OTLP protobuf, gzipped, and JSON as it is. Pure."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import ReadableSpan

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx

MAX_PAYLOAD_BYTES = 4 * 1024 * 1024


class Payload(NamedTuple):
    """A batch of so many spans or scores; `size` None is not known."""

    kind: str
    body: bytes
    size: int | None = None


def spans(batch: Sequence[ReadableSpan]) -> Iterator[Payload]:
    """The batch in payloads within the limit; spans that cannot be encoded are left out."""
    try:
        raw = encode_spans(batch).SerializeToString()
    except Exception:
        # One span with a name or an id that cannot be encoded must not take the others with it.
        yield from _halves(batch)
        return
    if len(raw) > MAX_PAYLOAD_BYTES and len(batch) > 1:
        yield from _halves(batch)
    else:
        yield Payload("spans", gzip.compress(raw, 1), len(batch))


def scores(batch: Sequence[dict[str, Any]]) -> Payload:
    return Payload("scores", jsonx.encode(list(batch)), len(batch))


def split(payload: Payload) -> list[Payload]:
    """Two halves of a batch that a server found too large or wrong; none of a single record, or of
    what cannot be read."""
    try:
        return (_split_scores if payload.kind == "scores" else _split_spans)(payload.body)
    except Exception:
        return []


def _split_scores(body: bytes) -> list[Payload]:
    records = jsonx.decode(body)
    halves = [records[: len(records) // 2], records[len(records) // 2 :]]
    return [scores(half) for half in halves] if len(records) > 1 else []


def _split_spans(body: bytes) -> list[Payload]:
    found = ExportTraceServiceRequest.FromString(gzip.decompress(body))
    places = [
        (i, j, k)
        for i, resource in enumerate(found.resource_spans)
        for j, scope in enumerate(resource.scope_spans)
        for k in range(len(scope.spans))
    ]
    if len(places) < 2:
        return []
    middle = len(places) // 2
    return [_part(found, places[:middle]), _part(found, places[middle:])]


def count(kind: str, body: bytes) -> int:
    """How many records a stored batch holds; 0 when it cannot be read."""
    try:
        if kind == "scores":
            return len(jsonx.decode(body))
        found = ExportTraceServiceRequest.FromString(gzip.decompress(body))
    except Exception:
        return 0
    return sum(len(scope.spans) for one in found.resource_spans for scope in one.scope_spans)


def rejected(body: bytes) -> tuple[int, str]:
    """How many spans the server's answer says it did not take, and why."""
    try:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
    except Exception:
        return 0, ""
    return partial.rejected_spans, partial.error_message


def described(payload: Payload) -> str:
    """What is in a batch, in words: its kind, or the name of its one score."""
    if payload.kind == "scores":
        try:
            (score,) = jsonx.decode(payload.body)
            return f"the score {score['name']!r}"
        except Exception:
            return payload.kind
    return payload.kind


def refusal(body: bytes) -> str:
    """What a server that refused a batch says is wrong; empty when it says nothing we can read.

    >>> refusal(b'{"detail": "value is not a finite number", "where": "$[0].value"}')
    'value is not a finite number (at $[0].value)'
    """
    try:
        found = jsonx.decode(body)
    except InvalidRequest:
        return _status_message(body)
    if not isinstance(found, dict):
        return ""
    text = str(found.get("detail") or found.get("message") or found.get("title") or "")
    where = found.get("where")
    return f"{text} (at {where})" if text and where else text


def _status_message(body: bytes) -> str:
    """The message of a google.rpc.Status, which has the fields that a partial success has."""
    try:
        return str(ExportTracePartialSuccess.FromString(body).error_message)
    except Exception:
        return ""


def _halves(batch: Sequence[ReadableSpan]) -> Iterator[Payload]:
    if len(batch) > 1:
        yield from spans(batch[: len(batch) // 2])
        yield from spans(batch[len(batch) // 2 :])


def _part(found: ExportTraceServiceRequest, places: Sequence[tuple[int, int, int]]) -> Payload:
    """A request of some of another's spans, each with its resource and scope."""
    part = ExportTraceServiceRequest()
    for i, j, k in places:
        source = found.resource_spans[i]
        resource = part.resource_spans.add(resource=source.resource)
        scope = resource.scope_spans.add(scope=source.scope_spans[j].scope)
        scope.spans.add().CopyFrom(source.scope_spans[j].spans[k])
    return Payload("spans", gzip.compress(part.SerializeToString(), 1), len(places))
