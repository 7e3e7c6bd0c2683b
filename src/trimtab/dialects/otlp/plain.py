"""OTLP in JSON: plain values to spans. Ids are hex; names of fields come in camel or snake case.

The export is read from the outside in, its records last and one by one, so that a record with a
wrong value is left out alone. Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, TypeVar

import msgspec

from trimtab.dialects.otlp.outcome import MAX_RECORDS, Rejected, malformed, too_many_records
from trimtab.dialects.otlp.plain_values import attributes_of, text_of, whole
from trimtab.dialects.otlp.repair import (
    MAX_NS,
    SALVAGED_BYTES,
    flag,
    marked_json,
    parent,
    storable_times,
)
from trimtab.errors import TooLarge
from trimtab.records.otel import RawSpan

T = TypeVar("T")
Members = dict[str, Any]
Fields = dict[str, msgspec.Raw]

# The smallest attribute has two objects in 40 bytes: more than this is no export.
MAX_OBJECTS = 4_000_000
_WHAT = "an OTLP export in JSON"
_HEX = re.compile(r"[0-9a-fA-F]*")
_FIELDS = msgspec.json.Decoder(Fields)
_ENTITIES = msgspec.json.Decoder(list[Fields] | None)
_RECORDS = msgspec.json.Decoder(list[msgspec.Raw] | None)
_MEMBERS = msgspec.json.Decoder(Members | None)
_RECORD = msgspec.json.Decoder(Members)
_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_CODES = ("UNSET", "OK", "ERROR")


class Group(NamedTuple):
    """The undecoded records of one scope, with what they share."""

    resource: Members
    records: list[msgspec.Raw]


def groups(body: bytes, entities: str, scopes: str, records: str) -> Iterator[Group]:
    """The scopes of an export, named by the fields that lead to its records.

    Raises:
        InvalidRequest: not JSON, or not of the shape of an export.
        TooLarge: more objects than one request may have.
    """
    if body.count(b"{") > MAX_OBJECTS:
        raise TooLarge(
            f"the export has more than {MAX_OBJECTS} objects", fix="send it in several requests"
        )
    outer = _outer(body)
    found = []
    for entity in _list(outer, entities):
        resource, repairs = _of(entity, "resource"), set[str]()
        shared = _attributes(resource, repairs)
        for part in _list(entity, scopes):
            scope = _scope(shared, _of(part, "scope"), set(repairs))
            found.append(Group(scope, _records(part, records)))
    if sum(len(group.records) for group in found) > MAX_RECORDS:
        raise too_many_records()
    # All of the frame is read before the first record is given.
    yield from found


def record(raw: msgspec.Raw) -> Members:
    """One record decoded. Raises Rejected."""
    try:
        return _RECORD.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return _RECORD.decode(marked_json(bytes(raw)))
    except (msgspec.DecodeError, RecursionError):
        raise Rejected("it is no object of JSON values, or nested too deep") from None


def raw_span(members: Members, resource: Members, repairs: set[str]) -> RawSpan:
    """One span.

    Raises:
        Rejected: it has no identity, a value of a wrong type, or a time that cannot be stored.
    """
    span_id = identity(members, "spanId", 8)
    start_ns, end_ns = storable_times(
        whole(member(members, "startTimeUnixNano")),
        whole(member(members, "endTimeUnixNano")),
        repairs,
    )
    status = member(members, "status") or {}
    if not isinstance(status, dict):
        raise Rejected("status is no object")
    attributes = attributes_of(member(members, "attributes"), repairs)
    for name, kept in _COUNTS.items():
        if count := whole(member(members, name)):
            attributes[kept] = count
    span = RawSpan(
        trace_id=identity(members, "traceId", 16),
        span_id=span_id,
        parent_id=parent(hex_of(member(members, "parentSpanId")), span_id, repairs),
        name=_text(members, "name", repairs),
        kind=_enum(member(members, "kind"), "SPAN_KIND_", _KINDS),
        start_ns=start_ns,
        end_ns=end_ns,
        status_code=_enum(member(status, "code"), "STATUS_CODE_", _CODES),
        status_message=_text(status, "message", repairs),
        trace_state=_text(members, "traceState", repairs),
        attributes=attributes,
        events=tuple([event(one, repairs) for one in objects(members, "events")]),
        links=tuple([_link(one, repairs) for one in objects(members, "links")]),
        resource=resource,
    )
    if repairs:
        flag(attributes, repairs)
    return span


def event(members: Members, repairs: set[str]) -> Members:
    """An event of a span. Raises Rejected."""
    return {
        "name": _text(members, "name", repairs),
        "time_ns": min(whole(member(members, "timeUnixNano")), MAX_NS),
        "attributes": _counted(members, repairs),
    }


def identity(members: Members, name: str, size: int) -> str:
    """An id that is needed, in lower case. Raises Rejected."""
    found = hex_of(member(members, name))
    if len(found) != 2 * size or not found.strip("0"):
        raise Rejected(f"{_snake(name)} is not {size} bytes, or all zero")
    return found


def hex_of(value: Any) -> str:
    """The digits of an id in lower case; empty for what is none."""
    if isinstance(value, str) and _HEX.fullmatch(value):
        return value.lower()
    return "" if value is None else "?"


def member(members: Members, name: str) -> Any:
    """A field by its name in camel case, or else in snake case; None when it is not there."""
    found = members.get(name)
    return members.get(_snake(name)) if found is None else found


def objects(members: Members, name: str) -> list[Members]:
    """A list of objects. Raises Rejected."""
    found = member(members, name) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Rejected(f"{_snake(name)} is no list of objects")
    return found


_COUNTS = {
    "flags": "otel.trace_flags",
    "droppedAttributesCount": "otel.dropped_attributes_count",
    "droppedEventsCount": "otel.dropped_events_count",
    "droppedLinksCount": "otel.dropped_links_count",
}


def _link(members: Members, repairs: set[str]) -> Members:
    return {
        "trace_id": hex_of(member(members, "traceId")),
        "span_id": hex_of(member(members, "spanId")),
        "attributes": _counted(members, repairs),
    }


def _counted(members: Members, repairs: set[str]) -> Members:
    attributes = attributes_of(member(members, "attributes"), repairs)
    if count := whole(member(members, "droppedAttributesCount")):
        attributes["otel.dropped_attributes_count"] = count
    return attributes


def _text(members: Members, name: str, repairs: set[str]) -> str:
    found = member(members, name)
    return "" if found is None else text_of(found, repairs)


def _enum(value: Any, prefix: str, names: tuple[str, ...]) -> int:
    """An enumeration by number or by name."""
    if isinstance(value, str) and value.removeprefix(prefix) in names:
        return names.index(value.removeprefix(prefix))
    return whole(value)


@cache
def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name)


def _scope(shared: Members, scope: Members, repairs: set[str]) -> Members:
    """The attributes of a resource with what is known of the scope."""
    found = dict(shared)
    try:
        for name in ("name", "version"):
            if text := _text(scope, name, repairs):
                found[f"otel.scope.{name}"] = text
    except Rejected as error:
        raise malformed(_WHAT, f"scope: {error}") from None
    if attributes := _attributes(scope, repairs):
        found["otel.scope.attributes"] = attributes
    if repairs:
        flag(found, repairs)
    return found


def _attributes(members: Members, repairs: set[str]) -> Members:
    try:
        return attributes_of(member(members, "attributes"), repairs)
    except Rejected as error:
        raise malformed(_WHAT, f"of a resource or scope, {error}") from None


def _outer(body: bytes) -> Fields:
    return _read(body, _FIELDS) if body.strip() else {}


def _list(members: Fields, name: str) -> list[Fields]:
    raw = member(members, name)
    return [] if raw is None else _read(raw, _ENTITIES, name) or []


def _records(members: Fields, name: str) -> list[msgspec.Raw]:
    raw = member(members, name)
    return [] if raw is None else _read(raw, _RECORDS, name) or []


def _of(members: Fields, name: str) -> Members:
    raw = member(members, name)
    return {} if raw is None else _read(raw, _MEMBERS, name) or {}


def _read(data: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[T], name: str = "") -> T:
    """The frame or a named part, repaired where only texts are broken. Raises InvalidRequest."""
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = malformed(_WHAT, f"{name}: {error}" if name else str(error))
    if len(memoryview(data)) > SALVAGED_BYTES:
        raise problem
    try:
        return decoder.decode(marked_json(bytes(data)))
    except (msgspec.DecodeError, RecursionError):
        raise problem from None
