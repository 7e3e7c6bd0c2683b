"""The frame of an export in protobuf, read without decoding what is inside.

An export of spans, of logs and of metrics has one frame: entities of a resource (field 1), each
with its resource (1) and the records of a scope (2), each with its scope (1) and records (2). A run
of records within one scope is itself a valid message of that scope, so an export is decoded in
pieces: memory is bounded by the piece, and a broken record takes no other with it.
Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from trimtab.dialects.otlp.outcome import MAX_RECORDS, malformed, too_many_records
from trimtab.dialects.otlp.repair import marked

PIECE_BYTES = 256 * 1024
PIECE_RECORDS = 128
# Two bytes of the wire can become some hundred in memory; a record of more fields is no record.
MAX_FIELDS = 200_000
_WHAT = "an OTLP export in protobuf"
_RECORDS = 0x12  # field 2, length-delimited
_MAX_DEPTH = 100


class Piece(NamedTuple):
    """Records of one scope: `body[start:end]`, and the messages of their resource and scope."""

    resource: bytes
    scope: bytes
    start: int
    end: int
    records: int


def pieces(body: bytes) -> list[Piece]:
    """The pieces of an export in order.

    Raises:
        InvalidRequest: it is not an export, or was cut off.
        TooLarge: more than `MAX_RECORDS` records.
    """
    found: list[Piece] = []
    total = 0
    for entity_start, entity_end in _members(body, 0, len(body), 1):
        resource = _joined(body, _members(body, entity_start, entity_end, 1))
        for scope_start, scope_end in _members(body, entity_start, entity_end, 2):
            scope, runs = _scope(body, scope_start, scope_end)
            found += [Piece(resource, scope, *run) for run in runs]
            total += sum(records for _, _, records in runs) + 1
        total += 1
        if total > MAX_RECORDS:
            raise too_many_records()
    return found


def records_of(data: bytes) -> Iterator[bytes]:
    """The records of a piece, one by one."""
    for start, end in _members(data, 0, len(data), 2):
        yield data[start:end]


def too_many_fields(data: bytes, descriptor: Any) -> bool:
    """Whether a message has more than `MAX_FIELDS` fields, those of its messages included."""
    left = [MAX_FIELDS]
    # A view, for what lies within what within what would each be a copy.
    _count(memoryview(data), descriptor, left, 0)
    return left[0] <= 0


def repaired(data: bytes, descriptor: Any, depth: int = 0) -> bytes:
    """A message with a mark in every text for what is not UTF-8, otherwise the same.

    Raises:
        InvalidRequest: it is not a message.
    """
    out = bytearray()
    for number, kind, start, end, first in _fields(data, 0, len(data)):
        field = descriptor.fields_by_number.get(number) if kind == 2 else None
        inner = field.message_type if field is not None else None
        if field is None or not (inner or field.type == field.TYPE_STRING):
            out += data[first:end]
            continue
        if depth > _MAX_DEPTH:
            raise malformed(_WHAT, "it is nested too deep")
        value = data[start:end]
        value = repaired(value, inner, depth + 1) if inner else marked(value)
        out += varint(number << 3 | 2) + varint(len(value)) + value
    return bytes(out)


def varint(value: int) -> bytes:
    """An unsigned integer as protobuf writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _count(data: memoryview, descriptor: Any, left: list[int], depth: int) -> None:
    for number, kind, start, end, _ in _fields(data, 0, len(data)):
        left[0] -= 1
        if left[0] <= 0 or depth > _MAX_DEPTH:
            return
        field = descriptor.fields_by_number.get(number) if kind == 2 else None
        if field is not None and field.message_type:
            _count(data[start:end], field.message_type, left, depth + 1)


def _scope(body: bytes, at: int, stop: int) -> tuple[bytes, list[tuple[int, int, int]]]:
    """The message of a scope, and its records as runs: start, end, how many."""
    runs: list[tuple[int, int, int]] = []
    others: list[tuple[int, int]] = []
    while at < stop:
        run = _run(body, at, stop)
        if run[2]:
            runs.append(run)
            at = run[1]
            continue
        number, kind, start, at, _ = next(_fields(body, at, stop))
        if number == 2 or (number == 1 and kind != 2):
            raise malformed(_WHAT, f"byte {start} begins no message")
        if number == 1:
            others.append((start, at))
    return _joined(body, others), runs


def _run(body: bytes, at: int, stop: int) -> tuple[int, int, int]:
    """Records that follow each other, up to the size of a piece; a large one is alone."""
    start, count = at, 0
    while at < stop and body[at] == _RECORDS and count < PIECE_RECORDS:
        size = body[at + 1] if at + 1 < stop else 0x80
        if size < 0x80:
            end = at + 2 + size
        else:
            size, end = _varint(body, at + 1, stop)
            end += size
        if end > stop:
            raise malformed(_WHAT, f"it ends within a record, at byte {at}")
        if end - start > PIECE_BYTES and count:
            break
        at = end
        count += 1
    return start, at, count


def _joined(body: bytes, parts: Iterable[tuple[int, int]]) -> bytes:
    """One message of its parts, which follow each other on the wire as one would be."""
    return b"".join(body[start:end] for start, end in parts)


def _members(body: bytes, start: int, stop: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Where the messages of one field lie."""
    for number, kind, first, last, _ in _fields(body, start, stop):
        if number == wanted:
            if kind != 2:
                raise malformed(_WHAT, f"field {number} is no message, at byte {first}")
            yield first, last


def _fields(
    body: bytes | memoryview, at: int, stop: int
) -> Iterator[tuple[int, int, int, int, int]]:
    """Every field as (number, wire type, start and end of its value, start of the field)."""
    while at < stop:
        first = at
        tag, at = _varint(body, at, stop)
        kind, start = tag & 7, at
        if kind == 0:
            _, at = _varint(body, at, stop)
        elif kind == 2:
            size, start = _varint(body, at, stop)
            at = start + size
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise malformed(_WHAT, f"byte {first} begins no field")
        if at > stop or tag < 8:
            raise malformed(_WHAT, f"it is cut off or broken at byte {first}")
        yield tag >> 3, kind, start, at, first


def _varint(body: bytes | memoryview, at: int, stop: int) -> tuple[int, int]:
    value = shift = 0
    while at < stop and shift < 70:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise malformed(_WHAT, f"it is cut off or broken at byte {at}")
