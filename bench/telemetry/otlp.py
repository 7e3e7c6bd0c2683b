"""OTLP trace requests as bytes (opentelemetry-proto, trace/v1/trace.proto); pure.

Written out so that the load needs no library and is made faster than a server takes it in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Value = str | bool | int | float | list[str]

INTERNAL, CLIENT = 1, 3
OK, ERROR = 1, 2
SAMPLED = b"\x85\x01" + struct.pack(
    "<I", 0x101
)  # field 16, fixed32: sampled, parent is known local


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    trace_id: bytes
    span_id: bytes
    parent_id: bytes = b""
    name: str
    kind: int = INTERNAL
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Value]
    error: str = ""


def request(resource: Mapping[str, Value], scopes: Mapping[str, Iterable[Span]]) -> bytes:
    """An ExportTraceServiceRequest: one resource, the spans of each scope (by `name@version`)."""
    body = [field(1, attributes(1, resource))]
    for scope, spans in scopes.items():
        name, _, version = scope.partition("@")
        head = field(1, field(1, name.encode()) + field(2, version.encode()))
        body.append(field(2, head + b"".join(field(2, encode(span)) for span in spans)))
    return field(1, b"".join(body))


def encode(span: Span) -> bytes:
    parts = [field(1, span.trace_id), field(2, span.span_id)]
    if span.parent_id:
        parts.append(field(4, span.parent_id))
    parts += [field(5, span.name.encode()), b"\x30" + varint(span.kind)]
    parts.append(struct.pack("<BQBQ", 0x39, span.start_ns, 0x41, span.end_ns))
    parts.append(attributes(9, span.attributes))
    if span.error:
        parts.append(field(11, exception(span)))
    status = field(2, span.error.encode()) + b"\x18\x02" if span.error else b"\x18\x01"
    parts += [field(15, status), SAMPLED]
    return b"".join(parts)


def exception(span: Span) -> bytes:
    """The event that the OpenTelemetry SDK records for an exception."""
    found = {"exception.type": "TimeoutError", "exception.message": span.error}
    when = struct.pack("<BQ", 0x09, span.end_ns)
    return when + field(2, b"exception") + attributes(3, found)


def attributes(number: int, values: Mapping[str, Value]) -> bytes:
    return b"".join(
        field(number, field(1, key.encode()) + field(2, any_value(value)))
        for key, value in values.items()
    )


def any_value(value: Value) -> bytes:
    if isinstance(value, str):
        return field(1, value.encode())
    if isinstance(value, bool):
        return b"\x10" + varint(value)
    if isinstance(value, int):
        return b"\x18" + varint(value)
    if isinstance(value, float):
        return b"\x21" + struct.pack("<d", value)
    return field(5, b"".join(field(1, any_value(item)) for item in value))


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(value: int) -> bytes:
    """An unsigned number below 2**64, seven bits a byte."""
    if value < 128:
        return bytes((value,))
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
