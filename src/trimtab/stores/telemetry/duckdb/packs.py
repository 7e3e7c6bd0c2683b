"""Packs: the payloads of many spans as lines of JSON, compressed together.

Spans of one request repeat themselves and each other; one Zstandard frame over their lines is some
seven times smaller than the lines, and cheaper to write than rows. A line is found by its place in
the decompressed pack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from trimtab.errors import StoreError
from trimtab.kit import zstd
from trimtab.stores.telemetry.lines import Line, line, read

__all__ = ["PACK_BYTES", "Line", "Slot", "blank", "compress", "decompress", "line", "pack", "read"]

PACK_BYTES = 1 << 20
LEVEL = 3
# With a checksum: without, a flipped bit may come out as another text.
_OPTIONS: dict[int, int] = {
    zstd.CompressionParameter.compression_level: LEVEL,
    zstd.CompressionParameter.checksum_flag: 1,
}


class Slot(NamedTuple):
    """Where a line is."""

    pack: int
    place: int
    size: int


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
    return zstd.compress(raw, options=_OPTIONS)


def decompress(body: bytes) -> bytes:
    """Raises StoreError when the pack is damaged."""
    try:
        return zstd.decompress(body)
    except zstd.ZstdError as error:
        raise StoreError(
            f"a pack of payloads is damaged: {error}",
            fix="restore the telemetry store from a backup",
        ) from error


def blank(raw: bytes, erased: Iterable[tuple[int, int]]) -> bytes:
    """The pack with these lines (place, size) overwritten; the others stay where they are."""
    changed = bytearray(raw)
    for place, size in erased:
        changed[place : place + size] = bytes(size)
    return bytes(changed)
