"""Exports of spans: `ExportTraceServiceRequest` to `RawSpan`, in protobuf and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from trimtab.dialects.otlp import mapped, plain, wire
from trimtab.dialects.otlp.messages import message
from trimtab.dialects.otlp.outcome import Encoding, Rejected, Rejections
from trimtab.dialects.otlp.spans import raw_span, resource_of
from trimtab.errors import InvalidRequest
from trimtab.records.otel import RawSpan

_BROKEN = "the span is broken, or nested too deep"
SLICE_SPANS = 2048
SLICE_BYTES = 4 * 1024 * 1024


class Decoded:
    """Spans of an export, and what was left out of it."""

    def __init__(self) -> None:
        self.spans: list[RawSpan] = []
        self.rejections = Rejections()

    @property
    def rejected(self) -> int:
        """How many spans were left out."""
        return self.rejections.count

    @property
    def reason(self) -> str:
        """Why, with counts; empty when none was."""
        return self.rejections.reason


def decode_traces(body: bytes, encoding: Encoding) -> Decoded:
    """All spans of an export at once.

    Args:
        body: the export, not compressed; empty is an export of nothing in both encodings.
    Raises:
        InvalidRequest: it is not an export, or was cut off.
        TooLarge: more records than one request may have.

    >>> decode_traces(b'{"resourceSpans": []}', "json").spans
    []
    """
    whole = Decoded()
    for part in trace_slices(body, encoding):
        whole.spans += part.spans
        whole.rejections.merge(part.rejections)
    return whole


def trace_slices(body: bytes, encoding: Encoding) -> Iterator[Decoded]:
    """The same in slices of at most about `SLICE_SPANS` spans or `SLICE_BYTES` of the body.

    What is wrong with the frame of the whole is raised before the first slice. A span may be as
    large as the body: its payloads are kept apart from it, so a limit of its own would only lose.
    """
    return _json_slices(body) if encoding == "json" else _protobuf_slices(body)


def _protobuf_slices(body: bytes) -> Iterator[Decoded]:
    part, size = Decoded(), 0
    shared: tuple[bytes, bytes] | None = None
    resource = {}
    for piece in wire.pieces(body):
        if shared != (piece.resource, piece.scope):
            shared = (piece.resource, piece.scope)
            resource = resource_of(
                message(piece.resource, Resource), message(piece.scope, InstrumentationScope)
            )
        _decode_piece(body, piece, resource, part)
        size += piece.end - piece.start
        if size >= SLICE_BYTES or len(part.spans) >= SLICE_SPANS:
            yield part
            part, size = Decoded(), 0
    yield part


def _decode_piece(
    body: bytes, piece: wire.Piece, resource: dict[str, object], part: Decoded
) -> None:
    # A piece may be as large as the body: its bytes are not kept beside what they decode to.
    cut = slice(piece.start, piece.end)
    if piece.end - piece.start > wire.PIECE_BYTES and wire.too_many_fields(
        body[cut], trace_pb2.ScopeSpans.DESCRIPTOR
    ):
        part.rejections.add(f"the span has more than {wire.MAX_FIELDS} fields")
        return
    try:
        found = mapped.ScopeSpans.FromString(body[cut]).spans
    except DecodeError:
        _decode_singly(body[cut], resource, part)
        return
    for one in found:
        _keep(one, resource, part)


def _decode_singly(data: bytes, resource: dict[str, object], part: Decoded) -> None:
    """One of the spans cannot be decoded, most likely for a text that is no UTF-8."""
    for record in wire.records_of(data):
        try:
            _keep(message(record, mapped.Span), resource, part)
        except InvalidRequest:
            part.rejections.add(_BROKEN)


def _keep(one: Any, resource: dict[str, object], part: Decoded) -> None:
    try:
        part.spans.append(raw_span(one, resource, set()))
    except Rejected as error:
        part.rejections.add(str(error))
    except InvalidRequest:
        part.rejections.add(_BROKEN)


def _json_slices(body: bytes) -> Iterator[Decoded]:
    part, size = Decoded(), 0
    repairs: set[str] = set()
    for group in plain.groups(body, "resourceSpans", "scopeSpans", "spans"):
        for record in group.records:
            try:
                part.spans.append(plain.raw_span(plain.record(record), group.resource, repairs))
            except Rejected as error:
                repairs.clear()
                part.rejections.add(str(error))
            size += len(memoryview(record))
            if size >= SLICE_BYTES or len(part.spans) >= SLICE_SPANS:
                yield part
                part, size = Decoded(), 0
    yield part
