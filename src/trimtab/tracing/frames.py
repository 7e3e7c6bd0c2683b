"""Frames of the spool: payloads in, checksummed bytes out, and back, past damage.

A frame is a header of 16 bytes and the payload. The header carries a mark, the payload's length and
CRC-32, and its own CRC-32, so that a damaged payload costs one frame and a damaged header costs the
bytes up to the next mark. The mark is not UTF-8: no JSON payload can contain it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple
from zlib import crc32

MARK = b"\xffTF\x01"
_HEADER = struct.Struct("<4sII")
_CHECK = struct.Struct("<I")
HEADER_BYTES = _HEADER.size + _CHECK.size


class Found(NamedTuple):
    """One piece of a segment, up to the byte offset `end`; `payload` is None for damaged bytes."""

    payload: bytes | None
    end: int


def encode(payloads: Iterable[bytes]) -> bytes:
    """The frames of all payloads, one after the other."""
    parts: list[bytes] = []
    for payload in payloads:
        header = _HEADER.pack(MARK, len(payload), crc32(payload))
        parts += (header, _CHECK.pack(crc32(header)), payload)
    return b"".join(parts)


def scan(file: BinaryIO, start: int, end: int) -> Iterator[Found]:
    """All frames between two byte offsets, in order, and the damage between them.

    >>> import io
    >>> data = encode([b"one", b"two"])
    >>> torn = data[:-1]
    >>> [found.payload for found in scan(io.BytesIO(torn), 0, len(torn))]
    [b'one', None]
    """
    offset = start
    while offset < end:
        file.seek(offset)
        while (found := _next(file, offset, end)).payload is not None:
            yield found
            offset = found.end
            if offset >= end:
                return
        offset = found.end
        yield found


def _next(file: BinaryIO, offset: int, end: int) -> Found:
    """The frame at the file's position, or how far the damage there reaches."""
    raw = file.read(min(HEADER_BYTES, end - offset))
    header = _header(raw)
    if header is None:
        return Found(None, _next_mark(file, offset, end))
    length, checksum = header
    after = offset + HEADER_BYTES + length
    if after > end:
        return Found(None, end)
    payload = file.read(length)
    return Found(payload if crc32(payload) == checksum else None, after)


def _header(raw: bytes) -> tuple[int, int] | None:
    """Length and checksum of the payload; None when these bytes are no header."""
    if len(raw) < HEADER_BYTES:
        return None
    mark, length, checksum = _HEADER.unpack_from(raw)
    if mark != MARK or _CHECK.unpack_from(raw, _HEADER.size)[0] != crc32(raw[: _HEADER.size]):
        return None
    return length, checksum


def _next_mark(file: BinaryIO, offset: int, end: int) -> int:
    """Where the next intact header begins after a damaged one, or `end`."""
    file.seek(offset)
    rest = file.read(end - offset)
    at = rest.find(MARK, 1)
    while at >= 0:
        if _header(rest[at : at + HEADER_BYTES]) is not None:
            return offset + at
        at = rest.find(MARK, at + 1)
    return end
