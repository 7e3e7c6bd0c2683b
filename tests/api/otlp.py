"""OTLP exports for tests, how they are sent, and what is kept of them."""

from __future__ import annotations

import base64
import os
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Wire
from tests.serving import Reply, Served

from trimtab.records import Span

PROTOBUF = "application/x-protobuf"
NOW_NS = 1_780_000_000_000_000_000
PREFIXES = ("", "/otel", "/api/public/otel", "/api/v1/private/otel", "/api/otlp")


def a_span(name: str = "chat", **fields: Any) -> Wire:
    """A valid span with ids of its own."""
    given = {
        "trace_id": os.urandom(16),
        "span_id": os.urandom(8),
        "name": name,
        "start_time_unix_nano": NOW_NS,
        "end_time_unix_nano": NOW_NS + 1_000_000,
    }
    return Wire(**{**given, **fields})


def with_attribute(span: Wire, key: str, **value: Any) -> Wire:
    entry = span.attributes.add(key=key)
    for kind, given in value.items():
        setattr(entry.value, kind, given)
    return span


def an_export(*spans: Wire, service: str = "shop") -> bytes:
    request = ExportTraceServiceRequest()
    entity = request.resource_spans.add()
    entity.resource.attributes.add(key="service.name").value.string_value = service
    scope = entity.scope_spans.add()
    scope.scope.name = "tests"
    scope.spans.extend(spans)
    return bytes(request.SerializeToString())


def as_json(body: bytes, *, snake: bool = False) -> dict[str, Any]:
    """An export in OTLP's JSON: that of protobuf, with ids in hex."""
    request = ExportTraceServiceRequest.FromString(body)
    message: dict[str, Any] = json_format.MessageToDict(request, preserving_proto_field_name=snake)
    for entity in message.get("resource_spans" if snake else "resourceSpans", []):
        for scope in entity.get("scope_spans" if snake else "scopeSpans", []):
            for span in scope.get("spans", []):
                _hex_ids(span)
                for link in span.get("links", []):
                    _hex_ids(link)
    return message


def _hex_ids(message: dict[str, Any]) -> None:
    for name in ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"):
        if name in message:
            message[name] = base64.b64decode(message[name]).hex()


def post(server: Served, body: bytes, *, path: str = "/v1/traces", **headers: str | None) -> Reply:
    """Send an export in protobuf; a header of None is left out."""
    given = {"content_type": PROTOBUF, **headers}
    sent = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
    return server.ask("POST", path, body, sent)


def rejected(reply: Reply) -> tuple[int, str]:
    """What a reply in protobuf says was left out."""
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == PROTOBUF
    part = ExportTraceServiceResponse.FromString(reply.body).partial_success
    return part.rejected_spans, part.error_message


def stored(server: Served, span: Wire, project: str = "default") -> Span | None:
    """What is kept of a span; None when nothing is."""
    return server.app.telemetry.span(project, span.trace_id.hex(), span.span_id.hex())
