"""Packs: the payloads of many spans as lines of JSON, compressed together.

Spans of one request repeat themselves and each other; one Zstandard frame over their lines is some
seven times smaller than the lines, and cheaper to write than rows. A line is found by its place in
the decompressed pack. A value too large for that goes to the blob store and leaves null behind,
with its path and digest at the end of the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from trimtab.kit import jsonx, zstd

INLINE_BYTES = 64 << 10
PACK_BYTES = 1 << 20
LEVEL = 3

Lifted = list[tuple[int, str | int | None, str]]


class Slot(NamedTuple):
    """Where a line is."""

    pack: int
    place: int
    size: int


class Line(NamedTuple):
    """A payload as it is packed, and the digests of what it left to the blob store."""

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
        if len(body := bytes(part)) > INLINE_BYTES:
            parts[slot] = msgspec.Raw(_lift(slot, body, put, lifted))
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


def pack(lines: Iterable[bytes]) -> Iterator[tuple[bytes, list[int]]]:
    """Lines gathered to about PACK_BYTES: the decompressed bytes and the place of each line.

    >>> [(len(raw), places) for raw, places in pack([b"[1]", b"[22]"])]
    [(7, [0, 3])]
    """
    parts: list[bytes] = []
    places: list[int] = []
    size = 0
    for one in lines:
        if size and size + len(one) > PACK_BYTES:
            yield b"".join(parts), places
            parts, places, size = [], [], 0
        parts.append(one)
        places.append(size)
        size += len(one)
    if parts:
        yield b"".join(parts), places


def compress(raw: bytes) -> bytes:
    return zstd.compress(raw, LEVEL)


def decompress(body: bytes) -> bytes:
    return zstd.decompress(body)


def blank(raw: bytes, erased: Iterable[tuple[int, int]]) -> bytes:
    """The pack with these lines (place, size) overwritten; the others stay where they are."""
    changed = bytearray(raw)
    for place, size in erased:
        changed[place : place + size] = bytes(size)
    return bytes(changed)


def _lift(slot: int, body: bytes, put: Callable[[bytes], str], lifted: Lifted) -> bytes:
    """The JSON that stays of a large value: its small entries, or null."""
    is_list = body.startswith(b"[")
    entries: dict[Any, msgspec.Raw] = {}
    if is_list:
        entries = dict(enumerate(msgspec.json.decode(body, type=list[msgspec.Raw])))
    elif body.startswith(b"{"):
        entries = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    large = [key for key, raw in entries.items() if len(bytes(raw)) > INLINE_BYTES]
    if not large and not (entries and len(body) <= PACK_BYTES):
        lifted.append((slot, None, put(body)))
        return b"null"
    for key in large:
        lifted.append((slot, key, put(bytes(entries[key]))))
        entries[key] = msgspec.Raw(b"null")
    return jsonx.encode(list(entries.values()) if is_list else entries)
