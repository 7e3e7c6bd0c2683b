"""Exports of logs: those that tell what a model call said become events of its span.

Instrumentations write messages as logs named `gen_ai.*` that point at a span; the attributes of
such an event are those of the log, with the members of its body, or the whole body as `body`. Other
logs are taken and let go: this is no store of logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs

from trimtab.dialects.otlp import plain, wire
from trimtab.dialects.otlp.messages import message
from trimtab.dialects.otlp.outcome import Encoding, Rejected, Rejections
from trimtab.dialects.otlp.plain_values import value_of as plain_value
from trimtab.dialects.otlp.plain_values import whole
from trimtab.dialects.otlp.repair import MAX_NS, flag, storable
from trimtab.dialects.otlp.values import attributes_of, value_of
from trimtab.errors import InvalidRequest
from trimtab.records.patch import SpanPatch

_SLICE_PATCHES = 2048
_PREFIX = "gen_ai."


class DecodedLogs:
    """Events for spans, how many logs there were in all, and what was left out."""

    def __init__(self) -> None:
        self.patches: list[SpanPatch] = []
        self.records = 0
        self.rejections = Rejections()

    @property
    def rejected(self) -> int:
        """How many logs were left out that should have become events."""
        return self.rejections.count

    @property
    def reason(self) -> str:
        """Why, with counts; empty when none was."""
        return self.rejections.reason


def decode_logs(body: bytes, encoding: Encoding) -> DecodedLogs:
    """All events of an export at once.

    Raises:
        InvalidRequest: it is not an export, or was cut off.
        TooLarge: more records than one request may have.
    """
    whole_export = DecodedLogs()
    for part in log_slices(body, encoding):
        whole_export.patches += part.patches
        whole_export.records += part.records
        whole_export.rejections.merge(part.rejections)
    return whole_export


def log_slices(body: bytes, encoding: Encoding) -> Iterator[DecodedLogs]:
    """The same in slices; what is wrong with the whole is raised before the first."""
    part = DecodedLogs()
    for patch in _json(body, part) if encoding == "json" else _protobuf(body, part):
        part.patches.append(patch)
        if len(part.patches) >= _SLICE_PATCHES:
            yield part
            # What reads the body goes on counting into the same object.
            part.patches, part.records, part.rejections = [], 0, Rejections()
    yield part


def _protobuf(body: bytes, part: DecodedLogs) -> Iterator[SpanPatch]:
    repairs: set[str] = set()
    for piece in wire.pieces(body):
        part.records += piece.records
        for log in _logs(body[piece.start : piece.end], part):
            try:
                patch = _patch(log, repairs)
            except Rejected as error:
                part.rejections.add(str(error))
            else:
                if patch is not None:
                    yield patch
            repairs.clear()


def _logs(data: bytes, part: DecodedLogs) -> Iterator[LogRecord]:
    if len(data) > wire.PIECE_BYTES and wire.too_many_fields(data, ScopeLogs.DESCRIPTOR):
        part.rejections.add(f"the log has more than {wire.MAX_FIELDS} fields")
        return
    try:
        yield from ScopeLogs.FromString(data).log_records
        return
    except DecodeError:
        pass
    for record in wire.records_of(data):
        try:
            yield message(record, LogRecord)
        except InvalidRequest:
            part.rejections.add("the log is broken, or nested too deep")


def _patch(log: LogRecord, repairs: set[str]) -> SpanPatch | None:
    attributes = attributes_of(log.attributes, repairs)
    name = storable(log.event_name, repairs) or attributes.get("event.name")
    if not (isinstance(name, str) and name.startswith(_PREFIX)):
        return None
    return _event_patch(
        name=name,
        trace_id=log.trace_id.hex(),
        span_id=log.span_id.hex(),
        time_ns=log.time_unix_nano or log.observed_time_unix_nano,
        attributes=attributes,
        body=value_of(log.body, repairs),
        repairs=repairs,
    )


def _json(body: bytes, part: DecodedLogs) -> Iterator[SpanPatch]:
    repairs: set[str] = set()
    for group in plain.groups(body, "resourceLogs", "scopeLogs", "logRecords"):
        for raw in group.records:
            part.records += 1
            try:
                patch = _plain_patch(plain.record(raw), repairs)
            except Rejected as error:
                part.rejections.add(str(error))
            else:
                if patch is not None:
                    yield patch
            repairs.clear()


def _plain_patch(log: plain.Members, repairs: set[str]) -> SpanPatch | None:
    found = plain.event(log, repairs)
    attributes = found["attributes"]
    name = plain.member(log, "eventName") or attributes.get("event.name")
    if not (isinstance(name, str) and name.startswith(_PREFIX)):
        return None
    return _event_patch(
        name=storable(name, repairs),
        trace_id=plain.hex_of(plain.member(log, "traceId")),
        span_id=plain.hex_of(plain.member(log, "spanId")),
        time_ns=found["time_ns"] or whole(plain.member(log, "observedTimeUnixNano")),
        attributes=attributes,
        body=plain_value(plain.member(log, "body"), repairs),
        repairs=repairs,
    )


def _event_patch(
    *,
    name: str,
    trace_id: str,
    span_id: str,
    time_ns: int,
    attributes: dict[str, Any],
    body: Any,
    repairs: set[str],
) -> SpanPatch:
    """The event of a span. Raises Rejected when it points at none."""
    if (
        len(trace_id) != 32
        or len(span_id) != 16
        or not trace_id.strip("0")
        or not span_id.strip("0")
    ):
        raise Rejected(f"a {_PREFIX}* log names no span")
    if isinstance(body, dict):
        attributes = {**body, **attributes}
    elif body is not None:
        attributes["body"] = body
    if repairs:
        flag(attributes, repairs)
    event = {"name": name, "time_ns": min(time_ns, MAX_NS), "attributes": attributes}
    return SpanPatch(trace_id=trace_id, span_id=span_id, fields={"events": [event]})
