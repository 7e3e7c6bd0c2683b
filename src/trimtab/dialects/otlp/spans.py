"""Spans in protobuf: one message to one `RawSpan`. The hot path of ingest."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from trimtab.dialects.otlp.outcome import Rejected
from trimtab.dialects.otlp.repair import MAX_NS, flag, parent, storable, storable_times
from trimtab.dialects.otlp.values import attributes_in, attributes_of
from trimtab.records.otel import RawSpan

_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)


def resource_of(resource: Resource, scope: InstrumentationScope) -> dict[str, Any]:
    """The attributes that the spans of one scope share."""
    repairs: set[str] = set()
    found = attributes_of(resource.attributes, repairs)
    if scope.name:
        found["otel.scope.name"] = storable(scope.name, repairs)
    if scope.version:
        found["otel.scope.version"] = storable(scope.version, repairs)
    if scope.attributes:
        found["otel.scope.attributes"] = attributes_of(scope.attributes, repairs)
    if repairs:
        flag(found, repairs)
    return found


def raw_span(wire: Any, resource: dict[str, Any], repairs: set[str]) -> RawSpan:
    """One span.

    Args:
        wire: a `mapped.Span`.
        repairs: an empty set to work with; empty again when the span is made.
    Raises:
        Rejected: it has no identity, or a time that cannot be stored.
        InvalidRequest: an attribute is broken.
    """
    trace_id, span_id = wire.trace_id, wire.span_id
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        raise Rejected("trace_id is not 16 bytes, or all zero")
    if len(span_id) != 8 or span_id == _NO_SPAN:
        raise Rejected("span_id is not 8 bytes, or all zero")
    start_ns, end_ns = wire.start_time_unix_nano, wire.end_time_unix_nano
    if not 0 < start_ns <= end_ns <= MAX_NS:
        start_ns, end_ns = storable_times(start_ns, end_ns, repairs)
    hex_id, parent_id = span_id.hex(), wire.parent_span_id
    status = wire.status
    name, message, state = wire.name, status.message, wire.trace_state
    if "\0" in name or "\0" in message or "\0" in state:
        name, message, state = (storable(text, repairs) for text in (name, message, state))
    attributes = attributes_in(wire.attributes, repairs)
    if flags := wire.flags:
        attributes["otel.trace_flags"] = flags
    events, links = wire.events, wire.links
    span = RawSpan(
        trace_id=trace_id.hex(),
        span_id=hex_id,
        parent_id=parent(parent_id.hex(), hex_id, repairs) if parent_id else None,
        name=name,
        kind=wire.kind,
        start_ns=start_ns,
        end_ns=end_ns,
        status_code=status.code,
        status_message=message,
        trace_state=state,
        attributes=attributes,
        events=tuple([_event(event, repairs) for event in events]) if events else (),
        links=tuple([_link(link, repairs) for link in links]) if links else (),
        resource=resource,
    )
    _note_dropped(wire, attributes)
    if repairs:
        flag(attributes, repairs)
    return span


def _note_dropped(wire: Any, attributes: dict[str, Any]) -> None:
    """Say what the application left out itself, which OpenTelemetry counts."""
    if count := wire.dropped_attributes_count:
        attributes["otel.dropped_attributes_count"] = count
    if count := wire.dropped_events_count:
        attributes["otel.dropped_events_count"] = count
    if count := wire.dropped_links_count:
        attributes["otel.dropped_links_count"] = count


def _event(event: Any, repairs: set[str]) -> dict[str, Any]:
    attributes = attributes_in(event.attributes, repairs)
    if event.dropped_attributes_count:
        attributes["otel.dropped_attributes_count"] = event.dropped_attributes_count
    return {
        "name": storable(event.name, repairs),
        "time_ns": min(event.time_unix_nano, MAX_NS),
        "attributes": attributes,
    }


def _link(link: Any, repairs: set[str]) -> dict[str, Any]:
    attributes = attributes_in(link.attributes, repairs)
    if link.dropped_attributes_count:
        attributes["otel.dropped_attributes_count"] = link.dropped_attributes_count
    return {
        "trace_id": link.trace_id.hex(),
        "span_id": link.span_id.hex(),
        "attributes": attributes,
    }
