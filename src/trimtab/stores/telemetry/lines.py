"""Payload lines: the values of PAYLOAD_FIELDS as one JSON list.

A value too large for that goes to the blob store and leaves null behind, with its path and digest
at the end of the line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from trimtab.kit import jsonx

INLINE_BYTES = 64 << 10
WHOLE_BYTES = 1 << 20  # larger values are not looked into: they go whole

Lifted = list[tuple[int, str | int | None, str]]


class Line(NamedTuple):
    """A payload as it is stored, and the digests of what it left to the blob store."""

    body: bytes
    digests: tuple[str, ...] = ()


def line(payload: bytes, put: Callable[[bytes], str]) -> Line:
    """The line of a JSON list of values; `put` stores a large one and returns its digest.

    >>> line(b'["a",1]', put=lambda body: "never").body
    b'["a",1]'
    """
    if len(payload) <= INLINE_BYTES:
        return Line(payload)
    parts = msgspec.json.decode(payload, type=list[msgspec.Raw])
    lifted: Lifted = []
    for slot, part in enumerate(parts):
        if _size(part) > INLINE_BYTES:
            parts[slot] = msgspec.Raw(_lift(slot, part, put, lifted))
    digests = tuple(digest for _, _, digest in lifted)
    return Line(jsonx.encode([*parts, lifted]), digests)


def read(body: bytes, get: Callable[[str], bytes], *, fields: int) -> list[Any]:
    """The values of a line of so many fields; `get` fetches a value by its digest."""
    values: list[Any] = msgspec.json.decode(body)
    if len(values) > fields:
        for slot, key, digest in values.pop():
            value = msgspec.json.decode(get(digest))
            if key is None:
                values[slot] = value
            else:
                values[slot][key] = value
    return values


def _lift(slot: int, raw: msgspec.Raw, put: Callable[[bytes], str], lifted: Lifted) -> bytes:
    """The JSON that stays of a large value: its small entries, or null."""
    first = bytes(memoryview(raw)[:1])
    entries: dict[Any, msgspec.Raw] = {}
    if first == b"[":
        entries = dict(enumerate(msgspec.json.decode(raw, type=list[msgspec.Raw])))
    elif first == b"{":
        entries = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    large = [key for key, entry in entries.items() if _size(entry) > INLINE_BYTES]
    if not large and not (entries and _size(raw) <= WHOLE_BYTES):
        lifted.append((slot, None, put(bytes(raw))))
        return b"null"
    for key in large:
        lifted.append((slot, key, put(bytes(entries[key]))))
        entries[key] = msgspec.Raw(b"null")
    return jsonx.encode(list(entries.values()) if first == b"[" else entries)


def _size(raw: msgspec.Raw) -> int:
    """Its bytes, counted where they lie: a copy of many megabytes would only be looked at."""
    return len(memoryview(raw))
